"""What a check says: what it found, how much it looked at, or that it could not look."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, order=True)
class Finding:
    """Something that should not be.

    Attributes:
        tool: who says so.
        rule: by which of its rules.
        resource: where in the template, by its logical id.
        message: what is wrong.
    """

    tool: str
    rule: str
    resource: str
    message: str


@dataclass(frozen=True)
class Looked:
    """A check that could look.

    Attributes:
        at: what it looked at, and how much of it.
        findings: what it found; may name things twice.
    """

    at: str
    findings: Sequence[Finding] = ()


class CannotLook(Exception):
    """A check saw nothing: a tool is missing, it broke, or there was nothing to see."""
