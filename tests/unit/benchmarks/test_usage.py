"""The counted values of the cost model agree with the code."""

import pytest

from aiflow.domain.decisions import Outcome
from aiflow.telemetry import EventReport, Telemetry
from benchmarks.cost import Usage
from benchmarks.usage import SHORT, custom_metrics, everyday_log, units_of_a_call
from tests.helpers.runtime import Log


def log_of(*reports: EventReport) -> str:
    """Return the log of some events."""
    log = Log()
    for report in reports:
        Telemetry("stack", "Namespace", stream=log).write(report, 1.0)
    return log.getvalue()


def test_a_custom_metric_is_a_name_with_a_set_of_dimensions() -> None:
    answered = EventReport("1", event_type="user_speak", outcome=Outcome.ANSWERED)
    late = EventReport("2", event_type="user_speak", outcome=Outcome.LATE)
    # Events and AnswerMs, each for the stack and for this event type with this outcome.
    assert custom_metrics(log_of(answered)) == 4
    assert custom_metrics(log_of(answered, answered)) == 4
    assert custom_metrics(log_of(answered, late)) == 6


def test_the_cost_model_uses_the_counted_units_of_a_call_of_twenty_turns() -> None:
    usage, units = Usage(), units_of_a_call(SHORT)
    assert usage.events == units.events
    assert usage.reads == pytest.approx(units.read / units.events, rel=0.05)
    assert usage.writes == pytest.approx(units.written / units.events, rel=0.05)


def test_the_cost_model_uses_the_counted_metrics_of_fifty_calls() -> None:
    assert Usage().metrics == pytest.approx(custom_metrics(everyday_log()), rel=0.1)
