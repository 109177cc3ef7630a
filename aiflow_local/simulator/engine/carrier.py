"""The telephone network: transfers calls and sends text messages."""

from typing import Protocol

from aiflow import Transfer
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import TranscriptWriter

SMS_FAILS_AFTER_MS = 1000
RINGING_MS = {"answered": 3000, "busy": 2000, "rejected": 3000}
DEFAULT_RINGING_SECONDS = 30
"""Ringing time of an unanswered transfer without a timeout."""


class CarrierHost(Protocol):
    """The parts of a call that the carrier uses."""

    clock: Clock
    options: ServiceOptions
    writer: TranscriptWriter

    def send(self, name: str, **members: object) -> None:
        """Send an event and execute the answer, unless the agent is out of the call."""
        ...

    def end(self, *, quietly: bool = False) -> None:
        """End the call; quietly, without `session_end`."""
        ...


class Carrier:
    """Transfers the call and sends text messages.

    Args:
        call: the call.
    """

    def __init__(self, call: CarrierHost) -> None:
        self.is_ringing = False
        self._call = call
        self._pending_failures = 0

    def transfer(self, action: Transfer) -> None:
        """Call the target of a transfer; the agent is out of the call meanwhile."""
        call = self._call
        outcome, timeout_ms = (
            call.options.transfer,
            (action.timeout or DEFAULT_RINGING_SECONDS) * 1000,
        )
        ringing_ms = min(RINGING_MS.get(outcome, timeout_ms), timeout_ms)
        self.is_ringing = True
        call.writer.note(f"calling {action.target_phone_number}; the agent is out of the call")
        call.clock.after(ringing_ms, lambda: self._transferred(action, outcome))

    def send_sms(self) -> None:
        """Send a text message in the background."""
        if self._call.options.sms == "failed":
            self._call.clock.after(SMS_FAILS_AFTER_MS, self._sms_failed)
        else:
            self._call.writer.note("the text message is sent")

    def _transferred(self, action: Transfer, outcome: str) -> None:
        call = self._call
        self.is_ringing = False
        if outcome == "answered":
            call.writer.note("the transfer is answered; the agent stays out of the call")
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
            # The bot receives the event when the transfer fails and the call returns.
            self._pending_failures += 1
        else:
            self._call.send("sms_failed", reason="the message could not be delivered")
