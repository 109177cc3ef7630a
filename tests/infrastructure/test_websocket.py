"""The WebSocket API of the stack: routes, their functions, and the authorizer."""

import json
from collections.abc import Mapping

import pytest

from aiflow.protocol.events import EVENT_TYPES
from tests.helpers.template import API, LOGGED, ROOT, Properties, Template

CONNECTION_ROUTES = {"$connect", "$disconnect", "$default"}


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml")


@pytest.fixture(scope="module")
def routes(template: Template) -> Mapping[str, Properties]:
    """Return all routes by route key."""
    found = template.properties("AWS::ApiGatewayV2::Route").values()
    routes = {route["RouteKey"]: route for route in found}
    assert len(routes) == len(found)
    return routes


def function_of(template: Template, route: Properties) -> str:
    """Return the name of the function that handles a route."""
    target = route["Target"]["Fn::Sub"].removeprefix("integrations/${").removesuffix("}")
    integration = template.properties("AWS::ApiGatewayV2::Integration")[target]
    assert integration["IntegrationType"] == "AWS_PROXY"
    return _invoked(integration["IntegrationUri"])


def _invoked(uri: Properties) -> str:
    head, _, tail = uri["Fn::Sub"].partition(":lambda:path/2015-03-31/functions/${")
    assert head == "arn:${AWS::Partition}:apigateway:${AWS::Region}"
    name, _, end = tail.partition(".Arn}")
    assert end == "/invocations"
    return str(name)


def test_api_gateway_selects_the_function_by_the_type_of_the_event(template: Template) -> None:
    (api,) = template.properties("AWS::ApiGatewayV2::Api").values()
    assert api["ProtocolType"] == "WEBSOCKET"
    assert api["RouteSelectionExpression"] == "$request.body.type"


def test_there_is_a_route_for_each_event_type_and_no_other(
    routes: Mapping[str, Properties],
) -> None:
    assert set(routes) == {*EVENT_TYPES, *CONNECTION_ROUTES}


def test_each_route_has_the_function_of_its_event_type(
    template: Template, routes: Mapping[str, Properties]
) -> None:
    for key, route in routes.items():
        function = template.functions[function_of(template, route)]
        if key in CONNECTION_ROUTES:
            assert function["Handler"] == "aiflow.entrypoints.connection.lambda_handler"
        else:
            assert function["CodeUri"] == f"functions/{key}"


def test_a_token_authorizes_the_connection(
    template: Template, routes: Mapping[str, Properties]
) -> None:
    connect = routes["$connect"]
    assert connect["AuthorizationType"] == "CUSTOM"
    authorizer = template.properties("AWS::ApiGatewayV2::Authorizer")[
        connect["AuthorizerId"]["Ref"]
    ]
    assert authorizer["AuthorizerType"] == "REQUEST"
    # Without the header, API Gateway answers 401 and invokes no function.
    assert authorizer["IdentitySource"] == ["route.request.header.X-API-TOKEN"]
    assert _invoked(authorizer["AuthorizerUri"]) == "AuthorizerFunction"


def test_the_authorizer_has_the_digests_that_the_webhook_has(template: Template) -> None:
    variables = template.functions["AuthorizerFunction"]["Environment"]["Variables"]
    assert variables["API_TOKEN_SHA256"] == {"Ref": "TokenSha256"}
    assert variables["API_TOKEN_SHA256_NEXT"] == {"Ref": "TokenSha256Next"}


def test_there_are_no_route_responses(template: Template) -> None:
    """Functions post answers to the connection, so a route response would send them twice."""
    assert template.resources("AWS::ApiGatewayV2::RouteResponse") == {}
    assert template.resources("AWS::ApiGatewayV2::IntegrationResponse") == {}


def test_only_its_own_route_may_invoke_a_function(
    template: Template, routes: Mapping[str, Properties]
) -> None:
    allowed: dict[str, str] = {}
    for permission in template.properties("AWS::Lambda::Permission").values():
        assert permission["Action"] == "lambda:InvokeFunction"
        assert permission["Principal"] == "apigateway.amazonaws.com"
        allowed[permission["FunctionName"]["Ref"]] = permission["SourceArn"]["Fn::Sub"]
    assert allowed.pop("AuthorizerFunction") == f"{API}/authorizers/${{WebSocketAuthorizer}}"
    assert allowed.pop("ConnectionFunction") == f"{API}/live/$*"
    assert allowed == {
        function_of(template, routes[event_type]): f"{API}/live/{event_type}"
        for event_type in EVENT_TYPES
    }


def test_the_stage_is_throttled_and_logs_no_header_and_no_message(
    template: Template,
) -> None:
    (stage,) = template.properties("AWS::ApiGatewayV2::Stage").values()
    assert stage["StageName"] == "live"
    assert stage["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
        "DataTraceEnabled": False,
        "LoggingLevel": "OFF",
    }
    assert set(json.loads(stage["AccessLogSettings"]["Format"]).values()) == {
        *LOGGED,
        "$context.eventType",
        "$context.connectionId",
        "$context.authorizer.error",
    }


def test_the_log_role_is_created_unless_the_account_has_one(template: Template) -> None:
    assert template.parameters["ApiGatewayLogRole"]["AllowedValues"] == ["create", "existing"]
    for kind in ("AWS::ApiGateway::Account", "AWS::IAM::Role"):
        (resource,) = template.resources(kind).values()
        assert resource["Condition"] == "CreatesLogRole"
        # Other APIs of the account may use it after this stack is deleted.
        assert resource["DeletionPolicy"] == resource["UpdateReplacePolicy"] == "Retain"


def test_one_condition_removes_the_whole_api(template: Template) -> None:
    kinds = ("Api", "Route", "Integration", "Authorizer", "Stage")
    resources = {
        **template.resources("AWS::Lambda::Permission"),
        **{
            name: resource
            for kind in kinds
            for name, resource in template.resources(f"AWS::ApiGatewayV2::{kind}").items()
        },
    }
    functions = template.resources("AWS::Serverless::Function")
    resources |= {name: functions[name] for name in ("AuthorizerFunction", "ConnectionFunction")}
    assert len(resources) > 30
    assert {resource.get("Condition") for resource in resources.values()} == {"HasWebSocket"}
