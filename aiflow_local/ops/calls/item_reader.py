"""Read and validate items of the table, which another version of this code may have written."""

from collections.abc import Generator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiflow.protocol.constraints import is_object
from aiflow.sessions.codec import SCHEMA
from aiflow.sessions.dynamodb import from_dynamodb
from aiflow.sessions.record import TURNS, SessionRecord, Turn
from aiflow_local.errors import LocalError
from aiflow_local.output import printable

if TYPE_CHECKING:
    from mypy_boto3_dynamodb.type_defs import AttributeValueTypeDef

# The end of the year 9999, the latest time that `datetime` supports.
_MAX_TIME = 253_402_300_799


class UnreadableItem(LocalError):
    """An item that another version of this code wrote in a format that this version cannot read."""

    def __init__(self, session_id: str) -> None:
        super().__init__(
            f"the stored call {printable(session_id)} cannot be read: use the version of aiflow"
            " that the stack was deployed with"
        )


@dataclass
class ScanStatistics:
    """Counters of a table scan.

    Attributes:
        items: The number of items read, including items with overflow turns.
        units: The read capacity units that AWS charges for.
        unreadable: The session ids of calls that this version cannot read.
    """

    items: int = 0
    units: float = 0
    unreadable: list[str] = field(default_factory=list[str])


def read_record(found: "Mapping[str, AttributeValueTypeDef]") -> SessionRecord:
    """Decode the session record of a call.

    Raises:
        UnreadableItem: The item has an unknown format.
    """
    session_id = found["pk"].get("S", "")
    with _readable(session_id):
        attributes = from_dynamodb(found)
        item = SessionRecord.from_attributes(session_id, attributes)
        if attributes["schema"] != SCHEMA or not (
            _is_valid(item) and all(map(_is_turn, item.turns))
        ):
            raise ValueError
        return item


def read_overflow_turns(
    session_id: str, found: "Mapping[str, AttributeValueTypeDef]"
) -> tuple[tuple[Turn, ...], int]:
    """Decode turns that overflowed from a session record, and their expiry time.

    Raises:
        UnreadableItem: The item has an unknown format.
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
        raise UnreadableItem(session_id) from None


def _is_valid(item: SessionRecord) -> bool:
    """Return whether all fields that the commands show have valid types and values."""
    times = (item.expires_at, item.first_event_at_ms / 1000, item.committed_at_ms / 1000)
    objects = (item.session, item.state, *item.deferred_actions)
    texts = (*item.writers, *item.billable_keys)
    return all(map(_is_time, times)) and all(map(is_object, objects)) and all(map(_is_text, texts))


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _is_time(seconds: float) -> bool:
    return 0 <= seconds <= _MAX_TIME


def _is_turn(turn: tuple[object, ...]) -> bool:
    number, role, text = turn
    return role in {"user", "assistant"} and isinstance(number, int) and _is_text(text)
