"""`aiflow calls`: list, show, export and erase the calls of a table."""

import json
import os
import re
import stat
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from aiflow import Call, Reply, UserSpeak, entrypoint
from aiflow.entrypoints import webhook
from aiflow.protocol.events import EVENT_TYPES
from aiflow.sessions.record import SessionRecord
from aiflow_local.emulator.sample_events import sample_event
from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import AwsError, AwsSession
from aiflow_local.ops.calls.erase import erase_calls
from aiflow_local.ops.calls.export import write_lines
from aiflow_local.ops.calls.table import CallTable
from tests.helpers.runtime import invoke
from tests.helpers.tables import ENVIRONMENT, ErrorResponse, Table, moto_table, served_table
from tests.unit.local.cli.command import Finished, Run
from tests.unit.local.cli.stored_calls import AGENT, CALLER, CANARY, OTHER, Phone, real_clock

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

    from aiflow.protocol.types import JsonObject

type Calls = Callable[..., Finished]

DAY = 86_400
NOW = ("--active", "--wait", "0")
MANY = [f"{CANARY} {number}" for number in range(30)]
"""More texts than one item can hold."""


@pytest.fixture
def aws_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_REGION", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    for name, value in ENVIRONMENT.items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def table(aws_environment: None) -> Iterator[Table]:
    with moto_table(real_clock()) as table:
        yield table


@pytest.fixture
def phone(table: Table) -> Phone:
    return Phone(table)


@pytest.fixture
def calls(run: Run, table: Table) -> Calls:
    """A function that runs `aiflow calls` on the table."""

    def run_on_table(
        name: str, *arguments: str, stdin: bytes = b"", at_terminal: bool = False
    ) -> Finished:
        given = ("calls", name, "--table", table.name, *arguments)
        return run(*given, stdin=stdin, at_terminal=at_terminal)

    return run_on_table


def lines_of(finished: Finished) -> list[dict[str, Any]]:
    assert finished.code == 0
    return [json.loads(line) for line in finished.out.splitlines()]


def ids_of(finished: Finished) -> list[str]:
    return [view["session_id"] for view in lines_of(finished)]


def damage(table: Table, session_id: str, name: str = "call") -> None:
    """Write an item that this version of the code cannot read."""
    table.client.put_item(
        TableName=table.name,
        Item={
            "pk": {"S": session_id},
            "sk": {"S": name},
            "schema": {"N": "99"},
            "expires_at": {"N": "99"},
        },
    )


# --- list


