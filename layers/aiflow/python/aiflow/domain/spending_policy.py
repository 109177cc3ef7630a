"""The policy for what costs money: which transfers and messages may leave.

It is asked when an action is about to leave, after the handler, and so after any model.
"""

import re
from enum import StrEnum

from aiflow.limits import Limits
from aiflow.protocol.types import JsonObject

HOME = "DE"
"""The country of a call whose own number is not known: sipgate's."""

_E164 = re.compile(r"[1-9][0-9]{6,14}")
_TARGETS = {"transfer": "target_phone_number", "send_sms": "phone_number"}


class DenyReason(StrEnum):
    """Why an action may not leave."""

    DISABLED = "disabled"
    LOOP = "loop"
    RECIPIENT = "recipient"
    INVALID = "invalid"
    KIND = "kind"
    COUNTRY = "country"
    CAP = "cap"


def deny_reason(action: JsonObject, session: JsonObject, limits: Limits) -> DenyReason | None:
    """Return what stands against an action that costs money; None lets it leave.

    Args:
        action: a `transfer` or a `send_sms`, as it leaves.
        session: the members of the wire's `session`.
        limits: of the operator.
    """
    # As it leaves, to the letter: a model that was copied has not been checked again.
    number = str(action.get(_TARGETS[str(action["type"])])).removeprefix("+")
    is_sms = action["type"] == "send_sms"
    if limits.billable_actions == "disabled":
        return DenyReason.DISABLED
    if not is_sms and number in _own(session):
        return DenyReason.LOOP
    if number in limits.allowed_numbers or number == limits.fallback_number:
        return None
    if is_sms and limits.sms_recipients == "caller" and number != remote_number(session):
        return DenyReason.RECIPIENT
    return _objection_to_number(number, session, limits, is_sms=is_sms)


def remote_number(session: JsonObject) -> str | None:
    """Return the number of the person on the line, if it is one."""
    other = session.get("to_phone_number" if _is_outbound(session) else "from_phone_number")
    number = _digits(other)
    return number if _E164.fullmatch(number) else None


def _objection_to_number(
    number: str, session: JsonObject, limits: Limits, *, is_sms: bool
) -> DenyReason | None:
    # Most calls come to their end without a number that must be looked up.
    from aiflow.domain.phone_numbers import look_up  # noqa: PLC0415 - see above

    line = look_up(number) if _E164.fullmatch(number) else None
    if line is None:
        return DenyReason.INVALID
    if not (line.is_mobile if is_sms else line.is_ordinary):
        return DenyReason.KIND
    own = (look_up(known) for known in sorted(_own(session)))
    homes = {found.country for found in own if found and found.country} or {HOME}
    return None if line.country in (limits.allowed_countries or homes) else DenyReason.COUNTRY


def _own(session: JsonObject) -> set[str]:
    """Return the numbers that the agent itself answers."""
    # In calls that we make, `phone_number` was seen to be that of the other side.
    names = ("from_phone_number",) if _is_outbound(session) else ("to_phone_number", "phone_number")
    return {_digits(session.get(name)) for name in names} - {""}


def _is_outbound(session: JsonObject) -> bool:
    return session.get("direction") == "outbound"


def _digits(number: object) -> str:
    """Return a number without what stands in front of its country code."""
    return re.sub(r"^(\+|00)", "", number.strip()) if isinstance(number, str) else ""
