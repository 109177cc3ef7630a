"""The template as CloudFormation deploys it: SAM resources translated, conditions decided.

Resources of a nested stack are merged in, with the references that its parent passes. So a rule
sees an alarm of the nested stack and the function that it watches in one template.
"""

import logging
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, cast

import boto3

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError
from aiflow_local.stack.intrinsics import REGION, Resolver
from aiflow_local.stack.parameters import parameter_values
from tests.infrastructure.scan.finding import ScanError

type Resources = Mapping[str, Any]
"""The resources of a template, by logical id."""

NESTED = "AWS::CloudFormation::Stack"

# `sam deploy` replaces a folder by the address of its upload.
_UPLOADED = "s3://bucket/key"
_FOLDERS = {
    "AWS::Serverless::Function": "CodeUri",
    "AWS::Serverless::LayerVersion": "ContentUri",
}
_NO_VALUE: JsonObject = {"Ref": "AWS::NoValue"}
_PLACEHOLDER = re.compile(r"\$\{(\w+)\}")


@dataclass(frozen=True)
class Expanded:
    """A template with one set of parameters.

    Attributes:
        name: the name of the set.
        resources: the resources that are created, without metadata.
    """

    name: str
    resources: Resources

    def of_type(self, kind: str) -> Resources:
        """Return the properties of all resources of a type."""
        return {
            name: resource.get("Properties", {})
            for name, resource in self.resources.items()
            if resource["Type"] == kind
        }


def source_of(template: Path) -> dict[str, Any]:
    """Read a template, with the long form of its functions.

    Raises:
        ScanError: the file is missing, or is not a template.
    """
    read = import_module("samtranslator.yaml_helper").yaml_parse
    try:
        source: Any = read(template.read_text("utf-8"))
    except Exception as error:
        raise ScanError(f"{template.name} cannot be read: {error}") from error
    match source:
        case {"Resources": {**resources}} if resources:
            return cast("dict[str, Any]", source)
        case _:
            raise ScanError(f"{template.name} has no resources")


def template_files(template: Path) -> Iterator[Path]:
    """Yield a template and the files of its nested stacks.

    Raises:
        ScanError: see `source_of`.
    """
    yield template
    for resource in source_of(template)["Resources"].values():
        if resource["Type"] == NESTED:
            yield from template_files(template.parent / resource["Properties"]["TemplateURL"])


def expand(template: Path, name: str, parameters: Mapping[str, str]) -> Expanded:
    """Expand a template with these parameters.

    Raises:
        ScanError: the template is not valid, or does not take these parameters.
    """
    try:
        return Expanded(name, _resources(template, parameters))
    except TemplateError as error:
        raise ScanError(f"{name}: {error}") from error


def _resources(template: Path, parameters: Mapping[str, str]) -> dict[str, Any]:
    source = source_of(template)
    for resource in source["Resources"].values():
        if resource["Type"] in _FOLDERS:
            resource.setdefault("Properties", {})[_FOLDERS[resource["Type"]]] = _UPLOADED
    values = parameter_values(source.get("Parameters", {}), parameters)
    translated = _translate(source, values)
    settler = _Settler(translated, values)
    resources = {
        name: settler.value({**resource, "Metadata": _NO_VALUE})
        for name, resource in translated["Resources"].items()
        if settler.exists(name)
    }
    stacks = [each["Properties"] for each in resources.values() if each["Type"] == NESTED]
    for stack in stacks:
        nested = _nested(template.parent / stack["TemplateURL"], stack["Parameters"], settler)
        if both := sorted(nested.keys() & resources.keys()):
            raise ScanError(f"{both[0]} is a resource of the stack and of a nested stack")
        resources |= nested
    return resources


def _nested(template: Path, passed: Mapping[str, Any], settler: "_Settler") -> dict[str, Any]:
    values = {name: str(settler.resolved(value)) for name, value in passed.items()}
    resources: dict[str, Any] = _substituted(_resources(template, values), passed)
    return resources


def _substituted(node: JsonValue, passed: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
    """Replace references to the parameters of a nested stack by what its parent passes."""
    match node:
        case {"Ref": str(name)} if name in passed:
            return passed[name]
        case {"Fn::Sub": str(text)}:
            return _substituted({"Fn::Sub": [text, {}]}, passed)
        case {"Fn::Sub": [str(text), {**own}]}:
            used = {name: passed[name] for name in _PLACEHOLDER.findall(text) if name in passed}
            names = {**used, **_substituted(cast("JsonObject", own), passed)}
            return {"Fn::Sub": [text, names] if names else text}
        case dict():
            return {key: _substituted(member, passed) for key, member in node.items()}
        case list():
            return [_substituted(item, passed) for item in node]
        case _:
            return node


def _translate(source: dict[str, Any], values: Mapping[str, JsonValue]) -> dict[str, Any]:
    """Translate SAM resources as CloudFormation does, without requests to AWS."""
    # It warns that no metrics are collected.
    logging.getLogger("samtranslator").setLevel(logging.ERROR)
    translator = import_module("samtranslator.translator.translator").Translator(
        {},
        import_module("samtranslator.parser.parser").Parser(),
        boto_session=boto3.Session(region_name=REGION),
    )
    # CloudFormation passes a list as one comma-separated text.
    given = {
        name: ",".join(map(str, value)) if isinstance(value, list) else value
        for name, value in values.items()
    }
    try:
        translated: dict[str, Any] = translator.translate(source, given)
    except Exception as error:
        raise ScanError(f"SAM does not translate the template: {error}") from error
    return translated


class _Settler:
    """Decides conditions and looks up mappings.

    It keeps references: a parameter value in their place would look like a literal.
    """

    def __init__(self, template: JsonObject, values: JsonObject) -> None:
        self._mappings: Any = template.get("Mappings", {})
        conditions: Any = template.get("Conditions", {})
        resources: Any = template["Resources"]
        self._resolver = Resolver(values, conditions, resources)

    def exists(self, resource: str) -> bool:
        """Return whether a resource is created."""
        return self._resolver.exists(resource)

    def resolved(self, node: JsonValue) -> JsonValue:
        """Return the value of `node`, with references resolved, too."""
        return self._resolver.value(node)

    def value(self, node: JsonValue) -> Any:  # noqa: ANN401 - JSON
        """Return `node` without conditions and lookups."""
        match node:
            case {"Fn::If": [condition, *branches]}:
                index = self._resolver.value({"Fn::If": [condition, 0, 1]})
                return self.value(branches[int(str(index))])
            case {"Fn::FindInMap": [name, *keys]}:
                first, second = (str(self._resolver.value(key)) for key in keys)
                return self._mappings[name][first][second]
            case _:
                return self._members(node)

    def _members(self, node: JsonValue) -> Any:  # noqa: ANN401 - JSON
        if isinstance(node, dict):
            kept = {key: member for key, member in node.items() if not self._is_no_value(member)}
            return {key: self.value(member) for key, member in kept.items()}
        if isinstance(node, list):
            return [self.value(item) for item in node if not self._is_no_value(item)]
        return node

    def _is_no_value(self, node: JsonValue) -> bool:
        """Return whether CloudFormation removes this: `AWS::NoValue`, or a condition with it."""
        match node:
            case {"Fn::If": [_, *_]}:
                return bool(self.value(node) == _NO_VALUE)
            case _:
                return node == _NO_VALUE
