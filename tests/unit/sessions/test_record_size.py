"""The session item stays under 64 KB, whatever the caller does and the handlers keep."""

import json

import pytest

from aiflow import Call, Reply, UserSpeak, entrypoint
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import (
    MAX_ANSWERS_BYTES,
    MAX_DEFERRED_BYTES,
    MAX_STATE_BYTES,
    MAX_TURN_TEXT_BYTES,
)
from tests.helpers.items import stored_bytes
from tests.helpers.runtime import Clock, FakeContext, Log, http_v2, make_runtime, send

LIMIT_BYTES = 64_000
ROBOT = "🤖"
SESSION_ID = ROBOT * 256
SESSION = {
    "id": SESSION_ID,
    "direction": "outbound",
    **dict.fromkeys(
        ("account_id", "phone_number", "from_phone_number", "to_phone_number"), ROBOT * 1000
    ),
}

# Quotes and backslashes take twice their room in JSON, and most of all bytes of a turn.
WIDEST = "\\" * MAX_TURN_TEXT_BYTES


def greedy(event: UserSpeak, call: Call) -> Reply:
    """Use up all that there is room for."""
    overhead = len(json.dumps({"all": ""}))
    call.state["all"] = "x" * (MAX_STATE_BYTES - overhead)
    later = call.speak("x" * (MAX_DEFERRED_BYTES - len(SESSION_ID.encode()) - 100))
    texts = [call.send_sms("493023125001", f"{event.text[:9]} {number}") for number in range(20)]
    # What is answered is kept for a repetition as long as it is this small.
    spoken = event.text[:1] * (MAX_ANSWERS_BYTES // 2 - len(SESSION_ID.encode()) - 200)
    return [*texts, call.speak(spoken).then(later)]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["a" * 900] * 15 + [WIDEST], id="many turns and one that is wide"),
        pytest.param([WIDEST] * 15, id="wide turns"),
        pytest.param([ROBOT * 10_000] * 15, id="long turns"),
        pytest.param([f"{number} ?" for number in range(60)], id="many turns"),
    ],
)
def test_the_item_stays_small_when_everything_is_used_up_at_once(texts: list[str]) -> None:
    clock, log = Clock(), Log()
    sessions = InMemorySessionStore(clock)
    runtime = make_runtime(sessions, clock, stream=log)
    agent = entrypoint(greedy)
    for number, text in enumerate(texts):
        clock.advance(60)
        event = {"type": "user_speak", "text": text, "session": SESSION}
        context = FakeContext(aws_request_id=f"{number:036}")
        assert send(agent, http_v2(event), runtime, context).status == 200
        item = sessions.load(SESSION_ID)
        assert item is not None
        assert stored_bytes(item) < LIMIT_BYTES
    assert all(entry["outcome"] == "answered" for entry in log.entries())
