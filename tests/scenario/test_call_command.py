"""`aiflow call` as a process, in pipes and in a terminal."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from threading import Event
from typing import Any

import pytest

from tests.helpers.terminal import Terminal
from tests.helpers.web_bots import Bot, Request, answering, conversing, hanging_up, serving
from tests.scenario.conftest import ROOT
from tests.unit.local.cli.command import Finished, Run

AIFLOW = [sys.executable, "-m", "aiflow_local.cli.entry"]
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\r"
PROMPT = "   caller  "
GREETING = "Welcome! Tell me what you need, or press 1 for our opening hours."


def call(run: Run, *lines: str, options: tuple[str, ...] = ()) -> Finished:
    return run("call", *options, stdin="".join(f"{line}\n" for line in lines).encode())


def line_with(finished: Finished, text: str) -> str:
    return next(line for line in finished.out.splitlines() if text in line)


def raw(finished: Finished) -> list[dict[str, Any]]:
    return [json.loads(line) for line in finished.out.splitlines()]


@pytest.fixture
def here(copy: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of this project as the current folder."""
    monkeypatch.chdir(copy)
    return copy


@pytest.fixture
def broken(here: Path) -> None:
    """A copy of this project whose `user_speak` handler prints and fails."""
    code = here / "functions/user_speak/app.py"
    text = code.read_text("utf-8").replace("words =", "print('here'); 1 / 0\n    words =", 1)
    code.write_text(text, encoding="utf-8")


FAST = ("--set", "words_per_minute=1000", "--set", "end_of_turn_silence_ms=150")


class Thinking:
    """A bot that greets, and then answers only when it is released."""

    def __init__(self) -> None:
        self.asked = Event()
        self.done = Event()

    def __call__(self, request: Request) -> None:
        if request.event["type"] == "user_speak":
            self.asked.set()
            self.done.wait()
            hanging_up(request)
        else:
            conversing("Hello", "session_start")(request)


@pytest.fixture
def thinking() -> Iterator[Thinking]:
    bot = Thinking()
    yield bot
    bot.done.set()


def session_id(request: Request) -> str:
    session = request.event["session"]
    assert isinstance(session, dict)
    return str(session["id"])


class TestThisProjectsAgent:
    def test_lines_of_a_pipe_are_a_whole_call(self, run: Run) -> None:
        # How busy this machine is does not count here.
        options = ("--set", "slow_answer_ms=600000")
        finished = call(run, "hello", "goodbye", options=options)
        assert (finished.code, finished.err) == (0, "")
        lines = finished.out.splitlines()
        assert f"    agent  {GREETING}" in lines
        assert "   caller  hello" in lines
        assert "    agent  You said: hello" in lines
        assert "     kept  turns: 2" in lines
        assert "    agent  [hangs up]" in lines
        assert lines[-1].startswith("           2 turns, slowest answer ")
        assert lines[-1].endswith(" ms, no errors, no warnings")

    def test_each_event_is_shown_with_the_time_of_its_answer(self, run: Run) -> None:
        words = line_with(call(run, "hello"), "user_speak").split()
        assert words[2:4] == ["user_speak", '"hello",']
        assert words[-1] == "ms"

    def test_at_the_end_of_the_input_the_agent_finishes(self, run: Run) -> None:
        lines = call(run).out.splitlines()
        ended = next(line for line in lines if "assistant_speech_ended" in line)
        assert lines.index("   caller  [hangs up]") > lines.index(ended)

    def test_an_interruption_shows_the_heard_words(self, run: Run) -> None:
        finished = call(run, "/interrupt 900 never mind")
        assert 'heard  "Welcome! Tell' in finished.out
        assert "cut short after" in finished.out
        assert 'user_speak "never mind" barged_in=true' in finished.out

    def test_a_transfer_has_the_typed_outcome(self, run: Run) -> None:
        finished = call(run, "/transfer busy", "a person", "")
        assert "[transfers the call to 493023125099, waiting 30 s]" in finished.out
        assert "agent  I could not reach them." in finished.out

    def test_the_state_can_be_shown(self, run: Run) -> None:
        assert '             "turns": 1' in call(run, "hello", "/state").out.splitlines()

    def test_input_that_is_not_utf_8_is_spoken_with_replacements(self, run: Run) -> None:
        finished = run("call", stdin=b"caf\xe9\n")
        assert "agent  You said: caf\ufffd" in finished.out

    def test_a_parameter_of_the_template_can_be_given(self, run: Run) -> None:
        number = "TransferNumber=+493023125077"
        finished = call(run, "a person", "", options=("--parameter", number))
        assert "[transfers the call to 493023125077" in finished.out

    @pytest.mark.usefixtures("broken")
    def test_a_handler_error_is_shown_at_its_place_and_counted(self, run: Run) -> None:
        finished = call(run, "hello")
        lines = finished.out.splitlines()
        assert finished.code == 1
        assert lines.index("           ZeroDivisionError: division by zero") > lines.index("here")
        assert "    error  Traceback (most recent call last):" in lines
        assert "/local/" not in finished.out
        assert lines[-1].endswith("1 handler failed")

    def test_it_loads_no_cloud_no_server_and_no_http(self) -> None:
        heavy = ("moto", "botocore.session", "boto3", "uvicorn", "starlette", "httpx", "websockets")
        code = (
            "import sys; from aiflow_local.cli.main import main\n"
            "try: main(['call'])\n"
            f"finally: print([name for name in {heavy!r} if name in sys.modules], file=sys.stderr)"
        )
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=b"hello\n",
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        assert done.stderr.decode().split() == ["[]"]


