"""Random draws that depend on a seed and a name only.

A draw does not depend on other draws. Leaving out a call or a fault changes nothing for the others,
which keeps a failing schedule small.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import blake2b

_RANGE = float(2**64)


@dataclass
class SeededRandom:
    """Random draws by name.

    Attributes:
        seed: seed of all draws.
    """

    seed: int
    _counts: Counter[str] = field(default_factory=Counter[str], init=False)

    def uniform(self, name: str) -> float:
        """Return the next number of this name, from 0 (inclusive) to 1 (exclusive)."""
        self._counts[name] += 1
        return self.fixed(f"{name}#{self._counts[name]}")

    def count(self, name: str) -> int:
        """Return the number of draws of this name."""
        return self._counts[name]

    def fixed(self, name: str) -> float:
        """Return a number from 0 (inclusive) to 1 (exclusive) that is the same on each call."""
        digest = blake2b(f"{self.seed}/{name}".encode(), digest_size=8).digest()
        return int.from_bytes(digest) / _RANGE

    def randint(self, name: str, low: int, high: int) -> int:
        """Return an integer from `low` to `high`, both inclusive."""
        return low + int(self.uniform(name) * (high - low + 1))

    def choice[T](self, name: str, choices: Sequence[T]) -> T:
        """Return one of the choices."""
        return choices[int(self.uniform(name) * len(choices))]
