"""Mutants of the guards; see `mutants`."""

from dataclasses import replace

from aiflow import UserSpeak
from aiflow.domain.decisions import CommitFirst, Decision, EventContext, Outcome
from aiflow.domain.deduplication import fingerprint
from aiflow.domain.guards import (
    GUARDS,
    Guard,
    Guards,
    replay_duplicate,
    send_due_actions,
)
from aiflow.sessions.record import SessionRecord


def without_guard(guard: Guard) -> Guards:
    """Return the guards without one of them."""
    return replace_guard(guard, lambda _context, _record: None)


def replace_guard(guard: Guard, wrong: Guard) -> Guards:
    """Return the guards with one of them replaced."""

    def exchanged(guards: tuple[Guard, ...]) -> tuple[Guard, ...]:
        return tuple(wrong if each is guard else each for each in guards)

    return Guards(exchanged(GUARDS.before_event), exchanged(GUARDS.after_event))


REPLAY_FIRST = GUARDS._replace(
    before_event=(
        replay_duplicate,
        *(each for each in GUARDS.before_event if each is not replay_duplicate),
    )
)
"""Replays an answer even after the end of the call."""


def replay_same_text(context: EventContext, record: SessionRecord) -> Decision | CommitFirst | None:
    """Treat the same text as a repetition at any later time."""
    if not isinstance(context.event, UserSpeak):
        return replay_duplicate(context, record)
    mark = fingerprint(context.event)
    known = next((each for each in record.processed_events if each.fingerprint == mark), None)
    if known is None:
        return None
    is_answered = context.is_retry or record.stream_owner
    return Decision(record, Outcome.DUPLICATE, () if is_answered else known.answer or ())


def send_due_again(context: EventContext, record: SessionRecord) -> Decision | CommitFirst | None:
    """Send deferred billable actions every time they are due."""
    return send_due_actions(context, replace(record, billable_keys=()))
