"""Answers: pure functions from a record and the actions of a handler to a decision."""

from collections.abc import Sequence
from copy import replace

from aiflow.domain.announcements import apology_announcement, filler_announcement
from aiflow.domain.billable_actions import strip_internal_members
from aiflow.domain.decisions import Decision, EventContext, Outcome
from aiflow.domain.deduplication import extend_answer, record_answer
from aiflow.domain.outbox import authorize, serialize
from aiflow.domain.recovery import next_apology
from aiflow.domain.transitions import apply_actions, apply_event, end_stream
from aiflow.protocol.actions import Action
from aiflow.protocol.events import SessionEnd, UserSpeechStarted
from aiflow.protocol.lint import lint_actions
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord

_NEVER_ANSWERED = (SessionEnd, UserSpeechStarted)


def answer(
    context: EventContext,
    record: SessionRecord,
    actions: Sequence[Action],
    *,
    is_streamed: bool = False,
) -> Decision:
    """Decide on the reply of a handler, or on the first chunk of it.

    Args:
        context: of the event.
        record: after the event, with the state that the handler left.
        actions: of the reply.
        is_streamed: whether further chunks may follow.
    """
    record = reset_failure_count(context, record, actions)
    if isinstance(context.event, _NEVER_ANSWERED):
        return Decision(record, Outcome.SILENT)
    if is_streamed and actions:
        record = replace(record, stream_owner=context.stream_owner)
    return remember(context, respond(context, record, actions))


def continue_answer(
    context: EventContext, record: SessionRecord, actions: Sequence[Action]
) -> Decision:
    """Decide on the next chunk of a streamed answer; no actions end the stream."""
    record = reset_failure_count(context, record, actions)
    if not actions:
        return Decision(end_stream(record, context.stream_owner), Outcome.ANSWERED)
    decision = remember(context, respond(context, record, actions), extends=True)
    return replace(decision, is_chunk=True)


def filler_answer(context: EventContext, record: SessionRecord) -> Decision:
    """Decide to send the filler, as the first chunk of the answer."""
    record = replace(record, stream_owner=context.stream_owner)
    filler = filler_announcement(record.session_id, context.settings)
    return remember(context, respond(context, record, (filler,)))


def failure_answer(context: EventContext, stored: SessionRecord, *, answer_begun: bool) -> Decision:
    """Decide on an event whose handler or answer failed; the event itself still counts.

    Args:
        context: of the event.
        stored: the record as it is now, perhaps with chunks of the answer that were sent.
        answer_begun: whether the event and a first chunk were committed.
    """
    is_decided = (
        stored.stream_owner != context.stream_owner
        if answer_begun
        else context.find_duplicate(stored) is not None
    )
    if is_decided or context.is_late(stored):
        return Decision(stored, Outcome.DEGRADED, uncounted_apology(context))
    record = end_stream(stored, context.stream_owner)
    if not answer_begun:
        record = apply_event(record, context.event, context.now_ms)
    actions: tuple[Action, ...] = ()
    if context.is_awaited:
        apology, record = next_apology(record, context.settings)
        actions = (apology,)
    decision = replace(respond(context, record, actions), outcome=Outcome.DEGRADED)
    return remember(context, decision, extends=answer_begun)


def uncounted_apology(context: EventContext) -> tuple[JsonObject, ...]:
    """Return the apology where failures cannot be counted; nothing if the caller does not wait."""
    if not context.is_awaited:
        return ()
    return (apology_announcement(context.event.session.id, context.settings).to_wire(),)


def respond(context: EventContext, record: SessionRecord, actions: Sequence[Action]) -> Decision:
    """Decide to send actions now and to defer those that follow a playback."""
    outbox = serialize(actions, record.session_id, context.settings)
    record = replace(record, deferred_actions=record.deferred_actions + outbox.deferred)
    return replace(
        send(context, record, outbox.actions),
        outcome=Outcome.ANSWERED if actions else Outcome.SILENT,
        corrected=outbox.corrected,
        findings=tuple(sorted({finding.code for finding in lint_actions(actions)})),
    )


def send(context: EventContext, record: SessionRecord, actions: Sequence[JsonObject]) -> Decision:
    """Decide to send serialized actions, as far as the spending policy allows."""
    authorized = authorize(record, actions, context.settings)
    return Decision(
        record=apply_actions(record, authorized.actions, context.now_ms),
        outcome=Outcome.ANSWERED,
        actions=tuple(map(strip_internal_members, authorized.actions)),
        blocked=authorized.blocked,
    )


def remember(context: EventContext, decision: Decision, *, extends: bool = False) -> Decision:
    """Return a decision whose record recognises repetitions of the event.

    Args:
        context: of the event.
        decision: that answers it.
        extends: whether the decision is a further chunk of the answer.
    """
    update = extend_answer if extends else record_answer
    record = update(
        decision.record,
        context.event,
        decision.actions,
        context.now_ms,
        context.fingerprint_key,
    )
    return replace(decision, record=record)


def reset_failure_count(
    context: EventContext, record: SessionRecord, actions: Sequence[Action]
) -> SessionRecord:
    """Return the record without consecutive failures if a waiting caller is answered."""
    is_answered = actions and context.is_awaited
    return replace(record, consecutive_failures=0) if is_answered else record
