"""A deployed stack, as CloudFormation describes it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiflow_local.ops.aws_session import AwsError, translate_aws_errors

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import CapabilityType

_STACK_NOT_FOUND = "ValidationError"


@dataclass(frozen=True)
class Stack:
    """The current state of a deployed stack.

    Attributes:
        name: The name of the stack.
        status: The CloudFormation status, for example `UPDATE_COMPLETE`.
        parameters: The deployed parameter values by name.
        outputs: The output values by name.
        capabilities: The capabilities of the latest deployment.
    """

    name: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    capabilities: "Sequence[CapabilityType]"

    @property
    def is_settled(self) -> bool:
        """Whether the latest deployment has completed successfully."""
        return self.status.endswith("_COMPLETE") and "ROLLBACK" not in self.status

    @property
    def is_changing(self) -> bool:
        """Whether a deployment is in progress."""
        return self.status.endswith("_IN_PROGRESS")


def find_stack(client: "CloudFormationClient", name: str) -> Stack | None:
    """Return a stack by name; None if it does not exist or was deleted.

    Raises:
        AwsError: The request fails.
    """
    try:
        with translate_aws_errors(f"describe the stack {name}"):
            found = client.describe_stacks(StackName=name)["Stacks"][0]
    except AwsError as error:
        if error.code == _STACK_NOT_FOUND:
            return None
        raise
    return Stack(
        name=found["StackName"],
        status=found["StackStatus"],
        parameters={
            parameter.get("ParameterKey", ""): parameter.get("ParameterValue", "")
            for parameter in found.get("Parameters", [])
        },
        outputs={
            output.get("OutputKey", ""): output.get("OutputValue", "")
            for output in found.get("Outputs", [])
        },
        capabilities=[*found.get("Capabilities", [])],
    )
