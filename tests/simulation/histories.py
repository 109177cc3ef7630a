"""The histories of all calls, reconstructed from the writes in a trace."""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property

from aiflow.sessions.record import TURNS, SessionRecord
from tests.simulation.dynamodb_table import Item
from tests.simulation.execution import Execution
from tests.simulation.trace import Run, Trace

REPEAT_WINDOW_MS = 600
MAX_CONFLICTS = 5

type Findings = Iterator[tuple[str, str]]
"""Session id and description of each violation."""


@dataclass(frozen=True)
class Version:
    """One write of a session item.

    Attributes:
        at_ms: time of the write.
        run: invocation that wrote it.
        before: record before the write; a new record if none was stored.
        after: record after the write.
    """

    at_ms: int
    run: Run
    before: SessionRecord
    after: SessionRecord

    @property
    def new_intents(self) -> tuple[str, ...]:
        """Keys of the billable actions that this write added."""
        return self.after.billable_keys[len(self.before.billable_keys) :]


class Histories:
    """Runs and record versions of each call.

    Args:
        trace: of a simulation.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @cached_property
    def runs(self) -> Mapping[str, Run]:
        """All runs by id."""
        return {run.id: run for run in self.trace.runs}

    @cached_property
    def by_session(self) -> Mapping[str, list[Run]]:
        """The runs of each call."""
        runs: dict[str, list[Run]] = defaultdict(list)
        for run in self.trace.runs:
            runs[run.session_id].append(run)
        return runs

    @cached_property
    def versions(self) -> Mapping[str, list[Version]]:
        """The versions of each session item, in order."""
        versions: dict[str, list[Version]] = defaultdict(list)
        for write in self.trace.table.writes:
            session_id, name = write.key
            if name == "call":
                known = versions[session_id]
                before = known[-1].after if known else SessionRecord(session_id=session_id)
                after = SessionRecord.from_attributes(session_id, plain_values(write.after))
                known.append(Version(write.at_ms, self.runs[write.by], before, after))
        return versions

    def final_turns(self, session_id: str) -> Iterator[tuple[int, str, str]]:
        """Yield number, role and text of all turns that a call has at the end."""
        for item in self.trace.table.query(session_id):
            for turn in TURNS.decode(str(plain_values(item)["turns"])):
                yield turn.number, turn.role, turn.text


def plain_values(item: Item) -> dict[str, str | int]:
    """Return the attributes of an item without DynamoDB types."""
    return {
        name: int(value["N"]) if "N" in value else str(value["S"]) for name, value in item.items()
    }


def added_texts(version: Version, role: str) -> list[str]:
    """Return the texts that a version adds for one role."""
    last = version.before.turns[-1].number if version.before.turns else -1
    return [t.text for t in version.after.turns if t.number > last and t.role == role]


def is_superseded(version: Version) -> bool:
    """Return whether a turn was stored without an answer because a later turn is being answered."""
    is_kept = bool(added_texts(version, "user")) and not added_texts(version, "assistant")
    return is_kept and version.after.stream_owner == version.before.stream_owner != ""


def repetition_key(run: Run) -> tuple[int, str, str | None]:
    """Return what a run has in common with its repetitions, which get the same answer."""
    return run.call, run.event["type"], run.event.get("text")


def is_apology(execution: Execution, run: Run) -> bool:
    """Return whether a run answered with the apology."""
    apology = execution.aws.settings.apology_message
    return any(action.get("text") == apology for action in run.actions)


def is_acknowledged(execution: Execution, run: Run) -> bool:
    """Return whether a turn of the caller got an answer other than an apology or a hang-up."""
    if run.event["type"] != "user_speak" or not run.is_delivered or is_apology(execution, run):
        return False
    return any(action["type"] != "hangup" for action in run.actions)
