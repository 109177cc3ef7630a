"""What is deployed, as AWS tells of it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import asked
from aiflow_local.ops.aws_target import Place
from aiflow_local.ops.doctor.check_result import Finding, failed, not_run, ok, warning
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, FIRST_TIME, NEXT, objection_to

_DEPLOYED = ("stack", "outputs", "digests", "table", "alarms")
_OUTPUTS = ("WebhookUrl", "SessionsTableName")
_TOPIC = "AlarmTopicArn"


@dataclass(frozen=True)
class Cloud:
    """The account and what is deployed in it.

    Attributes:
        place: which stack of whose account.
    """

    place: Place

    def credentials(self) -> Finding:
        """Find out whose the credentials are, and for which region."""
        check = "credentials"
        try:
            region = self.place.account.region_name
            if region is None:
                return failed(check, "no region is set", "give --region, or set AWS_REGION")
            with asked("find out who you are"):
                identity = self.place.account.sts.get_caller_identity()
        except LocalError as error:
            return failed(check, str(error))
        return ok(check, f"account {identity['Account']}, region {region}")

    def stack(self, *, is_deployed: bool) -> Stack | Finding:
        """Look the stack up, or say why there is none to be seen.

        Args:
            is_deployed: whether it must be there.
        """
        try:
            found = self.place.find_stack()
            if found is not None:
                return found
            where = f"{self.place.stack_name} in {self.place.account.region_name}"
        except LocalError as error:
            return failed("stack", str(error))
        reason = f"there is no stack {where}"
        if is_deployed:
            return failed("stack", reason, "give --stack, --config-env or --region")
        return not_run("stack", reason, FIRST_TIME)

    def findings(self, stack: Stack) -> Iterator[Finding]:
        """Look at a stack."""
        checks = (_status, _outputs, _digests, self._table, self._alarms)
        for name, check in zip(_DEPLOYED, checks, strict=True):
            yield _guarded(name, check, stack)

    def _table(self, stack: Stack) -> Finding:
        name = stack.outputs.get("SessionsTableName")
        if not name:
            return not_run("table", "the stack names none")
        dynamodb = self.place.account.dynamodb
        with asked(f"describe the table {name}"):
            status = dynamodb.describe_table(TableName=name)["Table"].get("TableStatus")
            ttl = dynamodb.describe_time_to_live(TableName=name)["TimeToLiveDescription"]
            backups = dynamodb.describe_continuous_backups(TableName=name)
        if status != "ACTIVE":
            return failed("table", f"{name} is {status}", "wait, and look again")
        if (ttl.get("TimeToLiveStatus"), ttl.get("AttributeName")) != ("ENABLED", "expires_at"):
            reason = f"TTL on expires_at is not enabled for {name}: calls are kept for ever"
            return failed("table", reason, "sam deploy puts it back")
        described = backups["ContinuousBackupsDescription"].get("PointInTimeRecoveryDescription")
        if (described or {}).get("PointInTimeRecoveryStatus") != "ENABLED":
            reason = f"{name} has no point-in-time recovery"
            return warning("table", reason, "sam deploy puts it back")
        return ok("table", f"{name}, with TTL and point-in-time recovery")

    def _alarms(self, stack: Stack) -> Finding:
        topic = stack.outputs.get(_TOPIC)
        if not topic:
            reason = f"the stack has no output {_TOPIC}"
            return not_run("alarms", reason, "deploy with Operations=enabled")
        with asked("list who is told of alarms"):
            listed = self.place.account.sns.list_subscriptions_by_topic(TopicArn=topic)
        arns = [each.get("SubscriptionArn", "") for each in listed["Subscriptions"]]
        if not arns:
            return warning("alarms", "nobody is told of them", "deploy with AlarmEmail=...")
        pending = sum(not arn.startswith("arn:") for arn in arns)
        if pending:
            reason = f"{pending} of {len(arns)} subscriptions not confirmed: nobody is told there"
            return warning("alarms", reason, "follow the link in the mail of AWS")
        return ok("alarms", f"{len(arns)} subscriptions, confirmed")


def not_looked_at(reason: str) -> Iterator[Finding]:
    """Return that nothing of a stack was looked at, nor called."""
    for name in (*_DEPLOYED, "test call"):
        yield not_run(name, reason)


def _guarded(name: str, check: Callable[[Stack], Finding], stack: Stack) -> Finding:
    """Let a check that AWS does not let look say so; it found nothing, and so nothing failed."""
    try:
        return check(stack)
    except LocalError as error:
        return not_run(name, str(error))


def _status(stack: Stack) -> Finding:
    told = f"{stack.name} is {stack.status}"
    if stack.is_settled:
        return ok("stack", told)
    if stack.is_changing:
        return warning("stack", told, "wait until it is done, and look again")
    if stack.status == "UPDATE_ROLLBACK_COMPLETE":
        remedy = "the deployment before it is at work; its events say why the latest failed"
        return warning("stack", told, remedy)
    return failed("stack", told, "`sam deploy`, or delete the stack if it was its first time")


def _outputs(stack: Stack) -> Finding:
    missing = [name for name in _OUTPUTS if not stack.outputs.get(name)]
    if missing:
        return failed("outputs", f"missing: {', '.join(missing)}", "deploy this template.yaml")
    return ok("outputs", ", ".join(stack.outputs))


def _digests(stack: Stack) -> Finding:
    current, following = (stack.parameters.get(name, "") for name in (CURRENT, NEXT))
    slots = {CURRENT: current, **({NEXT: following} if following else {})}
    for name, digest in slots.items():
        objection = objection_to(digest)
        if objection:
            return failed("digests", f"{name}: {objection}", "`aiflow token` makes a good one")
    if current == following:
        reason = f"{CURRENT} and {NEXT} are the same"
        return warning("digests", reason, "empty the second: `aiflow rotate abort`")
    if following:
        return ok("digests", "two: a rotation is under way, see `aiflow rotate status`")
    return ok("digests", "one")
