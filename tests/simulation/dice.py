"""Chance that a seed decides, and the faults that come of it.

Each decision hangs on its own name and not on those before it: a call or a fault that is left out
changes nothing for the others. That is what makes a failing schedule small.
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import blake2b

_RANGE = float(2**64)


class Fault(StrEnum):
    """What can go wrong."""

    DUPLICATE = "duplicate"
    DELAY = "delay"
    DROP = "drop"
    OVERLAP = "overlap"
    ANSWER_LOST = "answer_lost"
    CRASH = "crash"
    START_LOST = "start_lost"
    END_LOST = "end_lost"
    RESTART = "service_restarts"
    THROTTLED = "throttled"
    TIMED_OUT = "timed_out"
    APPLIED = "applied_but_unanswered"
    SLOW_STORE = "slow_store"
    SLOW_MODEL = "slow_model"
    DEAD_MODEL = "dead_model"
    WRONG_MODEL = "wrong_model"
    RAISE = "handler_raises"
    SKEW = "skewed_clock"
    OLD_CODE = "old_code"
    RECONNECT = "connection_gone"
    NOT_SENT = "message_not_sent"
    SMS_FAILS = "sms_fails"
    TRANSFER_FAILS = "transfer_fails"


SWARM_RATES = (0.0, 0.0, 0.01, 0.05, 0.2)
"""What a seed draws the rate of each fault from: with some it has nothing to do at all."""

CALM: Mapping[Fault, float] = dict.fromkeys(Fault, 0.0)
"""Nothing goes wrong."""

EVERYDAY: Mapping[Fault, float] = {
    **CALM,
    Fault.DUPLICATE: 0.05,
    Fault.DELAY: 0.02,
    Fault.OVERLAP: 0.03,
    # One store fault in a hundred requests, a quarter of them applied.
    Fault.THROTTLED: 0.004,
    Fault.TIMED_OUT: 0.0035,
    Fault.APPLIED: 0.0025,
    Fault.ANSWER_LOST: 0.005,
    Fault.CRASH: 0.002,
    Fault.START_LOST: 0.01,
    Fault.END_LOST: 0.01,
    # For two seconds, of all that ends then.
    Fault.RESTART: 0.1,
    Fault.SLOW_MODEL: 0.01,
    Fault.DEAD_MODEL: 0.01,
    Fault.SMS_FAILS: 0.02,
    Fault.TRANSFER_FAILS: 0.2,
}
"""Faults as a bad day has them."""


@dataclass
class Dice:
    """Decides by a seed.

    Attributes:
        seed: of everything.
    """

    seed: int
    _rolled: Counter[str] = field(default_factory=Counter[str], init=False)

    def roll(self, name: str) -> float:
        """Return a number from 0 up to 1: the next one of this name."""
        self._rolled[name] += 1
        return self.fixed(f"{name}#{self._rolled[name]}")

    def count(self, name: str) -> int:
        """Return how often a name was rolled."""
        return self._rolled[name]

    def fixed(self, name: str) -> float:
        """Return a number from 0 up to 1: the same one each time."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / _RANGE

    def between(self, name: str, low: int, high: int) -> int:
        """Return a whole number from `low` up to and with `high`."""
        return low + int(self.roll(name) * (high - low + 1))

    def pick[T](self, name: str, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self.roll(name) * len(choices))]


@dataclass
class Faults:
    """Injects faults by chance, and takes down which.

    Attributes:
        dice: decide.
        rates: how often each kind happens where it can.
        only: the names of the faults that may happen; None for all.
        injected: the names of those that did, in their order.
    """

    dice: Dice
    rates: Mapping[Fault, float]
    only: Collection[str] | None = None
    injected: list[str] = field(default_factory=list[str])
    _lasting: dict[tuple[Fault, int], bool] = field(
        default_factory=dict[tuple[Fault, int], bool], init=False
    )

    def strikes(self, fault: Fault, call: str) -> bool:
        """Tell whether this fault happens here and now, in this call."""
        rate = self.rates[fault]
        if not rate:
            return False
        key = f"{call}:{fault.value}"
        number = self.dice.roll(key)
        name = f"{key}#{self.dice.count(key)}"
        if number >= rate or (self.only is not None and name not in self.only):
            return False
        self.injected.append(name)
        return True

    def last(self, fault: Fault, slot: int) -> bool:
        """Tell whether this fault, which hits everybody for a while, happens in a slot of time."""
        if (fault, slot) not in self._lasting:
            self._lasting[fault, slot] = self.strikes(fault, f"slot {slot}")
        return self._lasting[fault, slot]

    @property
    def counts(self) -> Counter[str]:
        """How often each kind happened."""
        return Counter(name.split(":")[1].split("#")[0] for name in self.injected)


def swarm(dice: Dice) -> dict[Fault, float]:
    """Return the faults and rates of one seed of a swarm."""
    rates = {fault: dice.pick(f"rate of {fault.value}", SWARM_RATES) for fault in Fault}
    # Whoever crashes at every fifth step never gets anywhere.
    rates[Fault.CRASH] = min(rates[Fault.CRASH], 0.05)
    return rates
