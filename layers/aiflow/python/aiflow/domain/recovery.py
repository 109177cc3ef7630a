"""What the caller hears when no answer came about: two apologies in a row, then the end."""

from copy import replace

from aiflow.domain.announcements import apology, trouble
from aiflow.domain.departing import departure
from aiflow.domain.spending_policy import partner
from aiflow.protocol.actions import Hangup, Speak, Transfer
from aiflow.sessions.record import SessionItem
from aiflow.settings import Settings

MAX_APOLOGIES = 2


def excuse(item: SessionItem, settings: Settings) -> tuple[Speak, SessionItem]:
    """Return what is said, and the item that counts it.

    The third time in a row nobody is asked to say it again: the call is handed to whoever the
    operator named for that, or hung up, as soon as the caller has heard why.
    """
    item = replace(item, apologies=item.apologies + 1)
    if item.apologies <= MAX_APOLOGIES:
        return apology(item.session_id, settings), item
    item = replace(item, closing=True, followers=(), speaking="")
    way_out = _fallback(item, settings) or Hangup(session_id=item.session_id)
    return trouble(item.session_id, settings).then(way_out), item


def _fallback(item: SessionItem, settings: Settings) -> Transfer | None:
    """Return the transfer to whoever is named for that, if one may leave."""
    if settings.fallback_number is None:
        return None
    members = {
        "session_id": item.session_id,
        "target_phone_number": settings.fallback_number,
        "caller_id_name": settings.service_name,
        "caller_id_number": partner(item.session) or settings.fallback_number,
    }
    transfer = Transfer.model_validate(members)
    return transfer if departure(item, (transfer.to_wire(),), settings).blocked == () else None