class TestForPrograms:
    def test_raw_prints_a_line_of_json_for_each_entry(self, run: Run) -> None:
        entries = raw(call(run, "hello", options=("--raw",)))
        assert entries[1]["event"]["type"] == "session_start"
        assert entries[2]["status"] == 200
        assert entries[3]["action"]["text"] == GREETING
        assert entries[-1]["text"] == "the call is over"

    @pytest.mark.usefixtures("broken")
    def test_raw_stays_json_whatever_a_handler_prints(self, run: Run) -> None:
        finished = call(run, "hello", "/help", options=("--raw",))
        assert {entry["kind"] for entry in raw(finished)} >= {"event", "answer", "action", "said"}
        assert "here\n" in finished.err
        assert "ZeroDivisionError" in finished.err
        assert "/keys 12#" in finished.err

    def test_a_recording_starts_with_the_parties_and_the_options(
        self, run: Run, tmp_path: Path
    ) -> None:
        file = tmp_path / "call.jsonl"
        parties = ("--from", "+49 30 23125-042", "--to", "493023125001", "--session", "s-1")
        options = ("--raw", "--record", str(file), "--set", "sms=failed", *parties)
        finished = call(run, "hello", options=options)
        header, *entries = map(json.loads, file.read_text("ascii").splitlines())
        assert (header["kind"], header["version"]) == ("call", 1)
        assert header["switches"]["sms"] == "failed"
        assert header["party"] == {
            "session_id": "s-1",
            "direction": "inbound",
            "caller": "493023125042",
            "callee": "493023125001",
        }
        assert entries == raw(finished)

    def test_no_token_and_no_url_gets_into_a_recording(self, run: Run, tmp_path: Path) -> None:
        file = tmp_path / "call.jsonl"
        with serving(conversing("Hello", "session_start")) as url:
            options = ("--url", url, "--token", "a-secret", "--record", str(file))
            assert call(run, "hello", options=options).code == 0
        assert "a-secret" not in file.read_text("ascii")
        assert url not in file.read_text("ascii")

    def test_the_parties_reach_the_agent(self, run: Run) -> None:
        options = ("--raw", "--from", "anonymous", "--direction", "outbound")
        session = raw(call(run, options=options))[1]["event"]["session"]
        assert (session["from_phone_number"], session["direction"]) == ("", "outbound")

    def test_a_closed_pipe_ends_it_without_output(self) -> None:
        with subprocess.Popen(
            [*AIFLOW, "call"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as process:
            assert process.stdin
            assert process.stdout
            assert process.stderr
            process.stdout.readline()
            process.stdout.close()
            process.stdin.write(b"hello\n" * 1000)
            process.stdin.close()
            assert process.stderr.read() == b""

    def test_without_standard_input_the_call_still_runs(self) -> None:
        done = subprocess.run(
            ["/bin/sh", "-c", f'"{sys.executable}" -m aiflow_local.cli.entry call <&-'],
            capture_output=True,
            check=True,
            cwd=ROOT,
        )
        assert b"agent  Welcome!" in done.stdout


class TestAnyBot:
    @pytest.mark.parametrize(
        ("bot", "message"),
        [
            (answering({}, 500), "/status is 500, but must be 200"),
            (hanging_up, "error  broke off: "),
            (answering({"type": "sing"}), "error  /body/type is not an action type"),
        ],
    )
    def test_an_error_is_shown_and_exits_with_1(self, run: Run, bot: Bot, message: str) -> None:
        with serving(bot) as url:
            finished = call(run, "hello", options=("--url", url))
        assert (finished.code, finished.err) == (1, "")
        assert message in finished.out
        assert "           1 turn, " in finished.out
        assert "no errors" not in finished.out

    def test_a_good_bot_passes(self, run: Run) -> None:
        with serving(conversing("Hello there", "session_start", "user_speak")) as url:
            finished = call(run, "hello", "/state", options=("--url", url))
        assert finished.code == 0
        assert "agent  Hello there" in finished.out
        assert "is not accessible" in finished.out

    def test_a_failed_request_may_end_the_call(self, run: Run) -> None:
        options = ("--set", "failed_requests=hangup")
        with serving(hanging_up) as url:
            finished = call(run, "never said", options=("--url", url, *options))
        assert "the service ends the call" in finished.out
        assert "never said" not in finished.out


class TestWhatCannotBegin:
    @pytest.mark.parametrize(
        ("options", "message"),
        [
            (("--url", "bot.example.com"), "must begin with http://"),
            (("--url", "http://127.0.0.1:99999/"), "is not a URL"),
            (("--url", "http://127.0.0.1/", "--parameter", "A=b"), "not for --url"),
            (("--parameter", "Nothing=1"), "Nothing is not a parameter"),
            (("--parameter", "LogLevel"), "NAME=VALUE"),
            (("--set", "transfer"), "NAME=VALUE"),
            (("--set", "transfr=busy"), "did you mean transfer?"),
            (("--set", "xyzzy=1"), "no such option; use one of transfer, sms,"),
            (("--set", "transfer=maybe"), "must be 'answered', 'busy', 'no_answer' or"),
            (("--set", "words_per_minute=0"), "must be greater than or equal to 20"),
            (("--from", "nobody"), "nobody is not a phone number"),
            (("--to", ""), "is not a phone number"),
            (("--session", "a\nb"), "must be a string of 1 to"),
            (("--direction", "up"), "'up' is not one of 'inbound', 'outbound'"),
            (("--record", "nowhere/call.jsonl"), "cannot be written"),
            (("--record", "/dev/full"), "cannot be written"),
            (("--token", "two words"), "visible ASCII"),
        ],
    )
    def test_invalid_options_are_explained_and_exit_with_2(
        self, run: Run, options: tuple[str, ...], message: str
    ) -> None:
        finished = call(run, "hello", options=options)
        assert (finished.code, finished.out) == (2, "")
        assert message in " ".join(finished.err.split())
        assert "Traceback" not in finished.err

    @pytest.mark.parametrize(
        ("file", "content", "message"),
        [
            ("template.yaml", "Resources: [", "template.yaml is not valid YAML"),
            ("template.yaml", "Resources: {}", "add an HTTP API event"),
            ("functions/user_speak/app.py", "def (", "SyntaxError"),
        ],
    )
    def test_a_project_that_cannot_be_loaded_exits_with_2(
        self, run: Run, here: Path, *, file: str, content: str, message: str
    ) -> None:
        (here / file).write_text(content, encoding="utf-8")
        finished = call(run, "hello")
        assert (finished.code, finished.out) == (2, "")
        assert message in finished.err


def terminal(folder: Path, *options: str) -> Terminal:
    return Terminal([*AIFLOW, "call", *options], {"XDG_STATE_HOME": str(folder)})


class TestInATerminal:
    def test_typed_lines_are_spoken_and_the_transcript_is_shown(self, tmp_path: Path) -> None:
        with terminal(tmp_path) as screen:
            screen.read_until(GREETING)
            screen.read_until(PROMPT)
            screen.press(f"/interrupt never mind{ENTER}")
            assert "cut short after" in screen.read_until("You said: never mind")
            screen.press(f"goodbye{ENTER}")
            screen.read_until("thank you for calling")
            screen.press(ENTER)
            screen.read_until("[hangs up]")
            assert screen.finish() == 0
        assert "2 turns, slowest answer" in screen.screen
        assert "goodbye" in (tmp_path / "aiflow" / "call-history").read_text("utf-8")

    @pytest.mark.parametrize("key", [CTRL_C, CTRL_D])
    def test_ctrl_c_and_ctrl_d_hang_up(self, tmp_path: Path, key: str) -> None:
        with terminal(tmp_path) as screen:
            screen.read_until(GREETING)
            screen.read_until(PROMPT)
            screen.press(key)
            screen.read_until("[hangs up]")
            screen.read_until("session_end")
            assert screen.finish() == 0
        assert "no turns" in screen.screen
        assert "Traceback" not in screen.screen

    @pytest.mark.parametrize("options", [(), ("--real-time", *FAST)])
    def test_the_agent_may_hang_up(self, tmp_path: Path, options: tuple[str, ...]) -> None:
        def bot(request: Request) -> None:
            is_said = request.event["type"] == "user_speak"
            hangup = {"type": "hangup", "session_id": session_id(request)}
            (answering(hangup) if is_said else conversing("Hello", "session_start"))(request)

        with serving(bot) as url, terminal(tmp_path, "--url", url, *options) as screen:
            screen.read_until("Hello")
            screen.read_until(PROMPT)
            screen.press(f"bye{ENTER}")
            assert screen.finish() == 0
        assert "1 turn, " in screen.screen

    def test_in_real_time_typing_interrupts(self, tmp_path: Path) -> None:
        quick = ("--real-time", "--set", "words_per_minute=600")
        long = conversing("blah " * 600, "session_start")
        with serving(long) as url, terminal(tmp_path, "--url", url, *quick) as screen:
            screen.read_until("assistant_speak")
            screen.read_until(PROMPT)
            screen.press(f"stop it now{ENTER}")
            assert "cut short after" in screen.read_until("barged_in=true")
            screen.read_until(PROMPT)
            screen.press(CTRL_C)
            screen.read_until("[hangs up]")
            assert screen.finish() == 0

    def test_ctrl_c_while_a_bot_is_busy_hangs_up(self, tmp_path: Path, thinking: Thinking) -> None:
        with serving(thinking) as url, terminal(tmp_path, "--url", url) as screen:
            screen.read_until("assistant_speak")
            screen.read_until(PROMPT)
            screen.press(f"hello{ENTER}")
            thinking.asked.wait()
            screen.process.send_signal(signal.SIGINT)
            screen.read_until("session_end")
            assert screen.finish() == 0
        assert "Traceback" not in screen.screen

    def test_a_second_ctrl_c_does_not_wait_for_a_busy_bot(
        self, tmp_path: Path, thinking: Thinking
    ) -> None:
        slow = ("--real-time", *FAST, "--set", "answer_deadline_ms=600000")
        with serving(thinking) as url, terminal(tmp_path, "--url", url, *slow) as screen:
            screen.read_until("assistant_speak")
            screen.read_until(PROMPT)
            screen.press(f"hello{ENTER}")
            thinking.asked.wait()
            screen.read_until(PROMPT)
            screen.press(CTRL_C)
            screen.read_until("Press Ctrl-C again")
            screen.process.send_signal(signal.SIGINT)
            assert screen.finish() == 130
        assert "Traceback" not in screen.screen
