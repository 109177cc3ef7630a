"""Caller, callee and session of a call."""

from dataclasses import dataclass, field
from typing import Any
from uuid import uuid4

from aiflow_local.simulator.engine.options import ServiceOptions


@dataclass(frozen=True)
class CallParties:
    """Caller, callee and session of a call.

    Attributes:
        session_id: id of the session; a new one by default.
        direction: `inbound` or `outbound`.
        caller: calling number, digits only; empty for an anonymous caller.
        callee: called number, digits only.
    """

    session_id: str = field(default_factory=lambda: str(uuid4()))
    direction: str = "inbound"
    caller: str = "493023125001"
    callee: str = "493023125000"

    def as_session(self, options: ServiceOptions) -> dict[str, Any]:
        """Return the `session` of an event."""
        if options.session_members == "id":
            return {"id": self.session_id}
        caller, callee = (_written(number, options) for number in (self.caller, self.callee))
        return {
            "id": self.session_id,
            "account_id": "account-123",
            # The service puts the called number here on outbound calls, too.
            "phone_number": callee,
            "direction": self.direction,
            "from_phone_number": caller,
            "to_phone_number": callee,
        }


def _written(number: str, options: ServiceOptions) -> str:
    plain = number.removeprefix("+")
    return f"+{plain}" if plain and options.numbers == "plus" else plain
