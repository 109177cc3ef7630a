"""HTTP requests to the emulated gateway with the agent of this project."""

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import ModuleType

import pytest

from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.emulator.sample_events import sample_event
from aiflow_local.errors import CodeError, TemplateError
from tests.scenario.conftest import TOKEN, Agent, Serve, edit, said

PLAIN = """
import os

def lambda_handler(event, context):
    assert context.get_remaining_time_in_millis() > 0
    {body}
"""


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_the_webhook_accepts_every_event_type(agent: Agent, event_type: str) -> None:
    response = agent.post(sample_event(event_type, session={"id": f"door {event_type}"}))
    assert response.status_code in {200, 204}
    assert bool(response.content) == (response.status_code == 200)


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_type_has_a_route_of_its_own(agent: Agent, event_type: str) -> None:
    event = sample_event(event_type, session={"id": f"own door {event_type}"})
    assert agent.post(event, f"/events/{event_type}").status_code in {200, 204}


@pytest.mark.parametrize("headers", [{}, {"x-api-token": "wrong"}, {"x-api-token": TOKEN.digest}])
def test_a_request_without_the_token_gets_401(agent: Agent, headers: dict[str, str]) -> None:
    event = sample_event("session_start")
    response = agent.request("POST", "/webhook", json=event, headers=headers)
    assert response.status_code == 401
    assert TOKEN.secret not in response.text


@pytest.mark.parametrize(
    ("method", "path"),
    [("POST", "/"), ("POST", "/webhook/"), ("POST", "/events/sing"), ("GET", "/webhook")],
)
def test_a_request_without_a_route_gets_the_404_of_api_gateway(
    agent: Agent, method: str, path: str
) -> None:
    response = agent.request(method, path, headers={"x-api-token": TOKEN.secret})
    assert (response.status_code, response.json()) == (404, {"message": "Not Found"})


def test_an_unknown_event_type_gets_204(agent: Agent) -> None:
    event = {**sample_event("session_end"), "type": "moon_rose"}
    assert agent.post(event).status_code == 204


def test_a_body_larger_than_an_event_gets_413_from_the_agent(agent: Agent) -> None:
    agent.served.clear()
    assert agent.post(said("large", "x" * 300_000)).status_code == 413
    (served,) = agent.served
    assert served.report is not None
    assert served.report.reason == "too_large"


def test_a_body_over_the_limit_of_api_gateway_gets_413_from_the_gateway(agent: Agent) -> None:
    headers = {"x-api-token": TOKEN.secret}
    response = agent.request("POST", "/webhook", content=b"x" * 11_000_000, headers=headers)
    assert response.status_code == 413
    assert response.json() == {"message": "Request Entity Too Large"}


def test_a_body_without_a_content_type_is_accepted(agent: Agent) -> None:
    headers = {"x-api-token": TOKEN.secret, "content-type": ""}
    body = b'{"type": "session_end", "session": {"id": "no content type"}}'
    assert agent.request("POST", "/webhook", content=body, headers=headers).status_code == 204


def test_each_request_is_logged_with_its_event_type_and_without_texts(agent: Agent) -> None:
    agent.served.clear()
    agent.post(said("told", "a secret"))
    agent.request("GET", "/a%20b?c=d")
    first, second = agent.served
    assert first.report is not None
    assert (first.method, first.path, first.status) == ("POST", "/webhook", 200)
    assert first.report.event_type == "user_speak"
    assert (second.method, second.path, second.status) == ("GET", "/a%20b", 404)
    assert "secret" not in repr(first)


def test_concurrent_calls_do_not_affect_each_other(agent: Agent) -> None:
    def call(number: int) -> list[str]:
        texts = [f"call {number}, turn {turn}" for turn in range(3)]
        answers = [agent.post(said(f"concurrent {number}", text)) for text in texts]
        return [answer.json()["text"] for answer in answers]

    with ThreadPoolExecutor(16) as callers:
        heard = list(callers.map(call, range(16)))
    assert heard == [[f"You said: call {n}, turn {t}" for t in range(3)] for n in range(16)]
    turns = [agent.gateway.deployment.sessions.load(f"concurrent {n}") for n in range(16)]
    assert [item.state["turns"] for item in turns if item] == [3] * 16


