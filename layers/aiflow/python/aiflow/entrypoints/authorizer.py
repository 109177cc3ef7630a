"""Who may connect to the WebSocket: the same secret, checked in the same way as over HTTP."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aiflow.bootstrap import default_dependencies, eager_on_lambda
from aiflow.errors import Unauthorized
from aiflow.pipeline.runtime import Context, Dependencies
from aiflow.protocol.types import JsonObject
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway import headers_of
from aiflow.transports.authentication import authenticate


class Authorizer:
    """A Lambda REQUEST authorizer for `$connect`; `authorizer` makes it.

    Args:
        surroundings: returns what it needs from outside.
    """

    def __init__(self, surroundings: Callable[[], Dependencies]) -> None:
        self._surroundings = surroundings

    def bind(self, surroundings: Dependencies) -> "Authorizer":
        """Return the same authorizer with other surroundings: for tests, and your own machine."""
        return Authorizer(lambda: surroundings)

    def __call__(self, request: Mapping[str, Any], context: Context) -> JsonObject:
        """Allow or deny a connection, by its headers.

        Returns:
            A policy for `execute-api:Invoke` on the `methodArn` of the request.
        """
        around = self._surroundings()
        settings, arrived_at = around.settings, around.now()
        report = EventReport(request_id=context.aws_request_id, event_type="authorize")
        effect: Literal["Allow", "Deny"] = "Allow"
        try:
            digests = settings.token_digests
            report.token_slot_used(
                authenticate(headers_of(request), settings.token_header, digests)
            )
        except Unauthorized as rejected:
            effect = "Deny"
            report.rejected(rejected)
        around.telemetry.write(report, (around.now() - arrived_at) * 1000)
        return _policy(effect, str(request.get("methodArn", "")))


def authorizer() -> Authorizer:
    """Make the Lambda authorizer of the WebSocket.

    Raises:
        SettingsError: on Lambda, at start-up, when the environment is not complete.
    """
    return Authorizer(eager_on_lambda(default_dependencies))


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
