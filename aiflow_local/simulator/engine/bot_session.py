"""Exchanges events and actions between a call and its bot."""

from typing import Any, Protocol

from aiflow_local.simulator.engine.action_executor import ActionExecutor, ExecutionHost
from aiflow_local.simulator.engine.body_validation import ValidationResult
from aiflow_local.simulator.engine.bot_connection import BotConnection
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.delivery import EventDelivery
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind


class SessionHost(ExecutionHost, Protocol):
    """The parts of a call that a bot session reads and changes."""

    clock: Clock
    connection: BotConnection
    is_over: bool
    parties: CallParties
    options: ServiceOptions

    def end(self, *, quietly: bool = False) -> None:
        """End the call; quietly, without `session_end`."""
        ...


class BotSession:
    """Sends events to the bot of a call and executes the actions that come back.

    Args:
        call: the call.
    """

    def __init__(self, call: SessionHost) -> None:
        self._call = call
        self._delivery = EventDelivery(call.connection, call.writer)
        self._executor = ActionExecutor(call)
        self._awaited: Timer | None = None

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer may still come; in real time only."""
        return self._awaited is not None

    def send(self, name: str, members: dict[str, object]) -> None:
        """Send an event and execute the answer, unless the agent is out of the call."""
        call = self._call
        # Earlier messages do not answer this event.
        self.process_unsolicited()
        if not call.has_agent:
            return
        result = self._delivery.deliver(self._event(name, members), call.options)
        self._stop_awaiting()
        if result.answer_pending:
            limit_ms = call.options.answer_deadline_ms
            self._awaited = call.clock.after(limit_ms, self._stop_awaiting)
        self._apply(result)
        self.process_unsolicited()

    def send_session_end(self) -> None:
        """Send `session_end` and ignore the answer."""
        self._delivery.deliver(self._event("session_end", {}), self._call.options)

    def process_unsolicited(self) -> bool:
        """Execute unsolicited messages; return whether there were any."""
        call = self._call
        arrived = () if call.is_over else call.connection.take_unsolicited()
        for each in arrived:
            if call.is_over:
                break
            result = self._delivery.receive(each, call.parties.session_id, call.options)
            if result.actions and not call.has_agent:
                call.writer.note("the agent is out of the call: its actions are ignored")
            self._apply(result)
        return bool(arrived)

    def _event(self, name: str, members: dict[str, object]) -> dict[str, Any]:
        session = self._call.parties.as_session(self._call.options)
        return {"type": name, "session": session, **members}

    def _apply(self, result: ValidationResult) -> None:
        """Execute the actions, or end the call if the bot is unreachable."""
        call = self._call
        is_abandoned = result.request_failed and call.options.failed_requests == "hangup"
        if is_abandoned or result.is_permanent:
            # The data lets a recording tell this end from a hangup.
            data = {"unreachable": True} if result.is_permanent else {}
            call.writer.record(EntryKind.NOTE, "the service ends the call", data)
            call.end(quietly=result.is_permanent)
        elif result.actions:
            self._stop_awaiting()
            self._executor.execute(result.actions)

    def _stop_awaiting(self) -> None:
        if self._awaited:
            self._awaited.cancel()
            self._awaited = None
