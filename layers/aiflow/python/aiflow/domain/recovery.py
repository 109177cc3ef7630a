"""What the caller hears when no answer came about: two apologies in a row, then the end."""

from copy import replace

from aiflow.domain.announcements import apology_announcement, failure_announcement
from aiflow.domain.departing import authorize
from aiflow.domain.spending_policy import remote_number
from aiflow.protocol.actions import Hangup, Speak, Transfer
from aiflow.sessions.record import SessionRecord
from aiflow.settings import Settings

MAX_APOLOGIES = 2


def next_apology(item: SessionRecord, settings: Settings) -> tuple[Speak, SessionRecord]:
    """Return what is said, and the item that counts it.

    The third time in a row nobody is asked to say it again: the call is handed to whoever the
    operator named for that, or hung up, as soon as the caller has heard why.
    """
    item = replace(item, consecutive_failures=item.consecutive_failures + 1)
    if item.consecutive_failures <= MAX_APOLOGIES:
        return apology_announcement(item.session_id, settings), item
    item = replace(item, closing=True, deferred_actions=(), stream_owner="")
    way_out = _fallback(item, settings) or Hangup(session_id=item.session_id)
    return failure_announcement(item.session_id, settings).then(way_out), item


def _fallback(item: SessionRecord, settings: Settings) -> Transfer | None:
    """Return the transfer to whoever is named for that, if one may leave."""
    if settings.fallback_number is None:
        return None
    members = {
        "session_id": item.session_id,
        "target_phone_number": settings.fallback_number,
        "caller_id_name": settings.service_name,
        "caller_id_number": remote_number(item.session) or settings.fallback_number,
    }
    transfer = Transfer.model_validate(members)
    return transfer if authorize(item, (transfer.to_wire(),), settings).blocked == () else None
