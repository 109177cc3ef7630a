"""Reads `template.yaml`: functions with their routes and environments, tables, WebSocket API.

Resources with a false condition are left out.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import yaml

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError
from aiflow_local.stack.intrinsics import Resolver
from aiflow_local.stack.parameters import parameter_values
from aiflow_local.stack.websocket_api import WebSocketSpec, read_websocket_api

_FUNCTION = "AWS::Serverless::Function"
_TABLE = "AWS::DynamoDB::Table"
_ANY, _DEFAULT = "ANY", "$default"
# The defaults of SAM for properties that neither the function nor Globals set.
_DEFAULTS: JsonObject = {"Timeout": 3, "MemorySize": 128}


@dataclass(frozen=True)
class Route:
    """A route of the HTTP API.

    Attributes:
        method: The HTTP method, or `ANY`.
        path: The path, which may have `{variables}`; or `$default`.
    """

    method: str
    path: str

    @property
    def key(self) -> str:
        """The route key in API Gateway, for example `POST /webhook`."""
        return self.path if self.path == _DEFAULT else f"{self.method} {self.path}"


@dataclass(frozen=True, kw_only=True)
class FunctionSpec:
    """A Lambda function of the stack.

    Attributes:
        name: The logical id.
        code: The folder of the code, relative to the template.
        handler: `module.name`, relative to that folder.
        environment: The resolved environment variables.
        timeout_seconds: The Lambda timeout.
        memory_mb: The memory size.
        routes: The HTTP routes that invoke the function.
    """

    name: str
    code: Path
    handler: str
    environment: Mapping[str, str]
    timeout_seconds: int
    memory_mb: int
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class Stack:
    """The resources of a template that the emulator uses.

    Attributes:
        functions: The Lambda functions, in the order of the template.
        tables: The properties of the DynamoDB tables by physical name.
        websocket: The WebSocket API, if there is one.
    """

    functions: tuple[FunctionSpec, ...]
    tables: Mapping[str, JsonObject]
    websocket: WebSocketSpec | None


class Template:
    """A SAM template before its parameters are resolved.

    Raises:
        TemplateError: The file cannot be read, or is not a template.
    """

    def __init__(self, path: Path) -> None:
        try:
            data: object = yaml.load(path.read_bytes(), _Loader)  # noqa: S506 - a safe loader
        except OSError as error:
            raise TemplateError(f"{path} cannot be read: {error.strerror}") from None
        except yaml.YAMLError as error:
            raise TemplateError(f"{path.name} is not valid YAML: {error}") from None
        self._data = cast("JsonObject", data) if isinstance(data, dict) else {}
        if not isinstance(self._data.get("Resources"), dict):
            raise TemplateError(f"{path} is not a template: it has no section Resources")

    @property
    def parameters(self) -> Mapping[str, JsonObject]:
        """The section `Parameters`."""
        return {name: _object(rules) for name, rules in self._section("Parameters").items()}

    def stack(self, overrides: Mapping[str, str]) -> Stack:
        """Resolve the template with parameter values.

        Raises:
            TemplateError: A value is missing or invalid, or the template is not supported.
        """
        resolver = Resolver(
            parameter_values(self.parameters, overrides),
            self._section("Conditions"),
            self._section("Resources"),
        )
        try:
            return self._stack(resolver)
        except RecursionError:
            raise TemplateError("a condition of the template refers to itself") from None

    def _stack(self, resolver: Resolver) -> Stack:
        def resources(kind: str) -> list[tuple[str, JsonObject]]:
            return [found for found in self._resources(kind) if resolver.exists(found[0])]

        functions = tuple(
            _function(name, resolver, _merged(self._shared, properties))
            for name, properties in resources(_FUNCTION)
        )
        tables = {
            str(resolver.value({"Ref": name})): _object(resolver.value(properties))
            for name, properties in resources(_TABLE)
        }
        names = [function.name for function in functions]
        return Stack(functions, tables, read_websocket_api(resources, names, resolver))

    @property
    def _shared(self) -> JsonObject:
        return {**_DEFAULTS, **_object(self._section("Globals").get("Function", {}))}

    def _resources(self, kind: str) -> list[tuple[str, JsonObject]]:
        resources = {name: _object(node) for name, node in self._section("Resources").items()}
        return [
            (name, _object(resource.get("Properties", {})))
            for name, resource in resources.items()
            if resource.get("Type") == kind
        ]

    def _section(self, name: str) -> JsonObject:
        return _object(self._data.get(name) or {})


class _Loader(yaml.SafeLoader):
    """Loads `!Ref X` as `{"Ref": "X"}`, and `!Sub X` as `{"Fn::Sub": "X"}`."""

    def short_form(self, tag: str, node: yaml.Node) -> JsonObject:
        """Return the long form of an intrinsic function."""
        name = tag if tag in {"Ref", "Condition"} else f"Fn::{tag}"
        match node:
            case yaml.ScalarNode():
                return {name: self.construct_scalar(node)}
            case yaml.SequenceNode():
                return {name: cast("list[JsonValue]", self.construct_sequence(node, deep=True))}
            case _:
                mapping: Any = self.construct_mapping(cast("yaml.MappingNode", node), deep=True)
                return {name: mapping}


_Loader.add_multi_constructor(  # pyright: ignore[reportUnknownMemberType] - the stubs' gap
    "!", _Loader.short_form
)


def _function(name: str, resolver: Resolver, properties: JsonObject) -> FunctionSpec:
    code, handler = properties.get("CodeUri"), properties.get("Handler")
    if not isinstance(code, str) or not isinstance(handler, str) or "." not in handler:
        raise TemplateError(f"{name} needs a folder as CodeUri, and a Handler `module.name`")
    return FunctionSpec(
        name=name,
        code=Path(code),
        handler=handler,
        environment=_environment(resolver, properties),
        timeout_seconds=_number(resolver.value(properties["Timeout"])),
        memory_mb=_number(resolver.value(properties["MemorySize"])),
        routes=tuple(_routes(_object(properties.get("Events", {})))),
    )


def _merged(shared: JsonObject, own: JsonObject) -> JsonObject:
    both = [_variables(shared), _variables(own)]
    return {**shared, **own, "Environment": {"Variables": {**both[0], **both[1]}}}


def _variables(properties: JsonObject) -> JsonObject:
    return _object(_object(properties.get("Environment", {})).get("Variables", {}))


def _environment(resolver: Resolver, properties: JsonObject) -> Mapping[str, str]:
    variables = _object(resolver.value(_variables(properties)))
    return {name: _text(value) for name, value in variables.items()}


def _routes(events: JsonObject) -> list[Route]:
    found: list[Route] = []
    for event in map(_object, events.values()):
        if event.get("Type") == "HttpApi":
            properties = _object(event.get("Properties", {}))
            method = str(properties.get("Method", _ANY)).upper().replace("*", _ANY)
            found.append(Route(method, str(properties.get("Path", _DEFAULT))))
    return found


def _text(value: JsonValue) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _number(value: JsonValue) -> int:
    try:
        return int(str(value))
    except ValueError:
        raise TemplateError(f"the template has {value!r} where it needs a number") from None


def _object(value: JsonValue) -> JsonObject:
    if not isinstance(value, dict):
        raise TemplateError(f"the template has {value!r} where it needs a mapping")
    return value
