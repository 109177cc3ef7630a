"""Whatever fails, wherever on the road: no word, number, digit or token is written down."""

import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

import pytest

from aiflow import Call, Event, Reply, SessionEnd, SessionStart, UserSpeak, entrypoint, errors
from aiflow.entrypoints.sweeper import Sweeper
from aiflow.errors import AiflowError, ConnectionUnavailable, RequestRejected, StoreUnavailable
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from tests.helpers.in_process import for_every_event
from tests.helpers.inbox import Mailbox
from tests.helpers.runtime import (
    TOKEN,
    Clock,
    FakeContext,
    Log,
    http_v2,
    make_runtime,
    make_settings,
    rest_v1,
    send,
    websocket,
)

WORDS, DIGIT, ACCOUNT, NAME = "Zwetschgen-Geheimnis", "7#7*7", "account-canary", "Name-Canary"
CALLER, OWN, ELSEWHERE, PREMIUM = "491713920077", "493023125777", "12025550177", "499007654321"
CONFIG, HEADER = "config-canary", "header-canary"
CANARIES = (
    *(WORDS, DIGIT, ACCOUNT, NAME, CALLER, OWN, ELSEWHERE, PREMIUM, CONFIG, HEADER, TOKEN),
    # What is left of them when somebody cuts or escapes.
    *("Zwetschgen", CALLER[2:], OWN[2:], PREMIUM[2:]),
)
ALL = " ".join(CANARIES)
SESSION = {
    "id": "session-123",
    "account_id": ACCOUNT,
    "phone_number": OWN,
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": f"+{OWN}",
}


def happening(name: str, number: int = 0) -> dict[str, object]:
    """Return an event full of what must not be told, different each time."""
    return {
        "type": name,
        "session": SESSION,
        "text": f"{WORDS} {number}",
        "ssml": f"<speak>{WORDS}</speak>",
        "digit": DIGIT,
        "reason": f"{WORDS} {CALLER}",
        "duration_ms": 900,
    }


def made(kind: type[AiflowError]) -> AiflowError:
    """Return an error of our own family that says all there is to say."""
    return kind(ALL, ALL) if issubclass(kind, RequestRejected) else kind(ALL)


class Odd(Sequence[Any]):
    """A reply that fails only when it is looked at."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: object) -> Any:  # noqa: ANN401 - it never comes
        raise errors.InvalidAction(ALL)


FAMILY = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AiflowError)
]
ERRORS: list[Exception] = [
    *map(made, FAMILY),
    ValueError(ALL),
    KeyError(*CANARIES),
    ExceptionGroup(ALL, [ValueError(ALL), made(errors.InvalidAction)]),
    TimeoutError(ALL),
    RecursionError(ALL),
]


def fails(error: Exception) -> Callable[[Event, Call], Reply]:
    """Make a handler that raises an error with all that it knows."""

    def handle(event: Event, call: Call) -> Reply:
        error.add_note(f"{event} {call.session} {call.history}")
        raise error from ValueError(f"{event} {call.session}")

    return handle


def moves(event: Event, call: Call) -> Reply:
    """Ask for everything that costs money, allowed and not, now and later."""
    later = call.transfer(OWN, caller_id_name=NAME, caller_id_number=CALLER)
    return [
        call.once(WORDS, call.send_sms(CALLER, f"{WORDS} {event.type}")),
        call.send_sms(ELSEWHERE, WORDS),
        call.transfer(PREMIUM, caller_id_name=NAME, caller_id_number=CALLER),
        later,
        call.speak(f"{WORDS} {event.type}").then(later),
    ]


def hoards(event: Event, call: Call) -> Reply:
    """Keep what cannot be kept."""
    call.state[ALL] = {ALL: object()}
    return WORDS


def answers_oddly(event: Event, call: Call) -> Reply:
    """Return what is no reply."""
    odd: Any = Odd() if isinstance(event, UserSpeak) else {WORDS: CALLER}
    reply: Reply = odd
    return reply


def mistakes(event: Event, call: Call) -> Reply:
    """Build what the protocol forbids."""
    if isinstance(event, SessionStart):
        return call.speak("Hello", extra={"text": WORDS})
    odd: Any = ALL
    return call.transfer(odd, caller_id_name=NAME, caller_id_number=odd, timeout=odd)


def fails_late(event: Event, call: Call) -> Iterator[Reply]:
    """Say something, and fail in the middle of the answer."""
    yield WORDS
    raise errors.InvalidAction(ALL)


HANDLERS = [moves, hoards, answers_oddly, mistakes, fails_late, *map(fails, ERRORS)]
each_handler = pytest.mark.parametrize(
    "handle", HANDLERS, ids=lambda handle: getattr(handle, "__name__", "")
)


class Faulty(InMemorySessionStore):
    """A store that fails now and then, and whose faults say too much."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._asked = 0

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self._stumble()
        return super().load(session_id)

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self._stumble()
        super().commit(item)

    def _stumble(self) -> None:
        self._asked += 1
        if self._asked % 5 == 0:
            raise StoreUnavailable("the table did not answer: ClientError") from ValueError(ALL)


