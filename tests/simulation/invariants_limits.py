"""Invariants of spending: limits of a call and allowed numbers."""

from collections import Counter
from collections.abc import Sequence
from itertools import product

from aiflow.protocol.types import JsonObject
from aiflow.settings import Settings
from tests.simulation.execution import Execution
from tests.simulation.histories import (
    Findings,
    Histories,
    Version,
    added_texts,
    is_apology,
    repetition_key,
)
from tests.simulation.number_policy import TARGETS, is_forbidden_target
from tests.simulation.trace import Run

_CALLER_EVENTS = frozenset({"session_start", "user_speak", "dtmf_received", "user_input_timeout"})
# Clocks of instances differ by up to four seconds.
_SLACK_MS = 4000


def limits_hold(execution: Execution, histories: Histories) -> Findings:
    """I10: no call exceeds its limits of messages, transfers, turns and minutes.

    The older code preserves counters that it does not know. What it allows is added, except for
    messages and transfers that did not fail. For turns and minutes, only the versions of the new
    code are checked, from the first one on.
    """
    for session_id, runs in histories.by_session.items():
        settings = execution.aws.settings_of(runs[0].call)
        versions = [v for v in histories.versions[session_id] if not v.run.is_old]
        yield from _too_many_actions(session_id, runs, settings)
        yield from _too_many_turns_or_minutes(execution, settings, session_id, versions)
        yield from _answers_after_closing(execution, session_id, runs, versions)


def _too_many_actions(session_id: str, runs: Sequence[Run], settings: Settings) -> Findings:
    events = [run.event["type"] for run in runs]
    failures = {"send_sms": events.count("sms_failed"), "transfer": events.count("session_start")}
    by_any = Counter(action["type"] for run in runs for action in run.actions)
    by_new = Counter(action["type"] for run in runs if not run.is_old for action in run.actions)
    is_mixed = any(run.is_old for run in runs)
    for kind, limit in {"send_sms": settings.max_sms, "transfer": settings.max_transfers}.items():
        # Both versions know the billable keys, which omit failed actions.
        if by_new[kind] > limit or by_any[kind] > limit + (failures[kind] if is_mixed else 0):
            yield session_id, f"{by_any[kind]} times {kind}, the limit is {limit}"


def _too_many_turns_or_minutes(
    execution: Execution, settings: Settings, session_id: str, versions: Sequence[Version]
) -> Findings:
    answered = 0
    for version in versions:
        if version.after.closing:
            continue
        run = version.run
        is_turn = run.event["type"] == "user_speak" and bool(added_texts(version, "user"))
        # An apology does not use up a turn.
        is_apologising = execution.aws.settings.apology_message in added_texts(version, "assistant")
        answered += is_turn and not is_apologising
        if answered > settings.max_turns:
            yield session_id, f"{run.id} answers turn {answered} of {settings.max_turns}"
        late_ms = run.started_ms - versions[0].at_ms - settings.max_minutes * 60_000
        is_late = run.event["type"] in _CALLER_EVENTS and late_ms > _SLACK_MS
        if is_late and added_texts(version, "assistant"):
            yield session_id, f"{run.id} answers {late_ms} ms after the last minute"


def _answers_after_closing(
    execution: Execution, session_id: str, runs: Sequence[Run], versions: Sequence[Version]
) -> Findings:
    """Yield what is decided after the final announcement, except the hang-up and repetitions."""
    closings = [version for version in versions if version.after.closing][:1]
    for closing, run in product(closings, runs):
        known = {
            repetition_key(r) for r in runs if r.started_ms <= closing.at_ms and "text" in r.event
        }
        if (
            run.is_old
            or run.started_ms <= closing.at_ms
            or repetition_key(run) in {*known, repetition_key(closing.run)}
        ):
            continue
        types = {action["type"] for action in run.actions}
        if types - {"hangup"} and not is_apology(execution, run):
            yield (
                session_id,
                f"{run.id} decided {types} after the final announcement of {closing.run.id}",
            )


def targets_are_allowed(execution: Execution, _: Histories) -> Findings:
    """I11: transfers and messages only go to allowed German numbers."""
    for run in execution.trace.runs:
        for action in run.actions:
            if action["type"] in TARGETS and is_forbidden_target(action):
                yield run.session_id, f"{run.id} sent an action to {_target(action)}"


def _target(action: JsonObject) -> str:
    return str(action[TARGETS[str(action["type"])]])
