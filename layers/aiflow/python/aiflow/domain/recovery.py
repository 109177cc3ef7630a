"""Recovery: what the caller hears when an answer failed. Two apologies in a row, then the end."""

from copy import replace

from aiflow.domain.announcements import apology_announcement, failure_announcement
from aiflow.domain.outbox import authorize
from aiflow.domain.spending_policy import remote_number
from aiflow.protocol.actions import Hangup, Speak, Transfer
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings

MAX_APOLOGIES = 2


def next_apology(record: SessionRecord, settings: Settings) -> tuple[Speak, SessionRecord]:
    """Return the announcement for one more failure, and the record that counts it.

    The third failure in a row ends the call: it is transferred to the fallback number, or hung up,
    after the failure message.
    """
    record = replace(record, consecutive_failures=record.consecutive_failures + 1)
    if record.consecutive_failures <= MAX_APOLOGIES:
        return apology_announcement(record.session_id, settings), record
    record = replace(record, closing=True, deferred_actions=(), stream_owner="")
    last = _fallback_transfer(record, settings) or Hangup(session_id=record.session_id)
    return failure_announcement(record.session_id, settings).then(last), record


def _fallback_transfer(record: SessionRecord, settings: Settings) -> Transfer | None:
    """Return the transfer to the fallback number, if there is one and the policy allows it."""
    if settings.fallback_number is None:
        return None
    members = {
        "session_id": record.session_id,
        "target_phone_number": settings.fallback_number,
        "caller_id_name": settings.service_name,
        "caller_id_number": remote_number(record.session) or settings.fallback_number,
    }
    transfer = Transfer.model_validate(members)
    blocked = authorize(record, (transfer.to_wire(),), settings).blocked
    return None if blocked else transfer