class Talkative(Mailbox):
    """Connections whose faults say too much."""

    def send(self, connection_id: str, message: str) -> None:
        """See `Connections.send`."""
        if len(self.sent) % 3 == 2:
            self.sent.append((connection_id, None))
            cause = ValueError(f"{message} {ALL}")
            raise ConnectionUnavailable("the message did not go out: ReadTimeoutError") from cause
        super().send(connection_id, message)


def told(handle: Callable[..., Any], *, is_faulty: bool, **limits: object) -> Log:
    """Send every event through every door; return what was written."""
    clock, log = Clock(), Log()
    sessions = Faulty(clock) if is_faulty else InMemorySessionStore(clock)
    connections = Talkative() if is_faulty else Mailbox()
    settings = make_settings(
        agent={"canary": CONFIG}, allowed_numbers=OWN, fallback_number=PREMIUM, **limits
    )
    runtime = make_runtime(sessions, clock, settings, log, connections=connections)
    handler = for_every_event(handle)
    headers = {"X-Canary": HEADER, "Authorization": f"Bearer {TOKEN}"}
    for number, name in enumerate([*EVENT_TYPES] * 3):
        event = happening(name, number)
        for clockwork, envelope in (
            (0.2, http_v2(event, headers=headers)),
            (0.2, rest_v1(event, headers=headers)),
            (5, websocket(event)),
            (5, event),
            (0, http_v2(event, token=f"{TOKEN}{WORDS}", headers=headers)),
        ):
            clock.advance(clockwork)
            if name != "session_end" or number > 2 * len(EVENT_TYPES):
                send(handler, envelope, runtime)
    return log


@each_handler
@pytest.mark.parametrize("is_faulty", [False, True])
def test_no_log_line_and_no_metric_tells_what_was_said(
    handle: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    is_faulty: bool,  # noqa: FBT001 - a switch
) -> None:
    log = told(handle, is_faulty=is_faulty)
    assert len(log.entries()) > 100
    assert_silent(log.getvalue())
    captured = capfd.readouterr()
    assert_silent(captured.out + captured.err)


def test_what_is_blocked_and_what_is_capped_is_told_by_its_kind() -> None:
    free = told(moves, is_faulty=False)
    capped = told(moves, is_faulty=False, max_turns=2, max_sms=1, max_transfers=0)
    reasons = {
        reason
        for log in (free, capped)
        for entry in log.entries()
        for reason in entry.get("blocked", [])
    }
    assert reasons == {"send_sms:recipient", "transfer:loop", "send_sms:cap", "transfer:cap"}
    assert "max_turns" in {entry.get("reason") for entry in capped.entries()}
    assert_silent(free.getvalue() + capped.getvalue())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_sweeper_tells_no_more(error: Exception) -> None:
    def after(event: SessionEnd, call: Call) -> Reply:
        raise error

    clock, log = Clock(), Log()
    sessions = InMemorySessionStore(clock)
    runtime = make_runtime(sessions, clock, stream=log)
    send(for_every_event(moves), happening("user_speak"), runtime)
    clock.advance(3600)
    sweep = Sweeper(entrypoint(after), lambda: runtime, lambda: sessions)
    sweep({"detail": ALL}, FakeContext())
    assert log.metrics()[-1].get("AbandonedCalls") == [1]
    assert_silent(log.getvalue())


def test_an_error_that_is_raised_here_is_still_explained() -> None:
    log = told(mistakes, is_faulty=False)
    details = {entry.get("detail") for entry in log.entries()}
    assert any("transfer" in str(detail) for detail in details)
    assert any("extra" in str(detail) for detail in details)


def test_the_canaries_would_be_found() -> None:
    stream = io.StringIO(json.dumps(happening("user_speak")))
    with pytest.raises(AssertionError):
        assert_silent(stream.getvalue())


def test_the_settings_do_not_show_what_they_were_given() -> None:
    with pytest.raises(errors.SettingsError) as refusal:
        type(make_settings()).from_environment(
            {"API_TOKEN_SHA256": TOKEN, "ALLOWED_NUMBERS": WORDS, "FALLBACK_NUMBER": ELSEWHERE * 2}
        )
    assert_silent(str(refusal.value))
    assert "ALLOWED_NUMBERS" in str(refusal.value)


def test_a_runtime_of_another_stack_is_not_shown_either() -> None:
    runtime = replace(make_runtime(), settings=make_settings(allowed_account_ids="a1"))
    log = Log()
    handler = for_every_event(moves)
    foreign = make_runtime(settings=runtime.settings, stream=log)
    assert send(handler, http_v2(happening("user_speak")), foreign).status == 403
    assert_silent(log.getvalue())


def assert_silent(output: str) -> None:
    """Check that none of the canaries is in an output."""
    assert [canary for canary in CANARIES if canary in output] == []
