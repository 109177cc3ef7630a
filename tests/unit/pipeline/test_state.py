"""What a handler keeps once, it finds at every later event."""

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
    "kept",
    [
        pytest.param(dict(ODD_STATE), id="odd things"),
        pytest.param({"nested": nested(500)}, id="500 lists in each other"),
        pytest.param({"nested": nested(9_000)}, id="9,000 lists in each other"),
    ],
)
def test_what_could_be_kept_is_never_in_the_way_of_later_events(
    kept: dict[str, JsonValue],
) -> None:
    def keep_first(event: UserSpeak, call: Call) -> Reply:
        if event.text == "first":
            call.state.update(kept)
        else:
            call.state[event.text] = len(call.state)
        return call.speak(event.text)

    clock, log = Clock(), Log()
    runtime = make_runtime(clock=clock, stream=log)
    handler = entrypoint(keep_first)
    for text in ("first", "second", "third"):
        clock.advance(60)
        event = {"type": "user_speak", "text": text, "session": {"id": "session-123"}}
        assert invoke(handler, event, runtime).body["text"] == text

    item = runtime.sessions.load("session-123")
    assert item is not None
    assert item.state["third"] == len(kept) + 1
    assert repr({name: item.state[name] for name in kept}) == repr(kept)


def test_a_handler_that_fails_has_not_touched_what_was_kept() -> None:
    def keep_and_fail(event: UserSpeak, call: Call) -> Reply:
        call.state.setdefault("names", []).append(event.text)
        if event.text == "Eve":
            raise ZeroDivisionError
        return call.speak(event.text)

    clock = Clock()
    runtime = make_runtime(clock=clock)
    for text in ("Ada", "Eve", "Bob"):
        clock.advance(60)
        event = {"type": "user_speak", "text": text, "session": {"id": "session-123"}}
        invoke(entrypoint(keep_and_fail), event, runtime)

    item = runtime.sessions.load("session-123")
    assert item is not None
    assert item.state == {"names": ["Ada", "Bob"]}
