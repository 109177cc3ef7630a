"""Authentication: only the API token gives access, and a rejection reveals nothing."""

import json
from collections.abc import Callable, Iterator, Sequence
from hashlib import sha256
from typing import overload

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aiflow.entrypoints import webhook
from aiflow.errors import SettingsError, Unauthorized
from aiflow.settings import Settings
from aiflow.transports.authentication import authenticate
from tests.helpers.bad_bodies import EVENT, bad_bodies
from tests.helpers.properties import repeatable
from tests.helpers.runtime import (
    TOKEN,
    Answer,
    Clock,
    Envelope,
    FakeContext,
    Header,
    Log,
    digest_of,
    http_v2,
    make_runtime,
    make_settings,
    rest_v1,
    send,
)
from tests.helpers.stores import RecordingSessionStore

type Gateway = Callable[..., Envelope]

OLD, NEW, FOREIGN = "old" + TOKEN, "new" + TOKEN, "foreign" + TOKEN
UNAUTHORIZED = {
    "statusCode": 401,
    "headers": {"content-type": "application/json"},
    "body": '{"error":"Unauthorized","message":"The API token is missing or wrong."}',
}

WRONG_TOKENS: dict[str, Header] = {
    "none": None,
    "empty": "",
    "a blank": " ",
    "the beginning": TOKEN[:-1],
    "the end": TOKEN[1:],
    "one character more": TOKEN + "0",
    "one character in front": "0" + TOKEN,
    "one character else": TOKEN[:-1] + "0",
    "in capitals": TOKEN.upper(),
    "with a capital": TOKEN.capitalize(),
    "backwards": TOKEN[::-1],
    "twice in a row": TOKEN + TOKEN,
    "with a blank behind": TOKEN + " ",
    "with a blank in front": " " + TOKEN,
    "with a line break": TOKEN + "\n",
    "with a NUL": TOKEN + "\0",
    "with a NUL and more": TOKEN + "\0more",
    "in quotes": f'"{TOKEN}"',
    "as bearer": f"Bearer {TOKEN}",
    "with its name": f"x-api-token: {TOKEN}",
    "with a zero-width space": TOKEN[:5] + "\u200b" + TOKEN[5:],
    "with a look-alike": TOKEN.replace("c", "\u0441"),
    "in full width": "".join(chr(ord(c) + 0xFEE0) for c in TOKEN),
    "with half a character": TOKEN + "\ud800",
    "in emoji": "🔑" * 16,
    "in Latin-1": "é" * 43,
    "its digest": digest_of(TOKEN),
    "its digest in capitals": digest_of(TOKEN).upper(),
    "its digest as text": sha256(TOKEN.encode()).digest().decode("latin-1"),
    "the digest of nothing": digest_of(""),
    "a word of JSON": "null",
    "a word of Python": "None",
    "very long": "x" * 100_000,
    "itself, very often": TOKEN * 1000,
    "twice": [TOKEN, TOKEN],
    "right, then wrong": [TOKEN, "wrong"],
    "wrong, then right": ["wrong", TOKEN],
    "right, then empty": [TOKEN, ""],
    "joined": f"{TOKEN},{TOKEN}",
    "joined with a blank": f"wrong, {TOKEN}",
}

both_gateways = pytest.mark.parametrize("gateway", [http_v2, rest_v1])


def answer_to(envelope: Envelope, settings: Settings | None = None) -> Answer:
    return send(webhook.lambda_handler, envelope, make_runtime(settings=settings))


