"""Guards: cases that are decided without the handler, in the order in which they are checked.

Each guard returns a decision, None to go on, or `CommitFirst` if something must be committed before
the handler runs.
"""

from collections.abc import Callable
from copy import replace
from typing import NamedTuple

from aiflow.domain.announcements import limit_announcement
from aiflow.domain.answers import remember, respond, send, uncounted_apology
from aiflow.domain.decisions import AWAITED_EVENTS, CommitFirst, Decision, EventContext, Outcome
from aiflow.domain.outbox import arm_input_timeout
from aiflow.domain.spending_policy import exceeded_limit
from aiflow.domain.transitions import (
    apply_event,
    idle_seconds,
    keep_pending_answer,
    take_due_actions,
)
from aiflow.protocol.actions import Hangup
from aiflow.protocol.events import AssistantSpeechEnded, SessionEnd, UserInputTimeout, UserSpeak
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import SessionRecord, Status

_CAN_CLOSE = (*AWAITED_EVENTS, AssistantSpeechEnded)
# Longer than any event is processed.
_SWEEPER_MARGIN_SECONDS = 60

type Guard = Callable[[EventContext, SessionRecord], Decision | CommitFirst | None]
"""Decides on a record without the handler; None goes on to the next guard."""


def reject_late(context: EventContext, record: SessionRecord) -> Decision | None:
    """Ignore an event of a call that is over; hang up again, since that answer may be lost."""
    if not context.is_late(record):
        return None
    is_hanging_up = record.status is Status.HANGING_UP
    return Decision(record, Outcome.LATE, _hang_up(context) if is_hanging_up else ())


def replay_duplicate(context: EventContext, record: SessionRecord) -> Decision | None:
    """Answer a repeated event with the same actions, without billable ones.

    Stay silent if another invocation is still answering; otherwise resend, since its answer may be
    lost.
    """
    known = context.find_duplicate(record)
    if known is None:
        return None
    actions: tuple[JsonObject, ...] = ()
    if not (context.is_retry or record.stream_owner):
        is_redacted = known.answer is None and not context.settings.stores_transcripts
        actions = uncounted_apology(context) if is_redacted else known.answer or ()
    return Decision(record, Outcome.DUPLICATE, actions)


def record_out_of_order(context: EventContext, record: SessionRecord) -> Decision | None:
    """Record a turn that a later one has overtaken, without ending the answer to that one.

    Arrival times of two instances are compared, whose clocks may differ. Therefore only an answer
    that began after this invocation loaded the record counts as later.
    """
    started_at_ms, _, _ = record.stream_owner.partition(":")
    is_overtaken = (
        isinstance(context.event, UserSpeak)
        and record.stream_owner != context.owner_at_load
        and started_at_ms.isdecimal()
        and int(started_at_ms) > context.arrived_at_ms
    )
    if not is_overtaken:
        return None
    heard = apply_event(record, context.event, context.now_ms)
    return remember(context, Decision(keep_pending_answer(record, heard), Outcome.SUPERSEDED))


def preempt_stream(context: EventContext, record: SessionRecord) -> CommitFirst | None:
    """End the answer to an earlier turn before this one is handled."""
    is_streaming = record.stream_owner not in {"", context.stream_owner}
    if not (is_streaming and isinstance(context.event, UserSpeak)):
        return None
    return CommitFirst(replace(record, stream_owner=context.stream_owner))


def close_over_limit(context: EventContext, record: SessionRecord) -> Decision | None:
    """Say the limit message and hang up when a call limit is exceeded."""
    limit = exceeded_limit(record, context.settings, context.now_ms)
    if limit is None or record.closing or not isinstance(context.event, _CAN_CLOSE):
        return None
    closing = replace(
        record, closing=True, status=Status.ACTIVE, deferred_actions=(), stream_owner=""
    )
    message = limit_announcement(record.session_id, context.settings)
    return replace(remember(context, respond(context, closing, (message,))), limit=limit)


def send_due_actions(context: EventContext, record: SessionRecord) -> Decision | None:
    """Send the deferred actions whose playback has ended."""
    due, record = take_due_actions(record, context.event, context.now_ms)
    if not due:
        return None
    if record.deferred_actions:
        due = arm_input_timeout(due, context.settings.input_timeout_seconds)
    return remember(context, send(context, record, due))


def continue_closing(context: EventContext, record: SessionRecord) -> Decision | None:
    """Stay silent until the final announcement has ended; hang up on a caller who talks on.

    Speech may overtake a transfer, which is cut off only when it failed.
    """
    if not record.closing or isinstance(context.event, SessionEnd):
        return None
    is_transferring = record.status is Status.TRANSFERRING and not isinstance(
        context.event, UserInputTimeout
    )
    must_wait = is_transferring or context.now_ms < record.playback_end_ms
    if must_wait or not context.is_awaited:
        return remember(context, Decision(record, Outcome.SILENT))
    return send(context, record, _hang_up(context))


def commit_end_first(context: EventContext, record: SessionRecord) -> CommitFirst | None:
    """Commit the end of a call before its handler runs, if the sweeper may end it as well."""
    if not (isinstance(context.event, SessionEnd) and record.version):
        return None
    threshold = context.settings.abandoned_after_seconds - _SWEEPER_MARGIN_SECONDS
    may_race = idle_seconds(record, context.now_ms) >= threshold
    return CommitFirst(record) if may_race else None


class Guards(NamedTuple):
    """The guards of an event.

    Attributes:
        before_event: check the record as it is stored.
        after_event: check the record after the event was applied.
    """

    before_event: tuple[Guard, ...]
    after_event: tuple[Guard, ...]


GUARDS = Guards(
    before_event=(reject_late, replay_duplicate, record_out_of_order, preempt_stream),
    after_event=(close_over_limit, send_due_actions, continue_closing, commit_end_first),
)


def _hang_up(context: EventContext) -> tuple[JsonObject, ...]:
    if not context.is_awaited:
        return ()
    return (Hangup(session_id=context.event.session.id).to_wire(),)
