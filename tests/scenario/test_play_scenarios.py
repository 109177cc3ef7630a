"""`aiflow play` with scenario files: the agent of this project, and other bots."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator
from http.server import ThreadingHTTPServer
from pathlib import Path
from threading import Event
from typing import Any
from xml.etree import ElementTree as ET

import pytest
import yaml
from jsonschema import Draft202012Validator

from tests.helpers.template import ROOT
from tests.helpers.web_bots import (
    Bot,
    Request,
    answering,
    hanging_up,
    serving,
    stopping_half_way,
    talking_something_else,
    waiting,
)
from tests.unit.local.cli.command import Run

AGENT = str(ROOT / "events" / "calls" / "agent.call.yaml")
BOTS = Path(__file__).parent / "bots"
AIFLOW = [sys.executable, "-m", "aiflow_local.cli.entry"]
HELLO = """\
scenarios:
  - name: hello
    turns:
      - user: Hello
      - hangup: true
"""
WRONG = """\
scenarios:
  - name: it sings
    turns:
      - expect: [{ speak: { contains: "La la la" } }]
  - name: it speaks
    turns:
      - expect: [{ speak: {} }]
"""

type Write = Callable[..., str]


@pytest.fixture
def write(tmp_path: Path) -> Write:
    """Write a scenario file and return its path."""

    def write(text: str, name: str = "test.yaml") -> str:
        path = tmp_path / name
        path.write_text(text, encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def thirty_lines() -> Generator[str]:
    """The URL of a bot in another process."""
    command = [sys.executable, str(BOTS / "thirty_lines.py")]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bot:
        assert bot.stdout is not None
        yield bot.stdout.readline().strip()
        bot.terminate()


@pytest.fixture
def never() -> Iterator[Event]:
    """An event that is set after the test."""
    event = Event()
    yield event
    event.set()


class TestTheAgentOfThisProject:
    def test_it_is_called_in_this_process_and_each_scenario_has_a_line(self, run: Run) -> None:
        finished = run("play", AGENT)
        assert (finished.code, finished.err) == (0, "")
        lines = finished.out.splitlines()
        assert lines[0] == AGENT
        assert (
            "  ok      an anonymous caller gets no text message (1 turn, slowest answer "
            in lines[7]
        )
        assert lines[-1].startswith("10 scenarios, 10 ok, 0 failed, slowest answer ")
        assert "\x1b" not in finished.out

    def test_verbose_prints_the_call(self, run: Run) -> None:
        finished = run("play", "--verbose", AGENT)
        lines = [line.strip() for line in finished.out.splitlines()]
        assert "caller  I would like to talk to a person, please." in lines
        assert "agent  I could not reach them. What else can I do for you?" in lines
        assert "kept  silences: 0, turns: 1" in lines
        assert "caller  Never mind." in lines

    def test_a_failure_shows_the_difference_and_the_whole_call(
        self, run: Run, write: Write
    ) -> None:
        finished = run("play", write(WRONG))
        assert finished.code == 1
        assert '- speak contains="La la la"' in finished.out
        assert '+ speak "Welcome!' in finished.out
        assert "session_start -> 200" in finished.out
        assert "  ok      it speaks" in finished.out
        assert "2 scenarios, 1 ok, 1 failed" in finished.out

    def test_verbose_prints_a_failure_once(self, run: Run, write: Write) -> None:
        finished = run("play", "-v", write(WRONG))
        assert finished.out.count("La la la") == 1
        assert "The whole call" not in finished.out

    def test_several_files_are_played_in_one_run(self, run: Run, write: Write) -> None:
        finished = run("play", AGENT, write(HELLO))
        assert finished.code == 0
        assert "11 scenarios, 11 ok" in finished.out

    def test_a_set_option_applies_to_every_scenario(self, run: Run) -> None:
        finished = run("play", AGENT, "--set", "sms=ok", "--json")
        told = [json.loads(line) for line in finished.out.splitlines()]
        assert finished.code == 1
        assert [one["name"] for one in told if not one["passed"]] == [
            "the agent apologises when a text message fails"
        ]

    def test_a_parameter_changes_the_agent(self, run: Run) -> None:
        finished = run("play", AGENT, "--parameter", "TransferNumber=12025550123")
        assert 'target_phone_number is "12025550123", not "493023125099"' in finished.out

    def test_programs_get_an_object_for_each_scenario(self, run: Run, write: Write) -> None:
        finished = run("play", write(WRONG), "--json")
        told = [json.loads(line) for line in finished.out.splitlines()]
        assert (finished.code, finished.err) == (1, "")
        assert [(one["name"], one["passed"]) for one in told] == [
            ("it sings", False),
            ("it speaks", True),
        ]
        assert {"file", "line", "failures", "skipped", "problems", "turns", "slowest_ms"} < {
            *told[0]
        }
        assert told[0]["transcript"][1]["event"]["type"] == "session_start"

    def test_junit_has_a_suite_for_each_file_and_a_case_for_each_scenario(
        self, run: Run, write: Write, tmp_path: Path
    ) -> None:
        report = tmp_path / "report.xml"
        file = write(WRONG)
        run("play", file, AGENT, "--junit", str(report))
        root = ET.parse(report).getroot()  # noqa: S314 - it is our own
        assert [suite.get("name") for suite in root] == [file, AGENT]
        assert (root.get("tests"), root.get("failures")) == ("12", "1")
        assert "La la la" in (root[0][0][0].text or "")

    @pytest.mark.parametrize("option", ["--junit", "--record"])
    def test_an_unwritable_report_fails_before_the_first_call(
        self, run: Run, write: Write, option: str
    ) -> None:
        file = write(HELLO)
        finished = run("play", file, option, f"{file}/there")
        assert (finished.code, finished.out) == (2, "")
        assert len(finished.err.strip().splitlines()[-1]) < 500

    def test_an_error_of_a_handler_is_shown_and_fails_the_scenario(
        self, run: Run, write: Write, copy: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        app = copy / "functions" / "user_speak" / "app.py"
        app.write_text(
            app.read_text("utf-8").replace(
                "def handle(event: UserSpeak, call: Call) -> Reply:\n",
                'def handle(event: UserSpeak, call: Call) -> Reply:\n    raise KeyError("shoe")\n',
            ),
            encoding="utf-8",
        )
        monkeypatch.chdir(copy)
        finished = run("play", write(HELLO))
        assert finished.code == 1
        assert "a handler failed: KeyError: 'shoe'" in finished.out
        assert 'raise KeyError("shoe")' in finished.out


class TestWrongFiles:
    def test_all_mistakes_have_line_and_column_and_nothing_is_played(
        self, run: Run, write: Write
    ) -> None:
        first = write("scenarios:\n  - name: x\n    turns: [{usr: Hello}]\n", "first.yaml")
        second = write("scenarios: [\n", "second.yml")
        finished = run("play", AGENT, first, second)
        assert (finished.code, finished.out) == (2, "")
        told = finished.err.splitlines()
        assert len(told) == 2
        assert f"{first}:3:14: " in told[0]
        assert "did you mean user?" in told[0]
        assert f"{second}:2:1: " in told[1]

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["--set", "transfr=busy"], "did you mean transfer?"),
            (["--set", "nothing=busy"], "use one of transfer, sms, "),
            (["--set", "transfer=maybe"], "'answered', 'busy', 'no_answer' or 'rejected'"),
            (["--set", "transfer"], "NAME=VALUE"),
            (["--url", "nowhere"], "must begin with http://"),
            (["--url", "http://127.0.0.1:1/", "--parameter", "A=1"], "not for --url"),
            ([str(ROOT / "events" / "calls" / "welcome.jsonl")], "with separate commands"),
        ],
    )
    def test_a_wrong_option_names_the_possible_ones(
        self, run: Run, arguments: list[str], message: str
    ) -> None:
        finished = run("play", AGENT, *arguments)
        assert (finished.code, finished.out) == (2, "")
        assert message in finished.err

    def test_event_scripts_reject_options_of_scenarios(self, run: Run) -> None:
        finished = run("play", "-", "--set", "transfer=busy", stdin=b"{}")
        assert finished.code == 2
        assert "--set is for scenario files" in finished.err


class TestBotsOfOthers:
    def test_a_bot_of_thirty_lines_passes_over_http(self, run: Run, thirty_lines: str) -> None:
        lines = (BOTS / "thirty_lines.py").read_text("utf-8").splitlines()
        assert len([line for line in lines if line]) <= 30
        finished = run("play", str(BOTS / "thirty_lines.yaml"), "--url", thirty_lines)
        assert (finished.code, finished.err) == (0, "")
        assert "2 scenarios, 2 ok" in finished.out
        assert "not checked: finally: state" in finished.out

    @pytest.mark.parametrize(
        ("bot", "message"),
        [
            (answering({}, 500), "/status is 500, but must be 200"),
            (answering({}, 302, location="/webhook"), "redirects are not followed"),
            (answering(b"<html>", 200, "text/html"), "/body must be an action, but is a web page"),
            (answering(b'{"type":'), "must be an action as JSON"),
            (answering({"type": "sing", "session_id": "s-1"}), "is not an action type"),
            (answering({"type": "hangup", "session_id": "other"}), "must be session.id"),
            (answering(b" " * (11 * 1024 * 1024)), "more than 10 MB"),
            (hanging_up, "broke off"),
            (stopping_half_way, "broke off"),
            (talking_something_else, "broke off"),
        ],
    )
    def test_each_error_is_printed_in_one_line_and_the_call_continues(
        self, run: Run, write: Write, bot: Bot, message: str
    ) -> None:
        with serving(bot) as url:
            finished = run("play", write(HELLO), "--url", url)
        assert (finished.code, finished.err) == (1, "")
        assert 'caller   "Hello"' in finished.out
        assert "1 scenario, 0 ok, 1 failed" in finished.out
        errors = [line for line in finished.out.splitlines() if "  ERROR  " in line]
        assert len([line for line in errors if message in line]) == 3

    def test_a_time_out_is_one_line_as_well(self, run: Run, write: Write, never: Event) -> None:
        with serving(waiting(never, 0)) as url:
            finished = run("play", write(HELLO), "--url", url, "--timeout", "0.05")
        assert finished.code == 1
        assert finished.out.count("ERROR    did not answer within 0.05 s [timeout]") == 3

    def test_a_crashed_bot_is_reported_differently_from_a_wrong_one(
        self, run: Run, write: Write
    ) -> None:
        def mortal(request: Request) -> None:
            server = request.server
            assert isinstance(server, ThreadingHTTPServer)
            server.shutdown()
            server.socket.close()
            # The server is stopped before the next call.
            answering({"type": "barge_in", "session_id": "s"})(request)

        with serving(mortal) as url:
            finished = run("play", write(HELLO), "--url", url)
        assert (finished.code, finished.err) == (1, "")
        assert finished.out.count("ERROR    no server answers at this address") == 2

    def test_the_service_may_end_the_call_of_a_failing_bot(self, run: Run, write: Write) -> None:
        with serving(answering({}, 500)) as url:
            finished = run("play", write(HELLO), "--url", url, "--set", "failed_requests=hangup")
        assert finished.code == 1
        assert "the service ends the call" in finished.out

    def test_expected_errors_do_not_fail_a_scenario(self, run: Run, write: Write) -> None:
        file = write(HELLO + "    finally: { problems: 3 }\n")
        with serving(answering({}, 500)) as url:
            finished = run("play", file, "--url", url)
        assert finished.code == 0

    def test_control_characters_of_a_bot_are_not_printed(self, run: Run, write: Write) -> None:
        bot = answering({"type": "\x1b[2J\u202e", "session_id": "s"})
        with serving(bot) as url:
            finished = run("play", write(HELLO), "--url", url)
        assert "\x1b" not in finished.out
        assert "\u202e" not in finished.out


class TestTheEnd:
    @pytest.mark.parametrize("options", [[], ["-v"], ["--json"]])
    def test_a_closed_pipe_prints_no_traceback(self, options: list[str]) -> None:
        reading, writing = os.pipe()
        os.close(reading)
        finished = subprocess.run(
            [*AIFLOW, "play", AGENT, *options],
            stdout=writing,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
        os.close(writing)
        assert finished.stderr == ""

    def test_ctrl_c_hangs_up_without_a_traceback(self, write: Write, never: Event) -> None:
        told: list[str] = []
        asked = Event()

        def bot(request: Request) -> None:
            told.append(request.path)
            if len(told) == 1:
                asked.set()
                waiting(never, 0)(request)
            else:
                request.send_response(204)
                request.end_headers()

        with serving(bot) as url:
            command = [*AIFLOW, "play", write(HELLO), "--url", url, "--timeout", "100"]
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
            ) as playing:
                assert asked.wait(60)
                playing.send_signal(signal.SIGINT)
                _, err = playing.communicate()
        assert (playing.returncode, err.strip()) == (130, "")
        assert len(told) == 2


class TestTheSchema:
    @pytest.fixture
    def schema(self, run: Run) -> dict[str, Any]:
        """The output of the command."""
        told: dict[str, Any] = json.loads(run("schema", "scenarios").out)
        return told

    @pytest.mark.parametrize(
        "file", [Path(AGENT), BOTS / "thirty_lines.yaml"], ids=lambda f: f.name
    )
    def test_our_own_scenarios_are_valid_by_it(self, schema: dict[str, Any], file: Path) -> None:
        data = yaml.safe_load(file.read_text("utf-8"))
        validator: Any = Draft202012Validator(schema)
        assert list(validator.iter_errors(data)) == []


def test_the_transcript_says_that_the_bot_receives_no_numbers(run: Run) -> None:
    finished = run("play", AGENT, "--set", "session_members=id")
    assert finished.code == 1
    assert "491713920050 calls 493023125000; the bot receives no numbers" in finished.out
    assert "the bot is told" not in run("play", AGENT, "-v").out
