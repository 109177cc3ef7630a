"""`aiflow schema`."""

import json

import click

from aiflow.protocol.schema import action_schema, event_schema

_EPILOG = """\b
Examples:
  aiflow schema events > events.schema.json
  aiflow schema actions | jq '."$defs".Speak'"""


@click.command(epilog=_EPILOG)
@click.argument("what", type=click.Choice(["events", "actions"]))
def command(what: str) -> None:
    """Print the JSON Schema of all events or actions, with descriptions."""
    schema = event_schema() if what == "events" else action_schema()
    click.echo(json.dumps(schema, indent=2, ensure_ascii=False))
