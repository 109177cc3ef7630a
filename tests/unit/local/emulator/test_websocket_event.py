"""What a WebSocket API hands to its functions, and which of them gets a message."""

import pytest

from aiflow_local.emulator.websocket_event import (
    Moment,
    Opening,
    authorizer_event,
    connect_event,
    disconnect_event,
    message_event,
)
from aiflow_local.emulator.websocket_routing import route_key

OPENING = Opening(
    stage="live",
    connection_id="connection=",
    connected_at=0.25,
    headers=[
        ("Host", "agent.example.com:3000"),
        ("Connection", "Upgrade"),
        ("Upgrade", "websocket"),
        ("X-Twice", "one"),
        ("X-Twice", "two"),
        ("User-Agent", "test"),
    ],
    query="a=1&a=2",
    source_ip="192.0.2.1",
)
MOMENT = Moment(request_id="request=", message_id="message=", at=0.5)
CONTEXT = {
    "extendedRequestId": "request=",
    "requestTime": "01/Jan/1970:00:00:00 +0000",
    "messageDirection": "IN",
    "stage": "live",
    "connectedAt": 250,
    "requestTimeEpoch": 500,
    "identity": {"sourceIp": "192.0.2.1", "userAgent": "test"},
    "requestId": "request=",
    "domainName": "agent.example.com",
    "connectionId": "connection=",
    "apiId": "local",
}
ROUTES: dict[str, int] = {"$connect": 1, "$disconnect": 2, "$default": 3, "user_speak": 4}


def test_a_message_comes_without_headers() -> None:
    assert message_event(OPENING, MOMENT, "user_speak", "{}") == {
        "requestContext": {
            **CONTEXT,
            "routeKey": "user_speak",
            "eventType": "MESSAGE",
            "messageId": "message=",
        },
        "body": "{}",
        "isBase64Encoded": False,
    }


def test_a_connection_comes_with_its_headers_and_its_query() -> None:
    assert connect_event(OPENING, MOMENT) == {
        "headers": {"Host": "agent.example.com:3000", "X-Twice": "two", "User-Agent": "test"},
        "multiValueHeaders": {
            "Host": ["agent.example.com:3000"],
            "X-Twice": ["one", "two"],
            "User-Agent": ["test"],
        },
        "queryStringParameters": {"a": "2"},
        "multiValueQueryStringParameters": {"a": ["1", "2"]},
        "requestContext": {**CONTEXT, "routeKey": "$connect", "eventType": "CONNECT"},
        "isBase64Encoded": False,
    }


def test_an_authorizer_is_asked_with_what_it_has_to_allow() -> None:
    event = authorizer_event(OPENING, MOMENT)
    assert event["type"] == "REQUEST"
    assert event["methodArn"] == (
        "arn:aws:execute-api:eu-central-1:123456789012:local/live/$connect"
    )
    assert event["requestContext"] == {**CONTEXT, "routeKey": "$connect", "eventType": "CONNECT"}
    headers = event["headers"]
    assert isinstance(headers, dict)
    assert headers["Upgrade"] == "websocket"


def test_a_disconnection_says_why() -> None:
    event = disconnect_event(OPENING, MOMENT, 1001, "Going away")
    assert event["requestContext"] == {
        **CONTEXT,
        "routeKey": "$disconnect",
        "eventType": "DISCONNECT",
        "disconnectStatusCode": 1001,
        "disconnectReason": "Going away",
    }
    assert event["headers"] == {
        "Host": "agent.example.com:3000",
        "x-api-key": "",
        "X-Forwarded-For": "",
        "x-restapi": "",
    }


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('{"type": "user_speak"}', "user_speak"),
        ('{"type": "moon_rose"}', "$default"),
        ('{"type": "$default"}', "$default"),
        ('{"type": "$connect"}', "$default"),
        ('{"type": "$disconnect"}', "$default"),
        ('{"type": ["user_speak"]}', "$default"),
        ('{"type": null}', "$default"),
        ("{}", "$default"),
        ('["user_speak"]', "$default"),
        ('"user_speak"', "$default"),
        ("user_speak", "$default"),
        ("", "$default"),
        ("[" * 100_000, "$default"),
    ],
)
def test_a_message_takes_the_route_of_its_type(text: str, key: str) -> None:
    assert route_key(text, ["type"], ROUTES) == key


def test_the_type_may_stand_deeper() -> None:
    assert route_key('{"a": {"b": "user_speak"}}', ["a", "b"], ROUTES) == "user_speak"
    assert route_key('{"a": "user_speak"}', ["a", "b"], ROUTES) == "$default"


def test_without_a_default_route_a_message_may_have_none() -> None:
    assert route_key('{"type": "moon_rose"}', ["type"], {"user_speak": None}) is None
