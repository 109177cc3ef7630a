"""What tells how the stack is: alarms, dashboard, saved queries. All that they ask for is there."""

import json
import re
from collections.abc import Iterator, Mapping
from functools import cache
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
from tests.infrastructure.scan.driving import driven
from tests.infrastructure.scan.expanding import source_of
from tests.infrastructure.scan.gate import parameter_sets

ALARM, DASHBOARD = "AWS::CloudWatch::Alarm", "AWS::CloudWatch::Dashboard"
QUERY = "AWS::Logs::QueryDefinition"
OURS = "AiFlow"
ALLOWED, PREMIUM = "493023125777", "499001234567"
# Words of the query language, and names that a query gives itself.
WORDS = {
    *("fields", "filter", "sort", "limit", "stats", "desc", "asc", "in", "by", "as", "bin", "5m"),
    *("count", "earliest", "latest", "apologies", "first_seen", "last_seen", "a_call", "refused"),
}
each_way = pytest.mark.parametrize("parameters", parameter_sets().values(), ids=parameter_sets())


def bad_day() -> Iterator[Log]:
    """What functions write when something goes wrong, or costs money."""

    def fail(event: Event, call: Call) -> Reply:
        raise ZeroDivisionError

    def reach(event: Event, call: Call) -> Reply:
        return [call.send_sms(ALLOWED, "Hello"), call.send_sms(PREMIUM, "Hello")]

    def echo(event: Event, call: Call) -> Reply:
        return "Hello."

    drivers = [
        WebSocketCallDriver(fail),
        WebSocketCallDriver(reach, settings=make_settings(allowed_numbers={ALLOWED})),
        WebSocketCallDriver(echo, sessions=Beaten(Clock())),
        WebSocketCallDriver(echo),
    ]
    drivers[-1].connections.gone.add("connection-1")
    for driver in drivers:
        driver.send("user_speak", text="Hello.")
        yield driver.log
    log = Log()
    send(webhook.lambda_handler, http_v2("no event"), make_runtime(stream=log))
    yield log


class Beaten(InMemorySessionStore):
    """Sessions of which somebody else writes the first version first."""

    def __init__(self, now: Clock) -> None:
        super().__init__(now)
        self._is_first = True

    def commit(self, item: SessionRecord) -> None:
        """See `SessionStore.commit`."""
        if self._is_first:
            self._is_first = False
            raise CommitConflict(None)
        super().commit(item)


@cache
def logs() -> tuple[Log, ...]:
    """All that functions write, on a good day and on a bad one."""
    return (driven().log, *bad_day())


@cache
def metrics() -> frozenset[tuple[str, frozenset[str]]]:
    """Every metric that was emitted, with each of the sets of dimensions that it came with."""
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
    """Every field of the log lines, as Logs Insights names it."""
    return frozenset(name for log in logs() for entry in log.entries() for name in flat(entry))


def flat(entry: JsonValue, before: str = "") -> Iterator[str]:
    """Yield the names of all that a log line holds, with those that they lie in."""
    if isinstance(entry, dict):
        for name, member in entry.items():
            yield from flat(member, f"{before}.{name}" if before else name)
    elif isinstance(entry, list):
        for number, item in enumerate(entry):
            yield from flat(item, f"{before}.{number}")
    else:
        yield before


def without_mappings(node: JsonValue) -> JsonValue:
    """Leave out what is looked up: the resolver of the local gateway has no need of it."""
    if isinstance(node, list):
        return [without_mappings(item) for item in node]
    if isinstance(node, dict):
        if "Fn::FindInMap" in node:
            return "looked up"
        return {key: without_mappings(member) for key, member in node.items()}
    return node


