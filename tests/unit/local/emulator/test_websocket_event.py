"""The events of a WebSocket API, and the routes of messages."""

import pytest

from aiflow_local.emulator.websocket_event import (
    Handshake,
    WebSocketRequestContext,
    authorizer_event,
    connect_event,
    disconnect_event,
    message_event,
)
from aiflow_local.emulator.websocket_routing import select_route_key

HANDSHAKE = Handshake(
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
REQUEST_CONTEXT = WebSocketRequestContext(request_id="request=", message_id="message=", at=0.5)
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


def test_the_event_of_a_message_has_no_headers() -> None:
    assert message_event(HANDSHAKE, REQUEST_CONTEXT, "user_speak", "{}") == {
        "requestContext": {
            **CONTEXT,
            "routeKey": "user_speak",
            "eventType": "MESSAGE",
            "messageId": "message=",
        },
        "body": "{}",
        "isBase64Encoded": False,
    }


def test_the_event_of_connect_has_headers_and_query() -> None:
    assert connect_event(HANDSHAKE, REQUEST_CONTEXT) == {
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


def test_the_event_of_an_authorizer_has_the_method_arn() -> None:
    event = authorizer_event(HANDSHAKE, REQUEST_CONTEXT)
    assert event["type"] == "REQUEST"
    assert event["methodArn"] == (
        "arn:aws:execute-api:eu-central-1:123456789012:local/live/$connect"
    )
    assert event["requestContext"] == {**CONTEXT, "routeKey": "$connect", "eventType": "CONNECT"}
    headers = event["headers"]
    assert isinstance(headers, dict)
    assert headers["Upgrade"] == "websocket"


def test_the_event_of_disconnect_has_the_close_code_and_the_reason() -> None:
    event = disconnect_event(HANDSHAKE, REQUEST_CONTEXT, 1001, "Going away")
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
def test_the_route_of_a_message_is_selected_by_its_type(text: str, key: str) -> None:
    assert select_route_key(text, ["type"], ROUTES) == key


def test_the_route_key_may_be_a_nested_member() -> None:
    assert select_route_key('{"a": {"b": "user_speak"}}', ["a", "b"], ROUTES) == "user_speak"
    assert select_route_key('{"a": "user_speak"}', ["a", "b"], ROUTES) == "$default"


def test_a_message_may_have_no_route_without_a_default_route() -> None:
    assert select_route_key('{"type": "moon_rose"}', ["type"], {"user_speak": None}) is None
