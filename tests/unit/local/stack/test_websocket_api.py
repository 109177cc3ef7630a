"""The WebSocket API, read from a template."""

from pathlib import Path

import pytest

from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.errors import TemplateError
from aiflow_local.stack.template import Template
from aiflow_local.stack.websocket_api import AuthorizerSpec, Identity, WebSocketSpec

ROOT = Path(__file__).parents[4]
LAMBDA = "arn:aws:apigateway:${AWS::Region}:lambda:path/2015-03-31/functions"
PLAIN = f"""
Conditions:
  "Yes": !Equals [a, a]
  "No": !Equals [a, b]
Resources:
  Answer:
    Type: AWS::Serverless::Function
    Properties: {{CodeUri: functions/answer, Handler: app.handler}}
  Api:
    Type: AWS::ApiGatewayV2::Api
    Properties: {{ProtocolType: WEBSOCKET, RouteSelectionExpression: $request.body.kind.name}}
  Stage:
    Type: AWS::ApiGatewayV2::Stage
    Properties: {{ApiId: !Ref Api, StageName: live}}
  Integration:
    Type: AWS::ApiGatewayV2::Integration
    Properties:
      ApiId: !Ref Api
      IntegrationType: AWS_PROXY
      IntegrationUri: !Sub "{LAMBDA}/${{Answer.Arn}}/invocations"
  Connect:
    Type: AWS::ApiGatewayV2::Route
    Properties:
      {{ApiId: !Ref Api, RouteKey: $connect, Target: !Sub "integrations/${{Integration}}"}}
"""
SECOND = "{Type: AWS::ApiGatewayV2::Api, Properties: {ProtocolType: WEBSOCKET}}"
AUTHORIZER = f"""
  Authorizer:
    Type: AWS::ApiGatewayV2::Authorizer
    Properties:
      ApiId: !Ref Api
      AuthorizerType: REQUEST
      IdentitySource: [route.request.header.X-Token, route.request.querystring.token]
      AuthorizerUri: !Sub "{LAMBDA}/${{Answer.Arn}}/invocations"
"""


def websocket(tmp_path: Path, text: str) -> WebSocketSpec | None:
    path = tmp_path / "template.yaml"
    path.write_text(text, encoding="utf-8")
    return Template(path).stack({}).websocket


def test_the_websocket_api_of_this_project_routes_each_event_type_to_its_function() -> None:
    spec = Template(ROOT / "template.yaml").stack({"TokenSha256": "0" * 64}).websocket
    assert spec is not None
    assert (spec.stage, spec.selection) == ("live", ("type",))
    assert spec.authorizer == AuthorizerSpec(
        "AuthorizerFunction", (Identity("header", "X-API-TOKEN"),)
    )
    functions = {name: name.title().replace("_", "") + "Function" for name in EVENT_TYPES}
    others = dict.fromkeys(("$connect", "$disconnect", "$default"), "ConnectionFunction")
    assert spec.routes == functions | others


def test_a_false_condition_leaves_out_the_websocket_api() -> None:
    parameters = {"TokenSha256": "0" * 64, "WebSocket": "disabled"}
    stack = Template(ROOT / "template.yaml").stack(parameters)
    assert stack.websocket is None
    assert not {"AuthorizerFunction", "ConnectionFunction"} & {f.name for f in stack.functions}


def test_routes_are_resolved_through_integrations_to_functions(tmp_path: Path) -> None:
    assert websocket(tmp_path, PLAIN) == WebSocketSpec(
        stage="live", selection=("kind", "name"), routes={"$connect": "Answer"}, authorizer=None
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("${Answer.Arn}", "arn:aws:lambda:${AWS::Region}:${AWS::AccountId}:function:${Answer}"),
        ("RouteKey: $connect", "RouteKey: !If ['Yes', $connect, other]"),
        ("Type: AWS::ApiGatewayV2::Stage", "Type: AWS::ApiGatewayV2::Stage\n    Condition: 'Yes'"),
    ],
)
def test_equivalent_templates_are_read_the_same(tmp_path: Path, old: str, new: str) -> None:
    assert websocket(tmp_path, PLAIN.replace(old, new)) == websocket(tmp_path, PLAIN)


def test_the_authorizer_of_connect_is_read(tmp_path: Path) -> None:
    custom = "RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref Authorizer"
    spec = websocket(tmp_path, PLAIN.replace("RouteKey: $connect", custom) + AUTHORIZER)
    assert spec is not None
    assert spec.authorizer == AuthorizerSpec(
        "Answer", (Identity("header", "X-Token"), Identity("querystring", "token"))
    )


def test_an_http_api_is_not_a_websocket_api(tmp_path: Path) -> None:
    assert websocket(tmp_path, PLAIN.replace("WEBSOCKET", "HTTP")) is None


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("$request.body.kind.name", "$request.header.kind", r"like \$request.body.type"),
        ("$request.body.kind.name", "$request.body", r"like \$request.body.type"),
        (", RouteSelectionExpression: $request.body.kind.name", "", "RouteSelectionExpression"),
        ("integrations/${Integration}", "integrations/other", "Connect has no integration"),
        (', Target: !Sub "integrations/${Integration}"', "", "Connect has no integration"),
        ("${Answer.Arn}", "arn:else", "Integration does not name a function"),
        ("AWS_PROXY", "MOCK", "AWS_PROXY"),
        ("!Ref Api, StageName", "other, StageName", "Api has 0 stages"),
        ("RouteKey: $connect", "RouteKey: $connect, AuthorizationType: AWS_IAM", "AWS_IAM"),
        (
            "RouteKey: $connect",
            "RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: other",
            "Connect does not name an authorizer",
        ),
        (
            "RouteKey: $connect",
            "RouteKey: $connect, RouteResponseSelectionExpression: $default",
            "@connections",
        ),
        (
            "Resources:",
            f"Resources:\n  Two: {SECOND}",
            "one WebSocket API",
        ),
    ],
)
def test_the_error_names_what_is_not_supported(
    tmp_path: Path, old: str, new: str, message: str
) -> None:
    assert old in PLAIN
    with pytest.raises(TemplateError, match=message):
        websocket(tmp_path, PLAIN.replace(old, new))


def test_an_unsupported_identity_source_is_rejected(tmp_path: Path) -> None:
    custom = "RouteKey: $connect, AuthorizationType: CUSTOM, AuthorizerId: !Ref Authorizer"
    strange = AUTHORIZER.replace("route.request.header.X-Token", "context.identity.sourceIp")
    with pytest.raises(TemplateError, match="IdentitySource of Authorizer"):
        websocket(tmp_path, PLAIN.replace("RouteKey: $connect", custom) + strange)