def test_calls_are_listed_newest_first_with_duration_and_status(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    first = phone.complete("Hello", "I have a question")
    phone.table.clock.advance(60)
    second = phone.start(OTHER)
    finished = calls("list")
    heading, *rows = finished.out.splitlines()
    assert heading.split() == [
        *("begun", "(UTC)", "lasted", "status", "turns", "direction", "caller", "session")
    ]
    assert rows[0].split()[3:] == ["active", "0", "inbound", "+49...46", second]
    assert rows[1].split()[2:] == ["0:05", "ended", "2", "inbound", "+49...50", first]


def test_a_list_reports_the_number_of_items_read(calls: Calls, phone: Phone) -> None:
    items = len(phone.table.items(phone.complete(*MANY)))
    assert items > 1
    finished = calls("list")
    assert re.fullmatch(
        rf"Read {items} items of {phone.table.name}: [0-9.]+ units.\n", finished.err
    )


def test_a_list_is_limited_to_the_newest_calls(calls: Calls, phone: Phone) -> None:
    held = [phone.complete("Hello") for _ in range(4)]
    assert ids_of(calls("list", "--json", "--limit", "2")) == [held[3], held[2]]


@pytest.mark.parametrize("how", [[], ["--open"]])
def test_since_limits_the_list_to_recent_calls(calls: Calls, phone: Phone, how: list[str]) -> None:
    phone.table.clock.advance(-3 * 3600)
    phone.start()
    phone.table.clock.advance(2 * 3600)
    late = phone.start()
    assert ids_of(calls("list", "--json", "--since", "2h", *how)) == [late]
    assert len(ids_of(calls("list", "--json", "--since", "1d", *how))) == 2
    assert ids_of(calls("list", "--json", "--since", "30m", *how)) == []


def test_open_calls_are_found_without_a_scan(calls: Calls, phone: Phone, table: Table) -> None:
    phone.complete("Hello")
    first, second = phone.start(), phone.start()
    phone.table.clock.advance(1)
    third = phone.start()
    table.clock.advance(-1)
    finished = calls("list", "--open", "--json", "--limit", "2")
    assert finished.err == ""
    assert ids_of(finished) == [third, max(first, second)]


def test_an_expired_call_is_not_listed_as_open(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.start()
    assert ids_of(calls("list", "--open", "--json")) == []
    (view,) = lines_of(calls("list", "--json"))
    assert (view["session_id"], view["status"]) == (call, "expired")
    assert view["seconds"] == 0


def test_the_duration_of_an_open_call_lasts_until_now(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-4000)
    phone.start()
    assert " 1:06:4" in calls("list").out


def test_an_empty_list_prints_no_table(calls: Calls) -> None:
    finished = calls("list")
    assert (finished.code, finished.out) == (0, "")
    assert finished.err.endswith("No calls found.\n")


def test_the_caller_of_an_outbound_call_is_the_called_party(calls: Calls, phone: Phone) -> None:
    phone.complete("Hello", caller=OTHER, direction="outbound")
    (view,) = lines_of(calls("list", "--json"))
    assert (view["direction"], view["caller"]) == ("outbound", "+49...46")


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        ("", "withheld"),
        ("anonymous", "withheld"),
        ("110", "..."),
        ("+491713920050", "+49...50"),
        ("14155550123", "+1...23"),
        ("9999999999", "...99"),
    ],
)
def test_a_number_is_masked_except_for_country_code_and_two_digits(
    calls: Calls, phone: Phone, number: str, shown: str
) -> None:
    phone.start(number)
    (view,) = lines_of(calls("list", "--json"))
    assert view["caller"] == shown


def test_a_call_known_only_from_its_end_has_no_caller(calls: Calls, phone: Phone) -> None:
    phone.end("lost")
    assert calls("list").out.splitlines()[1].split()[3:] == ["ended", "0", "-", "unknown", "lost"]


def test_a_call_of_another_version_is_skipped_and_named(
    calls: Calls, phone: Phone, table: Table
) -> None:
    damage(table, "strange")
    call = phone.complete("Hello")
    finished = calls("list", "--json")
    assert ids_of(finished) == [call]
    assert "cannot be read: strange." in finished.err


ODD: list[dict[str, Any]] = [
    {"version": {"S": "three"}},
    {"first_event_at_ms": {"N": "1.5"}},
    {"first_event_at_ms": {"N": "9" * 17}},
    {"committed_at_ms": {"N": "-1"}},
    {"expires_at": {"N": "9" * 15}},
    {"session": {"S": "[]"}},
    {"state": {"S": '"text"'}},
    {"deferred_actions": {"S": '[{"type": "hangup"}, 5]'}},
    {"billable_keys": {"S": "[5]"}},
    {"turns": {"S": '[[0, "stranger", "Hello"]]'}},
    {"turns": {"S": '[[0, "user", 5]]'}},
    {"turns": {"S": '[["0", "user", "Hello"]]'}},
    {"state": {"S": "[" * 100_000}},
]


@pytest.mark.parametrize("odd", ODD, ids=lambda odd: str(odd)[:60])
def test_a_call_with_an_invalid_attribute_is_skipped_and_named(
    calls: Calls, phone: Phone, table: Table, odd: dict[str, Any]
) -> None:
    strange, call = phone.complete("Hello"), phone.complete("Hello")
    table.client.put_item(TableName=table.name, Item=table.call(strange) | odd)
    finished = calls("list", "--json")
    assert ids_of(finished) == [call]
    assert f"cannot be read: {strange}." in finished.err
    finished = calls("show", strange)
    assert (finished.code, "use the version" in finished.err) == (1, True)


def test_all_pages_are_read(calls: Calls, phone: Phone, table: Table) -> None:
    one = table.call(phone.complete("Hello"))
    for number in range(4):
        large = {"pk": {"S": f"large-{number}"}, "added_later": {"S": "x" * 300_000}}
        table.client.put_item(TableName=table.name, Item=one | large)
    assert len(ids_of(calls("list", "--json"))) == 5


