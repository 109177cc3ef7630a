"""Runs the `aiflow` command in this process."""

import io
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from aiflow_local.cli.main import main


@dataclass(frozen=True)
class Finished:
    """The exit code and the output of a command."""

    code: int
    out: str
    err: str


type Run = Callable[..., Finished]


def runner(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Run:
    def run(*arguments: str, stdin: bytes = b"", at_terminal: bool = False) -> Finished:
        typed = io.TextIOWrapper(io.BytesIO(stdin))
        monkeypatch.setattr(typed, "isatty", lambda: at_terminal)
        monkeypatch.setattr("sys.stdin", typed)
        with pytest.raises(SystemExit) as ended:
            main(arguments)
        code = ended.value.code
        assert isinstance(code, int)
        output = capfd.readouterr()
        return Finished(code, output.out, output.err)

    return run
