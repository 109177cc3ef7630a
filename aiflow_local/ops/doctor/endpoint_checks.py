"""A test call through a door, and a wrong token at it."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from uuid import uuid4

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.sample_events import SESSION, mock_event
from aiflow_local.ops.doctor.check_result import Finding, failed, ok, warning
from aiflow_local.simulator.bots.http import HttpConnection
from aiflow_local.simulator.bots.inbox import Disconnect
from aiflow_local.simulator.bots.target import Target, is_websocket, open_target
from aiflow_local.simulator.bots.websocket_connect import open_connection
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import Transcript
from aiflow_local.simulator.scripts.player import EventPlayer, Exchange
from aiflow_local.tokens import new_token

SESSION_PREFIX = "aiflow-doctor-"
"""With it begin the ids of test calls, so that they can be told from real ones."""

_SLOW_MS = 1000
_PATIENCE_MS = 10_000
_EVENTS = ("session_start", "user_speak", "session_end")
_NO_OPTION = "set AIFLOW_TOKEN, or give --token-file"
_REFUSALS = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True)
class Entrance:
    """A door of an agent.

    Attributes:
        name: of the check.
        url: http(s):// or ws(s)://.
    """

    name: str
    url: str

    def findings(self, token: str) -> Iterator[Finding]:
        """Hold a test call, and knock with a wrong token.

        Raises:
            Unreadable: `url` is no URL.
        """
        yield self._answers(self._call(token))
        yield self._refuses()

    def _call(self, token: str) -> list[Exchange]:
        options, clock = ServiceOptions(answer_deadline_ms=_PATIENCE_MS), Clock()
        target = Target(self.url, token, ())
        with open_target(target, lambda _: None) as connect, connect(clock, options) as bot:
            player = EventPlayer(bot, options, clock, Transcript())
            return [*player.play([*_events()])]

    def _answers(self, exchanges: list[Exchange]) -> Finding:
        check = f"{self.name}: test call"
        for exchange in exchanges:
            problem = next((p for p in exchange.problems if p.severity == "error"), None)
            if problem:
                told = f"{exchange.event['type']}: {problem.path} {problem.message}"
                # What other commands recommend would show the token to everybody on this machine.
                told = " ".join(told.split()).replace("give it with --token", _NO_OPTION)
                return failed(check, told, f"called was {self.url}")
        if not any(exchange.actions for exchange in exchanges):
            reason = "the agent said nothing at all"
            return warning(check, reason, "look at the log; a caller would hear silence")
        # A WebSocket does not answer what it has nothing to say about.
        times = [exchange.ms for exchange in exchanges if exchange.ms]
        told = f"answers are valid; p50 {median(times):.0f} ms, max {max(times):.0f} ms"
        if max(times) > _SLOW_MS:
            remedy = "once more without a cold start; then docs/performance.md"
            return warning(check, f"{told}: a caller hears the wait", remedy)
        return ok(check, told)

    def _refuses(self) -> Finding:
        check, wrong = f"{self.name}: wrong token", new_token().secret
        if is_websocket(self.url):
            return self._judged(check, *_knocked(self.url, wrong))
        with HttpConnection(self.url, wrong, _PATIENCE_MS) as door:
            outcome = door.send(next(_events()))
        if isinstance(outcome, DeliveryFailure):
            return self._judged(check, None, outcome.reason)
        return self._judged(check, outcome.status, "")

    def _judged(self, check: str, status: int | None, reason: str) -> Finding:
        if status in _REFUSALS:
            return ok(check, f"refused with {status}")
        if status is None:
            return failed(check, f"neither let in nor refused: {reason}", f"called was {self.url}")
        if status < HTTPStatus.BAD_REQUEST:
            remedy = "anybody can answer your callers: check the authentication before all else"
            return failed(check, f"let in, with {status}", remedy)
        return failed(check, f"answered with {status} in place of 401 or 403", "look at the log")


def _knocked(url: str, token: str) -> tuple[int | None, str]:
    opened = open_connection(url, token, _PATIENCE_MS / 1000)
    if isinstance(opened, Disconnect):
        return opened.status, opened.reason
    opened.close()
    return HTTPStatus.SWITCHING_PROTOCOLS, ""


def _events() -> Iterator[JsonObject]:
    # Without an account: a stack may serve only some, and lets in what names none.
    session = {name: value for name, value in SESSION.items() if name != "account_id"}
    session["id"] = f"{SESSION_PREFIX}{uuid4()}"
    for name in _EVENTS:
        members: JsonObject = {"text": "This is a test call."} if name == "user_speak" else {}
        yield {**mock_event(name, members), "session": {**session}}
