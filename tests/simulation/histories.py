"""The history of each call, put together from what was written, for the judges to look at."""

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
"""Session id and what happened, of each thing that must never be."""


@dataclass(frozen=True)
class Version:
    """One write of a session item.

    Attributes:
        at_ms: when.
        run: which invocation wrote it.
        before: the item; one that was never stored, if there was none.
        after: the item.
    """

    at_ms: int
    run: Run
    before: SessionRecord
    after: SessionRecord

    @property
    def new_intents(self) -> tuple[str, ...]:
        """What costs money and was decided by this."""
        return self.after.billable_keys[len(self.before.billable_keys) :]


class Histories:
    """What the trace says of each call.

    Args:
        trace: of a simulation.
    """

    def __init__(self, trace: Trace) -> None:
        self.trace = trace

    @cached_property
    def runs(self) -> Mapping[str, Run]:
        """Every invocation by its id."""
        return {run.id: run for run in self.trace.runs}

    @cached_property
    def by_session(self) -> Mapping[str, list[Run]]:
        """The invocations of each call."""
        runs: dict[str, list[Run]] = defaultdict(list)
        for run in self.trace.runs:
            runs[run.session_id].append(run)
        return runs

    @cached_property
    def versions(self) -> Mapping[str, list[Version]]:
        """The versions of each session item, in their order."""
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
        """Yield the turns of a call as they are kept at the end: number, role and text."""
        for item in self.trace.table.query(session_id):
            for turn in TURNS.decode(str(plain_values(item)["turns"])):
                yield turn.number, turn.role, turn.text


def plain_values(item: Item) -> dict[str, str | int]:
    """Return the attributes of an item without their types."""
    return {
        name: int(value["N"]) if "N" in value else str(value["S"]) for name, value in item.items()
    }


def added_texts(version: Version, role: str) -> list[str]:
    """Return what one side says for the first time in a version."""
    last = version.before.turns[-1].number if version.before.turns else -1
    return [t.text for t in version.after.turns if t.number > last and t.role == role]


def is_superseded(version: Version) -> bool:
    """Tell whether a turn was kept and not answered, since a later one is being answered."""
    is_kept = bool(added_texts(version, "user")) and not added_texts(version, "assistant")
    return is_kept and version.after.stream_owner == version.before.stream_owner != ""


def repetition_key(run: Run) -> tuple[int, str, str | None]:
    """Return what a repetition, which gets the same answer again, has in common with a run."""
    return run.call, run.event["type"], run.event.get("text")


def is_apology(execution: Execution, run: Run) -> bool:
    """Tell whether the caller was told that something went wrong."""
    apology = execution.aws.settings.apology_message
    return any(action.get("text") == apology for action in run.actions)


def is_acknowledged(execution: Execution, run: Run) -> bool:
    """Tell whether a turn of the caller was answered, and not just fenced off or apologised for."""
    if run.event["type"] != "user_speak" or not run.is_delivered or is_apology(execution, run):
        return False
    return any(action["type"] != "hangup" for action in run.actions)
