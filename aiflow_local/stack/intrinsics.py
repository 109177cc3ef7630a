"""What CloudFormation's own functions say: as many of them as a gateway needs."""

import re
from collections.abc import Callable, Mapping
from typing import cast

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError

STACK_NAME = "aiflow-local"
REGION = "eu-central-1"
ACCOUNT_ID = "123456789012"

_PSEUDO_PARAMETERS: Mapping[str, str] = {
    "AWS::AccountId": ACCOUNT_ID,
    "AWS::Partition": "aws",
    "AWS::Region": REGION,
    "AWS::StackId": f"arn:aws:cloudformation:{REGION}:{ACCOUNT_ID}:stack/{STACK_NAME}/local",
    "AWS::StackName": STACK_NAME,
    "AWS::URLSuffix": "amazonaws.com",
}
_NO_VALUE = "\0no value"
_PLACEHOLDER = re.compile(r"\$\{(!?)([^}]*)\}")


class Resolver:
    """Replaces references and functions by what they stand for on this machine.

    Args:
        parameters: the value of each parameter of the template.
        conditions: the section `Conditions`.
        resources: the section `Resources`.
    """

    def __init__(
        self,
        parameters: Mapping[str, JsonValue],
        conditions: Mapping[str, JsonValue],
        resources: Mapping[str, JsonValue],
    ) -> None:
        self._parameters = parameters
        self._conditions = conditions
        self._resources = resources
        self._functions: Mapping[str, Callable[[JsonValue], JsonValue]] = {
            "Ref": self._ref,
            "Fn::GetAtt": self._get_att,
            "Fn::If": self._if,
            "Fn::Join": self._join,
            "Fn::Sub": self._sub,
        }
        self._tests: Mapping[str, Callable[[JsonValue], bool]] = {
            "Condition": lambda name: self._condition(str(name)),
            "Fn::Equals": lambda pair: len({str(side) for side in self._items(pair)}) == 1,
            "Fn::Not": lambda one: not all(map(self._test, _list(one))),
            "Fn::And": lambda several: all(map(self._test, _list(several))),
            "Fn::Or": lambda several: any(map(self._test, _list(several))),
        }

    def value(self, node: JsonValue) -> JsonValue:
        """Return `node` with nothing left to resolve in it.

        Raises:
            TemplateError: it names something that is not there, or a function not known here.
        """
        if isinstance(node, list):
            return self._items(node)
        if not isinstance(node, dict):
            return node
        name = next(iter(node), "")
        if len(node) == 1 and (name in self._functions or name.startswith("Fn::")):
            if name not in self._functions:
                raise TemplateError(f"{name} is a function that the local gateway does not know")
            return self._functions[name](node[name])
        members = {key: self.value(member) for key, member in node.items()}
        return {key: member for key, member in members.items() if member != _NO_VALUE}

    def exists(self, resource: str) -> bool:
        """Tell whether a resource is made: it has no condition, or one that is true."""
        properties = self._resources[resource]
        name = properties.get("Condition") if isinstance(properties, dict) else None
        return name is None or self._condition(str(name))

    def _items(self, node: JsonValue) -> list[JsonValue]:
        return [item for item in map(self.value, _list(node)) if item != _NO_VALUE]

    def _ref(self, node: JsonValue) -> JsonValue:
        name = str(node)
        if name == "AWS::NoValue":
            return _NO_VALUE
        if name in self._parameters:
            return self._parameters[name]
        if name in _PSEUDO_PARAMETERS:
            return _PSEUDO_PARAMETERS[name]
        return f"{STACK_NAME}-{self._resource(name)}"

    def _get_att(self, node: JsonValue) -> JsonValue:
        resource, *attribute = node.split(".") if isinstance(node, str) else map(str, _list(node))
        return f"{STACK_NAME}-{self._resource(resource)}.{'.'.join(attribute)}"

    def _resource(self, name: str) -> str:
        if name not in self._resources:
            raise TemplateError(f"{name} is neither a parameter nor a resource of the template")
        if not self.exists(name):
            raise TemplateError(f"{name} does not exist: its condition is false")
        return name

    def _if(self, node: JsonValue) -> JsonValue:
        name, yes, no = _list(node, 3)
        return self.value(yes if self._condition(str(name)) else no)

    def _join(self, node: JsonValue) -> JsonValue:
        separator, parts = _list(node, 2)
        return str(separator).join(str(part) for part in _list(self.value(parts)))

    def _sub(self, node: JsonValue) -> JsonValue:
        text, own = (node, {}) if isinstance(node, str) else _list(node, 2)
        names = cast("JsonObject", self.value(own))

        def replacement(found: re.Match[str]) -> str:
            literal, name = found.groups()
            if literal:
                return f"${{{name}}}"
            if name in names:
                return str(names[name])
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _PLACEHOLDER.sub(replacement, str(text))

    def _condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise TemplateError(f"{name} is not a condition of the template")
        return self._test(self._conditions[name])

    def _test(self, node: JsonValue) -> bool:
        name = next(iter(node), "") if isinstance(node, dict) else ""
        if not isinstance(node, dict) or name not in self._tests:
            raise TemplateError(f"{name or node} is not a condition that the local gateway knows")
        return self._tests[name](node[name])


def _list(node: JsonValue, length: int | None = None) -> list[JsonValue]:
    if not isinstance(node, list) or length not in {None, len(node)}:
        raise TemplateError("a function of the template has arguments that it does not take")
    return node
