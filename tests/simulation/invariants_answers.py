"""Invariants of answers: sent once, valid, in time, to the right call, and never in a log."""

import json
import re
from collections import Counter

from aiflow.sessions.record import Status
from aiflow_local.simulator.engine.bot_connection import HttpResponse
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.response_validation import validate_response
from tests.helpers.runtime import TOKEN
from tests.simulation.execution import Execution
from tests.simulation.faults import Fault
from tests.simulation.histories import (
    MAX_CONFLICTS,
    Findings,
    Histories,
    is_apology,
    plain_values,
    repetition_key,
)
from tests.simulation.trace import Json, Run

ANSWER_DEADLINE_MS = ServiceOptions().answer_deadline_ms
_CANARY = re.compile(r"kiwi\d{5}")
_SUPERSEDING = frozenset({"session_start", "user_speak", "session_end"})
_JSON = {"content-type": "application/json"}


def billable_actions_are_sent_once(_: Execution, histories: Histories) -> Findings:
    """I4: a billable action is sent once per intent, and once more per reported failure."""
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
                yield session_id, f"sent {times} times with {failures} reported failures: {action}"


def decided_actions_are_sent(_: Execution, histories: Histories) -> Findings:
    """I5: a run that committed an intent sends it, unless a disturbance explains the loss."""
    for session_id, versions in histories.versions.items():
        for version in versions:
            run = version.run
            billable = [a for a in run.actions if a["type"] in {"send_sms", "transfer"}]
            is_explained = run.end != "answered" or run.store_failed or bool(run.disturbances)
            if len(version.new_intents) > len(billable) and not is_explained:
                yield session_id, f"{run.id} committed {version.new_intents} without sending it"


def nothing_follows_the_end(execution: Execution, histories: Histories) -> Findings:
    """I6: after the end, no run decides or writes anything; a hang-up may be repeated."""
    for session_id, versions in histories.versions.items():
        ends = [v for v in versions if v.after.status is Status.ENDED]
        closing = {Status.ENDED, Status.HANGING_UP}
        hung_up = [run.ended_ms for run in histories.by_session[session_id] if _hangs_up(run)]
        closes = sorted([*hung_up, *(v.at_ms for v in versions if v.after.status in closing)])
        # The run that ends a call commits the end first and what its handler did later.
        other_writers = [v for v in versions if ends and v.run is not ends[0].run]
        if other_writers and other_writers[-1].at_ms > ends[0].at_ms:
            yield session_id, f"{other_writers[-1].run.id} wrote after the end"
        for run in histories.by_session[session_id]:
            if run.event["type"] == "session_end" and run.bodies:
                yield session_id, f"{run.id} answered session_end"
            is_explained = is_apology(execution, run) and (
                run.store_failed or bool(run.disturbances)
            )
            types = {action["type"] for action in run.actions}
            if closes and run.started_ms > closes[0] and not is_explained and types - {"hangup"}:
                yield session_id, f"{run.id} decided {types} after the hang-up"
            if ends and run.started_ms > ends[0].at_ms and not is_explained and types:
                yield session_id, f"{run.id} decided {types} after the end"


def _hangs_up(run: Run) -> bool:
    return any(action["type"] == "hangup" for action in run.actions)


def calls_are_isolated(execution: Execution, histories: Histories) -> Findings:
    """I7: every action names its own session, and no text of one call appears in another."""
    for run in execution.trace.runs:
        if any(action["session_id"] != run.session_id for action in run.actions):
            yield run.session_id, f"{run.id} answered with another session id"
        yield from _foreign_words(run.session_id, "".join(run.bodies))
    for observation in execution.trace.observations:
        yield from _foreign_words(
            observation.run.session_id, json.dumps([observation.turns, observation.state])
        )
    for session_id in histories.versions:
        yield from _foreign_words(session_id, json.dumps(execution.trace.table.query(session_id)))


def _foreign_words(session_id: str, text: str) -> Findings:
    own = f"kiwi{int(session_id.removeprefix('call-')):05}"
    for word in set(_CANARY.findall(text)) - {own}:
        yield session_id, f"{word} of another call appears"


