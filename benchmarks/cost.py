"""The cost of 1,000 calls, by the prices that you provide.

    python -m benchmarks.cost [--json FILE]

The prices below are a starting point: they were noted by hand for one region on one day. Check
them against the current price lists.
"""

import argparse
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_MILLION = 1_000_000
_HOURS_A_MONTH = 730
_CALLS = 1000


@dataclass(frozen=True)
class Prices:
    """Prices in US dollars; the defaults are on-demand prices of us-east-1 without free tier.

    Attributes:
        noted: when and for which region they were noted.
        lambda_gb_second: one GB-second of a function on ARM.
        lambda_million: one million invocations.
        http_million: one million requests to an HTTP API.
        websocket_million: one million WebSocket messages of up to 32 KB, in either direction.
        websocket_million_minutes: one million minutes of connection.
        read_million: one million read request units.
        write_million: one million write request units.
        log_gb: ingestion of one GB of logs.
        metric_month: one custom metric for a month.
        trace_million: one million recorded traces.
        vcpu_hour: one vCPU-hour of a container on ARM.
        gb_hour: one GB-hour of memory of a container on ARM.
        balancer_hour: one hour of a load balancer with one capacity unit.
    """

    noted: str = "2025, us-east-1"
    lambda_gb_second: float = 0.0000133334
    lambda_million: float = 0.20
    http_million: float = 1.00
    websocket_million: float = 1.00
    websocket_million_minutes: float = 0.25
    read_million: float = 0.125
    write_million: float = 0.625
    log_gb: float = 0.50
    metric_month: float = 0.30
    trace_million: float = 5.00
    vcpu_hour: float = 0.03238
    gb_hour: float = 0.00356
    balancer_hour: float = 0.0305


@dataclass(frozen=True)
class Usage:
    """The resources that a call of 20 turns uses.

    `python -m benchmarks.usage` counts units and metrics. The other values are assumptions, see
    docs/performance.md.

    Attributes:
        events: one start, 20 turns, 21 begun and 21 ended playbacks, one end.
        answers: number of sent actions.
        billed_ms: billed time of one event: CPU time and two round trips to the table.
        memory_gb: memory of the webhook function.
        reads: read units of one event, counted.
        writes: mean write units of one event, counted with turns of 40 characters.
        log_kb: log of one event: two lines of ours, three of Lambda, one of API Gateway.
        traced: share of the events that X-Ray records. Its default rule records the first of each
            second, and 5 % of the others.
        minutes: duration of the call.
        metrics: number of custom metrics, one for each name with each set of dimensions, counted
            over 50 calls. CloudWatch bills them by the hour.
    """

    events: int = 64
    answers: int = 21
    billed_ms: float = 15
    memory_gb: float = 1.0
    reads: float = 1.0
    writes: float = 1.97
    log_kb: float = 1.6
    traced: float = 0.5
    minutes: float = 4.0
    metrics: int = 70


def per_thousand_calls(prices: Prices, usage: Usage) -> Mapping[str, Mapping[str, float]]:
    """Return US dollars for 1,000 calls by transport and service."""
    events = _CALLS * usage.events
    shared = {
        "Lambda, time": events * usage.billed_ms / 1000 * usage.memory_gb * prices.lambda_gb_second,
        "Lambda, requests": events * prices.lambda_million / _MILLION,
        "DynamoDB": events
        * (usage.reads * prices.read_million + usage.writes * prices.write_million)
        / _MILLION,
        "X-Ray": events * usage.traced * prices.trace_million / _MILLION,
        "logs": events * usage.log_kb / _MILLION * prices.log_gb,
    }
    messages = _CALLS * (usage.events + usage.answers) * prices.websocket_million
    minutes = _CALLS * usage.minutes * prices.websocket_million_minutes
    return {
        "HTTP": {**shared, "API Gateway": events * prices.http_million / _MILLION},
        "WebSocket": {**shared, "API Gateway": (messages + minutes) / _MILLION},
    }


def container_month(
    prices: Prices, tasks: int = 2, vcpu: float = 0.25, memory: float = 0.5
) -> float:
    """Return US dollars per month for containers that always run, two for availability."""
    task = vcpu * prices.vcpu_hour + memory * prices.gb_hour
    return _HOURS_A_MONTH * (tasks * task + prices.balancer_hour)


def main() -> None:
    """Compute and print."""
    parser = argparse.ArgumentParser(description="The cost of 1,000 calls of 20 turns.")
    parser.add_argument("--json", type=Path, help="prices and usage that replace the defaults")
    options = parser.parse_args()
    given: dict[str, Any] = json.loads(options.json.read_text()) if options.json else {}
    prices, usage = Prices(**given.get("prices", {})), Usage(**given.get("usage", {}))
    costs = per_thousand_calls(prices, usage)
    print(
        f"Prices noted: {prices.noted}. Check them. US dollars for {_CALLS:,} calls of 20 turns:\n"
    )
    print(f"| | {' | '.join(costs)} |\n| --- | ---: | ---: |")
    for service in costs["HTTP"]:
        print(f"| {service} | {' | '.join(f'{cost[service]:.3f}' for cost in costs.values())} |")
    print(f"| total | {' | '.join(f'{sum(cost.values()):.2f}' for cost in costs.values())} |")
    fixed = usage.metrics * prices.metric_month
    month = container_month(prices)
    print(f"\nCustom metrics per month: {fixed:.2f}.")
    print(f"Two containers and a load balancer per month: {month:.2f}.")
    # Table, logs and traces cost the same with containers.
    shared = sum(costs["HTTP"][service] for service in ("DynamoDB", "logs", "X-Ray"))
    saved = sum(costs["HTTP"].values()) - shared
    calls = month / saved * _CALLS
    print(f"Containers are cheaper from {calls:,.0f} calls per month on.")
    print(json.dumps({"prices": asdict(prices), "usage": asdict(usage)}, indent=1))


if __name__ == "__main__":
    main()
