"""What is seen of an event: one log line and one metric blob, with nothing of what was said."""

import json
import logging
import sys
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import TextIO, cast

from aiflow.errors import AiflowError, Refusal, Unauthorized
from aiflow.runtime.settings import trace_id

_LEVELS = logging.getLevelNamesMapping()
_encode = json.JSONEncoder(separators=(",", ":"), default=str).encode


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


_SENTENCES: Mapping[Outcome, tuple[str, str]] = {
    Outcome.DEGRADED: ("ERROR", "Event answered with an apology"),
    Outcome.REFUSED: ("WARNING", "Request refused"),
}
"""Level and message; all else is fine."""


@dataclass
class Report:
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
    counts: dict[str, int] = field(default_factory=dict[str, int])
    details: dict[str, object] = field(default_factory=dict[str, object])

    def count(self, metric: str, number: float = 1) -> None:
        """Add to a metric."""
        if number:
            self.counts[metric] = self.counts.get(metric, 0) + int(number)

    def add_problems(self, codes: Sequence[str]) -> None:
        """Take down what the linter has to say, each once."""
        before = self.details.get("problems", [])
        known = cast("list[str]", before)
        self.details["problems"] = sorted({*known, *codes})

    def shown(self, slot: int) -> None:
        """Take down which token was shown: an old one may go when nobody shows it any more."""
        self.details["token"] = "next" if slot else "current"
        self.count("NextToken", slot)

    def refused(self, refusal: Refusal) -> None:
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
        self.details["where"] = [
            f"{'/'.join(Path(frame.filename).parts[-2:])}:{frame.lineno} {frame.name}"
            for frame in traceback.extract_tb(error.__traceback__)[-5:]
        ]
        if isinstance(error, AiflowError):
            self.details["detail"] = str(error)


class Telemetry:
    """Writes reports as JSON lines, where CloudWatch picks them up.

    By hand, in the shape of Powertools' logger and of CloudWatch's embedded metric format: what
    Powertools would take of each cold start and of each event is in docs/performance.md.

    Args:
        service: names the stack.
        namespace: of the metrics.
        now: the clock, Unix time in seconds.
        level: of the log.
        stream: where both go; standard output unless somebody wants to look.
    """

    def __init__(
        self,
        service: str,
        namespace: str,
        now: Callable[[], float],
        level: str = "INFO",
        stream: TextIO | None = None,
    ) -> None:
        self._service = service
        self._namespace = namespace
        self._least = _LEVELS[level]
        self._stream = stream
        self._now = now

    def write(self, report: Report, duration_ms: float) -> None:
        """Write the log line and the metrics of one event."""
        now_ms = int(self._now() * 1000)
        level, sentence = _SENTENCES.get(report.outcome, ("INFO", "Event handled"))
        lines: list[object] = []
        if _LEVELS[level] >= self._least:
            head = {"level": level, "message": sentence, "timestamp": now_ms}
            lines.append(head | {"service": self._service} | _told(report, duration_ms))
        lines.append(self._metrics(report, duration_ms, now_ms))
        # Whole lines at once. In ASCII: a caller's bidi and control characters must not dress up a
        # log line as another one.
        text = "".join(f"{_encode(line)}\n" for line in lines)
        (self._stream or sys.stdout).write(text)

    def _metrics(self, report: Report, duration_ms: float, now_ms: int) -> dict[str, object]:
        # What the caller waits for; of an answer in pieces, the first.
        waited_ms = duration_ms if report.answered_ms is None else report.answered_ms
        units = {"Events": "Count", "AnswerMs": "Milliseconds"}
        units |= dict.fromkeys(report.counts, "Count")
        directive = {
            "Namespace": self._namespace,
            # Alarms look at the stack as a whole.
            "Dimensions": [["event_type", "outcome", "service"], ["service"]],
            "Metrics": [{"Name": name, "Unit": unit} for name, unit in units.items()],
        }
        return {
            "_aws": {"Timestamp": now_ms, "CloudWatchMetrics": [directive]},
            "event_type": report.event_type,
            "outcome": report.outcome.value,
            "service": self._service,
            **({"reason": report.reason} if report.reason else {}),
            "Events": [1],
            "AnswerMs": [waited_ms],
            **{name: [number] for name, number in report.counts.items()},
        }


def _told(report: Report, duration_ms: float) -> dict[str, object]:
    keys: dict[str, object] = {
        "request_id": report.request_id,
        "event_type": report.event_type,
        "session_id": report.session_id,
        "outcome": report.outcome.value,
        "reason": report.reason,
        "actions": report.actions,
        "answered_ms": report.answered_ms and round(report.answered_ms, 1),
        "duration_ms": round(duration_ms, 1),
        **report.details,
        "xray_trace_id": trace_id(),
    }
    return {name: value for name, value in keys.items() if value not in (None, [])}
