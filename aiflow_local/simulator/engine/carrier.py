"""What the service does outside of the call: transfers it, and sends text messages."""

from typing import Protocol

from aiflow import Transfer
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import TranscriptWriter

SMS_FAILS_AFTER_MS = 1000
RINGING_MS = {"answered": 3000, "busy": 2000, "rejected": 3000}
DEFAULT_RINGING_SECONDS = 30
"""How long a transfer without a timeout rings when nobody answers."""


class CarrierHost(Protocol):
    """The call, as it is seen from outside."""

    clock: Clock
    options: ServiceOptions
    writer: TranscriptWriter

    def send(self, name: str, **members: object) -> None:
        """Send an event, and obey the answer; unless the agent is out of the call."""
        ...

    def end(self, *, quietly: bool = False) -> None:
        """End the call; quietly, without telling the bot."""
        ...


class Carrier:
    """The world behind the call.

    Args:
        call: what it is the world of.
    """

    def __init__(self, call: CarrierHost) -> None:
        self.is_ringing = False
        self._call = call
        self._pending_failures = 0

    def transfer(self, action: Transfer) -> None:
        """Ring somebody. Until they answer or not, the agent is out of the call."""
        call = self._call
        outcome, timeout_ms = (
            call.options.transfer,
            (action.timeout or DEFAULT_RINGING_SECONDS) * 1000,
        )
        ringing_ms = min(RINGING_MS.get(outcome, timeout_ms), timeout_ms)
        self.is_ringing = True
        call.writer.note(f"{action.target_phone_number} is rung, and the agent is out of the call")
        call.clock.after(ringing_ms, lambda: self._transferred(action, outcome))

    def send_sms(self) -> None:
        """Send a text message; nobody waits for it."""
        if self._call.options.sms == "failed":
            self._call.clock.after(SMS_FAILS_AFTER_MS, self._sms_failed)
        else:
            self._call.writer.note("the text message is sent")

    def _transferred(self, action: Transfer, outcome: str) -> None:
        call = self._call
        self.is_ringing = False
        if outcome == "answered":
            call.writer.note("the transfer is answered: the agent has no more to do")
            call.end(quietly=not call.options.session_end_after_transfer)
            return
        call.writer.note(f"the transfer fails: {outcome.replace('_', ' ')}")
        if action.timeout is None:
            call.end()
            return
        call.send("session_start")
        failed, self._pending_failures = self._pending_failures, 0
        for _ in range(failed):
            call.clock.after(0, self._sms_failed)

    def _sms_failed(self) -> None:
        if self.is_ringing:
            # Whoever is out of the call is told when the call is back.
            self._pending_failures += 1
        else:
            self._call.send("sms_failed", reason="the message could not be delivered")
