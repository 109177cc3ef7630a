"""Reads the WebSocket API of a template: its stage, routes and authorizer."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import cast

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError
from aiflow_local.stack.intrinsics import Resolver

CONNECT, DISCONNECT, DEFAULT = "$connect", "$disconnect", "$default"

_API, _STAGE = "AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Stage"
_ROUTE, _INTEGRATION = "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Integration"
_AUTHORIZER = "AWS::ApiGatewayV2::Authorizer"
_SELECTION = re.compile(r"\$request\.body\.([\w-]+(?:\.[\w-]+)*)")
_IDENTITY = re.compile(r"route\.request\.(header|querystring)\.(.+)")


@dataclass(frozen=True)
class Identity:
    """An identity source: a part of the handshake that an authorizer requires.

    Attributes:
        kind: `header` or `querystring`.
        name: The name, as written in the template.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class AuthorizerSpec:
    """The authorizer of `$connect`.

    Attributes:
        function: The logical id of a Lambda function.
        identities: The identity sources; if one is missing, the function is not invoked.
    """

    function: str
    identities: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True)
class WebSocketSpec:
    """The WebSocket API of a stack.

    Attributes:
        stage: The name of the stage.
        selection: The path of the message member that holds the route key.
        routes: The logical id of the function for each route key.
        authorizer: The authorizer of `$connect`; None accepts every connection.
    """

    stage: str
    selection: tuple[str, ...]
    routes: Mapping[str, str]
    authorizer: AuthorizerSpec | None


def read_websocket_api(
    resources: Callable[[str], Iterable[tuple[str, JsonObject]]],
    functions: Iterable[str],
    resolver: Resolver,
) -> WebSocketSpec | None:
    """Return the WebSocket API of a template; None if it has none.

    Args:
        resources: Returns the names and properties of the existing resources of a type.
        functions: The logical ids of the existing Lambda functions.
        resolver: The resolver for the template.

    Raises:
        TemplateError: The API has something that the emulator does not support.
    """
    apis = [
        (name, properties)
        for name, properties in resources(_API)
        if resolver.value(properties.get("ProtocolType")) == "WEBSOCKET"
    ]
    if not apis:
        return None
    if len(apis) > 1:
        raise TemplateError(f"{apis[1][0]}: the emulator supports only one WebSocket API")
    (name, properties), *_ = apis
    reader = _Reader(name, resources, tuple(functions), resolver)
    routes = reader.of_api(_ROUTE)
    return WebSocketSpec(
        stage=reader.stage(),
        selection=_selection(name, properties.get("RouteSelectionExpression")),
        routes=dict(reader.route(*route) for route in routes.items()),
        authorizer=reader.authorizer(routes),
    )


@dataclass(frozen=True)
class _Reader:
    """Reads the resources that belong to one API."""

    api: str
    resources: Callable[[str], Iterable[tuple[str, JsonObject]]]
    functions: tuple[str, ...]
    resolver: Resolver

    def of_api(self, kind: str) -> Mapping[str, JsonObject]:
        physical = self.resolver.value({"Ref": self.api})
        return {
            name: properties
            for name, properties in self.resources(kind)
            if self.resolver.value(properties.get("ApiId")) == physical
        }

    def stage(self) -> str:
        stages = [*self.of_api(_STAGE).values()]
        if len(stages) != 1:
            raise TemplateError(f"{self.api} has {len(stages)} stages: the emulator needs one")
        return str(self.resolver.value(stages[0].get("StageName")))

    def route(self, name: str, properties: JsonObject) -> tuple[str, str]:
        """Return the key of a route, and the logical id of its function."""
        if "RouteResponseSelectionExpression" in properties:
            message = "the emulator does not support route responses: post to @connections"
            raise TemplateError(f"{name}: {message}")
        target = self.resolver.value(properties.get("Target"))
        integrations = self.of_api(_INTEGRATION)
        for integration, details in integrations.items():
            if target == f"integrations/{self.resolver.value({'Ref': integration})}":
                if details.get("IntegrationType") != "AWS_PROXY":
                    raise TemplateError(f"{integration} must have the IntegrationType AWS_PROXY")
                function = self._function(integration, details.get("IntegrationUri"))
                return str(self.resolver.value(properties.get("RouteKey"))), function
        raise TemplateError(f"{name} has no integration of {self.api} as its target")

    def authorizer(self, routes: Mapping[str, JsonObject]) -> AuthorizerSpec | None:
        """Return the authorizer of `$connect`, the only route that API Gateway authorizes."""
        for name, properties in routes.items():
            if self.resolver.value(properties.get("RouteKey")) == CONNECT:
                kind = self.resolver.value(properties.get("AuthorizationType", "NONE"))
                if kind == "CUSTOM":
                    return self._authorizer(name, properties.get("AuthorizerId"))
                if kind != "NONE":
                    raise TemplateError(f"{name}: the emulator does not support {kind}")
        return None

    def _authorizer(self, route: str, node: JsonValue) -> AuthorizerSpec:
        authorizer_id = self.resolver.value(node)
        for name, properties in self.of_api(_AUTHORIZER).items():
            if authorizer_id == self.resolver.value({"Ref": name}):
                sources = self.resolver.value(properties.get("IdentitySource", []))
                return AuthorizerSpec(
                    self._function(name, properties.get("AuthorizerUri")),
                    tuple(_identity(name, source) for source in cast("list[JsonValue]", sources)),
                )
        raise TemplateError(f"{route} does not name an authorizer of {self.api}")

    def _function(self, owner: str, node: JsonValue) -> str:
        """Return the logical id of the function in the URI of an integration or authorizer."""
        uri = str(self.resolver.value(node))
        for name in self.functions:
            arn = self.resolver.value({"Fn::GetAtt": [name, "Arn"]})
            physical = self.resolver.value({"Ref": name})
            ends = (f"/functions/{arn}/invocations", f":function:{physical}/invocations")
            if uri.endswith(ends):
                return name
        raise TemplateError(f"{owner} does not name a function of the template")


def _selection(api: str, expression: JsonValue) -> tuple[str, ...]:
    found = _SELECTION.fullmatch(str(expression))
    if found is None:
        message = "must be like $request.body.type: the emulator supports no other form"
        raise TemplateError(f"the RouteSelectionExpression of {api} {message}")
    return tuple(found[1].split("."))


def _identity(authorizer: str, source: JsonValue) -> Identity:
    found = _IDENTITY.fullmatch(str(source))
    if found is None:
        message = "must be headers or query strings, like route.request.header.X-API-TOKEN"
        raise TemplateError(f"the IdentitySource of {authorizer} {message}")
    return Identity(found[1], found[2])
