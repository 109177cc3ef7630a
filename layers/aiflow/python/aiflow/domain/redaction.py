"""Words: how nothing that either side said is kept, where the operator wants it so."""

from collections.abc import Sequence
from copy import replace

from aiflow.domain.transitions import ONCE
from aiflow.errors import InvalidAction
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import Delivery, SessionItem

_CUTTING = frozenset({"hangup", "transfer", "barge_in"})
"""What would cut off whatever is being played."""

# What is not listed counts as words: a new member, or one that only the service knows, is kept by
# nobody's mistake.
_WORDLESS = frozenset(
    {
        *("type", "session_id", ONCE),
        *("target_phone_number", "caller_id_name", "caller_id_number", "timeout"),
        *("volume", "stop"),
        *("provider", "languages", "vad"),
    }
)


def has_words(action: JsonObject) -> bool:
    """Tell whether an action may hold something that is said, written or played to somebody."""
    return not _WORDLESS.issuperset(action)


def without_words(item: SessionItem) -> SessionItem:
    """Return what may be kept of an item: who spoke, but not what was said; nor answers with words.

    What waits has none already, see `parted`.
    """
    return replace(
        item,
        turns=tuple(replace(turn, text="") for turn in item.turns),
        deliveries=tuple(map(_wordless, item.deliveries)),
    )


def parted(
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
            if not has_words(follower) or follower["type"] in _CUTTING
        ),
        len(followers),
    )
    for follower in followers[here:]:
        if has_words(follower):
            raise InvalidAction(
                f"KEEP_WORDS is disabled, so {follower['type']} cannot wait here: what waits is"
                " kept, and it holds words. Let only hangup, transfer or barge_in, without options"
                " of their own, follow as the last"
            )
    return tuple(followers[:here]), tuple(followers[here:])


def _wordless(delivery: Delivery) -> Delivery:
    if any(map(has_words, delivery.answer or ())):
        return replace(delivery, answer=None)
    return delivery
