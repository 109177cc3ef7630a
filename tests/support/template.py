"""template.yaml as data."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from samcli.yamlhelper import yaml_parse

ROOT = Path(__file__).parents[2]

type Properties = Mapping[str, Any]


@dataclass(frozen=True)
class Template:
    """A SAM template; `!Ref X` reads as `{"Ref": "X"}`, `!GetAtt X.Arn` as `{"Fn::GetAtt": [...]}`."""

    path: Path

    @cached_property
    def _data(self) -> Properties:
        data: Properties = yaml_parse(self.path.read_text(encoding="utf-8"))
        return data

    @property
    def parameters(self) -> Mapping[str, Properties]:
        return self._section("Parameters")

    @property
    def outputs(self) -> Mapping[str, Properties]:
        return self._section("Outputs")

    def resources(self, kind: str) -> Mapping[str, Properties]:
        """All resources of a type, whole, by name."""
        resources = self._section("Resources")
        return {name: resource for name, resource in resources.items() if resource["Type"] == kind}

    def properties(self, kind: str) -> Mapping[str, Properties]:
        """The properties of all resources of a type, by name."""
        return {name: resource["Properties"] for name, resource in self.resources(kind).items()}

    @property
    def functions(self) -> Mapping[str, Properties]:
        """The properties of all functions, with those that they share."""
        shared = self._data["Globals"]["Function"]
        own = self.properties("AWS::Serverless::Function")
        return {name: {**shared, **properties} for name, properties in own.items()}

    def _section(self, name: str) -> Mapping[str, Properties]:
        section: Mapping[str, Properties] = self._data[name]
        return section
