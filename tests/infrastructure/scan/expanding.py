"""What CloudFormation would make of the template: SAM's resources spelt out, conditions decided."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

import boto3

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError
from aiflow_local.stack.intrinsics import REGION, Resolver
from aiflow_local.stack.parameters import parameter_values
from tests.infrastructure.scan.finding import CannotLook

type Resources = Mapping[str, Any]
"""The resources of a template, by their logical ids."""

# In place of a folder, which `sam deploy` uploads.
_UPLOADED = "s3://bucket/key"
_FOLDERS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
_NOTHING: JsonObject = {"Ref": "AWS::NoValue"}


@dataclass(frozen=True)
class Expanded:
    """A template as it is with one set of parameters.

    Attributes:
        name: of the set.
        resources: those that are made, without metadata: exemptions are for the gate to judge.
    """

    name: str
    resources: Resources

    def of_type(self, kind: str) -> Resources:
        """The properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }


def source_of(template: Path) -> dict[str, Any]:
    """Read a SAM template, the short forms of its functions spelt out.

    Raises:
        CannotLook: it is not there, or is no template.
    """
    read = import_module("samtranslator.yaml_helper").yaml_parse
    try:
        source: Any = read(template.read_text("utf-8"))
    except Exception as error:
        raise CannotLook(f"{template.name} cannot be read: {error}") from error
    match source:
        case {"Resources": {**resources}} if resources:
            whole: dict[str, Any] = source
            return whole
        case _:
            raise CannotLook(f"{template.name} has no resources")


def expanded(template: Path, name: str, parameters: Mapping[str, str]) -> Expanded:
    """Expand a template with these parameters.

    Raises:
        CannotLook: SAM does not take the template, or the template not these parameters.
    """
    source = source_of(template)
    for resource in source["Resources"].values():
        if resource["Type"] in _FOLDERS:
            resource.setdefault("Properties", {})[_FOLDERS[resource["Type"]]] = _UPLOADED
    try:
        values = parameter_values(source.get("Parameters", {}), parameters)
        made = _translated(source, values)
        settled = _Settling(made, values)
        resources = {
            name: settled.value({**resource, "Metadata": _NOTHING})
            for name, resource in made["Resources"].items()
            if settled.exists(name)
        }
    except TemplateError as error:
        raise CannotLook(f"{name}: {error}") from error
    return Expanded(name, resources)


def _translated(source: dict[str, Any], values: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Let SAM translate, as CloudFormation does, without asking AWS for managed policies."""
    # It complains that nobody asks for its figures.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    translator = import_module("samtranslator.translator.translator").Translator(
        {},
        import_module("samtranslator.parser.parser").Parser(),
        boto_session=boto3.Session(region_name=REGION),
    )
    # A list comes as CloudFormation gets it: as one text.
    given = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in values.items()
    }
    try:
        made: dict[str, Any] = translator.translate(source, given)
    except Exception as error:
        raise CannotLook(f"SAM does not translate the template: {error}") from error
    return made


class _Settling:
    """Decides conditions and looks up mappings.

    References stay: a parameter that is put in would look like a literal.
    """

    def __init__(self, template: JsonObject, values: JsonObject) -> None:
        self._mappings: Any = template.get("Mappings", {})
        conditions: Any = template.get("Conditions", {})
        resources: Any = template["Resources"]
        self._resolver = Resolver(values, conditions, resources)

    def exists(self, resource: str) -> bool:
        """Tell whether a resource is made."""
        return self._resolver.exists(resource)

    def value(self, node: JsonValue) -> Any:  # noqa: ANN401 - JSON
        """Return `node`, settled."""
        match node:
            case {"Fn::If": [condition, *branches]}:
                which = self._resolver.value({"Fn::If": [condition, 0, 1]})
                return self.value(branches[int(str(which))])
            case {"Fn::FindInMap": [name, *keys]}:
                first, second = (str(self._resolver.value(key)) for key in keys)
                return self._mappings[name][first][second]
            case _:
                return self._members(node)

    def _members(self, node: JsonValue) -> Any:  # noqa: ANN401 - JSON
        if isinstance(node, dict):
            kept = {key: member for key, member in node.items() if not self._is_nothing(member)}
            return {key: self.value(member) for key, member in kept.items()}
        if isinstance(node, list):
            return [self.value(item) for item in node if not self._is_nothing(item)]
        return node

    def _is_nothing(self, node: JsonValue) -> bool:
        """Tell whether CloudFormation leaves this out: `AWS::NoValue`, however it comes about."""
        match node:
            case {"Fn::If": [_, *_]}:
                return bool(self.value(node) == _NOTHING)
            case _:
                return node == _NOTHING
