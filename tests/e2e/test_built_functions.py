"""The output of `sam build`, in Lambda's own runtime emulator."""

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import replace
from hashlib import sha256
from itertools import count
from pathlib import Path

import pytest

from aiflow.protocol.types import JsonObject, JsonValue
from tests.e2e.conftest import Start
from tests.helpers.emulator import Emulator, Function, FunctionError
from tests.helpers.management import ManagementServer
from tests.helpers.runtime import TOKEN, websocket
from tests.helpers.template import ROOT

pytestmark = pytest.mark.built

# The types of the actions in the answer to each mock event.
CASES: Mapping[str, list[str]] = {
    "session_start": ["speak"],
    "user_speech_started": [],
    "user_speak": ["speak"],
    "dtmf_received": ["barge_in", "speak"],
    "assistant_speak": [],
    "assistant_speech_ended": [],
    "user_input_timeout": ["speak"],
    "session_end": [],
    "sms_failed": ["speak"],
}
EACH_TYPE = pytest.mark.parametrize(("event_type", "expected"), CASES.items(), ids=CASES)


@pytest.fixture(scope="session")
def session_ids() -> Iterator[str]:
    return (f"session-{number}" for number in count())


@pytest.fixture
def session_id(session_ids: Iterator[str]) -> str:
    """A new session id for each test."""
    return next(session_ids)


def event(event_type: str, session_id: str, **members: JsonValue) -> JsonObject:
    """Return the mock event of a type, with the session id of the test."""
    mock: JsonObject = json.loads((ROOT / "events" / f"{event_type}.json").read_text("utf-8"))
    session = mock["session"]
    assert isinstance(session, dict)
    return {**mock, "session": {**session, "id": session_id}, **members}


def request(event: JsonObject, token: str = TOKEN) -> JsonObject:
    """Return the event as API Gateway passes it on: HTTP API, payload format 2.0."""
    mock: JsonObject = json.loads(
        (ROOT / "events" / "http" / f"{event['type']}.json").read_text("utf-8")
    )
    headers = mock["headers"]
    assert isinstance(headers, dict)
    return {**mock, "headers": {**headers, "x-api-token": token}, "body": json.dumps(event)}


def function_of(event_type: str) -> str:
    return event_type.title().replace("_", "") + "Function"


def action_types(answer: JsonValue) -> list[JsonValue]:
    if answer is None:
        return []
    actions = answer if isinstance(answer, list) else [answer]
    return [action["type"] for action in actions if isinstance(action, dict)]


def ask(webhook: Emulator, event: JsonObject) -> JsonValue:
    """Send an event over HTTP; return the body of the response."""
    answer = webhook.invoke(request(event))
    assert isinstance(answer, dict)
    assert answer["statusCode"] == (200 if answer.get("body") else 204)
    body: JsonValue = json.loads(str(answer.get("body") or "null"))
    return body


@EACH_TYPE
def test_each_function_answers_a_direct_invocation_with_plain_actions(
    start: Start, session_id: str, event_type: str, expected: list[str]
) -> None:
    answer = start(function_of(event_type)).invoke(event(event_type, session_id))
    assert action_types(answer) == expected


@EACH_TYPE
def test_each_function_answers_a_request_with_a_response(
    start: Start, session_id: str, event_type: str, expected: list[str]
) -> None:
    assert (
        action_types(ask(start(function_of(event_type)), event(event_type, session_id))) == expected
    )


@EACH_TYPE
def test_the_webhook_answers_every_event_type(
    start: Start, session_id: str, event_type: str, expected: list[str]
) -> None:
    answer = ask(start("WebhookFunction"), event(event_type, session_id))
    assert action_types(answer) == expected


@EACH_TYPE
def test_each_function_answers_a_message_by_posting_to_its_connection(
    start: Start,
    connections: ManagementServer,
    session_id: str,
    event_type: str,
    expected: list[str],
) -> None:
    envelope = websocket(event(event_type, session_id), connection_id=session_id)
    assert start(function_of(event_type)).invoke(envelope) == {"statusCode": 200}
    posted = [body for path, body in connections.posted if path.endswith(f"/{session_id}")]
    assert len(posted) == bool(expected)
    assert [name for body in posted for name in action_types(json.loads(body))] == expected


