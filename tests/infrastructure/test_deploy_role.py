"""The roles that deploy from GitHub: enough for every resource of the stack, and for no other."""

from collections.abc import Iterator
from fnmatch import fnmatchcase
from importlib import import_module
from typing import Any

import pytest

from aiflow_local.stack.intrinsics import REGION
from tests.helpers.template import ROOT
from tests.infrastructure.scan.expanding import Expanded, expanded, source_of
from tests.infrastructure.scan.gate import parameter_sets

ROLES = source_of(ROOT / ".github/aws/deploy-role.yaml")["Resources"]
# What CloudFormation can also do for these types of resources, with properties that none here has.
ELSEWHERE = (
    *("ec2:*", "elasticfilesystem:*", "firehose:*", "kinesis:*", "s3files:*"),
    *("s3:ListBucket", "s3:GetObjectMetadata", "s3:REST.PUT.OBJECT"),
    *("iam:*Group*", "iam:*User*", "iam:CreateServiceLinkedRole", "iam:*PermissionsBoundary"),
    *("iam:ListRoles", "iam:ListPolicies"),
)


def statements(role: str) -> Iterator[dict[str, Any]]:
    """What a role may."""
    for policy in ROLES[role]["Properties"]["Policies"]:
        yield from policy["PolicyDocument"]["Statement"]


def actions(statement: dict[str, Any]) -> list[str]:
    """The actions of a statement, which may be one or many."""
    named = statement["Action"]
    return [named] if isinstance(named, str) else named


def needed(stack: Expanded) -> set[tuple[str, str]]:
    """What CloudFormation asks for, to make, change, read and delete each type of resource."""
    schemas: Any = import_module("cfnlint.schema.manager").PROVIDER_SCHEMA_MANAGER
    return {
        (kind, action)
        for kind in {resource["Type"] for resource in stack.resources.values()}
        for handler in schemas.get_resource_schema(REGION, kind).schema.get("handlers", {}).values()
        for action in handler["permissions"]
    }


@pytest.mark.parametrize("name", parameter_sets())
def test_cloudformation_may_do_what_every_resource_of_the_stack_needs(name: str) -> None:
    asked = needed(expanded(ROOT / "template.yaml", name, parameter_sets()[name]))
    allowed = [action for each in statements("ExecutionRole") for action in actions(each)]
    assert len(asked) > 100
    assert {
        (kind, action)
        for kind, action in asked
        if not any(
            fnmatchcase(action.lower(), pattern.lower()) for pattern in (*allowed, *ELSEWHERE)
        )
    } == set()


@pytest.mark.parametrize("role", ["DeployRole", "ExecutionRole"])
def test_a_wildcard_of_actions_is_for_what_bears_the_name_of_the_stack(role: str) -> None:
    everywhere = [
        action
        for statement in statements(role)
        if statement["Resource"] == "*"
        for action in actions(statement)
    ]
    assert [action for action in everywhere if "*" in action] == []
    assert [action for action in everywhere if action.startswith(("iam:", "lambda:Invoke"))] == []


def test_the_workflow_itself_changes_nothing_but_by_cloudformation() -> None:
    may = {action for statement in statements("DeployRole") for action in actions(statement)}
    services = {action.split(":")[0] for action in may}
    assert services == {"cloudformation", "dynamodb", "iam", "s3", "sns"}
    assert {action for action in may if action.startswith("iam:")} == {"iam:PassRole"}
    looks = [action for action in may if action.startswith(("dynamodb:", "sns:"))]
    assert all(action.split(":")[1].startswith(("Describe", "List")) for action in looks)


def test_only_one_environment_of_one_repository_becomes_the_role() -> None:
    (statement,) = ROLES["DeployRole"]["Properties"]["AssumeRolePolicyDocument"]["Statement"]
    condition = statement["Condition"]
    # Compared as they are: no wildcard of a pattern lets another repository in.
    assert [*condition] == ["StringEquals"]
    claims = condition["StringEquals"]
    host = "token.actions.githubusercontent.com"
    assert claims[f"{host}:aud"] == "sts.amazonaws.com"
    assert claims[f"{host}:sub"] == {
        "Fn::Sub": "repo:${GitHubRepository}:environment:${GitHubEnvironment}"
    }
