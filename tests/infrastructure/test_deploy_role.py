"""The roles for deployments from GitHub: sufficient, and limited to the stack."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import pytest

from aiflow_local.stack.intrinsics import REGION
from tests.helpers.template import ROOT
from tests.infrastructure.scan.expanded_template import Expanded, expand, source_of
from tests.infrastructure.scan.scan import parameter_sets

ROLES = source_of(ROOT / ".github/aws/deploy-role.yaml")["Resources"]
# Permissions for properties that no resource of the stack has.
UNUSED = (
    *("ec2:*", "elasticfilesystem:*", "firehose:*", "kinesis:*", "s3files:*"),
    *("s3:ListBucket", "s3:GetObjectMetadata", "s3:REST.PUT.OBJECT"),
    *("iam:*Group*", "iam:*User*", "iam:CreateServiceLinkedRole", "iam:*PermissionsBoundary"),
    *("iam:ListRoles", "iam:ListPolicies"),
)


def statements(role: str) -> Iterator[dict[str, Any]]:
    """Yield the policy statements of a role."""
    for policy in ROLES[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    """Return the actions of a statement."""
    named = statement["Action"]
    return [named] if isinstance(named, str) else named


def needed(stack: Expanded) -> set[tuple[str, str]]:
    """Return the permissions that CloudFormation needs for each resource type."""
    schemas: Any = import_module("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER
    return {
        (kind, action)
        for kind in {resource["Type"] for resource in stack.resources.values()}
        for handler in schemas.get_resource_schema(REGION, kind).schema.get("handlers", {}).values()
        for action in handler["permissions"]
    }


@pytest.mark.parametrize("name", parameter_sets())
def test_the_execution_role_allows_what_every_resource_type_needs(name: str) -> None:
    asked = needed(expand(ROOT / "template.yaml", name, parameter_sets()[name]))
    allowed = [action for each in statements("ExecutionRole") for action in actions(each)]
    assert len(asked) > 100
    assert {
        (kind, action)
        for kind, action in asked
        if not any(fnmatchcase(action.lower(), pattern.lower()) for pattern in (*allowed, *UNUSED))
    } == set()


@pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
def test_action_wildcards_are_limited_to_resources_of_the_stack(role: str) -> None:
    everywhere = [
        action
        for statement in statements(role)
        if statement["Resource"] == "*"
        for action in actions(statement)
    ]
    assert [action for action in everywhere if "*" in action] == []
    assert [action for action in everywhere if action.startswith(("iam:", "lambda:Invoke"))] == []


def test_the_workflow_changes_resources_only_through_cloudformation() -> None:
    may = {action for statement in statements("DeployRole") for action in actions(statement)}
    services = {action.split(":")[0] for action in may}
    assert services == {"cloudformation", "dynamodb", "iam", "s3", "sns"}
    assert {action for action in may if action.startswith("iam:")} == {"iam:PassRole"}
    looks = [action for action in may if action.startswith(("dynamodb:", "sns:"))]
    assert all(action.split(":")[1].startswith(("Describe", "List")) for action in looks)


def test_only_one_environment_of_one_repository_can_assume_the_role() -> None:
    (statement,) = ROLES["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]
    # Exact comparison: no wildcard matches another repository.
    assert [*condition] == ["StringEquals"]
    claims = condition["StringEquals"]
    host = "token.actions.githubusercontent.com"
    assert claims[f"{host}:aud"] == "sts.amazonaws.com"
    assert claims[f"{host}:sub"] == {
        "Fn::Sub": "repo:${GitHubRepository}:environment:${GitHubEnvironment}"
    }
