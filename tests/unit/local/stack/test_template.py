"""The model of a stack, read from a template."""

from pathlib import Path

import pytest

from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.errors import TemplateError
from aiflow_local.stack.template import Route, Stack, Template

ROOT = Path(__file__).parents[4]
DIGEST = "0" * 64

HEAD = """
Parameters:
  Mode: {Type: String, Default: plain, AllowedValues: [plain, fancy]}
  Size: {Type: Number, Default: 4, MinValue: 1, MaxValue: 9}
  Names: {Type: CommaDelimitedList, Default: "a,b"}
  Code: {Type: String, Default: ab, AllowedPattern: "[a-z]+", ConstraintDescription: is letters.}
Conditions:
  Fancy: !Equals [!Ref Mode, fancy]
  Plain: !Not [!Condition Fancy]
  Both: !And [!Condition Fancy, !Condition Plain]
  Either: !Or [!Condition Fancy, !Condition Plain]
  Circle: !Not [!Condition Circle]
Globals:
  Function:
    Handler: app.handler
    Timeout: 10
    Environment: {Variables: {SHARED: globals, OWN: globals}}
Resources:
  Table: {Type: AWS::DynamoDB::Table, Properties: {BillingMode: PAY_PER_REQUEST}}
  Api: {Type: AWS::Serverless::HttpApi}
"""


def stack(tmp_path: Path, value: str, events: str = "{}", **parameters: str) -> Stack:
    """Resolve a template with one function that has `value` in its environment."""
    path = tmp_path / "template.yaml"
    function = f"""
  Function:
    Type: AWS::Serverless::Function
    Properties:
      CodeUri: functions/one
      Environment: {{Variables: {{OWN: function, VALUE: {value}}}}}
      Events: {events}
"""
    path.write_text(HEAD + function, encoding="utf-8")
    return Template(path).stack(parameters)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("text", "text"),
        ("5", "5"),
        ("true", "true"),
        ("!Ref Mode", "plain"),
        ("!Ref Size", "4"),
        ("!Ref Table", "aiflow-local-Table"),
        ("!Ref AWS::StackName", "aiflow-local"),
        ("!GetAtt Table.Arn", "aiflow-local-Table.Arn"),
        ("{Fn::GetAtt: [Table, Arn]}", "aiflow-local-Table.Arn"),
        ("!If [Fancy, yes, 'no']", "no"),
        ("!If [Plain, 'on', 'off']", "on"),
        ("!If [Both, 'on', 'off']", "off"),
        ("!If [Either, 'on', 'off']", "on"),
        ("!Join ['-', !Ref Names]", "a-b"),
        ("!Sub '${Mode}/${AWS::Region}/${!Mode}/${Table.Arn}'", None),
        ("!Sub ['${Own}-${Mode}', {Own: !Ref Size}]", "4-plain"),
    ],
)
def test_the_environment_of_a_function_is_resolved(
    tmp_path: Path, value: str, expected: str | None
) -> None:
    (function,) = stack(tmp_path, value).functions
    expected = expected or "plain/eu-central-1/${Mode}/aiflow-local-Table.Arn"
    assert function.environment["VALUE"] == expected


def test_an_environment_variable_without_a_value_is_left_out(tmp_path: Path) -> None:
    (function,) = stack(tmp_path, "!If [Fancy, yes, !Ref AWS::NoValue]").functions
    assert function.environment == {"SHARED": "globals", "OWN": "function"}


def test_given_parameters_override_defaults(tmp_path: Path) -> None:
    (function,) = stack(tmp_path, "!If [Fancy, !Ref Size, none]", Mode="fancy", Size="7").functions
    assert function.environment["VALUE"] == "7"


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"Mod": "fancy"}, "Mod is not a parameter of the template; it has: Mode, Size"),
        ({"Mode": "loud"}, "Mode must be one of plain, fancy"),
        ({"Size": "10"}, "Size must be a number from 1 to 9"),
        ({"Size": "much"}, "Size must be a number from 1 to 9"),
        ({"Code": "A1"}, "Code is letters."),
    ],
)
def test_invalid_parameters_are_rejected(
    tmp_path: Path, parameters: dict[str, str], message: str
) -> None:
    with pytest.raises(TemplateError, match=message):
        stack(tmp_path, "text", **parameters)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        ("!Ref Nothing", "Nothing is neither a parameter nor a resource"),
        ("!If [Nothing, 1, 2]", "Nothing is not a condition"),
        ("!If [Fancy, 1]", "arguments"),
        ("!Select [0, !Ref Names]", "Fn::Select"),
        ("!Transform {Name: Macro}", "Fn::Transform"),
        ("!If [Circle, 1, 2]", "refers to itself"),
        ("[", "is not valid YAML"),
    ],
)
def test_the_error_names_what_is_not_supported(tmp_path: Path, value: str, message: str) -> None:
    with pytest.raises(TemplateError, match=message):
        stack(tmp_path, value)