def test_a_reload_loads_changed_code_and_keeps_the_state(serve: Serve, copy: Path) -> None:
    with serve(copy) as agent:
        assert agent.post(said("edit", "one")).json()["text"] == "You said: one"
        edit(copy, "functions/user_speak/app.py", lambda code: code.replace("You said", "I heard"))
        agent.gateway.reload()
        assert agent.post(said("edit", "two")).json()["text"] == "I heard: two"
        own = agent.post(said("edit", "three"), "/events/user_speak")
        assert own.json()["text"] == "I heard: three"
        item = agent.gateway.deployment.sessions.load("edit")
        assert item is not None
        assert item.state["turns"] == 3


def test_a_reload_leaves_the_modules_of_the_layer_alone(serve: Serve, copy: Path) -> None:
    def layer() -> dict[str, ModuleType]:
        return {name: m for name, m in sys.modules.items() if name.partition(".")[0] == "aiflow"}

    with serve(copy) as agent:
        agent.post(said("layer", "one"))
        before = layer()
        edit(copy, "functions/user_speak/app.py", lambda code: code.replace("You said", "I heard"))
        agent.gateway.reload()
        assert agent.post(said("layer", "two")).json()["text"] == "I heard: two"
        assert layer() == before


@pytest.mark.parametrize(
    ("broken", "message"),
    [
        ("def (", r"user_speak/app.py\", line 1(.|\n)*SyntaxError"),
        ("import nothing_like_this", "No module named 'nothing_like_this'"),
        ("1 / 0", "ZeroDivisionError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("lambda_handler = None", "is no function"),
        ("", "has no attribute 'lambda_handler'"),
    ],
)
def test_a_reload_of_broken_code_fails_and_keeps_the_previous_code(
    serve: Serve, copy: Path, broken: str, message: str
) -> None:
    with serve(copy) as agent:
        # With a `handle`, the webhook loads; the function of the event type fails.
        edit(
            copy,
            "functions/user_speak/app.py",
            lambda _: f"def handle(): ...\n{broken}\n" if not broken.startswith("def") else broken,
        )
        with pytest.raises(CodeError, match=message):
            agent.gateway.reload()
        assert agent.post(said("broken", "one")).json()["text"] == "You said: one"


def test_a_reload_of_a_broken_template_fails_and_keeps_the_previous_routes(
    serve: Serve, copy: Path
) -> None:
    with serve(copy) as agent:
        edit(copy, "template.yaml", lambda _: "Resources: [")
        with pytest.raises(TemplateError, match="is not valid YAML"):
            agent.gateway.reload()
        assert agent.post(said("template", "one")).status_code == 200


def test_a_reload_replaces_the_routes(serve: Serve, copy: Path) -> None:
    with serve(copy) as agent:
        edit(copy, "template.yaml", lambda text: text.replace("Path: /webhook", "Path: /hook"))
        agent.gateway.reload()
        assert agent.post(said("route", "one"), "/hook").status_code == 200
        assert agent.post(said("route", "one")).status_code == 404


def test_an_error_of_a_handler_becomes_an_apology_and_is_reported(serve: Serve, copy: Path) -> None:
    edit(copy, "functions/user_speak/app.py", lambda code: code.replace("event.text.l", "event.l"))
    with serve(copy) as agent:
        response = agent.post(said("error", "one"))
        assert response.status_code == 200
        assert "Sorry" in response.json()["text"]
        (complaint,) = agent.complaints
    assert "user_speak/app.py" in complaint
    assert "AttributeError" in complaint


def test_a_late_answer_is_replaced_by_an_apology(serve: Serve, copy: Path) -> None:
    edit(
        copy,
        "template.yaml",
        lambda text: text.replace(
            "ANSWER_DEADLINE_SECONDS: !Ref AnswerDeadlineSeconds", "ANSWER_DEADLINE_SECONDS: 0.5"
        ),
    )
    waiting = "import threading\n    threading.Event().wait(0.6)\n    words ="
    edit(copy, "functions/user_speak/app.py", lambda code: code.replace("words =", waiting, 1))
    with serve(copy) as agent:
        assert "Sorry" in agent.post(said("late", "one")).json()["text"]


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        ("return {'statusCode': 201, 'body': 'made', 'cookies': ['a=1']}", 201, "made"),
        ("return {'statusCode': '200', 'body': 'aGk=', 'isBase64Encoded': True}", 200, "hi"),
        ("return {'statusCode': 204}", 204, ""),
        ("return ['a', event['requestContext']['stage']]", 200, '["a","$default"]'),
        ("return os.environ['SESSIONS_TABLE']", 200, '"aiflow-local-SessionsTable"'),
        ("return context.invoked_function_arn.rpartition(':')[2]", 200, '"SessionStartFunction"'),
    ],
)
def test_a_plain_function_is_served_too(
    serve: Serve, copy: Path, body: str, status: int, text: str
) -> None:
    edit(copy, "functions/session_start/app.py", lambda code: code + PLAIN.format(body=body))
    with serve(copy) as agent:
        response = agent.post(sample_event("session_start"), "/events/session_start")
    assert (response.status_code, response.text) == (status, text)


