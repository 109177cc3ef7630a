"""Runs the checks in the order of a deployment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import AwsTarget
from aiflow_local.ops.doctor.check_result import CheckResult, CheckStatus, failed, not_run
from aiflow_local.ops.doctor.endpoint_checks import EndpointChecks
from aiflow_local.ops.doctor.local_checks import LocalChecks
from aiflow_local.ops.doctor.stack_checks import StackChecks, stack_checks_not_run
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, NEXT
from aiflow_local.stack.project import find_project
from aiflow_local.tokens import Token

_WEBHOOK, _PREPARED, _WEBSOCKET = "webhook", "prepared webhook", "websocket"
_NO_TOKEN = "no token was given"  # noqa: S105 - a message, not a token
_GIVE_TOKEN = "set AIFLOW_TOKEN, or give --token-file"  # noqa: S105 - a message, not a token


@dataclass(frozen=True)
class CheckRunner:
    """Runs the checks of one `aiflow doctor` command.

    Attributes:
        target: The stack to check.
        token: Returns the token for a test call; None if there is none.
    """

    target: AwsTarget
    token: Callable[[], str | None]

    def check_machine(self, path: str) -> Iterator[CheckResult]:
        """Check the local prerequisites of a deployment.

        Args:
            path: The search path for commands.
        """
        yield from LocalChecks(find_project(), self.target.samconfig, path).run()

    def check_credentials(self) -> Iterator[CheckResult]:
        """Check the AWS credentials."""
        yield self._credentials

    def check_deployment(self, *, is_deployed: bool) -> Iterator[CheckResult]:
        """Check the deployed stack, and make test calls to its endpoints.

        Args:
            is_deployed: Whether a missing stack is a failure.
        """
        if self._credentials.status is not CheckStatus.OK:
            yield from stack_checks_not_run("there are no credentials")
            return
        stack = self._stack_checks.find_stack(is_deployed=is_deployed)
        if isinstance(stack, CheckResult):
            yield stack
            yield from [*stack_checks_not_run("there is no stack to check")][1:]
            return
        yield from self._stack_checks.run(stack)
        yield from self._check_stack_endpoints(stack)

    @cached_property
    def _stack_checks(self) -> StackChecks:
        return StackChecks(self.target)

    @cached_property
    def _credentials(self) -> CheckResult:
        return self._stack_checks.credentials()

    def check_endpoints(self, url: str | None, websocket_url: str | None) -> Iterator[CheckResult]:
        """Make a test call to each endpoint."""
        urls = {_WEBHOOK: url, _WEBSOCKET: websocket_url}
        yield from self._make_test_calls(urls, None)

    def _check_stack_endpoints(self, stack: Stack) -> Iterator[CheckResult]:
        urls = {
            _WEBHOOK: stack.outputs.get("WebhookUrl"),
            _WEBSOCKET: stack.outputs.get("WebSocketUrl"),
        }
        prepared = stack.outputs.get("PreparedWebhookUrl")
        urls |= {_PREPARED: prepared} if prepared else {}
        yield from self._make_test_calls(urls, stack)

    def _make_test_calls(
        self, urls: dict[str, str | None], stack: Stack | None
    ) -> Iterator[CheckResult]:
        token = self.token()
        if token is None:
            yield not_run("test call", _NO_TOKEN, _GIVE_TOKEN)
            return
        slots = [stack.parameters.get(name) for name in (CURRENT, NEXT)] if stack else None
        if slots and Token(token).digest not in slots:
            # It may be the token of another stack, so do not send it.
            yield failed(
                "test call",
                "the token does not match a deployed digest; it was not sent",
                _GIVE_TOKEN,
            )
            return
        for name, url in urls.items():
            if url is None:
                yield not_run(f"{name}: test call", "there is no URL")
                continue
            try:
                yield from EndpointChecks(name, url).run(token)
            except LocalError as error:
                yield failed(f"{name}: test call", str(error))
