"""A deployed stack: what CloudFormation tells of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiflow_local.ops.aws_session import AwsError, asked

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudformation.literals import CapabilityType

_ABSENT = "ValidationError"


@dataclass(frozen=True)
class Stack:
    """A stack as it stands.

    Attributes:
        name: of the stack.
        status: as CloudFormation names it, like `UPDATE_COMPLETE`.
        parameters: by name, with the values that are deployed.
        outputs: by name.
        capabilities: that its template was deployed with.
    """

    name: str
    status: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]
    capabilities: "Sequence[CapabilityType]"

    @property
    def is_settled(self) -> bool:
        """Whether nothing is being changed, and the latest change went through."""
        return self.status.endswith("_COMPLETE") and "ROLLBACK" not in self.status

    @property
    def is_changing(self) -> bool:
        """Whether CloudFormation is still at work."""
        return self.status.endswith("_IN_PROGRESS")


def find_stack(client: "CloudFormationClient", name: str) -> Stack | None:
    """Look a stack up; None if there is none of this name, or it was deleted.

    Raises:
        AwsError: AWS cannot be asked.
    """
    try:
        with asked(f"describe the stack {name}"):
            found = client.describe_stacks(StackName=name)["Stacks"][0]
    except AwsError as error:
        if error.code == _ABSENT:
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
