"""Events of a script, sent to a bot one after another."""

from typing import Any

from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord
from aiflow_local.simulator.bots.connector import ConnectedBot
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import EntryKind, Transcript
from aiflow_local.simulator.scripts.player import PAUSE_MS, EventPlayer, Exchange
from tests.unit.local.simulator.fake_bots import Bot, Script, answers, in_turn, ok, say

OPTIONS = ServiceOptions()
HELLO = say("Hello")


class PlayedScript:
    """A script that was played to a bot in memory."""

    def __init__(self, script: Script, *events: JsonObject, **states: list[Any]) -> None:
        self.bot = Bot(script)
        self.clock = Clock()
        self.transcript = Transcript()
        connected = ConnectedBot(self.bot, _records(states) if states else None)
        player = EventPlayer(connected, OPTIONS, self.clock, self.transcript)
        self.exchanges: list[Exchange] = [*player.play(events)]

    @property
    def changes(self) -> list[dict[str, Any]]:
        return [dict(exchange.changes) for exchange in self.exchanges]


def _records(states: dict[str, list[Any]]) -> Any:  # noqa: ANN401 - a reader of records
    def read_record(session_id: str) -> SessionRecord:
        return SessionRecord(session_id=session_id, state=states[session_id].pop(0))

    return read_record


def event(name: str, session_id: str = "s", **members: Any) -> JsonObject:  # noqa: ANN401 - JSON
    return {"type": name, "session": {"id": session_id}, **members}


def test_each_event_is_sent_unchanged_and_its_actions_are_in_the_transcript() -> None:
    played = PlayedScript(
        answers(session_start=HELLO), event("session_start"), event("user_speak", text="Hi")
    )
    assert played.bot.events == [event("session_start"), event("user_speak", text="Hi")]
    assert [entry.text for entry in played.transcript.entries] == [
        "session_start",
        "200 in 1 ms",
        'speak "Hello"',
        'user_speak "Hi"',
        "204 in 1 ms",
    ]


def test_a_virtual_minute_passes_between_two_events() -> None:
    played = PlayedScript(answers(), event("session_start"), event("session_end"))
    sent = [entry.at_ms for entry in played.transcript.of(EntryKind.EVENT)]
    assert sent == [0, PAUSE_MS]


def test_an_exchange_as_json_has_the_answer_with_its_invalid_actions_and_problems() -> None:
    played = PlayedScript(
        answers(user_speak=[HELLO, {"type": "sing"}]), event("user_speak", text="Hi")
    )
    (exchange,) = played.exchanges
    found = exchange.as_json()
    assert [*found] == ["event", "status", "ms", "actions", "problems", "changes"]
    assert (found["event"], found["status"], found["ms"]) == (
        event("user_speak", text="Hi"),
        200,
        1.0,
    )
    assert found["actions"] == [{"session_id": "s", **HELLO}, {"session_id": "s", "type": "sing"}]
    assert [problem.code for problem in exchange.problems] == ["not_an_action"]
    assert not exchange.is_valid


def test_an_answer_with_a_warning_only_is_valid() -> None:
    (exchange,) = PlayedScript(in_turn(ok("[]")), event("user_speak", text="Hi")).exchanges
    assert [problem.severity for problem in exchange.problems] == ["warning"]
    assert exchange.is_valid


def test_an_unreachable_bot_gets_no_further_events() -> None:
    unreachable = DeliveryFailure("no_connection", "no server answers at this address", 2.0)
    played = PlayedScript(in_turn(unreachable, HELLO), event("session_start"), event("session_end"))
    assert [exchange.as_json()["status"] for exchange in played.exchanges] == [None]


def test_a_bot_that_fails_gets_the_next_event() -> None:
    failed = DeliveryFailure("broken_off", "broke off", 2.0)
    played = PlayedScript(in_turn(failed, HELLO), event("session_start"), event("session_end"))
    assert [exchange.is_valid for exchange in played.exchanges] == [False, True]


def test_an_unsolicited_message_belongs_to_the_event_before_it() -> None:
    def script(got: dict[str, Any]) -> None:
        if got["type"] == "session_start":
            bot.sends_unsolicited(say("One moment"))

    bot = Bot(script)
    player = EventPlayer(ConnectedBot(bot, None), OPTIONS, Clock(), Transcript())
    (exchange,) = player.play([event("session_start")])
    assert exchange.actions == [{"session_id": "s", **say("One moment")}]


def test_changes_of_the_stored_call_are_those_since_the_event_before_of_the_same_session() -> None:
    names = ("one", "two", "one")
    played = PlayedScript(
        answers(),
        *(event("session_start", name) for name in names),
        one=[{"turns": 1, "name": "Ada"}, {"turns": 2}],
        two=[{"turns": 1}],
    )
    assert played.changes == [
        {"status": "active", "state.turns": 1, "state.name": "Ada"},
        {"status": "active", "state.turns": 1},
        {"state.turns": 2, "state.name": None},
    ]


def test_without_access_to_the_store_there_are_no_changes() -> None:
    assert PlayedScript(answers(), event("session_start")).changes == [{}]
