"""Plays event scripts and prints their transcripts."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace

import click
from rich.console import Console
from rich.text import Text

from aiflow_local.simulator.bots.target import Target, open_target
from aiflow_local.simulator.console.statistics import CallStatistics, counted
from aiflow_local.simulator.console.transcript_printer import TranscriptPrinter
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import printable_line
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.transcript import Transcript, TranscriptEntry
from aiflow_local.simulator.scripts.player import EventPlayer, stored_values
from aiflow_local.simulator.scripts.script import Script, read_script
from aiflow_local.stack.cli_options import read_all


def play_scripts(files: Sequence[str], target: Target, seconds: float, *, as_json: bool) -> bool:
    """Play event scripts over HTTP or a WebSocket; return whether all answers are valid.

    Args:
        files: paths; `-` is standard input.
        target: the bot; without a URL, the agent of this project behind its gateway.
        seconds: time limit for an answer.
        as_json: print a line of JSON for each event.

    Raises:
        Unreadable: a file or the URL is not valid.
    """
    options = ServiceOptions(answer_deadline_ms=round(seconds * 1000))
    if target.url is None:
        target = replace(target, transport="http")
        # A cold start on this machine does not predict response times after deployment.
        options = options.model_copy(update={"slow_answer_ms": options.answer_deadline_ms})
    play = _play_as_json if as_json else _play_as_text
    results = [play(script, target, options) for script in read_all(files, read_script)]
    return all(results)


def _play_as_json(script: Script, target: Target, options: ServiceOptions) -> bool:
    out, clock, is_valid = sys.stdout, Clock(), True
    # Output of a handler must not mix with the lines of JSON.
    with (
        redirect_stdout(sys.stderr),
        open_target(target, _print_error) as connect,
        connect(clock, options) as bot,
    ):
        player = EventPlayer(bot, options, clock, Transcript())
        for exchange in player.play(script.events):
            click.echo(json.dumps(exchange.as_json()), file=out)
            is_valid = is_valid and exchange.is_valid
    return is_valid


def _play_as_text(script: Script, target: Target, options: ServiceOptions) -> bool:
    clock, console, statistics = Clock(), Console(highlight=False), CallStatistics()
    with open_target(target, _print_error) as connect, connect(clock, options) as bot:
        console.print(Text(printable_line(script.name), "bold"), soft_wrap=True)
        screen = TranscriptPrinter(console, stored_values(bot))
        transcript = Transcript(listener=_both(statistics.add, screen.add))
        player = EventPlayer(bot, options, clock, transcript)
        played = sum(1 for _ in player.play(script.events))
        screen.flush()
    planned = len(script.events)
    early = "" if played == planned else f"{played} of "
    summary = f"{early}{counted(planned, 'event')}, {statistics.results}"
    screen.end(summary, is_ok=statistics.is_ok)
    return statistics.is_ok


def _both(
    first: Callable[[TranscriptEntry], None], second: Callable[[TranscriptEntry], None]
) -> Callable[[TranscriptEntry], None]:
    def listener(entry: TranscriptEntry) -> None:
        first(entry)
        second(entry)

    return listener


def _print_error(error: str) -> None:
    click.echo(error, err=True)
