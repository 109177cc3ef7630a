"""The route of an HTTP request, and its event."""

import base64
from collections.abc import Mapping

import pytest

from aiflow_local.emulator.http_event import HttpRequest, HttpRequestContext, http_event
from aiflow_local.emulator.http_routing import RouteTable
from aiflow_local.stack.template import Route

REQUEST_CONTEXT = HttpRequestContext(
    route_key="POST /a", request_id="request-1", at=0, path_parameters={}
)
ROUTES = RouteTable(
    [
        (Route("ANY", "$default"), "rest"),
        (Route("ANY", "/calls/{proxy+}"), "greedy"),
        (Route("GET", "/calls/{id}/turns"), "one"),
        (Route("ANY", "/calls/all/turns"), "any"),
        (Route("POST", "/calls/all/turns"), "post"),
    ]
)


@pytest.mark.parametrize(
    ("method", "path", "target", "parameters"),
    [
        ("POST", "/calls/all/turns", "post", {}),
        ("GET", "/calls/all/turns", "any", {}),
        ("GET", "/calls/a%20b/turns", "one", {"id": "a b"}),
        ("POST", "/calls/7/turns", "greedy", {"proxy": "7/turns"}),
        ("GET", "/calls", "rest", {}),
        ("GET", "/", "rest", {}),
    ],
)
def test_the_most_specific_route_is_selected(
    method: str, path: str, target: str, parameters: Mapping[str, str]
) -> None:
    match = ROUTES.match(method, path)
    assert match is not None
    assert (match.target, match.path_parameters) == (target, parameters)


@pytest.mark.parametrize(
    ("method", "path"),
    [("GET", "/a.b"), ("POST", "/a.b/"), ("POST", "/aXb"), ("POST", "/A.B"), ("POST", "/x/a.b")],
)
def test_another_method_or_path_has_no_route(method: str, path: str) -> None:
    assert RouteTable([(Route("POST", "/a.b"), None)]).match(method, path) is None


def test_an_event_has_the_payload_format_2() -> None:
    request = HttpRequest(
        method="POST",
        path="/a%20b",
        query="x=1&x=2&empty=&name=Gr%C3%BC%C3%9Fe",
        headers=[
            ("Host", "agent.example.com:3000"),
            ("Content-Type", "application/json"),
            ("X-Twice", "one"),
            ("x-twice", "two"),
            ("Cookie", "a=1; b=2"),
            ("User-Agent", "test"),
        ],
        body='{"text": "Grüße"}'.encode(),
        source_ip="192.0.2.1",
    )
    context = HttpRequestContext(
        route_key="POST /{path}", request_id="request-1", at=0.5, path_parameters={"path": "a b"}
    )
    assert http_event(request, context) == {
        "version": "2.0",
        "routeKey": "POST /{path}",
        "rawPath": "/a%20b",
        "rawQueryString": "x=1&x=2&empty=&name=Gr%C3%BC%C3%9Fe",
        "cookies": ["a=1", "b=2"],
        "headers": {
            "host": "agent.example.com:3000",
            "content-type": "application/json",
            "x-twice": "one,two",
            "user-agent": "test",
        },
        "queryStringParameters": {"x": "1,2", "empty": "", "name": "Grüße"},
        "pathParameters": {"path": "a b"},
        "requestContext": {
            "accountId": "123456789012",
            "apiId": "local",
            "domainName": "agent.example.com",
            "domainPrefix": "agent",
            "http": {
                "method": "POST",
                "path": "/a%20b",
                "protocol": "HTTP/1.1",
                "sourceIp": "192.0.2.1",
                "userAgent": "test",
            },
            "requestId": "request-1",
            "routeKey": "POST /{path}",
            "stage": "$default",
            "time": "01/Jan/1970:00:00:00 +0000",
            "timeEpoch": 500,
        },
        "body": '{"text": "Grüße"}',
        "isBase64Encoded": False,
    }


def test_an_event_lacks_the_members_that_the_request_lacks() -> None:
    event = http_event(HttpRequest(method="GET", path="/"), REQUEST_CONTEXT)
    assert not {"body", "cookies", "queryStringParameters", "pathParameters"} & event.keys()
    assert (event["rawQueryString"], event["isBase64Encoded"]) == ("", False)


@pytest.mark.parametrize(
    ("content_type", "encoded"),
    [
        ("application/json", False),
        ("Application/JSON; charset=utf-8", False),
        ("text/plain", False),
        ("application/xml", False),
        ("application/octet-stream", True),
        ("application/x-www-form-urlencoded", True),
        (None, True),
    ],
)
def test_bodies_are_text_or_base64_by_their_content_type(
    content_type: str | None, *, encoded: bool
) -> None:
    headers = [("content-type", content_type)] if content_type else []
    event = http_event(
        HttpRequest(method="POST", path="/", headers=headers, body=b"ab"), REQUEST_CONTEXT
    )
    assert event["isBase64Encoded"] is encoded
    assert event["body"] == (base64.b64encode(b"ab").decode() if encoded else "ab")
