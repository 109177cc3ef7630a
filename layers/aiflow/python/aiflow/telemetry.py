"""Telemetry: the log line and the metrics of an event, without anything that was said."""

import json
import sys
import traceback
from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any, TextIO, cast

from aws_lambda_powertools.logging import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics

from aiflow.domain.billable_actions import BILLABLE
from aiflow.domain.call_summary import CallSummary
from aiflow.domain.decisions import Decision, Outcome
from aiflow.errors import AiflowError, RequestRejected, Unauthorized

_LAYER = Path(__file__).parent
# Built once and without spaces: every byte of a log is billed.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Phase(StrEnum):
    """A part of the time until the answer, by its key in the log."""

    STORE = "store_ms"
    HANDLER = "handler_ms"


_METRICS: Mapping[Phase, str] = {Phase.STORE: "StoreMs", Phase.HANDLER: "HandlerMs"}


@dataclass
class EventReport:
    """What is known about one event; filled in by the pipeline and written at its end.

    Attributes:
        request_id: of the invocation.
        event_type: of the protocol; `other` for unknown types, so that the set stays closed.
        session_id: once the event was parsed.
        outcome: how the event was handled.
        reason: why, where the outcome alone does not tell; from a closed set.
        actions: types of the actions that were sent.
        answered_ms: milliseconds until the first of several answers was sent.
        phases_ms: milliseconds of each phase until the answer.
        call: the summary of the call, if this event ended it.
        counts: further metrics by name.
        details: further keys of the log line; never anything that was said.
    """

    request_id: str
    event_type: str = "other"
    session_id: str | None = None
    outcome: Outcome = Outcome.SILENT
    reason: str | None = None
    actions: list[str] = field(default_factory=list[str])
    answered_ms: float | None = None
    phases_ms: dict[Phase, float] = field(default_factory=dict[Phase, float])
    call: CallSummary | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    details: dict[str, object] = field(default_factory=dict[str, object])

    def count(self, metric: str, number: float = 1) -> None:
        """Add to a metric."""
        if number:
            self.counts[metric] = self.counts.get(metric, 0) + int(number)

    @contextmanager
    def timing(self, phase: Phase, now: Callable[[], float]) -> Generator[None]:
        """Time a block, unless the caller had an answer before it began.

        Args:
            phase: that the block belongs to.
            now: the clock in seconds.
        """
        begun, is_waited_for = now(), self.answered_ms is None
        try:
            yield
        finally:
            if is_waited_for:
                self.phases_ms[phase] = self.phases_ms.get(phase, 0) + (now() - begun) * 1000

    def decided(self, decision: Decision) -> None:
        """Record what was decided for the event, or for a chunk of its answer."""
        types = [str(action["type"]) for action in decision.actions]
        outcome = self.outcome = decision.outcome
        self.actions = [*self.actions, *types]
        if decision.limit:
            self.reason = decision.limit.value
        findings = cast("list[str]", self.details.get("problems", []))
        self.details["problems"] = sorted({*findings, *decision.findings})
        # By action type and reason, never by number.
        blocked = cast("list[str]", self.details.get("blocked", []))
        self.details["blocked"] = [*blocked, *decision.blocked]
        for metric, number in {
            "BillableActions": sum(name in BILLABLE for name in types),
            "PolicyBlocked": len(decision.blocked),
            "CapReached": int(decision.limit is not None),
            "SessionIdCorrected": decision.corrected,
            "Duplicate": int(outcome is Outcome.DUPLICATE),
            "LateEvent": int(outcome is Outcome.LATE),
            "SupersededAnswers": int(outcome is Outcome.SUPERSEDED),
        }.items():
            self.count(metric, number)

    def token_slot_used(self, slot: int) -> None:
        """Record which token was used: a rotation ends when the old one is used no more."""
        self.details["token"] = "next" if slot else "current"
        self.count("NextTokenUsed", slot)

    def rejected(self, error: RequestRejected) -> None:
        """Record why a request was rejected."""
        self.outcome = Outcome.REFUSED
        self.reason = error.reason
        self.count("AuthFailed" if isinstance(error, Unauthorized) else "Rejected")

    def failed(self, reason: str, error: Exception) -> None:
        """Record type and place of a failure; the message only if the layer wrote it."""
        self.outcome = Outcome.DEGRADED
        self.reason = reason
        self.count("DegradedAnswer")
        self.details["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        self.details["where"] = [
            f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
            for frame in frames[-5:]
        ]
        # A handler may raise an error of this family, too, with any text.
        if isinstance(error, AiflowError) and _raised_by_layer(frames):
            self.details["detail"] = str(error)


