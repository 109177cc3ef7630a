"""What a thousand calls cost, by the prices that you put in.

    python -m benchmarks.cost [--json FILE]

The prices below are a starting point and no quotation: they were written down by hand for one
region and day, without a look at the price lists of the day you read this. Check them.
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
    """Prices in US dollars; by default those of us-east-1, on demand, without free tier.

    Attributes:
        noted: when and for which region they were noted.
        lambda_gb_second: of a function on ARM.
        lambda_million: of invocations.
        http_million: of requests to an HTTP API.
        websocket_million: of messages, either way, up to 32 KB each.
        websocket_million_minutes: of connection.
        read_million: of read request units.
        write_million: of write request units.
        log_gb: of logs, taken in.
        metric_month: of one custom metric.
        trace_million: of traces that are kept.
        vcpu_hour: of a container on ARM.
        gb_hour: of its memory.
        balancer_hour: of the load balancer before it, its capacity unit included.
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
    """What a call of 20 turns uses: counted by `benchmarks.usage`, measured or assumed.

    Time and logs: see docs/performance.md.

    Attributes:
        events: one start, 20 turns, 21 begun and 21 ended playbacks, one end.
        answers: actions that are sent.
        billed_ms: of an event: our processor time and two round trips to the table.
        memory_gb: of the front door.
        reads: units of one event; counted.
        writes: units of one event, in the mean of the call; counted, with turns of 40 characters.
        log_kb: of one event: our two lines, Lambda's three, the gateway's one.
        traced: share of the events that X-Ray keeps: by its own rule the first of each second, and
            5 % of the others.
        minutes: that the call lasts.
        metrics: names with each of their sets of dimensions; counted, of fifty calls. CloudWatch
            bills those of each hour.
    """

    events: int = 64
    answers: int = 21
    billed_ms: float = 15
    memory_gb: float = 1.0
    reads: float = 1.0
    writes: float = 2.1
    log_kb: float = 1.6
    traced: float = 0.5
    minutes: float = 4.0
    metrics: int = 70


def per_thousand_calls(prices: Prices, usage: Usage) -> Mapping[str, Mapping[str, float]]:
    """Return dollars for 1,000 calls, by door and by service."""
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
    """Return dollars a month of containers that are always on, two for availability."""
    task = vcpu * prices.vcpu_hour + memory * prices.gb_hour
    return _HOURS_A_MONTH * (tasks * task + prices.balancer_hour)


def main() -> None:
    """Print the model."""
    parser = argparse.ArgumentParser(description="What 1,000 calls of 20 turns cost.")
    parser.add_argument("--json", type=Path, help="prices and usage to take instead of the noted")
    options = parser.parse_args()
    given: dict[str, Any] = json.loads(options.json.read_text()) if options.json else {}
    prices, usage = Prices(**given.get("prices", {})), Usage(**given.get("usage", {}))
    doors = per_thousand_calls(prices, usage)
    print(f"Prices noted: {prices.noted}. Check them. Dollars for {_CALLS:,} calls of 20 turns:\n")
    print(f"| | {' | '.join(doors)} |\n| --- | ---: | ---: |")
    for service in doors["HTTP"]:
        print(f"| {service} | {' | '.join(f'{door[service]:.3f}' for door in doors.values())} |")
    print(f"| all | {' | '.join(f'{sum(door.values()):.2f}' for door in doors.values())} |")
    fixed = usage.metrics * prices.metric_month
    month = container_month(prices)
    print(f"\nCustom metrics, a month: {fixed:.2f}.")
    print(f"Two containers and a balancer, a month: {month:.2f}.")
    # Their table, logs and traces cost the same.
    shared = sum(doors["HTTP"][service] for service in ("DynamoDB", "logs", "X-Ray"))
    saved = sum(doors["HTTP"].values()) - shared
    calls = month / saved * _CALLS
    print(f"The containers are cheaper from {calls:,.0f} calls a month on.")
    print(json.dumps({"prices": asdict(prices), "usage": asdict(usage)}, indent=1))


if __name__ == "__main__":
    main()
