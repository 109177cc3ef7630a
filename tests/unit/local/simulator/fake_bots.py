"""Bots in memory, and calls to them."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from aiflow_local.simulator.engine.bot_connection import (
    DeliveryFailure,
    DeliveryResult,
    HttpResponse,
    NoResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from tests.helpers.wav import as_base64, wav

type Json = dict[str, Any]
type Reply = Json | list[Json] | DeliveryResult | None
type Script = Callable[[Json], Reply]
"""Returns the answer to an event; `session_id` is optional."""

EXAMPLE = Path(__file__).with_name("example.yaml")
"""The scenario in the documentation."""

SECOND = as_base64(wav(bytes(32_000)))
"""Audio of one second."""

HALF_A_SECOND = as_base64(wav(bytes(16_000)))


class Bot:
    """A bot and its connection."""

    def __init__(self, script: Script, *, reports_speech_started: bool = False) -> None:
        self.reports_speech_started = reports_speech_started
        self.events: list[Json] = []
        self._script = script
        self._unsolicited: list[WebSocketMessage | DeliveryFailure] = []

    def send(self, event: Json) -> DeliveryResult:
        """Return the answer of the script after one millisecond."""
        self.events.append(event)
        reply = self._script(event)
        if isinstance(reply, HttpResponse | WebSocketMessage | NoResponse | DeliveryFailure):
            return reply
        if reply is None:
            return HttpResponse(204, {}, "", 1.0)
        session = {"session_id": event["session"]["id"]}
        items = [session | item for item in (reply if isinstance(reply, list) else [reply])]
        return ok(json.dumps(items if isinstance(reply, list) else items[0]))

    def sends_unsolicited(self, *what: Json | DeliveryFailure) -> None:
        """Queue unsolicited actions, or the loss of the connection."""
        session = {"session_id": self.events[-1]["session"]["id"]}
        self._unsolicited += [
            each
            if isinstance(each, DeliveryFailure)
            else WebSocketMessage(json.dumps(session | each), None)
            for each in what
        ]

    def take_unsolicited(self) -> list[WebSocketMessage | DeliveryFailure]:
        """Return the queued messages."""
        arrived, self._unsolicited = self._unsolicited, []
        return arrived

    @property
    def event_types(self) -> list[str]:
        """Types of the received events, in order."""
        return [event["type"] for event in self.events]

    def all(self, name: str) -> list[Json]:
        """Return the events of a type, without their session."""
        return [
            {key: value for key, value in event.items() if key not in {"type", "session"}}
            for event in self.events
            if event["type"] == name
        ]


def ok(body: str, ms: float = 1.0) -> HttpResponse:
    """Return a valid response with a body."""
    return HttpResponse(200, {"Content-Type": "application/json"}, body, ms)


def say(text: str, **members: object) -> Json:
    """Return a `speak`."""
    return {"type": "speak", "text": text, **members}


def act(name: str, **members: object) -> Json:
    """Return any action."""
    return {"type": name, **members}


TRANSFER = act(
    "transfer",
    target_phone_number="493023125002",
    caller_id_name="Agent",
    caller_id_number="493023125003",
)


def answers(**replies: Reply | Script) -> Script:
    """Return a script with one answer for each type of event, and none for others."""

    def script(event: Json) -> Reply:
        reply = replies.get(event["type"])
        return reply(event) if callable(reply) else reply

    return script


def in_turn(*replies: Reply) -> Script:
    """Return a script with answers in order, and none after the last."""
    left = list(replies)
    return lambda _: left.pop(0) if left else None


def by_words(**replies: Reply) -> Script:
    """Return a script that looks for a word in the caller's speech."""

    def script(event: Json) -> Reply:
        return next((reply for word, reply in replies.items() if word in event["text"]), None)

    return script


def call(
    script: Script | Bot, *, parties: CallParties | None = None, **options: object
) -> tuple[PhoneCall, Bot]:
    """Start a call to a bot in which a word takes 400 ms; return both."""
    bot = script if isinstance(script, Bot) else Bot(script)
    phone = PhoneCall(bot, ServiceOptions.model_validate(options), parties, Clock())
    phone.begin()
    return phone, bot


def played_ms(phone: PhoneCall) -> list[int]:
    """Return the heard duration of each playback."""
    return [entry.data["played_ms"] for entry in phone.transcript.of(EntryKind.HEARD)]
