"""Callers: they talk, press keys, interrupt, ask for things, and are gone."""

from tests.simulation.cloud import Cloud
from tests.simulation.dice import Fault
from tests.simulation.habits import Habits
from tests.simulation.service import SimulatedCall

WORDS = ("yes", "no", "okay")
WISHES = ("", "", "", "", "", "summary", "summary", "summary", "person", "goodbye", "farewell")


MORE_TURNS = 6
"""How many more there may be in a call that soon has more turns than its item holds."""


class Caller:
    """Somebody who calls, talks, and is gone.

    Args:
        cloud: where the functions are.
        number: of the call.
        habits: of all callers.
    """

    def __init__(self, cloud: Cloud, number: int, habits: Habits) -> None:
        self._cloud = cloud
        self._number = number
        self._habits = habits
        self._said = 0

    def live(self, call: SimulatedCall) -> None:
        """Make the call, from its begin to its end."""
        cloud, name = self._cloud, str(self._number)
        call.begin()
        most_turns = self._habits.most_turns + MORE_TURNS * cloud.is_windy(self._number)
        for _ in range(cloud.dice.between(f"{name}:turns", 2, most_turns)):
            cloud.baton.wait(cloud.dice.between(f"{name}:gap", 300, self._habits.gap_ms))
            if call.is_over:
                return
            self._act(call)
            self._linger()
        # Some hang up before they have heard the answer.
        cloud.baton.wait(cloud.dice.pick(f"{name}:last gap", (0, 900, 1500, 2500, 8000)))
        call.hangs_up()

    def _linger(self) -> None:
        """Let a minute go by where one is all that there is."""
        cloud, name = self._cloud, str(self._number)
        if cloud.is_tight(self._number) and cloud.dice.roll(f"{name}:linger") < 0.1:
            cloud.baton.wait(60_000)

    def _act(self, call: SimulatedCall) -> None:
        cloud, name = self._cloud, str(self._number)
        if cloud.faults.strikes(Fault.OVERLAP, name):
            words, ms = self._words(), cloud.dice.between(f"{name}:overlap", 0, 80)
            cloud.clock.after(ms, lambda: call.send("user_speak", text=words))
            call.send("user_speak", text=self._words())
        elif cloud.dice.roll(f"{name}:act") < 0.1:
            call.presses_now("5")
        else:
            call.starts_saying(self._words())

    def _words(self) -> str:
        dice, name = self._cloud.dice, str(self._number)
        if dice.roll(f"{name}:common") < self._habits.repeated_words:
            return dice.pick(f"{name}:word", WORDS)
        self._said += 1
        wish = dice.pick(f"{name}:wish", WISHES)
        return f"{canary(self._number)} {self._said} {wish}".strip()


def canary(number: int) -> str:
    """Return a word that is said in one call only."""
    return f"kiwi{number:05}"
