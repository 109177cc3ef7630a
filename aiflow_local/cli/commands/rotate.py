"""`aiflow rotate`."""

import json
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Unpack

import click

from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_target import Place, PlaceOptions, place_options
from aiflow_local.ops.rotation.stack_update import update, wait
from aiflow_local.ops.rotation.steps import BY_HAND, NEXT_STEPS, Rotation, Step, conflicts
from aiflow_local.ops.rotation.usage import Usage, usage_of
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
A stack accepts two tokens at any time, so that no call is lost: begin adds a second one; in the
sipgate dashboard you give it to the flow; finish takes the first one away. What is deployed tells
how far it is, so that anybody can go on with it. Only parameters of the stack are changed.
\b
Exit codes: 0 fine, 1 refused, or there is no stack, 2 what was asked for cannot be read."""
_SHOWN_ONCE = """\
Token    {token}
SHA-256  {digest}
Keep it as you keep a password: it is shown this once and stored nowhere.
"""


class _Options(PlaceOptions):
    as_json: bool


class _StatusOptions(_Options):
    minutes: int


class _ChangeOptions(_Options):
    is_dry: bool


class _GuardedOptions(_ChangeOptions):
    minutes: int
    is_forced: bool


type _Command = Callable[..., Any]

_as_json = click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
_is_dry = click.option("--dry-run", "is_dry", is_flag=True, help="Only say what would change.")
_is_forced = click.option("--force", "is_forced", is_flag=True, help="Whoever shows which token.")
_minutes = click.option(
    "--minutes",
    type=click.IntRange(1, 1440),
    default=15,
    show_default=True,
    help="How far back to look for who shows which token.",
)


def _guarded(command: _Command) -> _Command:
    return _is_forced(_minutes(_changing(command)))


def _changing(command: _Command) -> _Command:
    return _is_dry(place_options(_as_json(command)))


@click.group(epilog=_EPILOG)
def command() -> None:
    """Change the token of a stack without losing a call, step by step."""


@command.command()
@_minutes
@place_options
@_as_json
def status(**options: Unpack[_StatusOptions]) -> None:
    """Tell how far it is, and what to do next."""
    place, stack = _found(options)
    rotation = Rotation(stack, time.time())
    usage = _usage(place, stack, options["minutes"]) if rotation.step is Step.BEGUN else None
    told = conflicts(place.samconfig, stack.parameters)
    if options["as_json"]:
        seen = usage and {"minutes": usage.minutes, "new": usage.new, "old": usage.old}
        click.echo(json.dumps({"step": rotation.step, "usage": seen, "conflicts": [*told]}))
        return
    for name in (CURRENT, NEXT):
        click.echo(f"{name:<16} {stack.parameters.get(name, '')[:8] or '-'}")
    if usage:
        click.echo(f"{usage.told.capitalize()}.")
    _tell(rotation.step, told)


@command.command()
@_changing
def begin(**options: Unpack[_ChangeOptions]) -> None:
    """Make a second token, show it once, and let the stack accept it."""
    place, stack = _found(options)
    _refuse_while_changing(stack)
    token = None if options["is_dry"] else new_token()
    changes = Rotation(stack, time.time()).begun(token.digest if token else "a new digest")
    if token and not options["as_json"]:
        # Before it is deployed: what fails later has not lost it.
        click.echo(_SHOWN_ONCE.format(token=token.secret, digest=token.digest))
    _change(place, stack, changes, options, token)


@command.command()
@_guarded
def finish(**options: Unpack[_GuardedOptions]) -> None:
    """Let the stack accept the new token only."""
    place, stack = _found(options)
    changes = Rotation(stack, time.time()).finished(_asked_usage(place, stack, options))
    _change(place, stack, changes, options, None)


@command.command()
@_guarded
def abort(**options: Unpack[_GuardedOptions]) -> None:
    """Let the stack accept the old token only."""
    place, stack = _found(options)
    changes = Rotation(stack, time.time()).aborted(_asked_usage(place, stack, options))
    _change(place, stack, changes, options, None)


def _found(options: _Options) -> tuple[Place, Stack]:
    place = Place(options)
    stack = place.find_stack()
    if stack is None:
        if options["as_json"]:
            click.echo(json.dumps({"step": None, "by_hand": [*BY_HAND]}))
        else:
            steps = (f"  {number}. {step}" for number, step in enumerate(BY_HAND, 1))
            click.echo("\n".join(("By hand it goes like this:", *steps)))
        raise LocalError(f"there is no stack {place.stack_name} in {place.account.region_name}")
    return place, stack


def _usage(place: Place, stack: Stack, minutes: int) -> Usage:
    return usage_of(place.account, stack, minutes, time.time())


def _asked_usage(place: Place, stack: Stack, options: _GuardedOptions) -> Usage | None:
    _refuse_while_changing(stack)
    return None if options["is_forced"] else _usage(place, stack, options["minutes"])


def _refuse_while_changing(stack: Stack) -> None:
    if stack.is_changing:
        raise LocalError(f"the stack {stack.name} is {stack.status}: wait until that is done")


def _change(
    place: Place,
    stack: Stack,
    changes: Mapping[str, str],
    options: _ChangeOptions,
    token: Token | None,
) -> None:
    """Change parameters, wait until that is done, and tell what comes next."""
    deployed = {**stack.parameters, **changes}
    told, is_dry = conflicts(place.samconfig, deployed), options["is_dry"]
    if not is_dry:
        client = place.account.cloudformation
        update(client, stack, changes)
        wait(client, stack.name, time.sleep, lambda text: click.echo(f"  {text}", err=True))
    if options["as_json"]:
        result = {"changed": {**changes}, "dry_run": is_dry, "conflicts": [*told]}
        click.echo(json.dumps(result | ({"token": token.secret} if token else {})))
        return
    for name, value in changes.items():
        click.echo(f"{name} {'would become' if is_dry else 'is'} {value or 'empty'}")
    if not is_dry:
        _tell(Step.BEGUN if deployed[NEXT] else Step.IDLE, told)


def _tell(step: Step, told: Sequence[str]) -> None:
    for conflict in told:
        click.echo(click.style(f"Warning: {conflict}.", "yellow"))
    click.echo(NEXT_STEPS[step])
