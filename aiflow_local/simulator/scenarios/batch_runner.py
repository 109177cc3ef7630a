"""Plays scenarios one after another, and tells whoever reports on it."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiflow_local.simulator.bots.connector import Reach
from aiflow_local.simulator.console.summary import Tally
from aiflow_local.simulator.engine.caller import PhoneCall, hang_up_on_error
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import Entry
from aiflow_local.simulator.recordings.recording import Recording, file_name
from aiflow_local.simulator.scenarios.runner import Player, Result
from aiflow_local.simulator.scenarios.scenario import Scenario
from aiflow_local.simulator.scenarios.suite import Suite


@dataclass(frozen=True)
class Played:
    """A scenario that was played.

    Attributes:
        suite: where it stands.
        result: how it went.
        seconds: how long that took.
        errors: of handlers, as Python told them.
    """

    suite: Suite
    result: Result
    seconds: float
    errors: Sequence[str]

    @property
    def tally(self) -> Tally:
        """The call in numbers."""
        tally = Tally()
        for entry in self.result.call.transcript.entries:
            tally.add(entry)
        return tally


type Look = Callable[[str], dict[str, Any]]
"""Returns `call.state` of a session."""


class Report(Protocol):
    """Learns how the scenarios go, while they go."""

    def begin(self, suite: Suite, scenario: Scenario, look: Look | None) -> None:
        """A scenario begins; `look` is None where the state of the call cannot be seen."""
        ...

    def add(self, entry: Entry) -> None:
        """Something happened in its call."""
        ...

    def complain(self, error: str) -> None:
        """A handler failed in its call."""
        ...

    def end(self, played: Played) -> None:
        """The scenario is over."""
        ...


@dataclass
class Stage:
    """Where scenarios are played.

    Attributes:
        report: learns how they go.
        folder: where recordings are written; None for nowhere.
        played: what is over.
    """

    report: Report
    folder: Path | None = None
    played: list[Played] = field(default_factory=list[Played])
    _errors: list[str] = field(default_factory=list[str])

    def complain(self, error: str) -> None:
        """Take down an error of a handler."""
        self._errors.append(error)
        self.report.complain(error)

    def play(self, suites: Iterable[Suite], reach: Reach) -> bool:
        """Play all scenarios; tell if all went as expected."""
        for suite in suites:
            for scenario in suite.scenarios:
                self._play(suite, scenario, reach)
        return all(played.result.passed for played in self.played)

    def _play(self, suite: Suite, scenario: Scenario, reach: Reach) -> None:
        clock, begun = Clock(), time.monotonic()
        self._errors.clear()
        with ExitStack() as stack:
            reached = stack.enter_context(reach(clock, scenario.given))
            player = Player(scenario, reached.door, clock, reached.state)
            self.report.begin(suite, scenario, reached.state)
            player.call.transcript.listener = self._listener(player.call, scenario, stack)
            with hang_up_on_error(player.call):
                result = player.play()
        errors = list(self._errors)
        result.failures.extend(f"a handler failed: {_last_line(error)}" for error in errors)
        self.played.append(Played(suite, result, time.monotonic() - begun, errors))
        self.report.end(self.played[-1])

    def _listener(
        self, call: PhoneCall, scenario: Scenario, stack: ExitStack
    ) -> Callable[[Entry], None]:
        if self.folder is None:
            return self.report.add
        file = self.folder / file_name(len(self.played) + 1, scenario.name)
        recording = stack.enter_context(Recording(file))
        recording.begin(call.party, call.switches, scenario.name)

        def listen(entry: Entry) -> None:
            recording.add(entry)
            self.report.add(entry)

        return listen


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]
