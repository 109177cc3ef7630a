"""Plays a scenario and checks its expectations."""

from collections.abc import Callable
from typing import Any

from aiflow_local.simulator.engine.bot_connection import BotConnection
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.parties import CallParties
from aiflow_local.simulator.engine.transcript import EntryKind
from aiflow_local.simulator.scenarios.expectation_models import Expected
from aiflow_local.simulator.scenarios.matcher import mismatches, missing_members
from aiflow_local.simulator.scenarios.result import ScenarioResult
from aiflow_local.simulator.scenarios.scenario import Interruption, KeyPresses, Scenario, Step

__all__ = ["ScenarioResult", "ScenarioRunner"]

MAX_WAIT_MS = 180_000


class ScenarioRunner:
    """Plays one scenario.

    Args:
        scenario: the scenario.
        connection: connection to the bot.
        clock: clock of the call.
        state: reads `call.state` of a session; None if it is not accessible.
    """

    def __init__(
        self,
        scenario: Scenario,
        connection: BotConnection,
        clock: Clock | None = None,
        state: Callable[[str], dict[str, Any]] | None = None,
    ) -> None:
        parties = {
            "direction": scenario.direction,
            "caller": scenario.caller,
            "callee": scenario.callee,
            "session_id": scenario.session,
        }
        self.call = PhoneCall(
            connection,
            scenario.given,
            parties=CallParties(
                **{name: value for name, value in parties.items() if value is not None}
            ),
            clock=clock,
        )
        self._result = ScenarioResult(scenario, self.call)
        self._state = state
        self._checked = 0
        self._open: tuple[str, Step] | None = None

    def play(self) -> ScenarioResult:
        """Play the scenario to its end."""
        self.call.begin()
        for number, step in enumerate(self._result.scenario.turns, 1):
            where = f"step {number}" if step.line is None else f"step {number}, line {step.line}"
            if not self._run_step(f"{where} ({step})", step):
                break
        self.call.settle()
        self._check_expectations()
        self._check_outcome()
        return self._result

    def _run_step(self, place: str, step: Step) -> bool:
        """Perform a step; return whether the scenario can go on.

        Actions of the agent until then belong to the step before.
        """
        if self._open:
            # Expected actions may follow the end of a playback.
            self.call.settle_until_actions(self._checked + _expected_count(self._open[1]))
        if not step.is_callers:
            # A first step without an action of the caller waits for the first answer.
            if self._open:
                self._check_expectations()
            self._open = (place, step)
            self._wait(step)
            return True
        is_in_time = self._wait_for_moment(step)
        self._check_expectations()
        if not is_in_time and not self.call.is_over:
            self._fail(f"{place}: the agent was no longer speaking")
        if self.call.is_over and not step.hangup:
            self._fail(f"{place}: the call is over: this step and later ones are not played")
            return False
        self._open = (place, step)
        self._perform(step)
        return True

    def _wait_for_moment(self, step: Step) -> bool:
        """Wait for the moment of a step; return whether it came."""
        match step:
            case Step(interrupt=Interruption(after_ms=after_ms)):
                return self.call.listen_until(after_ms)
            case Step(keys=KeyPresses(after_ms=after_ms)):
                return self.call.listen_until(after_ms)
            case Step(hangup=True):
                return True
            case _:
                self.call.settle()
                return True

    def _perform(self, step: Step) -> None:
        call = self.call
        match step:
            case Step(user=str(words)) | Step(interrupt=Interruption(words=words)):
                call.says_now(words)
            case Step(keys=str(keys)) | Step(keys=KeyPresses(press=keys)):
                call.presses_now(keys)
            case Step(silence=float(seconds)):
                call.advance(round(seconds * 1000))
            case _:
                call.hangs_up()

    def _wait(self, step: Step) -> None:
        """Wait for the next answer, or for the number of expected actions."""
        number = _expected_count(step) if step.expect == [] else max(1, _expected_count(step))
        self.call.wait_for_actions(self._checked + number, within_ms=MAX_WAIT_MS)

    def _check_expectations(self) -> None:
        """Compare the actions with the expectations of the step before."""
        actions = self.call.actions[self._checked :]
        self._checked = len(self.call.actions)
        if self._open is None:
            return
        place, step = self._open
        self._open = None
        if step.expect is not None:
            lines = mismatches(step.expect, actions)
            if lines:
                self._fail(
                    "\n".join([f"{place}: the actions differ from the expected ones", *lines])
                )

    def _check_outcome(self) -> None:
        outcome, call = self._result.scenario.outcome, self.call
        errors = [problem for problem in call.problems if problem.severity == "error"]
        if len(errors) != outcome.problems:
            lines = [f"finally: there are {len(errors)} protocol errors, not {outcome.problems}"]
            self._fail("\n".join([*lines, *(f"  {error}" for error in errors)]))
        if outcome.ended is not None and outcome.ended != call.is_over:
            self._fail(
                f"finally: the call is {'over' if call.is_over else 'not over'}, unexpectedly"
            )
        slowest = max(
            (entry.data["ms"] for entry in call.transcript.of(EntryKind.ANSWER)), default=0
        )
        if outcome.within_ms is not None and slowest > outcome.within_ms:
            self._fail(f"finally: an answer took {slowest:.0f} ms, over {outcome.within_ms:g} ms")
        if outcome.state is not None:
            self._check_state(outcome.state)

    def _check_state(self, expected: dict[str, Any]) -> None:
        if self._state is None:
            self._result.skipped.append("finally: state is not accessible")
            return
        difference = missing_members(expected, self._state(self.call.parties.session_id))
        if difference:
            self._fail(f"finally: state.{difference}")

    def _fail(self, text: str) -> None:
        self._result.failures.append(text)


def _expected_count(step: Step) -> int:
    return sum(isinstance(entry, Expected) for entry in step.expect or [])
