"""Figures of one call that does not end: how large its item and its answers become."""

from dataclasses import dataclass

from aiflow import Call, Event, Reply, UserSpeak
from tests.helpers.in_process import Line
from tests.helpers.items import stored_bytes
from tests.helpers.runtime import make_settings


@dataclass(frozen=True)
class LongCallSizes:
    """What was largest in a call.

    Attributes:
        item: bytes in the table.
        answer: bytes of an answer.
        turns: that are there at its end.
    """

    item: int
    answer: int
    turns: int


def long_call(turns: int) -> LongCallSizes:
    """Talk so many turns, each as long as an event can carry."""

    def repeat(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        call.state["last"] = event.text[:7_000]
        return call.speak(event.text[:20_000])

    # A minute goes by from turn to turn.
    line = Line(repeat, settings=make_settings(max_turns=10_000, max_minutes=1440))
    item = answer = 0
    for number in range(turns):
        text = f"{number} " + '"€' * 25_000
        body = line.send("user_speak", text=text)
        answer = max(answer, len(str(body)))
        item = max(item, stored_bytes(line.item))
    return LongCallSizes(item, answer, len(line.runtime.sessions.turns(line.session_id)))
