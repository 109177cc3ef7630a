"""Our own rules that compare several resources, or resources with observed actions.

A rule is a function that yields findings; its name in capitals is the name of the rule.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from aiflow.protocol.events import EVENT_TYPES
from tests.infrastructure.scan.expanded_template import Expanded
from tests.infrastructure.scan.finding import Finding
from tests.infrastructure.scan.observed_actions import SEND

type Actions = Mapping[str, frozenset[str]]
"""The actions that the role of each function must allow, by function name."""

type Rule = Callable[[Expanded, Actions], Iterator[Finding]]

# Policies of AWS for logs and traces.
_AWS_MANAGED = {"AWSLambdaBasicExecutionRole", "AWSXrayWriteOnlyAccess"}
# Used by a service on behalf of the function, so no test can observe it.
_BY_SERVICES = ("kms:",)
_MOST_RESOURCES, _MOST_BYTES = 500, 1_000_000
_CONNECTION_ROUTES = {"$connect", "$disconnect", "$default"}
_EVENTS = "/events/"


def function_has_an_error_alarm(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """Every function has an alarm for its errors."""
    del actions
    watched = {
        dimension["Value"].get("Ref")
        for alarm in template.of_type("AWS::CloudWatch::Alarm").values()
        if alarm.get("MetricName") == "Errors"
        for dimension in alarm["Dimensions"]
        if dimension["Name"] == "FunctionName"
    }
    for name in template.of_type("AWS::Lambda::Function").keys() - watched:
        yield _finding("FUNCTION_HAS_AN_ERROR_ALARM", name, "has no alarm for its errors")


def function_has_a_log_group(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """Every function uses a log group of the stack; one that Lambda creates never expires."""
    del actions
    groups = template.of_type("AWS::Logs::LogGroup")
    for name, function in template.of_type("AWS::Lambda::Function").items():
        group = function.get("LoggingConfig", {}).get("LogGroup", {})
        if group.get("Ref") not in groups:
            yield _finding(
                "FUNCTION_HAS_A_LOG_GROUP", name, "does not use a log group of this stack"
            )


def function_has_a_role_of_its_own(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """No two functions share a role."""
    del actions
    users = dict[str, str]()
    for name, function in template.of_type("AWS::Lambda::Function").items():
        role = json.dumps(function["Role"])
        if role in users:
            message = f"shares the role of {users[role]}"
            yield _finding("FUNCTION_HAS_A_ROLE_OF_ITS_OWN", name, message)
        users[role] = name


def action_is_used(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """No role allows an action that its function did not use; the rule name contains both."""
    for name, grants in _grants(template).items():
        for policy, action in grants:
            is_used = action in actions.get(name, frozenset()) or action.startswith(_BY_SERVICES)
            if not is_used:
                rule = f"ACTION_IS_USED {name} {action}"
                yield _finding(rule, policy, "allows an unused action")


def action_is_allowed(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """Every role allows the actions that its function used."""
    has_websocket = bool(template.of_type("AWS::ApiGatewayV2::Route"))
    for name, grants in _grants(template).items():
        for action in sorted(actions.get(name, frozenset()) - {action for _, action in grants}):
            if action != SEND or has_websocket:
                yield _finding(
                    f"ACTION_IS_ALLOWED {action}",
                    name,
                    "used an action that its role does not allow",
                )


def routes_are_the_event_types(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """Both APIs have a route for each event type, and no other routes."""
    del actions
    routes = {
        route["RouteKey"]: name
        for name, route in template.of_type("AWS::ApiGatewayV2::Route").items()
    }
    wanted = {*EVENT_TYPES, *_CONNECTION_ROUTES} if routes else set[str]()
    for key in sorted(wanted ^ routes.keys()):
        where = routes.get(key, "-")
        yield _finding("ROUTES_ARE_THE_EVENT_TYPES", where, f"the WebSocket route {key}")
    for name, api in template.of_type("AWS::ApiGatewayV2::Api").items():
        paths = [path.removeprefix(_EVENTS) for path in api.get("Body", {}).get("paths", ())]
        events = {path for path in paths if not path.endswith("/webhook")}
        for path in sorted(events ^ {*EVENT_TYPES} if paths else ()):
            yield _finding("ROUTES_ARE_THE_EVENT_TYPES", name, f"the HTTP route {path}")


def deployment_is_rolled_back_by_alarms(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """Alarms of this stack roll back a gradual deployment."""
    del actions
    for name, group in template.of_type("AWS::CodeDeploy::DeploymentGroup").items():
        alarms = group.get("AlarmConfiguration", {}).get("Alarms", [])
        named = [alarm["Name"].get("Ref") for alarm in alarms]
        if not named or any(alarm not in template.resources for alarm in named):
            message = "shifts traffic without an alarm of this stack that rolls it back"
            yield _finding("DEPLOYMENT_IS_ROLLED_BACK_BY_ALARMS", name, message)


def template_fits(template: Expanded, actions: Actions) -> Iterator[Finding]:
    """The template is within the limits of CloudFormation: 500 resources and one megabyte."""
    del actions
    if (
        len(template.resources) >= _MOST_RESOURCES
        or len(json.dumps(template.resources)) >= _MOST_BYTES
    ):
        yield _finding("TEMPLATE_FITS", "-", "exceeds the limits of CloudFormation")


RULES: tuple[Rule, ...] = (
    function_has_an_error_alarm,
    function_has_a_log_group,
    function_has_a_role_of_its_own,
    action_is_used,
    action_is_allowed,
    routes_are_the_event_types,
    deployment_is_rolled_back_by_alarms,
    template_fits,
)
"""All rules, in the order of the printed table."""


def _grants(template: Expanded) -> dict[str, list[tuple[str, str]]]:
    """Return what the role of each function allows: pairs of a policy and an action."""
    roles = template.of_type("AWS::IAM::Role")
    return {
        name: [
            (where, action)
            for where, document in _documents(template, name, roles[_role_of(function)])
            for action in _actions(document)
        ]
        for name, function in template.of_type("AWS::Lambda::Function").items()
    }


def _role_of(function: Mapping[str, Any]) -> str:
    name: str = function["Role"]["Fn::GetAtt"][0]
    return name


def _documents(
    template: Expanded, function: str, role: Mapping[str, Any]
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the policies of a role, each with the name of its resource."""
    policies = template.of_type("AWS::IAM::ManagedPolicy")
    for policy in role.get("Policies", []):
        yield function, policy["PolicyDocument"]
    for arn in role.get("ManagedPolicyArns", []):
        # The ARN of an AWS managed policy is a text. Report its name instead of its actions.
        name: str = arn if isinstance(arn, str) else arn["Ref"]
        if name in policies:
            yield name, policies[name]["PolicyDocument"]
        elif name.rpartition("/")[2] not in _AWS_MANAGED:
            yield function, {"Statement": [{"Action": name}]}


def _actions(document: Mapping[str, Any]) -> Iterator[str]:
    for statement in document["Statement"]:
        actions = statement["Action"]
        yield from [actions] if isinstance(actions, str) else actions


def _finding(rule: str, resource: str, message: str) -> Finding:
    return Finding("own rules", rule, resource, message)
