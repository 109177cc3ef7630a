"""The pytest plugin, as its users see it."""

import pytest

PASSES = """
def test_the_agent_repeats_what_it_heard(phone):
    call = phone.call()
    call.says("Hello there")
    call.settle()
    assert call.heard[-1] == "You said: Hello there"
    assert call.state == {"silences": 0, "turns": 1}
    assert [action.type for action in call.actions] == ["speak", "speak"]
    assert call.problems == []
"""
FAILS = """
def test_the_agent_knows_everything(phone):
    call = phone.call(transfer="busy")
    call.says("What is the answer?")
    call.settle()
    assert call.heard[-1] == "42"
"""
SCENARIOS = """
scenarios:
  - name: the agent says goodbye
    turns:
      - user: Goodbye
        expect: [{speak: {contains: Goodbye}}, {hangup: {}}]
  - name: the agent sings
    turns:
      - user: Sing!
        expect: [{audio: {}}]
"""
APOLOGY = """
scenarios:
  - name: the caller hears something
    turns:
      - expect: [{speak: {}}]
"""
HANDLER = """
from aiflow import Call, Event, Reply, entrypoint


def handle(event: Event, call: Call) -> Reply:
    return str(1 // 0)


lambda_handler = entrypoint(handle)
"""
TEMPLATE = """
Transform: AWS::Serverless-2016-10-31
Parameters:
  TokenSha256: {Type: String}
  TransferNumber: {Type: String, Default: ""}
Resources:
  Api: {Type: AWS::Serverless::HttpApi}
  Door:
    Type: AWS::Serverless::Function
    Properties:
      Runtime: python3.13
      CodeUri: functions/door
      Handler: app.lambda_handler
      Environment:
        Variables: {API_TOKEN_SHA256: !Ref TokenSha256, SESSIONS_TABLE: calls}
      Events:
        Post: {Type: HttpApi, Properties: {ApiId: !Ref Api, Path: /webhook, Method: POST}}
"""


def run(pytester: pytest.Pytester, *arguments: str) -> pytest.RunResult:
    """Run pytest in a process of its own with only this plugin."""
    return pytester.runpytest_subprocess("-p", "no:cacheprovider", *arguments)


def test_a_test_calls_the_agent_of_the_project(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(PASSES)

    run(pytester).assert_outcomes(passed=1)


def test_a_test_that_fails_shows_the_whole_call(pytester: pytest.Pytester) -> None:
    pytester.makepyfile(FAILS)

    result = run(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*phone call 1*", "*Welcome!*", "*What is the answer?*"])


def test_a_file_of_scenarios_is_a_test_for_each(pytester: pytest.Pytester) -> None:
    pytester.makefile(".call.yaml", agent=SCENARIOS)

    result = run(pytester, "-v")

    result.assert_outcomes(passed=1, failed=1)
    result.stdout.fnmatch_lines(["*the agent says goodbye PASSED*", "*the agent sings FAILED*"])
    result.stdout.fnmatch_lines(
        ["*the actions differ from the expected ones*", "*You said: Sing!*"]
    )
    result.stdout.no_fnmatch_line("*plugin.py*")


def test_an_invalid_scenario_file_is_an_error_with_its_line(pytester: pytest.Pytester) -> None:
    pytester.makefile(".call.yaml", agent="scenarios:\n  - name: x\n    turn: []\n")

    result = run(pytester)

    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*agent.call.yaml:3:*turn*"])


def test_an_unknown_option_is_rejected(pytester: pytest.Pytester) -> None:
    pytester.makepyfile("def test_it(phone):\n    phone.call(weather='fine')\n")

    result = run(pytester)

    result.assert_outcomes(failed=1)
    result.stdout.fnmatch_lines(["*weather*"])


def test_an_error_of_a_handler_is_shown_and_fails_a_scenario(pytester: pytest.Pytester) -> None:
    (pytester.path / "template.yaml").write_text(TEMPLATE, encoding="utf-8")
    function = pytester.path / "functions" / "door"
    function.mkdir(parents=True)
    (function / "app.py").write_text(HANDLER, encoding="utf-8")
    pytester.makefile(".call.yaml", agent=APOLOGY)
    pytester.makepyfile(FAILS)

    result = run(pytester)

    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines_random(["*ZeroDivisionError*", "*error of a handler*"])
