"""Reading what lies in the table, whichever version of this code wrote it: whole, or not at all."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiflow.protocol.constraints import is_object
from aiflow.sessions.dynamodb import from_dynamodb
from aiflow.sessions.record import TURNS, SessionRecord, Turn
from aiflow_local.errors import LocalError
from aiflow_local.printable import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# The year 9999: no calendar goes further.
_END_OF_TIME = 253_402_300_799


class NotReadable(LocalError):
    """Another version of this code wrote a call, and not as this one reads it."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"what is kept of {printable(session_id)} cannot be read: take the version of aiflow"
            " that the stack was deployed with"
        )


@dataclass
class Reading:
    """What looking through the whole table has come to.

    Attributes:
        items: that were read, turns that left their call included.
        units: of reading, which AWS charges for.
        unreadable: the session ids of calls that `NotReadable` speaks of.
    """

    items: int = 0
    units: float = 0
    unreadable: list[str] = field(default_factory=list[str])


def item_of(found: "Mapping[str, AttributeValueTypeDef]") -> SessionRecord:
    """Return a call.

    Raises:
        NotReadable: it cannot be read.
    """
    session_id = found["pk"].get("S", "")
    with _readable(session_id):
        item = SessionRecord.from_attributes(session_id, from_dynamodb(found))
        if not (_is_sound(item) and all(map(_is_turn, item.turns))):
            raise ValueError
        return item


def left_over(
    session_id: str, found: "Mapping[str, AttributeValueTypeDef]"
) -> tuple[tuple[Turn, ...], int]:
    """Return turns that left their call, and when they expire.

    Raises:
        NotReadable: they cannot be read.
    """
    with _readable(session_id):
        attributes = from_dynamodb(found)
        turns, expires_at = TURNS.decode(str(attributes["turns"])), int(attributes["expires_at"])
        if not (_is_time(expires_at) and all(map(_is_turn, turns))):
            raise ValueError
        return turns, expires_at


@contextmanager
def _readable(session_id: str) -> Generator[None]:
    try:
        yield
    except (KeyError, TypeError, ValueError, RecursionError):
        raise NotReadable(session_id) from None


def _is_sound(item: SessionRecord) -> bool:
    """Tell whether all that is told of an item is what this version would have written."""
    times = (item.expires_at, item.first_event_at_ms / 1000, item.committed_at_ms / 1000)
    objects = (item.session, item.state, *item.deferred_actions)
    texts = (*item.writers, *item.billable_keys)
    return all(map(_is_time, times)) and all(map(is_object, objects)) and all(map(_is_text, texts))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(seconds: float) -> bool:
    return 0 <= seconds <= _END_OF_TIME


def _is_turn(turn: tuple[object, ...]) -> bool:
    number, role, text = turn
    return role in {"user", "assistant"} and isinstance(number, int) and _is_text(text)
