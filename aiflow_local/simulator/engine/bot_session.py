"""What goes back and forth between a call and its bot."""

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
    """Brings events to the bot of a call, and does what the bot wants, when it wants it.

    Args:
        call: which one.
    """

    def __init__(self, call: SessionHost) -> None:
        self._call = call
        self._delivery = EventDelivery(call.connection, call.writer)
        self._executor = ActionExecutor(call)
        self._awaited: Timer | None = None

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer may come that nobody has waited for yet: in real time only."""
        return self._awaited is not None

    def send(self, name: str, members: dict[str, object]) -> None:
        """Send an event, and obey the answer; unless the agent is out of the call."""
        call = self._call
        # What came before is no answer to it.
        self.process_unsolicited()
        if not call.has_agent:
            return
        judgement = self._delivery.deliver(self._event(name, members), call.options)
        self._stop_awaiting()
        if judgement.is_open:
            limit_ms = call.options.answer_deadline_ms
            self._awaited = call.clock.after(limit_ms, self._stop_awaiting)
        self._apply(judgement)
        self.process_unsolicited()

    def send_session_end(self) -> None:
        """Tell the bot that the call is over; whatever it answers."""
        self._delivery.deliver(self._event("session_end", {}), self._call.options)

    def process_unsolicited(self) -> bool:
        """Obey what the bot has sent by itself; tell if there was something."""
        call = self._call
        arrived = () if call.is_over else call.connection.take_unsolicited()
        for each in arrived:
            if call.is_over:
                break
            judgement = self._delivery.receive(each, call.parties.session_id, call.options)
            if judgement.actions and not call.has_agent:
                call.writer.note("the agent is out of the call: that is not obeyed")
            self._apply(judgement)
        return bool(arrived)

    def _event(self, name: str, members: dict[str, object]) -> dict[str, Any]:
        session = self._call.parties.as_session(self._call.options)
        return {"type": name, "session": session, **members}

    def _apply(self, judgement: ValidationResult) -> None:
        """Do what follows from what the bot sent."""
        call = self._call
        is_abandoned = judgement.is_lost and call.options.failed_requests == "hangup"
        if is_abandoned or judgement.is_final:
            # With its data, so that a recording tells one end from the other.
            data = {"unreachable": True} if judgement.is_final else {}
            call.writer.record(EntryKind.NOTE, "the service gives up", data)
            call.end(quietly=judgement.is_final)
        elif judgement.actions:
            self._stop_awaiting()
            self._executor.execute(judgement.actions)

    def _stop_awaiting(self) -> None:
        if self._awaited:
            self._awaited.cancel()
            self._awaited = None
