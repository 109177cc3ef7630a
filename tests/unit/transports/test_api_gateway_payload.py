"""One event through all transports: envelopes of API Gateway and responses."""

import json
from collections.abc import Callable
from typing import Any

import pytest

import dtmf_received.app
import session_end.app
import session_start.app
import user_speak.app
from aiflow import Call, Event, Reply, entrypoint
from aiflow.entrypoints import webhook
from aiflow.entrypoints.event import Entrypoint
from aiflow.protocol.events import EVENT_TYPES
from aiflow.transports.api_gateway_payload import Body, http_request, is_enveloped
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import (
    Clock,
    Envelope,
    FakeContext,
    Log,
    http_v2,
    invoke,
    make_runtime,
    rest_v1,
    send,
)
from tests.helpers.stores import RecordingSessionStore

type Gateway = Callable[..., Envelope]

both_gateways = pytest.mark.parametrize("gateway", [http_v2, rest_v1])


def two_actions(event: Event, call: Call) -> Reply:
    """Answer with two actions."""
    return [call.barge_in(), call.speak(f"{event.type} 🤖")]


def nothing(_event: Event, _call: Call) -> Reply:
    """Stay silent."""
    return None


class TestResponses:
    @both_gateways
    def test_one_action_is_200_with_a_json_object(self, gateway: Gateway) -> None:
        handler = user_speak.app.lambda_handler.bind(make_runtime())

        answer = handler(gateway(EVENT), FakeContext())

        assert answer == {
            "statusCode": 200,
            "headers": {"content-type": "application/json"},
            "body": '{"type":"speak","session_id":"session-123","text":"You said: Hello",'
            '"user_input_timeout_seconds":8}',
        }

    @both_gateways
    def test_several_actions_are_an_array_in_ascii(self, gateway: Gateway) -> None:
        handler = entrypoint(two_actions).bind(make_runtime())

        answer = handler(gateway(EVENT), FakeContext())

        assert answer["body"].isascii()
        assert json.loads(answer["body"]) == [
            {"type": "barge_in", "session_id": "session-123"},
            {"type": "speak", "session_id": "session-123", "text": "user_speak 🤖"},
        ]

    @both_gateways
    def test_silence_is_204_without_a_body(self, gateway: Gateway) -> None:
        handler = entrypoint(nothing).bind(make_runtime())
        assert handler(gateway(EVENT), FakeContext()) == {"statusCode": 204}

    def test_every_response_is_serializable_as_json(self) -> None:
        for envelope in (http_v2(EVENT), rest_v1(EVENT), EVENT):
            answer = webhook.lambda_handler.bind(make_runtime())(envelope, FakeContext())
            assert json.loads(json.dumps(answer)) == answer

    def test_without_a_gateway_the_response_is_the_plain_answer(self) -> None:
        def answer_of(handle: Callable[[Event, Call], Reply]) -> Any:  # noqa: ANN401 - JSON
            return entrypoint(handle).bind(make_runtime())(EVENT, FakeContext())

        assert answer_of(two_actions)[0] == {"type": "barge_in", "session_id": "session-123"}
        assert answer_of(nothing) is None


