"""The result of a check."""

from dataclasses import dataclass
from enum import StrEnum

from aiflow.protocol.types import JsonObject


class CheckStatus(StrEnum):
    """The outcome of a check."""

    OK = "ok"
    WARNING = "warning"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class CheckResult:
    """The result of one check.

    Attributes:
        check: The name of the check.
        status: The outcome.
        reason: What the check found, or why it did not run.
        remedy: What to do; empty if there is nothing to do.
    """

    check: str
    status: CheckStatus
    reason: str
    remedy: str = ""

    def as_json(self) -> JsonObject:
        """Return the object that `aiflow doctor --json` prints for this check."""
        return {
            "check": self.check,
            "result": self.status.value,
            "reason": self.reason,
            "remedy": self.remedy,
        }


def ok(check: str, reason: str) -> CheckResult:
    """Return the result of a check that passed."""
    return CheckResult(check, CheckStatus.OK, reason)


def warning(check: str, reason: str, remedy: str = "") -> CheckResult:
    """Return the result of a check that found a problem which does not stop calls."""
    return CheckResult(check, CheckStatus.WARNING, reason, remedy)


def failed(check: str, reason: str, remedy: str = "") -> CheckResult:
    """Return the result of a check that failed."""
    return CheckResult(check, CheckStatus.FAILED, reason, remedy)


def not_run(check: str, reason: str, remedy: str = "") -> CheckResult:
    """Return the result of a check that could not run."""
    return CheckResult(check, CheckStatus.NOT_RUN, reason, remedy)
