"""The kinds of faults, their rates, and their injection."""

from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from tests.simulation.randomness import SeededRandom


class Fault(StrEnum):
    """A kind of fault. The values name random draws and are part of the replay command."""

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
"""The rates from which a seed draws one for each fault. With rate 0 the fault does not occur."""

ZERO_RATES: Mapping[Fault, float] = dict.fromkeys(Fault, 0.0)
"""Rates without any fault."""

EVERYDAY_RATES: Mapping[Fault, float] = {
    **ZERO_RATES,
    Fault.DUPLICATE: 0.05,
    Fault.DELAY: 0.02,
    Fault.OVERLAP: 0.03,
    # One percent of the store requests fail; a quarter of these are applied.
    Fault.THROTTLED: 0.004,
    Fault.TIMED_OUT: 0.0035,
    Fault.APPLIED: 0.0025,
    Fault.ANSWER_LOST: 0.005,
    Fault.CRASH: 0.002,
    Fault.START_LOST: 0.01,
    Fault.END_LOST: 0.01,
    # Per slot of two seconds; it affects all calls that end in the slot.
    Fault.RESTART: 0.1,
    Fault.SLOW_MODEL: 0.01,
    Fault.DEAD_MODEL: 0.01,
    Fault.SMS_FAILS: 0.02,
    Fault.TRANSFER_FAILS: 0.2,
}
"""The rates of the profile `everyday`."""


@dataclass
class FaultInjector:
    """Injects faults at random and records their names.

    Attributes:
        random: source of the draws.
        rates: probability of each kind at each opportunity.
        only: names of the faults that may occur; None allows all.
        injected: names of the faults that occurred, in order.
    """

    random: SeededRandom
    rates: Mapping[Fault, float]
    only: Collection[str] | None = None
    injected: list[str] = field(default_factory=list[str])
    _slots: dict[tuple[Fault, int], bool] = field(
        default_factory=dict[tuple[Fault, int], bool], init=False
    )

    def injects(self, fault: Fault, call: str) -> bool:
        """Return whether this fault occurs at this point of a call, and record it."""
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
        """Return whether a fault that affects all calls occurs in a time slot."""
        if (fault, slot) not in self._slots:
            self._slots[fault, slot] = self.injects(fault, f"slot {slot}")
        return self._slots[fault, slot]

    @property
    def counts(self) -> Counter[str]:
        """Number of occurrences of each kind."""
        return Counter(name.split(":")[1].split("#")[0] for name in self.injected)


def swarm_rates(random: SeededRandom) -> dict[Fault, float]:
    """Draw a rate for each fault."""
    rates = {fault: random.choice(f"rate of {fault.value}", SWARM_RATES) for fault in Fault}
    # With a higher rate almost no invocation completes.
    rates[Fault.CRASH] = min(rates[Fault.CRASH], 0.05)
    return rates