def test_a_call_over_a_websocket_uses_one_function_per_event_type(
    start: Start, connections: ManagementServer, session_id: str
) -> None:
    for name, members in [
        ("session_start", {}),
        ("user_speech_started", {}),
        ("user_speak", {"text": "Goodbye."}),
        ("session_end", {}),
    ]:
        message = websocket(event(name, session_id, **members), connection_id=session_id)
        start(function_of(name)).invoke(message)
    spoken = [
        json.loads(body)["text"] for path, body in connections.posted if path.endswith(session_id)
    ]
    assert spoken == [
        "Welcome! Tell me what you need, or press 1 for our opening hours.",
        "Goodbye, and thank you for calling.",
    ]


@pytest.mark.parametrize(("token", "effect"), [(TOKEN, "Allow"), ("another token", "Deny")])
def test_the_authorizer_allows_only_the_token(start: Start, token: str, effect: str) -> None:
    arn = "arn:aws:execute-api:eu-central-1:123456789012:api/live/$connect"
    answer = start("AuthorizerFunction").invoke(
        {"type": "REQUEST", "methodArn": arn, "headers": {"X-API-TOKEN": token}}
    )
    assert isinstance(answer, dict)
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    assert answer["policyDocument"] == {"Version": "2012-10-17", "Statement": [statement]}


@pytest.mark.parametrize("kind", ["CONNECT", "MESSAGE", "DISCONNECT"])
def test_the_connection_function_accepts_any_message(start: Start, kind: str) -> None:
    answer = start("ConnectionFunction").invoke(websocket("no JSON", kind=kind))
    assert answer == {"statusCode": 200}


def test_a_call_over_the_webhook_keeps_its_state(start: Start, session_id: str) -> None:
    webhook = start("WebhookFunction")
    ask(webhook, event("session_start", session_id))
    for text in ("One.", "Two."):
        ask(webhook, event("user_speak", session_id, text=text))
    answer = ask(webhook, event("user_speak", session_id, text="Send me a summary."))
    assert isinstance(answer, list)
    assert isinstance(answer[0], dict)
    assert answer[0]["message"] == "We talked for 3 turns."


def test_the_functions_and_the_webhook_share_one_call(start: Start, session_id: str) -> None:
    start("SessionStartFunction").invoke(event("session_start", session_id))
    start("UserSpeakFunction").invoke(event("user_speak", session_id, text="One."))
    answer = ask(start("WebhookFunction"), event("user_speak", session_id, text="A summary!"))
    assert isinstance(answer, list)
    assert isinstance(answer[0], dict)
    assert answer[0]["message"] == "We talked for 2 turns."


def test_the_sweeper_uses_its_index_and_leaves_recent_calls_open(
    start: Start, session_id: str
) -> None:
    start("SessionStartFunction").invoke(event("session_start", session_id))
    assert start("SweeperFunction").invoke({"detail-type": "Scheduled Event"}) is None
    assert ask(start("WebhookFunction"), event("user_speak", session_id, text="Hello"))


def test_a_wrong_token_is_rejected(start: Start, session_id: str) -> None:
    wrong = request(event("session_start", session_id), token="another token")
    answer = start("WebhookFunction").invoke(wrong)
    assert isinstance(answer, dict)
    assert answer["statusCode"] == 401


@pytest.mark.parametrize(
    "digest", ["", "local", sha256(b"").hexdigest()], ids=["none", "no digest", "of an empty token"]
)
def test_a_function_that_cannot_check_tokens_does_not_start(
    environment: dict[str, str], tmp_path: Path, digest: str
) -> None:
    unsafe = {**environment, "API_TOKEN_SHA256": digest}
    with (
        Emulator(Function.built("WebhookFunction"), unsafe, tmp_path / "log") as emulator,
        pytest.raises(FunctionError, match="SettingsError"),
    ):
        emulator.invoke({})


def test_a_webhook_without_a_handler_does_not_start_and_names_it(
    environment: dict[str, str], tmp_path: Path
) -> None:
    built = Function.built("WebhookFunction")
    own, *others = built.paths
    shutil.copytree(own, tmp_path / "code", ignore=shutil.ignore_patterns("sms_failed"))
    incomplete = replace(built, paths=[tmp_path / "code", *others])
    with (
        Emulator(incomplete, environment, tmp_path / "log") as emulator,
        pytest.raises(FunctionError, match=r"HandlerLoadError.*sms_failed\.app cannot be imported"),
    ):
        emulator.invoke({})