@pytest.mark.parametrize(
    ("body", "complaint"),
    [
        ("raise ValueError('no')", "ValueError: no"),
        ("raise SystemExit", "SystemExit"),
        ("return object()", "not JSON serializable"),
        ("return {'statusCode': 'fine'}", "is not valid"),
        ("return {'statusCode': 200, 'body': '?', 'isBase64Encoded': True}", "is not valid"),
        ("return {'statusCode': 200, 'headers': 5}", "is not valid"),
    ],
)
def test_a_failing_function_gets_the_500_of_api_gateway(
    serve: Serve, copy: Path, body: str, complaint: str
) -> None:
    edit(copy, "functions/session_start/app.py", lambda code: code + PLAIN.format(body=body))
    with serve(copy) as agent:
        response = agent.post(sample_event("session_start"), "/events/session_start")
        assert response.status_code == 500
        assert response.json() == {"message": "Internal Server Error"}
        assert complaint in agent.complaints[0]


def test_a_function_that_exceeds_its_timeout_gets_500(serve: Serve, copy: Path) -> None:
    endless = PLAIN.format(body="__import__('threading').Event().wait()")
    edit(copy, "functions/session_start/app.py", lambda code: code + endless)
    edit(copy, "template.yaml", lambda text: text.replace("Timeout: 28", "Timeout: 1"))
    with serve(copy) as agent:
        event = sample_event("session_start")
        assert agent.post(event, "/events/session_start").status_code == 500
        assert "timed out after 1 s" in agent.complaints[0]


def test_the_error_names_a_table_that_dynamodb_rejects(serve: Serve, copy: Path) -> None:
    odd = {"KeyType: HASH": "KeyType: []", "SessionsTable": "OddTable"}
    template = copy / "template.yaml"
    for old, new in odd.items():
        template.write_text(template.read_text("utf-8").replace(old, new), encoding="utf-8")
    with pytest.raises(TemplateError, match="OddTable cannot be created"), serve(copy):
        pass


def test_the_error_names_a_setting_that_the_layer_rejects(serve: Serve, copy: Path) -> None:
    edit(
        copy,
        "template.yaml",
        lambda text: text.replace(
            "SESSION_TTL_SECONDS: !Ref SessionTtlSeconds", "SESSION_TTL_SECONDS: soon"
        ),
    )
    with pytest.raises(TemplateError, match="SESSION_TTL_SECONDS"), serve(copy):
        pass
