"""The cost model."""

from dataclasses import fields
from typing import Any

import pytest

from benchmarks.cost import Prices, Usage, container_month, per_thousand_calls

FREE: dict[str, Any] = {field.name: 0.0 for field in fields(Prices) if field.name != "noted"}
USAGE = Usage(
    events=10,
    answers=5,
    billed_ms=100,
    memory_gb=0.5,
    reads=1,
    writes=4,
    log_kb=2,
    traced=0.25,
    minutes=3,
)


def prices(**given: Any) -> Prices:  # noqa: ANN401 - the fields of Prices
    """Return prices that are zero except for the given ones."""
    return Prices(**{**FREE, **given})


@pytest.mark.parametrize(
    ("given", "service", "dollars"),
    [
        pytest.param({"lambda_gb_second": 2}, "Lambda, time", 1000, id="seconds times memory"),
        pytest.param({"lambda_million": 2}, "Lambda, requests", 0.02, id="invocations"),
        pytest.param({"read_million": 2}, "DynamoDB", 0.02, id="reads"),
        pytest.param({"write_million": 2}, "DynamoDB", 0.08, id="writes"),
        pytest.param({"trace_million": 2}, "X-Ray", 0.005, id="recorded traces"),
        pytest.param({"log_gb": 2}, "logs", 0.04, id="logs"),
    ],
)
def test_each_service_costs_its_price_times_its_use_over_either_transport(
    given: dict[str, float], service: str, dollars: float
) -> None:
    for costs in per_thousand_calls(prices(**given), USAGE).values():
        assert costs[service] == pytest.approx(dollars)
        assert sum(costs.values()) == pytest.approx(dollars)


def test_http_is_billed_by_request_and_a_websocket_by_message_and_minute() -> None:
    given = prices(http_million=2, websocket_million=4, websocket_million_minutes=8)
    costs = per_thousand_calls(given, USAGE)
    assert sum(costs["HTTP"].values()) == pytest.approx(0.02)
    assert sum(costs["WebSocket"].values()) == pytest.approx((15 * 4 + 3 * 8) / 1000)


def test_containers_are_billed_by_the_hour_with_their_load_balancer() -> None:
    given = prices(vcpu_hour=4, gb_hour=2, balancer_hour=1)
    assert container_month(given, tasks=2, vcpu=0.25, memory=0.5) == pytest.approx(730 * 5)
