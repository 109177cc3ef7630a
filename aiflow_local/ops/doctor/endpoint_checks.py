"""Checks of an endpoint: a test call, and a request with a wrong token."""

from collections.abc import Iterator
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from uuid import uuid4

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.sample_events import SESSION, sample_event
from aiflow_local.ops.doctor.check_result import CheckResult, failed, ok, warning
from aiflow_local.simulator.bots.http import HttpConnection
from aiflow_local.simulator.bots.inbox import Disconnect
from aiflow_local.simulator.bots.target import Target, is_websocket, open_target
from aiflow_local.simulator.bots.websocket_connect import open_connection
from aiflow_local.simulator.engine.bot_connection import DeliveryFailure
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.response_validation import UNAUTHORIZED_REMEDY
from aiflow_local.simulator.engine.transcript import Transcript
from aiflow_local.simulator.scripts.player import EventPlayer, Exchange
from aiflow_local.tokens import new_token

SESSION_PREFIX = "aiflow-doctor-"
"""The prefix of session ids that distinguishes test calls from real ones."""

_SLOW_MS = 1000
_TIMEOUT_MS = 10_000
_EVENTS = ("session_start", "user_speak", "session_end")
_GIVE_TOKEN = "set AIFLOW_TOKEN, or give --token-file"  # noqa: S105 - a message, not a token
_REJECTED = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})


@dataclass(frozen=True)
class EndpointChecks:
    """The checks of one endpoint of an agent.

    Attributes:
        name: The prefix of the check names.
        url: The URL of the endpoint: http(s):// or ws(s)://.
    """

    name: str
    url: str

    def run(self, token: str) -> Iterator[CheckResult]:
        """Make a test call, then send a wrong token.

        Raises:
            Unreadable: `url` is not a valid URL.
        """
        yield self._check_answers(self._call(token))
        yield self._check_wrong_token()

    def _call(self, token: str) -> list[Exchange]:
        options, clock = ServiceOptions(answer_deadline_ms=_TIMEOUT_MS), Clock()
        target = Target(self.url, token, ())
        with open_target(target, lambda _: None) as connect, connect(clock, options) as bot:
            player = EventPlayer(bot, options, clock, Transcript())
            return [*player.play([*_events()])]

    def _check_answers(self, exchanges: list[Exchange]) -> CheckResult:
        check = f"{self.name}: test call"
        for exchange in exchanges:
            problem = next((p for p in exchange.problems if p.severity == "error"), None)
            if problem:
                text = f"{exchange.event['type']}: {problem.path} {problem.message}"
                # A --token option would expose the token to other users of this machine.
                text = " ".join(text.split()).replace(UNAUTHORIZED_REMEDY, _GIVE_TOKEN)
                return failed(check, text, f"check the URL {self.url} and the log")
        if not any(exchange.actions for exchange in exchanges):
            reason = "the agent sent no action"
            return warning(check, reason, "check the log; a caller would hear silence")
        # Over a WebSocket, an event without actions gets no answer.
        times = [exchange.ms for exchange in exchanges if exchange.ms]
        text = f"answers are valid; p50 {median(times):.0f} ms, max {max(times):.0f} ms"
        if max(times) > _SLOW_MS:
            remedy = "repeat it without a cold start; then see docs/performance.md"
            return warning(check, f"{text}: slow enough for a caller to notice", remedy)
        return ok(check, text)

    def _check_wrong_token(self) -> CheckResult:
        check, wrong = f"{self.name}: wrong token", new_token().secret
        if is_websocket(self.url):
            return self._wrong_token_result(check, *_try_websocket(self.url, wrong))
        with HttpConnection(self.url, wrong, _TIMEOUT_MS) as connection:
            outcome = connection.send(next(_events()))
        if isinstance(outcome, DeliveryFailure):
            return self._wrong_token_result(check, None, outcome.reason)
        return self._wrong_token_result(check, outcome.status, "")

    def _wrong_token_result(self, check: str, status: int | None, reason: str) -> CheckResult:
        if status in _REJECTED:
            return ok(check, f"rejected with {status}")
        if status is None:
            return failed(check, f"no response: {reason}", f"check the URL {self.url}")
        if status < HTTPStatus.BAD_REQUEST:
            remedy = "anyone can send events to your agent: fix the authentication first"
            return failed(check, f"accepted with {status}", remedy)
        return failed(check, f"status {status} instead of 401 or 403", "check the log")


def _try_websocket(url: str, token: str) -> tuple[int | None, str]:
    opened = open_connection(url, token, _TIMEOUT_MS / 1000)
    if isinstance(opened, Disconnect):
        return opened.status, opened.reason
    opened.close()
    return HTTPStatus.SWITCHING_PROTOCOLS, ""


def _events() -> Iterator[JsonObject]:
    # Without an account id, since a stack may serve some accounts only; it accepts events without.
    session = {name: value for name, value in SESSION.items() if name != "account_id"}
    session["id"] = f"{SESSION_PREFIX}{uuid4()}"
    for name in _EVENTS:
        members: JsonObject = {"text": "This is a test call."} if name == "user_speak" else {}
        yield {**sample_event(name, members), "session": {**session}}
