"""What the service does outside of the call: transfers it, and sends text messages."""

from typing import Protocol

from aiflow import Transfer
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.transcript import Scribe

MESSAGE_FAILS_AFTER_MS = 1000
RINGING_MS = {"answered": 3000, "busy": 2000, "rejected": 3000}
PATIENCE_SECONDS = 30
"""How long a transfer without a timeout rings when nobody answers."""


class Inside(Protocol):
    """The call, as it is seen from outside."""

    clock: Clock
    switches: Switches
    scribe: Scribe

    def send(self, name: str, **members: object) -> None:
        """Send an event, and obey the answer; unless the agent is out of the call."""
        ...

    def end(self, *, quietly: bool = False) -> None:
        """End the call; quietly, without telling the bot."""
        ...


class Outside:
    """The world behind the call.

    Args:
        call: what it is the world of.
    """

    def __init__(self, call: Inside) -> None:
        self.is_ringing = False
        self._call = call
        self._failed_messages = 0

    def transfer(self, action: Transfer) -> None:
        """Ring somebody. Until they answer or not, the agent is out of the call."""
        call = self._call
        outcome, patience_ms = call.switches.transfer, (action.timeout or PATIENCE_SECONDS) * 1000
        ringing_ms = min(RINGING_MS.get(outcome, patience_ms), patience_ms)
        self.is_ringing = True
        call.scribe.note(f"{action.target_phone_number} is rung, and the agent is out of the call")
        call.clock.after(ringing_ms, lambda: self._transferred(action, outcome))

    def send_message(self) -> None:
        """Send a text message; nobody waits for it."""
        if self._call.switches.sms == "failed":
            self._call.clock.after(MESSAGE_FAILS_AFTER_MS, self._message_failed)
        else:
            self._call.scribe.note("the text message is sent")

    def _transferred(self, action: Transfer, outcome: str) -> None:
        call = self._call
        self.is_ringing = False
        if outcome == "answered":
            call.scribe.note("the transfer is answered: the agent has no more to do")
            call.end(quietly=not call.switches.session_end_after_transfer)
            return
        call.scribe.note(f"the transfer fails: {outcome.replace('_', ' ')}")
        if action.timeout is None:
            call.end()
            return
        call.send("session_start")
        failed, self._failed_messages = self._failed_messages, 0
        for _ in range(failed):
            call.clock.after(0, self._message_failed)

    def _message_failed(self) -> None:
        if self.is_ringing:
            # Whoever is out of the call is told when the call is back.
            self._failed_messages += 1
        else:
            self._call.send("sms_failed", reason="the message could not be delivered")
