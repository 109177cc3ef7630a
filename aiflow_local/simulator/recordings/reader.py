"""Reads recordings; an invalid line is reported with its number."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    TypeAdapter,
    ValidationError,
)

from aiflow.protocol.types import SessionId
from aiflow_local.errors import Unreadable
from aiflow_local.simulator.engine.call import MAX_CALL_MS
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind, TranscriptEntry

_Digits = Annotated[str, Field(pattern=r"^\+?[0-9]{0,15}$")]


@dataclass(frozen=True)
class RecordedCall:
    """A recorded call.

    Attributes:
        name: name of the scenario, or of the file.
        parties: caller, callee and session id.
        options: service options at the start.
        entries: transcript entries in order.
    """

    name: str
    parties: CallParties
    options: ServiceOptions
    entries: Sequence[TranscriptEntry]


def read_recording(path: Path) -> RecordedCall:
    """Read a recording.

    Raises:
        Unreadable: the file is not a valid recording; the message has the line.
    """
    lines = _lines(path)
    first = next(lines, None)
    if first is None:
        raise Unreadable("empty", f"{path}: is empty, not a recording")
    try:
        header = _Header.model_validate_json(first)
    except ValidationError as error:
        raise _no_recording(path, 1, error) from None
    parties = CallParties(**header.party.model_dump())
    entries: list[TranscriptEntry] = []
    for number, line in enumerate(lines, 2):
        try:
            entry = _ENTRY.validate_json(line).entry()
        except ValidationError as error:
            raise _no_recording(path, number, error) from None
        if entries and entry.at_ms < entries[-1].at_ms:
            raise Unreadable("not_a_recording", f"{path}:{number}: is earlier than the line before")
        entries.append(entry)
    return RecordedCall(header.name or path.stem, parties, header.switches, entries)


class _Party(BaseModel):
    session_id: SessionId
    direction: Literal["inbound", "outbound"]
    caller: _Digits
    callee: _Digits


class _Header(BaseModel):
    kind: Literal["call"]
    version: Literal[1]
    name: Annotated[str, Field(min_length=1)] | None = None
    party: _Party
    switches: ServiceOptions


class _Line(BaseModel):
    model_config = ConfigDict(extra="allow")

    at_ms: Annotated[int, Field(ge=0, le=MAX_CALL_MS * 2)]
    text: str

    def entry(self) -> TranscriptEntry:
        data = self.model_dump(exclude={"at_ms", "kind", "text"}, exclude_unset=True)
        return TranscriptEntry(self.at_ms, EntryKind(getattr(self, "kind", "")), self.text, data)


class _Typed(BaseModel):
    model_config = ConfigDict(extra="allow")

    type: str


class _Wrong(BaseModel):
    severity: Literal["error", "warning"]
    code: str
    path: str
    message: str


class _Event(_Line):
    kind: Literal["event"]
    event: _Typed


class _Answer(_Line):
    kind: Literal["answer"]
    status: int | None = None
    ms: float
    body: str


class _Message(_Line):
    kind: Literal["message"]
    body: str


class _Action(_Line):
    kind: Literal["action"]
    action: _Typed


def _options(change: dict[str, Any]) -> dict[str, Any]:
    ServiceOptions.model_validate(change)
    return change


class _Said(_Line):
    kind: Literal["said"]
    words: str | None = None
    key: Annotated[str, Field(pattern="^[0-9*#]$")] | None = None
    hangup: Literal[True] | None = None


class _Problem(_Line):
    kind: Literal["problem"]
    problem: _Wrong


class _Heard(_Line):
    kind: Literal["heard"]


class _Note(_Line):
    kind: Literal["note"]
    switches: Annotated[dict[str, Any], AfterValidator(_options)] | None = None


type _Known = _Event | _Answer | _Message | _Action | _Said | _Problem | _Heard | _Note

_ENTRY: TypeAdapter[_Known] = TypeAdapter(Annotated[_Known, Discriminator("kind")])


def _lines(path: Path) -> Iterator[bytes]:
    try:
        yield from path.read_bytes().splitlines()
    except OSError as error:
        raise Unreadable("unreadable", f"{path}: {error.strerror}") from None


def _no_recording(path: Path, number: int, error: ValidationError) -> Unreadable:
    details = error.errors(include_url=False, include_input=False)[0]
    where = ".".join(map(str, details["loc"]))
    message = f"{where}: {details['msg']}" if where else details["msg"]
    return Unreadable(
        "not_a_recording", f"{path}:{number}: is not a line of a recording: {message}"
    )
