"""Checks of an endpoint: a test call, and a request with a wrong token."""

import asyncio
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import dataclass
from http import HTTPStatus
from statistics import median
from uuid import uuid4

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.sample_events import SESSION, sample_event
from aiflow_local.ops.doctor.check_result import CheckResult, failed, ok, warning
from aiflow_local.simulator.bots.inbox import Ended
from aiflow_local.simulator.bots.target import is_websocket
from aiflow_local.simulator.bots.websocket_connect import connected
from aiflow_local.simulator.scripts.http_client import Answer, HttpDoor
from aiflow_local.simulator.scripts.runner import Exchange, play
from aiflow_local.simulator.scripts.script import Script
from aiflow_local.simulator.scripts.websocket_client import ScriptedSocket
from aiflow_local.tokens import new_token

SESSION_PREFIX = "aiflow-doctor-"
"""The prefix of session ids that distinguishes test calls from real ones."""

_SLOW_MS = 1000
_TIMEOUT_SECONDS = 10.0
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
        exchanges = asyncio.run(self._call(token))
        yield self._check_answers(exchanges)
        yield self._check_wrong_token()

    async def _call(self, token: str) -> list[Exchange]:
        client = self._client(token)
        script = Script("doctor", tuple(_events()))
        async with client, aclosing(play(script, client, lambda _: {})) as exchanges:
            return [exchange async for exchange in exchanges]

    def _check_answers(self, exchanges: list[Exchange]) -> CheckResult:
        check = f"{self.name}: test call"
        for exchange in exchanges:
            problem = next((p for p in exchange.problems if p.severity == "error"), None)
            if problem:
                text = f"{exchange.event['type']}: {problem.path} {problem.message}"
                # A --token option would expose the token to other users of this machine.
                text = " ".join(text.split()).replace("give it with --token", _GIVE_TOKEN)
                return failed(check, text, f"check the URL {self.url} and the log")
        if not any(exchange.actions for exchange in exchanges):
            reason = "the agent sent no action"
            return warning(check, reason, "check the log; a caller would hear silence")
        # Over a WebSocket, an event without actions gets no answer.
        times = [exchange.answer.ms for exchange in exchanges if exchange.answer.ms]
        text = f"answers are valid; p50 {median(times):.0f} ms, max {max(times):.0f} ms"
        if max(times) > _SLOW_MS:
            remedy = "repeat it without a cold start; then see docs/performance.md"
            return warning(check, f"{text}: slow enough for a caller to notice", remedy)
        return ok(check, text)

    def _check_wrong_token(self) -> CheckResult:
        check, wrong = f"{self.name}: wrong token", new_token().secret
        if is_websocket(self.url):
            return self._wrong_token_result(check, *_try_websocket(self.url, wrong))
        answer = asyncio.run(self._try_webhook(wrong))
        reason = answer.fault[1] if answer.fault else ""
        return self._wrong_token_result(check, answer.status, reason)

    def _wrong_token_result(self, check: str, status: int | None, reason: str) -> CheckResult:
        if status in _REJECTED:
            return ok(check, f"rejected with {status}")
        if status is None:
            return failed(check, f"no response: {reason}", f"check the URL {self.url}")
        if status < HTTPStatus.BAD_REQUEST:
            remedy = "anyone can send events to your agent: fix the authentication first"
            return failed(check, f"accepted with {status}", remedy)
        return failed(check, f"status {status} instead of 401 or 403", "check the log")

    async def _try_webhook(self, token: str) -> Answer:
        async with HttpDoor(self.url, token, _TIMEOUT_SECONDS) as client:
            return await client.send(next(_events()))

    def _client(self, token: str) -> HttpDoor | ScriptedSocket:
        kind = ScriptedSocket if is_websocket(self.url) else HttpDoor
        return kind(self.url, token, _TIMEOUT_SECONDS)


def _try_websocket(url: str, token: str) -> tuple[int | None, str]:
    opened = connected(url, token, _TIMEOUT_SECONDS)
    if isinstance(opened, Ended):
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
