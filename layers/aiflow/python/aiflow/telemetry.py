"""What is seen of an event: one log line and one metric blob, with nothing of what was said."""

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

from aiflow.domain.call_summary import CallSummary
from aiflow.errors import AiflowError, RequestRejected, Unauthorized

_PACKAGE = Path(__file__).parent
# Made once, and without blanks: each byte of a log is paid for.
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


class Phase(StrEnum):
    """What an answer is waited for, as it is called in the log."""

    STORE = "store_ms"
    HANDLER = "handler_ms"


_METRICS: Mapping[Phase, str] = {Phase.STORE: "StoreMs", Phase.HANDLER: "HandlerMs"}
_TOLD_APART = frozenset({"Events", "AnswerMs"})
"""What is told for each type of event and outcome, too: CloudWatch bills each combination."""


class Outcome(StrEnum):
    """How an event went."""

    ANSWERED = "answered"
    SILENT = "silent"
    DUPLICATE = "duplicate"
    LATE = "late"
    UNKNOWN = "unknown"
    MISROUTED = "misrouted"
    REFUSED = "refused"
    SUPERSEDED = "superseded"
    GONE = "gone"
    DEGRADED = "degraded"


@dataclass
class EventReport:
    """What is known of one event; filled in on its way, written out at its end.

    Attributes:
        request_id: of the invocation.
        event_type: of the wire; `other` for those that we do not know, so that the set stays
            closed.
        session_id: once the event has been parsed.
        outcome: how it went.
        reason: why, where the outcome alone does not tell; out of a closed set.
        actions: types of what was answered.
        answered_ms: milliseconds until the first answer left, where more came after it.
        parts_ms: of the time until then, the milliseconds that each part took.
        call: the whole call, if this event has ended it.
        counts: further metrics, by name.
        details: further keys of the log line; never anything that was said.
    """

    request_id: str
    event_type: str = "other"
    session_id: str | None = None
    outcome: Outcome = Outcome.SILENT
    reason: str | None = None
    actions: list[str] = field(default_factory=list[str])
    answered_ms: float | None = None
    parts_ms: dict[Phase, float] = field(default_factory=dict[Phase, float])
    call: CallSummary | None = None
    counts: dict[str, int] = field(default_factory=dict[str, int])
    details: dict[str, object] = field(default_factory=dict[str, object])

    def count(self, metric: str, number: float = 1) -> None:
        """Add to a metric."""
        if number:
            self.counts[metric] = self.counts.get(metric, 0) + int(number)

    @contextmanager
    def timing(self, part: Phase, now: Callable[[], float]) -> Generator[None]:
        """Take down how long a block takes that began before the caller had an answer.

        Args:
            part: what the block is a part of.
            now: the clock, in seconds.
        """
        begun, is_waited_for = now(), self.answered_ms is None
        try:
            yield
        finally:
            if is_waited_for:
                self.parts_ms[part] = self.parts_ms.get(part, 0) + (now() - begun) * 1000

    def add_blocked(self, reasons: Sequence[str]) -> None:
        """Take down what the policy kept back; each by its kind and reason, never by its number."""
        if reasons:
            before = cast("list[str]", self.details.get("blocked", []))
            self.details["blocked"] = [*before, *reasons]
            self.count("PolicyBlocked", len(reasons))

    def add_problems(self, codes: Sequence[str]) -> None:
        """Take down what the linter has to say, each once."""
        before = self.details.get("problems", [])
        known = cast("list[str]", before)
        self.details["problems"] = sorted({*known, *codes})

    def shown(self, slot: int) -> None:
        """Take down which token was shown: an old one may go when nobody shows it any more."""
        self.details["token"] = "next" if slot else "current"
        self.count("NextTokenUsed", slot)

    def refused(self, refusal: RequestRejected) -> None:
        """Take down why a request or message goes no further."""
        self.outcome = Outcome.REFUSED
        self.reason = refusal.reason
        self.count("AuthFailed" if isinstance(refusal, Unauthorized) else "Rejected")

    def failed(self, reason: str, error: Exception) -> None:
        """Take down kind and place of a failure; of messages only ours, which quote nobody."""
        self.outcome = Outcome.DEGRADED
        self.reason = reason
        self.count("DegradedAnswer")
        self.details["error"] = type(error).__name__
        frames = traceback.extract_tb(error.__traceback__)
        self.details["where"] = [
            f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
            for frame in frames[-5:]
        ]
        # A handler may raise an error of our family, too, and say in it what it likes.
        if isinstance(error, AiflowError) and _is_ours(frames):
            self.details["detail"] = str(error)


