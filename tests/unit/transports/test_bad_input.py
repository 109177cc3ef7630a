"""Bad input: the webhook always responds with a documented status and never raises."""

import base64
import json
from collections.abc import Callable
from typing import Any, cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.entrypoints import webhook
from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.types import JsonValue
from aiflow.sessions.memory import InMemorySessionStore
from tests.helpers.bad_bodies import (
    EVENT,
    LIMIT,
    BadBody,
    bad_bodies,
    event_with,
    wrong_sessions,
    wrong_types,
)
from tests.helpers.items import ODD_IDS, hostile_texts, json_values, session_ids
from tests.helpers.properties import repeatable
from tests.helpers.runtime import (
    TOKEN,
    Answer,
    Clock,
    Envelope,
    Log,
    http_v2,
    invoke,
    make_runtime,
    make_settings,
    rest_v1,
    send,
)
from tests.helpers.stores import RecordingSessionStore

STATUSES = {200, 204, 400, 401, 403, 405, 413, 415}
SESSION_MEMBERS = ("account_id", "phone_number", "direction", "from_phone_number")
TYPES = [*EVENT_TYPES, "user_barge_in", "invented_tomorrow"]

type Gateway = Callable[..., Envelope]

both_gateways = pytest.mark.parametrize("gateway", [http_v2, rest_v1])


def answer_to(envelope: object) -> Answer:
    return send(webhook.lambda_handler, envelope, make_runtime())


def is_valid(answer: Answer) -> bool:
    """Return whether the service accepts an answer."""
    if answer.status == 204:
        return answer.body is None
    if answer.status == 200:
        actions: list[Any] = [answer.body] if "type" in answer.body else answer.body
        return bool(actions) and all("type" in action for action in actions)
    return answer.status in STATUSES and set(answer.body) == {"error", "message"}


class TestRejectedRequests:
    @both_gateways
    @pytest.mark.parametrize("bad", bad_bodies(), ids=lambda bad: cast("BadBody", bad).name)
    def test_a_bad_request_is_rejected_for_its_reason_and_reaches_no_store(
        self, gateway: Gateway, bad: BadBody
    ) -> None:
        clock, log = Clock(), Log()
        sessions = RecordingSessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log)
        envelope = gateway(bad.body, headers=bad.headers, method=bad.method) | dict(bad.members)

        answer = send(webhook.lambda_handler, envelope, runtime)

        (entry,) = log.entries()
        assert (answer.status, entry["reason"]) == (bad.status, bad.reason)
        assert set(answer.body) == {"error", "message"}
        assert (entry["outcome"], entry["level"]) == ("refused", "WARNING")
        assert log.metrics()[0]["Rejected"] == [1]
        assert sessions.requests == []

    def test_there_are_more_than_a_hundred_bad_bodies(self) -> None:
        names = [bad.name for bad in bad_bodies()]
        assert len(set(names)) == len(names) > 100

    @both_gateways
    def test_a_rejection_names_the_problem_and_quotes_nothing(self, gateway: Gateway) -> None:
        answer = answer_to(gateway('{"a secret": "+493023125001"'))

        assert answer == (
            400,
            {"error": "Bad Request", "message": "The body is not JSON (line 1, column 29)."},
        )

    def test_a_rejected_body_is_not_logged(self) -> None:
        log = Log()
        for bad in bad_bodies():
            envelope = http_v2(bad.body, headers=bad.headers, method=bad.method) | dict(bad.members)
            send(webhook.lambda_handler, envelope, make_runtime(stream=log))
        assert "Hello" not in log.getvalue()
        assert "session-123" not in log.getvalue()

    @pytest.mark.parametrize(
        "context",
        [None, {}, [], "http", {"http": None}, {"http": {}}, {"http": {"method": 1}}, {"elb": {}}],
    )
    def test_an_unknown_request_context_is_rejected(self, context: object) -> None:
        answer = answer_to({**http_v2(EVENT), "requestContext": context})
        assert answer.status == 400

    @both_gateways
    def test_an_account_that_is_not_allowed_is_forbidden(self, gateway: Gateway) -> None:
        clock, log = Clock(), Log()
        sessions = RecordingSessionStore(clock)
        settings = make_settings(allowed_account_ids={"ours", "too"})
        runtime = make_runtime(sessions, clock, settings, log)
        event = {**EVENT, "session": {"id": "session-123", "account_id": "theirs"}}

        answer = send(webhook.lambda_handler, gateway(event), runtime)

        assert answer.status == 403
        assert log.entries()[-1]["reason"] == "account"
        assert "theirs" not in log.getvalue()
        assert sessions.requests == []

    @pytest.mark.parametrize("account", ["ours", "too", "", None, ["ours"]])
    def test_an_allowed_or_missing_account_is_accepted(self, account: object) -> None:
        settings = make_settings(allowed_account_ids="ours, too")
        event = {**EVENT, "session": {"id": "session-123", "account_id": account}}

        answer = invoke(webhook.lambda_handler, event, make_runtime(settings=settings))

        assert answer.status == 200

    @repeatable
    @given(account=st.text(), allowed=st.frozensets(st.text("ab1", min_size=1), min_size=1))
    def test_exactly_the_listed_accounts_are_accepted(
        self, account: str, allowed: frozenset[str]
    ) -> None:
        settings = make_settings(allowed_account_ids=allowed)
        event = {**EVENT, "session": {"id": "session-123", "account_id": account}}

        answer = invoke(webhook.lambda_handler, event, make_runtime(settings=settings))

        # Unprintable characters are removed from an account id before it is compared.
        printed = "".join(c for c in account if c.isprintable() or c in "\t\n\r" or ord(c) > 0x9F)
        assert answer.status == (200 if not printed or printed in allowed else 403)


