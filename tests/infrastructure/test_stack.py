"""The stack of template.yaml: routes, functions, roles, table and settings."""

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from graphlib import TopologicalSorter
from hashlib import sha256
from typing import Any

import pytest

from aiflow.aws_clients import dynamodb_client
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.types import JsonValue
from aiflow.settings import AGENT_PREFIX, Settings
from tests.helpers.tables import ENVIRONMENT
from tests.helpers.template import API, LOGGED, ROOT, Properties, Template
from tests.infrastructure.scan.expanded_template import expand
from tests.infrastructure.scan.scan import parameter_sets

WEBHOOK = "WebhookFunction"
PREPARED = "PreparedWebhookFunction"
# They serve the WebSocket API, and no event type.
OF_THE_WEBSOCKET = {"AuthorizerFunction", "ConnectionFunction"}
TURN = {"dynamodb:GetItem", "dynamodb:PutItem", "dynamodb:UpdateItem"}
HISTORY = {"dynamodb:Query"}
SEND = {"execute-api:ManageConnections"}
# Invoked by a schedule.
SWEEPER = "SweeperFunction"
# Their handlers are modules of the layer, beside all handlers of the project.
OF_THE_LAYER = {
    WEBHOOK: "webhook",
    PREPARED: "webhook",
    SWEEPER: "sweeper",
    "AuthorizerFunction": "authorizer",
    "ConnectionFunction": "connection",
}
# What the role of each function allows, beside logs and traces.
ALLOWED = {
    WEBHOOK: TURN | HISTORY,
    PREPARED: TURN | HISTORY,
    SWEEPER: TURN | HISTORY,
    "SessionStartFunction": TURN | SEND,
    "UserSpeakFunction": TURN | SEND,
    "UserSpeechStartedFunction": TURN,
    "DtmfReceivedFunction": TURN | SEND,
    "AssistantSpeakFunction": TURN | SEND,
    "AssistantSpeechEndedFunction": TURN | SEND,
    "UserInputTimeoutFunction": TURN | SEND,
    "SessionEndFunction": TURN | HISTORY,
    "SmsFailedFunction": TURN | SEND,
    "AuthorizerFunction": set[str](),
    "ConnectionFunction": set[str](),
}
# Read by botocore, not by our settings.
OF_BOTOCORE = "AWS_ENDPOINT_URL_DYNAMODB"
ENDPOINT = "AWS_ENDPOINT_URL_APIGATEWAYMANAGEMENTAPI"
NO_VALUE = {"Ref": "AWS::NoValue"}
BY_ENVIRONMENT = {"Fn::FindInMap": ["Environments", {"Ref": "Environment"}, "LogRetentionDays"]}
RETENTION = {"Fn::If": ["HasRetention", {"Ref": "LogRetentionDays"}, BY_ENVIRONMENT]}
KEY_STATEMENT = {
    "Fn::If": [
        "HasCustomerKey",
        {
            "Effect": "Allow",
            "Action": [
                *("kms:Decrypt", "kms:DescribeKey", "kms:Encrypt", "kms:GenerateDataKey"),
                *("kms:ReEncryptFrom", "kms:ReEncryptTo"),
            ],
            "Resource": {"Fn::GetAtt": ["DataKey", "Arn"]},
            # The function cannot use the key directly.
            "Condition": {
                "StringEquals": {
                    "kms:ViaService": {"Fn::Sub": "dynamodb.${AWS::Region}.${AWS::URLSuffix}"}
                }
            },
        },
        NO_VALUE,
    ]
}
CUSTOMER_KEY = {"Fn::If": ["HasCustomerKey", {"Fn::GetAtt": ["DataKey", "Arn"]}, NO_VALUE]}


@pytest.fixture(scope="module")
def template() -> Template:
    return Template(ROOT / "template.yaml")


