"""Judges of what is kept of a call: nothing lost, nothing twice, nothing out of order."""

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

from aiflow.sessions.record import Status, Turn
from aiflow_local.simulator.engine.call import EPOCH_MS
from tests.simulation.happened import Happened
from tests.simulation.history import (
    MOST_CONFLICTS,
    REPEAT_WINDOW_MS,
    Finds,
    Histories,
    Version,
    adds,
    is_acknowledged,
    is_apology,
    is_overheard,
)
from tests.simulation.record import Run

_CANARY = re.compile(r"kiwi\d{5}")
_SLACK_MS = 20
_LATE = frozenset({Status.HANGING_UP, Status.GONE, Status.ENDED})


def turns_are_kept_once(happened: Happened, histories: Histories) -> Finds:
    """I1: what was answered is in the history, and what came twice at once is there once."""
    for session_id, runs in histories.by_session.items():
        kept = Counter(text for _, role, text in histories.said(session_id) if role == "user")
        yield from _forgotten(happened, session_id, runs, histories)
        for text in {run.event["text"] for run in runs if is_acknowledged(happened, run)}:
            wanted = _distinct([run for run in runs if run.event.get("text") == text], happened)
            if kept[text] < wanted:
                yield session_id, f"{text!r} was answered and is there {kept[text]} times"
        if not happened.faults.counts["skewed_clock"]:
            yield from _kept_twice(session_id, histories.versions[session_id])


def _forgotten(happened: Happened, session_id: str, runs: list[Run], histories: Histories) -> Finds:
    """Yield what was said to a handler that failed, and is not kept although the table was well."""
    versions = histories.versions[session_id]
    for run in runs:
        is_well = run.end == "answered" and not (run.lost_ms or run.failed_attempts)
        is_well = is_well and run.conflicts < MOST_CONFLICTS
        if run.event["type"] == "user_speak" and is_well and is_apology(happened, run):
            known = [v.after for v in versions if v.at_ms <= run.ended_ms]
            is_kept = any(turn.text == run.event["text"] for v in known for turn in v.turns)
            if not is_kept and not any(v.status in _LATE for v in known):
                yield session_id, f"{run.id} apologised, and forgot {run.event['text']!r}"


def _distinct(runs: list[Run], happened: Happened) -> int:
    """Return how often the same words were said and answered so far apart that each one counts."""
    firsts: dict[int, Run] = {}
    for run in runs:
        if is_acknowledged(happened, run):
            firsts.setdefault(run.delivery, run)
    # Clocks of instances may differ by four seconds.
    window_ms = REPEAT_WINDOW_MS + (4000 if happened.faults.counts["skewed_clock"] else 0)
    count, heard_ms = 0, -window_ms - 1
    for run in sorted(runs, key=lambda run: run.begun_ms):
        if firsts.get(run.delivery) is run and run.begun_ms - heard_ms > window_ms:
            count += 1
        heard_ms = max(heard_ms, run.ended_ms)
    return max(count, 1)


def _kept_twice(session_id: str, versions: list[Version]) -> Finds:
    answered: dict[str, int] = {}
    for version in versions:
        for turn in version.after.turns:
            is_new = not version.before.turns or turn.number > version.before.turns[-1].number
            if turn.role != "user" or not is_new:
                continue
            until_ms = answered.get(turn.text)
            if until_ms is not None and version.run.begun_ms + _SLACK_MS <= until_ms:
                yield session_id, f"{turn.text!r} was repeated at once and is there twice"
            # It was answered when that was decided, which may have taken a while to be kept.
            decided_ms = version.after.processed_events[-1].answered_at_ms - EPOCH_MS
            answered[turn.text] = decided_ms + REPEAT_WINDOW_MS


def history_only_grows(happened: Happened, histories: Histories) -> Finds:
    """I2: no gap, nothing rewritten, and whoever reads sees what was there before it asked."""
    for session_id, versions in histories.versions.items():
        known = {number: (role, text) for number, role, text in histories.said(session_id)}
        if sorted(known) != list(range(len(known))):
            yield session_id, f"turns are missing: {sorted(known)}"
        for version in versions:
            yield from _rewritten(session_id, version, known)
    for read in happened.record.reads:
        session_id = read.run.session_id
        seen = {number for number, _, _ in read.turns}
        before = [v for v in histories.versions[session_id] if v.at_ms <= read.run.begun_ms]
        if before and _last(before[-1].after.turns) > max(seen, default=-1):
            yield session_id, f"{read.run.id} did not see turns that were there before it began"


def state_goes_with_its_turn(happened: Happened, histories: Histories) -> Finds:
    """I2: the state of a handler is kept with the turn that it answers, or neither is."""
    settings = happened.cloud.settings
    for session_id, versions in histories.versions.items():
        filled: set[str] = set()
        for version in versions:
            said = adds(version, "assistant")
            if said[-1:] == [settings.filler_message]:
                # The handler still thinks: what it does to the state comes with its answer.
                filled.add(version.run.id)
                continue
            if _is_miscounted(version, is_filled=version.run.id in filled):
                yield session_id, f"{version.run.id} kept a turn, but not what it did to the state"
            if settings.apology_message in said and version.after.state != version.before.state:
                yield session_id, f"{version.run.id} failed, and kept what it did to the state"
            filled.discard(version.run.id)


def _is_miscounted(version: Version, *, is_filled: bool) -> bool:
    """Tell whether a turn was kept without the state of its handler; all agents count turns.

    Args:
        version: to look at.
        is_filled: whether the turn itself was kept before, with the filler.
    """
    run = version.run
    # Of a handler that failed nothing is kept but what was said.
    if run.event["type"] != "user_speak" or run.excuses or run.store_failed:
        return False
    if version.after.closing or is_overheard(version):
        # The goodbye is said, perhaps by this, or something later is being answered: whatever
        # the caller adds, no handler is asked.
        return False
    begins = is_filled or run.event["text"] in adds(version, "user")
    before, after = (item.state.get("turns", 0) for item in (version.before, version.after))
    return begins and after != int(str(before)) + 1


def _rewritten(session_id: str, version: Version, known: Mapping[int, tuple[str, str]]) -> Finds:
    for turn in version.after.turns:
        if known.get(turn.number) != (turn.role, turn.text):
            yield session_id, f"turn {turn.number} was {turn.text!r} and is so no more"
    if _last(version.after.turns) < _last(version.before.turns):
        yield session_id, "the history shrinks"


def _last(turns: Sequence[Turn]) -> int:
    return turns[-1].number if turns else -1


def order_is_kept(happened: Happened, histories: Histories) -> Finds:
    """I3: what was answered before something else was said stands before it."""
    for session_id, runs in histories.by_session.items():
        places: dict[str, int] = {}
        for number, role, text in sorted(histories.said(session_id)):
            if role == "user":
                places.setdefault(text, number)
        sent_ms = {run.event.get("text"): run.begun_ms for run in reversed(runs)}
        spoken = [run for run in runs if is_acknowledged(happened, run)]
        for one, other in pairwise(run for run in spoken if _CANARY.search(run.event["text"])):
            first, second = one.event["text"], other.event["text"]
            if not {first, second} <= places.keys():
                continue
            if one.ended_ms < sent_ms[second] and places[first] > places[second]:
                yield session_id, f"{first!r} was answered before {second!r} and stands behind it"
