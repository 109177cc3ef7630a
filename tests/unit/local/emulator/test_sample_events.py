"""`aiflow event`, and the folder `events/` that it writes."""

import json
from hashlib import sha256
from pathlib import Path

import pytest

from aiflow.protocol.events import EVENT_TYPES, Session
from aiflow.protocol.lint import lint_event
from aiflow.transports.api_gateway import http_request, websocket_message
from aiflow_local.emulator.sample_events import SAM_LOCAL_TOKEN, members_of, sample_event, write_all
from tests.unit.local.cli.command import Run

ROOT = Path(__file__).parents[4]
EACH_TYPE = pytest.mark.parametrize("event_type", EVENT_TYPES)


def test_the_folder_of_events_is_what_the_models_make_of_it(tmp_path: Path) -> None:
    write_all(tmp_path)
    made = {
        path.relative_to(tmp_path): path.read_text("utf-8") for path in tmp_path.rglob("*.json")
    }
    folder = ROOT / "events"
    kept = {path.relative_to(folder): path.read_text("utf-8") for path in folder.rglob("*.json")}
    # `make events` writes them anew.
    assert kept == made


@pytest.mark.parametrize("folder", [".", "http", "websocket"])
def test_events_of_types_long_gone_are_removed(tmp_path: Path, folder: str) -> None:
    gone = tmp_path / folder / "user_barge_in.json"
    gone.parent.mkdir(exist_ok=True)
    gone.write_text("{}")
    write_all(tmp_path)
    assert not gone.exists()


@EACH_TYPE
def test_a_mock_event_is_without_fault_and_whole(event_type: str) -> None:
    event = sample_event(event_type)
    assert lint_event(event) == []
    assert isinstance(event["session"], dict)
    assert event["session"].keys() == Session.model_fields.keys()
    assert event.keys() - {"type", "session", "ssml"} == members_of(event_type) - {"ssml"}


@EACH_TYPE
def test_the_request_of_an_event_is_one_that_the_runtime_reads(event_type: str) -> None:
    envelope = json.loads((ROOT / "events" / "http" / f"{event_type}.json").read_text("utf-8"))
    request = http_request(envelope)
    assert request is not None
    assert json.loads(request.text()) == sample_event(event_type)
    assert request.headers["x-api-token"] == [SAM_LOCAL_TOKEN]


@EACH_TYPE
def test_the_message_of_an_event_has_the_route_of_its_type(event_type: str) -> None:
    path = ROOT / "events" / "websocket" / f"{event_type}.json"
    envelope = json.loads(path.read_text("utf-8"))
    message = websocket_message(envelope)
    assert envelope["requestContext"]["routeKey"] == event_type
    assert message.kind == "MESSAGE"
    assert json.loads(message.body.text()) == sample_event(event_type)


def test_the_token_of_the_requests_is_the_one_that_sam_local_is_told() -> None:
    digest = sha256(SAM_LOCAL_TOKEN.encode()).hexdigest()
    assert f"TokenSha256={digest}" in (ROOT / "samconfig.toml").read_text("utf-8")


def test_what_is_given_stands_in_place_of_the_sample(run: Run) -> None:
    options = ["--text", "Hallo", "--barged-in", "--session-id", "s-1", "--from", ""]
    event = json.loads(run("event", "user_speak", *options).out)
    assert (event["text"], event["barged_in"]) == ("Hallo", True)
    assert (event["session"]["id"], event["session"]["from_phone_number"]) == ("s-1", "")


def test_a_request_carries_the_token_that_is_given(run: Run) -> None:
    out = run("event", "session_end", "--envelope", "http", "--token", "secret").out
    assert json.loads(out)["headers"]["x-api-token"] == "secret"


def test_a_message_is_printed_as_a_websocket_api_hands_it_on(run: Run) -> None:
    out = run("event", "user_speak", "--text", "Hallo", "--envelope", "websocket").out
    message = json.loads(out)
    assert message.keys() == {"requestContext", "body", "isBase64Encoded"}
    assert json.loads(message["body"])["text"] == "Hallo"


@pytest.mark.parametrize("envelope", ["raw", "http", "websocket"])
def test_what_is_no_text_of_the_terminal_is_escaped_in_each_envelope(
    run: Run, envelope: str
) -> None:
    finished = run("event", "user_speak", "--text", "a\udcffb", "--envelope", envelope)
    assert finished.code == 0
    printed = json.loads(finished.out)
    event = printed if envelope == "raw" else json.loads(printed["body"])
    assert event["text"] == "a\udcffb"


def test_every_file_that_is_written_is_named_once(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "template.yaml").touch()
    monkeypatch.chdir(tmp_path)
    named = run("event", "--all").out.splitlines()
    written = [str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.json")]
    assert sorted(named) == sorted(written)


def test_an_option_of_another_type_is_refused_with_those_of_this_one(run: Run) -> None:
    finished = run("event", "user_speak", "--digit", "1")
    assert (finished.code, finished.out) == (2, "")
    assert "--barged-in, --text" in finished.err


def test_an_impossible_session_id_is_refused(run: Run) -> None:
    finished = run("event", "user_speak", "--session-id", "")
    assert (finished.code, finished.out) == (2, "")
    assert "session.id" in finished.err


def test_without_a_type_it_says_what_is_missing(run: Run) -> None:
    finished = run("event")
    assert finished.code == 2
    assert "--all" in finished.err
