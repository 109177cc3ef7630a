"""What an event costs, in what no machine changes: requests to the store, and bytes."""

from collections.abc import Iterator, Mapping
from statistics import mean

import pytest

from aiflow.entrypoints import webhook
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import MAX_TURNS, SessionRecord
from tests.helpers.bad_bodies import EVENT
from tests.helpers.runtime import Clock, invoke, make_runtime, make_settings
from tests.helpers.stores import WatchedSessions

SHORT = "This is what I say in turn number"
# About three hundred characters: what a model answers, or a caller who has much to tell.
LONG = f"{SHORT}, and there is more to it than that; " * 4 + SHORT


class MeasuredSessions(WatchedSessions):
    """Sessions in memory that weigh what is committed."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self.sizes: list[int] = []
        self.spills = 0

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        leaving, kept = item.split_overflow()
        self.spills += bool(leaving)
        attributes = to_attributes(kept)
        self.sizes.append(sum(len(f"{name}{value}".encode()) for name, value in attributes.items()))
        super().commit(item)


def a_long_call(
    sessions: MeasuredSessions, clock: Clock, turns: int, words: str = SHORT
) -> Iterator[list[str]]:
    """What each turn asks of the store."""
    endless = make_settings(max_turns=10_000, max_minutes=1440)
    runtime = make_runtime(sessions, clock, endless)
    for number in range(turns):
        clock.advance(5)
        sessions.touched.clear()
        text = f"{words} {number}"
        answer = invoke(webhook.lambda_handler, {**EVENT, "text": text}, runtime)
        assert answer.status == 200
        yield list(sessions.touched)


@pytest.mark.parametrize("words", [SHORT, LONG], ids=["short turns", "long turns"])
def test_a_turn_is_one_read_and_one_write_however_long_the_call(words: str) -> None:
    clock = Clock()
    asked = [*a_long_call(MeasuredSessions(clock), clock, 500, words)]
    assert asked == [["load", "commit"]] * 500


@pytest.mark.parametrize(
    ("words", "most", "in_the_mean"),
    [
        pytest.param(SHORT, 3_800, 3_150, id="short turns"),
        pytest.param(LONG, 15_700, 12_100, id="long turns"),
    ],
)
def test_what_a_turn_writes_stops_growing(words: str, most: int, in_the_mean: int) -> None:
    clock = Clock()
    sessions = MeasuredSessions(clock)
    assert sum(1 for _ in a_long_call(sessions, clock, 500, words)) == 500
    early, late = sessions.sizes[:MAX_TURNS], sessions.sizes[-MAX_TURNS:]
    # Digits of the turns' numbers are all that is still added.
    assert max(late) <= max(early) * 1.1
    assert max(sessions.sizes) <= most
    assert mean(sessions.sizes) <= in_the_mean
    # Each takes a write of its own.
    assert sessions.spills <= 500 / 10


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_is_one_read_and_one_write_at_most(name: str) -> None:
    clock = Clock()
    sessions = WatchedSessions(clock)
    event: Mapping[str, object] = {**EVENT, "type": name}
    invoke(webhook.lambda_handler, event, make_runtime(sessions, clock))
    assert sessions.touched in (["load"], ["load", "commit"])
