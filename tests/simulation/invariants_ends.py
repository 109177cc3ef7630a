"""Invariant of abandoned calls."""

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from aiflow.sessions.record import Status
from tests.simulation.execution import Execution
from tests.simulation.histories import Findings, Histories, Version

# In this time before a call counts as abandoned, a sweeper may compete with a late end.
_CONTESTED_SECONDS = 60
# Clocks of instances differ by up to four seconds.
_SKEW_SECONDS = 4


@dataclass(frozen=True)
class _End:
    """How a call ended.

    Attributes:
        version: the version that ended it.
        last_write_ms: time of the last write before.
        is_swept: whether the sweeper ended it.
    """

    version: Version
    last_write_ms: int
    is_swept: bool

    def is_wrong(self, times: int, expected: int) -> bool:
        """Return whether a count is too high, or too low without a disturbance."""
        run = self.version.run
        is_explained = run.end != "answered" or run.store_failed or bool(run.disturbances)
        return times > expected or (times < expected and not is_explained)


def abandoned_calls_are_closed_once(execution: Execution, histories: Histories) -> Findings:
    """I15: an abandoned call is closed, handled and counted exactly once."""
    counted = abandoned_counts(execution.trace.log)
    for sweep in execution.trace.sweeps:
        if sweep.end not in {"answered", "crashed"}:
            yield "", f"{sweep.id} {sweep.end}: {sweep.disturbances}"
    for session_id, versions in histories.versions.items():
        ends = [v for v in versions if v.after.status is Status.ENDED is not v.before.status]
        if len(ends) == 1:
            end = _End(
                ends[0], _last_write_ms(versions, ends[0]), ends[0].run.transport == "schedule"
            )
            yield from _violations_of_end(execution, session_id, end, counted[session_id])
        elif ends or (versions and _can_be_found(execution, session_id)):
            yield session_id, f"it was closed {len(ends)} times"


def _last_write_ms(versions: Sequence[Version], end: Version) -> int:
    """Return the time of the last write before the end, as far as the closing code can know it."""
    earlier = versions[: versions.index(end)]
    # The older code does not update the time of the last write.
    known = [v.at_ms for v in earlier if end.run.is_old or not v.run.is_old]
    return known[-1] if known else end.at_ms


def abandoned_counts(log: str) -> Counter[str]:
    """Return how often each call was counted as abandoned; metrics follow their log line."""
    counted: Counter[str] = Counter()
    log_line = ""
    for line in log.splitlines():
        if '"_aws"' not in line:
            log_line = line
        elif '"AbandonedCalls"' in line:
            counted[json.loads(log_line)["session_id"]] += json.loads(line)["AbandonedCalls"][0]
    return counted


def _violations_of_end(execution: Execution, session_id: str, end: _End, counted: int) -> Findings:
    abandoned_after, run = execution.aws.settings.abandoned_after_seconds, end.version.run
    idle_seconds = (end.version.at_ms - end.last_write_ms) / 1000
    if end.is_swept and idle_seconds < abandoned_after - _SKEW_SECONDS:
        yield session_id, f"{run.id} closed it after {idle_seconds:.0f} s"
    expired = execution.aws.unix(end.version.at_ms) - end.version.before.expires_at
    if end.is_swept and expired > _SKEW_SECONDS:
        yield session_id, f"{run.id} closed it {expired:.0f} s after it had expired"
    uncontested_seconds = abandoned_after - _CONTESTED_SECONDS + _SKEW_SECONDS
    if end.is_swept or idle_seconds > uncontested_seconds:
        # Timely ends are not checked: they run the handler before the commit and may die between.
        times = sum(
            observation.event == "session_end"
            and observation.run.session_id == session_id
            and observation.at_ms > end.last_write_ms + 1000 * uncontested_seconds
            for observation in execution.trace.observations
        )
        if end.is_wrong(times, 1):
            yield session_id, f"{run.id} closed it and its handler ran {times} times"
    if end.is_wrong(counted, int(end.is_swept)):
        yield session_id, f"{run.id} closed it and it was counted {counted} times"


def _can_be_found(execution: Execution, session_id: str) -> bool:
    """Return whether the last sweep could find a call: it has index keys and has not expired."""
    item = execution.trace.table.items[session_id, "call"]
    last = execution.aws.unix(execution.trace.sweeps[-1].started_ms)
    is_expired = int(item["expires_at"]["N"]) <= last + _SKEW_SECONDS
    return {"open_call", "first_event_at_ms"} <= item.keys() and not is_expired
