"""Do in a call what a person types."""

import json
from collections.abc import Callable, Mapping
from typing import Any

from aiflow_local.simulator.console.commands import (
    SAY,
    Unclear,
    choice_of,
    help_lines,
    interruption_of,
    keys_of,
    read_line,
    silence_of,
)
from aiflow_local.simulator.console.pacing import Manners
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import Kind

type State = Mapping[str, Any]
"""`call.state` of the agent."""


class Caller:
    """A caller who does what is typed.

    Args:
        call: in which it happens.
        manners: when it happens.
        tell: shows a line that is no part of the call.
        look: returns `call.state`; None where it cannot be seen.
    """

    def __init__(
        self,
        call: PhoneCall,
        manners: Manners,
        tell: Callable[[str], None],
        look: Callable[[str], State] | None,
    ) -> None:
        self.call = call
        self._manners = manners
        self._tell = tell
        self._look = look
        self._orders: Mapping[str, Callable[[str], None]] = {
            SAY: self._say,
            "interrupt": self._interrupt,
            "keys": lambda argument: manners.press(keys_of(argument)),
            "silence": lambda argument: manners.be_silent(silence_of(argument)),
            "transfer": lambda argument: self._decide("transfer", argument),
            "sms": lambda argument: self._decide("sms", argument),
            "state": lambda _: self._show_state(),
            "hangup": lambda _: call.hangs_up(),
            "help": lambda _: self._show_help(),
        }

    def do(self, line: str) -> None:
        """Do what a line says; or tell why that cannot be done."""
        try:
            name, argument = read_line(line)
            self._orders[name](argument)
        except Unclear as error:
            self._tell(str(error))

    def _say(self, words: str) -> None:
        if words:
            self._manners.say(words)
        else:
            self._manners.listen()

    def _interrupt(self, argument: str) -> None:
        words, after_ms = interruption_of(argument)
        self._manners.interrupt(words, after_ms)

    def _decide(self, switch: str, argument: str) -> None:
        change, call = {switch: choice_of(switch, argument)}, self.call
        call.switches = call.switches.model_copy(update=change)
        told = f"from now on {switch} is {change[switch].replace('_', ' ')}"
        # With its data, so that a recording holds all that the call depended on.
        call.scribe.take_down(Kind.NOTE, told, {"switches": change})

    def _show_state(self) -> None:
        if self._look is None:
            self._tell("What a bot at a URL keeps of the call cannot be seen from here.")
            return
        state = self._look(self.call.party.session_id)
        for line in json.dumps(state, ensure_ascii=False, indent=2).splitlines():
            self._tell(line)

    def _show_help(self) -> None:
        for line in help_lines():
            self._tell(line)
