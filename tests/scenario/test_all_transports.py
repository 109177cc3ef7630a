"""The agent of this project over each transport: no socket, HTTP and WebSocket."""

import asyncio
import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import get_args

import pytest
from websockets.asyncio.client import connect

from aiflow.protocol.types import JsonObject
from aiflow_local.emulator.sample_events import sample_event
from aiflow_local.simulator.bots.connector import BotConnector, TransportName
from aiflow_local.simulator.bots.over_gateway import serve_project_agent
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.pytest_collection import project_agent
from aiflow_local.simulator.scenarios.runner import ScenarioResult, ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario, load_scenarios
from tests.helpers.transcripts import comparable
from tests.scenario.conftest import ROOT, TOKEN, Agent, Serve
from tests.unit.local.cli.command import Run

AGENT = ROOT / "events" / "calls" / "agent.call.yaml"
# On a busy machine a filler or an apology would make the transcripts differ.
PARAMETERS = ("TransferNumber=493023125099", "FillerAfterSeconds=0", "AnswerDeadlineSeconds=9")
# With coverage on two cores, more calls would not be answered before the deadline.
CALLS, TURNS = 100, 2


@contextmanager
def no_complaints(transport: TransportName) -> Generator[BotConnector]:
    complaints: list[str] = []
    with serve_project_agent(transport, PARAMETERS, complaints.append) as connector:
        yield connector
    assert complaints == []


@pytest.fixture(scope="module")
def over_http() -> Generator[BotConnector]:
    with no_complaints("http") as connector:
        yield connector


@pytest.fixture(scope="module")
def over_websocket() -> Generator[BotConnector]:
    with no_complaints("websocket") as connector:
        yield connector


def played(scenario: Scenario, connector: BotConnector) -> ScenarioResult:
    clock = Clock()
    with connector(clock, scenario.given) as bot:
        result = ScenarioRunner(scenario, bot.connection, clock, bot.state).play()
    assert result.failures == []
    return result


def events(result: ScenarioResult) -> list[str]:
    entries = result.call.transcript.of(EntryKind.EVENT)
    return [entry.data["event"]["type"] for entry in entries]


@pytest.mark.parametrize("scenario", load_scenarios(AGENT), ids=lambda each: each.name)
def test_every_scenario_has_the_same_transcript_over_every_transport(
    request: pytest.FixtureRequest,
    over_http: BotConnector,
    over_websocket: BotConnector,
    scenario: Scenario,
) -> None:
    clock = Clock()
    line = project_agent(request.config).connect(clock)
    here = ScenarioRunner(scenario, line, clock, line.state).play()
    assert here.failures == []
    for connector in (over_http, over_websocket):
        there = played(scenario, connector)
        assert comparable(there.call.transcript) == comparable(here.call.transcript)
    spoken = events(there).count("user_speak")
    assert events(there).count("user_speech_started") >= spoken


@pytest.fixture
def patient(serve: Serve, copy: Path) -> Generator[Agent]:
    """An agent with a long answer deadline and no filler, for a busy machine."""
    template = copy / "template.yaml"
    text = template.read_text("utf-8").replace("MaxValue: 9,", "MaxValue: 25,", 1)
    template.write_text(text, encoding="utf-8")
    with serve(copy, AnswerDeadlineSeconds="25", FillerAfterSeconds="0") as agent:
        yield agent


def test_a_hundred_calls_at_once_lose_no_answer_and_mix_none(patient: Agent) -> None:
    agent = patient
    url = agent.url.replace("http", "ws", 1)
    headers = {"X-API-TOKEN": TOKEN.secret}

    async def call(number: int) -> list[JsonObject]:
        session = {"id": f"call-{number}"}
        texts = [f"turn {turn} of call {number}" for turn in range(TURNS)]
        said = [sample_event("user_speak", {"text": text}, session) for text in texts]
        async with connect(
            url, additional_headers=headers, proxy=None, compression=None, open_timeout=60
        ) as socket:
            answers: list[JsonObject] = []
            for event in (sample_event("session_start", session=session), *said):
                await socket.send(json.dumps(event))
                answers.append(json.loads(await socket.recv()))
            return answers

    async def all_at_once() -> list[list[JsonObject]]:
        return await asyncio.gather(*map(call, range(CALLS)))

    for number, (greeting, *answers) in enumerate(asyncio.run(all_at_once())):
        assert str(greeting["text"]).startswith("Welcome!")
        assert {str(answer["session_id"]) for answer in (greeting, *answers)} == {f"call-{number}"}
        assert [answer["text"] for answer in answers] == [
            f"You said: turn {turn} of call {number}" for turn in range(TURNS)
        ]
        item = agent.gateway.deployment.sessions.load(f"call-{number}")
        assert item is not None
        assert item.state["turns"] == TURNS


class TestTheCommand:
    @pytest.mark.parametrize("over", get_args(TransportName.__value__))
    def test_a_scenario_can_be_played_over_either_transport(
        self, run: Run, tmp_path: Path, over: str
    ) -> None:
        file = tmp_path / "one.yaml"
        file.write_text(
            'scenarios: [{name: a call, turns: [{user: "Hello"}], finally: {state: {turns: 1}}}]'
        )
        finished = run("play", str(file), "--transport", over)
        assert (finished.code, finished.err) == (0, "")
        assert "1 scenario, 1 ok" in finished.out

    def test_over_a_websocket_the_agent_gets_user_speech_started(self, run: Run) -> None:
        finished = run("call", "--transport", "websocket", "--raw", stdin=b"hello\n")
        told = [
            entry["event"]["type"]
            for entry in map(json.loads, finished.out.splitlines())
            if entry["kind"] == "event"
        ]
        assert told[told.index("user_speak") - 1] == "user_speech_started"

    def test_a_stack_without_a_websocket_says_so(self, run: Run) -> None:
        options = ("--transport", "websocket", "--parameter", "WebSocket=disabled")
        finished = run("call", *options, stdin=b"hello\n")
        assert finished.code == 2
        assert "no WebSocket API, or its parameters disable it" in finished.err

    @pytest.mark.parametrize("command", ["call", "play"])
    def test_a_bot_at_a_url_has_no_transport_option(self, run: Run, command: str) -> None:
        files = (str(AGENT),) if command == "play" else ()
        finished = run(command, *files, "--transport", "http", "--url", "http://127.0.0.1:9/")
        assert finished.code == 2
        assert "--transport is for the agent of this project" in finished.err

    def test_event_scripts_have_no_transport_option(self, run: Run) -> None:
        finished = run("play", str(AGENT.with_name("welcome.jsonl")), "--transport", "websocket")
        assert finished.code == 2
        assert "--transport is for scenario files" in finished.err
