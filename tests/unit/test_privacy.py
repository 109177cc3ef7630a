"""Privacy: no text, phone number, digit or token is logged, whatever fails."""

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
from tests.helpers.in_process import untyped_entrypoint
from tests.helpers.recording_connections import RecordingConnectionSender
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

TEXT, DIGIT, ACCOUNT, NAME = "Zwetschgen-Geheimnis", "7#7*7", "account-canary", "Name-Canary"
CALLER, OWN, ELSEWHERE, PREMIUM = "491713920077", "493023125777", "12025550177", "499007654321"
CONFIG, HEADER = "config-canary", "header-canary"
CANARIES = (
    *(TEXT, DIGIT, ACCOUNT, NAME, CALLER, OWN, ELSEWHERE, PREMIUM, CONFIG, HEADER, TOKEN),
    # Fragments that truncation or escaping leaves.
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


def sensitive_event(name: str, number: int = 0) -> dict[str, object]:
    """Return an event full of sensitive values; its text contains the number."""
    return {
        "type": name,
        "session": SESSION,
        "text": f"{TEXT} {number}",
        "ssml": f"<speak>{TEXT}</speak>",
        "digit": DIGIT,
        "reason": f"{TEXT} {CALLER}",
        "duration_ms": 900,
    }


def error_of(kind: type[AiflowError]) -> AiflowError:
    """Return an error of the layer whose message contains all sensitive values."""
    return kind(ALL, ALL) if issubclass(kind, RequestRejected) else kind(ALL)


class OddReply(Sequence[Any]):
    """A reply that fails when it is read."""

    def __len__(self) -> int:
        return 1

    def __getitem__(self, index: object) -> Any:  # noqa: ANN401 - always raises
        raise errors.InvalidAction(ALL)


LAYER_ERRORS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, AiflowError)
]
ERRORS: list[Exception] = [
    *map(error_of, LAYER_ERRORS),
    ValueError(ALL),
    KeyError(*CANARIES),
    ExceptionGroup(ALL, [ValueError(ALL), error_of(errors.InvalidAction)]),
    TimeoutError(ALL),
    RecursionError(ALL),
]


def failing_with(error: Exception) -> Callable[[Event, Call], Reply]:
    """Make a handler that raises an error which quotes the event and the history."""

    def handle(event: Event, call: Call) -> Reply:
        error.add_note(f"{event} {call.session} {call.history}")
        raise error from ValueError(f"{event} {call.session}")

    return handle


def use_billable_actions(event: Event, call: Call) -> Reply:
    """Return allowed and blocked billable actions, immediate and deferred ones."""
    later = call.transfer(OWN, caller_id_name=NAME, caller_id_number=CALLER)
    return [
        call.once(TEXT, call.send_sms(CALLER, f"{TEXT} {event.type}")),
        call.send_sms(ELSEWHERE, TEXT),
        call.transfer(PREMIUM, caller_id_name=NAME, caller_id_number=CALLER),
        later,
        call.speak(f"{TEXT} {event.type}").then(later),
    ]


def store_unstorable_state(event: Event, call: Call) -> Reply:
    """Put an object into the state that is not JSON."""
    call.state[ALL] = {ALL: object()}
    return TEXT


def reply_with_invalid_type(event: Event, call: Call) -> Reply:
    """Return an invalid reply."""
    odd: Any = OddReply() if isinstance(event, UserSpeak) else {TEXT: CALLER}
    reply: Reply = odd
    return reply


def build_invalid_action(event: Event, call: Call) -> Reply:
    """Build an action that the protocol forbids."""
    if isinstance(event, SessionStart):
        return call.speak("Hello", extra={"text": TEXT})
    odd: Any = ALL
    return call.transfer(odd, caller_id_name=NAME, caller_id_number=odd, timeout=odd)


def fail_after_chunk(event: Event, call: Call) -> Iterator[Reply]:
    """Yield a chunk, and then fail."""
    yield TEXT
    raise errors.InvalidAction(ALL)


HANDLERS = [
    use_billable_actions,
    store_unstorable_state,
    reply_with_invalid_type,
    build_invalid_action,
    fail_after_chunk,
    *map(failing_with, ERRORS),
]
each_handler = pytest.mark.parametrize(
    "handle", HANDLERS, ids=lambda handle: getattr(handle, "__name__", "")
)


class FaultyStore(InMemorySessionStore):
    """A store that fails on every fifth request, with sensitive values in the cause."""

    def __init__(self, now: Callable[[], float]) -> None:
        super().__init__(now)
        self._asked = 0

    def load(self, session_id: str) -> SessionRecord | None:
        """See `SessionStore.load`."""
        self._fail_sometimes()
        return super().load(session_id)

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        self._fail_sometimes()
        super().commit(record)

    def _fail_sometimes(self) -> None:
        self._asked += 1
        if self._asked % 5 == 0:
            raise StoreUnavailable("the table did not answer: ClientError") from ValueError(ALL)


