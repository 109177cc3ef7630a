"""What a check found."""

from dataclasses import dataclass
from enum import StrEnum

from aiflow.protocol.types import JsonObject


class Health(StrEnum):
    """How a check went."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Finding:
    """One check.

    Attributes:
        check: what was looked at.
        health: how it went.
        reason: what was seen, or why nothing could be.
        remedy: what to do about it.
    """

    check: str
    health: Health
    reason: str
    remedy: str = ""

    def as_json(self) -> JsonObject:
        """Return what `aiflow doctor --json` prints of it."""
        return {
            "check": self.check,
            "result": self.health.value,
            "reason": self.reason,
            "remedy": self.remedy,
        }


def ok(check: str, reason: str) -> Finding:
    """Return that all is well."""
    return Finding(check, Health.OK, reason)


def warning(check: str, reason: str, remedy: str = "") -> Finding:
    """Return that something is not as it should be, and works all the same."""
    return Finding(check, Health.WARNING, reason, remedy)


def failed(check: str, reason: str, remedy: str = "") -> Finding:
    """Return that something does not work."""
    return Finding(check, Health.FAILED, reason, remedy)


def not_run(check: str, reason: str, remedy: str = "") -> Finding:
    """Return that nobody could look."""
    return Finding(check, Health.NOT_RUN, reason, remedy)
