"""Checks of the AWS credentials and of the deployed stack."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import translate_aws_errors
from aiflow_local.ops.aws_target import AwsTarget
from aiflow_local.ops.doctor.check_result import CheckResult, failed, not_run, ok, warning
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, FIRST_DEPLOYMENT, NEXT, digest_problem

_DEPLOYED = ("stack", "outputs", "digests", "table", "alarms")
_OUTPUTS = ("WebhookUrl", "SessionsTableName")
_TOPIC = "AlarmTopicArn"


@dataclass(frozen=True)
class StackChecks:
    """The checks of an account and a deployed stack.

    Attributes:
        target: The stack to check.
    """

    target: AwsTarget

    def credentials(self) -> CheckResult:
        """Check that there are valid credentials and a region."""
        check = "credentials"
        try:
            region = self.target.aws.region_name
            if region is None:
                return failed(check, "no region is set", "give --region, or set AWS_REGION")
            with translate_aws_errors("identify the account"):
                identity = self.target.aws.sts.get_caller_identity()
        except LocalError as error:
            return failed(check, str(error))
        return ok(check, f"account {identity['Account']}, region {region}")

    def find_stack(self, *, is_deployed: bool) -> Stack | CheckResult:
        """Return the stack, or a result that says why it was not found.

        Args:
            is_deployed: Whether a missing stack is a failure.
        """
        try:
            found = self.target.find_stack()
            if found is not None:
                return found
            where = f"{self.target.stack_name} in {self.target.aws.region_name}"
        except LocalError as error:
            return failed("stack", str(error))
        reason = f"there is no stack {where}"
        if is_deployed:
            return failed("stack", reason, "give --stack, --config-env or --region")
        return not_run("stack", reason, FIRST_DEPLOYMENT)

    def run(self, stack: Stack) -> Iterator[CheckResult]:
        """Run all checks of the stack."""
        checks = (_status, _outputs, _digests, self._table, self._alarms)
        for name, check in zip(_DEPLOYED, checks, strict=True):
            yield _run_check(name, check, stack)

    def _table(self, stack: Stack) -> CheckResult:
        name = stack.outputs.get("SessionsTableName")
        if not name:
            return not_run("table", "the stack has no output SessionsTableName")
        dynamodb = self.target.aws.dynamodb
        with translate_aws_errors(f"describe the table {name}"):
            status = dynamodb.describe_table(TableName=name)["Table"].get("TableStatus")
            ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            backups = dynamodb.describe_continuous_backups(TableName=name)
        if status != "ACTIVE":
            return failed("table", f"{name} is {status}", "wait, then repeat the check")
        if (ttl.get("TimeToLiveStatus"), ttl.get("AttributeName")) != ("ENABLED", "expires_at"):
            reason = f"TTL on expires_at is not enabled for {name}: calls are never deleted"
            return failed("table", reason, "`sam deploy` enables it")
        described = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription")
        if (described or {}).get("PointInTimeRecoveryStatus") != "ENABLED":
            reason = f"{name} has no point-in-time recovery"
            return warning("table", reason, "`sam deploy` enables it")
        return ok("table", f"{name}, with TTL and point-in-time recovery")

    def _alarms(self, stack: Stack) -> CheckResult:
        topic = stack.outputs.get(_TOPIC)
        if not topic:
            reason = f"the stack has no output {_TOPIC}"
            return not_run("alarms", reason, "deploy with Operations=enabled")
        with translate_aws_errors("list the subscriptions of the alarm topic"):
            listed = self.target.aws.sns.list_subscriptions_by_topic(TopicArn=topic)
        arns = [each.get("SubscriptionArn", "") for each in listed["Subscriptions"]]
        if not arns:
            return warning("alarms", "no subscription receives them", "deploy with AlarmEmail=...")
        pending = sum(not arn.startswith("arn:") for arn in arns)
        if pending:
            reason = f"{pending} of {len(arns)} subscriptions are not confirmed"
            return warning("alarms", reason, "follow the link in the mail from AWS")
        return ok("alarms", f"{len(arns)} confirmed subscriptions")


def stack_checks_not_run(reason: str) -> Iterator[CheckResult]:
    """Return a `not run` result for each check of a stack and for the test call."""
    for name in (*_DEPLOYED, "test call"):
        yield not_run(name, reason)


def _run_check(name: str, check: Callable[[Stack], CheckResult], stack: Stack) -> CheckResult:
    """Run a check; if AWS rejects its requests, the result is `not run` rather than `failed`."""
    try:
        return check(stack)
    except LocalError as error:
        return not_run(name, str(error))


def _status(stack: Stack) -> CheckResult:
    text = f"{stack.name} is {stack.status}"
    if stack.is_settled:
        return ok("stack", text)
    if stack.is_changing:
        return warning("stack", text, "wait until the deployment is done, then repeat the check")
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        remedy = "the previous deployment is active; the stack events say why the latest failed"
        return warning("stack", text, remedy)
    remedy = "repeat `sam deploy`; delete the stack first if this was its first deployment"
    return failed("stack", text, remedy)


def _outputs(stack: Stack) -> CheckResult:
    missing = [name for name in _OUTPUTS if not stack.outputs.get(name)]
    if missing:
        return failed("outputs", f"missing: {', '.join(missing)}", "deploy this template.yaml")
    return ok("outputs", ", ".join(stack.outputs))


def _digests(stack: Stack) -> CheckResult:
    current, following = (stack.parameters.get(name, "") for name in (CURRENT, NEXT))
    slots = {CURRENT: current, **({NEXT: following} if following else {})}
    for name, digest in slots.items():
        problem = digest_problem(digest)
        if problem:
            return failed("digests", f"{name}: {problem}", "`aiflow token` makes a valid one")
    if current == following:
        reason = f"{CURRENT} and {NEXT} are the same"
        return warning("digests", reason, "clear the second one: `aiflow rotate abort`")
    if following:
        return ok("digests", "two: a rotation is in progress, see `aiflow rotate status`")
    return ok("digests", "one")
