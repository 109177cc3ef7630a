"""The Lambda authorizer of the WebSocket: it checks the same token as an HTTP request carries."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

from aiflow.bootstrap import default_dependencies, eager_on_lambda
from aiflow.errors import Unauthorized
from aiflow.pipeline.runtime import Context, Dependencies
from aiflow.protocol.types import JsonObject
from aiflow.telemetry import EventReport
from aiflow.transports.api_gateway_payload import headers_of
from aiflow.transports.authentication import authenticate


class Authorizer:
    """A Lambda REQUEST authorizer for `$connect`.

    Args:
        dependencies: returns the settings, the telemetry and the clock.
    """

    def __init__(self, dependencies: Callable[[], Dependencies]) -> None:
        self._dependencies = dependencies

    def bind(self, dependencies: Dependencies) -> "Authorizer":
        """Return an authorizer with other dependencies, for tests and the emulator."""
        return Authorizer(lambda: dependencies)

    def __call__(self, request: Mapping[str, Any], context: Context) -> JsonObject:
        """Allow or deny a connection by the token in its headers.

        Returns:
            A policy for `execute-api:Invoke` on the `methodArn` of the request.
        """
        dependencies = self._dependencies()
        settings, arrived_at = dependencies.settings, dependencies.now()
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
        duration_ms = (dependencies.now() - arrived_at) * 1000
        dependencies.telemetry.write(report, duration_ms)
        return _policy(effect, str(request.get("methodArn", "")))


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


lambda_handler = Authorizer(eager_on_lambda(default_dependencies))
