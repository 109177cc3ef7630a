"""Invariants of the stored record: no turn is lost, duplicated or out of order."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from aiflow.sessions.record import Status, Turn
from aiflow_local.simulator.engine.call import EPOCH_MS
from tests.simulation.execution import Execution
from tests.simulation.histories import (
    MAX_CONFLICTS,
    REPEAT_WINDOW_MS,
    Findings,
    Histories,
    Version,
    added_texts,
    is_acknowledged,
    is_apology,
    is_superseded,
)
from tests.simulation.trace import Run

_CANARY = re.compile(r"kiwi\d{5}")
_SLACK_MS = 20
_CLOSED = frozenset({Status.HANGING_UP, Status.GONE, Status.ENDED})


def turns_are_stored_once(execution: Execution, histories: Histories) -> Findings:
    """I1: an answered turn is in the history, and an immediate repetition is stored once."""
    for session_id, runs in histories.by_session.items():
        stored = Counter(
            text for _, role, text in histories.final_turns(session_id) if role == "user"
        )
        yield from _lost_failed_turns(execution, session_id, runs, histories)
        for text in {run.event["text"] for run in runs if is_acknowledged(execution, run)}:
            expected = _distinct([run for run in runs if run.event.get("text") == text], execution)
            if stored[text] < expected:
                yield session_id, f"{text!r} was answered and is stored {stored[text]} times"
        if not execution.faults.counts["skewed_clock"]:
            yield from _stored_twice(session_id, histories.versions[session_id])


def _lost_failed_turns(
    execution: Execution, session_id: str, runs: list[Run], histories: Histories
) -> Findings:
    """Yield turns of failed handlers that are not stored although the table worked."""
    versions = histories.versions[session_id]
    for run in runs:
        table_worked = run.end == "answered" and not (run.store_delay_ms or run.failed_attempts)
        table_worked = table_worked and run.conflicts < MAX_CONFLICTS
        if run.event["type"] == "user_speak" and table_worked and is_apology(execution, run):
            known = [v.after for v in versions if v.at_ms <= run.ended_ms]
            is_stored = any(turn.text == run.event["text"] for v in known for turn in v.turns)
            if not is_stored and not any(v.status in _CLOSED for v in known):
                yield session_id, f"{run.id} apologised without storing {run.event['text']!r}"


def _distinct(runs: list[Run], execution: Execution) -> int:
    """Return how many answers to the same text are far enough apart to count as separate turns."""
    firsts: dict[int, Run] = {}
    for run in runs:
        if is_acknowledged(execution, run):
            firsts.setdefault(run.delivery, run)
    # Clocks of instances differ by up to four seconds.
    window_ms = REPEAT_WINDOW_MS + (4000 if execution.faults.counts["skewed_clock"] else 0)
    count, heard_ms = 0, -window_ms - 1
    for run in sorted(runs, key=lambda run: run.started_ms):
        if firsts.get(run.delivery) is run and run.started_ms - heard_ms > window_ms:
            count += 1
        heard_ms = max(heard_ms, run.ended_ms)
    return max(count, 1)


def _stored_twice(session_id: str, versions: list[Version]) -> Findings:
    answered: dict[str, int] = {}
    for version in versions:
        for turn in version.after.turns:
            is_new = not version.before.turns or turn.number > version.before.turns[-1].number
            if turn.role != "user" or not is_new:
                continue
            until_ms = answered.get(turn.text)
            if until_ms is not None and version.run.started_ms + _SLACK_MS <= until_ms:
                yield session_id, f"{turn.text!r} was repeated immediately and is stored twice"
            # The window starts with the decision, which may be committed later.
            decided_ms = version.after.processed_events[-1].answered_at_ms - EPOCH_MS
            answered[turn.text] = decided_ms + REPEAT_WINDOW_MS


def history_only_grows(execution: Execution, histories: Histories) -> Findings:
    """I2: the history has no gaps and no changes, and a reader sees all earlier turns."""
    for session_id, versions in histories.versions.items():
        known = {number: (role, text) for number, role, text in histories.final_turns(session_id)}
        if sorted(known) != list(range(len(known))):
            yield session_id, f"turns are missing: {sorted(known)}"
        for version in versions:
            yield from _rewritten(session_id, version, known)
    for observation in execution.trace.observations:
        session_id = observation.run.session_id
        seen = {number for number, _, _ in observation.turns}
        before = [
            v for v in histories.versions[session_id] if v.at_ms <= observation.run.started_ms
        ]
        if before and _last(before[-1].after.turns) > max(seen, default=-1):
            yield (
                session_id,
                f"{observation.run.id} did not see turns stored before it started",
            )


def state_is_stored_with_its_turn(execution: Execution, histories: Histories) -> Findings:
    """I2: the state of a handler is stored together with the turn that it answers."""
    settings = execution.aws.settings
    for session_id, versions in histories.versions.items():
        fillers: set[str] = set()
        for version in versions:
            said = added_texts(version, "assistant")
            if said[-1:] == [settings.filler_message]:
                # The handler is still running: its state is stored with its answer.
                fillers.add(version.run.id)
                continue
            if _is_miscounted(version, is_filled=version.run.id in fillers):
                yield session_id, f"{version.run.id} stored a turn without its state"
            if settings.apology_message in said and version.after.state != version.before.state:
                yield session_id, f"{version.run.id} failed and stored its state"
            fillers.discard(version.run.id)


def _is_miscounted(version: Version, *, is_filled: bool) -> bool:
    """Return whether a turn was stored without the state of its handler; all agents count turns.

    Args:
        version: the version.
        is_filled: whether the turn was stored earlier, with the filler.
    """
    run = version.run
    # After a failure only the turn is stored, and no state.
    if run.event["type"] != "user_speak" or run.disturbances or run.store_failed:
        return False
    if version.after.closing or is_superseded(version):
        # The call is closing, or a later turn is being answered, so no handler ran.
        return False
    begins = is_filled or run.event["text"] in added_texts(version, "user")
    before, after = (item.state.get("turns", 0) for item in (version.before, version.after))
    return begins and after != int(str(before)) + 1


def _rewritten(session_id: str, version: Version, known: Mapping[int, tuple[str, str]]) -> Findings:
    for turn in version.after.turns:
        if known.get(turn.number) != (turn.role, turn.text):
            yield session_id, f"turn {turn.number} {turn.text!r} was changed"
    if _last(version.after.turns) < _last(version.before.turns):
        yield session_id, "the history shrinks"


def _last(turns: Sequence[Turn]) -> int:
    return turns[-1].number if turns else -1


def order_is_preserved(execution: Execution, histories: Histories) -> Findings:
    """I3: a turn that was answered before another one started is stored before it."""
    for session_id, runs in histories.by_session.items():
        places: dict[str, int] = {}
        for number, role, text in sorted(histories.final_turns(session_id)):
            if role == "user":
                places.setdefault(text, number)
        sent_ms = {run.event.get("text"): run.started_ms for run in reversed(runs)}
        spoken = [run for run in runs if is_acknowledged(execution, run)]
        for one, other in pairwise(run for run in spoken if _CANARY.search(run.event["text"])):
            first, second = one.event["text"], other.event["text"]
            if not {first, second} <= places.keys():
                continue
            if one.ended_ms < sent_ms[second] and places[first] > places[second]:
                yield session_id, f"{first!r} was answered before {second!r} and is stored after it"
