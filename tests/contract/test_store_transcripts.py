"""With STORE_TRANSCRIPTS disabled, no item of the table contains any text of a call."""

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
from tests.helpers.in_process import untyped_entrypoint
from tests.helpers.recording_connections import RecordingConnectionSender
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
"""Enough turns for an overflow out of the record."""

MESSAGES = {
    "apology_message": "canaryApology again",
    "failure_message": "canaryTrouble here",
    "blocked_message": "canaryRefusal now",
    "limit_message": "canaryGoodbye then",
}

type TransportName = Literal["http", "websocket"]
transports = pytest.mark.parametrize("transport", ["http", "websocket"])


class Caller:
    """A caller of an agent on a real table, who records every text of the call.

    Attributes:
        said: texts of the caller and the agent.
        found: words of these texts that were in the table after any of the events.
    """

    def __init__(
        self, table: Table, handler: Entrypoint, transport: TransportName, **settings: object
    ) -> None:
        self.table = table
        self.said: list[str] = []
        self.found: set[str] = set()
        self._connections = RecordingConnectionSender()
        self._transport = transport
        self._handler = handler
        self._runtime = make_runtime(
            table.sessions,
            table.clock,
            make_settings(**settings),
            connections=self._connections,
        )

    def send(self, name: str, *, after: float = 5, **members: object) -> None:
        """Send an event, and search the table for text."""
        self.table.clock.advance(after)
        event = {"type": name, "session": SESSION, **members}
        before = len(self._connections.actions)
        envelope = http_v2(event) if self._transport == "http" else websocket(event)
        body = send(self._handler, envelope, self._runtime).body
        answered: list[dict[str, object]] = []
        answered += body if isinstance(body, list) else [body or {}]
        actions = [*answered, *self._connections.actions[before:]]
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
        """All words of the call in lower case, and its audio."""
        return {
            word.casefold()
            for text in self.said
            for word in re.findall(r"[\w+/=]{5,}", re.sub(r"<[^>]*>", " ", text))
        }

    @property
    def stored(self) -> str:
        """All items of the table as text."""
        pages = self.table.client.get_paginator("scan").paginate(TableName=self.table.name)
        items = [item for page in pages for item in page["Items"]]
        assert items
        return json.dumps(items, ensure_ascii=False).casefold()

    def _found(self) -> set[str]:
        stored = self.stored
        return {word for word in self.words if word in stored}


def talk(event: Event, call: Call) -> Iterator[Reply]:
    """Use every action that carries text, with unique words."""
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
    """Send every kind of event, many of them twice."""
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

    def call(agent: Callable[..., Reply], transport: TransportName, **settings: object) -> Caller:
        return Caller(table, untyped_entrypoint(agent), transport, **settings)

    return call


@transports
def test_no_text_of_a_whole_call_is_in_the_table(
    calls: Callable[..., Caller], transport: TransportName
) -> None:
    caller = calls(talk, transport, store_transcripts="disabled", **MESSAGES)
    whole_call(caller)
    assert caller.found == set()
    assert len(caller.words) > TURNS
    assert {"canaryapology", "canarycaller7", "canarysmsfailedfailed"} <= caller.words


@transports
def test_with_transcripts_enabled_the_texts_are_found(
    calls: Callable[..., Caller], transport: TransportName
) -> None:
    caller = calls(talk, transport, **MESSAGES)
    whole_call(caller)
    spoken = {f"canarycaller{number}" for number in range(TURNS)} | {"canaryuserspeakssml"}
    waiting = {"canaryuserspeakfollowed"}
    assert spoken | waiting <= caller.found


@transports
@pytest.mark.parametrize("store_transcripts", ["enabled", "disabled"])
def test_the_order_of_speakers_is_stored_with_and_without_transcripts(
    table: Table, calls: Callable[..., Caller], transport: TransportName, store_transcripts: str
) -> None:
    caller = calls(talk, transport, store_transcripts=store_transcripts, **MESSAGES)
    whole_call(caller)
    turns = table.sessions.turns("session-1")
    assert [turn.number for turn in turns] == [*range(len(turns))]
    assert sum(turn.role == "user" for turn in turns) == TURNS + 3
    assert {bool(turn.text) for turn in turns} == {store_transcripts == "enabled"}
    item = table.sessions.load("session-1")
    assert item is not None
    assert item.state["spoke"] == [len(turns), TURNS + 3]


@transports
def test_no_text_of_the_default_agent_is_in_the_table(
    table: Table, transport: TransportName
) -> None:
    agent = webhook.lambda_handler
    caller = Caller(
        table, agent, transport, store_transcripts="disabled", agent={"transfer_number": COLLEAGUE}
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
    # "We talked for 4 turns": one word is in its own state, the other is an attribute name.
    assert caller.found == {"talked", "turns"}
    assert "welcome" in caller.words


@pytest.mark.parametrize("store_transcripts", ["enabled", "disabled"])
def test_texts_cannot_be_guessed_from_fingerprints_in_the_table_alone(
    calls: Callable[..., Caller], store_transcripts: str
) -> None:
    caller = calls(talk, "http", store_transcripts=store_transcripts)
    caller.send("user_speak", text="yes please")
    tried = {
        sha256("\0".join(parts).encode()).hexdigest()[:16]
        for parts in (
            ("user_speak", "yes please"),
            ("session-1", "user_speak", "yes please"),
        )
    }
    assert any(guess in caller.stored for guess in tried) is (store_transcripts == "enabled")


def test_texts_stored_before_the_switch_are_removed_at_the_next_turn(
    table: Table, clock: Clock
) -> None:
    agent = untyped_entrypoint(lambda event, call: "canaryAnswer")
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
