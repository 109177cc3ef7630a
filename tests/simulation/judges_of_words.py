"""Judges of what callers hear: no silence, nothing outdated, and no end, without a reason."""

from aiflow.sessions.record import Status
from tests.simulation.agents import LAST_WORDS
from tests.simulation.dice import Fault
from tests.simulation.happened import Happened
from tests.simulation.history import Finds, Histories, Version, adds, is_overheard, mark
from tests.simulation.record import Run

_FAILURES = frozenset({Fault.SLOW_MODEL, Fault.DEAD_MODEL, Fault.WRONG_MODEL, Fault.RAISE})
_NO_EXCUSES = frozenset({*(fault.value for fault in _FAILURES), "deadline", "moved"})
"""After all of these something can be heard, be it an apology."""

_RELEASES = frozenset({"assistant_speech_ended", "user_input_timeout"})
_WISHES = {"hangup": ("goodbye", "farewell"), "transfer": ("person",)}
_OVER = frozenset({Status.HANGING_UP, Status.ENDED})


def nobody_is_left_in_silence(happened: Happened, histories: Histories) -> Finds:
    """I9: whoever says something that is no repetition, and is not overtaken, is answered."""
    # Clocks of instances may differ by four seconds, and then who was first is anybody's guess.
    slack_ms = 4000 if happened.faults.counts[Fault.SKEW] else 0
    for session_id, runs in histories.by_session.items():
        said = [run for run in runs if run.event["type"] == "user_speak"]
        for run in said:
            if run.end != "answered" or run.bodies or run.store_failed:
                continue
            others = [other for other in said if other is not run]
            is_shared = any(
                mark(other) == mark(run)
                or run.begun_ms - slack_ms <= other.begun_ms <= run.ended_ms
                for other in others
            )
            versions = [v for v in histories.versions[session_id] if v.at_ms <= run.ended_ms]
            if not is_shared and not _is_excused(run, versions):
                yield session_id, f"{run.id} left {run.event['text']!r} unanswered"


def _is_excused(run: Run, versions: list[Version]) -> bool:
    if {*run.excuses} - _NO_EXCUSES or any(v.after.closing for v in versions):
        return True
    if any(v.after.status in _OVER or _is_lost(v, run) for v in versions):
        return True
    if run.missed and run.lost_ms:
        # Where else it is connected, the table did not say in time.
        return True
    # That the service has connected anew is known as soon as something has come that way, until
    # something comes that was long on its way by another; and to code that knows connections only.
    others = [v for v in versions if v.run is not run and v.run.connection]
    known = [v for v in others if not (v.run.is_old or run.is_old)]
    return any(
        alive != run.connection
        and [v.run.connection for v in known if v.at_ms <= at_ms][-1:] != [alive]
        for at_ms, alive in run.missed
    )


def _is_lost(version: Version, run: Run) -> bool:
    """Tell whether somebody else had found the connection of a run to be gone, or says so.

    Code that knows no connections takes the call for gone with the one that it was asked by.
    """
    is_found = version.after.status is Status.GONE is not version.before.status
    is_its = version.run.is_old or version.run.connection == run.connection
    return is_found and version.run is not run and is_its


def nothing_outdated_is_said(happened: Happened, histories: Histories) -> Finds:
    """I3: once something newer was answered, nothing more is said to what was said before."""
    # Code that does not know who speaks cannot hush anybody.
    if happened.faults.counts[Fault.OLD_CODE]:
        return
    for session_id, versions in histories.versions.items():
        latest = ""
        for version in versions:
            run = version.run
            if run.event["type"] != "user_speak":
                continue
            if adds(version, "user"):
                # Who was slow to be kept is not answered, and ends nobody's answer.
                latest = latest if is_overheard(version) else run.id
            elif adds(version, "assistant") and run.id != latest:
                yield session_id, f"{run.id} goes on after {latest} was answered"


def trouble_comes_of_two_apologies(happened: Happened, histories: Histories) -> Finds:
    """I9: nobody is told that nothing works unless two answers in a row came to nothing."""
    # Code that counts no apologies resets nothing.
    if happened.faults.counts[Fault.OLD_CODE]:
        return
    settings = happened.cloud.settings
    for session_id, versions in histories.versions.items():
        for version in versions:
            if settings.failure_message in adds(version, "assistant"):
                said = [t.text for t in version.before.turns if t.role == "assistant"]
                before = [
                    t for t in said if t not in {settings.limit_message, settings.filler_message}
                ]
                # Whoever speaks at the same time as somebody who was told so may be told, too.
                if len(before) < 2 or not {*before[-2:]} <= {
                    settings.apology_message,
                    settings.failure_message,
                }:
                    yield session_id, f"{version.run.id} gave up after {before[-2:]}"


def what_waits_goes_out_in_time(happened: Happened, histories: Histories) -> Finds:
    """I5: what follows a playback does so once, and not at all after the caller went on."""
    for session_id, versions in histories.versions.items():
        # The one of this project also hangs up on whoever is silent for long.
        if versions and happened.names[versions[0].run.call] != "front door":
            for version in versions:
                yield from _untimely(session_id, version)
        yield from _said_twice(session_id, versions)


def _untimely(session_id: str, version: Version) -> Finds:
    run = version.run
    said = [turn.text for turn in version.before.turns if turn.role == "user"]
    if run.event["type"] not in _RELEASES or version.before.closing or not said:
        return
    for kind in {action["type"] for action in run.actions} & _WISHES.keys():
        if not any(wish in said[-1] for wish in _WISHES[kind]):
            yield session_id, f"{run.id} does a {kind} after {said[-1]!r}"


def _said_twice(session_id: str, versions: list[Version]) -> Finds:
    said = [text for version in versions for text in adds(version, "assistant")]
    for text in {text for text in said if text.startswith(LAST_WORDS)}:
        decided = sum(each.endswith(f"Heard: {text.removeprefix(LAST_WORDS)}") for each in said)
        if said.count(text) > decided:
            yield session_id, f"{said.count(text)} times {text!r}"
