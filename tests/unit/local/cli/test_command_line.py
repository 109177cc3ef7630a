"""Behaviour that all commands share, and the small commands."""

import json
import os
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from aiflow_local.cli.main import COMMANDS
from tests.unit.local.cli.command import Run

AIFLOW = [sys.executable, "-m", "aiflow_local.cli.entry"]


def test_the_help_names_every_command(run: Run) -> None:
    finished = run("--help")
    assert finished.code == 0
    assert all(f"  {name} " in finished.out for name in COMMANDS)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_has_help_with_examples(run: Run, name: str) -> None:
    finished = run(name, "--help")
    assert finished.code == 0
    assert "Examples:" in finished.out


@pytest.mark.parametrize("arguments", [["sing"], ["--sing"], ["event", "sing"], ["schema"]])
def test_an_invalid_command_line_has_the_exit_code_2_and_refers_to_the_help(
    run: Run, arguments: list[str]
) -> None:
    finished = run(*arguments)
    assert (finished.code, finished.out) == (2, "")
    assert "Try 'aiflow" in finished.err


def test_a_token_has_256_bits_and_is_printed_with_its_digest(run: Run) -> None:
    made = [json.loads(run("token", "--json").out) for _ in range(2)]
    assert made[0]["token"] != made[1]["token"]
    for token in made:
        assert len(token["token"]) == 43
        assert token["sha256"] == sha256(token["token"].encode()).hexdigest()


def test_the_token_is_printed_with_the_next_steps(run: Run) -> None:
    out = run("token").out
    digest = out.splitlines()[1].split()[1]
    assert f"TokenSha256={digest}" in out
    assert "AI Flow" in out


@pytest.mark.parametrize("what", ["events", "actions"])
def test_the_schema_is_a_valid_json_schema(run: Run, what: str) -> None:
    schema = json.loads(run("schema", what).out)
    Draft202012Validator.check_schema(schema)
    assert len(schema["oneOf"]) == 9


@pytest.mark.parametrize("module", ["moto", "boto3", "botocore.session", "uvicorn", "httpx"])
def test_the_check_command_does_not_import_heavy_packages(module: str) -> None:
    program = f"import sys, aiflow_local.cli.commands.check; print({module!r} in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert loaded.stdout == "False\n"


@pytest.mark.parametrize("arguments", [["schema", "events"], ["token"], ["event", "user_speak"]])
def test_a_closed_pipe_causes_no_traceback(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    finished = subprocess.run(
        [*AIFLOW, *arguments], stdout=writing, stderr=subprocess.PIPE, check=False, text=True
    )
    os.close(writing)
    assert finished.stderr == ""


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
@pytest.mark.parametrize(
    "arguments", ["token", "token --json", "schema events", "play events/calls/agent.call.yaml"]
)
def test_a_full_disk_is_reported_in_one_line(arguments: str) -> None:
    with Path("/dev/full").open("wb") as full:
        finished = subprocess.run(
            [*AIFLOW, *arguments.split()],
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    message = "aiflow: the output cannot be written: No space left on device\n"
    assert (finished.returncode, finished.stderr) == (1, message)


def test_a_character_that_the_encoding_lacks_is_escaped() -> None:
    finished = subprocess.run(
        [*AIFLOW, "event", "user_speak", "--text", "\u65e5"],
        capture_output=True,
        check=True,
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert rb"\u65e5" in finished.stdout


@pytest.mark.parametrize("arguments", ["token", "call", "play events/calls/agent.call.yaml"])
def test_a_closed_output_causes_no_traceback(arguments: str) -> None:
    finished = subprocess.run(
        ["/bin/sh", "-c", f'"{sys.executable}" -m aiflow_local.cli.entry {arguments} <&- >&-'],
        stderr=subprocess.PIPE,
        check=False,
        text=True,
    )
    assert (finished.returncode, finished.stderr) == (0, "")


def test_ctrl_c_during_the_imports_causes_no_traceback(tmp_path: Path) -> None:
    loaded_first = tmp_path / "click.py"
    loaded_first.write_text("import os, signal\nos.kill(os.getpid(), signal.SIGINT)\n")
    finished = subprocess.run(
        [Path(sys.executable).with_name("aiflow"), "call"],
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(tmp_path)},
        check=False,
        text=True,
    )
    assert (finished.returncode, finished.stderr) == (130, "")
