"""Validates template parameters by the rules of CloudFormation."""

import re
from collections.abc import Mapping

from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.errors import TemplateError


def parameter_values(
    declared: Mapping[str, JsonObject], given: Mapping[str, str]
) -> dict[str, JsonValue]:
    """Return the value of each declared parameter: the given value, or the default.

    Raises:
        TemplateError: A parameter is not declared, has no value, or has an invalid one.
    """
    unknown = sorted(given.keys() - declared.keys())
    if unknown:
        known = ", ".join(declared) or "none"
        raise TemplateError(f"{unknown[0]} is not a parameter of the template; it has: {known}")
    return {name: _value(name, rules, given.get(name)) for name, rules in declared.items()}


def _value(name: str, rules: JsonObject, given: str | None) -> JsonValue:
    if given is not None:
        _check(name, rules, given)
    elif "Default" not in rules:
        raise TemplateError(f"{name} has no default: give it with --parameter {name}=...")
    value = str(rules["Default"]) if given is None else given
    return [*value.split(",")] if str(rules.get("Type")).startswith(("Comma", "List")) else value


def _check(name: str, rules: JsonObject, value: str) -> None:
    hint = rules.get("ConstraintDescription")
    allowed = rules.get("AllowedValues")
    if isinstance(allowed, list) and value not in map(str, allowed):
        raise TemplateError(f"{name} must be one of {', '.join(map(str, allowed))}")
    pattern = rules.get("AllowedPattern")
    if isinstance(pattern, str) and not re.fullmatch(pattern, value):
        raise TemplateError(f"{name} {hint or f'must match {pattern}'}")
    if rules.get("Type") == "Number" and not _within(rules, value):
        low, high = rules.get("MinValue", "..."), rules.get("MaxValue", "...")
        raise TemplateError(f"{name} must be a number from {low} to {high}")


def _within(rules: JsonObject, value: str) -> bool:
    try:
        number = float(value)
    except ValueError:
        return False
    low, high = str(rules.get("MinValue", "-inf")), str(rules.get("MaxValue", "inf"))
    return float(low) <= number <= float(high)
