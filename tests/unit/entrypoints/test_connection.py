"""The authorizer of WebSocket connections, and the function for connection events."""

import subprocess
import sys
from hashlib import sha256
from typing import Any

import pytest

from aiflow.entrypoints import authorizer, connection
from aiflow.pipeline.runtime import Runtime
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import (
    TOKEN,
    Body,
    FakeContext,
    Log,
    digest_of,
    make_runtime,
    make_settings,
    websocket,
)

ARN = "arn:aws:execute-api:eu-central-1:123456789012:api/live/$connect"
NEXT = "the-token-that-comes-next-0123456789abcdef"


def connect(*tokens: str, header: str = "X-API-TOKEN", runtime: Runtime | None = None) -> Any:  # noqa: ANN401 - JSON
    """Call the authorizer; return its policy."""
    request = {
        "type": "REQUEST",
        "methodArn": ARN,
        "headers": {"Host": "api", **({header: tokens[-1]} if tokens else {})},
        "multiValueHeaders": {"Host": ["api"], **({header: list(tokens)} if tokens else {})},
        "requestContext": {"routeKey": "$connect", "eventType": "CONNECT", "connectionId": "c"},
    }
    bound = authorizer.lambda_handler.bind(runtime or make_runtime())
    return bound(request, FakeContext())


def effect(policy: dict[str, Any]) -> str:
    (statement,) = policy["policyDocument"]["Statement"]
    assert statement["Action"] == "execute-api:Invoke"
    assert statement["Resource"] == ARN
    allowed: str = statement["Effect"]
    return allowed


class TestAuthorizer:
    def test_the_token_allows_exactly_this_connection(self) -> None:
        assert connect(TOKEN) == {
            "principalId": "ai-flow",
            "policyDocument": {
                "Version": "2012-10-17",
                "Statement": [{"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": ARN}],
            },
        }

    @pytest.mark.parametrize("header", ["x-api-token", "X-Api-Token"])
    def test_the_case_of_the_header_does_not_matter(self, header: str) -> None:
        assert effect(connect(TOKEN, header=header)) == "Allow"

    @pytest.mark.parametrize(
        ("tokens", "reason"),
        [
            ((), "missing"),
            (("",), "wrong"),
            ((TOKEN[:-1],), "wrong"),
            ((TOKEN.upper(),), "wrong"),
            (("pässwört",), "wrong"),
            ((sha256(TOKEN.encode()).hexdigest(),), "wrong"),
            ((TOKEN, TOKEN), "repeated"),
        ],
    )
    def test_any_other_token_is_denied_and_the_log_gives_the_reason_without_the_token(
        self, tokens: tuple[str, ...], reason: str
    ) -> None:
        log = Log()
        assert effect(connect(*tokens, runtime=make_runtime(stream=log))) == "Deny"
        (entry,), (blob,) = log.entries(), log.metrics()
        assert (entry["event_type"], entry["outcome"]) == ("authorize", "refused")
        assert (entry["reason"], blob["AuthFailed"]) == (reason, [1])
        assert not [token for token in tokens if token and token in log.getvalue()]

    def test_both_tokens_are_accepted_during_a_rotation(self) -> None:
        settings = make_settings(next_token_digest=digest_of(NEXT))
        runtime = make_runtime(settings=settings)
        assert effect(connect(TOKEN, runtime=runtime)) == "Allow"
        assert effect(connect(NEXT, runtime=runtime)) == "Allow"
        assert effect(connect(NEXT)) == "Deny"


class TestConnectionEvents:
    @pytest.mark.parametrize(
        ("kind", "event_type"), [("CONNECT", "connect"), ("DISCONNECT", "disconnect")]
    )
    def test_connect_and_disconnect_are_logged(self, kind: str, event_type: str) -> None:
        assert self.logged(None, kind)["event_type"] == event_type

    def test_an_event_of_an_unknown_type_is_no_error(self) -> None:
        entry = self.logged({**EVENT, "type": "brand_new"})
        assert (entry["outcome"], entry["level"]) == ("unknown", "INFO")
        assert (entry["event_type"], entry["session_id"]) == ("other", "session-123")

    def test_an_event_of_a_known_type_is_logged_as_misrouted(self) -> None:
        assert self.logged(EVENT)["outcome"] == "misrouted"

    @pytest.mark.parametrize(
        ("body", "reason"),
        [("hello", "bad_json"), (None, "empty"), ("[]", "not_object"), (b"\xff", "bad_encoding")],
    )
    def test_a_bad_message_is_dropped_with_a_metric(self, body: Body, reason: str) -> None:
        entry = self.logged(body)
        assert (entry["outcome"], entry["reason"]) == ("refused", reason)

    def logged(self, body: Body, kind: str = "MESSAGE") -> dict[str, Any]:
        log = Log()
        handler = connection.lambda_handler.bind(make_runtime(stream=log))
        answer = handler(websocket(body, kind=kind), FakeContext())
        assert answer == {"statusCode": 200}
        (entry,) = log.entries()
        return entry


class TestStartUp:
    @pytest.mark.parametrize("name", ["authorizer", "connection"])
    def test_without_a_digest_a_function_does_not_start(self, name: str) -> None:
        started = start(name, SESSIONS_TABLE="sessions")
        assert started.returncode == 1
        *_, last = started.stderr.splitlines()
        assert last.startswith("aiflow.errors.SettingsError: ")
        assert "API_TOKEN_SHA256: " in last

    @pytest.mark.parametrize("name", ["authorizer", "connection"])
    def test_a_function_builds_its_dependencies_but_no_runtime(self, name: str) -> None:
        started = start(name, SESSIONS_TABLE="sessions", API_TOKEN_SHA256=digest_of(TOKEN))
        assert (started.stdout, started.stderr) == ("1 0\n", "")


def start(name: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Import an entrypoint in a new process, as Lambda does; print what start-up has built."""
    program = f"""
import aiflow.entrypoints.{name}
from aiflow.bootstrap import default_dependencies, default_runtime
print(*[built.cache_info().currsize for built in (default_dependencies, default_runtime)])
"""
    return subprocess.run(
        [sys.executable, "-c", program],
        env={"AWS_LAMBDA_RUNTIME_API": "127.0.0.1:9001", **environment},
        capture_output=True,
        text=True,
        check=False,
    )
