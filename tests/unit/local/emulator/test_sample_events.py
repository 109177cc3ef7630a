"""`aiflow event`, and the folder `events/` that it generates."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from aiflow.protocol.events import EVENT_TYPES, Session
from aiflow.protocol.lint import lint_event
from aiflow.transports.api_gateway_payload import http_request, websocket_message
from aiflow_local.cli.commands.event import write_all
from aiflow_local.emulator.sample_events import SAM_LOCAL_TOKEN, event_members, sample_event
from tests.unit.local.cli.command import Run

ROOT = Path(__file__).parents[4]
EACH_TYPE = pytest.mark.parametrize("event_type", EVENT_TYPES)


def test_the_files_in_events_are_up_to_date(tmp_path: Path) -> None:
    write_all(tmp_path)
    expected = {
        path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.json")
    }
    folder = ROOT / "events"
    actual = {path.relative_to(folder): path.read_text("utf-8") for path in folder.rglob("*.json")}
    # `make events` regenerates the files.
    assert actual == expected


@pytest.mark.parametrize("folder", [".", "http", "websocket"])
def test_files_of_removed_event_types_are_deleted(tmp_path: Path, folder: str) -> None:
    removed = tmp_path / folder / "user_barge_in.json"
    removed.parent.mkdir(exist_ok=True)
    removed.write_text("{}")
    write_all(tmp_path)
    assert not removed.exists()


@EACH_TYPE
def test_a_sample_event_is_valid_and_complete(event_type: str) -> None:
    event = sample_event(event_type)
    assert lint_event(event) == []
    assert isinstance(event["session"], dict)
    assert event["session"].keys() == Session.model_fields.keys()
    assert event.keys() - {"type", "session", "ssml"} == event_members(event_type) - {"ssml"}


@EACH_TYPE
def test_the_layer_can_read_the_sample_requests(event_type: str) -> None:
    envelope = json.loads((ROOT / "events" / "http" / f"{event_type}.json").read_text("utf-8"))
    request = http_request(envelope)
    assert request is not None
    assert json.loads(request.text()) == sample_event(event_type)
    assert request.headers["x-api-token"] == [SAM_LOCAL_TOKEN]


@EACH_TYPE
def test_a_sample_message_has_the_route_of_its_event_type(event_type: str) -> None:
    path = ROOT / "events" / "websocket" / f"{event_type}.json"
    envelope = json.loads(path.read_text("utf-8"))
    message = websocket_message(envelope)
    assert envelope["requestContext"]["routeKey"] == event_type
    assert message.kind == "MESSAGE"
    assert json.loads(message.body.text()) == sample_event(event_type)


def test_samconfig_has_the_digest_of_the_token_in_the_sample_requests() -> None:
    digest = sha256(SAM_LOCAL_TOKEN.encode()).hexdigest()
    assert f"TokenSha256={digest}" in (ROOT / "samconfig.toml").read_text("utf-8")


def test_options_replace_sample_values(run: Run) -> None:
    options = ["--text", "Hallo", "--barged-in", "--session-id", "s-1", "--from", ""]
    event = json.loads(run("event", "user_speak", *options).out)
    assert (event["text"], event["barged_in"]) == ("Hallo", True)
    assert (event["session"]["id"], event["session"]["from_phone_number"]) == ("s-1", "")


def test_a_sample_request_has_the_given_token(run: Run) -> None:
    out = run("event", "session_end", "--envelope", "http", "--token", "secret").out
    assert json.loads(out)["headers"]["x-api-token"] == "secret"


def test_the_websocket_envelope_is_printed(run: Run) -> None:
    out = run("event", "user_speak", "--text", "Hallo", "--envelope", "websocket").out
    message = json.loads(out)
    assert message.keys() == {"requestContext", "body", "isBase64Encoded"}
    assert json.loads(message["body"])["text"] == "Hallo"


@pytest.mark.parametrize("envelope", ["raw", "http", "websocket"])
def test_a_lone_surrogate_is_escaped_in_each_envelope(run: Run, envelope: str) -> None:
    finished = run("event", "user_speak", "--text", "a\udcffb", "--envelope", envelope)
    assert finished.code == 0
    printed = json.loads(finished.out)
    event = printed if envelope == "raw" else json.loads(printed["body"])
    assert event["text"] == "a\udcffb"


def test_every_written_file_is_printed_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").touch()
    monkeypatch.chdir(tmp_path)
    named = run("event", "--all").out.splitlines()
    written = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")]
    assert sorted(named) == sorted(written)


def test_an_option_of_another_event_type_is_rejected(run: Run) -> None:
    finished = run("event", "user_speak", "--digit", "1")
    assert (finished.code, finished.out) == (2, "")
    assert "--barged-in, --text" in finished.err


def test_an_invalid_session_id_is_rejected(run: Run) -> None:
    finished = run("event", "user_speak", "--session-id", "")
    assert (finished.code, finished.out) == (2, "")
    assert "session.id" in finished.err


def test_a_missing_type_is_a_usage_error(run: Run) -> None:
    finished = run("event")
    assert finished.code == 2
    assert "--all" in finished.err
