"""All checks, in the order of a deployment."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import Place
from aiflow_local.ops.doctor.check_result import Finding, Health, failed, not_run
from aiflow_local.ops.doctor.endpoint_checks import Entrance
from aiflow_local.ops.doctor.local_checks import Machine
from aiflow_local.ops.doctor.stack_checks import Cloud, not_looked_at
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, NEXT
from aiflow_local.stack.project import find_project
from aiflow_local.tokens import Token

_WEBHOOK, _PREPARED, _WEBSOCKET = "webhook", "prepared webhook", "websocket"
_NO_TOKEN = "there is no token to show"  # noqa: S105 - it is none
_GIVE_TOKEN = "set AIFLOW_TOKEN, or give --token-file"  # noqa: S105 - likewise


@dataclass(frozen=True)
class Examination:
    """The checks of one run.

    Attributes:
        place: which stack of whose account.
        token: returns the token for a test call; None if there is none.
    """

    place: Place
    token: Callable[[], str | None]

    def before(self, path: str) -> Iterator[Finding]:
        """Look at what a deployment needs.

        Args:
            path: where commands are looked for.
        """
        yield from Machine(find_project(), self.place.samconfig, path).findings()

    def account(self) -> Iterator[Finding]:
        """Look at whose the credentials are."""
        yield self._credentials

    def after(self, *, is_deployed: bool) -> Iterator[Finding]:
        """Look at what is deployed, and call it.

        Args:
            is_deployed: whether somebody says that there is something; then it must be there.
        """
        if self._credentials.health is not Health.OK:
            yield from not_looked_at("there are no credentials")
            return
        stack = self._cloud.stack(is_deployed=is_deployed)
        if isinstance(stack, Finding):
            yield stack
            yield from [*not_looked_at("there is no stack to look at")][1:]
            return
        yield from self._cloud.findings(stack)
        yield from self._stack_doors(stack)

    @cached_property
    def _cloud(self) -> Cloud:
        return Cloud(self.place)

    @cached_property
    def _credentials(self) -> Finding:
        return self._cloud.credentials()

    def doors(self, url: str | None, websocket_url: str | None) -> Iterator[Finding]:
        """Hold a test call through each door."""
        urls = {_WEBHOOK: url, _WEBSOCKET: websocket_url}
        yield from self._called(urls, None)

    def _stack_doors(self, stack: Stack) -> Iterator[Finding]:
        urls = {
            _WEBHOOK: stack.outputs.get("WebhookUrl"),
            _WEBSOCKET: stack.outputs.get("WebSocketUrl"),
        }
        prepared = stack.outputs.get("PreparedWebhookUrl")
        yield from self._called({**urls, **({_PREPARED: prepared} if prepared else {})}, stack)

    def _called(self, urls: dict[str, str | None], stack: Stack | None) -> Iterator[Finding]:
        token = self.token()
        if token is None:
            yield not_run("test call", _NO_TOKEN, _GIVE_TOKEN)
            return
        slots = [stack.parameters.get(name) for name in (CURRENT, NEXT)] if stack else None
        if slots and Token(token).digest not in slots:
            # It may be the secret of another stack: it is shown to nobody.
            yield failed(
                "test call",
                "the token is not the one whose digest is deployed; it was not sent",
                _GIVE_TOKEN,
            )
            return
        for name, url in urls.items():
            if url is None:
                yield not_run(f"{name}: test call", "there is no URL of one")
                continue
            try:
                yield from Entrance(name, url).findings(token)
            except LocalError as error:
                yield failed(f"{name}: test call", str(error))
