"""Updates parameters of a stack, and nothing else."""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import translate_aws_errors
from aiflow_local.ops.stack import Stack, find_stack

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import CapabilityType
    from mypy_boto3_cloudformation.type_defs import ParameterTypeDef

_POLL_SECONDS = 5.0


def update_parameters(
    client: "CloudFormationClient", stack: Stack, changes: Mapping[str, str]
) -> None:
    """Start an update that changes parameters and keeps the template and all other parameters.

    Raises:
        LocalError: The template has no such parameter, or the AWS request fails.
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
    # CloudFormation expands the SAM template again.
    auto_expand: CapabilityType = "CAPABILITY_AUTO_EXPAND"
    with translate_aws_errors(f"update the stack {stack.name}"):
        client.update_stack(
            StackName=stack.name,
            UsePreviousTemplate=True,
            Parameters=[*kept, *changed],
            Capabilities=[*{*stack.capabilities, auto_expand}],
        )


def wait_for_update(
    client: "CloudFormationClient",
    name: str,
    pause: Callable[[float], None],
    report: Callable[[str], None],
) -> None:
    """Wait until an update is complete.

    Args:
        client: The CloudFormation client.
        name: The name of the stack.
        pause: Sleeps for a number of seconds.
        report: Called with each status.

    Raises:
        LocalError: The update failed and was rolled back, or the stack was deleted.
    """
    while (stack := find_stack(client, name)) and stack.is_changing:
        report(stack.status)
        pause(_POLL_SECONDS)
    if stack is None:
        raise LocalError(f"the stack {name} was deleted during the update: deploy it again")
    report(stack.status)
    if not stack.is_settled:
        raise LocalError(
            f"the update of {name} failed, and the previous deployment is active again "
            f"({stack.status}): {_reason(client, name)}"
        )


def _reason(client: "CloudFormationClient", name: str) -> str:
    with translate_aws_errors(f"read the events of {name}"):
        events = client.describe_stack_events(StackName=name)["StackEvents"]
    for event in events:
        # Events are ordered newest first, so the first failure belongs to this update.
        if event.get("ResourceStatus", "").endswith("_FAILED"):
            return f"{event.get('LogicalResourceId')}: {event.get('ResourceStatusReason')}"
    return "see the events of the stack"
