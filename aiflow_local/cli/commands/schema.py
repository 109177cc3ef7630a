"""`aiflow schema`."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import click

from aiflow.protocol.schema import action_schema, event_schema
from aiflow_local.simulator.scenarios.scenario import scenario_schema

_EPILOG = """\b
Examples:
  aiflow schema events > events.schema.json
  aiflow schema scenarios > scenarios.schema.json
  aiflow schema actions | jq '."$defs".Speak'"""


_SCHEMAS: Mapping[str, Callable[[], dict[str, Any]]] = {
    "events": event_schema,
    "actions": action_schema,
    "scenarios": scenario_schema,
}


@click.command(epilog=_EPILOG)
@click.argument("what", type=click.Choice([*_SCHEMAS]))
def command(what: str) -> None:
    """Print the JSON Schema of all events, of all actions, or of scenario files."""
    click.echo(json.dumps(_SCHEMAS[what](), indent=2, ensure_ascii=False))
