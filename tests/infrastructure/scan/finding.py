"""The result of one check: its findings, or the reason why it did not run."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """A violation of a rule.

    Attributes:
        tool: the scanner that reports it.
        rule: the rule of that scanner.
        resource: the logical id in the template.
        message: what is wrong.
    """

    tool: str
    rule: str
    resource: str
    message: str


@dataclass(frozen=True)
class Report:
    """The output of a check that ran.

    Attributes:
        scope: what was checked, and how much of it.
        findings: all findings; may contain duplicates.
    """

    scope: str
    findings: Sequence[Finding] = ()


class ScanError(Exception):
    """A check did not run: a tool is missing or broken, or there was nothing to check."""
