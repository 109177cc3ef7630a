"""With STORE_TRANSCRIPTS disabled, the table holds no word of either side in any item."""

import json
import re
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Literal

import pytest

from aiflow import (
    Call,
    DtmfReceived,
    Event,
    Reply,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
    load_audio,
)
from aiflow.entrypoints import webhook
from aiflow.entrypoints.event import Entrypoint
from aiflow.sessions.record import Turn
from tests.helpers.in_process import for_every_event
from tests.helpers.inbox import Mailbox
from tests.helpers.runtime import Clock, http_v2, make_runtime, make_settings, send, websocket
from tests.helpers.tables import Table
from tests.helpers.wav import wav

CALLER, COLLEAGUE = "491713920050", "493023125002"
SESSION = {
    "id": "session-1",
    "direction": "inbound",
    "from_phone_number": CALLER,
    "to_phone_number": "493023125001",
}
TURNS = 22
"""So many that the older ones leave the item."""

SENTENCES = {
    "apology_message": "canaryApology again",
    "failure_message": "canaryTrouble here",
    "blocked_message": "canaryRefusal now",
    "limit_message": "canaryGoodbye then",
}

type Door = Literal["http", "websocket"]
doors = pytest.mark.parametrize("door", ["http", "websocket"])


class Caller:
    """A caller of an agent on a real table, who takes down whatever either side says.

    Attributes:
        said: by either side.
        found: the words of it that were in the table after any of the events.
    """

    def __init__(self, table: Table, handler: Entrypoint, door: Door, **settings: object) -> None:
        self.table = table
        self.said: list[str] = []
        self.found: set[str] = set()
        self._mailbox = Mailbox()
        self._door = door
        self._handler = handler
        self._runtime = make_runtime(
            table.sessions,
            table.clock,
            make_settings(**settings),
            connections=self._mailbox,
        )

    def send(self, name: str, *, after: float = 5, **members: object) -> None:
        """Let something happen, and look at what lies in the table then."""
        self.table.clock.advance(after)
        event = {"type": name, "session": SESSION, **members}
        before = len(self._mailbox.actions)
        envelope = http_v2(event) if self._door == "http" else websocket(event)
        body = send(self._handler, envelope, self._runtime).body
        answered: list[dict[str, object]] = []
        answered += body if isinstance(body, list) else [body or {}]
        actions = [*answered, *self._mailbox.actions[before:]]
        self.said += [str(members[key]) for key in ("text", "reason") if key in members]
        self.said += [
            str(action[key])
            for action in actions
            for key in ("text", "ssml", "audio", "message", "system_prompt", "greeting")
            if key in action
        ]
        self.found |= self._found()

    @property
    def words(self) -> set[str]:
        """All words that were said, in lower case, and each sound."""
        return {
            word.casefold()
            for text in self.said
            for word in re.findall(r"[\w+/=]{5,}", re.sub(r"<[^>]*>", " ", text))
        }

    @property
    def kept(self) -> str:
        """All that lies in the table, of whichever item."""
        pages = self.table.client.get_paginator("scan").paginate(TableName=self.table.name)
        items = [item for page in pages for item in page["Items"]]
        assert items
        return json.dumps(items, ensure_ascii=False).casefold()

    def _found(self) -> set[str]:
        kept = self.kept
        return {word for word in self.words if word in kept}


def talk(event: Event, call: Call) -> Iterator[Reply]:
    """Say, play, write and keep waiting all that there is, in words of its own."""
    name = f"canary{event.type.title().replace('_', '')}"
    match event:
        case UserSpeak(text=text) if "canaryTransfer" in text:
            transfer = call.transfer(COLLEAGUE, caller_id_name="A", caller_id_number=COLLEAGUE)
            yield call.speak(f"{name}Connecting").then(transfer)
        case UserSpeak(text=text) if "canaryFail" in text:
            raise ZeroDivisionError(text)
        case UserSpeak(text=text):
            sound = call.audio(load_audio(wav(f"{text:>40}".encode())))
            yield call.send_sms(CALLER, f"{name}Message {len(call.history)}")
            yield call.speak(f"{text} {name}Heard").then(sound, call.speak(f"{name}Followed"))
            yield call.speak(ssml=f"<speak>{name}Ssml <break time='1s'/></speak>")
        case SmsFailed(reason=reason):
            yield call.speak(f"{name}Failed {reason}")
        case UserInputTimeout():
            words = call.configure_transcription(custom_vocabulary=[f"{name}Vocabulary"])
            yield [words, call.speak(f"{name}Silence").then(call.hangup())]
        case SessionEnd():
            turns = call.transcript()
            call.state["spoke"] = [len(turns), sum(turn.role == "user" for turn in turns)]
        case SessionStart() | DtmfReceived():
            yield call.speak(f"{name}Said")
        case _:
            yield None


