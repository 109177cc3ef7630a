"""Reads the WebSocket API of a template: its routes, and who decides who may connect."""

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
    """A part of the handshake that must be there before the authorizer is asked.

    Attributes:
        kind: `header` or `querystring`.
        name: as the template writes it.
    """

    kind: str
    name: str


@dataclass(frozen=True)
class AuthorizerSpec:
    """Who decides who may connect.

    Attributes:
        function: the logical id of a Lambda function.
        identities: all must be there; else it is not asked.
    """

    function: str
    identities: tuple[Identity, ...]


@dataclass(frozen=True, kw_only=True)
class WebSocketSpec:
    """The WebSocket API of a stack.

    Attributes:
        stage: the name of its stage.
        selection: the members of a message, from its root on, that lead to the key of its route.
        routes: the logical id of the function behind each route key.
        authorizer: of `$connect`; None lets everybody in.
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
    """Return the WebSocket API of a template; None when it has none.

    Args:
        resources: returns the resources of a type that exist, with their properties.
        functions: the logical ids of the Lambda functions that exist.
        resolver: of the template.

    Raises:
        TemplateError: the API has something that the local gateway does not know.
    """
    apis = [
        (name, properties)
        for name, properties in resources(_API)
        if resolver.value(properties.get("ProtocolType")) == "WEBSOCKET"
    ]
    if not apis:
        return None
    if len(apis) > 1:
        raise TemplateError(f"{apis[1][0]}: the local gateway has one WebSocket API, not two")
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
    """What belongs to one API."""

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
            raise TemplateError(f"{self.api} has {len(stages)} stages: the local gateway needs one")
        return str(self.resolver.value(stages[0].get("StageName")))

    def route(self, name: str, properties: JsonObject) -> tuple[str, str]:
        """Return a route's key, and the function that it leads to."""
        if "RouteResponseSelectionExpression" in properties:
            message = "route responses are not known to the local gateway: post to @connections"
            raise TemplateError(f"{name}: {message}")
        target = self.resolver.value(properties.get("Target"))
        integrations = self.of_api(_INTEGRATION)
        for integration, details in integrations.items():
            if target == f"integrations/{self.resolver.value({'Ref': integration})}":
                if details.get("IntegrationType") != "AWS_PROXY":
                    raise TemplateError(f"{integration} must have the IntegrationType AWS_PROXY")
                function = self._function(integration, details.get("IntegrationUri"))
                return str(self.resolver.value(properties.get("RouteKey"))), function
        raise TemplateError(f"{name} leads to no integration of {self.api}")

    def authorizer(self, routes: Mapping[str, JsonObject]) -> AuthorizerSpec | None:
        """Return who decides about `$connect`: API Gateway asks at no other route."""
        for name, properties in routes.items():
            if self.resolver.value(properties.get("RouteKey")) == CONNECT:
                kind = self.resolver.value(properties.get("AuthorizationType", "NONE"))
                if kind == "CUSTOM":
                    return self._authorizer(name, properties.get("AuthorizerId"))
                if kind != "NONE":
                    raise TemplateError(f"{name}: the local gateway does not know {kind}")
        return None

    def _authorizer(self, route: str, node: JsonValue) -> AuthorizerSpec:
        wanted = self.resolver.value(node)
        for name, properties in self.of_api(_AUTHORIZER).items():
            if wanted == self.resolver.value({"Ref": name}):
                sources = self.resolver.value(properties.get("IdentitySource", []))
                return AuthorizerSpec(
                    self._function(name, properties.get("AuthorizerUri")),
                    tuple(_identity(name, source) for source in cast("list[JsonValue]", sources)),
                )
        raise TemplateError(f"{route} names no authorizer of {self.api}")

    def _function(self, owner: str, node: JsonValue) -> str:
        """Return the function that a URI of an integration or an authorizer names."""
        uri = str(self.resolver.value(node))
        for name in self.functions:
            arn = self.resolver.value({"Fn::GetAtt": [name, "Arn"]})
            physical = self.resolver.value({"Ref": name})
            ends = (f"/functions/{arn}/invocations", f":function:{physical}/invocations")
            if uri.endswith(ends):
                return name
        raise TemplateError(f"{owner} leads to no function of the template")


def _selection(api: str, expression: JsonValue) -> tuple[str, ...]:
    found = _SELECTION.fullmatch(str(expression))
    if found is None:
        message = "must be like $request.body.type: the local gateway knows no other form"
        raise TemplateError(f"the RouteSelectionExpression of {api} {message}")
    return tuple(found[1].split("."))


def _identity(authorizer: str, source: JsonValue) -> Identity:
    found = _IDENTITY.fullmatch(str(source))
    if found is None:
        message = "must be headers or query strings, like route.request.header.X-API-TOKEN"
        raise TemplateError(f"the IdentitySource of {authorizer} {message}")
    return Identity(found[1], found[2])
