"""Plays scenario files, and reports as it was asked for."""

import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path

import click
from rich.console import Console

from aiflow_local.simulator.bots.target import Target, reachable
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.scenarios.batch_runner import Stage
from aiflow_local.simulator.scenarios.junit import write_junit
from aiflow_local.simulator.scenarios.report import JsonReport, TextReport
from aiflow_local.simulator.scenarios.scenario import load_scenarios
from aiflow_local.simulator.scenarios.suite import Suite, with_switches
from aiflow_local.stack.cli_options import read_all


@dataclass(frozen=True)
class Wanted:
    """What was asked for.

    Attributes:
        switches: those that were set hold in place of what scenarios say.
        as_json: print a line of JSON for each scenario.
        is_verbose: print each call while it goes on.
        junit: where a report is written.
        record: the folder where recordings are written.
    """

    switches: Switches
    as_json: bool
    is_verbose: bool
    junit: Path | None
    record: Path | None


def play_scenarios(files: Sequence[str], target: Target, wanted: Wanted) -> bool:
    """Play scenario files; tell if all went as expected.

    Raises:
        LocalError: a file cannot be read or written, or there is nothing to call.
    """
    read = read_all(files, lambda file: Suite(file, load_scenarios(Path(file))))
    suites = [with_switches(suite, wanted.switches) for suite in read]
    report = _report(wanted)
    stage = Stage(report, _folder(wanted.record))
    # A file that cannot be written is better known before than after.
    _write(wanted.junit, stage)
    # What a handler prints must not stand between lines of JSON.
    with (
        redirect_stdout(sys.stderr if wanted.as_json else sys.stdout),
        reachable(target, stage.complain) as reach,
    ):
        try:
            fine = stage.play(suites, reach)
        finally:
            _write(wanted.junit, stage)
    report.sum_up(stage.played)
    return fine


def _report(wanted: Wanted) -> JsonReport | TextReport:
    if wanted.as_json:
        return JsonReport(sys.stdout)
    return TextReport(Console(highlight=False), is_verbose=wanted.is_verbose)


def _write(junit: Path | None, stage: Stage) -> None:
    if junit:
        write_junit(junit, stage.played)


def _folder(folder: Path | None) -> Path | None:
    if folder:
        try:
            folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            message = f"--record {folder}: cannot be made: {error.strerror}"
            raise click.UsageError(message) from None
    return folder
