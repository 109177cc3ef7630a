"""Store cost of an event: number of requests, and bytes written."""

from collections.abc import Iterator, Mapping
from statistics import mean

import pytest

from aiflow.entrypoints import webhook
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import MAX_TURNS, SessionRecord
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import Clock, invoke, make_runtime, make_settings
from tests.helpers.stores import RecordingSessionStore

SHORT = "This is what I say in turn number"
# About three hundred characters: a typical answer of a model, or of a talkative caller.
LONG = f"{SHORT}, and there is more to it than that; " * 4 + SHORT


class MeasuringSessionStore(RecordingSessionStore):
    """An in-memory store that records the size of each commit."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self.sizes: list[int] = []
        self.spills = 0

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, remaining = record.split_overflow()
        self.spills += bool(leaving)
        attributes = to_attributes(remaining)
        self.sizes.append(sum(len(f"{name}{value}".encode()) for name, value in attributes.items()))
        super().commit(record)


def long_call(
    sessions: MeasuringSessionStore, clock: Clock, turns: int, text_start: str = SHORT
) -> Iterator[list[str]]:
    """Play a call; yield the store requests of each turn."""
    endless = make_settings(max_turns=10_000, max_minutes=1440)
    runtime = make_runtime(sessions, clock, endless)
    for number in range(turns):
        clock.advance(5)
        sessions.requests.clear()
        text = f"{text_start} {number}"
        answer = invoke(webhook.lambda_handler, {**EVENT, "text": text}, runtime)
        assert answer.status == 200
        yield list(sessions.requests)


@pytest.mark.parametrize("text_start", [SHORT, LONG], ids=["short turns", "long turns"])
def test_a_turn_costs_one_read_and_one_write_however_long_the_call(text_start: str) -> None:
    clock = Clock()
    asked = [*long_call(MeasuringSessionStore(clock), clock, 500, text_start)]
    assert asked == [["load", "commit"]] * 500


@pytest.mark.parametrize(
    ("text_start", "most", "average"),
    [
        pytest.param(SHORT, 3_800, 3_150, id="short turns"),
        pytest.param(LONG, 15_700, 12_100, id="long turns"),
    ],
)
def test_the_bytes_written_per_turn_stop_growing(text_start: str, most: int, average: int) -> None:
    clock = Clock()
    sessions = MeasuringSessionStore(clock)
    assert sum(1 for _ in long_call(sessions, clock, 500, text_start)) == 500
    early, late = sessions.sizes[:MAX_TURNS], sessions.sizes[-MAX_TURNS:]
    # Only the digits of the turn numbers still add bytes.
    assert max(late) <= max(early) * 1.1
    assert max(sessions.sizes) <= most
    assert mean(sessions.sizes) <= average
    # Each overflow costs an additional write.
    assert sessions.spills <= 500 / 10


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_costs_one_read_and_at_most_one_write(name: str) -> None:
    clock = Clock()
    sessions = RecordingSessionStore(clock)
    event: Mapping[str, object] = {**EVENT, "type": name}
    invoke(webhook.lambda_handler, event, make_runtime(sessions, clock))
    assert sessions.requests in (["load"], ["load", "commit"])
