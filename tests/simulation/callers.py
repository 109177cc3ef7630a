"""Callers: they talk, press keys, interrupt, ask for things, and are gone."""

from tests.simulation.behaviour import Behaviour
from tests.simulation.fake_aws import FakeAws
from tests.simulation.faults import Fault
from tests.simulation.network import SimulatedCall

COMMON_TEXTS = ("yes", "no", "okay")
REQUESTS = ("", "", "", "", "", "summary", "summary", "summary", "person", "goodbye", "farewell")


VERBOSE_EXTRA_TURNS = 6
"""How many more there may be in a call that soon has more turns than its item holds."""


class Caller:
    """Somebody who calls, talks, and is gone.

    Args:
        cloud: where the functions are.
        number: of the call.
        habits: of all callers.
    """

    def __init__(self, aws: FakeAws, number: int, behaviour: Behaviour) -> None:
        self._aws = aws
        self._number = number
        self._behaviour = behaviour
        self._said = 0

    def run(self, call: SimulatedCall) -> None:
        """Make the call, from its begin to its end."""
        aws, name = self._aws, str(self._number)
        call.begin()
        max_turns = self._behaviour.max_turns + VERBOSE_EXTRA_TURNS * aws.is_verbose(self._number)
        for _ in range(aws.random.randint(f"{name}:turns", 2, max_turns)):
            aws.scheduler.wait(aws.random.randint(f"{name}:gap", 300, self._behaviour.max_gap_ms))
            if call.is_over:
                return
            self._act(call)
            self._pause_past_limit()
        # Some hang up before they have heard the answer.
        aws.scheduler.wait(aws.random.choice(f"{name}:last gap", (0, 900, 1500, 2500, 8000)))
        call.hangs_up()

    def _pause_past_limit(self) -> None:
        """Let a minute go by where one is all that there is."""
        aws, name = self._aws, str(self._number)
        if aws.has_tight_limits(self._number) and aws.random.uniform(f"{name}:linger") < 0.1:
            aws.scheduler.wait(60_000)

    def _act(self, call: SimulatedCall) -> None:
        aws, name = self._aws, str(self._number)
        if aws.faults.injects(Fault.OVERLAP, name):
            words, ms = self._next_text(), aws.random.randint(f"{name}:overlap", 0, 80)
            aws.clock.after(ms, lambda: call.send("user_speak", text=words))
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
    """Return a word that is said in one call only."""
    return f"kiwi{number:05}"
