"""A fake AWS account on moto, with a stack."""

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, cast

from botocore.session import Session

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_dynamodb.type_defs import TimeToLiveSpecificationTypeDef
    from mypy_boto3_sns import SNSClient

# The parameters of template.yaml that the commands read.
PARAMETERS = ("TokenSha256", "TokenSha256Next", "Release", "SnapStart", "LogLevel")


class Account:
    """A fake AWS account.

    Attributes:
        stack: The name of its stack.
    """

    stack = "aiflow-test"

    @property
    def cloudformation(self) -> "CloudFormationClient":
        """A CloudFormation client."""
        return cast("CloudFormationClient", Session().create_client("cloudformation"))

    def deploy(self, **outputs: str) -> None:
        """Deploy a stack with these outputs."""
        self.deploy_with({}, outputs)

    def deploy_with(
        self,
        parameters: Mapping[str, str],
        outputs: Mapping[str, str],
        *,
        with_alarms: bool = True,
        names: Sequence[str] = PARAMETERS,
    ) -> None:
        """Deploy a stack with these parameters and outputs."""
        topic = {"AlarmTopicArn": {"Value": {"Ref": "AlarmTopic"}}} if with_alarms else {}
        template = {
            "Parameters": {name: {"Type": "String", "Default": ""} for name in names},
            "Resources": {"AlarmTopic": {"Type": "AWS::SNS::Topic"}},
            "Outputs": {**{name: {"Value": value} for name, value in outputs.items()}, **topic},
        }
        self.cloudformation.create_stack(
            StackName=self.stack,
            TemplateBody=json.dumps(template),
            # Every parameter is set, since moto does not keep defaults as previous values.
            Parameters=[
                {"ParameterKey": name, "ParameterValue": parameters.get(name, "")} for name in names
            ],
        )

    def enable_ttl(self, table: str, *, with_backups: bool = True) -> None:
        """Enable TTL on a table and, by default, point-in-time recovery."""
        client = cast("DynamoDBClient", Session().create_client("dynamodb"))
        ttl: TimeToLiveSpecificationTypeDef = {"AttributeName": "expires_at", "Enabled": True}
        client.update_time_to_live(TableName=table, TimeToLiveSpecification=ttl)
        client.update_continuous_backups(
            TableName=table,
            PointInTimeRecoverySpecification={"PointInTimeRecoveryEnabled": with_backups},
        )

    def subscribe(self) -> None:
        """Subscribe an e-mail address to the alarm topic."""
        stack = self.cloudformation.describe_stacks(StackName=self.stack)["Stacks"][0]
        outputs = {
            each.get("OutputKey"): each.get("OutputValue", "") for each in stack.get("Outputs", [])
        }
        client = cast("SNSClient", Session().create_client("sns"))
        topic = outputs["AlarmTopicArn"]
        client.subscribe(TopicArn=topic, Protocol="email", Endpoint="oncall@example.com")
