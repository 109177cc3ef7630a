"""The steps of a rotation, told by what is deployed: it can be gone on with from anywhere."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiflow_local.errors import LocalError
from aiflow_local.ops.rotation.usage import Usage
from aiflow_local.ops.samconfig import SAMCONFIG, SamConfig
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, NEXT

_RELEASE = "Release"

BY_HAND = (
    "aiflow token    (a new token and its digest)",
    "sam deploy --parameter-overrides TokenSha256Next=DIGEST    (both tokens are accepted)",
    "In the sipgate dashboard, give the flow the new token, and make a call.",
    'sam deploy --parameter-overrides TokenSha256=DIGEST TokenSha256Next=""    (only the new one)',
    "Where PreparedWebhookUrl is among the outputs, change Release in both deployments, too.",
)
"""What to do where there is no stack to be seen."""


class Step(StrEnum):
    """How far a rotation is."""

    IDLE = "idle"
    BEGUN = "begun"


NEXT_STEPS: Mapping[Step, str] = {
    Step.IDLE: "One token is accepted. `aiflow rotate begin` makes a second one.",
    Step.BEGUN: """\
Both tokens are accepted. Now, in the sipgate dashboard: open the flow, enter the new token as API
token, save, and make a call. When only the new one is shown any more: `aiflow rotate finish`.
To stay with the old one: `aiflow rotate abort`.""",
}


@dataclass(frozen=True)
class Rotation:
    """A rotation, as a stack shows it.

    Attributes:
        stack: whose token it is.
        now: Unix time in seconds.
    """

    stack: Stack
    now: float

    @property
    def step(self) -> Step:
        """How far it is."""
        return Step.BEGUN if self.stack.parameters.get(NEXT) else Step.IDLE

    def begun(self, digest: str) -> Mapping[str, str]:
        """Return what changes so that a second token is accepted.

        Raises:
            LocalError: a rotation is under way already.
        """
        if self.step is Step.BEGUN:
            raise LocalError("a rotation is under way: `aiflow rotate finish` or `abort` it first")
        return self._changes({NEXT: digest})

    def finished(self, usage: Usage | None) -> Mapping[str, str]:
        """Return what changes so that only the new token is accepted.

        Args:
            usage: who shows which token; None asks nobody.

        Raises:
            LocalError: none is under way, or somebody may still need the old one.
        """
        self._needs_one()
        objection = usage and _objection_to_finish(usage)
        if usage and objection:
            raise LocalError(
                f"{objection}. {usage.told.capitalize()}. --force does it all the same"
            )
        return self._changes({CURRENT: self.stack.parameters[NEXT], NEXT: ""})

    def aborted(self, usage: Usage | None) -> Mapping[str, str]:
        """Return what changes so that only the old token is accepted.

        Args:
            usage: who shows which token; None asks nobody.

        Raises:
            LocalError: none is under way, or the new one is in use.
        """
        self._needs_one()
        if usage and usage.new:
            raise LocalError(
                "the new token is in use: give sipgate the old one again first. "
                f"{usage.told.capitalize()}. --force does it all the same"
            )
        return self._changes({NEXT: ""})

    def _needs_one(self) -> None:
        if self.step is Step.IDLE:
            raise LocalError("no rotation is under way: `aiflow rotate begin` begins one")

    def _changes(self, slots: Mapping[str, str]) -> Mapping[str, str]:
        if _RELEASE not in self.stack.parameters:
            return slots
        # The prepared front door runs a published version: only another release has the new slots.
        return {**slots, _RELEASE: f"{int(self.now):x}"}


def _objection_to_finish(usage: Usage) -> str | None:
    if usage.old:
        return "the old token is still in use: sipgate has not got the new one everywhere"
    if usage.old is None:
        return "the logs do not tell whether the old token is still in use: is LogLevel INFO?"
    if not usage.new:
        return "the new token was not seen yet: give it to sipgate, and make a call"
    return None


def conflicts(samconfig: SamConfig, deployed: Mapping[str, str]) -> Sequence[str]:
    """Return what the next `sam deploy` would put back, and what to do about it."""
    section = f"{SAMCONFIG} [{samconfig.environment}.deploy.parameters]"
    return [
        f"{section} sets another {name}: the next `sam deploy` would put it back. Take {name} out "
        f'of its parameter_overrides, or write {name}="{deployed.get(name, "")}" there'
        for name in (CURRENT, NEXT)
        if samconfig.overrides.get(name, deployed.get(name, "")) != deployed.get(name, "")
    ]
