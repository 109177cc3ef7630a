"""Figures of one call that does not end: how large its item and its answers become."""

from dataclasses import dataclass

from aiflow import Call, Event, Reply, UserSpeak
from tests.helpers.in_process import CallDriver
from tests.helpers.items import stored_bytes
from tests.helpers.runtime import make_settings


@dataclass(frozen=True)
class Sizes:
    """What was largest in a call.

    Attributes:
        item: bytes in the table.
        answer: bytes of an answer.
        turns: that are there at its end.
    """

    item: int
    answer: int
    turns: int


def long_call(turns: int) -> Sizes:
    """Talk so many turns, each as long as an event can carry."""

    def repeat(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        call.state["last"] = event.text[:7_000]
        return call.speak(event.text[:20_000])

    # A minute goes by from turn to turn.
    driver = CallDriver(repeat, settings=make_settings(max_turns=10_000, max_minutes=1440))
    item = answer = 0
    for number in range(turns):
        text = f"{number} " + '"€' * 25_000
        body = driver.send("user_speak", text=text)
        answer = max(answer, len(str(body)))
        item = max(item, stored_bytes(driver.record))
    return Sizes(item, answer, len(driver.runtime.sessions.turns(driver.session_id)))
