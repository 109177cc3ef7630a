"""Requests of the session store to DynamoDB, and its handling of faults."""

import socket
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from botocore.exceptions import (
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    ReadTimeoutError,
)

from aiflow.aws_clients import FAULTS, dynamodb_client
from aiflow.entrypoints import webhook
from aiflow.errors import StoreUnavailable
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from aiflow.sessions.record import MAX_TURNS, SessionRecord
from aiflow.sessions.store import CommitConflict
from tests.helpers.items import EXPIRES_AT, full_record, stored_bytes, talk
from tests.helpers.loopback import HOST, free_port
from tests.helpers.runtime import NOW, Clock, Log, invoke, make_runtime
from tests.helpers.tables import (
    ErrorResponse,
    RecordedRequests,
    Table,
    lose_first_response,
    lose_response,
    replace_network,
    retry_without_pause,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

ID = "session-123"
URL = "https://dynamodb.eu-central-1.amazonaws.com"
NEW = SessionRecord(session_id=ID)


def first(writer: str = "me") -> SessionRecord:
    return NEW.next_version(writer, EXPIRES_AT)


# --- The client


@pytest.fixture
def client(aws_environment: None) -> Iterator["DynamoDBClient"]:
    """The client of the functions, without a network; tests register its responses."""
    client = dynamodb_client()
    yield client
    client.close()


@pytest.fixture
def sessions(client: "DynamoDBClient") -> DynamoDbSessionStore:
    return DynamoDbSessionStore(client, "sessions", Clock(), FAULTS)


def test_the_client_timeouts_are_short_enough_for_an_answer(client: "DynamoDBClient") -> None:
    config: Any = client.meta.config
    assert (config.connect_timeout, config.read_timeout) == (0.3, 0.7)
    assert config.retries == {"total_max_attempts": 2, "mode": "standard"}


# --- One read and one write


def test_sessions_are_read_consistently(table: Table) -> None:
    calls = RecordedRequests.of(table.client)
    table.sessions.load(ID)
    table.sessions.turns(ID)
    assert calls.names == ["GetItem", "Query"]
    assert all(parameters["ConsistentRead"] is True for parameters in calls.parameters)


def test_a_commit_is_one_conditional_write(table: Table) -> None:
    calls = RecordedRequests.of(table.client)
    item = first()
    table.sessions.commit(item)
    table.sessions.commit(item.next_version("you", EXPIRES_AT))
    assert calls.names == ["PutItem", "UpdateItem"]
    assert all("ConditionExpression" in parameters for parameters in calls.parameters)


def test_an_update_contains_only_changed_attributes(table: Table) -> None:
    sessions = table.sessions
    sessions.commit(first())
    read = sessions.load(ID)
    assert read
    calls = RecordedRequests.of(table.client)
    sessions.commit(replace(read, state={"turns": 1}).next_version("you", EXPIRES_AT))
    (parameters,) = calls.parameters
    names = {*parameters["ExpressionAttributeNames"].values()}
    assert names == {"version", "writers", "state"}


def test_changes_are_computed_against_the_committed_version_not_the_loaded_one(
    table: Table,
) -> None:
    mine, theirs = table.sessions, table.sessions
    mine.commit(first())
    read = mine.load(ID)
    assert read
    between = replace(read, state={"theirs": True}).next_version("they", EXPIRES_AT)
    theirs.commit(between)
    last = replace(between, state=read.state).next_version("you", EXPIRES_AT)
    mine.commit(last)
    assert theirs.load(ID) == last


def test_an_overflow_of_turns_happens_once_in_ten_events_at_one_extra_write(table: Table) -> None:
    item = NEW
    calls = RecordedRequests.of(table.client)
    for number in range(100):
        item = talk(item, "question", "answer").next_version(f"w{number}", EXPIRES_AT)
        table.sessions.commit(item)
        item = item.split_overflow()[1]
    assert calls.counted() == {"UpdateItem": 99, "PutItem": 1 + 8}


def test_every_event_of_a_call_costs_one_read_and_at_most_one_write(table: Table) -> None:
    runtime = make_runtime(table.sessions, table.clock)
    calls = RecordedRequests.of(table.client)
    for name in (
        *("session_start", "assistant_speak", "assistant_speech_ended", "user_speech_started"),
        *("user_speak", "assistant_speech_ended", "dtmf_received", "sms_failed"),
        *("user_input_timeout", "invented_tomorrow", "session_end", "session_end", "user_speak"),
    ):
        table.clock.advance(10)
        calls.forget()
        event = {"type": name, "text": "Hello", "digit": "1", "session": {"id": ID}}
        assert invoke(webhook.lambda_handler, event, runtime).status in {200, 204}
        counted = calls.counted()
        assert counted["GetItem"] <= 1
        assert counted["PutItem"] + counted["UpdateItem"] <= 1
        assert set(counted) <= {"GetItem", "PutItem", "UpdateItem"}


def test_an_ended_call_is_not_written_again(table: Table) -> None:
    runtime = make_runtime(table.sessions, table.clock)
    end = {"type": "session_end", "session": {"id": ID}}
    invoke(webhook.lambda_handler, end, runtime)
    calls = RecordedRequests.of(table.client)
    for _ in range(3):
        assert invoke(webhook.lambda_handler, end, runtime).status == 204
    assert calls.counted() == {"GetItem": 3}


# --- The stored item


def test_the_time_to_live_is_in_seconds_and_within_two_days(table: Table) -> None:
    runtime = make_runtime(table.sessions, table.clock)
    for number in range(MAX_TURNS):
        event = {"type": "user_speak", "text": f"Hello {number}", "session": {"id": ID}}
        invoke(webhook.lambda_handler, event, runtime)
    items = table.items(ID)
    assert len(items) > 2
    for item in items.values():
        expires_at = int(item["expires_at"]["N"])
        assert NOW < expires_at < NOW + 2 * 86_400


def test_the_time_to_live_slides_with_every_event(table: Table) -> None:
    runtime = make_runtime(table.sessions, table.clock)
    seen: list[int] = []
    for number in range(3):
        table.clock.advance(1000)
        event = {"type": "user_speak", "text": f"Hello {number}", "session": {"id": ID}}
        invoke(webhook.lambda_handler, event, runtime)
        seen.append(int(table.call(ID)["expires_at"]["N"]))
    assert [later - seen[0] for later in seen] == [0, 1000, 2000]


def test_every_attribute_is_text_or_a_valid_number(table: Table) -> None:
    table.sessions.commit(full_record(ID).next_version("me", EXPIRES_AT))
    item = table.call(ID)
    assert {kind for value in item.values() for kind in value} == {"S", "N"}
    assert all(len(value.get("N", "")) <= 38 for value in item.values())
    assert item["schema"] == {"N": "2"}


@pytest.mark.parametrize("duration_ms", [1e300, -1e300, 1e39, -1e39])
def test_an_impossible_playback_duration_does_not_prevent_the_commit(
    table: Table, duration_ms: float
) -> None:
    log = Log()
    runtime = make_runtime(table.sessions, table.clock, stream=log)
    for event in (
        {"type": "user_speak", "text": "Goodbye"},
        {"type": "assistant_speak", "duration_ms": duration_ms},
    ):
        invoke(webhook.lambda_handler, {**event, "session": {"id": ID}}, runtime)

    assert [entry["outcome"] for entry in log.entries()] == ["answered", "silent"]
    assert len(table.call(ID)["playback_end_ms"]["N"]) <= 38


def test_the_limited_size_is_the_size_in_the_table(table: Table) -> None:
    item = full_record(ID).next_version("me", EXPIRES_AT)
    table.sessions.commit(item)
    stored = table.call(ID)
    size = sum(len(f"{name}{next(iter(stored[name].values()))}".encode()) for name in stored)
    assert size == stored_bytes(item)


def test_attributes_of_a_newer_version_survive_an_update(table: Table) -> None:
    table.sessions.commit(first())
    _add_later_attributes(table)
    loaded = table.sessions.load(ID)
    assert loaded == first()
    table.sessions.commit(first().next_version("you", EXPIRES_AT))
    assert table.call(ID)["added_later"] == {"S": "kept"}
    assert table.call(ID)["also_added"] == {"M": {"a": {"L": [{"BOOL": True}]}}}


def test_attributes_of_a_newer_version_are_removed_with_their_call(table: Table) -> None:
    table.sessions.commit(first())
    _add_later_attributes(table)
    table.clock.seconds = EXPIRES_AT
    table.sessions.commit(NEW.next_version("you", EXPIRES_AT + 60))
    assert "added_later" not in table.call(ID)


def _add_later_attributes(table: Table) -> None:
    table.client.update_item(
        TableName=table.name,
        Key={"pk": {"S": ID}, "sk": {"S": "call"}},
        UpdateExpression="SET added_later = :text, also_added = :map",
        ExpressionAttributeValues={
            ":text": {"S": "kept"},
            ":map": {"M": {"a": {"L": [{"BOOL": True}]}}},
        },
    )


# --- Writes whose response was lost


def test_an_applied_first_write_is_recognised_after_a_lost_response(table: Table) -> None:
    calls = RecordedRequests.of(table.client)
    lose_first_response(table.client, "PutItem")
    table.sessions.commit(first())
    assert calls.attempts == 3  # Written twice, then read.
    assert table.sessions.load(ID) == first()


def test_an_applied_later_write_is_recognised_after_a_lost_response(table: Table) -> None:
    table.sessions.commit(first("you"))
    second = first("you").next_version("me", EXPIRES_AT)
    lose_first_response(table.client, "UpdateItem")
    table.sessions.commit(second)
    assert table.sessions.load(ID) == second


def test_an_applied_write_is_recognised_below_newer_versions(table: Table) -> None:
    second = first().next_version("me", EXPIRES_AT)
    third = second.next_version("you", EXPIRES_AT)
    table.sessions.commit(first())
    lose_first_response(table.client, "UpdateItem", lambda: table.sessions.commit(third))
    table.sessions.commit(second)
    assert table.sessions.load(ID) == third


def test_a_conflict_is_still_detected_after_a_lost_response(table: Table) -> None:
    table.sessions.commit(first())
    theirs = first().next_version("you", EXPIRES_AT)
    table.sessions.commit(theirs)
    lose_first_response(table.client, "UpdateItem")
    with pytest.raises(CommitConflict) as conflict:
        table.sessions.commit(first().next_version("me", EXPIRES_AT))
    assert conflict.value.current == theirs


def test_a_write_without_a_response_can_be_repeated(table: Table) -> None:
    lose_response(table.client, "PutItem", ConnectionClosedError(endpoint_url=URL))
    with pytest.raises(StoreUnavailable):
        table.sessions.commit(first())
    table.sessions.commit(first())
    assert table.sessions.load(ID) == first()


def test_turns_are_complete_when_a_call_continues_after_lost_responses(table: Table) -> None:
    item = NEW
    for number in range(MAX_TURNS):
        extended = talk(item, f"question {number}", f"answer {number}")
        item = extended.next_version(f"w{number}", EXPIRES_AT)
        lose_first_response(table.client, "UpdateItem" if number else "PutItem")
        table.sessions.commit(item)
        stored = table.sessions.load(ID)
        assert stored is not None
        item = stored
    turns = table.sessions.turns(ID)
    assert [turn.number for turn in turns] == list(range(2 * MAX_TURNS))


def test_turns_moved_out_by_a_failed_commit_are_still_complete(table: Table) -> None:
    item = talk(NEW, *["word"] * MAX_TURNS).next_version("me", EXPIRES_AT)
    table.sessions.commit(item)
    overflowing = talk(item, "one", "more").next_version("me", EXPIRES_AT)
    lose_response(table.client, "PutItem", ConnectionClosedError(endpoint_url=URL))
    with pytest.raises(StoreUnavailable):
        table.sessions.commit(overflowing)
    assert table.sessions.load(ID) == item
    assert table.sessions.turns(ID) == item.turns


# --- Faults


@pytest.mark.parametrize(
    "code",
    [
        "ProvisionedThroughputExceededException",
        "ThrottlingException",
        "RequestLimitExceeded",
        "InternalServerError",
        "ServiceUnavailable",
        "AccessDeniedException",
        "ResourceNotFoundException",
        "ExpiredTokenException",
        "ValidationException",
        "ItemCollectionSizeLimitExceededException",
    ],
)
@pytest.mark.parametrize("operation", ["load", "commit", "turns"])
def test_an_error_response_of_the_table_makes_the_store_unavailable(
    client: "DynamoDBClient", sessions: DynamoDbSessionStore, operation: str, code: str
) -> None:
    replace_network(client, ErrorResponse(code, "a secret"))
    retry_without_pause(client)
    with pytest.raises(StoreUnavailable) as fault:
        _run(sessions, operation)
    assert "a secret" not in str(fault.value)


@pytest.mark.parametrize(
    "fault",
    [
        EndpointConnectionError(endpoint_url=URL),
        ConnectTimeoutError(endpoint_url=URL),
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        NoCredentialsError(),
    ],
    ids=lambda fault: type(fault).__name__,
)
@pytest.mark.parametrize("operation", ["load", "commit", "turns"])
def test_a_network_error_makes_the_store_unavailable(
    client: "DynamoDBClient", sessions: DynamoDbSessionStore, operation: str, fault: Exception
) -> None:
    def fail(**_: object) -> None:
        raise fault

    replace_network(client, fail)
    retry_without_pause(client)
    with pytest.raises(StoreUnavailable, match=type(fault).__name__):
        _run(sessions, operation)


def test_a_throttled_request_is_retried_once(
    client: "DynamoDBClient", sessions: DynamoDbSessionStore
) -> None:
    throttle = ErrorResponse("ThrottlingException")
    replace_network(client, throttle)
    with pytest.raises(StoreUnavailable):
        sessions.load(ID)
    assert throttle.count == 2


def test_a_refused_connection_makes_the_store_unavailable(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://{HOST}:{free_port()}")
    client = dynamodb_client()
    sessions = DynamoDbSessionStore(client, "sessions", Clock(), FAULTS)
    with pytest.raises(StoreUnavailable, match="EndpointConnectionError"):
        sessions.load(ID)
    client.close()


def test_an_unresponsive_table_makes_the_store_unavailable(
    aws_environment: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server((HOST, 0)) as silent:
        monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", f"http://{HOST}:{silent.getsockname()[1]}")
        client = dynamodb_client()
        sessions = DynamoDbSessionStore(client, "sessions", Clock(), FAULTS)
        with pytest.raises(StoreUnavailable, match="ReadTimeoutError"):
            sessions.load(ID)
        client.close()


def test_an_unexpected_error_is_not_turned_into_store_unavailable(
    client: "DynamoDBClient", sessions: DynamoDbSessionStore
) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError

    client.meta.events.register("provide-client-params.dynamodb", fail)
    with pytest.raises(ZeroDivisionError):
        sessions.load(ID)


def test_without_the_table_the_caller_hears_the_apology(
    client: "DynamoDBClient", sessions: DynamoDbSessionStore
) -> None:
    replace_network(client, ErrorResponse("AccessDeniedException"))
    log = Log()
    runtime = make_runtime(sessions, stream=log)
    event = {"type": "user_speak", "text": "Hello", "session": {"id": ID}}
    status, answer = invoke(webhook.lambda_handler, event, runtime)
    assert status == 200
    assert answer["text"] == runtime.settings.apology_message
    (entry,) = log.entries()
    assert (entry["outcome"], entry["reason"]) == ("degraded", "store")


def _run(sessions: DynamoDbSessionStore, operation: str) -> None:
    match operation:
        case "load":
            sessions.load(ID)
        case "commit":
            sessions.commit(first())
        case _:
            sessions.turns(ID)
