"""The nested stack of operations.yaml: alarms, dashboard and saved queries use what exists."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any, cast

import pytest

from aiflow import Call, Event, Reply
from aiflow.entrypoints import webhook
from aiflow.protocol.types import JsonValue
from aiflow.sessions.memory import InMemorySessionStore
from aiflow.sessions.record import SessionRecord
from aiflow.sessions.store import CommitConflict
from aiflow_local.stack.intrinsics import STACK_NAME, Resolver
from aiflow_local.stack.parameters import parameter_values
from tests.helpers.runtime import Clock, Log, http_v2, make_runtime, make_settings, send
from tests.helpers.template import ROOT, Template
from tests.helpers.websocket_in_process import WebSocketCallDriver
from tests.infrastructure.scan.expanded_template import NESTED, source_of
from tests.infrastructure.scan.observed_actions import observe
from tests.infrastructure.scan.scan import parameter_sets

MAIN, OPERATIONS = ROOT / "template.yaml", ROOT / "operations.yaml"
ALARM, DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
QUERY, TOPIC = "AWS::Logs::QueryDefinition", "AWS::SNS::Topic"
FUNCTION = "AWS::Serverless::Function"
NAMESPACE = "AiFlow"
REQUIRED = {"TokenSha256": "0" * 64}
ALLOWED, PREMIUM = "493023125777", "499001234567"
# Keywords of the query language, and names that a query defines.
KEYWORDS = {
    *("fields", "filter", "sort", "limit", "stats", "desc", "asc", "in", "by", "as", "bin", "5m"),
    *("count", "earliest", "latest", "apologies", "first_seen", "last_seen", "a_call", "refused"),
}
each_set = pytest.mark.parametrize("parameters", parameter_sets().values(), ids=parameter_sets())


def failures() -> Iterator[Log]:
    """Yield what functions log when something fails, or is billable."""

    def fail(event: Event, call: Call) -> Reply:
        raise ZeroDivisionError

    def reach(event: Event, call: Call) -> Reply:
        return [call.send_sms(ALLOWED, "Hello"), call.send_sms(PREMIUM, "Hello")]

    def echo(event: Event, call: Call) -> Reply:
        return "Hello."

    drivers = [
        WebSocketCallDriver(fail),
        WebSocketCallDriver(reach, settings=make_settings(allowed_numbers={ALLOWED})),
        WebSocketCallDriver(echo, sessions=Conflicting(Clock())),
        WebSocketCallDriver(echo),
    ]
    drivers[-1].connections.gone.add("connection-1")
    for driver in drivers:
        driver.send("user_speak", text="Hello.")
        yield driver.log
    log = Log()
    send(webhook.lambda_handler, http_v2("no event"), make_runtime(stream=log))
    yield log


class Conflicting(InMemorySessionStore):
    """A session store where the first commit conflicts with another one."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self._is_first = True

    def commit(self, record: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        if self._is_first:
            self._is_first = False
            raise CommitConflict(None)
        super().commit(record)


@cache
def logs() -> tuple[Log, ...]:
    """Return everything that functions log, with and without failures."""
    return (observe().log, *failures())


@cache
def metrics() -> frozenset[tuple[str, frozenset[str]]]:
    """Return every emitted metric with each of its sets of dimensions."""
    return frozenset(
        (metric["Name"], frozenset(dimensions))
        for log in logs()
        for blob in log.metrics()
        for directive in blob["_aws"]["CloudWatchMetrics"]
        for metric in directive["Metrics"]
        for dimensions in directive["Dimensions"]
    )


@cache
def fields() -> frozenset[str]:
    """Return every field of the log lines, as Logs Insights names it."""
    return frozenset(name for log in logs() for entry in log.entries() for name in flat(entry))


def flat(entry: JsonValue, before: str = "") -> Iterator[str]:
    """Yield the path of every value of a log line."""
    if isinstance(entry, dict):
        for name, member in entry.items():
            yield from flat(member, f"{before}.{name}" if before else name)
    elif isinstance(entry, list):
        for number, item in enumerate(entry):
            yield from flat(item, f"{before}.{number}")
    else:
        yield before


def without_mappings(node: JsonValue) -> JsonValue:
    """Replace lookups in mappings, which the resolver does not support."""
    if isinstance(node, list):
        return [without_mappings(item) for item in node]
    if isinstance(node, dict):
        if "Fn::FindInMap" in node:
            return "looked up"
        return {key: without_mappings(member) for key, member in node.items()}
    return node


class Stack:
    """The resources of one template with one set of parameters, references resolved."""

    def __init__(self, template: Path, parameters: Mapping[str, str]) -> None:
        source = source_of(template)
        self._resources = cast("dict[str, Any]", without_mappings(source["Resources"]))
        values = parameter_values(source["Parameters"], parameters)
        self._resolver = Resolver(values, source["Conditions"], self._resources)

    def of(self, kind: str) -> dict[str, Any]:
        """Return the properties of all resources of a type, by name."""
        return {
            name: self._resolver.value(resource["Properties"])
            for name, resource in self._resources.items()
            if resource["Type"] == kind and self._resolver.exists(name)
        }

    @property
    def widgets(self) -> list[Any]:
        """The widgets of the dashboard."""
        (dashboard,) = self.of(DASHBOARD).values()
        widgets: list[Any] = json.loads(dashboard["DashboardBody"])["widgets"]
        return widgets


def main(parameters: Mapping[str, str]) -> Stack:
    """Return the stack of template.yaml."""
    return Stack(MAIN, parameters)


def operations(parameters: Mapping[str, str]) -> Stack:
    """Return the nested stack, with the parameters that its parent passes."""
    (nested,) = main(parameters).of(NESTED).values()
    assert MAIN.parent / nested["TemplateURL"] == OPERATIONS
    return Stack(OPERATIONS, nested["Parameters"])


def watched(alarm: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield namespace, name and dimensions of each metric of an alarm."""
    several = alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
    for metric in (each["MetricStat"]["Metric"] for each in several if "MetricStat" in each):
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def shown(widget: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield namespace, name and dimensions of each metric of a widget."""
    for metric in widget["properties"].get("metrics", []):
        # An expression has no texts.
        texts = [part for part in metric if isinstance(part, str)]
        for namespace, name in [texts[:2]] if texts else []:
            yield namespace, name, dict(zip(texts[2::2], texts[3::2], strict=True))


def test_the_parent_passes_every_parameter_and_no_other() -> None:
    (stack,) = Template(MAIN).properties(NESTED).values()
    declared = Template(OPERATIONS).parameters
    assert set(stack["Parameters"]) == set(declared)
    # Without defaults, CloudFormation rejects a parent that does not pass one.
    assert [name for name, rules in declared.items() if "Default" in rules] == []


@each_set
def test_a_parameter_with_the_name_of_a_resource_refers_to_it(
    parameters: Mapping[str, str],
) -> None:
    (nested,) = main(parameters).of(NESTED).values()
    resources = source_of(MAIN)["Resources"].keys()
    named = {name: value for name, value in nested["Parameters"].items() if name in resources}
    assert len(named) > 15
    for name, value in named.items():
        assert value in {"", f"{STACK_NAME}-{name}"}


def test_the_nested_stack_does_not_use_its_own_name() -> None:
    # Metrics, dashboard and queries have the name of the parent.
    assert "AWS::StackName" not in OPERATIONS.read_text("utf-8")


def test_a_parameter_leaves_the_nested_stack_out() -> None:
    stack = main({**REQUIRED, "Operations": "disabled"})
    for kind in (NESTED, ALARM, DASHBOARD, QUERY, TOPIC):
        assert stack.of(kind) == {}
    template = Template(MAIN)
    assert template.parameters["Operations"]["Default"] == "enabled"
    assert template.resources(NESTED)["OperationsStack"]["Condition"] == "HasOperations"


@each_set
def test_every_metric_of_ours_is_one_that_functions_emit(parameters: Mapping[str, str]) -> None:
    stack = operations(parameters)
    alarms = [*stack.of(ALARM).values(), *main(parameters).of(ALARM).values()]
    used = [metric for alarm in alarms for metric in watched(alarm)]
    used += [metric for widget in stack.widgets for metric in shown(widget)]
    ours = {(name, frozenset(of)) for namespace, name, of in used if namespace == NAMESPACE}
    assert len(ours) > 10
    assert ours - metrics() == set()
    assert {of["service"] for namespace, _, of in used if namespace == NAMESPACE} == {STACK_NAME}


@each_set
def test_every_alarm_is_on_the_dashboard(parameters: Mapping[str, str]) -> None:
    stack = operations(parameters)
    (alarms,) = (
        widget["properties"]["alarms"] for widget in stack.widgets if widget["type"] == "alarm"
    )
    assert sorted(alarms) == sorted(f"{STACK_NAME}-{name}.Arn" for name in stack.of(ALARM))


@each_set
def test_widgets_do_not_overlap(parameters: Mapping[str, str]) -> None:
    taken = [
        (x, y)
        for widget in operations(parameters).widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len({*taken}) == len(taken)
    assert max(x for x, _ in taken) == 23


@each_set
def test_every_function_has_alarms_for_errors_throttles_and_duration(
    parameters: Mapping[str, str],
) -> None:
    functions = {f"{STACK_NAME}-{name}" for name in main(parameters).of(FUNCTION)}
    alarms = operations(parameters).of(ALARM).values()
    for name in ("Errors", "Throttles", "Duration"):
        found = [
            of["FunctionName"]
            for alarm in alarms
            for namespace, metric, of in watched(alarm)
            if (namespace, metric) == ("AWS/Lambda", name)
        ]
        assert sorted(found) == sorted(functions)
    # CloudWatch accepts at most ten metrics per alarm.
    assert max(len(alarm.get("Metrics", [])) for alarm in alarms) <= 10


@each_set
def test_the_gigabyte_seconds_include_all_functions(parameters: Mapping[str, str]) -> None:
    (widget,) = (each for each in operations(parameters).widgets if "GB-sec" in str(each))
    (expression,), *durations = widget["properties"]["metrics"]
    functions = {metric[4]["id"]: metric[3] for metric in durations}
    large, small = re.findall(r"SUM\(\[(.*?)\]\)", expression["expression"])
    memory = {
        f"{STACK_NAME}-{name}": function["MemorySize"]
        for name, function in Template(MAIN).functions.items()
    }
    deployed = {f"{STACK_NAME}-{name}" for name in main(parameters).of(FUNCTION)}
    # Milliseconds of functions with 1 GB, and with half of it.
    assert expression["expression"].endswith("/ 2) / 1000")
    assert {functions[each] for each in large.split(", ")} == {
        name for name in deployed if memory[name] == 1024
    }
    assert {functions[each] for each in small.split(", ")} == {
        name for name in deployed if memory[name] == 512
    }
    assert set(functions.values()) == deployed


def test_every_saved_query_uses_the_log_group_and_the_fields_of_the_functions() -> None:
    for query in operations(REQUIRED).of(QUERY).values():
        assert query["LogGroupNames"] == [f"{STACK_NAME}-FunctionLogGroup"]
        text = re.sub(r'#.*|"[^"]*"', "", query["QueryString"])
        used = set(re.findall(r"@?[a-z_][a-z_0-9.]*|5m", text)) - KEYWORDS - {"@timestamp"}
        assert used - fields() == set(), query["Name"]


def test_missing_data_breaches_only_the_alarm_of_the_sweeper() -> None:
    alarms = operations(parameter_sets()["everything"]).of(ALARM)
    breaching = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert breaching == {"SweeperSilent"}
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"breaching", "notBreaching"}


def test_all_alarms_notify_one_topic_which_sends_mail_if_there_is_an_address() -> None:
    everything, defaults = (
        operations(parameter_sets()[name]) for name in ("everything", "defaults")
    )
    topic = f"{STACK_NAME}-AlarmTopic"
    for alarm in everything.of(ALARM).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
    (mail,) = everything.of("AWS::SNS::Subscription").values()
    assert mail == {"TopicArn": topic, "Protocol": "email", "Endpoint": "somebody@example.com"}
    assert defaults.of("AWS::SNS::Subscription") == {}


def test_a_customer_key_encrypts_everything_that_is_stored() -> None:
    everything, defaults = (parameter_sets()[name] for name in ("everything", "defaults"))
    key = f"{STACK_NAME}-DataKey"
    assert main(defaults).of("AWS::KMS::Key") == {}
    (table,) = main(everything).of("AWS::DynamoDB::Table").values()
    assert table["SSESpecification"]["KMSMasterKeyId"] == f"{key}.Arn"
    groups = main(everything).of("AWS::Logs::LogGroup").values()
    assert {group["KmsKeyId"] for group in groups} == {f"{key}.Arn"}
    (topic,) = operations(everything).of(TOPIC).values()
    assert topic["KmsMasterKeyId"] == key
    assert operations(defaults).of(TOPIC) == {"AlarmTopic": {}}
    variables = source_of(MAIN)["Globals"]["Function"]["KmsKeyArn"]
    assert variables["Fn::If"][:2] == ["HasCustomerKey", {"Fn::GetAtt": ["DataKey", "Arn"]}]


@pytest.mark.parametrize(("name", "days"), [("dev", 7), ("prod", 90)])
def test_the_environment_sets_log_retention_and_deletion_protection(name: str, days: int) -> None:
    assert source_of(MAIN)["Mappings"]["Environments"][name] == {"LogRetentionDays": days}
    table = main({**REQUIRED, "Environment": name}).of("AWS::DynamoDB::Table")
    assert [each["DeletionProtectionEnabled"] for each in table.values()] == [name == "prod"]
