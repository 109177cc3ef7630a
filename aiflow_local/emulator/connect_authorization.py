"""Authorizes WebSocket connections: the authorizer, then the function of `$connect`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.deployment import WebSocketApi
from aiflow_local.emulator.error_responses import BAD_GATEWAY, FORBIDDEN, UNAUTHORIZED
from aiflow_local.emulator.invoker import FAILED, NOT_INVOKED, OK, InvocationResult, Invoker
from aiflow_local.emulator.lambda_function import Function, FunctionError
from aiflow_local.emulator.websocket_event import (
    Handshake,
    WebSocketRequestContext,
    authorizer_event,
    connect_event,
)
from aiflow_local.stack.websocket_api import CONNECT, Identity

_ACTION = "execute-api:Invoke"
_SUCCESSES = range(200, 300)


@dataclass(frozen=True)
class ConnectResult:
    """The result of a handshake.

    Attributes:
        invoked: The last invocation; its status is the status of the handshake.
        authorizer_context: The context that the authorizer returned for the later events.
    """

    invoked: InvocationResult
    authorizer_context: Mapping[str, str] = field(default_factory=dict[str, str])


async def authorize_connect(
    api: WebSocketApi, invoke: Invoker, handshake: Handshake, context: WebSocketRequestContext
) -> ConnectResult:
    """Invoke the authorizer, then the function of `$connect`."""
    result = ConnectResult(NOT_INVOKED)
    if api.authorizer:
        identities, authorizer = api.authorizer
        if not _has_identities(handshake, identities):
            return ConnectResult(replace(NOT_INVOKED, status=UNAUTHORIZED))
        result = await _authorize(authorizer, invoke, handshake, context)
    function = api.routes.get(CONNECT)
    if function is None or result.invoked.status != OK:
        return result
    handshake = replace(handshake, authorizer_context=result.authorizer_context)
    invoked = await invoke(function, connect_event(handshake, context))
    return replace(result, invoked=replace(invoked, status=_status(invoked)))


async def _authorize(
    function: Function, invoke: Invoker, handshake: Handshake, context: WebSocketRequestContext
) -> ConnectResult:
    invoked = await invoke(function, authorizer_event(handshake, context))
    if invoked.status != OK:
        return ConnectResult(replace(invoked, status=FAILED))
    try:
        if not _allows(invoked.answer, handshake.method_arn):
            return ConnectResult(replace(invoked, status=FORBIDDEN))
        return ConnectResult(invoked, _authorizer_context(invoked.answer))
    except FunctionError as error:
        invoke.on_error(str(error))
        return ConnectResult(replace(invoked, status=FAILED))


def _has_identities(handshake: Handshake, identities: Sequence[Identity]) -> bool:
    """Return whether the handshake has all identity sources that the authorizer requires."""
    return all(
        handshake.header(identity.name)
        if identity.kind == "header"
        else any(handshake.parameters.get(identity.name, ()))
        for identity in identities
    )


def _allows(answer: JsonValue, method_arn: str) -> bool:
    """Return whether the policy in the authorizer's answer allows the connection."""
    try:
        effects = [
            statement["Effect"]
            for statement in _objects(_object(_object(answer)["policyDocument"])["Statement"])
            if _matches(statement["Action"], _ACTION)
            and _matches(statement["Resource"], method_arn)
        ]
    except KeyError as missing:
        raise FunctionError(f"the policy of the authorizer has no {missing}") from None
    return "Allow" in effects and "Deny" not in effects


def _authorizer_context(answer: JsonValue) -> Mapping[str, str]:
    """Return `principalId` and the context of the authorizer's answer as strings, as on AWS."""
    answer = _object(answer)
    members = {"principalId": answer.get("principalId"), **_object(answer.get("context") or {})}
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in members.items()
    }


def _status(invoked: InvocationResult) -> int:
    """Return the status that `$connect` answers; 502 if it fails or its answer is invalid."""
    answer = invoked.answer
    if invoked.status == FAILED or not isinstance(answer, dict):
        return BAD_GATEWAY if invoked.status in {OK, FAILED} else invoked.status
    try:
        status = int(str(answer.get("statusCode")))
    except ValueError:
        return BAD_GATEWAY
    return OK if status in _SUCCESSES else status


def _matches(patterns: JsonValue, text: str) -> bool:
    several = patterns if isinstance(patterns, list) else [patterns]
    return any(fnmatchcase(text, str(pattern)) for pattern in several)


def _objects(node: JsonValue) -> list[JsonObject]:
    return [_object(item) for item in (node if isinstance(node, list) else [node])]


def _object(node: JsonValue) -> JsonObject:
    if not isinstance(node, dict):
        raise FunctionError("the authorizer did not answer with an IAM policy")
    return node