class TestTransports:
    @pytest.mark.parametrize("name", [*EVENT_TYPES, "user_barge_in", "invented_tomorrow"])
    def test_an_event_gets_the_same_answer_over_each_transport(self, name: str) -> None:
        event = {**EVENT, "type": name, "digit": "1"}
        answers = [
            invoke(webhook.lambda_handler, event, make_runtime(), transport)
            for transport in ("http", "rest", "raw")
        ]
        assert answers[0] == answers[1] == answers[2]

    def test_one_call_may_use_several_transports(self) -> None:
        clock = Clock()
        sessions = RecordingSessionStore(clock)
        runtime = make_runtime(sessions, clock)
        for transport in ("http", "rest", "raw"):
            clock.advance(60)
            invoke(webhook.lambda_handler, EVENT, runtime, transport)
        item = sessions.load("session-123")
        assert item is not None
        assert item.state["turns"] == 3

    @both_gateways
    def test_an_event_in_a_body_that_looks_like_an_envelope_is_an_event(
        self, gateway: Gateway
    ) -> None:
        body = {**EVENT, "requestContext": {"http": {"method": "GET"}}, "headers": {}, "body": "{"}
        assert send(webhook.lambda_handler, gateway(body), make_runtime()).status == 200

    @pytest.mark.parametrize(
        ("envelope", "expected"),
        [
            (http_v2(EVENT), True),
            (rest_v1(EVENT), True),
            ({"requestContext": None}, True),
            (EVENT, False),
            ({**EVENT, "headers": {}, "body": "{}", "httpMethod": "POST", "version": "2.0"}, False),
            ({}, False),
            ([], False),
            (["requestContext"], False),
            ("requestContext", False),
            (None, False),
        ],
        ids=lambda value: str(value)[:30],
    )
    def test_a_request_context_distinguishes_an_envelope_from_an_event(
        self, envelope: object, *, expected: bool
    ) -> None:
        assert is_enveloped(envelope) is expected


class TestRequests:
    def test_reading_a_request_parses_nothing(self) -> None:
        request = http_request(http_v2("{", headers={"A": ["1", "2"]}, base64=True))
        assert (request.method, request.body) == ("POST", Body("ew==", is_base64=True))
        assert request.headers["a"] == ["1,2"]

    def test_repeated_headers_keep_all_values(self) -> None:
        request = http_request(rest_v1("{}", headers={"A": ["1", "2"], "a": "3"}))
        assert request.headers["a"] == ["1", "2", "3"]

    def test_a_rest_request_without_multi_value_headers_uses_its_single_values(self) -> None:
        envelope = rest_v1(EVENT)
        del envelope["multiValueHeaders"]
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200

    @both_gateways
    @pytest.mark.parametrize("flag", [None, "true", 1, "", False])
    def test_only_true_means_base64(self, gateway: Gateway, flag: object) -> None:
        envelope = {**gateway(EVENT), "isBase64Encoded": flag}
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200

    @both_gateways
    def test_the_path_is_ignored(self, gateway: Gateway) -> None:
        envelope = gateway(EVENT)
        envelope |= {
            "rawPath": "/../etc",
            "path": "/x",
            "routeKey": "$default",
            "resource": "/{p+}",
        }
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200


class TestFunctionPerEventType:
    @pytest.mark.parametrize(
        ("handler", "own", "other"),
        [
            (session_start.app.lambda_handler, "session_start", "user_speak"),
            (user_speak.app.lambda_handler, "user_speak", "session_start"),
            (dtmf_received.app.lambda_handler, "dtmf_received", "session_end"),
            (session_end.app.lambda_handler, "session_end", "dtmf_received"),
        ],
        ids=["session_start", "user_speak", "dtmf_received", "session_end"],
    )
    def test_a_function_answers_its_own_event_and_ignores_others(
        self,
        handler: Entrypoint,
        own: str,
        other: str,
    ) -> None:
        clock, log = Clock(), Log()
        sessions = RecordingSessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log)

        assert invoke(handler, {**EVENT, "type": other, "digit": "1"}, runtime) == (204, None)
        assert sessions.requests == []

        invoke(handler, {**EVENT, "type": own, "digit": "1"}, runtime)
        assert sessions.requests == ["load", "commit"]
        misrouted, answered = log.entries()
        assert (misrouted["event_type"], misrouted["outcome"]) == (other, "misrouted")
        assert (answered["event_type"], answered["level"]) == (own, "INFO")

    @both_gateways
    def test_a_retired_event_type_is_handled_by_its_successor(self, gateway: Gateway) -> None:
        event = {**EVENT, "type": "user_barge_in"}
        assert send(user_speak.app.lambda_handler, gateway(event), make_runtime()).status == 200

    def test_a_handler_without_annotation_is_rejected(self) -> None:
        vague: Callable[[Event, Call], Reply] = lambda event, call: None  # noqa: E731 - unannotated

        with pytest.raises(TypeError, match="event needs an annotation"):
            entrypoint(vague)