class Stack:
    """The resources of a kind that a way to deploy makes, all references resolved."""

    def __init__(self, parameters: Mapping[str, str]) -> None:
        source = source_of(ROOT / "template.yaml")
        self._resources = cast("dict[str, Any]", without_mappings(source["Resources"]))
        values = parameter_values(source["Parameters"], parameters)
        self._resolver = Resolver(values, source["Conditions"], self._resources)

    def of(self, kind: str) -> dict[str, Any]:
        """Their properties, by their names."""
        return {
            name: self._resolver.value(resource["Properties"])
            for name, resource in self._resources.items()
            if resource["Type"] == kind and self._resolver.exists(name)
        }

    @property
    def widgets(self) -> list[Any]:
        """What the dashboard shows."""
        (dashboard,) = self.of(DASHBOARD).values()
        widgets: list[Any] = json.loads(dashboard["DashboardBody"])["widgets"]
        return widgets


def watched(alarm: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield namespace, name and dimensions of each metric of an alarm."""
    several = alarm.get("Metrics", [{"MetricStat": {"Metric": alarm}}])
    for metric in (each["MetricStat"]["Metric"] for each in several if "MetricStat" in each):
        dimensions = {each["Name"]: each["Value"] for each in metric["Dimensions"]}
        yield metric["Namespace"], metric["MetricName"], dimensions


def shown(widget: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, str]]]:
    """Yield the same of a widget."""
    for metric in widget["properties"].get("metrics", []):
        # An expression has none.
        texts = [part for part in metric if isinstance(part, str)]
        for namespace, name in [texts[:2]] if texts else []:
            yield namespace, name, dict(zip(texts[2::2], texts[3::2], strict=True))


@each_way
def test_every_metric_of_ours_is_one_that_functions_emit(parameters: Mapping[str, str]) -> None:
    stack = Stack(parameters)
    asked = [metric for alarm in stack.of(ALARM).values() for metric in watched(alarm)]
    asked += [metric for widget in stack.widgets for metric in shown(widget)]
    ours = {(name, frozenset(of)) for namespace, name, of in asked if namespace == OURS}
    assert len(ours) > 10
    assert ours - metrics() == set()
    assert {of["service"] for namespace, _, of in asked if namespace == OURS} == {STACK_NAME}


@each_way
def test_every_alarm_is_on_the_dashboard(parameters: Mapping[str, str]) -> None:
    stack = Stack(parameters)
    (alarms,) = (
        widget["properties"]["alarms"] for widget in stack.widgets if widget["type"] == "alarm"
    )
    assert sorted(alarms) == sorted(f"{STACK_NAME}-{name}.Arn" for name in stack.of(ALARM))


@each_way
def test_widgets_lie_beside_each_other(parameters: Mapping[str, str]) -> None:
    taken = [
        (x, y)
        for widget in Stack(parameters).widgets
        for x in range(widget["x"], widget["x"] + widget["width"])
        for y in range(widget["y"], widget["y"] + widget["height"])
    ]
    assert len({*taken}) == len(taken)
    assert max(x for x, _ in taken) == 23


@each_way
def test_every_function_is_watched_for_errors_throttles_and_time(
    parameters: Mapping[str, str],
) -> None:
    stack = Stack(parameters)
    functions = {f"{STACK_NAME}-{name}" for name in stack.of("AWS::Serverless::Function")}
    for name in ("Errors", "Throttles", "Duration"):
        found = [
            of["FunctionName"]
            for alarm in stack.of(ALARM).values()
            for namespace, metric, of in watched(alarm)
            if (namespace, metric) == ("AWS/Lambda", name)
        ]
        assert sorted(found) == sorted(functions)
    # An alarm takes ten metrics at most.
    assert max(len(alarm.get("Metrics", [])) for alarm in stack.of(ALARM).values()) <= 10


@each_way
def test_the_gigabyte_seconds_are_those_of_all_functions(parameters: Mapping[str, str]) -> None:
    stack = Stack(parameters)
    (widget,) = (each for each in stack.widgets if "GB-sec" in str(each))
    (expression,), *durations = widget["properties"]["metrics"]
    functions = {metric[4]["id"]: metric[3] for metric in durations}
    large, small = re.findall(r"SUM\(\[(.*?)\]\)", expression["expression"])
    memory = {
        f"{STACK_NAME}-{name}": function["MemorySize"]
        for name, function in Template(ROOT / "template.yaml").functions.items()
    }
    made = {f"{STACK_NAME}-{name}" for name in stack.of("AWS::Serverless::Function")}
    # In milliseconds; of a gigabyte, and of half of one.
    assert expression["expression"].endswith("/ 2) / 1000")
    assert {functions[each] for each in large.split(", ")} == {
        name for name in made if memory[name] == 1024
    }
    assert {functions[each] for each in small.split(", ")} == {
        name for name in made if memory[name] == 512
    }
    assert set(functions.values()) == made


@each_way
def test_every_saved_query_asks_all_functions_for_what_they_log(
    parameters: Mapping[str, str],
) -> None:
    stack = Stack(parameters)
    functions = stack.of("AWS::Serverless::Function").values()
    groups = sorted(function["LoggingConfig"]["LogGroup"] for function in functions)
    for query in stack.of(QUERY).values():
        assert sorted(query["LogGroupNames"]) == groups
        text = re.sub(r'#.*|"[^"]*"', "", query["QueryString"])
        asked = set(re.findall(r"@?[a-z_][a-z_0-9.]*|5m", text)) - WORDS - {"@timestamp"}
        assert asked - fields() == set(), query["Name"]


def test_silence_is_an_alarm_only_where_something_must_happen() -> None:
    alarms = Stack(parameter_sets()["everything"]).of(ALARM)
    silence = {name for name, alarm in alarms.items() if alarm["TreatMissingData"] == "breaching"}
    assert silence == {"SweeperIsSilent"}
    assert {alarm["TreatMissingData"] for alarm in alarms.values()} == {"breaching", "notBreaching"}


def test_alarms_are_told_to_one_topic_and_by_mail_only_if_there_is_an_address() -> None:
    everything, defaults = (Stack(parameter_sets()[name]) for name in ("everything", "defaults"))
    topic = f"{STACK_NAME}-AlarmTopic"
    for alarm in everything.of(ALARM).values():
        assert alarm["AlarmActions"] == alarm["OKActions"] == [topic]
    (mail,) = everything.of("AWS::SNS::Subscription").values()
    assert mail == {"TopicArn": topic, "Protocol": "email", "Endpoint": "somebody@example.com"}
    assert defaults.of("AWS::SNS::Subscription") == {}


def test_a_key_of_the_account_is_for_everything_that_is_kept() -> None:
    everything, defaults = (Stack(parameter_sets()[name]) for name in ("everything", "defaults"))
    key = f"{STACK_NAME}-DataKey"
    assert defaults.of("AWS::KMS::Key") == {}
    (table,) = everything.of("AWS::DynamoDB::Table").values()
    assert table["SSESpecification"]["KMSMasterKeyId"] == f"{key}.Arn"
    assert {group["KmsKeyId"] for group in everything.of("AWS::Logs::LogGroup").values()} == {
        f"{key}.Arn"
    }
    (topic,) = everything.of("AWS::SNS::Topic").values()
    assert topic["KmsMasterKeyId"] == key
    variables = source_of(ROOT / "template.yaml")["Globals"]["Function"]["KmsKeyArn"]
    assert variables["Fn::If"][:2] == ["HasCustomerKey", {"Fn::GetAtt": ["DataKey", "Arn"]}]


@pytest.mark.parametrize(("name", "days"), [("dev", 7), ("prod", 90)])
def test_the_environment_decides_how_long_logs_stay_and_whether_the_table_may_go(
    name: str, days: int
) -> None:
    source = source_of(ROOT / "template.yaml")
    assert source["Mappings"]["Environments"][name] == {"LogRetentionDays": days}
    table = Stack({"TokenSha256": "0" * 64, "Environment": name}).of("AWS::DynamoDB::Table")
    assert [each["DeletionProtectionEnabled"] for each in table.values()] == [name == "prod"]
