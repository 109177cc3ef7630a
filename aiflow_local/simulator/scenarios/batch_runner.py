"""Plays scenarios one after another."""

import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

from aiflow_local.simulator.bots.connector import BotConnector
from aiflow_local.simulator.console.statistics import CallStatistics
from aiflow_local.simulator.engine.caller import PhoneCall, hang_up_on_error
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.transcript import TranscriptEntry
from aiflow_local.simulator.recordings.recording import Recording, file_name
from aiflow_local.simulator.scenarios.runner import ScenarioResult, ScenarioRunner
from aiflow_local.simulator.scenarios.scenario import Scenario
from aiflow_local.simulator.scenarios.suite import Suite


@dataclass(frozen=True)
class PlayedScenario:
    """A scenario that was played.

    Attributes:
        suite: its file.
        result: its result.
        seconds: its duration in real time.
        errors: tracebacks of handler errors.
    """

    suite: Suite
    result: ScenarioResult
    seconds: float
    errors: Sequence[str]

    @property
    def statistics(self) -> CallStatistics:
        """Statistics of the call."""
        statistics = CallStatistics()
        for entry in self.result.call.transcript.entries:
            statistics.add(entry)
        return statistics


type StateReader = Callable[[str], dict[str, Any]]
"""Returns `call.state` of a session."""


class Reporter(Protocol):
    """Reports scenarios while they run."""

    def begin(self, suite: Suite, scenario: Scenario, read_state: StateReader | None) -> None:
        """Handle the start of a scenario; `read_state` is None if the state is not accessible."""
        ...

    def add(self, entry: TranscriptEntry) -> None:
        """Handle a transcript entry."""
        ...

    def report_error(self, error: str) -> None:
        """Handle the traceback of a handler error."""
        ...

    def end(self, played: PlayedScenario) -> None:
        """Handle the end of a scenario."""
        ...


@dataclass
class BatchRunner:
    """Plays scenarios and collects the results.

    Attributes:
        report: reports the scenarios while they run.
        folder: folder for recordings; None for no recordings.
        played: scenarios that were played.
    """

    report: Reporter
    folder: Path | None = None
    played: list[PlayedScenario] = field(default_factory=list[PlayedScenario])
    _errors: list[str] = field(default_factory=list[str])

    def report_error(self, error: str) -> None:
        """Collect and report a handler error."""
        self._errors.append(error)
        self.report.report_error(error)

    def play(self, suites: Iterable[Suite], connect: BotConnector) -> bool:
        """Play all scenarios; return whether all passed."""
        for suite in suites:
            for scenario in suite.scenarios:
                self._play(suite, scenario, connect)
        return all(played.result.passed for played in self.played)

    def _play(self, suite: Suite, scenario: Scenario, connect: BotConnector) -> None:
        clock, begun = Clock(), time.monotonic()
        self._errors.clear()
        with ExitStack() as stack:
            bot = stack.enter_context(connect(clock, scenario.given))
            player = ScenarioRunner(scenario, bot.connection, clock, bot.state)
            self.report.begin(suite, scenario, bot.state)
            player.call.transcript.listener = self._listener(player.call, scenario, stack)
            with hang_up_on_error(player.call):
                result = player.play()
        errors = list(self._errors)
        result.failures.extend(f"a handler failed: {_last_line(error)}" for error in errors)
        self.played.append(PlayedScenario(suite, result, time.monotonic() - begun, errors))
        self.report.end(self.played[-1])

    def _listener(
        self, call: PhoneCall, scenario: Scenario, stack: ExitStack
    ) -> Callable[[TranscriptEntry], None]:
        if self.folder is None:
            return self.report.add
        file = self.folder / file_name(len(self.played) + 1, scenario.name)
        recording = stack.enter_context(Recording(file))
        recording.begin(call.parties, call.options, scenario.name)

        def listen(entry: TranscriptEntry) -> None:
            recording.add(entry)
            self.report.add(entry)

        return listen


def _last_line(error: str) -> str:
    return error.strip().rpartition("\n")[2]