class TestToken:
    @both_gateways
    @pytest.mark.parametrize("token", WRONG_TOKENS.values(), ids=WRONG_TOKENS)
    def test_a_wrong_token_gets_the_same_401_and_reaches_no_store(
        self, gateway: Gateway, token: Header
    ) -> None:
        clock, log = Clock(), Log()
        sessions = RecordingSessionStore(clock)
        runtime = make_runtime(sessions, clock, stream=log)

        answer = webhook.lambda_handler.bind(runtime)(gateway(EVENT, token=token), FakeContext())

        assert answer == UNAUTHORIZED
        assert sessions.requests == []
        (entry,) = log.entries()
        assert entry["reason"] in {"missing", "repeated", "wrong"}
        assert "session_id" not in entry
        assert log.metrics()[0]["AuthFailed"] == [1]

    @both_gateways
    @repeatable
    @given(token=st.text())
    def test_no_other_text_is_accepted(self, gateway: Gateway, token: str) -> None:
        assume(token != TOKEN)
        assert answer_to(gateway(EVENT, token=token)).status == 401

    @both_gateways
    @pytest.mark.parametrize(
        "name", ["X-API-TOKEN", "x-api-token", "X-Api-Token", "X-API-Token", "x-API-tOKEN"]
    )
    def test_the_case_of_the_header_name_does_not_matter(self, gateway: Gateway, name: str) -> None:
        envelope = gateway(EVENT, token=None, headers={name: TOKEN})
        assert answer_to(envelope).status == 200

    def test_two_spellings_of_the_header_count_as_two_tokens(self) -> None:
        envelope = rest_v1(EVENT, headers={"X-API-TOKEN": TOKEN, "x-api-token": TOKEN})
        assert answer_to(envelope).status == 401

    @both_gateways
    def test_the_header_name_is_a_setting(self, gateway: Gateway) -> None:
        settings = make_settings(token_header="X-API-Key")
        there = gateway(EVENT, token=None, headers={"x-api-KEY": TOKEN})
        assert answer_to(there, settings).status == 200
        assert answer_to(gateway(EVENT), settings).status == 401

    @both_gateways
    @pytest.mark.parametrize(
        "name", ["authorization", "x-api-key", "cookie", "x-api-token-2", "api-token", "token"]
    )
    def test_the_token_in_another_header_is_rejected(self, gateway: Gateway, name: str) -> None:
        envelope = gateway(EVENT, token=None, headers={name: TOKEN})
        assert answer_to(envelope).status == 401

    @both_gateways
    def test_the_token_elsewhere_in_the_request_is_rejected(self, gateway: Gateway) -> None:
        envelope = gateway({**EVENT, "x-api-token": TOKEN, "token": TOKEN}, token=None)
        elsewhere = {
            "queryStringParameters": {"x-api-token": TOKEN},
            "rawQueryString": f"x-api-token={TOKEN}",
            "pathParameters": {"x-api-token": TOKEN},
            "stageVariables": {"x-api-token": TOKEN},
            "cookies": [f"x-api-token={TOKEN}"],
        }
        assert answer_to({**envelope, **elsewhere}).status == 401

    @both_gateways
    def test_a_request_without_headers_is_rejected(self, gateway: Gateway) -> None:
        envelope = gateway(EVENT)
        assert answer_to({**envelope, "headers": None, "multiValueHeaders": None}).status == 401
        bare = {k: v for k, v in envelope.items() if k not in {"headers", "multiValueHeaders"}}
        assert answer_to(bare).status == 401

    @both_gateways
    @pytest.mark.parametrize("body", ["", "{", "null", json.dumps({"requestContext": {}})])
    def test_no_body_makes_a_request_look_like_a_direct_invocation(
        self, gateway: Gateway, body: str
    ) -> None:
        assert answer_to(gateway(body, token=None)).status == 401


class TestOrder:
    @both_gateways
    def test_without_a_token_every_bad_request_gets_401(self, gateway: Gateway) -> None:
        clock = Clock()
        sessions = RecordingSessionStore(clock)
        handler = webhook.lambda_handler.bind(make_runtime(sessions, clock))
        for bad in bad_bodies():
            envelope = gateway(bad.body, token="wrong", headers=bad.headers, method=bad.method)
            assert handler({**envelope, **bad.members}, FakeContext()) == UNAUTHORIZED
        assert sessions.requests == []

    @both_gateways
    def test_without_a_token_the_body_is_not_read(self, gateway: Gateway) -> None:
        envelope = {**gateway(EVENT, token="wrong"), "body": UnreadableBody("{}")}
        assert answer_to(envelope).status == 401

        # The guard works: with the token the body is read.
        with pytest.raises(BodyRead):
            answer_to({**gateway(EVENT), "body": UnreadableBody("{}")})


