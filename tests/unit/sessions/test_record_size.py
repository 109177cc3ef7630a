"""The session record stays under 64 KB, whatever callers and handlers do."""

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

# Backslashes double in size in JSON.
WIDEST = "\\" * MAX_TURN_TEXT_BYTES


def greedy(event: UserSpeak, call: Call) -> Reply:
    """Use all the space that is available."""
    overhead = len(json.dumps({"all": ""}))
    call.state["all"] = "x" * (MAX_STATE_BYTES - overhead)
    later = call.speak("x" * (MAX_DEFERRED_BYTES - len(SESSION_ID.encode()) - 100))
    texts = [call.send_sms("493023125001", f"{event.text[:9]} {number}") for number in range(20)]
    # An answer of at most this size is stored for replay.
    spoken = event.text[:1] * (MAX_ANSWERS_BYTES // 2 - len(SESSION_ID.encode()) - 200)
    return [*texts, call.speak(spoken).then(later)]


@pytest.mark.parametrize(
    "texts",
    [
        pytest.param(["a" * 900] * 15 + [WIDEST], id="many turns and a wide one"),
        pytest.param([WIDEST] * 15, id="wide turns"),
        pytest.param([ROBOT * 10_000] * 15, id="long turns"),
        pytest.param([f"{number} ?" for number in range(60)], id="many turns"),
    ],
)
def test_the_record_stays_under_its_size_limit_when_every_part_is_full(texts: list[str]) -> None:
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
