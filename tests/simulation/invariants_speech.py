"""Invariants of what callers hear: no unexplained silence, outdated answer or failure."""

from aiflow.sessions.record import Status
from tests.simulation.agents import DEFERRED_TEXT
from tests.simulation.execution import Execution
from tests.simulation.faults import Fault
from tests.simulation.histories import (
    Findings,
    Histories,
    Version,
    added_texts,
    is_superseded,
    repetition_key,
)
from tests.simulation.trace import Run

_HANDLER_FAULTS = frozenset({Fault.SLOW_MODEL, Fault.DEAD_MODEL, Fault.WRONG_MODEL, Fault.RAISE})
_ANSWERABLE = frozenset({*(fault.value for fault in _HANDLER_FAULTS), "deadline", "moved"})
"""Disturbances after which an answer is still expected, at least an apology."""

_RELEASES = frozenset({"assistant_speech_ended", "user_input_timeout"})
_REQUESTS = {"hangup": ("goodbye", "farewell"), "transfer": ("person",)}
_OVER = frozenset({Status.HANGING_UP, Status.ENDED})


def speech_is_answered(execution: Execution, histories: Histories) -> Findings:
    """I9: a turn is answered unless it is a repetition or a later turn supersedes it."""
    # Clocks of instances differ by up to four seconds, so the order is uncertain.
    slack_ms = 4000 if execution.faults.counts[Fault.SKEW] else 0
    for session_id, runs in histories.by_session.items():
        said = [run for run in runs if run.event["type"] == "user_speak"]
        for run in said:
            if run.end != "answered" or run.bodies or run.store_failed:
                continue
            others = [other for other in said if other is not run]
            is_shared = any(
                repetition_key(other) == repetition_key(run)
                or run.started_ms - slack_ms <= other.started_ms <= run.ended_ms
                for other in others
            )
            versions = [v for v in histories.versions[session_id] if v.at_ms <= run.ended_ms]
            if not is_shared and not _is_explained(run, versions):
                yield session_id, f"{run.id} left {run.event['text']!r} unanswered"


def _is_explained(run: Run, versions: list[Version]) -> bool:
    if {*run.disturbances} - _ANSWERABLE or any(v.after.closing for v in versions):
        return True
    if any(v.after.status in _OVER or _is_known_lost(v, run) for v in versions):
        return True
    if run.undelivered and run.store_delay_ms:
        # The table did not return the new connection in time.
        return True
    # A new connection is known after an event arrived by it, until a late event arrives by an older
    # one. The older code does not know connections.
    others = [v for v in versions if v.run is not run and v.run.connection]
    known = [v for v in others if not (v.run.is_old or run.is_old)]
    return any(
        alive != run.connection
        and [v.run.connection for v in known if v.at_ms <= at_ms][-1:] != [alive]
        for at_ms, alive in run.undelivered
    )


def _is_known_lost(version: Version, run: Run) -> bool:
    """Return whether another run recorded that the connection of a run is lost.

    The older code marks the call itself as gone.
    """
    is_found = version.after.status is Status.GONE is not version.before.status
    is_same = version.run.is_old or version.run.connection == run.connection
    return is_found and version.run is not run and is_same


def outdated_answers_stop(execution: Execution, histories: Histories) -> Findings:
    """I3: after a newer turn was answered, no run continues an answer to an earlier one."""
    # The older code does not stop earlier answers.
    if execution.faults.counts[Fault.OLD_CODE]:
        return
    for session_id, versions in histories.versions.items():
        latest = ""
        for version in versions:
            run = version.run
            if run.event["type"] != "user_speak":
                continue
            if added_texts(version, "user"):
                # A superseded turn gets no answer and stops none.
                latest = latest if is_superseded(version) else run.id
            elif added_texts(version, "assistant") and run.id != latest:
                yield session_id, f"{run.id} continues after {latest} was answered"


def failure_needs_two_apologies(execution: Execution, histories: Histories) -> Findings:
    """I9: the failure message requires two failed answers in a row."""
    # The older code does not reset the count of failures.
    if execution.faults.counts[Fault.OLD_CODE]:
        return
    settings = execution.aws.settings
    for session_id, versions in histories.versions.items():
        for version in versions:
            if settings.failure_message in added_texts(version, "assistant"):
                said = [t.text for t in version.before.turns if t.role == "assistant"]
                before = [
                    t for t in said if t not in {settings.limit_message, settings.filler_message}
                ]
                # A concurrent turn may get the failure message, too.
                if len(before) < 2 or not {*before[-2:]} <= {
                    settings.apology_message,
                    settings.failure_message,
                }:
                    yield session_id, f"{version.run.id} gave up after {before[-2:]}"


def deferred_actions_are_sent_in_time(execution: Execution, histories: Histories) -> Findings:
    """I5: deferred actions are sent once after the playback, and not after the caller went on."""
    for session_id, versions in histories.versions.items():
        # The sample agent also hangs up after silence.
        if versions and execution.agent_names[versions[0].run.call] != "sample":
            for version in versions:
                yield from _unexpected_deferred(session_id, version)
        yield from _repeated_deferred(session_id, versions)


def _unexpected_deferred(session_id: str, version: Version) -> Findings:
    run = version.run
    said = [turn.text for turn in version.before.turns if turn.role == "user"]
    if run.event["type"] not in _RELEASES or version.before.closing or not said:
        return
    for kind in {action["type"] for action in run.actions} & _REQUESTS.keys():
        if not any(request in said[-1] for request in _REQUESTS[kind]):
            yield session_id, f"{run.id} sent {kind} after {said[-1]!r}"


def _repeated_deferred(session_id: str, versions: list[Version]) -> Findings:
    said = [text for version in versions for text in added_texts(version, "assistant")]
    for text in {text for text in said if text.startswith(DEFERRED_TEXT)}:
        decided = sum(each.endswith(f"Heard: {text.removeprefix(DEFERRED_TEXT)}") for each in said)
        if said.count(text) > decided:
            yield session_id, f"{said.count(text)} times {text!r}"