class TestRotation:
    @both_gateways
    @pytest.mark.parametrize(
        ("current", "following", "accepted"),
        [
            pytest.param(OLD, None, {OLD}, id="before"),
            pytest.param(OLD, NEW, {OLD, NEW}, id="both"),
            pytest.param(NEW, OLD, {OLD, NEW}, id="both, swapped"),
            pytest.param(NEW, None, {NEW}, id="after"),
            pytest.param(NEW, NEW, {NEW}, id="the same twice"),
        ],
    )
    def test_the_tokens_of_both_slots_are_accepted_and_no_other(
        self, gateway: Gateway, current: str, following: str | None, accepted: set[str]
    ) -> None:
        settings = make_settings(
            token_digest=digest_of(current),
            next_token_digest=following and digest_of(following),
        )
        for token in (OLD, NEW, FOREIGN):
            status = answer_to(gateway(EVENT, token=token), settings).status
            assert status == (200 if token in accepted else 401)

    def test_the_log_names_the_slot_of_the_token(self) -> None:
        settings, log = make_settings(next_token_digest=digest_of(NEW)), Log()
        runtime = make_runtime(settings=settings, stream=log)
        for token in (TOKEN, NEW):
            send(webhook.lambda_handler, http_v2(EVENT, token=token), runtime)
        assert [entry["token"] for entry in log.entries()] == ["current", "next"]
        assert [blob.get("NextTokenUsed") for blob in log.metrics()] == [None, [1]]

    def test_a_header_without_a_value_counts_as_missing(self) -> None:
        envelope = {**http_v2(EVENT), "headers": {"x-api-token": None}}
        assert send(webhook.lambda_handler, envelope, make_runtime()).status == 401

    def test_both_tokens_in_one_request_are_rejected(self) -> None:
        settings = make_settings(token_digest=digest_of(OLD), next_token_digest=digest_of(NEW))
        for gateway in (http_v2, rest_v1):
            assert answer_to(gateway(EVENT, token=[OLD, NEW]), settings).status == 401

    def test_a_call_continues_during_a_token_rotation(self) -> None:
        clock = Clock()
        sessions = RecordingSessionStore(clock)
        slots = [(OLD, None), (OLD, NEW), (NEW, OLD), (NEW, None)]
        sent = [OLD, NEW, NEW, NEW]
        for turn, ((current, following), token) in enumerate(zip(slots, sent, strict=True)):
            settings = make_settings(
                token_digest=digest_of(current),
                next_token_digest=following and digest_of(following),
            )
            runtime = make_runtime(sessions, clock, settings)
            event = {**EVENT, "text": f"turn {turn}"}
            answer = send(webhook.lambda_handler, http_v2(event, token=token), runtime)
            assert answer.status == 200
        item = sessions.load("session-123")
        assert item is not None
        assert item.state["turns"] == 4

    @pytest.mark.parametrize("token", [OLD, NEW, FOREIGN, "", "\ud800"])
    def test_every_slot_is_compared_even_after_a_match(self, token: str) -> None:
        digests = Slots([sha256(OLD.encode()).digest(), sha256(NEW.encode()).digest()])
        try:
            authenticate({"x-api-token": [token]}, "x-api-token", digests)
        except Unauthorized:
            assert token not in {OLD, NEW}
        assert digests.taken == 2


