"""`aiflow event`."""

import click

from aiflow.protocol.events import EVENT_TYPES
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow_local.emulator.sample_events import (
    SAM_LOCAL_TOKEN,
    as_text,
    http_envelope,
    members_of,
    sample_event,
    websocket_envelope,
    write_all,
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
        _write_all()
    elif event_type is None:
        raise click.UsageError("Give a TYPE, or --all to write all of events/.", context)
    else:
        token, envelope = str(options.pop("token")), options.pop("envelope")
        event = _event(event_type, options)
        if envelope == "http":
            event = http_envelope(event, token)
        elif envelope == "websocket":
            event = websocket_envelope(event)
        click.echo(as_text(event), nl=False)


def _event(event_type: str, options: JsonObject) -> JsonObject:
    given = {name: value for name, value in options.items() if value is not None}
    session = {
        _SESSION_OPTIONS[name]: given.pop(name) for name in [*given] if name in _SESSION_OPTIONS
    }
    if foreign := sorted(given.keys() - members_of(event_type)):
        options_of_type = ", ".join(map(_option, sorted(members_of(event_type)))) or "none"
        message = f"{event_type} has no {_option(foreign[0])}. Its own options: {options_of_type}."
        raise click.UsageError(message)
    return sample_event(event_type, given, session)


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"


def _write_all() -> None:
    project = find_project()
    for path in write_all(project / "events"):
        click.echo(path.relative_to(project))
