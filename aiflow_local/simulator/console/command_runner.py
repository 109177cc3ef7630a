"""Runs the lines that a user types in a call."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiflow_local.simulator.console.commands import (
    SAY,
    InvalidCommand,
    help_lines,
    parse_choice,
    parse_interruption,
    parse_keys,
    parse_line,
    parse_silence,
)
from aiflow_local.simulator.console.pacing import CallerPacing
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import EntryKind

type State = Mapping[str, Any]
"""`call.state` of the agent."""


class CommandRunner:
    """Runs typed lines as actions of the caller.

    Args:
        call: the call.
        pacing: when the caller acts.
        show_line: shows a line that is not part of the transcript.
        read_state: returns `call.state` of a session; None if it is not accessible.
    """

    def __init__(
        self,
        call: PhoneCall,
        pacing: CallerPacing,
        show_line: Callable[[str], None],
        read_state: Callable[[str], State] | None,
    ) -> None:
        self.call = call
        self._pacing = pacing
        self._show_line = show_line
        self._read_state = read_state
        self._commands: Mapping[str, Callable[[str], None]] = {
            SAY: self._say,
            "interrupt": self._interrupt,
            "keys": lambda argument: pacing.press(parse_keys(argument)),
            "silence": lambda argument: pacing.wait(parse_silence(argument)),
            "transfer": lambda argument: self._decide("transfer", argument),
            "sms": lambda argument: self._decide("sms", argument),
            "state": lambda _: self._show_state(),
            "hangup": lambda _: call.hangs_up(),
            "help": lambda _: self._show_help(),
        }

    def execute(self, line: str) -> None:
        """Run a line; show a message if it is not valid."""
        try:
            name, argument = parse_line(line)
            self._commands[name](argument)
        except InvalidCommand as error:
            self._show_line(str(error))

    def _say(self, words: str) -> None:
        if words:
            self._pacing.say(words)
        else:
            self._pacing.listen()

    def _interrupt(self, argument: str) -> None:
        words, after_ms = parse_interruption(argument)
        self._pacing.interrupt(words, after_ms)

    def _decide(self, option: str, argument: str) -> None:
        change, call = {option: parse_choice(option, argument)}, self.call
        call.options = call.options.model_copy(update=change)
        text = f"from now on {option} is {change[option].replace('_', ' ')}"
        # The data makes the recording complete.
        call.writer.record(EntryKind.NOTE, text, {"switches": change})

    def _show_state(self) -> None:
        if self._read_state is None:
            self._show_line("The state of a bot at a URL is not accessible.")
            return
        state = self._read_state(self.call.parties.session_id)
        for line in json.dumps(state, ensure_ascii=False, indent=2).splitlines():
            self._show_line(line)

    def _show_help(self) -> None:
        for line in help_lines():
            self._show_line(line)
