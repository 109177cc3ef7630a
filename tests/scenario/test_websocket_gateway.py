"""The emulated WebSocket API: connections and messages.

Plain functions replace those of the agent, so that only the gateway is tested.
"""

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from aiflow_local.emulator.websocket import ConnectionLimits
from aiflow_local.tokens import Token
from tests.scenario.conftest import ROOT, TOKEN, Agent, Serve, WebSocket, put

# Writes each event to a file for the test.
RECORDING = """
import json
from pathlib import Path

def lambda_handler(event, context):
    with Path(__file__).with_name("seen.jsonl").open("a") as seen:
        print(json.dumps(event), file=seen)
    {body}
"""
# Sends messages through `@connections`, like any function on AWS.
SENDING = """
import json, threading, botocore.session

CLIENT = botocore.session.get_session().create_client("apigatewaymanagementapi")
BARRIER = threading.Barrier(2)

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
    """Return the events that a function was invoked with."""
    records = project / "functions" / function / "seen.jsonl"
    return (
        [json.loads(line) for line in records.read_text().splitlines()] if records.exists() else []
    )


def rejected(agent: Agent, token: str | None = TOKEN.secret, path: str = "/") -> tuple[int, Any]:
    """Expect that a handshake is rejected; return the status and the message."""
    with pytest.raises(InvalidStatus) as error, agent.connected(token, path):
        pass
    response = error.value.response
    return response.status_code, json.loads(response.body)["message"]


@pytest.fixture
def plain(copy: Path) -> Path:
    """A project with plain functions; `user_speak` sends its event back."""
    write(copy, "connection", RECORDING, OK)
    write(copy, "user_speak", SENDING, "send(event)")
    return copy


@pytest.fixture
def echo(serve: Serve, plain: Path) -> Iterator[Agent]:
    """The served project of plain functions."""
    with serve(plain) as agent:
        yield agent


@pytest.fixture
def socket(echo: Agent) -> Iterator[WebSocket]:
    """A connection to the project of plain functions."""
    with echo.connected() as socket:
        yield socket


def test_a_handshake_without_the_token_gets_401_and_invokes_no_function(
    serve: Serve, plain: Path
) -> None:
    write(plain, "authorizer", RECORDING, OK)
    with serve(plain) as agent:
        assert rejected(agent, token=None) == (401, "Unauthorized")
        assert rejected(agent, token="") == (401, "Unauthorized")
        entry = agent.told("$connect")
        assert (entry.status, entry.report) == (401, None)
    assert seen(plain, "authorizer") == seen(plain, "connection") == []


@pytest.mark.parametrize("token", ["wrong", TOKEN.digest, TOKEN.secret[:-1]])
def test_a_handshake_with_a_wrong_token_gets_403(echo: Agent, plain: Path, token: str) -> None:
    assert rejected(echo, token) == (403, "Forbidden")
    entry = echo.told()
    assert entry.report is not None
    assert (entry.route_key, entry.status, entry.report.reason) == ("$connect", 403, "wrong")
    assert seen(plain, "connection") == []


def test_both_tokens_are_accepted_during_a_rotation(serve: Serve, plain: Path) -> None:
    other = Token("the next token made up for these tests")
    with serve(plain, TokenSha256Next=other.digest) as agent:
        for token in (TOKEN, other):
            with agent.connected(token.secret):
                assert agent.told("$connect").status == 200


@pytest.mark.parametrize("path", ["/", "", "/live", "/live/"])
def test_the_path_of_a_handshake_may_have_the_stage(echo: Agent, path: str) -> None:
    with echo.connected(path=path) as socket:
        socket.send(SPEAK)
        assert socket.receive()["requestContext"]["routeKey"] == "user_speak"


def test_a_handshake_with_another_path_gets_403(echo: Agent) -> None:
    assert rejected(echo, path="/dead") == (403, "Forbidden")


def test_a_handshake_gets_404_if_the_websocket_api_is_disabled(serve: Serve, copy: Path) -> None:
    with serve(copy, WebSocket="disabled") as agent:
        assert rejected(agent) == (404, "Not Found")
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
def test_the_policy_of_the_authorizer_decides_about_the_handshake(
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
    write(plain, "authorizer", RECORDING, answer)
    path = plain / "functions/authorizer/app.py"
    path.write_text(policy + path.read_text("utf-8"), encoding="utf-8")
    with serve(plain) as agent:
        if status:
            assert rejected(agent)[0] == status
            assert bool(agent.complaints) == (status == 500)
        else:
            with agent.connected():
                pass
            agent.told("$disconnect")
            context = {"principalId": "me", "plan": "1", "beta": "true"}
            for event in seen(plain, "connection"):
                assert event["requestContext"]["authorizer"] == context


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
def test_the_function_of_connect_decides_about_the_handshake(
    serve: Serve, plain: Path, answer: str, status: int | None
) -> None:
    write(plain, "connection", RECORDING, answer)
    with serve(plain) as agent:
        if status:
            assert rejected(agent)[0] == status
        else:
            with agent.connected():
                pass
        assert agent.told("$connect").status == (status or 200)


def test_a_message_is_logged_after_its_invocation(echo: Agent, socket: WebSocket) -> None:
    socket.send(SPEAK)
    context = socket.receive()["requestContext"]
    entry = echo.told("user_speak")
    assert (entry.status, entry.connection_id) == (200, context["connectionId"])


@pytest.mark.parametrize("text", ['{"type": "moon_rose"}', "not JSON", '{"type": "$connect"}'])
def test_a_message_without_a_route_takes_the_default_route(
    echo: Agent, socket: WebSocket, plain: Path, text: str
) -> None:
    socket.send(text)
    assert echo.told("$default").status == 200
    assert seen(plain, "connection")[-1]["body"] == text


def test_without_a_default_route_a_message_is_forbidden_and_the_connection_stays_open(
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


def test_a_failing_function_sends_an_error_and_the_connection_stays_open(
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


def test_messages_of_one_connection_run_concurrently(serve: Serve, plain: Path) -> None:
    # Each invocation waits for the other one: run one after another, both would time out.
    write(plain, "user_speak", SENDING, "BARRIER.wait(20); send('done')")
    with serve(plain) as agent, agent.connected() as socket:
        socket.send(SPEAK)
        socket.send(SPEAK)
        assert [socket.receive(), socket.receive()] == ["done", "done"]


def test_an_answer_is_sent_on_the_connection_of_its_message(echo: Agent) -> None:
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


def test_a_message_may_have_at_most_128_kb_in_several_frames(
    echo: Agent, socket: WebSocket, plain: Path
) -> None:
    socket.socket.send(["x" * 32 * 1024] * 4)
    assert echo.told("$default").status == 200
    assert len(seen(plain, "connection")[-1]["body"]) == 128 * 1024
    socket.socket.send([*["x" * 32 * 1024] * 4, "x"])
    assert socket.end()[0] == 1009


@pytest.mark.parametrize(
    ("code", "reason", "expected"),
    [
        (1000, "", (1000, "Connection Closed Normally")),
        (1001, "bye", (1001, "bye")),
        (4000, "", (4000, "")),
    ],
)
def test_disconnect_gets_the_close_code_and_the_reason(
    echo: Agent, plain: Path, code: int, reason: str, expected: tuple[int, str]
) -> None:
    with echo.connected() as socket:
        socket.socket.close(code, reason)
    echo.told("$disconnect")
    context = seen(plain, "connection")[-1]["requestContext"]
    assert (context["disconnectStatusCode"], context["disconnectReason"]) == expected


def test_a_lost_network_connection_invokes_disconnect(echo: Agent, plain: Path) -> None:
    with echo.connected() as socket:
        socket.socket.socket.shutdown(2)
        echo.told("$disconnect")
    assert seen(plain, "connection")[-1]["requestContext"]["disconnectStatusCode"] == 1006


def test_an_idle_connection_is_closed(serve: Serve, plain: Path) -> None:
    with serve(plain, ConnectionLimits(idle_seconds=0.01)) as agent, agent.connected() as socket:
        assert socket.end() == (1001, "Going away")
        assert agent.told("$disconnect").status == 200
        context = seen(plain, "connection")[-1]["requestContext"]
        assert (context["disconnectStatusCode"], context["disconnectReason"]) == (
            1001,
            "Going away",
        )


def test_a_connection_is_closed_at_its_maximum_duration(serve: Serve, plain: Path) -> None:
    limits = ConnectionLimits(connection_seconds=0.01)
    with serve(plain, limits) as agent, agent.connected() as socket:
        assert socket.end() == (1001, "Going away")


def test_a_reload_affects_open_connections(echo: Agent, socket: WebSocket, plain: Path) -> None:
    socket.send(SPEAK)
    assert socket.receive()["body"] == SPEAK
    write(plain, "user_speak", SENDING, "send('edited')")
    echo.gateway.reload()
    socket.send(SPEAK)
    assert socket.receive() == "edited"


def test_modules_are_removed_when_the_gateway_stops(serve: Serve, plain: Path) -> None:
    found = {name: module for name, module in sys.modules.items() if "user_speak" in name}
    with serve(plain) as agent:
        agent.gateway.reload()
        edited = sys.modules["user_speak.app"]
    assert edited.__file__ == str(plain / "functions/user_speak/app.py")
    assert {name: m for name, m in sys.modules.items() if "user_speak" in name} == found


def test_a_stopping_gateway_closes_its_connections(serve: Serve, plain: Path) -> None:
    with serve(plain) as agent:
        connection = agent.connected()
        socket = connection.__enter__()
    assert socket.end() == (1001, "Going away")
    connection.__exit__(None, None, None)
    assert agent.told("$disconnect").status == 200


def test_a_stopping_gateway_does_not_wait_for_a_hanging_function(serve: Serve, plain: Path) -> None:
    write(plain, "user_speak", SENDING, "send('hanging'); threading.Event().wait()")
    with serve(plain) as agent:
        connection = agent.connected()
        socket = connection.__enter__()
        socket.send(SPEAK)
        assert socket.receive() == "hanging"
    assert socket.end()[0] == 1001
    connection.__exit__(None, None, None)


# A client in a process of its own, in which moto does not patch botocore.
CLIENT_PROGRAM = """
import json, sys
import botocore.session

url, connection_id = sys.argv[1:]
client = botocore.session.get_session().create_client(
    "apigatewaymanagementapi", region_name="eu-central-1", endpoint_url=url,
    aws_access_key_id="any", aws_secret_access_key="any",
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
def test_an_aws_client_in_another_process_manages_connections(
    echo: Agent, socket: WebSocket, plain: Path, stage: str
) -> None:
    connection_id = echo.told("$connect").connection_id
    client = subprocess.run(
        [sys.executable, "-c", CLIENT_PROGRAM, echo.url + stage, connection_id],
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


def test_posting_to_a_closed_connection_gets_410(echo: Agent) -> None:
    response = echo.request("POST", "/@connections/nobody%3D", content=b"{}")
    assert (response.status_code, response.json()) == (410, {"message": "Gone"})
    assert response.headers["x-amzn-errortype"] == "GoneException"


def test_an_unsupported_method_on_a_connection_gets_403(echo: Agent, socket: WebSocket) -> None:
    del socket
    path = f"/@connections/{echo.told('$connect').connection_id}"
    assert echo.request("PATCH", path).status_code == 403
