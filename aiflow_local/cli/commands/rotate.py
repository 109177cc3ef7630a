"""`aiflow rotate`."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import AwsTarget, AwsTargetOptions, aws_target_options
from aiflow_local.ops.rotation.stack_update import update_parameters, wait_for_update
from aiflow_local.ops.rotation.steps import (
    MANUAL_STEPS,
    NEXT_STEPS,
    Rotation,
    Step,
    samconfig_conflicts,
)
from aiflow_local.ops.rotation.usage import Usage, find_token_usage
from aiflow_local.ops.stack import Stack
from aiflow_local.ops.token_slots import CURRENT, NEXT
from aiflow_local.tokens import Token, new_token

_EPILOG = """\b
Examples:
  aiflow rotate status
  aiflow rotate begin --config-env prod
  aiflow rotate finish --minutes 30
  aiflow rotate abort
\b
A stack accepts up to two tokens, so that no call is rejected: begin adds a second token, you enter
it in the flow in the sipgate dashboard, and finish removes the first one. The deployed parameters
are the only state, so anyone can continue a rotation. Only parameters of the stack are changed.
\b
Exit codes: 0 success, 1 the step is not possible now, no such stack, or an AWS request failed,
2 invalid command line."""
_SHOWN_ONCE = """\
Token    {token}
SHA-256  {digest}
Store it like a password: it is shown only once and not saved anywhere.
"""


class _Options(AwsTargetOptions):
    as_json: bool


class _StatusOptions(_Options):
    minutes: int


class _ChangeOptions(_Options):
    is_dry: bool


class _CheckedOptions(_ChangeOptions):
    minutes: int
    is_forced: bool


type _Command = Callable[..., Any]

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_is_dry = click.option("--dry-run", "is_dry", is_flag=True, help="Only print what would change.")
_is_forced = click.option(
    "--force", "is_forced", is_flag=True, help="Do not check which tokens are in use."
)
_minutes = click.option(
    "--minutes",
    type=click.IntRange(1, 1440),
    default=15,
    show_default=True,
    help="The period in which to check which tokens are in use.",
)


def _usage_checking(command: _Command) -> _Command:
    return _is_forced(_minutes(_changing(command)))


def _changing(command: _Command) -> _Command:
    return _is_dry(aws_target_options(_as_json(command)))


@click.group(epilog=_EPILOG)
def command() -> None:
    """Rotate the token of a stack step by step, without rejecting a call."""


@command.command()
@_minutes
@aws_target_options
@_as_json
def status(**options: Unpack[_StatusOptions]) -> None:
    """Show the progress of the rotation, and the next step."""
    target, stack = _find_stack(options)
    rotation = Rotation(stack, time.time())
    usage = _usage(target, stack, options["minutes"]) if rotation.step is Step.BEGUN else None
    conflicts = samconfig_conflicts(target.samconfig, stack.parameters)
    if options["as_json"]:
        seen = usage and {"minutes": usage.minutes, "new": usage.new, "old": usage.old}
        click.echo(json.dumps({"step": rotation.step, "usage": seen, "conflicts": [*conflicts]}))
        return
    for name in (CURRENT, NEXT):
        click.echo(f"{name:<16} {stack.parameters.get(name, '')[:8] or '-'}")
    if usage:
        click.echo(f"{usage.description}.")
    _print_next_step(rotation.step, conflicts)


@command.command()
@_changing
def begin(**options: Unpack[_ChangeOptions]) -> None:
    """Generate a second token, show it once, and deploy its digest."""
    target, stack = _find_stack(options)
    _require_no_update(stack)
    token = None if options["is_dry"] else new_token()
    digest = token.digest if token else "a new digest"
    changes = Rotation(stack, time.time()).changes_to_begin(digest)
    if token and not options["as_json"]:
        # Print it before the update, so that it is not lost if the command fails later.
        click.echo(_SHOWN_ONCE.format(token=token.secret, digest=token.digest))
    _change(target, stack, changes, options, token)


@command.command()
@_usage_checking
def finish(**options: Unpack[_CheckedOptions]) -> None:
    """Make the stack accept the new token only."""
    target, stack = _find_stack(options)
    usage = _usage_to_check(target, stack, options)
    changes = Rotation(stack, time.time()).changes_to_finish(usage)
    _change(target, stack, changes, options, None)


@command.command()
@_usage_checking
def abort(**options: Unpack[_CheckedOptions]) -> None:
    """Make the stack accept the old token only."""
    target, stack = _find_stack(options)
    usage = _usage_to_check(target, stack, options)
    changes = Rotation(stack, time.time()).changes_to_abort(usage)
    _change(target, stack, changes, options, None)


def _find_stack(options: _Options) -> tuple[AwsTarget, Stack]:
    target = AwsTarget(options)
    stack = target.find_stack()
    if stack is None:
        if options["as_json"]:
            click.echo(json.dumps({"step": None, "by_hand": [*MANUAL_STEPS]}))
        else:
            steps = (f"  {number}. {step}" for number, step in enumerate(MANUAL_STEPS, 1))
            click.echo("\n".join(("To rotate the token manually:", *steps)))
        raise LocalError(f"there is no stack {target.stack_name} in {target.aws.region_name}")
    return target, stack


def _usage(target: AwsTarget, stack: Stack, minutes: int) -> Usage:
    return find_token_usage(target.aws, stack, minutes, time.time())


def _usage_to_check(target: AwsTarget, stack: Stack, options: _CheckedOptions) -> Usage | None:
    _require_no_update(stack)
    return None if options["is_forced"] else _usage(target, stack, options["minutes"])


def _require_no_update(stack: Stack) -> None:
    if stack.is_changing:
        raise LocalError(f"the stack {stack.name} is {stack.status}: wait until the update is done")


def _change(
    target: AwsTarget,
    stack: Stack,
    changes: Mapping[str, str],
    options: _ChangeOptions,
    token: Token | None,
) -> None:
    """Update parameters, wait until the update is done, and print the next step."""
    deployed = {**stack.parameters, **changes}
    conflicts, is_dry = samconfig_conflicts(target.samconfig, deployed), options["is_dry"]
    if not is_dry:
        client = target.aws.cloudformation
        update_parameters(client, stack, changes)
        wait_for_update(client, stack.name, time.sleep, lambda s: click.echo(f"  {s}", err=True))
    if options["as_json"]:
        result = {"changed": {**changes}, "dry_run": is_dry, "conflicts": [*conflicts]}
        click.echo(json.dumps(result | ({"token": token.secret} if token else {})))
        return
    for name, value in changes.items():
        click.echo(f"{name} {'would become' if is_dry else 'is'} {value or 'empty'}")
    if not is_dry:
        _print_next_step(Step.BEGUN if deployed[NEXT] else Step.IDLE, conflicts)


def _print_next_step(step: Step, conflicts: Sequence[str]) -> None:
    for conflict in conflicts:
        click.echo(click.style(f"Warning: {conflict}.", "yellow"))
    click.echo(NEXT_STEPS[step])
