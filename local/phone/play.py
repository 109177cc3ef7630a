"""Play a scenario: do what the caller does, and judge what the agent did."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from local.phone.caller import PhoneCall
from local.phone.clock import Clock
from local.phone.door import Door
from local.phone.expectation import mismatches, missing_members
from local.phone.party import Party
from local.phone.scenario import ANYTHING_MORE, Interruption, Keys, KeyPresses, Scenario, Step
from local.phone.transcript import Kind

LONGEST_WAIT_MS = 180_000


@dataclass(frozen=True)
class Result:
    """How a scenario went.

    Attributes:
        scenario: what was played.
        call: what happened.
        failures: what was not as expected, each with its place.
        skipped: what could not be checked, and why.
    """

    scenario: Scenario
    call: PhoneCall
    failures: list[str] = field(default_factory=list[str])
    skipped: list[str] = field(default_factory=list[str])

    @property
    def passed(self) -> bool:
        """Whether all was as expected."""
        return not self.failures


class Player:
    """Plays one scenario.

    Args:
        scenario: what is to happen.
        door: the way to the bot.
        clock: of the call.
        state: reads `call.state` of the session; None where it cannot be seen.
    """

    def __init__(
        self,
        scenario: Scenario,
        door: Door,
        clock: Clock,
        state: Callable[[str], dict[str, Any]] | None = None,
    ) -> None:
        party = {
            "direction": scenario.direction,
            "caller": scenario.caller,
            "callee": scenario.callee,
            "session_id": scenario.session,
        }
        self.call = PhoneCall(
            door,
            scenario.given,
            party=Party(**{name: value for name, value in party.items() if value is not None}),
            clock=clock,
        )
        self._result = Result(scenario, self.call)
        self._state = state
        self._judged = 0
        self._open: tuple[str, Step] | None = None

    def play(self) -> Result:
        """Play it to its end."""
        self.call.begin()
        for number, step in enumerate(self._result.scenario.turns, 1):
            self._take(f"step {number}", step)
        self.call.settle()
        self._judge()
        self._judge_outcome()
        return self._result

    def _take(self, place: str, step: Step) -> None:
        """Do what the caller does. What the agent did until then belongs to the step before."""
        act = self._act_of(step)
        if act:
            self._before(step)
            self._judge()
            act()
        elif self._open:
            self._judge()
        self._open = (place, step)
        wanted = [entry for entry in step.expect or [] if entry != ANYTHING_MORE]
        self.call.wait_for_actions(self._judged + len(wanted), within_ms=LONGEST_WAIT_MS)

    def _before(self, step: Step) -> None:
        """Let the agent finish, unless the caller is going to interrupt."""
        if step.interrupt is None and not isinstance(step.keys, KeyPresses):
            self.call.settle()

    def _act_of(self, step: Step) -> Callable[[], None] | None:
        call = self.call
        match step:
            case Step(user=str(words)):
                return lambda: call.says(words)
            case Step(interrupt=Interruption(words=words, after_ms=after_ms)):
                return lambda: call.interrupts(words, after_ms=after_ms)
            case Step(keys=KeyPresses(press=keys, after_ms=after_ms)):
                return lambda: call.presses(keys, after_ms=after_ms)
            case Step(keys=str(keys)):
                return lambda: call.presses(keys)
            case Step(silence=float(seconds)):
                return lambda: call.waits(seconds)
            case Step(hangup=True):
                return call.hangs_up
            case _:
                return None

    def _judge(self) -> None:
        """Hold what the agent did against what the step before expects."""
        actions = self.call.actions[self._judged :]
        self._judged = len(self.call.actions)
        if self._open is None:
            return
        place, step = self._open
        self._open = None
        if step.expect is not None:
            lines = mismatches(step.expect, actions)
            if lines:
                self._fail("\n".join([f"{place}: the agent did not do what was expected", *lines]))

    def _judge_outcome(self) -> None:
        outcome, call = self._result.scenario.outcome, self.call
        errors = [problem for problem in call.problems if problem.severity == "error"]
        if len(errors) != outcome.problems:
            told = "".join(f"\n  {problem}" for problem in errors)
            self._fail(f"finally: {len(errors)} errors in the answers, not {outcome.problems}{told}")
        if outcome.ended is not None and outcome.ended != call.is_over:
            self._fail(f"finally: the call is {'' if call.is_over else 'not '}over")
        slowest = max((entry.data["ms"] for entry in call.transcript.of(Kind.ANSWER)), default=0)
        if outcome.within_ms is not None and slowest > outcome.within_ms:
            self._fail(f"finally: an answer took {slowest:.0f} ms, over {outcome.within_ms:.0f}")
        if outcome.state is not None:
            self._judge_state(outcome.state)

    def _judge_state(self, expected: dict[str, Any]) -> None:
        if self._state is None:
            self._result.skipped.append("finally: state cannot be seen from here")
            return
        difference = missing_members(expected, self._state(self.call.party.session_id))
        if difference:
            self._fail(f"finally: state.{difference}")

    def _fail(self, text: str) -> None:
        self._result.failures.append(text)
