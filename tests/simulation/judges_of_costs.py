"""Judges of what a call may cost: so much and no more, and to such numbers and no others."""

from collections.abc import Sequence

from aiflow.protocol.types import JsonObject
from aiflow.runtime.settings import Settings
from tests.simulation.dice import Fault
from tests.simulation.happened import Happened
from tests.simulation.history import Finds, Histories, Version, adds, is_apology, mark
from tests.simulation.numbered import TARGETS, is_outside
from tests.simulation.record import Run

_HEARD = frozenset({"session_start", "user_speak", "dtmf_received", "user_input_timeout"})
# Clocks of instances differ by four seconds at most, and an answer takes its time.
_SLACK_MS = 4000


def caps_hold(happened: Happened, histories: Histories) -> Finds:
    """I10: no more messages, transfers, turns and minutes than the operator gives a call."""
    is_mixed = bool(happened.faults.counts[Fault.OLD_CODE])
    for session_id, runs in histories.by_session.items():
        settings = happened.cloud.settings_of(runs[0].call)
        yield from _overspent(session_id, runs, settings, is_mixed=is_mixed)
        # Code that does not count turns, nor knows when a call began, cannot keep to it.
        if not is_mixed:
            yield from _overtime(happened, session_id, histories.versions[session_id])
            yield from _talked_out(happened, session_id, runs, histories.versions[session_id])


def _overspent(
    session_id: str, runs: Sequence[Run], settings: Settings, *, is_mixed: bool
) -> Finds:
    types = [action["type"] for run in runs for action in run.actions]
    events = [run.event["type"] for run in runs]
    caps = {"send_sms": settings.max_sms, "transfer": settings.max_transfers}
    # Code that knows the ledger alone forgets what has failed.
    failures = {"send_sms": events.count("sms_failed"), "transfer": events.count("session_start")}
    for kind, cap in caps.items():
        if types.count(kind) > cap + (failures[kind] if is_mixed else 0):
            yield session_id, f"{types.count(kind)} times {kind}, and {cap} are allowed"


def _overtime(happened: Happened, session_id: str, versions: Sequence[Version]) -> Finds:
    answered = 0
    for version in versions:
        settings = happened.cloud.settings_of(version.run.call)
        if version.after.closing:
            continue
        is_turn = version.run.event["type"] == "user_speak" and bool(adds(version, "user"))
        # An apology is no answer: whoever overtakes a turn that then fails is not asked again.
        answered += is_turn and not is_apology(happened, version.run)
        if answered > settings.max_turns:
            yield session_id, f"{version.run.id} answers turn {answered} of {settings.max_turns}"
        late_ms = version.run.begun_ms - versions[0].at_ms - settings.max_minutes * 60_000
        if (
            version.run.event["type"] in _HEARD
            and late_ms > _SLACK_MS
            and adds(version, "assistant")
        ):
            yield session_id, f"{version.run.id} goes on {late_ms} ms after the last minute"


def _talked_out(
    happened: Happened, session_id: str, runs: Sequence[Run], versions: Sequence[Version]
) -> Finds:
    """Yield what goes on although the goodbye is said, but for the hang-up or its repetition."""
    last = next((version for version in versions if version.after.closing), None)
    for run in runs if last else ():
        if last is None or run.begun_ms <= last.at_ms or mark(run) == mark(last.run):
            continue
        types = {action["type"] for action in run.actions}
        if types - {"hangup"} and not is_apology(happened, run):
            yield session_id, f"{run.id} decided {types} after the goodbye of {last.run.id}"


def numbers_are_allowed(happened: Happened, _: Histories) -> Finds:
    """I11: no transfer and no message goes anywhere but to an ordinary number of the country."""
    for run in happened.record.runs:
        for action in run.actions:
            if action["type"] in TARGETS and is_outside(action):
                yield run.session_id, f"{run.id} reaches {_target(action)}"


def _target(action: JsonObject) -> str:
    return str(action[TARGETS[str(action["type"])]])
