"""Plays scenario files and prints reports."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from aiflow_local.simulator.bots.target import Target, open_target
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.scenarios.batch_runner import BatchRunner
from aiflow_local.simulator.scenarios.junit import write_junit
from aiflow_local.simulator.scenarios.report import JsonReport, TextReport
from aiflow_local.simulator.scenarios.scenario import load_scenarios
from aiflow_local.simulator.scenarios.suite import Suite, with_options
from aiflow_local.stack.cli_options import read_all


@dataclass(frozen=True)
class PlayOptions:
    """Options of `aiflow play`.

    Attributes:
        options: service options that override those of the scenarios.
        as_json: print a line of JSON for each scenario.
        is_verbose: print each call while it runs.
        junit: path of a JUnit report.
        record: folder for recordings.
    """

    options: ServiceOptions
    as_json: bool
    is_verbose: bool
    junit: Path | None
    record: Path | None


def play_scenarios(files: Sequence[str], target: Target, wanted: PlayOptions) -> bool:
    """Play scenario files; return whether all scenarios passed.

    Raises:
        LocalError: a file cannot be read or written, or the target is not valid.
    """
    read = read_all(files, lambda file: Suite(file, load_scenarios(Path(file))))
    suites = [with_options(suite, wanted.options) for suite in read]
    report = _report(wanted)
    runner = BatchRunner(report, _folder(wanted.record))
    # Fail before the calls if the report cannot be written.
    _write(wanted.junit, runner)
    # Output of handlers must not mix with the JSON lines.
    with (
        redirect_stdout(sys.stderr if wanted.as_json else sys.stdout),
        open_target(target, runner.report_error) as connect,
    ):
        try:
            fine = runner.play(suites, connect)
        finally:
            _write(wanted.junit, runner)
    report.sum_up(runner.played)
    return fine


def _report(wanted: PlayOptions) -> JsonReport | TextReport:
    if wanted.as_json:
        return JsonReport(sys.stdout)
    return TextReport(Console(highlight=False), is_verbose=wanted.is_verbose)


def _write(junit: Path | None, runner: BatchRunner) -> None:
    if junit:
        write_junit(junit, runner.played)


def _folder(folder: Path | None) -> Path | None:
    if folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"--record {folder}: cannot be created: {error.strerror}"
            raise click.UsageError(message) from None
    return folder
