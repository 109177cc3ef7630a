"""The steps of a rotation; the deployed parameters are its only state, so anyone can continue."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from aiflow_local.errors import LocalError
from aiflow_local.ops.rotation.usage import Usage
from aiflow_local.ops.samconfig import SAMCONFIG, SamConfig
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, NEXT

_RELEASE = "Release"

MANUAL_STEPS = (
    "aiflow token    (prints a new token and its digest)",
    "sam deploy --parameter-overrides TokenSha256Next=DIGEST    (accepts both tokens)",
    "In the sipgate dashboard, enter the new token in the flow, and make a call.",
    'sam deploy --parameter-overrides TokenSha256=DIGEST TokenSha256Next=""    (the new one only)',
    "If the stack has the output PreparedWebhookUrl, also change Release in both deployments.",
)
"""The manual steps, shown if the stack is not found."""


class Step(StrEnum):
    """The progress of a rotation."""

    IDLE = "idle"
    BEGUN = "begun"


NEXT_STEPS: Mapping[Step, str] = {
    Step.IDLE: "The stack accepts one token. `aiflow rotate begin` adds a second one.",
    Step.BEGUN: """\
The stack accepts both tokens. Now open the flow in the sipgate dashboard, enter the new token as
API token, save, and make a call. When only the new token is used: `aiflow rotate finish`.
To keep the old token: `aiflow rotate abort`.""",
}


@dataclass(frozen=True)
class Rotation:
    """The rotation of the token of a stack.

    Attributes:
        stack: The deployed stack.
        now: Unix time in seconds.
    """

    stack: Stack
    now: float

    @property
    def step(self) -> Step:
        """The progress of the rotation."""
        return Step.BEGUN if self.stack.parameters.get(NEXT) else Step.IDLE

    def changes_to_begin(self, digest: str) -> Mapping[str, str]:
        """Return the parameters that make the stack accept a second token.

        Raises:
            LocalError: A rotation is already in progress.
        """
        if self.step is Step.BEGUN:
            raise LocalError(
                "a rotation is in progress: run `aiflow rotate finish` or `abort` first"
            )
        return self._changes({NEXT: digest})

    def changes_to_finish(self, usage: Usage | None) -> Mapping[str, str]:
        """Return the parameters that make the stack accept the new token only.

        Args:
            usage: The recent use of the tokens; None skips the check.

        Raises:
            LocalError: No rotation is in progress, or the old token may be in use.
        """
        self._require_begun()
        reason = usage and _reason_not_to_finish(usage)
        if usage and reason:
            raise LocalError(f"{reason}. {usage.description}. --force skips this check")
        return self._changes({CURRENT: self.stack.parameters[NEXT], NEXT: ""})

    def changes_to_abort(self, usage: Usage | None) -> Mapping[str, str]:
        """Return the parameters that make the stack accept the old token only.

        Args:
            usage: The recent use of the tokens; None skips the check.

        Raises:
            LocalError: No rotation is in progress, or the new token is in use.
        """
        self._require_begun()
        if usage and usage.new:
            raise LocalError(
                "the new token is in use: enter the old one in the sipgate dashboard first. "
                f"{usage.description}. --force skips this check"
            )
        return self._changes({NEXT: ""})

    def _require_begun(self) -> None:
        if self.step is Step.IDLE:
            raise LocalError("no rotation is in progress: start one with `aiflow rotate begin`")

    def _changes(self, slots: Mapping[str, str]) -> Mapping[str, str]:
        if _RELEASE not in self.stack.parameters:
            return slots
        # The prepared webhook runs a published version, so it needs a new release to see the slots.
        return {**slots, _RELEASE: f"{int(self.now):x}"}


def _reason_not_to_finish(usage: Usage) -> str | None:
    if usage.old:
        return "the old token is still in use: enter the new one in every flow first"
    if usage.old is None:
        return "the logs do not show whether the old token is in use: set LogLevel to INFO"
    if not usage.new:
        return "the new token was not used yet: enter it in the sipgate dashboard, and make a call"
    return None


def samconfig_conflicts(samconfig: SamConfig, deployed: Mapping[str, str]) -> Sequence[str]:
    """Return a warning for each token slot that the next `sam deploy` would revert."""
    section = f"{SAMCONFIG} [{samconfig.environment}.deploy.parameters]"
    return [
        f"{section} sets another {name}, so the next `sam deploy` would revert it. Remove {name} "
        f'from parameter_overrides, or set {name}="{deployed.get(name, "")}" there'
        for name in (CURRENT, NEXT)
        if samconfig.overrides.get(name, deployed.get(name, "")) != deployed.get(name, "")
    ]