@pytest.fixture(scope="module")
def stages() -> Mapping[str, Any]:
    """Read samconfig.toml: one set of options per `--config-env`."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text("utf-8"))
    del stages["version"]
    return stages


@pytest.fixture(scope="module")
def events(template: Template) -> Mapping[str, Properties]:
    """Return the functions that have a route for events."""
    functions = template.functions
    others = {*OF_THE_WEBSOCKET, PREPARED, SWEEPER}
    return {name: functions[name] for name in functions.keys() - others}


def route(function: Properties) -> Mapping[str, Any]:
    """Return the only route of a function."""
    (event,) = function["Events"].values()
    assert event["Type"] == "HttpApi"
    properties: Mapping[str, Any] = event["Properties"]
    return properties


def test_every_event_type_has_a_route_and_all_of_them_share_the_webhook(
    events: Mapping[str, Properties],
) -> None:
    paths = {name: route(function)["Path"] for name, function in events.items()}
    assert paths.pop(WEBHOOK) == "/webhook"
    assert sorted(paths.values()) == sorted(f"/events/{event_type}" for event_type in EVENT_TYPES)


def test_every_route_accepts_post_only(events: Mapping[str, Properties]) -> None:
    assert {route(function)["Method"] for function in events.values()} == {"POST"}


def test_every_function_of_an_event_type_has_the_folder_of_that_name(
    events: Mapping[str, Properties],
) -> None:
    for name, function in events.items():
        if name != WEBHOOK:
            event_type = route(function)["Path"].removeprefix("/events/")
            assert function["CodeUri"] == f"functions/{event_type}"
            assert name == event_type.title().replace("_", "") + "Function"


def test_every_folder_has_a_function_and_every_function_a_folder(template: Template) -> None:
    own = [f for name, f in template.functions.items() if name not in OF_THE_LAYER]
    assert {function["Handler"] for function in own} == {"app.lambda_handler"}
    deployed = {f"{function['CodeUri']}/app.py" for function in own}
    on_disk = {str(path.relative_to(ROOT)) for path in ROOT.glob("functions/*/app.py")}
    assert deployed == on_disk


def test_the_functions_of_the_layer_find_the_handlers_by_their_names(template: Template) -> None:
    for name, module in OF_THE_LAYER.items():
        function = template.functions[name]
        assert function["CodeUri"] == "functions"
        assert function["Handler"] == f"aiflow.entrypoints.{module}.lambda_handler"


def test_every_function_runs_on_the_runtime_and_processor_that_the_layer_is_built_for(
    template: Template,
) -> None:
    (layer,) = template.resources("AWS::Serverless::LayerVersion").values()
    assert layer["Properties"]["ContentUri"] == "layers/aiflow/python"
    assert layer["Metadata"] == {
        "BuildMethod": "python3.13",
        "BuildArchitecture": {"Ref": "Architecture"},
    }
    for function in template.functions.values():
        assert function["Runtime"] == "python3.13"
        assert function["Architectures"] == [{"Ref": "Architecture"}]
        assert function["Layers"] == [{"Ref": "AiflowLayer"}]


def test_the_table_is_retained_backed_up_and_has_a_ttl(template: Template) -> None:
    (table,) = template.resources("AWS::DynamoDB::Table").values()
    assert table["DeletionPolicy"] == table["UpdateReplacePolicy"] == "Retain"
    assert table["Properties"] == {
        "BillingMode": "PAY_PER_REQUEST",
        "AttributeDefinitions": [
            {"AttributeName": "pk", "AttributeType": "S"},
            {"AttributeName": "sk", "AttributeType": "S"},
            {"AttributeName": "open_call", "AttributeType": "S"},
            {"AttributeName": "first_event_at_ms", "AttributeType": "N"},
        ],
        "KeySchema": [
            {"AttributeName": "pk", "KeyType": "HASH"},
            {"AttributeName": "sk", "KeyType": "RANGE"},
        ],
        # Its keys do not change during a call, and it contains nothing else.
        "GlobalSecondaryIndexes": [
            {
                "IndexName": "open-calls",
                "KeySchema": [
                    {"AttributeName": "open_call", "KeyType": "HASH"},
                    {"AttributeName": "first_event_at_ms", "KeyType": "RANGE"},
                ],
                "Projection": {"ProjectionType": "KEYS_ONLY"},
            }
        ],
        "TimeToLiveSpecification": {"AttributeName": "expires_at", "Enabled": True},
        "PointInTimeRecoverySpecification": {"PointInTimeRecoveryEnabled": True},
        "SSESpecification": {"SSEEnabled": True, "SSEType": "KMS", "KMSMasterKeyId": CUSTOMER_KEY},
        "DeletionProtectionEnabled": {"Fn::If": ["IsProd", True, False]},
    }


def test_every_role_allows_the_listed_actions_only(template: Template) -> None:
    policies = template.properties("AWS::IAM::ManagedPolicy")

    def actions(function: Properties) -> set[str]:
        # Without `Role`, SAM creates a role per function.
        assert "Role" not in function
        allowed = set[str]()
        for policy in function.get("Policies", []):
            statement, *others = policies[_named(policy)]["PolicyDocument"]["Statement"]
            assert statement["Effect"] == "Allow"
            assert others in ([], [KEY_STATEMENT])
            allowed |= set(statement["Action"])
        return allowed

    assert {name: actions(function) for name, function in template.functions.items()} == ALLOWED


def _named(policy: Any) -> str:  # noqa: ANN401 - JSON
    """Return the name of a policy, which may depend on the condition HasWebSocket."""
    if "Fn::If" in policy:
        condition, policy, otherwise = policy["Fn::If"]
        assert (condition, otherwise) == ("HasWebSocket", {"Ref": "AWS::NoValue"})
    name: str = policy["Ref"]
    return name


def test_every_policy_is_for_the_table_or_for_the_connections_of_this_api_and_stage(
    template: Template,
) -> None:
    resources = {
        name: policy["PolicyDocument"]["Statement"][0]["Resource"]
        for name, policy in template.properties("AWS::IAM::ManagedPolicy").items()
    }
    table = {"Fn::GetAtt": ["SessionsTable", "Arn"]}
    assert resources == {
        "SessionTablePolicy": table,
        "SessionHistoryPolicy": table,
        "OpenCallsPolicy": {"Fn::Sub": "${SessionsTable.Arn}/index/open-calls"},
        "WebSocketSendPolicy": {"Fn::Sub": f"{API}/live/POST/@connections/*"},
    }


def test_only_the_sweeper_finds_open_calls(template: Template) -> None:
    allowed = {
        name
        for name, function in template.functions.items()
        if {"Ref": "OpenCallsPolicy"} in function.get("Policies", [])
    }
    assert allowed == {SWEEPER}


def test_the_sweeper_has_a_schedule_that_can_be_disabled_and_no_retries(
    template: Template,
) -> None:
    function = template.functions[SWEEPER]
    (event,) = function["Events"].values()
    assert event == {
        "Type": "Schedule",
        "Properties": {
            "Schedule": "rate(5 minutes)",
            "State": {"Fn::If": ["HasSweeper", "ENABLED", "DISABLED"]},
        },
    }
    assert function["EventInvokeConfig"] == {
        "MaximumRetryAttempts": 0,
        "MaximumEventAgeInSeconds": 300,
    }
    assert template.parameters["Sweeper"]["AllowedValues"] == ["enabled", "disabled"]


def test_every_function_that_may_send_has_the_endpoint(template: Template) -> None:
    for name, function in template.functions.items():
        variables = function["Environment"]["Variables"]
        assert (ENDPOINT in variables) == (ALLOWED[name] >= SEND)
        if ENDPOINT in variables:
            host = "https://${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
            assert variables[ENDPOINT] == {
                "Fn::If": ["HasWebSocket", {"Fn::Sub": f"{host}/live"}, ""]
            }


def test_all_functions_share_a_log_group_and_all_log_groups_expire(template: Template) -> None:
    groups = template.properties("AWS::Logs::LogGroup")
    assert {name: group["LogGroupName"]["Fn::Sub"] for name, group in groups.items()} == {
        "FunctionLogGroup": "/aws/lambda/${AWS::StackName}/functions",
        "HttpApiLogGroup": "/aws/vendedlogs/${AWS::StackName}/http-api",
        "WebSocketLogGroup": "/aws/vendedlogs/${AWS::StackName}/websocket",
    }
    for function in template.functions.values():
        assert function["LoggingConfig"] == {"LogGroup": {"Ref": "FunctionLogGroup"}}
    for group in groups.values():
        assert group["RetentionInDays"] == RETENTION


def test_the_http_api_is_throttled_and_logs_no_header(template: Template) -> None:
    (api,) = template.properties("AWS::Serverless::HttpApi").values()
    assert api["DefaultRouteSettings"] == {
        "ThrottlingRateLimit": {"Ref": "ThrottleRate"},
        "ThrottlingBurstLimit": {"Ref": "ThrottleBurst"},
    }
    # One line of JSON with these variables only: none of them can contain a header.
    assert set(json.loads(api["AccessLogSettings"]["Format"]).values()) == {
        *LOGGED,
        "$context.responseLatency",
        "$context.responseLength",
    }


def test_the_stack_sets_only_what_the_settings_read(template: Template) -> None:
    known = {field.alias for field in Settings.model_fields.values()}
    for function in template.functions.values():
        names = set(function["Environment"]["Variables"]) - {OF_BOTOCORE}
        assert {name for name in names if not name.startswith(AGENT_PREFIX)} <= known


def test_the_defaults_of_the_stack_are_those_of_the_settings(template: Template) -> None:
    needed = {"API_TOKEN_SHA256": sha256(b"token").hexdigest(), "SESSIONS_TABLE": "sessions"}
    variables = template.functions[WEBHOOK]["Environment"]["Variables"]
    defaults = {
        name: str(template.parameters[value["Ref"]]["Default"])
        for name, value in variables.items()
        if name not in needed and "Ref" in value and value["Ref"] in template.parameters
    }
    assert Settings.from_environment({**defaults, **needed}) == Settings.from_environment(needed)


def test_the_token_has_no_default(template: Template) -> None:
    assert "Default" not in template.parameters["TokenSha256"]


def test_the_outputs_are_the_urls_the_table_and_the_monitoring(template: Template) -> None:
    assert set(template.outputs) == {
        "WebhookUrl",
        "WebSocketUrl",
        "PreparedWebhookUrl",
        "SessionsTableName",
        "AlarmTopicArn",
        "DashboardUrl",
    }
    url = template.outputs["WebSocketUrl"]
    host = "${WebSocketApi}.execute-api.${AWS::Region}.${AWS::URLSuffix}"
    assert url["Value"] == {"Fn::Sub": f"wss://{host}/live"}
    assert url["Condition"] == "HasWebSocket"
    for name in ("AlarmTopicArn", "DashboardUrl"):
        output = template.outputs[name]
        assert output["Value"] == {"Fn::GetAtt": ["OperationsStack", f"Outputs.{name}"]}
        assert output["Condition"] == "HasOperations"


def test_the_template_is_short_enough_to_read() -> None:
    lines = (ROOT / "template.yaml").read_text("utf-8").splitlines()
    assert len(lines) <= 750
    assert max(map(len, lines)) <= 160


@pytest.mark.parametrize("name", parameter_sets())
def test_resources_do_not_depend_on_each_other_in_a_circle(name: str) -> None:
    # cfn-lint checks the defaults only.
    resources = expand(ROOT / "template.yaml", name, parameter_sets()[name]).resources
    graph = {name: {*references(resource)} for name, resource in resources.items()}
    order = [*TopologicalSorter(graph).static_order()]
    assert order.index("HttpApi") < order.index("OperationsStack")


def references(node: JsonValue) -> Iterator[str]:
    """Yield the names that a part of a template refers to."""
    match node:
        case {"Ref": str(name)} | {"Fn::GetAtt": [str(name), *_]}:
            yield name
        case {"Fn::Sub": str(text)} | {"Fn::Sub": [str(text), _]}:
            yield from re.findall(r"\$\{(\w+)", text)
        case _:
            pass
    if isinstance(node, dict):
        depends = node.get("DependsOn", [])
        yield from map(str, depends if isinstance(depends, list) else [depends])
    members = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for member in members:
        yield from references(member)


def test_dev_and_prod_are_separate_stacks(stages: Mapping[str, Any]) -> None:
    names = {name: stage["global"]["parameters"]["stack_name"] for name, stage in stages.items()}
    assert names == {
        "default": "aiflow",
        "x86_64": "aiflow",
        "dev": "aiflow-dev",
        "prod": "aiflow-prod",
    }


@pytest.mark.parametrize("command", ["local_invoke", "local_start_api"])
@pytest.mark.parametrize("stage", ["default", "x86_64"])
def test_sam_local_accepts_the_token_of_the_mock_events(
    stages: Mapping[str, Any], stage: str, command: str
) -> None:
    mock = json.loads((ROOT / "events" / "http" / "session_start.json").read_text("utf-8"))
    digest = sha256(mock["headers"]["x-api-token"].encode()).hexdigest()
    overrides = stages[stage][command]["parameters"]["parameter_overrides"]
    assert f"TokenSha256={digest}" in overrides


@pytest.mark.parametrize("command", ["local_invoke", "local_start_api"])
@pytest.mark.parametrize("stage", ["default", "x86_64"])
def test_sam_local_uses_a_local_table(stages: Mapping[str, Any], stage: str, command: str) -> None:
    overrides = stages[stage][command]["parameters"]["parameter_overrides"]
    assert "DynamoDbEndpoint=http://host.docker.internal:8000" in overrides


def test_an_empty_endpoint_means_dynamodb_on_aws(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {**ENVIRONMENT, OF_BOTOCORE: ""}.items():
        monkeypatch.setenv(name, value)
    client = dynamodb_client()
    assert client.meta.endpoint_url == "https://dynamodb.eu-central-1.amazonaws.com"
