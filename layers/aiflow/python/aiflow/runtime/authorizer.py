"""Who may connect to the WebSocket: the same secret, checked in the same way as over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any

from aiflow.errors import Unauthorized
from aiflow.protocol.types import JsonObject
from aiflow.runtime.auth import authenticate, headers_of
from aiflow.runtime.conversation import Runtime
from aiflow.runtime.entrypoint import Context, started
from aiflow.runtime.observability import Outcome, Report


class Authorizer:
    """A Lambda REQUEST authorizer for `$connect`; `authorizer` makes it.

    Args:
        runtime: returns what it needs from outside.
    """

    def __init__(self, runtime: Callable[[], Runtime]) -> None:
        self._runtime = runtime

    def bind(self, runtime: Runtime) -> "Authorizer":
        """Return the same authorizer on another runtime: for tests, and for your own machine."""
        return Authorizer(lambda: runtime)

    def __call__(self, request: Mapping[str, Any], context: Context) -> JsonObject:
        """Allow or deny a connection, by its headers.

        Returns:
            A policy for `execute-api:Invoke` on the `methodArn` of the request.
        """
        runtime = self._runtime()
        arrived_at = runtime.now()
        report = Report(request_id=context.aws_request_id, event_type="authorize")
        try:
            authenticate(
                headers_of(request), runtime.settings.token_header, runtime.settings.token_digests
            )
            effect = "Allow"
        except Unauthorized as refusal:
            effect = "Deny"
            report.outcome = Outcome.REFUSED
            report.reason = refusal.reason
            report.count("AuthFailed")
        runtime.telemetry.write(report, (runtime.now() - arrived_at) * 1000)
        return _policy(effect, str(request.get("methodArn", "")))


def authorizer() -> Authorizer:
    """Make the Lambda authorizer of the WebSocket.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
    """
    return Authorizer(started())


def _policy(effect: str, method_arn: str) -> JsonObject:
    return {
        "principalId": "ai-flow",
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": effect, "Resource": method_arn}
            ],
        },
    }