def items_expire(execution: Execution, histories: Histories) -> Findings:
    """I8: every item has an expiry and is not read after it."""
    ttl = execution.aws.settings.session_ttl_seconds
    for session_id, versions in histories.versions.items():
        for version in versions:
            now = execution.aws.unix(version.at_ms)
            # Clocks of instances deviate by up to two seconds, and a commit takes time.
            if not now + ttl - 10 <= version.after.expires_at <= now + ttl + 10:
                yield session_id, f"{version.run.id} wrote the expiry {version.after.expires_at}"
    for reused in execution.reused_sessions:
        new, old = plain_values(reused.after), plain_values(reused.before)
        if new["version"] != 1 or (old["state"] != "{}" and new["state"] == old["state"]):
            yield reused.session_id, "the expired record was used again"


def events_are_answered(execution: Execution, histories: Histories) -> Findings:
    """I9: every event gets valid actions or 204 in time; an apology has a cause.

    An answer follows each filler.
    """
    caused = {repetition_key(run) for run in execution.trace.runs if _has_cause(run)}
    for run in execution.trace.runs:
        if run.end in {"raised", "timed_out"}:
            yield run.session_id, f"{run.id} {run.end}: {run.disturbances}"
        if run.end == "answered":
            yield from _invalid_answers(run)
            yield from _missing_answers_after_filler(execution, histories, run)
        if is_apology(execution, run) and repetition_key(run) not in caused:
            yield run.session_id, f"{run.id} apologised without a cause"


def _invalid_answers(run: Run) -> Findings:
    if run.transport != "websocket" and run.status != (200 if run.bodies else 204):
        yield run.session_id, f"{run.id} returned status {run.status}"
    for body in run.bodies:
        if not _is_valid(body, run.event):
            yield run.session_id, f"{run.id} returned an invalid answer: {body}"
    # Store delays do not count, and WebSocket answers arrive in chunks.
    if run.transport != "websocket" and run.ms - run.store_delay_ms > ANSWER_DEADLINE_MS:
        yield run.session_id, f"{run.id} took {run.ms} ms"


def _missing_answers_after_filler(execution: Execution, histories: Histories, run: Run) -> Findings:
    filler = execution.aws.settings.filler_message
    is_superseded = any(
        run.started_ms <= other.started_ms <= run.ended_ms
        for other in histories.by_session[run.session_id]
        if other is not run and other.event["type"] in _SUPERSEDING
    )
    # The older code takes a filler for the answer.
    is_mixed = bool(execution.faults.counts[Fault.OLD_CODE])
    is_lost = bool(run.undelivered) or Fault.NOT_SENT.value in run.disturbances
    is_explained = is_superseded or is_mixed or is_lost
    if run.actions and run.actions[-1].get("text") == filler and not is_explained:
        yield run.session_id, f"{run.id} sent a filler without an answer"


def _has_cause(run: Run) -> bool:
    return run.store_failed or bool(run.disturbances) or run.conflicts >= MAX_CONFLICTS


def _is_valid(body: str, event: Json) -> bool:
    result = validate_response(HttpResponse(200, _JSON, body, 0), event, ServiceOptions())
    return not any(problem.severity == "error" for problem in result.problems)


def logs_contain_no_secrets(execution: Execution, _: Histories) -> Findings:
    """I12: the log contains no text of a caller, no phone number and no token."""
    log = execution.trace.log
    for secret in (TOKEN, "kiwi", "49302312", "491713920"):
        if secret in log:
            where = log.index(secret)
            yield "", f"the log contains {secret}: {log[max(0, where - 200) : where + 40]}"


def invocations_are_accounted_for(execution: Execution, _: Histories) -> Findings:
    """I14: every request was lost, or ran to an end."""
    runs = execution.trace.runs
    ran = sum(run.transport != "schedule" for run in runs)
    if ran != execution.expected_invocations:
        yield "", f"{ran} of {execution.expected_invocations} requested invocations ran"
    for run in runs:
        if run.end == "running" or run.ended_ms < run.started_ms:
            yield run.session_id, f"{run.id} has no end"