@pytest.mark.parametrize("how", [["list"], ["show", "odd"], ["show", "odd", "--reveal"]])
def test_control_characters_of_a_session_are_not_printed(
    calls: Calls, table: Table, how: list[str]
) -> None:
    odd = "\x1b[2J\x07\u202e"
    session: JsonObject = {"direction": f"in{odd}", "from_phone_number": f"+49171{odd}3920050"}
    item = SessionRecord(
        session_id="odd", session=session, billable_keys=(f"{odd}:1",), state={odd: odd}
    )
    table.sessions.commit(item.next_version("me", int(table.clock()) + 60))
    out = calls(*how).out
    assert " in" in out
    assert not {*odd} & {*out} - {*"[2J"}


def test_control_characters_of_a_session_id_are_not_printed(calls: Calls, table: Table) -> None:
    table.sessions.commit(
        SessionRecord(session_id="a\x1b[2Jb").next_version("me", int(table.clock()) + 60)
    )
    assert "\x1b" not in calls("list").out
    assert "a\ufffd[2Jb" in calls("show", "a\x1b[2Jb").out


# --- show


def test_a_call_is_shown_with_its_facts_and_turns(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    call = phone.start()
    phone.say(call, "Hello", "I want a person")
    for _ in range(3):
        phone.table.clock.advance(10)
        phone.event(call, "assistant_speech_ended")
    finished = calls("show", call)
    assert finished.code == 0
    facts = dict(line.split(maxsplit=1) for line in finished.out.splitlines()[:12])
    assert facts["status"] == "transferring"
    assert facts["caller"] == "+49...50, inbound"
    assert facts["agent"] == "+49...00"
    assert facts["used"] == "2 turns, 0 text messages, 1 transfer"
    assert facts["trouble"] == "0 interruptions, 0 silences, apologies in a row: 0"
    assert facts["decided"] == "transfer 1x"
    assert facts["state"].startswith("2 members, ")
    said = [line.split() for line in finished.out.splitlines()[12:]]
    assert [turn[:2] for turn in said] == [
        ["0", "agent"],
        ["1", "caller"],
        ["2", "agent"],
        ["3", "caller"],
        ["4", "agent"],
    ]
    assert said[1][2:] == ["[5", "characters]"]
    assert "--reveal" in finished.err


def test_deferred_actions_are_shown_by_type(calls: Calls, phone: Phone) -> None:
    call = phone.start()
    phone.say(call, "Goodbye")
    (view,) = lines_of(calls("show", call, "--json"))
    assert view["waiting"] == ["hangup"]
    assert "\nwaiting  hangup\n" in calls("show", call).out
    assert '"type": "hangup"' in calls("show", call, "--reveal").out


def test_overflow_turns_are_shown_too(calls: Calls, phone: Phone) -> None:
    call = phone.complete(*MANY)
    assert len(phone.table.items(call)) > 1
    (view,) = lines_of(calls("show", call, "--reveal", "--json"))
    assert [turn["number"] for turn in view["said"]] == list(range(61))
    assert [turn["text"] for turn in view["said"] if turn["role"] == "user"] == MANY


def test_reveal_shows_texts_numbers_and_state(calls: Calls, phone: Phone) -> None:
    call = phone.complete(f"I am {CANARY}\x1b[2J")
    out = calls("show", call, "--reveal").out
    assert CALLER in out
    assert AGENT in out
    assert f"caller  I am {CANARY}" in out
    assert f"agent   You said: I am {CANARY}" in out
    assert '"outcome": "talked"' in out
    assert "\x1b" not in out


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_texts_and_numbers_are_masked_by_default(
    calls: Calls, phone: Phone, table: Table, shape: list[str]
) -> None:
    call = phone.start()
    phone.say(call, *MANY)
    found = table.sessions.load(call)
    assert found
    heard = replace(
        found, state={CANARY: CANARY}, deferred_actions=({"type": "speak", "text": CANARY},)
    )
    table.sessions.commit(heard.next_version("me", found.expires_at))
    for finished in (
        calls("list", *shape),
        calls("list", "--open", *shape),
        calls("show", call, *shape),
        calls("erase", call, "--active", "--dry-run", *shape),
        calls("erase", call, *shape),
        calls("erase", call, "--yes", *NOW, *shape),
        calls("show", call, *shape),
    ):
        for secret in (CANARY, CALLER, CALLER[2:], AGENT):
            assert secret not in finished.out + finished.err


@pytest.mark.parametrize("name", ["show", "export", "erase"])
def test_an_unknown_session_id_is_an_error(calls: Calls, name: str) -> None:
    finished = calls(name, "nobody")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.endswith(" has no call nobody\n")


@pytest.mark.parametrize("name", ["call", "turns#00000000-00000001"])
def test_the_error_for_a_call_of_another_version_says_what_to_do(
    calls: Calls, table: Table, name: str
) -> None:
    damage(table, "strange", name)
    finished = calls("show", "strange")
    assert finished.code == 1
    assert "use the version of aiflow that the stack was deployed with" in finished.err


# --- export


def test_an_export_has_everything_that_is_stored(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.complete(*MANY)
    (view,) = lines_of(calls("export", call))
    item = table.sessions.load(call)
    assert item
    assert set(view) == {field.name for field in fields(item)}
    assert view["session"]["from_phone_number"] == CALLER
    assert view["state"] == item.state
    assert len(view["turns"]) == 61
    # Each attribute of the stored item is complete.
    view["processed_events"] = [[*event.values()] for event in view["processed_events"]]
    for attribute in ("session", "state", "processed_events", "billable_keys"):
        assert view[attribute] == json.loads(table.call(call)[attribute]["S"])


def test_export_by_caller_has_all_calls_with_that_number_only(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    matching = [phone.complete("Hello"), phone.complete("Again", caller=f"+{CALLER}")]
    matching.append(phone.complete("Called", direction="outbound"))
    phone.complete("Hello", caller=OTHER)
    phone.complete("Hello", caller="")
    assert ids_of(calls("export", "--caller", "+49 171 3920050")) == matching
    assert ids_of(calls("export", "--caller", f"00{CALLER}")) == matching


def test_calls_are_exported_by_start_time(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-3 * 3600)
    phone.complete("Hello")
    phone.table.clock.advance(2 * 3600)
    late = [phone.complete("Hello"), phone.complete("Hello", caller=OTHER)]
    assert ids_of(calls("export", "--since", "2h")) == late
    assert ids_of(calls("export", "--since", "2h", "--caller", OTHER)) == late[1:]
    finished = calls("export", "--since", "30m")
    assert finished.code == 1
    assert "has no call from that time" in finished.err


def test_an_exported_file_is_readable_by_its_owner_only(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call = phone.complete("Hello")
    output = tmp_path / "theirs.json"
    output.write_text("something longer than what comes, and open to all" * 100)
    output.chmod(0o644)
    finished = calls("export", call, "--output", str(output))
    assert (finished.code, finished.out) == (0, "")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert [json.loads(line)["session_id"] for line in output.read_text().splitlines()] == [call]
    assert f"Wrote 1 call(s) to {output}." in finished.err


@pytest.mark.parametrize("name", ["call", "turns#00000000-00000001"])
def test_export_skips_an_unreadable_call_and_fails(
    calls: Calls, phone: Phone, table: Table, tmp_path: Path, name: str
) -> None:
    strange, call = phone.complete("Hello"), phone.complete("Again")
    damage(table, strange, name)
    output = tmp_path / "theirs.json"
    finished = calls("export", "--caller", CALLER, "--output", str(output))
    assert [json.loads(line)["session_id"] for line in output.read_text().splitlines()] == [call]
    assert (finished.code, f"cannot be read: {strange}." in finished.err) == (1, True)


def test_export_fails_if_every_call_is_unreadable(calls: Calls, table: Table) -> None:
    damage(table, "strange")
    finished = calls("export", "--caller", CALLER)
    assert (finished.code, finished.out) == (1, "")
    assert "cannot be read: strange." in finished.err


def test_an_interrupted_export_keeps_the_previous_file(
    tmp_path: Path,
) -> None:
    output = tmp_path / "theirs.json"
    output.write_text("of yesterday")

    def interrupted() -> Iterator[str]:
        yield CANARY
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_lines(interrupted(), output)
    assert [*tmp_path.iterdir()] == [output]
    assert output.read_text() == "of yesterday"


def test_an_export_follows_symlinks_and_rejects_other_special_files(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call, link, pipe = phone.complete("Hello"), tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "theirs.json")
    assert calls("export", call, "--output", str(link)).code == 0
    assert link.is_symlink()
    assert call in (tmp_path / "theirs.json").read_text()
    os.mkfifo(pipe, 0o644)
    finished = calls("export", call, "--output", str(pipe))
    assert (finished.code, "is not a regular file" in finished.err) == (1, True)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644


def test_the_error_for_an_unwritable_export_has_its_reason(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call = phone.complete("Hello")
    finished = calls("export", call, "--output", str(tmp_path / "nowhere" / "theirs.json"))
    assert finished.code == 1
    assert "cannot be written: No such file or directory" in finished.err


# --- erase


def test_an_erased_call_leaves_only_a_tombstone(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.complete(*MANY)
    before = table.call(call)
    # An attribute of a later version of this code.
    table.client.update_item(
        TableName=table.name,
        Key={"pk": {"S": call}, "sk": {"S": "call"}},
        UpdateExpression="SET added_later = :text",
        ExpressionAttributeValues={":text": {"S": CANARY}},
    )
    finished = calls("erase", call, "--yes")
    assert (finished.code, finished.out) == (0, f"erased  {call}, turns: 61\n")
    assert "35 days" in finished.err
    assert "not ended" not in finished.err
    assert [*table.items(call)] == ["call"]
    left = table.call(call)
    assert left["expires_at"] == before["expires_at"]
    assert CANARY not in str(left)
    assert CALLER not in str(left)
    (view,) = lines_of(calls("list", "--json"))
    assert view["status"] == "erased"
    assert (view["begun_at"], view["seconds"], view["caller"]) == (None, None, "unknown")


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_a_late_event_of_an_erased_call_is_ignored(
    calls: Calls, phone: Phone, table: Table, kind: str
) -> None:
    call = phone.complete("Hello")
    assert calls("erase", call, "--yes").code == 0
    left = table.items(call)
    event = sample_event(kind, session={"id": call, "from_phone_number": CALLER})
    assert invoke(webhook.lambda_handler, event, phone.runtime) == (204, None)
    assert table.items(call) == left


def test_an_open_call_is_erased_only_with_active(calls: Calls, phone: Phone, table: Table) -> None:
    ended, active = phone.complete("Hello"), phone.start()
    before = table.items(active)
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert (finished.code, finished.out) == (1, "")
    assert f"have not ended: {active}." in finished.err
    assert "--active" in finished.err
    assert table.items(active) == before
    finished = calls("erase", "--caller", CALLER, "--yes", *NOW)
    assert [line.split()[1] for line in finished.out.splitlines()] == [f"{ended},", f"{active},"]
    assert "in 0 s they are erased, too" in finished.err


def test_the_agent_says_nothing_more_in_an_erased_call(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.start()
    assert calls("erase", call, "--yes", *NOW).code == 0
    left = table.items(call)
    assert phone.event(call, "user_speak", text=CANARY) == (204, None)
    assert phone.event(call, "session_end") == (204, None)
    assert table.items(call) == left
    assert ids_of(calls("list", "--open", "--json")) == []


def test_an_answer_in_progress_writes_nothing_to_an_erased_call(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.start()
    erased: list[Finished] = []

    def handle(event: UserSpeak, call: Call) -> Reply:
        if not erased:
            erased.append(calls("erase", call.session.id, "--yes", *NOW))
        return f"You said: {event.text}"

    event = {"type": "user_speak", "text": CANARY, "session": {"id": call}}
    assert invoke(entrypoint(handle), event, phone.runtime) == (204, None)
    assert [finished.code for finished in erased] == [0]
    assert CANARY not in str(table.items(call))


def test_turns_written_by_an_answer_in_progress_are_erased(phone: Phone, table: Table) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.start()
    phone.say(call, *MANY)
    found = seen.find(call)
    assert found
    turns = next(item for name, item in table.items(call).items() if name != "call")

    def answered_meanwhile() -> None:
        table.client.put_item(TableName=table.name, Item=turns)

    assert [*erase_calls(seen, [found], answered_meanwhile)] == [found]
    assert [*table.items(call)] == ["call"]


def test_erase_skips_an_unreadable_call_and_fails(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.complete("Hello")
    damage(table, "strange")
    before = table.items("strange")
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert finished.out == f"erased  {call}, turns: 3\n"
    assert (finished.code, "cannot be read: strange." in finished.err) == (1, True)
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert (finished.code, finished.out) == (1, "")
    assert "35 days" not in finished.err
    assert table.items("strange") == before


def test_erasing_again_erases_turns_that_were_written_meanwhile(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.complete(*MANY)
    name, turns = next((k, item) for k, item in table.items(call).items() if k != "call")
    assert calls("erase", call, "--yes").code == 0
    left = table.call(call)
    table.client.put_item(TableName=table.name, Item=turns)
    assert name in table.items(call)
    assert calls("erase", call, "--yes").code == 0
    assert table.items(call) == {"call": left}


def test_overflow_turns_without_a_record_are_shown_and_erased(
    calls: Calls, phone: Phone, table: Table
) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.complete(*MANY)
    key = {"pk": {"S": call}, "sk": {"S": "call"}}
    table.client.delete_item(TableName=table.name, Key=key)
    assert " ended " not in calls("show", call).out
    assert CANARY in calls("export", call).out
    assert calls("erase", call, "--yes").code == 0
    assert table.items(call) == {}


def test_an_expired_call_is_erased_without_a_tombstone(
    calls: Calls, phone: Phone, table: Table
) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.start()
    phone.say(call, *MANY)
    assert calls("erase", "--caller", CALLER, "--yes").code == 0
    assert table.items(call) == {}


def test_erase_by_caller_erases_all_calls_with_that_number_only(
    calls: Calls, phone: Phone, table: Table
) -> None:
    matching = [phone.complete("Hello"), phone.complete("Called", direction="outbound")]
    others = phone.complete("Hello", caller=OTHER)
    before = table.items(others)
    view = lines_of(calls("erase", "--caller", CALLER, "--yes", "--json"))
    assert [each["session_id"] for each in view] == matching
    assert all(each["erased"] for each in view)
    assert table.items(others) == before
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert finished.code == 1
    assert "has no call with +49...50" in finished.err


def test_a_dry_run_prints_what_would_be_erased(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.complete("Hello")
    before = table.items(call)
    assert calls("erase", call, "--dry-run").out == f"would erase  {call}, turns: 3\n"
    (view,) = lines_of(calls("erase", call, "--dry-run", "--json"))
    assert view == {"session_id": call, "turns": 3, "erased": False}
    assert table.items(call) == before


def test_nothing_is_erased_without_a_terminal_to_confirm(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.complete("Hello")
    before = table.items(call)
    finished = calls("erase", call, stdin=b"y\n")
    assert finished.code == 1
    assert "give --yes" in finished.err
    assert table.items(call) == before


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 130), (b"\n", 130), (b"", 130)])
def test_erase_asks_for_confirmation_at_a_terminal(
    calls: Calls, phone: Phone, table: Table, typed: bytes, code: int
) -> None:
    call = phone.complete("Hello")
    before = table.items(call)
    finished = calls("erase", call, stdin=typed, at_terminal=True)
    assert finished.code == code
    assert "Permanently erase 1 call(s) with 3 turn(s)?" in finished.out + finished.err
    assert (table.items(call) == before) == (code != 0)


def test_declining_ends_the_command_while_another_thread_runs(calls: Calls, phone: Phone) -> None:
    call, over = phone.complete("Hello"), threading.Event()
    at_work = threading.Thread(target=over.wait)
    at_work.start()
    try:
        assert calls("erase", call, stdin=b"n\n", at_terminal=True).code == 130
    finally:
        over.set()
        at_work.join()


def test_a_call_that_changed_since_it_was_read_is_not_erased(phone: Phone, table: Table) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.start()
    read = seen.find(call)
    assert read
    phone.say(call, "One more thing")
    with pytest.raises(LocalError, match=f"{call} has changed since it was read"):
        seen.erase(read)
    assert "One more thing" in str(table.call(call))


def test_a_denied_write_is_an_error(phone: Phone, table: Table) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.complete("Hello")
    read = seen.find(call)
    assert read
    deny(table.client, "PutItem")
    with pytest.raises(AwsError, match="does not allow PutItem"):
        seen.erase(read)


# --- Selecting a table


def test_the_default_table_is_that_of_the_stack_in_samconfig(
    run: Run, phone: Phone, table: Table
) -> None:
    call = phone.complete("Hello")
    make_stack("aiflow", {"SessionsTableName": table.name})
    assert ids_of(run("calls", "list", "--json")) == [call]


def test_a_stack_is_selected_by_name(run: Run, phone: Phone, table: Table) -> None:
    call = phone.complete("Hello")
    make_stack("mine", {"SessionsTableName": table.name})
    assert ids_of(run("calls", "list", "--json", "--stack", "mine")) == [call]


def test_the_error_for_a_missing_stack_has_its_name_and_region(run: Run, table: Table) -> None:
    finished = run("calls", "list", "--config-env", "prod")
    assert finished.code == 1
    assert "there is no stack aiflow-prod in eu-central-1: give --stack" in finished.err


def test_a_stack_without_a_table_is_rejected(run: Run, table: Table) -> None:
    make_stack("website", {"Url": "https://example.com"})
    finished = run("calls", "list", "--stack", "website")
    assert finished.code == 1
    assert "has no output SessionsTableName" in finished.err


@pytest.mark.parametrize("how", [["list"], ["list", "--open"], ["show", "x"]])
def test_the_error_for_a_missing_table_has_its_name(run: Run, table: Table, how: list[str]) -> None:
    finished = run("calls", *how, "--table", "nothing")
    assert finished.code == 1
    assert "table nothing: the resource does not exist" in finished.err


def test_endpoint_url_selects_another_dynamodb(
    run: Run, aws_environment: None, dynalite_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Dynalite shares no code with moto, and paginates like DynamoDB."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynalite_endpoint)
    with served_table(real_clock()) as table:
        phone = Phone(table)
        call = phone.complete(*MANY)
        for name in ("AWS_ENDPOINT_URL_DYNAMODB", "AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            monkeypatch.delenv(name)
        monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
        monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
        where = ("--table", table.name, "--endpoint-url", dynalite_endpoint)
        finished = run("calls", "list", "--json", *where)
        assert ids_of(finished) == [call]
        assert "units." in finished.err
        assert len(lines_of(run("calls", "export", call, *where))[0]["turns"]) == 61
        assert run("calls", "erase", call, "--yes", *where).code == 0
        assert [*table.items(call)] == ["call"]
        assert phone.event(call, "user_speak", text="Hello") == (204, None)


# --- The command line


@pytest.mark.parametrize("name", ["list", "show", "export", "erase"])
def test_each_command_has_help_with_examples(run: Run, name: str) -> None:
    finished = run("calls", name, "--help")
    assert finished.code == 0
    assert "Examples:" in finished.out


@pytest.mark.parametrize(
    "arguments",
    [
        ["sing"],
        ["list", "--since", "yesterday"],
        ["list", "--limit", "0"],
        ["show"],
        ["export"],
        ["export", "x", "--since", "1d"],
        ["export", "x", "--caller", CALLER],
        ["erase"],
        ["erase", "x", "--caller", CALLER],
        ["erase", "--caller", "anonymous"],
        ["erase", "--caller", ""],
        ["erase", "--caller", "01713920050"],
        ["export", "--caller", "110"],
    ],
    ids=" ".join,
)
def test_an_invalid_command_line_is_a_usage_error(run: Run, arguments: list[str]) -> None:
    finished = run("calls", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert "Try 'aiflow calls" in finished.err


def test_the_help_of_the_group_does_not_import_boto3() -> None:
    program = "import sys, aiflow_local.cli.commands.calls; print('boto3' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert loaded.stdout == "False\n"


def deny(client: "DynamoDBClient", operation: str) -> None:
    """Make AWS deny one operation."""
    refused = ErrorResponse("AccessDeniedException")
    register = client.meta.events.register_first
    register(f"before-send.dynamodb.{operation}", cast("Callable[..., None]", refused))


def make_stack(name: str, outputs: dict[str, str]) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    AwsSession().cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
