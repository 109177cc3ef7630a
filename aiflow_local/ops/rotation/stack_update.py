"""Changing parameters of a stack, and nothing else of it."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import asked
from aiflow_local.ops.stack import Stack, find_stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import CapabilityType
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

_POLL_SECONDS = 5.0


def update(client: "CloudFormationClient", stack: Stack, changes: Mapping[str, str]) -> None:
    """Ask for other values of parameters; template and all others stay as they are deployed.

    Raises:
        LocalError: AWS refused, or the template has no such parameter.
    """
    missing = sorted(changes.keys() - stack.parameters.keys())
    if missing:
        message = (
            f"the stack {stack.name} has no parameter {missing[0]}: deploy this template first"
        )
        raise LocalError(message)
    kept: list[ParameterTypeDef] = [
        {"ParameterKey": name, "UsePreviousValue": True}
        for name in stack.parameters
        if name not in changes
    ]
    changed: list[ParameterTypeDef] = [
        {"ParameterKey": name, "ParameterValue": value} for name, value in changes.items()
    ]
    # The template is a SAM template: it is expanded again.
    expands: CapabilityType = "CAPABILITY_AUTO_EXPAND"
    with asked(f"update the stack {stack.name}"):
        client.update_stack(
            StackName=stack.name,
            UsePreviousTemplate=True,
            Parameters=[*kept, *changed],
            Capabilities=[*{*stack.capabilities, expands}],
        )


def wait(
    client: "CloudFormationClient",
    name: str,
    pause: Callable[[float], None],
    tell: Callable[[str], None],
) -> None:
    """Wait until an update is through.

    Args:
        client: of CloudFormation.
        name: of the stack.
        pause: waits for so many seconds.
        tell: told of each status.

    Raises:
        LocalError: it failed, and was rolled back; or the stack is gone.
    """
    while (stack := find_stack(client, name)) and stack.is_changing:
        tell(stack.status)
        pause(_POLL_SECONDS)
    if stack is None:
        raise LocalError(f"the stack {name} is gone")
    tell(stack.status)
    if not stack.is_settled:
        raise LocalError(
            f"the update of {name} failed, and what was deployed before is at work again "
            f"({stack.status}): {_reason(client, name)}"
        )


def _reason(client: "CloudFormationClient", name: str) -> str:
    with asked(f"read the events of {name}"):
        events = client.describe_stack_events(StackName=name)["StackEvents"]
    for event in events:
        # The newest come first, so the first failure is of this update.
        if event.get("ResourceStatus", "").endswith("_FAILED"):
            return f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
    return "its events say why"