def whole_call(caller: Caller) -> None:
    """Let everything happen that may happen in a call, much of it twice."""
    caller.send("session_start")
    caller.send("session_start", after=0.2)
    for number in range(TURNS):
        caller.send("user_speak", text=f"canaryCaller{number} hellothere")
    caller.send("user_speak", text="canaryTwice")
    caller.send("user_speak", text="canaryTwice", after=0.2)
    for _ in range(4):
        caller.send("assistant_speak", text="canaryEcho", ssml="<speak>canaryX</speak>")
        caller.send("assistant_speech_ended")
    caller.send("dtmf_received", digit="7")
    caller.send("sms_failed", reason="canaryReason")
    caller.send("user_speak", text="canaryFail please")
    caller.send("user_speak", text="canaryFail please", after=0.2)
    caller.send("user_speak", text="canaryTransfer please")
    caller.send("assistant_speech_ended")
    caller.send("session_start")
    for _ in range(2):
        caller.send("user_input_timeout", after=0.2)
    caller.send("assistant_speech_ended")
    caller.send("session_end")


@pytest.fixture
def calls(table: Table) -> Callable[..., Caller]:
    """Make callers of one table."""

    def call(agent: Callable[..., Reply], door: Door, **settings: object) -> Caller:
        return Caller(table, for_every_event(agent), door, **settings)

    return call


@doors
def test_no_word_of_a_whole_call_lies_in_the_table(
    calls: Callable[..., Caller], door: Door
) -> None:
    caller = calls(talk, door, store_transcripts="disabled", **SENTENCES)
    whole_call(caller)
    assert caller.found == set()
    assert len(caller.words) > TURNS
    assert {"canaryapology", "canarycaller7", "canarysmsfailedfailed"} <= caller.words


@doors
def test_with_the_words_kept_they_are_found_so_that_this_can_fail(
    calls: Callable[..., Caller], door: Door
) -> None:
    caller = calls(talk, door, **SENTENCES)
    whole_call(caller)
    spoken = {f"canarycaller{number}" for number in range(TURNS)} | {"canaryuserspeakssml"}
    waiting = {"canaryuserspeakfollowed"}
    assert spoken | waiting <= caller.found


@doors
@pytest.mark.parametrize("keep_words", ["enabled", "disabled"])
def test_who_spoke_and_in_which_order_is_kept_either_way(
    table: Table, calls: Callable[..., Caller], door: Door, keep_words: str
) -> None:
    caller = calls(talk, door, store_transcripts=keep_words, **SENTENCES)
    whole_call(caller)
    turns = table.sessions.turns("session-1")
    assert [turn.number for turn in turns] == [*range(len(turns))]
    assert sum(turn.role == "user" for turn in turns) == TURNS + 3
    assert {bool(turn.text) for turn in turns} == {keep_words == "enabled"}
    item = table.sessions.load("session-1")
    assert item is not None
    assert item.state["spoke"] == [len(turns), TURNS + 3]


@doors
def test_no_word_of_the_default_agent_lies_in_the_table(table: Table, door: Door) -> None:
    agent = webhook.lambda_handler
    caller = Caller(
        table, agent, door, store_transcripts="disabled", agent={"transfer_number": COLLEAGUE}
    )
    caller.send("session_start")
    for text in ("canaryHello", "deutsch please", "summary please", "a person please"):
        caller.send("user_speak", text=text)
        caller.send("assistant_speech_ended", after=30)
    caller.send("session_start")
    for digit in "1234901":
        caller.send("dtmf_received", digit=digit)
        caller.send("assistant_speech_ended", after=30)
    caller.send("session_end")
    # "We talked for 4 turns": the one is in its own state, the other is the name of a column.
    assert caller.found == {"talked", "turns"}
    assert "welcome" in caller.words


@pytest.mark.parametrize("keep_words", ["enabled", "disabled"])
def test_words_cannot_be_tried_by_who_has_the_table_alone(
    calls: Callable[..., Caller], keep_words: str
) -> None:
    caller = calls(talk, "http", store_transcripts=keep_words)
    caller.send("user_speak", text="yes please")
    tried = {
        sha256("\0".join(parts).encode()).hexdigest()[:16]
        for parts in (
            ("user_speak", "yes please"),
            ("session-1", "user_speak", "yes please"),
        )
    }
    assert any(guess in caller.kept for guess in tried) is (keep_words == "enabled")


def test_words_that_were_kept_before_the_switch_leave_with_the_next_turn(
    table: Table, clock: Clock
) -> None:
    agent = for_every_event(lambda event, call: "canaryAnswer")
    before = Caller(table, agent, "http")
    before.send("user_speak", text="canaryBefore")
    assert before.found == {"canarybefore", "canaryanswer"}
    after = Caller(table, agent, "http", store_transcripts="disabled")
    after.said += before.said
    after.send("user_speak", text="canaryAfter")
    assert after.found == set()
    assert table.sessions.turns("session-1") == (
        Turn(0, "user", ""),
        Turn(1, "assistant", ""),
        Turn(2, "user", ""),
        Turn(3, "assistant", ""),
    )
