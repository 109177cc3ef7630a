"""`aiflow call`, `play` and `replay` with `--url ws://...`: bots with a WebSocket."""

import json
import signal
import subprocess
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest

from aiflow_local.simulator.bots.response_wait import WaitUntilProcessed
from aiflow_local.simulator.bots.websocket import WebSocketConnection
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.recordings.recording import Recording
from tests.helpers.socket_bots import (
    BotConnection,
    Json,
    SocketBot,
    Thinking,
    act,
    closing,
    conversing,
    sending,
    serving_socket,
    speak,
)
from tests.helpers.template import ROOT
from tests.helpers.terminal import Terminal
from tests.unit.local.cli.command import Finished, Run

AGENT = ROOT / "events" / "calls" / "agent.call.yaml"
BOTS = Path(__file__).parent / "bots"
CTRL_C, ENTER = "\x03", "\r"
PROMPT = "   caller  "
GOOD = conversing("Hello there", "session_start", "user_speak")
EXACT = ("--set", "quiet_ms=0", "--set", "answer_deadline_ms=60000")
"""Options that wait for expected answers only."""


def call(run: Run, url: str, *lines: str, options: tuple[str, ...] = ()) -> Finished:
    stdin = "".join(f"{line}\n" for line in lines).encode()
    return run("call", "--url", url, *EXACT, *options, stdin=stdin)


class TestCalls:
    def test_a_good_bot_passes(self, run: Run) -> None:
        bot = SocketBot(GOOD)
        with serving_socket(bot) as url:
            finished = call(run, url, "hello", "/state", options=("--token", "secret"))
        assert (finished.code, finished.err) == (0, "")
        assert finished.out.count("agent  Hello there") == 2
        assert "user_speech_started, no message" in finished.out
        assert "is not accessible" in finished.out
        assert [headers["x-api-token"] for headers in bot.headers] == ["secret"]
        assert (bot.told[-1], bot.closed) == ("session_end", [1000])

    def test_an_error_is_shown_and_exits_with_1(self, run: Run) -> None:
        with serving_socket(SocketBot(sending("sorry"))) as url:
            finished = call(run, url, options=("--set", "answer_deadline_ms=60000"))
        assert finished.code == 1
        assert "error  must be an action as JSON, but is not JSON [not_json]" in finished.out

    def test_an_ignored_message_is_a_warning_and_exits_with_0(self, run: Run) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            sending({"type": "connected"}, {"error": "no"})(line, event)
            GOOD(line, event)

        with serving_socket(SocketBot(talk)) as url:
            finished = call(run, url)
        assert finished.code == 0
        assert "warning  is not an action: the service ignores it [chatter]" in finished.out
        assert finished.out.splitlines()[-1].endswith("no errors, 1 warning")

    def test_a_refused_call_is_over_and_exits_with_1(self, run: Run) -> None:
        with serving_socket(SocketBot(GOOD, 401)) as url:
            finished = call(run, url, "never said")
        assert (finished.code, finished.err) == (1, "")
        assert "error  refused the connection with 401; the API token is missing" in finished.out
        assert "the service ends the call" in finished.out
        assert "never said" not in finished.out

    def test_a_lost_connection_can_end_the_call(self, run: Run) -> None:
        options = ("--set", "dropped_connection=hangup")
        with serving_socket(SocketBot(closing(1001))) as url:
            finished = call(run, url, "never said", options=options)
        assert finished.code == 1
        assert "error  closed the connection, 1001 (going away)" in finished.out
        assert "never said" not in finished.out

    def test_in_real_time_piped_lines_wait_for_the_previous_answer(self, run: Run) -> None:
        fast = ("--set", "words_per_minute=1000", "--set", "end_of_turn_silence_ms=150")
        with serving_socket(SocketBot(GOOD)) as url:
            finished = call(run, url, "hello", options=("--real-time", *fast))
        lines = [line.strip() for line in finished.out.splitlines()]
        assert finished.code == 0
        assert [line for line in lines if line.startswith(("agent", "caller"))] == [
            "agent  Hello there",
            "caller  hello",
            "agent  Hello there",
            "caller  [hangs up]",
        ]

    @pytest.mark.parametrize("url", ["ws://", "wss://127.0.0.1:99999/", "WS://127.0.0.1:0/"])
    def test_an_invalid_url_exits_with_2(self, run: Run, url: str) -> None:
        finished = call(run, url)
        assert (finished.code, finished.out) == (2, "")
        assert "is not a URL" in finished.err


