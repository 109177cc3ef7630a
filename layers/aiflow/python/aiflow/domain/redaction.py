"""Redaction: what may be stored where STORE_TRANSCRIPTS is disabled."""

from copy import replace

from aiflow.domain.billable_actions import ONCE_MEMBER
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord

# An allow-list: a member that is not listed counts as text, also if only the service knows it.
_MEMBERS_WITHOUT_TEXT = frozenset(
    {
        *("type", "session_id", ONCE_MEMBER),
        *("target_phone_number", "caller_id_name", "caller_id_number", "timeout"),
        *("volume", "stop"),
        *("provider", "languages", "vad"),
    }
)


def carries_text(action: JsonObject) -> bool:
    """Tell whether an action may hold something that is spoken, written or played."""
    return not _MEMBERS_WITHOUT_TEXT.issuperset(action)


def redact(record: SessionRecord) -> SessionRecord:
    """Return the record without the text of turns and without answers that carry text.

    Deferred actions carry no text already, see `outbox.split_deferred`.
    """
    return replace(
        record,
        turns=tuple(turn._replace(text="") for turn in record.turns),
        processed_events=tuple(map(_without_answer_text, record.processed_events)),
    )


def _without_answer_text(event: ProcessedEvent) -> ProcessedEvent:
    if any(map(carries_text, event.answer or ())):
        return event._replace(answer=None)
    return event
