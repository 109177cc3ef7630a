"""Judges of what goes out: once, before the end, to the right call, in time, and told to nobody."""

import json
import re
from collections import Counter

from aiflow.sessions.record import Status
from aiflow_local.simulator.engine.bot_connection import HttpResponse
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.response_validation import validate_response
from tests.helpers.runtime import TOKEN
from tests.simulation.dice import Fault
from tests.simulation.happened import Happened
from tests.simulation.history import MOST_CONFLICTS, Finds, Histories, is_apology, mark, plain
from tests.simulation.record import Json, Run

ANSWER_DEADLINE_MS = ServiceOptions().answer_deadline_ms
_CANARY = re.compile(r"kiwi\d{5}")
_OVERTAKING = frozenset({"session_start", "user_speak", "session_end"})
_JSON = {"content-type": "application/json"}


def priced_actions_go_out_once(_: Happened, histories: Histories) -> Finds:
    """I4: once for each intent, and once more for each failure that was reported."""
    for session_id, runs in histories.by_session.items():
        sent = Counter(
            json.dumps(action, sort_keys=True)
            for run in runs
            for action in run.actions
            if action["type"] in {"send_sms", "transfer"}
        )
        again = Counter(run.event["type"] for run in runs)
        for action, times in sent.items():
            failures = again["sms_failed" if '"send_sms"' in action else "session_start"]
            if times > 1 + failures:
                yield session_id, f"{times} times, with {failures} failures: {action}"


def what_was_decided_goes_out(_: Happened, histories: Histories) -> Finds:
    """I5: whoever committed an intent sends it, or has an excuse on record."""
    for session_id, versions in histories.versions.items():
        for version in versions:
            run = version.run
            priced = [a for a in run.actions if a["type"] in {"send_sms", "transfer"}]
            is_excused = run.end != "answered" or run.store_failed or bool(run.excuses)
            if len(version.new_intents) > len(priced) and not is_excused:
                yield session_id, f"{run.id} decided {version.new_intents} and did not send it"


def nothing_after_the_end(happened: Happened, histories: Histories) -> Finds:
    """I6: after the end nothing is decided and no turn written; a hang-up may be said again."""
    for session_id, versions in histories.versions.items():
        ends = [v for v in versions if v.after.status is Status.ENDED]
        closing = {Status.ENDED, Status.HANGING_UP}
        hung_up = [run.ended_ms for run in histories.by_session[session_id] if _hangs_up(run)]
        closes = sorted([*hung_up, *(v.at_ms for v in versions if v.after.status in closing)])
        # Whoever ended the call before its handler ran keeps what the handler did then.
        strangers = [v for v in versions if ends and v.run is not ends[0].run]
        if strangers and strangers[-1].at_ms > ends[0].at_ms:
            yield session_id, f"{strangers[-1].run.id} wrote after the end"
        for run in histories.by_session[session_id]:
            if run.event["type"] == "session_end" and run.bodies:
                yield session_id, f"{run.id} answered session_end"
            is_excused = is_apology(happened, run) and (run.store_failed or bool(run.excuses))
            types = {action["type"] for action in run.actions}
            if closes and run.begun_ms > closes[0] and not is_excused and types - {"hangup"}:
                yield session_id, f"{run.id} decided {types} after the hang-up"
            if ends and run.begun_ms > ends[0].at_ms and not is_excused and types:
                yield session_id, f"{run.id} decided {types} after the end"


def _hangs_up(run: Run) -> bool:
    return any(action["type"] == "hangup" for action in run.actions)


def calls_stay_apart(happened: Happened, histories: Histories) -> Finds:
    """I7: every action names its own session, and no word of one call shows up in another."""
    for run in happened.record.runs:
        if any(action["session_id"] != run.session_id for action in run.actions):
            yield run.session_id, f"{run.id} answered for another session"
        yield from _strangers(run.session_id, "".join(run.bodies))
    for read in happened.record.reads:
        yield from _strangers(read.run.session_id, json.dumps([read.turns, read.state]))
    for session_id in histories.versions:
        yield from _strangers(session_id, json.dumps(happened.record.table.query(session_id)))