class TestInATerminal:
    @pytest.fixture
    def thinking(self) -> Iterator[Thinking]:
        bot = Thinking()
        yield bot
        bot.join()

    def test_in_real_time_an_unsolicited_message_is_executed_during_a_playback(
        self, tmp_path: Path
    ) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            match event["type"], bot.told.count(event["type"]):
                case "session_start", _:
                    line.send(speak(event, "blah " * 6000))
                case "assistant_speak", 1:
                    line.send([act(event, "barge_in"), speak(event, "Sorry")])
                case "assistant_speech_ended", 2:
                    line.send(act(event, "hangup"))
                case _:
                    """It waits."""

        bot = SocketBot(talk)
        with serving_socket(bot) as url, terminal(tmp_path, url, "--real-time") as screen:
            assert "cut short after" in screen.read_until("Sorry")
            screen.read_until("[hangs up]")
            assert screen.finish() == 0

    def test_in_real_time_an_answer_has_no_deadline(
        self, tmp_path: Path, thinking: Thinking
    ) -> None:
        fast = ("--real-time", "--set", "words_per_minute=1000")
        with (
            serving_socket(SocketBot(thinking)) as url,
            terminal(tmp_path, url, *fast) as screen,
        ):
            screen.read_until("session_start")
            screen.read_until(PROMPT)
            screen.press(f"hello{ENTER}")
            screen.read_until("One moment")
            screen.read_until("assistant_speech_ended")
            thinking.done.set()
            screen.read_until("It is done")
            screen.read_until("assistant_speech_ended")
            screen.read_until(PROMPT)
            screen.press(CTRL_C)
            screen.read_until("[hangs up]")
            assert screen.finish() == 0
        assert "Traceback" not in screen.screen

    def test_ctrl_c_while_waiting_for_a_bot_hangs_up(self, tmp_path: Path) -> None:
        bot = SocketBot(conversing("Hello", "session_start"))
        with serving_socket(bot) as url, terminal(tmp_path, url, *EXACT) as screen:
            screen.read_until("assistant_speak")
            screen.read_until(PROMPT)
            screen.press(f"hello{ENTER}")
            bot.settled(5)
            screen.process.send_signal(signal.SIGINT)
            screen.read_until("session_end")
            assert screen.finish() == 0
        assert "Traceback" not in screen.screen


def terminal(folder: Path, url: str, *options: str) -> Terminal:
    command = [sys.executable, "-m", "aiflow_local.cli.entry", "call", "--url", url, *options]
    return Terminal(command, {"XDG_STATE_HOME": str(folder)})


class TestScenarios:
    @pytest.fixture
    def twenty_lines(self) -> Generator[str]:
        """The URL of a bot in another process."""
        command = [sys.executable, str(BOTS / "twenty_lines.py")]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as bot:
            assert bot.stdout is not None
            yield bot.stdout.readline().strip()
            bot.terminate()

    def test_a_bot_of_twenty_lines_passes(self, run: Run, twenty_lines: str) -> None:
        finished = run("play", str(BOTS / "twenty_lines.yaml"), "--url", twenty_lines, *EXACT)
        assert (finished.code, finished.err) == (0, "")
        assert "1 scenario, 1 ok" in finished.out


