"""The WebSocket: what API Gateway does with connections and messages.

Plain functions stand behind it, so that it is the gateway that is seen, and no agent.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from aiflow_local.emulator.websocket import Limits
from aiflow_local.tokens import Token
from tests.scenario.conftest import ROOT, TOKEN, Agent, Serve, WebSocket, put

# Keeps what it was invoked with, where a test finds it.
NOTING = """
import json
from pathlib import Path

def lambda_handler(event, context):
    with Path(__file__).with_name("seen.jsonl").open("a") as seen:
        print(json.dumps(event), file=seen)
    {body}
"""
# Sends as anybody would on AWS.
SENDING = """
import json, threading, botocore.session

CLIENT = botocore.session.get_session().create_client("apigatewaymanagementapi")
MEETING = threading.Barrier(2)

def handle(event, call): ...

def lambda_handler(event, context):
    def send(text):
        connection_id = event["requestContext"]["connectionId"]
        CLIENT.post_to_connection(ConnectionId=connection_id, Data=json.dumps(text))
    {body}
"""
OK = "return {'statusCode': 200}"
SPEAK = '{"type": "user_speak"}'


def write(project: Path, function: str, code: str, body: str) -> None:
    """Put a plain function in the place of one of the project, or of the layer."""
    put(project, function, code.format(body=body))


def seen(project: Path, function: str) -> list[Mapping[str, Any]]:
    """What a function was invoked with."""
    notes = project / "functions" / function / "seen.jsonl"
    return [json.loads(line) for line in notes.read_text().splitlines()] if notes.exists() else []


def refused(agent: Agent, token: str | None = TOKEN.secret, path: str = "/") -> tuple[int, Any]:
    """Fail to connect; return the status and the message."""
    with pytest.raises(InvalidStatus) as refusal, agent.connected(token, path):
        pass
    response = refusal.value.response
    return response.status_code, json.loads(response.body)["message"]


@pytest.fixture
def plain(copy: Path) -> Path:
    """A project of plain functions; `user_speak` sends back what it gets."""
    write(copy, "connection", NOTING, OK)
    write(copy, "user_speak", SENDING, "send(event)")
    return copy


@pytest.fixture
def echo(serve: Serve, plain: Path) -> Iterator[Agent]:
    """That project, being served."""
    with serve(plain) as agent:
        yield agent


@pytest.fixture
def socket(echo: Agent) -> Iterator[WebSocket]:
    """A connection to it."""
    with echo.connected() as socket:
        yield socket


def test_without_the_header_it_is_401_and_nothing_is_invoked(serve: Serve, plain: Path) -> None:
    write(plain, "authorizer", NOTING, OK)
    with serve(plain) as agent:
        assert refused(agent, token=None) == (401, "Unauthorized")
        assert refused(agent, token="") == (401, "Unauthorized")
        told = agent.told("$connect")
        assert (told.status, told.report) == (401, None)
    assert seen(plain, "authorizer") == seen(plain, "connection") == []


@pytest.mark.parametrize("token", ["wrong", TOKEN.digest, TOKEN.secret[:-1]])
def test_with_a_wrong_token_it_is_403(echo: Agent, plain: Path, token: str) -> None:
    assert refused(echo, token) == (403, "Forbidden")
    told = echo.told()
    assert told.report is not None
    assert (told.route_key, told.status, told.report.reason) == ("$connect", 403, "wrong")
    assert seen(plain, "connection") == []


def test_both_tokens_let_in_while_a_token_is_changed(serve: Serve, plain: Path) -> None:
    other = Token("the next token made up for these tests")
    with serve(plain, TokenSha256Next=other.digest) as agent:
        for token in (TOKEN, other):
            with agent.connected(token.secret):
                assert agent.told("$connect").status == 200


@pytest.mark.parametrize("path", ["/", "", "/live", "/live/"])
def test_one_connects_with_the_stage_or_without(echo: Agent, path: str) -> None:
    with echo.connected(path=path) as socket:
        socket.send(SPEAK)
        assert socket.receive()["requestContext"]["routeKey"] == "user_speak"


def test_another_path_is_403(echo: Agent) -> None:
    assert refused(echo, path="/dead") == (403, "Forbidden")


def test_where_the_websocket_is_switched_off_nobody_connects(serve: Serve, copy: Path) -> None:
    with serve(copy, WebSocket="disabled") as agent:
        assert refused(agent) == (404, "Not Found")
        assert agent.request("POST", "/@connections/one").status_code == 404


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("raise ValueError('no')", 500),
        ("return 'yes'", 500),
        ("return {'principalId': 'me'}", 500),
        ("return policy('Allow', event['methodArn'])", None),
        ("return policy('Allow', event['methodArn'].replace('$connect', '*'))", None),
        ("return policy('Allow', '*')", None),
        ("return policy('Deny', '*')", 403),
        ("return policy('Allow', 'arn:aws:execute-api:*:*:other/*')", 403),
    ],
)
def test_the_policy_of_the_authorizer_is_obeyed(
    serve: Serve, plain: Path, answer: str, status: int | None
) -> None:
    policy = """