class Telemetry:
    """Writes reports as JSON to standard output, from where CloudWatch takes them.

    Args:
        service: names the stack; Powertools keeps one logger per name.
        namespace: of the metrics.
        level: of the log.
        stream: instead of standard output.
    """

    def __init__(
        self, service: str, namespace: str, level: str = "INFO", stream: TextIO | None = None
    ) -> None:
        self._service = service
        self._stream = stream
        # A metrics object has one set of dimensions for all its metrics. CloudWatch bills each
        # combination, so only a few metrics are told apart by event type or by call outcome.
        self._by_stack = _metrics(service, namespace)
        self._by_event = _metrics(service, namespace, also_by_stack=True)
        self._by_call = _metrics(service, namespace, also_by_stack=True)
        # ASCII: control characters of a caller cannot forge log lines.
        self._logger = Logger(
            service=service,
            level=level,
            stream=stream or sys.stdout,
            location=None,
            json_serializer=_encode,
        )

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Write the log line and the metrics of one event."""
        self._write_log(report, duration_ms)
        self._write_event_metrics(report, duration_ms)
        self._write_stack_metrics(report)
        if report.call:
            self._write_call_metrics(report.call)

    def _write_log(self, report: EventReport, duration_ms: float) -> None:
        keys: dict[str, object] = {
            "request_id": report.request_id,
            "event_type": report.event_type,
            "session_id": report.session_id,
            "outcome": report.outcome.value,
            "reason": report.reason,
            "actions": report.actions,
            "answered_ms": report.answered_ms and round(report.answered_ms, 1),
            "duration_ms": round(duration_ms, 1),
            **{phase.value: round(ms, 1) for phase, ms in report.phases_ms.items()},
            **report.details,
            "call": report.call and report.call._asdict(),
        }
        extra = {name: value for name, value in keys.items() if value not in (None, [])}
        if report.outcome is Outcome.DEGRADED:
            self._logger.error("Event answered with an apology", extra=extra)
        elif report.outcome is Outcome.REFUSED:
            self._logger.warning("Request refused", extra=extra)
        else:
            self._logger.info("Event handled", extra=extra)

    def _write_event_metrics(self, report: EventReport, duration_ms: float) -> None:
        # The caller waits for the first of several answers.
        waited_ms = duration_ms if report.answered_ms is None else report.answered_ms
        dimensions = {"event_type": report.event_type, "outcome": report.outcome.value}
        reason = {"reason": report.reason} if report.reason else {}
        metrics = {**_in("Count", {"Events": 1}), **_in("Milliseconds", {"AnswerMs": waited_ms})}
        self._write_metrics(self._by_event, metrics, dimensions, reason)

    def _write_stack_metrics(self, report: EventReport) -> None:
        phases_ms = {_METRICS[phase]: ms for phase, ms in report.phases_ms.items()}
        metrics = {**_in("Count", report.counts), **_in("Milliseconds", phases_ms)}
        if metrics:
            self._write_metrics(self._by_stack, metrics, {}, {})

    def _write_call_metrics(self, call: CallSummary) -> None:
        metrics = {
            **_in("Count", {"Calls": 1}),
            **_in("Seconds", {"CallSeconds": call.seconds}),
            **_in(
                "Count",
                {
                    "CallTurns": call.turns,
                    "CallInterruptions": call.interruptions,
                    "CallSilences": call.silences,
                },
            ),
        }
        self._write_metrics(self._by_call, metrics, {"call_outcome": call.outcome.value}, {})

    def _write_metrics(
        self,
        target: EphemeralMetrics,
        metrics: Mapping[str, object],
        dimensions: Mapping[str, str],
        metadata: Mapping[str, str],
    ) -> None:
        """Write metrics as one blob; threads may share `target`, since it keeps no values."""
        blob = target.serialize_metric_set(  # pyright: ignore[reportUnknownMemberType] - untyped
            dict(metrics), {**dimensions, "service": self._service}, dict(metadata)
        )
        (self._stream or sys.stdout).write(_encode(blob) + "\n")


def _metrics(service: str, namespace: str, *, also_by_stack: bool = False) -> EphemeralMetrics:
    metrics = EphemeralMetrics(namespace=namespace, service=service)
    if also_by_stack:
        metrics.add_dimensions(service=service)
    return metrics


def _in(unit: str, values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return metrics in the form in which Powertools collects them."""
    return {name: {"Unit": unit, "Value": [float(value)]} for name, value in values.items()}


def _raised_by_layer(frames: Sequence[traceback.FrameSummary]) -> bool:
    return bool(frames) and Path(frames[-1].filename).is_relative_to(_LAYER)
