"""Connection failover: sends an answer over another WebSocket connection if one is closed."""

from collections.abc import Container
from dataclasses import dataclass

from aiflow.domain.decisions import Decision, Outcome
from aiflow.domain.transitions import mark_connection_lost
from aiflow.errors import ConnectionGone
from aiflow.pipeline.unit_of_work import UnitOfWork
from aiflow.sessions.record import SessionRecord
from aiflow.telemetry import EventReport
from aiflow.transports.base import Responder


@dataclass(frozen=True)
class ConnectionFailover:
    """Sends the answers of one event.

    Attributes:
        unit: knows the connections of the call.
        responder: sends.
        report: counts calls without a connection.
    """

    unit: UnitOfWork
    responder: Responder
    report: EventReport

    def send(self, body: str) -> None:
        """Send an answer, over another connection of the call if this one is closed.

        Raises:
            ConnectionGone: no connection is left.
        """
        closed: set[str | None] = set()
        while True:
            try:
                self.responder.send(body)
            except ConnectionGone:
                closed.add(self.responder.connection_id)
                self.responder.connection_id = self._open_connection(closed)
            else:
                return

    def _open_connection(self, closed: Container[str | None]) -> str:
        """Return a connection of the call that is not closed.

        Either the service has reconnected while this event was processed, or it had reconnected
        before a delayed event arrived over the old connection.

        Raises:
            ConnectionGone: there is none; the first invocation that notices marks the call.
        """
        found: list[str] = []

        def decide(stored: SessionRecord, *, is_retry: bool) -> Decision:
            del is_retry
            lost = mark_connection_lost(stored)
            known = (stored.connection_id, self.unit.first_loaded.connection_id)
            is_over = lost is stored
            found[:] = [each for each in known if each and each not in closed and not is_over]
            if found or lost == stored:
                return Decision(stored, Outcome.SILENT)
            return Decision(lost, Outcome.GONE)

        self.unit.load()
        decision = self.unit.commit_with_retry(decide)
        if found:
            return found[0]
        if decision.outcome is Outcome.GONE:
            self.report.count("ConnectionGone")
        raise ConnectionGone("no connection of the call is left")