class TestScripts:
    EVENTS = """
{"type": "session_start", "session": {"id": "s-1"}}
{"type": "user_speech_started", "session": {"id": "s-1"}}
{"type": "user_speak", "session": {"id": "s-1"}, "text": "Hi"}
{"type": "session_end", "session": {"id": "s-1"}}
"""

    @pytest.fixture
    def script(self, tmp_path: Path) -> str:
        path = tmp_path / "call.jsonl"
        path.write_text(self.EVENTS)
        return str(path)

    def test_each_event_is_sent_as_a_message(self, run: Run, script: str) -> None:
        bot = SocketBot(GOOD)
        with serving_socket(bot) as url:
            finished = run("play", script, "--url", url, "--timeout", "60", "--token", "secret")
        assert (finished.code, finished.err) == (0, "")
        assert finished.out.count("agent  Hello there") == 2
        assert finished.out.splitlines()[-1].endswith(" ms, no errors, no warnings")
        assert "4 events, slowest answer " in finished.out
        assert bot.told == ["session_start", "user_speech_started", "user_speak", "session_end"]

    def test_errors_are_in_the_json(self, run: Run, script: str) -> None:
        with serving_socket(SocketBot(sending(b"\x00", "[]"))) as url:
            finished = run("play", script, "--url", url, "--json", "--timeout", "1")
        first = json.loads(finished.out.splitlines()[0])
        assert finished.code == 1
        assert first["status"] is None
        assert [each["code"] for each in first["problems"]] == ["binary", "empty_array"]

    def test_a_refused_connection_ends_the_script(self, run: Run, script: str) -> None:
        with serving_socket(SocketBot(GOOD, 403)) as url:
            finished = run("play", script, "--url", url)
        assert finished.code == 1
        assert "refused the connection with 403" in finished.out
        assert "1 of 4 events" in finished.out

    def test_a_lost_connection_is_replaced(self, run: Run, script: str) -> None:
        def talk(line: BotConnection, event: Json) -> None:
            closing(1001)(line, event)
            conversing("Hello", "user_speak")(line, event)

        bot = SocketBot(talk)
        with serving_socket(bot) as url:
            finished = run("play", script, "--url", url, "--timeout", "60")
        assert finished.code == 1
        assert finished.out.count("error  closed the connection, 1001") == 1
        assert len(bot.headers) == 2


class TestRecordings:
    @pytest.fixture
    def recorded(self, tmp_path: Path) -> str:
        """A call with unsolicited messages and a lost connection."""

        def talk(line: BotConnection, event: Json) -> None:
            if event["type"] == "session_start":
                line.send(speak(event, "Hello"))
            elif event["type"] == "user_speak" and event["text"] == "leave":
                line.close(1001)
            elif event["type"] == "user_speak":
                line.send({"type": "connected"})
                line.send(speak(event, "One moment"))
                line.send(speak(event, f"You said {event['text']}"))

        file, bot, options = tmp_path / "call.jsonl", SocketBot(talk), ServiceOptions()
        exact = WaitUntilProcessed(bot.settled)
        with (
            serving_socket(bot) as url,
            WebSocketConnection(url, None, options, exact) as connection,
        ):
            phone = PhoneCall(connection, options)
            with Recording(file) as recording:
                recording.begin(phone.parties, options)
                phone.transcript.listener = recording.add
                phone.begin()
                phone.says("this")
                phone.interrupts("that", after_ms=400)
                phone.says("leave")
                phone.says("more")
                phone.settle()
                phone.hangs_up()
        return str(file)

    def test_a_recording_is_converted_to_a_scenario(self, run: Run, recorded: str) -> None:
        made = run("replay", recorded, "--as-scenario")
        assert (made.code, made.err) == (0, "")
        text = Path(recorded).read_text("ascii")
        assert '"kind": "message"' in text
        assert made.out.count("One moment") == 3
        assert 'interrupt: {with: "that", after_ms: 400}' in made.out
        assert "problems: 1" in made.out

    def test_a_replay_shows_answers_that_differ(self, run: Run, recorded: str) -> None:
        with serving_socket(SocketBot(conversing("Hello", "session_start", "user_speak"))) as url:
            finished = run("replay", recorded, "--url", url)
        assert finished.code == 1
        assert '- speak "You said this"' in finished.out