class TestTokenSettings:
    @pytest.mark.parametrize(
        "digest",
        [
            pytest.param(TOKEN, id="the token itself"),
            pytest.param(digest_of(TOKEN)[:-1], id="a digit too few"),
            pytest.param(digest_of(TOKEN)[:-2], id="a byte too few"),
            pytest.param(digest_of(TOKEN) + "00", id="a byte too many"),
            pytest.param("sha256:" + digest_of(TOKEN), id="with a name"),
            pytest.param("g" * 64, id="no hexadecimal digits"),
            pytest.param("\uff11" * 64, id="digits in full width"),
            pytest.param(digest_of(""), id="of the empty text"),
            pytest.param(digest_of("").upper(), id="of the empty text, in capitals"),
        ],
    )
    @pytest.mark.parametrize("variable", ["API_TOKEN_SHA256", "API_TOKEN_SHA256_NEXT"])
    def test_an_unusable_digest_is_rejected_without_being_quoted(
        self, variable: str, digest: str
    ) -> None:
        environment = {"API_TOKEN_SHA256": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}

        with pytest.raises(SettingsError, match=f"{variable}: must be the SHA-256") as error:
            Settings.from_environment({**environment, variable: digest})

        assert digest not in str(error.value)

    @pytest.mark.parametrize("digest", [None, "", "   "])
    def test_a_digest_is_required(self, digest: str | None) -> None:
        environment = {"SESSIONS_TABLE": "sessions"}
        if digest is not None:
            environment["API_TOKEN_SHA256"] = digest
        with pytest.raises(SettingsError, match="API_TOKEN_SHA256: "):
            Settings.from_environment(environment)

    def test_the_next_digest_does_not_replace_the_current_one(self) -> None:
        environment = {"API_TOKEN_SHA256_NEXT": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}
        with pytest.raises(SettingsError, match="API_TOKEN_SHA256: "):
            Settings.from_environment(environment)

    def test_the_token_is_not_in_the_settings(self) -> None:
        environment = {"API_TOKEN_SHA256": digest_of(TOKEN), "SESSIONS_TABLE": "sessions"}
        assert TOKEN not in repr(Settings.from_environment(environment))


class TestLog:
    def test_no_token_and_no_digest_is_in_any_output(self) -> None:
        log = Log()
        runtime = make_runtime(stream=log)
        tokens = [*WRONG_TOKENS.values(), TOKEN]
        for token in tokens:
            for gateway in (http_v2, rest_v1):
                send(webhook.lambda_handler, gateway(EVENT, token=token), runtime)
        output = log.getvalue()
        assert len(log.entries()) == 2 * len(tokens)
        for part in (TOKEN, TOKEN[:8], TOKEN[-8:], digest_of(TOKEN), digest_of(TOKEN)[:16]):
            assert part not in output

    @pytest.mark.parametrize(
        ("token", "reason"),
        [(None, "missing"), ("wrong", "wrong"), ([TOKEN, TOKEN], "repeated")],
    )
    def test_the_log_contains_the_reason_that_the_response_hides(
        self, token: Header, reason: str
    ) -> None:
        log = Log()
        send(webhook.lambda_handler, rest_v1(EVENT, token=token), make_runtime(stream=log))
        (entry,) = log.entries()
        assert (entry["level"], entry["outcome"], entry["reason"]) == ("WARNING", "refused", reason)


class Slots(Sequence[bytes]):
    """Digests that count how many of them are read."""

    def __init__(self, digests: Sequence[bytes]) -> None:
        self._digests = digests
        self.taken = 0

    def __len__(self) -> int:
        return len(self._digests)

    @overload
    def __getitem__(self, index: int) -> bytes: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[bytes]: ...
    def __getitem__(self, index: int | slice) -> bytes | Sequence[bytes]:
        return self._digests[index]

    def __iter__(self) -> Iterator[bytes]:
        for digest in self._digests:
            self.taken += 1
            yield digest


class BodyRead(Exception):
    """A body was read before authentication."""


class UnreadableBody(str):
    """A body that raises when it is read."""

    __slots__ = ()

    def __len__(self) -> int:
        raise BodyRead

    def encode(self, encoding: str = "utf-8", errors: str = "strict") -> bytes:
        raise BodyRead