def _strangers(session_id: str, text: str) -> Finds:
    own = f"kiwi{int(session_id.removeprefix('call-')):05}"
    for word in set(_CANARY.findall(text)) - {own}:
        yield session_id, f"{word} shows up"


def everything_expires(happened: Happened, histories: Histories) -> Finds:
    """I8: every item says when it expires, and is absent from then on."""
    ttl = happened.cloud.settings.session_ttl_seconds
    for session_id, versions in histories.versions.items():
        for version in versions:
            now = happened.cloud.unix(version.at_ms)
            # Clocks of instances may be off by two seconds, and a commit may take some more.
            if not now + ttl - 10 <= version.after.expires_at <= now + ttl + 10:
                yield session_id, f"{version.run.id} lets it expire at {version.after.expires_at}"
    for revenant in happened.revenants:
        new, old = plain(revenant.after), plain(revenant.before)
        if new["version"] != 1 or (old["state"] != "{}" and new["state"] == old["state"]):
            yield revenant.session_id, "it had expired, and goes on"


def everything_is_answered(happened: Happened, histories: Histories) -> Finds:
    """I9: 200 with valid actions or 204, in time; an apology only for what has a cause.

    Nor is anybody asked for a moment and then forgotten.
    """
    caused = {mark(run) for run in happened.record.runs if _has_cause(run)}
    for run in happened.record.runs:
        if run.end in {"raised", "timed_out"}:
            yield run.session_id, f"{run.id} {run.end}: {run.excuses}"
        if run.end == "answered":
            yield from _wrong(run)
            yield from _forgotten(happened, histories, run)
        if is_apology(happened, run) and mark(run) not in caused:
            yield run.session_id, f"{run.id} apologised for no reason"


def _wrong(run: Run) -> Finds:
    if run.door != "websocket" and run.status != (200 if run.bodies else 204):
        yield run.session_id, f"{run.id} has the status {run.status}"
    for body in run.bodies:
        if not _is_valid(body, run.event):
            yield run.session_id, f"{run.id} answered what nobody can obey: {body}"
    # What the store takes is not ours to save; a message is answered piece by piece.
    if run.door != "websocket" and run.ms - run.lost_ms > ANSWER_DEADLINE_MS:
        yield run.session_id, f"{run.id} took {run.ms} ms"


def _forgotten(happened: Happened, histories: Histories, run: Run) -> Finds:
    filler = happened.cloud.settings.filler_message
    is_overtaken = any(
        run.begun_ms <= other.begun_ms <= run.ended_ms
        for other in histories.by_session[run.session_id]
        if other is not run and other.event["type"] in _OVERTAKING
    )
    # Code that does not know who speaks takes a filler for the answer.
    is_mixed = bool(happened.faults.counts[Fault.OLD_CODE])
    is_lost = bool(run.missed) or Fault.NOT_SENT.value in run.excuses
    is_excused = is_overtaken or is_mixed or is_lost
    if run.actions and run.actions[-1].get("text") == filler and not is_excused:
        yield run.session_id, f"{run.id} said that it takes a moment, and nothing more"


def _has_cause(run: Run) -> bool:
    return run.store_failed or bool(run.excuses) or run.conflicts >= MOST_CONFLICTS


def _is_valid(body: str, event: Json) -> bool:
    judgement = validate_response(HttpResponse(200, _JSON, body, 0), event, ServiceOptions())
    return not any(problem.severity == "error" for problem in judgement.problems)


def nothing_is_told(happened: Happened, _: Histories) -> Finds:
    """I12: nothing that was said, no number and no token gets into the log."""
    log = happened.record.log
    for secret in (TOKEN, "kiwi", "49302312", "491713920"):
        if secret in log:
            where = log.index(secret)
            yield "", f"the log tells {secret}: {log[max(0, where - 200) : where + 40]}"


def everything_is_accounted_for(happened: Happened, _: Histories) -> Finds:
    """I14: whatever was sent was lost, or ran and came to an end."""
    runs = happened.record.runs
    ran = sum(run.door != "schedule" for run in runs)
    if ran != happened.expected:
        yield "", f"{happened.expected} invocations were asked for, and {ran} ran"
    for run in runs:
        if run.end == "running" or run.ended_ms < run.begun_ms:
            yield run.session_id, f"{run.id} has no end"
