"""Measure the size of the record and the answers in a very long call."""

from dataclasses import dataclass

from aiflow import Call, Event, Reply, UserSpeak
from tests.helpers.in_process import CallDriver
from tests.helpers.items import stored_bytes
from tests.helpers.runtime import make_settings


@dataclass(frozen=True)
class LongCallSizes:
    """The largest sizes in a call.

    Attributes:
        item: size of the table item in bytes.
        answer: size of an answer in bytes.
        turns: number of turns at the end.
    """

    item: int
    answer: int
    turns: int


def long_call(turns: int) -> LongCallSizes:
    """Play a call whose turns are as long as an event allows."""

    def repeat(event: Event, call: Call) -> Reply:
        if not isinstance(event, UserSpeak):
            return None
        call.state["last"] = event.text[:7_000]
        return call.speak(event.text[:20_000])

    # Each turn takes a minute.
    driver = CallDriver(repeat, settings=make_settings(max_turns=10_000, max_minutes=1440))
    item = answer = 0
    for number in range(turns):
        text = f"{number} " + '"€' * 25_000
        body = driver.send("user_speak", text=text)
        answer = max(answer, len(str(body)))
        item = max(item, stored_bytes(driver.record))
    return LongCallSizes(item, answer, len(driver.runtime.sessions.turns(driver.session_id)))
