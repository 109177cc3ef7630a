"""Reader for `samconfig.toml`: stack name, region and parameter overrides."""

import shlex
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiflow.protocol.constraints import is_array, is_object
from aiflow_local.errors import LocalError

SAMCONFIG = "samconfig.toml"


@dataclass(frozen=True)
class SamConfig:
    """One configuration environment of `samconfig.toml`.

    Attributes:
        environment: The name of the environment.
        stack: The name of the stack; None if it is not set.
        region: The AWS region; None if it is not set.
        overrides: The parameters that `sam deploy` sets.
    """

    environment: str
    stack: str | None = None
    region: str | None = None
    overrides: Mapping[str, str] = field(default_factory=dict[str, str])


def read_samconfig(project: Path, environment: str) -> SamConfig:
    """Read a configuration environment; without a file, return an empty one.

    Raises:
        LocalError: The file cannot be read, or has no such environment.
    """
    path = project / SAMCONFIG
    if not path.is_file():
        return SamConfig(environment)
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise LocalError(f"{path} cannot be read: {error}") from None
    if environment not in found and environment != "default":
        known = ", ".join(name for name, value in found.items() if isinstance(value, dict))
        raise LocalError(f"{SAMCONFIG} has no environment {environment}; it has: {known}")
    own = _table(found, environment)
    # As in sam, the section of a command overrides the `global` section.
    deploy = {**_parameters(own, "global"), **_parameters(own, "deploy")}
    return SamConfig(
        environment=environment,
        stack=_text(deploy.get("stack_name")),
        region=_text(deploy.get("region")),
        overrides=_overrides(deploy.get("parameter_overrides")),
    )


def _parameters(environment: Mapping[str, Any], command: str) -> Mapping[str, Any]:
    return _table(_table(environment, command), "parameters")


def _table(of: Mapping[str, Any], name: str) -> Mapping[str, Any]:
    found = of.get(name)
    return {str(key): value for key, value in found.items()} if is_object(found) else {}


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _overrides(value: object) -> Mapping[str, str]:
    """Parse `"A=b C=d"` or `["A=b", "C=d"]`."""
    try:
        entries = shlex.split(value) if isinstance(value, str) else value
    except ValueError as error:
        raise LocalError(f"parameter_overrides in {SAMCONFIG}: {error}") from None
    if not is_array(entries):
        return {}
    pairs = [str(entry).partition("=") for entry in entries]
    return {name: text.strip('"') for name, _, text in pairs}