class FaultyConnections(RecordingConnectionSender):
    """Connections that fail on some messages, with sensitive values in the cause."""

    def send(self, connection_id: str, message: str) -> None:
        """See `ConnectionSender.send`."""
        if len(self.sent) % 3 == 2:
            self.sent.append((connection_id, None))
            cause = ValueError(f"{message} {ALL}")
            raise ConnectionUnavailable("the message did not go out: ReadTimeoutError") from cause
        super().send(connection_id, message)


def log_of_all_events(handle: Callable[..., Any], *, is_faulty: bool, **limits: object) -> Log:
    """Send every event over every transport; return the log."""
    clock, log = Clock(), Log()
    sessions = FaultyStore(clock) if is_faulty else InMemorySessionStore(clock)
    connections = FaultyConnections() if is_faulty else RecordingConnectionSender()
    settings = make_settings(
        agent={"canary": CONFIG}, allowed_numbers=OWN, fallback_number=PREMIUM, **limits
    )
    runtime = make_runtime(sessions, clock, settings, log, connections=connections)
    handler = untyped_entrypoint(handle)
    headers = {"X-Canary": HEADER, "Authorization": f"Bearer {TOKEN}"}
    for number, name in enumerate([*EVENT_TYPES] * 3):
        event = sensitive_event(name, number)
        for pause, envelope in (
            (0.2, http_v2(event, headers=headers)),
            (0.2, rest_v1(event, headers=headers)),
            (5, websocket(event)),
            (5, event),
            (0, http_v2(event, token=f"{TOKEN}{TEXT}", headers=headers)),
        ):
            clock.advance(pause)
            if name != "session_end" or number > 2 * len(EVENT_TYPES):
                send(handler, envelope, runtime)
    return log


@each_handler
@pytest.mark.parametrize("is_faulty", [False, True])
def test_no_log_line_and_no_metric_contains_sensitive_values(
    handle: Callable[..., Any],
    capfd: pytest.CaptureFixture[str],
    is_faulty: bool,  # noqa: FBT001 - a switch
) -> None:
    log = log_of_all_events(handle, is_faulty=is_faulty)
    assert len(log.entries()) > 100
    assert_silent(log.getvalue())
    captured = capfd.readouterr()
    assert_silent(captured.out + captured.err)


def test_blocked_actions_and_limits_are_logged_by_reason() -> None:
    free = log_of_all_events(use_billable_actions, is_faulty=False)
    limited = log_of_all_events(
        use_billable_actions, is_faulty=False, max_turns=2, max_sms=1, max_transfers=0
    )
    reasons = {
        reason
        for log in (free, limited)
        for entry in log.entries()
        for reason in entry.get("blocked", [])
    }
    assert reasons == {"send_sms:recipient", "transfer:loop", "send_sms:cap", "transfer:cap"}
    assert "max_turns" in {entry.get("reason") for entry in limited.entries()}
    assert_silent(free.getvalue() + limited.getvalue())


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_the_sweeper_logs_no_sensitive_values(error: Exception) -> None:
    def after(event: SessionEnd, call: Call) -> Reply:
        raise error

    clock, log = Clock(), Log()
    sessions = InMemorySessionStore(clock)
    runtime = make_runtime(sessions, clock, stream=log)
    send(untyped_entrypoint(use_billable_actions), sensitive_event("user_speak"), runtime)
    clock.advance(3600)
    sweep = Sweeper(entrypoint(after), lambda: runtime, lambda: sessions)
    sweep({"detail": ALL}, FakeContext())
    assert log.metrics()[-1].get("AbandonedCalls") == [1]
    assert_silent(log.getvalue())


def test_an_error_of_the_layer_is_still_explained() -> None:
    log = log_of_all_events(build_invalid_action, is_faulty=False)
    details = {entry.get("detail") for entry in log.entries()}
    assert any("transfer" in str(detail) for detail in details)
    assert any("extra" in str(detail) for detail in details)


def test_the_check_finds_sensitive_values() -> None:
    stream = io.StringIO(json.dumps(sensitive_event("user_speak")))
    with pytest.raises(AssertionError):
        assert_silent(stream.getvalue())


def test_settings_errors_do_not_quote_values() -> None:
    with pytest.raises(errors.SettingsError) as error:
        type(make_settings()).from_environment(
            {"API_TOKEN_SHA256": TOKEN, "ALLOWED_NUMBERS": TEXT, "FALLBACK_NUMBER": ELSEWHERE * 2}
        )
    assert_silent(str(error.value))
    assert "ALLOWED_NUMBERS" in str(error.value)


def test_a_rejected_account_is_not_logged() -> None:
    runtime = replace(make_runtime(), settings=make_settings(allowed_account_ids="a1"))
    log = Log()
    handler = untyped_entrypoint(use_billable_actions)
    foreign = make_runtime(settings=runtime.settings, stream=log)
    assert send(handler, http_v2(sensitive_event("user_speak")), foreign).status == 403
    assert_silent(log.getvalue())


def assert_silent(output: str) -> None:
    """Check that an output contains none of the sensitive values."""
    assert [canary for canary in CANARIES if canary in output] == []
