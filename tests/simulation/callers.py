"""Simulated callers: they talk, press keys, interrupt, ask for services and hang up."""

from tests.simulation.behaviour import Behaviour
from tests.simulation.fake_aws import FakeAws
from tests.simulation.faults import Fault
from tests.simulation.network import SimulatedCall

COMMON_TEXTS = ("yes", "no", "okay")
REQUESTS = ("", "", "", "", "", "summary", "summary", "summary", "person", "goodbye", "farewell")

VERBOSE_EXTRA_TURNS = 6
"""Additional turns of a call whose turns leave its item."""


class Caller:
    """A simulated caller.

    Args:
        aws: environment of the simulation.
        number: number of the call.
        behaviour: of all callers.
    """

    def __init__(self, aws: FakeAws, number: int, behaviour: Behaviour) -> None:
        self._aws = aws
        self._number = number
        self._behaviour = behaviour
        self._said = 0

    def run(self, call: SimulatedCall) -> None:
        """Run the call from start to end."""
        aws, name = self._aws, str(self._number)
        call.begin()
        max_turns = self._behaviour.max_turns + VERBOSE_EXTRA_TURNS * aws.is_verbose(self._number)
        for _ in range(aws.random.randint(f"{name}:turns", 2, max_turns)):
            aws.scheduler.wait(aws.random.randint(f"{name}:gap", 300, self._behaviour.max_gap_ms))
            if call.is_over:
                return
            self._act(call)
            self._pause_past_limit()
        # Some callers hang up before the answer.
        aws.scheduler.wait(aws.random.choice(f"{name}:last gap", (0, 900, 1500, 2500, 8000)))
        call.hangs_up()

    def _pause_past_limit(self) -> None:
        """Wait for a minute in some calls that are limited to one minute."""
        aws, name = self._aws, str(self._number)
        if aws.has_tight_limits(self._number) and aws.random.uniform(f"{name}:linger") < 0.1:
            aws.scheduler.wait(60_000)

    def _act(self, call: SimulatedCall) -> None:
        aws, name = self._aws, str(self._number)
        if aws.faults.injects(Fault.OVERLAP, name):
            text, ms = self._next_text(), aws.random.randint(f"{name}:overlap", 0, 80)
            aws.clock.after(ms, lambda: call.send("user_speak", text=text))
            call.send("user_speak", text=self._next_text())
        elif aws.random.uniform(f"{name}:act") < 0.1:
            call.presses_now("5")
        else:
            call.starts_saying(self._next_text())

    def _next_text(self) -> str:
        random, name = self._aws.random, str(self._number)
        if random.uniform(f"{name}:common") < self._behaviour.repeated_text_share:
            return random.choice(f"{name}:word", COMMON_TEXTS)
        self._said += 1
        request = random.choice(f"{name}:wish", REQUESTS)
        return f"{canary(self._number)} {self._said} {request}".strip()


def canary(number: int) -> str:
    """Return a word that occurs in one call only."""
    return f"kiwi{number:05}"
