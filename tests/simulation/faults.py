"""The kinds of faults, their rates, and their injection."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.simulation.randomness import SeededRandom


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

ZERO_RATES: Mapping[Fault, float] = dict.fromkeys(Fault, 0.0)
"""Nothing goes wrong."""

EVERYDAY_RATES: Mapping[Fault, float] = {
    **ZERO_RATES,
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
class FaultInjector:
    """Injects faults by chance, and takes down which.

    Attributes:
        dice: decide.
        rates: how often each kind happens where it can.
        only: the names of the faults that may happen; None for all.
        injected: the names of those that did, in their order.
    """

    random: SeededRandom
    rates: Mapping[Fault, float]
    only: Collection[str] | None = None
    injected: list[str] = field(default_factory=list[str])
    _slots: dict[tuple[Fault, int], bool] = field(
        default_factory=dict[tuple[Fault, int], bool], init=False
    )

    def injects(self, fault: Fault, call: str) -> bool:
        """Tell whether this fault happens here and now, in this call."""
        rate = self.rates[fault]
        if not rate:
            return False
        key = f"{call}:{fault.value}"
        number = self.random.uniform(key)
        name = f"{key}#{self.random.count(key)}"
        if number >= rate or (self.only is not None and name not in self.only):
            return False
        self.injected.append(name)
        return True

    def injects_in_slot(self, fault: Fault, slot: int) -> bool:
        """Tell whether this fault, which hits everybody for a while, happens in a slot of time."""
        if (fault, slot) not in self._slots:
            self._slots[fault, slot] = self.injects(fault, f"slot {slot}")
        return self._slots[fault, slot]

    @property
    def counts(self) -> Counter[str]:
        """How often each kind happened."""
        return Counter(name.split(":")[1].split("#")[0] for name in self.injected)


def swarm_rates(random: SeededRandom) -> dict[Fault, float]:
    """Return the faults and rates of one seed of a swarm."""
    rates = {fault: random.choice(f"rate of {fault.value}", SWARM_RATES) for fault in Fault}
    # Whoever crashes at every fifth step never gets anywhere.
    rates[Fault.CRASH] = min(rates[Fault.CRASH], 0.05)
    return rates
