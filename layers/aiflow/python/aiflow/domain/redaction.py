"""Words: how nothing that either side said is kept, where the operator wants it so."""

from collections.abc import Sequence
from copy import replace

from aiflow.domain.transitions import ONCE_MEMBER
from aiflow.errors import InvalidAction
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord

_CUTTING = frozenset({"hangup", "transfer", "barge_in"})
"""What would cut off whatever is being played."""

# What is not listed counts as words: a new member, or one that only the service knows, is kept by
# nobody's mistake.
_WORDLESS = frozenset(
    {
        *("type", "session_id", ONCE_MEMBER),
        *("target_phone_number", "caller_id_name", "caller_id_number", "timeout"),
        *("volume", "stop"),
        *("provider", "languages", "vad"),
    }
)


def carries_text(action: JsonObject) -> bool:
    """Tell whether an action may hold something that is said, written or played to somebody."""
    return not _WORDLESS.issuperset(action)


def redact(item: SessionRecord) -> SessionRecord:
    """Return what may be kept of an item: who spoke, but not what was said; nor answers with words.

    What waits has none already, see `split_deferred`.
    """
    return replace(
        item,
        turns=tuple(replace(turn, text="") for turn in item.turns),
        processed_events=tuple(map(_without_answer_text, item.processed_events)),
    )


def split_deferred(
    followers: Sequence[JsonObject],
) -> tuple[tuple[JsonObject, ...], tuple[JsonObject, ...]]:
    """Return what follows a playback in two parts: what leaves with it, and what waits, wordless.

    What waits is kept, and words are not. So what has words does not wait for the end of a
    playback, but is sent behind it at once.

    Raises:
        InvalidAction: it cannot, as it stands behind something that has to wait, or would cut off
            what is played.
    """
    here = next(
        (
            index
            for index, follower in enumerate(followers)
            if not carries_text(follower) or follower["type"] in _CUTTING
        ),
        len(followers),
    )
    for follower in followers[here:]:
        if carries_text(follower):
            raise InvalidAction(
                f"STORE_TRANSCRIPTS is disabled, so {follower['type']} cannot wait here: deferred"
                " actions are stored, and this one holds text. Defer only hangup, transfer or"
                " barge_in, without options of their own, as the last actions"
            )
    return tuple(followers[:here]), tuple(followers[here:])


def _without_answer_text(delivery: ProcessedEvent) -> ProcessedEvent:
    if any(map(carries_text, delivery.answer or ())):
        return replace(delivery, answer=None)
    return delivery
