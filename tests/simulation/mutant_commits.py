"""Mutants that commit and send in the wrong order; see `mutants`."""

from contextlib import suppress
from dataclasses import dataclass, field, fields, replace
from typing import Any

from aiflow.domain.decisions import Outcome
from aiflow.domain.transitions import apply_event
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.processor import EventProcessor
from aiflow.pipeline.unit_of_work import UnitOfWork
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict


@dataclass
class LateKeysUnit(UnitOfWork):
    """Commits without new billable keys and remembers them."""

    late: tuple[str, ...] = field(default=(), init=False)

    def commit(self, record: SessionRecord) -> SessionRecord:
        """See `UnitOfWork.commit`."""
        known = self.runtime.sessions.load(record.session_id)
        keys = known.billable_keys if known else ()
        self.late = tuple(key for key in record.billable_keys if key not in keys)
        return super().commit(replace(record, billable_keys=keys))


class KeysAfterAnswer(EventProcessor):
    """Sends first and stores the billable keys afterwards."""

    def _make_unit(self) -> UnitOfWork:
        self._late = LateKeysUnit(**init_members(super()._make_unit()))
        return self._late

    def process(self) -> None:
        """See `EventProcessor.process`."""
        super().process()
        late = self._late.late
        if late and self.unit.load().version:
            stored = self.unit.stored
            UnitOfWork.commit(self.unit, replace(stored, billable_keys=stored.billable_keys + late))


def init_members(unit: UnitOfWork) -> dict[str, Any]:
    """Return the arguments that create a copy of a unit of work."""
    return {each.name: getattr(unit, each.name) for each in fields(unit) if each.init}


class HandlerBeforeEndCommit(EventProcessor):
    """Runs the handler of an abandoned call before it commits the end."""

    def close_abandoned(self, record: SessionRecord) -> None:
        """See `EventProcessor.close_abandoned`."""
        self.unit.stored, self.unit.is_swept = record, True
        ended = apply_event(record, self.event, self._context().now_ms)
        with suppress(CommitConflict):
            decision = self._answer(ended, was_transferring=False)
            self.unit.commit_decision(decision)
            self._send(decision)
            self.report.count("AbandonedCalls")


class ClosesActiveCalls(EventProcessor):
    """Closes a call even if it became active again."""

    def close_abandoned(self, record: SessionRecord) -> None:
        """See `EventProcessor.close_abandoned`."""
        super().close_abandoned(record)
        if self.report.outcome is Outcome.LATE:
            self.report.outcome = Outcome.SILENT
            super().close_abandoned(self.unit.load())


class ServerErrors(EventProcessor):
    """Raises if the store fails."""

    def recover(self, *, store_available: bool) -> None:
        """See `EventProcessor.recover`."""
        if self.report.reason == "store":
            raise StoreUnavailable("this is a 5xx")
        super().recover(store_available=store_available)
