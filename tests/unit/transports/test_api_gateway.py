"""One event, four doors: what API Gateway puts around it, and what goes back."""

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
from aiflow.transports.api_gateway import Body, http_request, is_enveloped
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
from tests.helpers.stores import WatchedSessions

type Gateway = Callable[..., Envelope]

both_gateways = pytest.mark.parametrize("gateway", [http_v2, rest_v1])


def two_actions(event: Event, call: Call) -> Reply:
    """Answer with an array."""
    return [call.barge_in(), call.speak(f"{event.type} 🤖")]


def nothing(_event: Event, _call: Call) -> Reply:
    """Stay silent."""
    return None


class TestWhatGoesBack:
    @both_gateways
    def test_an_action_is_200_and_json(self, gateway: Gateway) -> None:
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
    def test_silence_is_204_and_nothing_else(self, gateway: Gateway) -> None:
        handler = entrypoint(nothing).bind(make_runtime())
        assert handler(gateway(EVENT), FakeContext()) == {"statusCode": 204}

    def test_every_answer_can_be_written_as_json(self) -> None:
        for envelope in (http_v2(EVENT), rest_v1(EVENT), EVENT):
            answer = webhook.lambda_handler.bind(make_runtime())(envelope, FakeContext())
            assert json.loads(json.dumps(answer)) == answer

    def test_without_a_gateway_the_answer_is_the_answer_itself(self) -> None:
        def answer_of(handle: Callable[[Event, Call], Reply]) -> Any:  # noqa: ANN401 - JSON
            return entrypoint(handle).bind(make_runtime())(EVENT, FakeContext())

        assert answer_of(two_actions)[0] == {"type": "barge_in", "session_id": "session-123"}
        assert answer_of(nothing) is None


class TestTheDoors:
    @pytest.mark.parametrize("name", [*EVENT_TYPES, "user_barge_in", "invented_tomorrow"])
    def test_an_event_is_answered_alike_at_each_of_them(self, name: str) -> None:
        event = {**EVENT, "type": name, "digit": "1"}
        answers = [
            invoke(webhook.lambda_handler, event, make_runtime(), door)
            for door in ("http", "rest", "raw")
        ]
        assert answers[0] == answers[1] == answers[2]

    def test_a_call_may_come_in_through_all_of_them(self) -> None:
        clock = Clock()
        sessions = WatchedSessions(clock)
        runtime = make_runtime(sessions, clock)
        for door in ("http", "rest", "raw"):
            clock.advance(60)
            invoke(webhook.lambda_handler, EVENT, runtime, door)
        item = sessions.load("session-123")
        assert item is not None
        assert item.state["turns"] == 3

    @both_gateways
    def test_an_event_in_the_body_that_looks_like_an_envelope_is_an_event(
        self, gateway: Gateway
    ) -> None:
        body = {**EVENT, "requestContext": {"http": {"method": "GET"}}, "headers": {}, "body": "{"}
        assert send(webhook.lambda_handler, gateway(body), make_runtime()).status == 200

    @pytest.mark.parametrize(
        ("envelope", "is_one"),
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
    def test_the_context_of_the_gateway_tells_an_envelope_from_an_event(
        self, envelope: object, *, is_one: bool
    ) -> None:
        assert is_enveloped(envelope) is is_one


class TestWhatIsRead:
    def test_nothing_of_a_request_is_parsed(self) -> None:
        request = http_request(http_v2("{", headers={"A": ["1", "2"]}, base64=True))
        assert (request.method, request.body) == ("POST", Body("ew==", is_base64=True))
        assert request.headers["a"] == ["1,2"]

    def test_repeated_headers_keep_all_their_values(self) -> None:
        request = http_request(rest_v1("{}", headers={"A": ["1", "2"], "a": "3"}))
        assert request.headers["a"] == ["1", "2", "3"]

    def test_a_rest_api_that_lists_no_values_apart_is_read_by_its_single_ones(self) -> None:
        envelope = rest_v1(EVENT)
        del envelope["multiValueHeaders"]
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200

    @both_gateways
    @pytest.mark.parametrize("flag", [None, "true", 1, "", False])
    def test_only_true_means_base64(self, gateway: Gateway, flag: object) -> None:
        envelope = {**gateway(EVENT), "isBase64Encoded": flag}
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200

    @both_gateways
    def test_the_path_is_left_to_the_gateway(self, gateway: Gateway) -> None:
        envelope = gateway(EVENT)
        envelope |= {
            "rawPath": "/../etc",
            "path": "/x",
            "routeKey": "$default",
            "resource": "/{p+}",
        }
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 200


class TestAFunctionOfItsOwn:
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
    def test_it_answers_its_own_event_and_stays_silent_on_others(
        self,
        handler: Entrypoint,
        own: str,
        other: str,
    ) -> None:
        clock, log = Clock(), Log()
        sessions = WatchedSessions(clock)
        runtime = make_runtime(sessions, clock, stream=log)

        assert invoke(handler, {**EVENT, "type": other, "digit": "1"}, runtime) == (204, None)
        assert sessions.touched == []

        invoke(handler, {**EVENT, "type": own, "digit": "1"}, runtime)
        assert sessions.touched == ["load", "commit"]
        misrouted, answered = log.entries()
        assert (misrouted["event_type"], misrouted["outcome"]) == (other, "misrouted")
        assert (answered["event_type"], answered["level"]) == (own, "INFO")

    @both_gateways
    def test_a_retired_type_goes_where_its_successor_goes(self, gateway: Gateway) -> None:
        event = {**EVENT, "type": "user_barge_in"}
        assert send(user_speak.app.lambda_handler, gateway(event), make_runtime()).status == 200

    def test_it_says_by_its_annotation_what_it_answers(self) -> None:
        vague: Callable[[Event, Call], Reply] = lambda event, call: None  # noqa: E731 - bare

        with pytest.raises(TypeError, match="event needs an annotation"):
            entrypoint(vague)
