"""The recent use of tokens: the new one from a metric, the old one from the logs."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiflow_local.ops.aws_session import AwsSession, translate_aws_errors
from aiflow_local.ops.stack import Stack

if TYPE_CHECKING:
    from mypy_boto3_logs import CloudWatchLogsClient

_NAMESPACE, _METRIC = "AiFlow", "NextTokenUsed"
_FILTER_PATTERN = '{ $.token = "current" }'
_CURRENT_SLOT = '"token":"current"'
_LEVELS_WITHOUT_INFO = frozenset({"WARNING", "ERROR"})


@dataclass(frozen=True)
class Usage:
    """The use of both tokens within the last minutes.

    Attributes:
        minutes: The length of the period.
        new: The number of requests with the new token.
        old: Whether a request had the old token; None if the logs do not show it.
    """

    minutes: int
    new: int
    old: bool | None

    @property
    def description(self) -> str:
        """The use of both tokens as a sentence without a full stop."""
        old = {True: "was used", False: "was not used", None: "may have been used"}
        return (
            f"Within the last {self.minutes} minutes the new token was used {self.new} times, and "
            f"the old one {old[self.old]}"
        )


def find_token_usage(aws: AwsSession, stack: Stack, minutes: int, now: float) -> Usage:
    """Return the recent use of both tokens of a stack.

    Args:
        aws: The AWS clients.
        stack: The deployed stack.
        minutes: The length of the period.
        now: Unix time in seconds.

    Raises:
        AwsError: A request fails.
    """
    until = datetime.fromtimestamp(now, UTC)
    since = until - timedelta(minutes=minutes)
    with translate_aws_errors(f"read the metric {_METRIC}"):
        found = aws.cloudwatch.get_metric_statistics(
            Namespace=_NAMESPACE,
            MetricName=_METRIC,
            Dimensions=[{"Name": "service", "Value": stack.name}],
            StartTime=since,
            # Includes the data point of the current minute.
            EndTime=until + timedelta(minutes=1),
            Period=60,
            Statistics=["Sum"],
        )
    new = sum(point.get("Sum", 0.0) for point in found["Datapoints"])
    return Usage(minutes, round(new), _old_was_used(aws.logs, stack, since))


def _old_was_used(client: "CloudWatchLogsClient", stack: Stack, since: datetime) -> bool | None:
    # Only the new token has a metric; each log line at level INFO names the slot of the token.
    if stack.parameters.get("LogLevel") in _LEVELS_WITHOUT_INFO:
        return None
    with translate_aws_errors("read the logs"):
        groups = [
            group.get("logGroupName", "")
            for page in client.get_paginator("describe_log_groups").paginate(
                logGroupNamePrefix=f"/aws/lambda/{stack.name}/"
            )
            for group in page["logGroups"]
        ]
        start_ms = round(since.timestamp() * 1000)
        lines = (line for group in groups for line in _lines(client, group, start_ms))
        return any(_CURRENT_SLOT in line for line in lines) if groups else None


def _lines(client: "CloudWatchLogsClient", group: str, start_ms: int) -> Iterator[str]:
    for page in client.get_paginator("filter_log_events").paginate(
        logGroupName=group, startTime=start_ms, filterPattern=_FILTER_PATTERN
    ):
        for event in page["events"]:
            yield event.get("message", "")