class TestDirectInvocation:
    @pytest.mark.parametrize("value", [None, True, 0, 1.5, "", "event", [], [EVENT]])
    def test_an_event_that_is_no_object_is_rejected(self, value: object) -> None:
        answer = answer_to(value)
        assert answer.status == 400

    @pytest.mark.parametrize("name", wrong_types())
    def test_an_event_without_a_type_is_rejected(self, name: str) -> None:
        answer = answer_to(event_with("type", wrong_types()[name]))
        assert answer.body == {
            "error": "Bad Request",
            "message": "An event needs a `type`, and it is a string.",
        }

    @pytest.mark.parametrize("name", wrong_sessions())
    def test_an_event_without_a_session_is_rejected(self, name: str) -> None:
        answer = answer_to(event_with("session", wrong_sessions()[name]))
        assert answer.body == {
            "error": "Bad Request",
            "message": "An event needs `session.id`: 1 to 256 characters, none of them a control"
            " character.",
        }


class TestAcceptedRequests:
    @both_gateways
    @pytest.mark.parametrize(
        "content_type",
        [
            *(None, "", "application/json", "APPLICATION/JSON", "application/json;charset=utf-8"),
            *("application/json; charset=iso-8859-1", " application/json ", "application/json;"),
            *("application/cloudevents+json", "application/problem+json; x=y"),
        ],
    )
    def test_every_json_content_type_is_accepted(
        self, gateway: Gateway, content_type: str | None
    ) -> None:
        envelope = gateway(EVENT, headers={"content-type": content_type})
        assert answer_to(envelope).status == 200

    @both_gateways
    @pytest.mark.parametrize("encoding", [None, "", "identity", "Identity"])
    def test_an_uncompressed_body_is_accepted(self, gateway: Gateway, encoding: str | None) -> None:
        envelope = gateway(EVENT, headers={"content-encoding": encoding})
        assert answer_to(envelope).status == 200

    @both_gateways
    @pytest.mark.parametrize(
        "text", ["Hello", "Grüß Gott", "🤖👩‍👩‍👧‍👦", "\u202e\u05e9", "a\u0301"]
    )
    def test_base64_and_text_get_the_same_answer(self, gateway: Gateway, text: str) -> None:
        event = {**EVENT, "text": text}
        body = json.dumps(event, ensure_ascii=False)

        answers = [answer_to(gateway(body, base64=encoded)) for encoded in (False, True)]

        assert answers[0] == answers[1]
        assert answers[0].body["text"] == f"You said: {text}"

    @both_gateways
    @pytest.mark.parametrize("encoded", [False, True])
    def test_a_body_may_be_exactly_as_large_as_the_limit(
        self, gateway: Gateway, *, encoded: bool
    ) -> None:
        text = json.dumps(EVENT)
        body = text + " " * (LIMIT - len(text))
        assert answer_to(gateway(body, base64=encoded)).status == 200

    @both_gateways
    @pytest.mark.parametrize("escape", ["\\ud83e", "\\udd16", "\\udd16\\ud83e", "\ud83e"])
    def test_a_lone_surrogate_is_replaced(self, gateway: Gateway, escape: str) -> None:
        body = json.dumps(EVENT).replace("Hello", f"Hello {escape}!")

        answer = answer_to(gateway(body))

        assert answer.status == 200
        assert answer.body["text"].replace("\ufffd", "") == "You said: Hello !"

    @both_gateways
    def test_control_characters_are_removed(self, gateway: Gateway) -> None:
        control = "".join(map(chr, [*range(0x20), *range(0x7F, 0xA0)]))

        answer = answer_to(gateway({**EVENT, "text": f"Hel{control}lo"}))

        assert answer.status == 200
        assert answer.body["text"] == "You said: Hel\t\n\rlo"

    @both_gateways
    @pytest.mark.parametrize(
        "member",
        [
            *(
                {"more": [[[[[{"deep": 1}]]]]]},
                {"": ""},
                {"": None},
                {"text ": "a"},
                {"__class__": 1},
            ),
            *({"more": 10**4000}, {"more": 1e308}, {"more": 5e-324}, {"more": -0.0}, {"self": "x"}),
            *({"model_config": {}}, {"extra": "allow"}, {"event": EVENT}, {"requestContext": {}}),
        ],
        ids=lambda member: str(member)[:40],
    )
    def test_unknown_members_are_ignored(self, gateway: Gateway, member: dict[str, object]) -> None:
        assert answer_to(gateway({**EVENT, **member})).body["text"] == "You said: Hello"
        inside = {**EVENT, "session": {"id": "session-123", **member}}
        assert answer_to(gateway(inside)).body["text"] == "You said: Hello"

    @both_gateways
    @pytest.mark.parametrize("depth", [50, 500, 5_000])
    def test_deeply_nested_members_are_harmless(self, gateway: Gateway, depth: int) -> None:
        deep = "[" * depth + "]" * depth
        for body in (
            json.dumps(EVENT)[:-1] + f', "more": {deep}}}',
            json.dumps(EVENT).replace('"session-123"', f'"session-123", "account_id": {deep}'),
        ):
            answer = answer_to(gateway(body))
            assert answer.body["text"] == "You said: Hello"

    @both_gateways
    @pytest.mark.parametrize(
        "text", [None, True, [], {}, ["Hello"], {"text": "Hello"}, "", " ", "\n", "\x00", ...]
    )
    def test_a_text_without_content_is_answered_with_silence(
        self, gateway: Gateway, text: object
    ) -> None:
        assert answer_to(gateway(event_with("text", text))) == (204, None)

    @both_gateways
    @pytest.mark.parametrize(
        "name",
        ["", "invented_tomorrow", "USER_SPEAK", "user_speak ", "\uff55ser_speak", "🤖", "\ud800"],
    )
    def test_an_event_of_an_unknown_type_is_acknowledged(self, gateway: Gateway, name: str) -> None:
        clock, log = Clock(), Log()
        sessions = RecordingSessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log)

        answer = send(webhook.lambda_handler, gateway({**EVENT, "type": name}), runtime)

        assert answer == (204, None)
        (entry,) = log.entries()
        assert (entry["outcome"], entry["event_type"]) == ("unknown", "other")
        assert sessions.requests == []

    @both_gateways
    @pytest.mark.parametrize("session_id", ODD_IDS)
    def test_an_unusual_session_id_is_returned_unchanged(
        self, gateway: Gateway, session_id: str
    ) -> None:
        answer = answer_to(gateway({**EVENT, "session": {"id": session_id}}))
        assert answer.body["session_id"] == session_id

    @both_gateways
    @pytest.mark.parametrize(
        ("event", "answer"),
        [
            ({"type": "user_speak", "transcript": "Hello"}, "You said: Hello"),
            ({"type": "user_barge_in", "text": "Hello"}, "You said: Hello"),
            ({"type": "user_barge_in", "transcript": "Hello"}, "You said: Hello"),
            ({"type": "user_speak", "text": 42}, "You said: 42"),
        ],
    )
    def test_legacy_names_are_accepted(
        self, gateway: Gateway, event: dict[str, object], answer: str
    ) -> None:
        body = answer_to(gateway({**event, "session": {"id": "session-123"}})).body
        assert body["text"] == answer


