"""Mutants of decisions and limits; see `mutants`."""

from dataclasses import replace

from aiflow import SessionStart
from aiflow.domain.decisions import Decision
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.reply_stream import ReplyStream
from aiflow.pipeline.runtime import Runtime
from aiflow.protocol.actions import Action
from aiflow.sessions.record import SessionRecord


class NoBillableKeys(EventProcessor):
    """Sends billable actions every time they are decided."""

    def _answer(self, record: SessionRecord, *, was_transferring: bool) -> Decision:
        unspent = replace(record, billable_keys=())
        return super()._answer(unspent, was_transferring=was_transferring)


class StartResetsRecord(EventProcessor):
    """Starts a new record with every `session_start`."""

    def _decide(self, stored: SessionRecord, *, is_retry: bool) -> Decision:
        if isinstance(self.event, SessionStart):
            stored = SessionRecord(
                session_id=stored.session_id, version=stored.version, writers=stored.writers
            )
        return super()._decide(stored, is_retry=is_retry)


class UnlimitedDeadlines(Deadlines):
    """Does not limit the handler."""

    def handler_seconds(self, since: float) -> float:
        """See `Deadlines.handler_seconds`."""
        del since
        return 1e6


class RetryWithoutDeadline(EventProcessor):
    """Ignores the answer deadline."""

    def __post_init__(self) -> None:
        super().__post_init__()
        self.deadlines = UnlimitedDeadlines(**vars(self.deadlines))


class NoLimits(EventProcessor):
    """Allows any number of messages and transfers."""

    def __post_init__(self) -> None:
        self.runtime = with_settings(self.runtime, max_sms=30, max_transfers=30)
        super().__post_init__()


class AnyNumber(frozenset[str]):
    """A set that contains every number."""

    def __contains__(self, number: object) -> bool:
        return True


class NoNumberPolicy(EventProcessor):
    """Allows calls to any number."""

    def __post_init__(self) -> None:
        self.runtime = with_settings(self.runtime, allowed_numbers=AnyNumber())
        super().__post_init__()


def with_settings(runtime: Runtime, **members: object) -> Runtime:
    """Return a runtime with changed settings."""
    return replace(runtime, settings=runtime.settings.model_copy(update=members))


class FillerWithoutAnswer(EventProcessor):
    """Sends the filler and drops the answer."""

    def _decide_chunk(
        self,
        stream: ReplyStream,
        actions: tuple[Action, ...],
        stored: SessionRecord,
        *,
        is_retry: bool,
    ) -> Decision:
        dropped = () if self.report.counts.get("Filler") else actions
        return super()._decide_chunk(stream, dropped, stored, is_retry=is_retry)
