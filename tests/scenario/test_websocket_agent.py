"""The agent of this project over its WebSocket: messages to the caller, and the access log."""

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest

from aiflow.domain.decisions import Outcome
from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.emulator.sample_events import sample_event
from tests.helpers.wav import SILENCE, as_base64, wav
from tests.scenario.conftest import Agent, Serve, WebSocket, edit, said

HANDLER = """
import threading
from collections.abc import Iterator

from aiflow import Call, Reply, UserSpeak, entrypoint

GATE = threading.Event()

def handle(event: UserSpeak, call: Call) -> Reply:
    {body}

lambda_handler = entrypoint(handle)
"""


def write(project: Path, body: str) -> None:
    """Replace the handler of `user_speak`."""
    path = project / "functions/user_speak/app.py"
    path.write_text(HANDLER.format(body=body), encoding="utf-8")


def open_gate() -> None:
    """Release the handlers that wait for the gate."""
    import_module("user_speak.app").GATE.set()


@pytest.fixture
def socket(agent: Agent) -> Iterator[WebSocket]:
    """A connection to the agent of this project."""
    with agent.connected() as socket:
        assert agent.told("$connect").status == 200
        yield socket
    agent.told("$disconnect")


@pytest.mark.parametrize("event_type", EVENT_TYPES)
def test_every_event_type_is_routed_to_its_function(
    agent: Agent, socket: WebSocket, event_type: str
) -> None:
    socket.send(sample_event(event_type, session={"id": f"websocket {event_type}"}))
    entry = agent.told()
    assert entry.report is not None
    assert (entry.route_key, entry.status) == (event_type, 200)
    assert entry.report.event_type == event_type
    assert entry.sent == (1 if entry.report.actions else 0)


def test_an_answer_is_sent_as_a_message(agent: Agent, socket: WebSocket) -> None:
    socket.send(said("a message", "one"))
    answer = socket.receive()
    assert (answer["type"], answer["text"]) == ("speak", "You said: one")
    entry = agent.told("user_speak")
    assert (entry.status, entry.sent) == (200, 1)
    assert "You said" not in repr(entry)


@pytest.mark.parametrize(
    "text", ["not JSON", "[]", '{"type": "moon_rose", "session": {"id": "a"}}']
)
def test_invalid_input_does_not_close_the_connection(
    agent: Agent, socket: WebSocket, text: str
) -> None:
    socket.send(text)
    entry = agent.told()
    assert (entry.route_key, entry.status, entry.sent) == ("$default", 200, 0)
    socket.send(said("bad input", "one"))
    assert socket.receive()["text"] == "You said: one"
    agent.told()


def test_a_session_continues_on_another_connection(agent: Agent) -> None:
    for turn in (1, 2):
        with agent.connected() as socket:
            socket.send(said("another connection", f"turn {turn}"))
            assert socket.receive()["text"] == f"You said: turn {turn}"
        agent.told("$disconnect")
    item = agent.gateway.deployment.sessions.load("another connection")
    assert item is not None
    assert item.state["turns"] == 2


def test_chunks_of_a_reply_are_sent_in_order(serve: Serve, copy: Path) -> None:
    write(copy, "yield call.speak('One moment')\n    yield [call.speak('There'), call.hangup()]")
    with serve(copy) as agent, agent.connected() as socket:
        socket.send(said("pieces", "one"))
        assert socket.receive()["text"] == "One moment"
        assert [action["type"] for action in socket.receive()] == ["speak", "hangup"]
        assert agent.told("user_speak").sent == 2


def test_a_filler_is_sent_while_a_handler_is_slow(serve: Serve, copy: Path) -> None:
    write(copy, "GATE.wait(20); return 'There'")
    with serve(copy) as agent, agent.connected() as socket:
        socket.send(said("slow", "one"))
        assert socket.receive()["text"] == "One moment, please."
        open_gate()
        assert socket.receive()["text"] == "There"
        assert agent.told("user_speak").sent == 2


def test_a_late_answer_is_replaced_by_an_apology(serve: Serve, copy: Path) -> None:
    deadline = "ANSWER_DEADLINE_SECONDS: !Ref AnswerDeadlineSeconds"
    edit(copy, "template.yaml", lambda text: text.replace(deadline, "ANSWER_DEADLINE_SECONDS: 0.5"))
    write(copy, "__import__('threading').Event().wait(0.6)\n    return 'late'")
    with serve(copy) as agent, agent.connected() as socket:
        socket.send(said("late", "one"))
        assert "Sorry" in socket.receive()["text"]
        entry = agent.told("user_speak")
        assert entry.report is not None
        assert (entry.sent, entry.report.reason) == (1, "deadline")


def test_an_answer_over_128_kb_is_replaced_by_an_apology(serve: Serve, copy: Path) -> None:
    write(copy, f"return call.audio('{as_base64(wav(SILENCE * 50))}')")
    with serve(copy) as agent, agent.connected() as socket:
        socket.send(said("large", "one"))
        assert "Sorry" in socket.receive()["text"]
        entry = agent.told("user_speak")
        assert entry.report is not None
        assert (entry.report.outcome, entry.report.reason) == (Outcome.DEGRADED, "answer_too_large")


def test_an_answer_to_a_closed_connection_is_not_an_error(serve: Serve, copy: Path) -> None:
    write(copy, "GATE.wait(20); return 'too late'")
    with serve(copy) as agent:
        with agent.connected() as socket:
            socket.send(said("gone", "one"))
        agent.told("$disconnect")
        open_gate()
        entry = agent.told("user_speak")
        assert entry.report is not None
        assert (entry.status, entry.sent, entry.report.outcome) == (200, 0, Outcome.GONE)
        assert agent.complaints == []


def test_a_function_sends_nothing_after_its_timeout(serve: Serve, copy: Path) -> None:
    edit(copy, "template.yaml", lambda text: text.replace("Timeout: 28", "Timeout: 1"))
    write(copy, "GATE.wait(20); return 'from the dead'")
    with serve(copy) as agent, agent.connected() as socket:
        socket.send(said("dead", "one"))
        assert socket.receive()["text"] == "One moment, please."
        assert socket.receive()["message"] == "Internal server error"
        assert agent.told("user_speak").status == 500
        assert "timed out after 1 s" in agent.complaints[0]
        open_gate()
        socket.send(sample_event("session_start", session={"id": "alive"}))
        assert "from the dead" not in str(socket.receive())


def test_concurrent_turns_are_both_in_the_history(serve: Serve, copy: Path) -> None:
    texts = ["one", "two"]
    # A gateway of its own, since a turn of another test may still run on a shared one.
    with serve(copy) as agent:
        with agent.connected() as one, agent.connected() as other:
            for socket, text in zip((one, other), texts, strict=True):
                socket.send(said("at once", text))
            assert [agent.told("user_speak").status for _ in texts] == [200, 200]
        item = agent.gateway.deployment.sessions.load("at once")
    assert item is not None
    assert sorted(turn.text for turn in item.turns if turn.role == "user") == texts