def policy(effect, arn):
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": [arn]}
    return {
        "principalId": "me",
        "policyDocument": {"Statement": [statement]},
        "context": {"plan": 1, "beta": True},
    }
"""
    write(plain, "authorizer", NOTING, answer)
    path = plain / "functions/authorizer/app.py"
    path.write_text(policy + path.read_text("utf-8"), encoding="utf-8")
    with serve(plain) as agent:
        if status:
            assert refused(agent)[0] == status
            assert bool(agent.complaints) == (status == 500)
        else:
            with agent.connected():
                pass
            agent.told("$disconnect")
            told = {"principalId": "me", "plan": "1", "beta": "true"}
            for event in seen(plain, "connection"):
                assert event["requestContext"]["authorizer"] == told


@pytest.mark.parametrize(
    ("answer", "status"),
    [
        ("return {'statusCode': 429}", 429),
        ("raise ValueError('no')", 502),
        ("return None", 502),
        ("return {'statusCode': 'fine'}", 502),
        ("return {'statusCode': '204'}", None),
    ],
)
def test_the_function_behind_connect_decides_too(
    serve: Serve, plain: Path, answer: str, status: int | None
) -> None:
    write(plain, "connection", NOTING, answer)
    with serve(plain) as agent:
        if status:
            assert refused(agent)[0] == status
        else:
            with agent.connected():
                pass
        assert agent.told("$connect").status == (status or 200)


def test_a_message_is_told_when_its_invocation_is_over(echo: Agent, socket: WebSocket) -> None:
    socket.send(SPEAK)
    context = socket.receive()["requestContext"]
    told = echo.told("user_speak")
    assert (told.status, told.connection_id) == (200, context["connectionId"])


@pytest.mark.parametrize("text", ['{"type": "moon_rose"}', "not JSON", '{"type": "$connect"}'])
def test_what_no_route_is_for_takes_the_default_route(
    echo: Agent, socket: WebSocket, plain: Path, text: str
) -> None:
    socket.send(text)
    assert echo.told("$default").status == 200
    assert seen(plain, "connection")[-1]["body"] == text


def test_without_a_default_route_it_is_forbidden_and_the_connection_stays(
    serve: Serve, plain: Path
) -> None:
    template = plain / "template.yaml"
    text = template.read_text("utf-8").replace("RouteKey: $default", "RouteKey: other")
    template.write_text(text, encoding="utf-8")
    with serve(plain) as agent, agent.connected() as socket:
        socket.send("not JSON")
        assert socket.receive()["message"] == "Forbidden"
        socket.send(SPEAK)
        assert socket.receive()["body"] == SPEAK


def test_a_function_that_fails_is_said_to_the_client_and_the_connection_stays(
    serve: Serve, plain: Path
) -> None:
    write(plain, "user_speak", SENDING, "send(1 / len(json.loads(event['body']).get('words', '')))")
    with serve(plain) as agent, agent.connected() as socket:
        socket.send(SPEAK)
        answer = socket.receive()
        assert answer.keys() == {"message", "connectionId", "requestId"}
        assert answer["message"] == "Internal server error"
        assert agent.told("user_speak").status == 500
        assert "ZeroDivisionError" in agent.complaints[0]
        socket.send({"type": "user_speak", "words": "ab"})
        assert socket.receive() == 0.5


def test_two_messages_of_one_connection_run_at_once(serve: Serve, plain: Path) -> None:
    # Each waits for the other one: if they ran one after another, neither would come to its end.
    write(plain, "user_speak", SENDING, "MEETING.wait(20); send('met')")
    with serve(plain) as agent, agent.connected() as socket:
        socket.send(SPEAK)
        socket.send(SPEAK)
        assert [socket.receive(), socket.receive()] == ["met", "met"]


def test_an_answer_reaches_the_connection_that_asked(echo: Agent) -> None:
    with echo.connected() as one, echo.connected() as other:
        sockets = [one, other]
        for number, socket in enumerate(sockets):
            socket.send({"type": "user_speak", "session": {"id": "same"}, "number": number})
        answers = [json.loads(socket.receive()["body"])["number"] for socket in sockets]
    assert answers == [0, 1]


def test_a_binary_frame_closes_the_connection(echo: Agent, socket: WebSocket, plain: Path) -> None:
    socket.socket.send(b"binary")
    assert socket.end()[0] == 1003
    echo.told("$disconnect")
    assert seen(plain, "connection")[-1]["requestContext"]["disconnectStatusCode"] == 1003


def test_a_frame_of_more_than_32_kb_closes_the_connection(
    echo: Agent, socket: WebSocket, plain: Path
) -> None:
    socket.send("x" * (32 * 1024 + 1))
    assert socket.end()[0] == 1009
    echo.told("$disconnect")
    assert seen(plain, "connection")[-1]["requestContext"]["disconnectStatusCode"] == 1009


def test_a_message_of_128_kb_in_small_frames_is_taken_and_a_larger_one_is_not(
    echo: Agent, socket: WebSocket, plain: Path
) -> None:
    socket.socket.send(["x" * 32 * 1024] * 4)
    assert echo.told("$default").status == 200
    assert len(seen(plain, "connection")[-1]["body"]) == 128 * 1024
    socket.socket.send([*["x" * 32 * 1024] * 4, "x"])
    assert socket.end()[0] == 1009


@pytest.mark.parametrize(
    ("code", "reason", "told"),
    [
        (1000, "", (1000, "Connection Closed Normally")),
        (1001, "bye", (1001, "bye")),
        (4000, "", (4000, "")),
    ],
)
def test_the_end_is_told_with_its_code_and_its_reason(
    echo: Agent, plain: Path, code: int, reason: str, told: tuple[int, str]
) -> None:
    with echo.connected() as socket:
        socket.socket.close(code, reason)
    echo.told("$disconnect")
    context = seen(plain, "connection")[-1]["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == told


def test_a_line_that_breaks_is_an_end_too(echo: Agent, plain: Path) -> None:
    with echo.connected() as socket:
        socket.socket.socket.shutdown(2)
        echo.told("$disconnect")
    assert seen(plain, "connection")[-1]["requestContext"]["disconnectStatusCode"] == 1006


def test_a_connection_that_is_idle_is_closed(serve: Serve, plain: Path) -> None:
    with serve(plain, Limits(idle_seconds=0.01)) as agent, agent.connected() as socket:
        assert socket.end() == (1001, "Going away")
        assert agent.told("$disconnect").status == 200
        context = seen(plain, "connection")[-1]["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == (
            1001,
            "Going away",
        )


def test_a_connection_that_was_open_for_long_is_closed(serve: Serve, plain: Path) -> None:
    limits = Limits(connection_seconds=0.01)
    with serve(plain, limits) as agent, agent.connected() as socket:
        assert socket.end() == (1001, "Going away")


def test_an_edit_is_taken_over_while_connections_are_open(
    echo: Agent, socket: WebSocket, plain: Path
) -> None:
    socket.send(SPEAK)
    assert socket.receive()["body"] == SPEAK
    write(plain, "user_speak", SENDING, "send('edited')")
    echo.gateway.reload()
    socket.send(SPEAK)
    assert socket.receive() == "edited"


def test_an_edit_leaves_no_module_behind(serve: Serve, plain: Path) -> None:
    found = {name: module for name, module in sys.modules.items() if "user_speak" in name}
    with serve(plain) as agent:
        agent.gateway.reload()
        edited = sys.modules["user_speak.app"]
    assert edited.__file__ == str(plain / "functions/user_speak/app.py")
    assert {name: m for name, m in sys.modules.items() if "user_speak" in name} == found


def test_the_end_of_the_gateway_is_a_goodbye(serve: Serve, plain: Path) -> None:
    with serve(plain) as agent:
        entered = agent.connected()
        socket = entered.__enter__()
    assert socket.end() == (1001, "Going away")
    entered.__exit__(None, None, None)
    assert agent.told("$disconnect").status == 200


def test_the_end_of_the_gateway_waits_for_no_function_that_hangs(serve: Serve, plain: Path) -> None:
    write(plain, "user_speak", SENDING, "send('hanging'); threading.Event().wait()")
    with serve(plain) as agent:
        entered = agent.connected()
        socket = entered.__enter__()
        socket.send(SPEAK)
        assert socket.receive() == "hanging"
    assert socket.end()[0] == 1001
    entered.__exit__(None, None, None)


# A client of its own process, where nothing stands in for AWS.
ELSEWHERE = """
import json, sys
import botocore.session

