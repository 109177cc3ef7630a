"""Read a SAM or CloudFormation template."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]

LOGGED = {
    "$context.requestId",
    "$context.requestTime",
    "$context.routeKey",
    "$context.status",
    "$context.error.message",
    "$context.integrationErrorMessage",
    "$context.integrationLatency",
    "$context.identity.sourceIp",
}
"""The variables in the access logs of both APIs. None of them can contain a header."""

API = "arn:${AWS::Partition}:execute-api:${AWS::Region}:${AWS::AccountId}:${WebSocketApi}"
"""The ARN of the WebSocket API, as an argument of Fn::Sub."""

type Properties = Mapping[str, Any]


class _Loader(yaml.SafeLoader):
    """YAML with the short forms of intrinsic functions."""


def _long_form(loader: _Loader, name: str, node: yaml.Node) -> dict[str, Any]:
    if name == "GetAtt":
        assert isinstance(node, yaml.ScalarNode)
        return {"Fn::GetAtt": node.value.split(".", 1)}
    key = name if name == "Ref" else f"Fn::{name}"
    if isinstance(node, yaml.ScalarNode):
        return {key: loader.construct_scalar(node)}
    assert isinstance(node, yaml.SequenceNode)
    return {key: loader.construct_sequence(node, deep=True)}


_Loader.add_multi_constructor("!", _long_form)  # pyright: ignore[reportUnknownMemberType] - untyped


def _environment(shared: Properties, own: Properties) -> Properties:
    """Merge environment variables as SAM does."""
    both = (properties.get("Environment", {}).get("Variables", {}) for properties in (shared, own))
    return {"Variables": {name: value for variables in both for name, value in variables.items()}}


@dataclass(frozen=True)
class Template:
    """A template. `!Ref X` reads as `{"Ref": "X"}`, and the other short forms likewise."""

    path: Path

    @cached_property
    def _data(self) -> Properties:
        text = self.path.read_text(encoding="utf-8")
        data: Properties = yaml.load(text, _Loader)  # noqa: S506 - derived from SafeLoader
        return data

    @property
    def parameters(self) -> Mapping[str, Properties]:
        return self._section("Parameters")

    @property
    def outputs(self) -> Mapping[str, Properties]:
        return self._section("Outputs")

    def resources(self, kind: str) -> Mapping[str, Properties]:
        """Return all resources of a type by name."""
        resources = self._section("Resources")
        return {name: resource for name, resource in resources.items() if resource["Type"] == kind}

    def properties(self, kind: str) -> Mapping[str, Properties]:
        """Return the properties of all resources of a type by name."""
        return {name: resource["Properties"] for name, resource in self.resources(kind).items()}

    @property
    def functions(self) -> Mapping[str, Properties]:
        """Return the properties of all functions by name, including Globals."""
        shared = self._data["Globals"]["Function"]
        own = self.properties("AWS::Serverless::Function")
        return {
            name: {**shared, **properties, "Environment": _environment(shared, properties)}
            for name, properties in own.items()
        }

    def _section(self, name: str) -> Mapping[str, Properties]:
        section: Mapping[str, Properties] = self._data[name]
        return section
