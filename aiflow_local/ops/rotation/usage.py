"""Which tokens are shown at a stack: the new one by a metric, the old one by the logs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiflow_local.ops.aws_session import Account, asked
from aiflow_local.ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_NAMESPACE, _METRIC = "AiFlow", "NextTokenUsed"
_SHOWN = '{ $.token = "current" }'
_MARK = '"token":"current"'
_SILENT = frozenset({"WARNING", "ERROR"})


@dataclass(frozen=True)
class Usage:
    """What was shown within the last minutes.

    Attributes:
        minutes: how many.
        new: how often the new token was.
        old: whether the old one was; None where the logs do not tell.
    """

    minutes: int
    new: int
    old: bool | None

    @property
    def told(self) -> str:
        """What it was, in words."""
        seen = {True: "was shown", False: "was not shown", None: "may have been"}
        return (
            f"within the last {self.minutes} minutes the new token was shown {self.new} times, and "
            f"the old one {seen[self.old]}"
        )


def usage_of(account: Account, stack: Stack, minutes: int, now: float) -> Usage:
    """Find out which tokens were shown at a stack.

    Args:
        account: that the stack is in.
        stack: which one.
        minutes: how far to look back.
        now: Unix time in seconds.

    Raises:
        AwsError: AWS cannot be asked.
    """
    until = datetime.fromtimestamp(now, UTC)
    since = until - timedelta(minutes=minutes)
    with asked(f"read the metric {_METRIC}"):
        found = account.cloudwatch.get_metric_statistics(
            Namespace=_NAMESPACE,
            MetricName=_METRIC,
            Dimensions=[{"Name": "service", "Value": stack.name}],
            StartTime=since,
            # The datapoint of this minute, too.
            EndTime=until + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
    new = sum(point.get("Sum", 0.0) for point in found["Datapoints"])
    return Usage(minutes, round(new), _old_was_shown(account.logs, stack, since))


def _old_was_shown(client: "CloudWatchLogsClient", stack: Stack, since: datetime) -> bool | None:
    # There is a metric of the new token only; each line of the log says which one was shown.
    if stack.parameters.get("LogLevel") in _SILENT:
        return None
    with asked("read the logs"):
        groups = [
            group.get("logGroupName", "")
            for page in client.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=f"/aws/lambda/{stack.name}/"
            )
            for group in page["logGroups"]
        ]
        start_ms = round(since.timestamp() * 1000)
        lines = (line for group in groups for line in _lines(client, group, start_ms))
        return any(_MARK in line for line in lines) if groups else None


def _lines(client: "CloudWatchLogsClient", group: str, start_ms: int) -> Iterator[str]:
    for page in client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=start_ms, filterPattern=_SHOWN
    ):
        for event in page["events"]:
            yield event.get("message", "")
