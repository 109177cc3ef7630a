"""The input line, with a pipe in place of the keyboard."""

import asyncio
import os
import pty
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from prompt_toolkit.application import create_app_session
from prompt_toolkit.completion import CompleteEvent
from prompt_toolkit.document import Document
from prompt_toolkit.history import History, InMemoryHistory
from prompt_toolkit.input import PipeInput, create_input, create_pipe_input
from prompt_toolkit.output import DummyOutput

from aiflow_local.simulator.console.prompt import CommandCompleter, Prompt, open_history
from aiflow_local.simulator.console.virtual_time import HangupRequested

ENTER, UP, CTRL_C, CTRL_D = "\r", "\x1b[A", "\x03", "\x04"


@pytest.fixture
def input_queue() -> Iterator[PipeInput]:
    with create_pipe_input() as input_queue, create_app_session(input_queue, DummyOutput()):
        yield input_queue


def prompt(history: History | None = None) -> Prompt:
    return Prompt(lambda: "It is your turn.", history or InMemoryHistory())


def test_each_line_is_read_until_the_end_of_input(input_queue: PipeInput) -> None:
    input_queue.send_text(f"hello{ENTER}{ENTER}/keys 1{ENTER}{CTRL_D}")
    assert list(prompt().lines()) == ["hello", "", "/keys 1"]


def test_pasted_text_is_read_line_by_line(input_queue: PipeInput) -> None:
    input_queue.send_text(f"\x1b[200~one\ntwo\x1b[201~{ENTER}{CTRL_D}")
    assert list(prompt().lines()) == ["one", "two"]


def test_ctrl_c_hangs_up(input_queue: PipeInput) -> None:
    input_queue.send_text(f"half a sen{CTRL_C}")
    with pytest.raises(HangupRequested):
        next(prompt().lines())


def test_a_line_can_be_read_without_blocking(input_queue: PipeInput) -> None:
    input_queue.send_text(f"hello{ENTER}")
    assert asyncio.run(prompt().ask()) == "hello"


@pytest.mark.timeout(20)
def test_ctrl_c_between_two_lines_hangs_up_as_soon_as_it_can_be_read() -> None:
    ours, theirs = pty.openpty()
    with os.fdopen(theirs) as terminal, create_app_session(create_input(terminal), DummyOutput()):
        asking = prompt()
        with asking.raw_keys():
            os.write(ours, CTRL_C.encode())
            with pytest.raises(HangupRequested):
                asyncio.run(asking.ask())
    os.close(ours)


def test_the_history_has_lines_of_other_calls(
    input_queue: PipeInput, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    input_queue.send_text(f"a person, please{ENTER}")
    assert next(prompt(open_history()).lines()) == "a person, please"
    # A new one reads the file.
    assert list(open_history().load_history_strings()) == ["a person, please"]


def test_the_history_is_readable_by_its_owner_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    open_history().append_string("hello")
    file = tmp_path / "state" / "aiflow" / "call-history"
    assert "hello" in file.read_text("utf-8")
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("home", ["", "not/absolute"])
def test_without_a_state_folder_the_history_is_in_the_home_folder(
    home: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", home)
    monkeypatch.setenv("HOME", str(tmp_path))
    open_history().append_string("hello")
    assert (tmp_path / ".local" / "state" / "aiflow" / "call-history").exists()


def test_without_a_writable_folder_the_history_is_in_memory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "aiflow").write_text("a file, not a folder")
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    history = open_history()
    history.append_string("hello")
    assert history.get_strings() == ["hello"]


def test_a_history_that_becomes_unwritable_does_not_end_the_call(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    history = open_history()
    (tmp_path / "aiflow" / "call-history").unlink()
    (tmp_path / "aiflow").rmdir()
    history.append_string("hello")
    assert history.get_strings() == ["hello"]


@pytest.fixture
def completed() -> Callable[[str], list[str]]:
    """Return the completions of a line."""

    def completed(line: str) -> list[str]:
        found = CommandCompleter().get_completions(Document(line), CompleteEvent())
        return [line[: len(line) + each.start_position] + each.text for each in found]

    return completed


def test_commands_and_their_arguments_are_completed(
    completed: Callable[[str], list[str]],
) -> None:
    assert completed("/s") == ["/silence", "/sms", "/state"]
    assert completed("/transfer ") == [
        *("/transfer answered", "/transfer busy", "/transfer no_answer", "/transfer rejected"),
    ]
    assert completed("/sms f") == ["/sms fail"]
    assert len(completed("/")) == 8


@pytest.mark.parametrize("line", ["", "hello", "his/her", "/keys 1", "/nothing ", "/transfer up"])
def test_nothing_else_is_completed(completed: Callable[[str], list[str]], line: str) -> None:
    assert completed(line) == []
