"""The unit of work: loads the record of a call and commits decisions, with retry on conflict."""

from collections.abc import Callable, Generator
from contextlib import contextmanager, nullcontext
from copy import replace
from dataclasses import dataclass, field
from typing import Protocol

from aiflow.domain.call_summary import summarize_call
from aiflow.domain.decisions import Decision
from aiflow.domain.redaction import redact
from aiflow.errors import StoreUnavailable
from aiflow.pipeline.deadlines import Deadlines
from aiflow.pipeline.runtime import Invocation, Runtime
from aiflow.sessions.record import SessionRecord, Status
from aiflow.sessions.store import CommitConflict
from aiflow.telemetry import EventReport, Phase

_ATTEMPTS = 5
_MAX_BACKOFF_SECONDS = 0.05


class Decide(Protocol):
    """Decides on the stored record."""

    def __call__(self, stored: SessionRecord, /, *, is_retry: bool) -> Decision:
        """Return the decision; `is_retry` tells that another invocation has just committed."""
        ...


@dataclass
class UnitOfWork:
    """The stored record of one call, as one invocation sees it.

    Attributes:
        session_id: of the call.
        runtime: store, clock and settings.
        invocation: that commits.
        deadlines: limit the store.
        report: records store times, conflicts and the end of the call.
        check: raises if an answer is too large to be sent.
        stored: the version that was loaded or committed last.
        first_loaded: the version that was loaded first.
        answer_begun: whether the event with its answer or first chunk was committed. The caller
            waits no longer then, so the store is not limited any more.
        is_swept: whether the sweeper ends the call.
    """

    session_id: str
    runtime: Runtime
    invocation: Invocation
    deadlines: Deadlines
    report: EventReport
    check: Callable[[str], None]
    stored: SessionRecord = field(init=False)
    first_loaded: SessionRecord = field(init=False)
    answer_begun: bool = field(default=False, init=False)
    is_swept: bool = field(default=False, init=False)
    _is_loaded: bool = field(default=False, init=False)

    def __post_init__(self) -> None:
        self.stored = self.first_loaded = SessionRecord(session_id=self.session_id)

    def load(self) -> SessionRecord:
        """Load the record; a new one if there is none."""
        with self._store_call():
            found = self.runtime.sessions.load(self.session_id)
        self._adopt(found)
        if not self._is_loaded:
            self.first_loaded, self._is_loaded = self.stored, True
        return self.stored

    def commit_with_retry(self, decide: Decide) -> Decision:
        """Decide on the stored record and commit; on a conflict, decide again on the new one.

        Raises:
            StoreUnavailable: the store failed, or every attempt ended in a conflict.
        """
        for attempt in range(_ATTEMPTS):
            try:
                decision = decide(self.stored, is_retry=attempt > 0)
                self.commit_decision(decision)
            except CommitConflict as conflict:
                self._adopt(conflict.current)
                self._back_off(attempt)
            else:
                return decision
        raise StoreUnavailable(f"the session was changed by others {_ATTEMPTS} times in a row")

    def commit_decision(self, decision: Decision) -> None:
        """Commit the record of a decision if it differs from the stored one.

        Raises:
            AnswerTooLarge: the answer cannot be sent; nothing was committed.
            CommitConflict: another invocation committed first.
        """
        if decision.body:
            self.check(decision.body)
        if decision.is_chunk or decision.record != self.stored:
            self.commit(decision.record)

    def commit(self, record: SessionRecord) -> SessionRecord:
        """Commit the next version of the record and return it.

        Raises:
            CommitConflict: another invocation committed first.
        """
        runtime, before = self.runtime, self.stored
        now = runtime.now()
        if not runtime.settings.stores_transcripts:
            record = redact(record)
        expires_at = int(now) + runtime.settings.session_ttl_seconds
        written = replace(record, committed_at_ms=int(now * 1000))
        following = written.next_version(self.invocation.id, expires_at)
        with self._store_call():
            runtime.sessions.commit(following)
        self.stored = following
        if following.status is Status.ENDED and before.status is not Status.ENDED:
            self.report.call = summarize_call(before, following, is_swept=self.is_swept)
        return following

    def _adopt(self, found: SessionRecord | None) -> None:
        self.stored = found or SessionRecord(session_id=self.session_id)

    @contextmanager
    def _store_call(self) -> Generator[None]:
        limit = nullcontext() if self.answer_begun else self.deadlines.store_timeout()
        with self.report.timing(Phase.STORE, self.runtime.now), limit:
            yield

    def _back_off(self, attempt: int) -> None:
        self.report.count("StoreRetry")
        runtime = self.runtime
        runtime.pause(runtime.chance() * _MAX_BACKOFF_SECONDS * (attempt + 1))
