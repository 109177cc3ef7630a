"""State stored by a handler is available at every later event."""

import pytest

from aiflow import Call, Reply, UserSpeak, entrypoint
from aiflow.protocol.types import JsonValue
from tests.helpers.items import ODD_STATE
from tests.helpers.runtime import Clock, Log, invoke, make_runtime


def nested(depth: int) -> JsonValue:
    value: JsonValue = "deep"
    for _ in range(depth):
        value = [value]
    return value


@pytest.mark.parametrize(
    "stored",
    [
        pytest.param(dict(ODD_STATE), id="odd things"),
        pytest.param({"nested": nested(500)}, id="500 lists in each other"),
        pytest.param({"nested": nested(9_000)}, id="9,000 lists in each other"),
    ],
)
def test_any_state_that_can_be_stored_does_not_disturb_later_events(
    stored: dict[str, JsonValue],
) -> None:
    def store_first(event: UserSpeak, call: Call) -> Reply:
        if event.text == "first":
            call.state.update(stored)
        else:
            call.state[event.text] = len(call.state)
        return call.speak(event.text)

    clock, log = Clock(), Log()
    runtime = make_runtime(clock=clock, stream=log)
    handler = entrypoint(store_first)
    for text in ("first", "second", "third"):
        clock.advance(60)
        event = {"type": "user_speak", "text": text, "session": {"id": "session-123"}}
        assert invoke(handler, event, runtime).body["text"] == text

    item = runtime.sessions.load("session-123")
    assert item is not None
    assert item.state["third"] == len(stored) + 1
    assert repr({name: item.state[name] for name in stored}) == repr(stored)


def test_a_handler_that_fails_does_not_change_the_stored_state() -> None:
    def change_and_fail(event: UserSpeak, call: Call) -> Reply:
        call.state.setdefault("names", []).append(event.text)
        if event.text == "Eve":
            raise ZeroDivisionError
        return call.speak(event.text)

    clock = Clock()
    runtime = make_runtime(clock=clock)
    for text in ("Ada", "Eve", "Bob"):
        clock.advance(60)
        event = {"type": "user_speak", "text": text, "session": {"id": "session-123"}}
        invoke(entrypoint(change_and_fail), event, runtime)

    item = runtime.sessions.load("session-123")
    assert item is not None
    assert item.state == {"names": ["Ada", "Bob"]}
