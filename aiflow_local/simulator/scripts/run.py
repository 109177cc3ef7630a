"""Plays event scripts and prints their transcripts."""

import json
import sys
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout
from dataclasses import replace

import click
from rich.console import Console
from rich.text import Text

from aiflow_local.simulator.bots.target import Target, reachable
from aiflow_local.simulator.console.screen import Screen
from aiflow_local.simulator.console.summary import Tally, counted
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.formatting import visible
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.transcript import Entry, Transcript
from aiflow_local.simulator.scripts.player import EventPlayer, stored_values
from aiflow_local.simulator.scripts.script import Script, read_script
from aiflow_local.stack.cli_options import all_read


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
    options = Switches(answer_deadline_ms=round(seconds * 1000))
    if target.url is None:
        target = replace(target, transport="http")
        # A cold start on this machine does not predict response times after deployment.
        options = options.model_copy(update={"slow_answer_ms": options.answer_deadline_ms})
    play = _play_as_json if as_json else _play_as_text
    results = [play(script, target, options) for script in all_read(files, read_script)]
    return all(results)


def _play_as_json(script: Script, target: Target, options: Switches) -> bool:
    out, clock, is_valid = sys.stdout, Clock(), True
    # Output of a handler must not mix with the lines of JSON.
    with (
        redirect_stdout(sys.stderr),
        reachable(target, _print_error) as reach,
        reach(clock, options) as bot,
    ):
        player = EventPlayer(bot, options, clock, Transcript())
        for exchange in player.play(script.events):
            click.echo(json.dumps(exchange.as_json()), file=out)
            is_valid = is_valid and exchange.is_valid
    return is_valid


def _play_as_text(script: Script, target: Target, options: Switches) -> bool:
    clock, console, statistics = Clock(), Console(highlight=False), Tally()
    with reachable(target, _print_error) as reach, reach(clock, options) as bot:
        console.print(Text(visible(script.name), "bold"), soft_wrap=True)
        screen = Screen(console, stored_values(bot))
        transcript = Transcript(listener=_both(statistics.add, screen.add))
        player = EventPlayer(bot, options, clock, transcript)
        played = sum(1 for _ in player.play(script.events))
        screen.flush()
    planned = len(script.events)
    early = "" if played == planned else f"{played} of "
    summary = f"{early}{counted(planned, 'event')}, {statistics.results}"
    screen.end(summary, is_fine=statistics.is_fine)
    return statistics.is_fine


def _both(
    first: Callable[[Entry], None], second: Callable[[Entry], None]
) -> Callable[[Entry], None]:
    def listener(entry: Entry) -> None:
        first(entry)
        second(entry)

    return listener


def _print_error(error: str) -> None:
    click.echo(error, err=True)