class Telemetry:
    """Writes reports as JSON, where CloudWatch picks them up.

    Args:
        service: names the stack; one logger is kept for each name.
        namespace: of the metrics.
        level: of the log.
        stream: where both go; standard output unless somebody wants to look.
    """

    def __init__(
        self, service: str, namespace: str, level: str = "INFO", stream: TextIO | None = None
    ) -> None:
        self._service = service
        self._namespace = namespace
        # Given all that it writes, and told nothing: threads may share it.
        self._metrics = EphemeralMetrics(namespace=namespace, service=service)
        self._stream = stream
        # ASCII: a caller's bidi and control characters must not dress up a log line as another one.
        self._logger = Logger(
            service=service,
            level=level,
            stream=stream or sys.stdout,
            location=None,
            json_serializer=_encode,
        )

    def write(self, report: EventReport, duration_ms: float) -> None:
        """Write the log line and the metrics of one event."""
        keys: dict[str, object] = {
            "request_id": report.request_id,
            "event_type": report.event_type,
            "session_id": report.session_id,
            "outcome": report.outcome.value,
            "reason": report.reason,
            "actions": report.actions,
            "answered_ms": report.answered_ms and round(report.answered_ms, 1),
            "duration_ms": round(duration_ms, 1),
            **{part.value: round(spent_ms, 1) for part, spent_ms in report.parts_ms.items()},
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
        self._write_metrics(report, duration_ms)

    def _write_metrics(self, report: EventReport, duration_ms: float) -> None:
        # What the caller waits for; of an answer in pieces, the first.
        waited_ms = duration_ms if report.answered_ms is None else report.answered_ms
        parts_ms = {_METRICS[part]: spent_ms for part, spent_ms in report.parts_ms.items()}
        metrics = {
            **_in("Count", {"Events": 1, **report.counts}),
            **_in("Milliseconds", {"AnswerMs": waited_ms, **parts_ms}),
        }
        dimensions = {
            "event_type": report.event_type,
            "outcome": report.outcome.value,
            "service": self._service,
        }
        reason = {"reason": report.reason} if report.reason else {}
        blob = self._metrics.serialize_metric_set(  # pyright: ignore[reportUnknownMemberType] - untyped
            metrics, dimensions, reason
        )
        _tell_apart(cast("dict[str, Any]", blob))
        if report.call:
            self._add_call(cast("dict[str, Any]", blob), report.call)
        (self._stream or sys.stdout).write(_encode(blob) + "\n")

    def _add_call(self, blob: dict[str, Any], call: CallSummary) -> None:
        """Put the call into the blob of the event that has ended it, with dimensions of its own.

        Powertools knows one set of metrics in a blob; CloudWatch takes several.
        """
        units = {
            "Calls": (1, "Count"),
            "CallSeconds": (call.seconds, "Seconds"),
            "CallTurns": (call.turns, "Count"),
            "CallInterruptions": (call.interruptions, "Count"),
            "CallSilences": (call.silences, "Count"),
        }
        blob["_aws"]["CloudWatchMetrics"].append(
            {
                "Namespace": self._namespace,
                "Dimensions": [["call_outcome", "service"], ["service"]],
                "Metrics": [{"Name": name, "Unit": unit} for name, (_, unit) in units.items()],
            }
        )
        blob["call_outcome"] = call.outcome.value
        blob |= {name: [number] for name, (number, _) in units.items()}


def _tell_apart(blob: dict[str, Any]) -> None:
    """Tell of the stack as a whole, where alarms look; little of it for each kind of event."""
    (apart,) = blob["_aws"]["CloudWatchMetrics"]
    whole = {**apart, "Dimensions": [["service"]]}
    apart["Metrics"] = [metric for metric in apart["Metrics"] if metric["Name"] in _TOLD_APART]
    blob["_aws"]["CloudWatchMetrics"] = [whole, apart]


def _in(unit: str, values: Mapping[str, float]) -> dict[str, dict[str, Any]]:
    """Return metrics as Powertools collects them."""
    return {name: {"Unit": unit, "Value": [float(value)]} for name, value in values.items()}


def _is_ours(frames: Sequence[traceback.FrameSummary]) -> bool:
    """Tell whether an error was raised by this package."""
    return bool(frames) and Path(frames[-1].filename).is_relative_to(_PACKAGE)