class TestArbitraryInput:
    @repeatable
    @given(body=st.binary(), encoded=st.booleans())
    def test_arbitrary_bytes_get_a_valid_response(self, body: bytes, *, encoded: bool) -> None:
        plain = body if encoded else body.decode("utf-8", "surrogateescape")
        for gateway in (http_v2, rest_v1):
            assert is_valid(answer_to(gateway(plain)))

    @repeatable
    @given(body=st.text(), is_base64=st.booleans())
    def test_arbitrary_text_gets_a_valid_response(self, body: str, *, is_base64: bool) -> None:
        for gateway in (http_v2, rest_v1):
            assert is_valid(answer_to(gateway("") | {"body": body, "isBase64Encoded": is_base64}))

    @repeatable
    @given(body=json_values)
    def test_arbitrary_json_gets_a_valid_response(self, body: JsonValue) -> None:
        for gateway in (http_v2, rest_v1):
            assert is_valid(answer_to(gateway(json.dumps(body))))
        if isinstance(body, dict) and "requestContext" not in body:
            assert is_valid(answer_to(body))

    @repeatable
    @given(
        name=st.sampled_from(TYPES) | st.text(),
        session=st.fixed_dictionaries(
            {"id": session_ids},
            optional=dict.fromkeys(SESSION_MEMBERS, hostile_texts | json_values),
        ),
        members=st.dictionaries(
            st.sampled_from(
                [
                    *("text", "transcript", "digit", "digits", "reason", "ssml", "barged_in"),
                    *("duration_ms", "speech_started_at", "session_id", "data"),
                ]
            ),
            hostile_texts | json_values | st.integers(10**300, 10**320),
        ),
        gateway=st.sampled_from([http_v2, rest_v1]),
    )
    def test_an_event_with_arbitrary_members_is_answered_or_acknowledged(
        self,
        name: str,
        session: dict[str, object],
        members: dict[str, object],
        gateway: Gateway,
    ) -> None:
        log, clock = Log(), Clock()
        runtime = make_runtime(InMemorySessionStore(clock), clock, stream=log)
        event = {**members, "type": name, "session": session}

        answer = send(webhook.lambda_handler, gateway(event), runtime)

        if len(json.dumps(event)) <= LIMIT:
            assert answer.status in {200, 204}
            assert log.entries()[-1]["outcome"] != "degraded"
        assert is_valid(answer)

    @repeatable
    @given(
        headers=st.dictionaries(
            st.sampled_from(["content-type", "content-encoding", "x-api-token", "cookie", "a"]),
            st.text() | st.lists(st.text(), min_size=1, max_size=3),
        ),
        gateway=st.sampled_from([http_v2, rest_v1]),
    )
    def test_arbitrary_headers_get_a_valid_response(
        self, headers: dict[str, str | list[str]], gateway: Gateway
    ) -> None:
        assert is_valid(answer_to(gateway(EVENT, headers=headers)))

    def test_these_tests_use_a_valid_token(self) -> None:
        assert answer_to(http_v2(EVENT)).status == 200
        assert (
            answer_to(http_v2(EVENT, token=base64.b64encode(TOKEN.encode()).decode())).status == 401
        )
