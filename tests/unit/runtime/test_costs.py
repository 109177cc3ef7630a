"""What an event costs, in what no machine changes: requests to the store, and bytes."""

from collections.abc import Iterator, Mapping

import pytest

import webhook.app
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.codec import item_attributes
from aiflow.sessions.model import MAX_TURNS, SessionItem
from tests.support.bad_bodies import EVENT
from tests.support.runtime import Clock, invoke, make_runtime, make_settings
from tests.support.stores import WatchedSessions

KB = 1024


class MeasuredSessions(WatchedSessions):
    """Sessions in memory that weigh what is committed."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self.sizes: list[int] = []

    def commit(self, item: SessionItem) -> None:
        """See `SessionStore.commit`."""
        attributes = item_attributes(item.spill()[1])
        self.sizes.append(sum(len(f"{name}{value}".encode()) for name, value in attributes.items()))
        super().commit(item)


def a_long_call(sessions: MeasuredSessions, clock: Clock, turns: int) -> Iterator[list[str]]:
    """What each turn asks of the store."""
    endless = make_settings(max_turns=10_000, max_minutes=1440)
    runtime = make_runtime(sessions, clock, endless)
    for number in range(turns):
        clock.advance(5)
        sessions.touched.clear()
        text = f"This is what I say in turn number {number}"
        answer = invoke(webhook.app.lambda_handler, {**EVENT, "text": text}, runtime)
        assert answer.status == 200
        yield list(sessions.touched)


def test_a_turn_is_one_read_and_one_write_however_long_the_call() -> None:
    clock = Clock()
    asked = [*a_long_call(MeasuredSessions(clock), clock, 500)]
    assert asked == [["load", "commit"]] * 500


def test_what_a_turn_writes_stops_growing() -> None:
    clock = Clock()
    sessions = MeasuredSessions(clock)
    assert sum(1 for _ in a_long_call(sessions, clock, 500)) == 500
    early, late = sessions.sizes[:MAX_TURNS], sessions.sizes[-MAX_TURNS:]
    # Digits of the turns' numbers are all that is still added.
    assert max(late) <= max(early) * 1.1
    # Four units of write capacity.
    assert max(sessions.sizes) <= 4 * KB


@pytest.mark.parametrize("name", EVENT_TYPES)
def test_every_event_is_one_read_and_one_write_at_most(name: str) -> None:
    clock = Clock()
    sessions = WatchedSessions(clock)
    event: Mapping[str, object] = {**EVENT, "type": name}
    invoke(webhook.app.lambda_handler, event, make_runtime(sessions, clock))
    assert sessions.touched in (["load"], ["load", "commit"])
