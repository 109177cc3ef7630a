"""`aiflow event`."""

from pathlib import Path

import click

from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.sample_events import (
    SAM_LOCAL_TOKEN,
    event_members,
    http_envelope,
    sample_event,
    to_json_text,
    websocket_envelope,
)
from aiflow_local.stack.project import find_project

_SESSION_OPTIONS = {
    "session_id": "id",
    "account_id": "account_id",
    "phone_number": "phone_number",
    "direction": "direction",
    "from_number": "from_phone_number",
    "to_number": "to_phone_number",
}
_EPILOG = """\b
Examples:
  aiflow event session_start --from +12025550123
  aiflow event user_speak --text "I want to talk to a person" --barged-in
  aiflow event dtmf_received --digit 1 --envelope http > request.json
  aiflow event user_speak --text Hello --envelope websocket
  aiflow event user_speak | curl -d @- -H "Content-Type: application/json" \\
    -H "X-API-TOKEN: $TOKEN" http://127.0.0.1:3000/webhook
  aiflow event --all"""


@click.command(epilog=_EPILOG)
@click.argument("event_type", metavar="TYPE", type=click.Choice([*EVENT_TYPES]), required=False)
@click.option("--text", help="The spoken text (user_speak, assistant_speak).")
@click.option("--barged-in/--not-barged-in", default=None, help="Whether the caller interrupted.")
@click.option("--digit", help="The key (dtmf_received).")
@click.option("--reason", help="Why sending failed (sms_failed).")
@click.option("--ssml", help="The spoken SSML (assistant_speak).")
@click.option("--duration-ms", type=int, help="Length of the speech (assistant_speak).")
@click.option("--speech-started-at", type=int, help="Unix time in ms (assistant_speak).")
@click.option("--session-id", help="The id of the call.")
@click.option("--account-id", help="The sipgate account.")
@click.option("--phone-number", help="The number of the flow.")
@click.option("--direction", type=click.Choice(["inbound", "outbound"]), help="Who called.")
@click.option("--from", "from_number", help="The calling party; empty for an anonymous one.")
@click.option("--to", "to_number", help="The called party.")
@click.option(
    "--envelope",
    type=click.Choice(["raw", "http", "websocket"]),
    default="raw",
    show_default=True,
    help="raw as AI Flow sends it; http or websocket as API Gateway passes it to a function.",
)
@click.option(
    "--token",
    default=SAM_LOCAL_TOKEN,
    help="The API token in the http envelope; default: the public token for `sam local`.",
)
@click.option("--all", "everything", is_flag=True, help="Regenerate the files in events/.")
@click.pass_context
def command(context: click.Context, /, event_type: str | None, **options: JsonValue) -> None:
    r"""Print a sample event of TYPE, as JSON.

    \b
    Types: session_start, user_speech_started, user_speak, dtmf_received, assistant_speak,
    assistant_speech_ended, user_input_timeout, session_end, sms_failed.
    """
    if options.pop("everything"):
        project = find_project()
        for path in write_all(project / "events"):
            click.echo(path.relative_to(project))
    elif event_type is None:
        raise click.UsageError("Give a TYPE, or --all to write all of events/.", context)
    else:
        token, envelope = str(options.pop("token")), options.pop("envelope")
        event = _event(event_type, options)
        if envelope == "http":
            event = http_envelope(event, token)
        elif envelope == "websocket":
            event = websocket_envelope(event)
        click.echo(to_json_text(event), nl=False)


def _event(event_type: str, options: JsonObject) -> JsonObject:
    given = {name: value for name, value in options.items() if value is not None}
    session = {
        _SESSION_OPTIONS[name]: given.pop(name) for name in [*given] if name in _SESSION_OPTIONS
    }
    if foreign := sorted(given.keys() - event_members(event_type)):
        options_of_type = ", ".join(map(_option, sorted(event_members(event_type)))) or "none"
        message = f"{event_type} has no {_option(foreign[0])}. Its own options: {options_of_type}."
        raise click.UsageError(message)
    return sample_event(event_type, given, session)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def write_all(folder: Path) -> list[Path]:
    """Write sample events of all types in all envelopes, and the schema of scenarios.

    Files of event types that no longer exist are deleted.
    """
    from aiflow_local.simulator.scenarios.scenario import scenario_schema  # noqa: PLC0415 - slow import

    events = {event_type: sample_event(event_type) for event_type in EVENT_TYPES}
    texts = {folder / f"{name}.json": to_json_text(event) for name, event in events.items()}
    texts |= {
        folder / "http" / f"{name}.json": to_json_text(http_envelope(event))
        for name, event in events.items()
    }
    texts |= {
        folder / "websocket" / f"{name}.json": to_json_text(websocket_envelope(event))
        for name, event in events.items()
    }
    texts[folder / "calls" / "scenarios.schema.json"] = to_json_text(scenario_schema())
    for pattern in ("*.json", "http/*.json", "websocket/*.json"):
        for path in {*folder.glob(pattern)} - texts.keys():
            path.unlink()
    for path, text in texts.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return list(texts)
