"""Who may connect: the authorizer, and the function behind `$connect`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from fnmatch import fnmatchcase

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.deployment import WebSocketApi
from aiflow_local.emulator.error_responses import BAD_GATEWAY, FORBIDDEN, UNAUTHORIZED
from aiflow_local.emulator.invoker import FAILED, NOT_INVOKED, OK, Invoked, Invoker
from aiflow_local.emulator.lambda_function import Function, FunctionFailed
from aiflow_local.emulator.websocket_event import Moment, Opening, authorizer_event, connect_event
from aiflow_local.stack.websocket_api import CONNECT, Identity

_ACTION = "execute-api:Invoke"
_SUCCESSES = range(200, 300)


@dataclass(frozen=True)
class Admission:
    """What became of a handshake.

    Attributes:
        invoked: how the last function that was asked answered; its status is that of the handshake.
        authorized: what the other functions are told of who connected.
    """

    invoked: Invoked
    authorized: Mapping[str, str] = field(default_factory=dict[str, str])


async def admit(api: WebSocketApi, invoke: Invoker, opening: Opening, moment: Moment) -> Admission:
    """Ask the authorizer, then the function behind `$connect`."""
    admission = Admission(NOT_INVOKED)
    if api.authorizer:
        identities, function = api.authorizer
        if not _identified(opening, identities):
            return Admission(replace(NOT_INVOKED, status=UNAUTHORIZED))
        admission = await _authorize(function, invoke, opening, moment)
    behind = api.routes.get(CONNECT)
    if behind is None or admission.invoked.status != OK:
        return admission
    opening = replace(opening, authorized=admission.authorized)
    connected = await invoke(behind, connect_event(opening, moment))
    return replace(admission, invoked=replace(connected, status=_status(connected)))


async def _authorize(
    function: Function, invoke: Invoker, opening: Opening, moment: Moment
) -> Admission:
    asked = await invoke(function, authorizer_event(opening, moment))
    if asked.status != OK:
        return Admission(replace(asked, status=FAILED))
    try:
        if not _allows(asked.answer, opening.method_arn):
            return Admission(replace(asked, status=FORBIDDEN))
        return Admission(asked, _authorized(asked.answer))
    except FunctionFailed as failure:
        invoke.complain(str(failure))
        return Admission(replace(asked, status=FAILED))


def _identified(opening: Opening, identities: Sequence[Identity]) -> bool:
    """Tell whether all is there that an authorizer must see; else it is not even asked."""
    return all(
        opening.header(identity.name)
        if identity.kind == "header"
        else any(opening.parameters.get(identity.name, ()))
        for identity in identities
    )


def _allows(answer: JsonValue, method_arn: str) -> bool:
    """Tell whether the policy in an authorizer's answer lets somebody connect."""
    try:
        effects = [
            statement["Effect"]
            for statement in _objects(_object(_object(answer)["policyDocument"])["Statement"])
            if _matches(statement["Action"], _ACTION)
            and _matches(statement["Resource"], method_arn)
        ]
    except KeyError as missing:
        raise FunctionFailed(f"The policy of the authorizer has no {missing}") from None
    return "Allow" in effects and "Deny" not in effects


def _authorized(answer: JsonValue) -> Mapping[str, str]:
    """Return `principalId` and the context of an authorizer's answer: texts, as on AWS."""
    answer = _object(answer)
    told = {"principalId": answer.get("principalId"), **_object(answer.get("context") or {})}
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in told.items()
    }


def _status(connected: Invoked) -> int:
    """Return what `$connect` makes of a handshake: what it answers, or 502 when it cannot."""
    answer = connected.answer
    if connected.status == FAILED or not isinstance(answer, dict):
        return BAD_GATEWAY if connected.status in {OK, FAILED} else connected.status
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
        raise FunctionFailed("The authorizer did not answer with an IAM policy")
    return node