url, connection_id = sys.argv[1:]
client = botocore.session.get_session().create_client(
    "apigatewaymanagementapi", region_name="eu-central-1", endpoint_url=url,
    aws_access_key_id="nobody", aws_secret_access_key="nothing",
)
status = client.get_connection(ConnectionId=connection_id)
print(json.dumps([status["Identity"], status["ConnectedAt"] <= status["LastActiveAt"]]))
client.post_to_connection(ConnectionId=connection_id, Data=b'"from elsewhere"')
try:
    client.post_to_connection(ConnectionId=connection_id, Data=b"x" * (128 * 1024 + 1))
except client.exceptions.PayloadTooLargeException as error:
    print(json.dumps(error.response["ResponseMetadata"]["HTTPStatusCode"]))
client.delete_connection(ConnectionId=connection_id)
for call in (client.get_connection, client.delete_connection):
    try:
        call(ConnectionId=connection_id)
    except client.exceptions.GoneException as error:
        print(json.dumps(error.response["ResponseMetadata"]["HTTPStatusCode"]))
"""


@pytest.mark.parametrize("stage", ["", "/live"])
def test_an_aws_client_of_another_process_manages_connections(
    echo: Agent, socket: WebSocket, plain: Path, stage: str
) -> None:
    connection_id = echo.told("$connect").connection_id
    client = subprocess.run(
        [sys.executable, "-c", ELSEWHERE, echo.url + stage, connection_id],
        capture_output=True,
        check=True,
        cwd=ROOT,
        text=True,
    )
    (identity, alive), *statuses = map(json.loads, client.stdout.splitlines())
    assert identity["SourceIp"] == "127.0.0.1"
    assert identity["UserAgent"].startswith("Python/")
    assert alive
    assert statuses == [413, 410, 410]
    assert socket.receive() == "from elsewhere"
    assert socket.end() == (1000, "Connection Closed Normally")
    echo.told("$disconnect")
    assert seen(plain, "connection")[-1]["requestContext"]["disconnectStatusCode"] == 1000


def test_what_is_posted_to_nobody_is_gone(echo: Agent) -> None:
    response = echo.request("POST", "/@connections/nobody%3D", content=b"{}")
    assert (response.status_code, response.json()) == (410, {"message": "Gone"})
    assert response.headers["x-amzn-errortype"] == "GoneException"


def test_what_cannot_be_done_with_a_connection_is_forbidden(echo: Agent, socket: WebSocket) -> None:
    del socket
    path = f"/@connections/{echo.told('$connect').connection_id}"
    assert echo.request("PATCH", path).status_code == 403