def test_a_parameter_without_a_default_must_be_given() -> None:
    with pytest.raises(TemplateError, match="--parameter TokenSha256="):
        Template(ROOT / "template.yaml").stack({})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "\0",
        "Parameters: {}",
        "Resources: []",
        "Resources: {One: 1}",
        "{Resources: {}, Parameters: {One: 1}}",
        "{Resources: {}, Parameters: [1]}",
        "Resources: {One: {Type: AWS::Serverless::Function, Properties: 1}}",
        "Resources: {One: {Type: AWS::Serverless::Function, Properties: {Handler: a.b}}}",
        """
        Resources:
          One:
            Type: AWS::Serverless::Function
            Properties: {Handler: a.b, CodeUri: a, Timeout: soon}
        """,
    ],
)
def test_an_invalid_template_is_rejected(tmp_path: Path, text: str) -> None:
    path = tmp_path / "template.yaml"
    path.write_text(text)
    with pytest.raises(TemplateError):
        Template(path).stack({})


def test_a_missing_template_is_rejected(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="No such file"):
        Template(tmp_path / "template.yaml")


def test_routes_come_from_the_http_api_events_of_a_function(tmp_path: Path) -> None:
    events = """
        One: {Type: HttpApi, Properties: {ApiId: !Ref Api, Method: post, Path: /one}}
        Any: {Type: HttpApi, Properties: {Path: "/{proxy+}"}}
        Rest: {Type: HttpApi}
        Clock: {Type: Schedule, Properties: {Schedule: rate(1 day)}}
"""
    (function,) = stack(tmp_path, "text", events).functions
    assert function.routes == (
        Route("POST", "/one"),
        Route("ANY", "/{proxy+}"),
        Route("ANY", "$default"),
    )
    assert [route.key for route in function.routes] == ["POST /one", "ANY /{proxy+}", "$default"]


def test_a_function_inherits_from_globals_and_from_the_defaults_of_sam(tmp_path: Path) -> None:
    (function,) = stack(tmp_path, "text").functions
    assert (function.handler, function.timeout_seconds, function.memory_mb) == (
        "app.handler",
        10,
        128,
    )


def test_resources_with_a_false_condition_are_left_out(tmp_path: Path) -> None:
    (tmp_path / "template.yaml").write_text(
        HEAD
        + """
  Extra: {Type: AWS::DynamoDB::Table, Condition: Fancy, Properties: {}}
  Other:
    Type: AWS::Serverless::Function
    Condition: Fancy
    Properties: {CodeUri: functions/other, Environment: {Variables: {TABLE: !Ref Extra}}}
""",
        encoding="utf-8",
    )
    template = Template(tmp_path / "template.yaml")
    fancy, plain = template.stack({"Mode": "fancy"}), template.stack({})
    assert [function.name for function in fancy.functions] == ["Other"]
    assert [*fancy.tables] == ["aiflow-local-Table", "aiflow-local-Extra"]
    assert plain.functions == ()
    assert [*plain.tables] == ["aiflow-local-Table"]


@pytest.mark.parametrize(
    ("condition", "message"),
    [
        ("Fancy", "Extra does not exist: its condition is false"),
        ("Nothing", "Nothing is not a condition"),
        ("Circle", "refers to itself"),
    ],
)
def test_a_reference_to_a_missing_resource_is_rejected(
    tmp_path: Path, condition: str, message: str
) -> None:
    value = "!Ref Extra"
    extra = f"\n  Extra: {{Type: AWS::DynamoDB::Table, Condition: {condition}}}"
    with pytest.raises(TemplateError, match=message):
        stack(tmp_path, value, f"{{}}{extra}")


def test_the_template_of_this_project_has_a_function_for_each_event_type() -> None:
    parameters = {"TokenSha256": DIGEST, "WebSocket": "disabled"}
    own = Template(ROOT / "template.yaml").stack(parameters)
    routes = {function.code.name: function.routes for function in own.functions if function.routes}
    assert routes.pop("functions") == (Route("POST", "/webhook"),)
    assert set(routes) == set(EVENT_TYPES)
    assert routes == {name: (Route("POST", f"/events/{name}"),) for name in routes}
    assert [*own.tables] == ["aiflow-local-SessionsTable"]
    for function in own.functions:
        assert function.environment["SESSIONS_TABLE"] == "aiflow-local-SessionsTable"
        assert function.environment["API_TOKEN_SHA256"] == DIGEST
