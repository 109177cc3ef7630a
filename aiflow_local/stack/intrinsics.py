"""Resolves the CloudFormation intrinsic functions that the emulator supports."""

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
    """Replaces references and intrinsic functions with their local values.

    Args:
        parameters: The values of the template parameters.
        conditions: The section `Conditions`.
        resources: The section `Resources`.
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
        """Resolve all references and functions in `node`.

        Raises:
            TemplateError: A reference is undefined, or a function is not supported.
        """
        if isinstance(node, list):
            return self._items(node)
        if not isinstance(node, dict):
            return node
        name = next(iter(node), "")
        if len(node) == 1 and (name in self._functions or name.startswith("Fn::")):
            if name not in self._functions:
                raise TemplateError(f"the emulator does not support the function {name}")
            return self._functions[name](node[name])
        members = {key: self.value(member) for key, member in node.items()}
        return {key: member for key, member in members.items() if member != _NO_VALUE}

    def exists(self, resource: str) -> bool:
        """Return whether a resource is created: it has no condition, or a true one."""
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
            raise TemplateError(f"the emulator does not support the condition {name or node}")
        return self._tests[name](node[name])


def _list(node: JsonValue, length: int | None = None) -> list[JsonValue]:
    if not isinstance(node, list) or length not in {None, len(node)}:
        raise TemplateError("a function in the template has invalid arguments")
    return node
