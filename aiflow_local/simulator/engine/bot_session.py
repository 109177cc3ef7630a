"""What goes back and forth between a call and its bot."""

from typing import Any, Protocol

from aiflow_local.simulator.engine.action_executor import ExecutionHost, Obedience
from aiflow_local.simulator.engine.body_validation import Judgement
from aiflow_local.simulator.engine.bot_port import Door
from aiflow_local.simulator.engine.clock import Clock, Timer
from aiflow_local.simulator.engine.delivery import Delivery
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.parties import Party
from aiflow_local.simulator.engine.transcript import Kind


class SessionHost(ExecutionHost, Protocol):
    """The parts of a call that a bot session reads and changes."""

    clock: Clock
    door: Door
    is_over: bool
    party: Party
    switches: Switches

    def end(self, *, quietly: bool = False) -> None:
        """End the call; quietly, without `session_end`."""
        ...


class Dialogue:
    """Brings events to the bot of a call, and does what the bot wants, when it wants it.

    Args:
        call: which one.
    """

    def __init__(self, call: SessionHost) -> None:
        self._call = call
        self._delivery = Delivery(call.door, call.scribe)
        self._obedience = Obedience(call)
        self._awaited: Timer | None = None

    @property
    def awaits_answer(self) -> bool:
        """Whether an answer may come that nobody has waited for yet: in real time only."""
        return self._awaited is not None

    def send(self, name: str, members: dict[str, object]) -> None:
        """Send an event, and obey the answer; unless the agent is out of the call."""
        call = self._call
        # What came before is no answer to it.
        self.look()
        if not call.has_agent:
            return
        judgement = self._delivery.deliver(self._event(name, members), call.switches)
        self._stop_awaiting()
        if judgement.is_open:
            limit_ms = call.switches.answer_deadline_ms
            self._awaited = call.clock.after(limit_ms, self._stop_awaiting)
        self._follow(judgement)
        self.look()

    def say_goodbye(self) -> None:
        """Tell the bot that the call is over; whatever it answers."""
        self._delivery.deliver(self._event("session_end", {}), self._call.switches)

    def look(self) -> bool:
        """Obey what the bot has sent by itself; tell if there was something."""
        call = self._call
        arrived = () if call.is_over else call.door.arrived()
        for each in arrived:
            if call.is_over:
                break
            judgement = self._delivery.receive(each, call.party.session_id, call.switches)
            if judgement.actions and not call.has_agent:
                call.scribe.note("the agent is out of the call: that is not obeyed")
            self._follow(judgement)
        return bool(arrived)

    def _event(self, name: str, members: dict[str, object]) -> dict[str, Any]:
        session = self._call.party.as_session(self._call.switches)
        return {"type": name, "session": session, **members}

    def _follow(self, judgement: Judgement) -> None:
        """Do what follows from what the bot sent."""
        call = self._call
        gives_up = judgement.is_lost and call.switches.failed_requests == "hangup"
        if gives_up or judgement.is_final:
            # With its data, so that a recording tells one end from the other.
            data = {"unreachable": True} if judgement.is_final else {}
            call.scribe.take_down(Kind.NOTE, "the service gives up", data)
            call.end(quietly=judgement.is_final)
        elif judgement.actions:
            self._stop_awaiting()
            self._obedience.obey(judgement.actions)

    def _stop_awaiting(self) -> None:
        if self._awaited:
            self._awaited.cancel()
            self._awaited = None
