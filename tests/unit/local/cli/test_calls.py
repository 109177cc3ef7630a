"""`aiflow calls`: looking at the calls of a table, handing them out, erasing them."""

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
from aiflow_local.emulator.sample_events import mock_event
from aiflow_local.errors import LocalError
from aiflow_local.ops.aws_session import Account, AwsError
from aiflow_local.ops.calls.erase import erase_all
from aiflow_local.ops.calls.export import write
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
"""More than an item has room for."""


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
    """Run `aiflow calls` on the table."""

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
    return [told["session_id"] for told in lines_of(finished)]


def damage(table: Table, session_id: str, name: str = "call") -> None:
    """Leave an item as no version of this code that we know writes it."""
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


def test_calls_are_listed_newest_first_with_how_they_went(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    first = phone.hold("Hello", "I have a question")
    phone.table.clock.advance(60)
    second = phone.begin(OTHER)
    finished = calls("list")
    heading, *rows = finished.out.splitlines()
    assert heading.split() == [
        *("begun", "(UTC)", "lasted", "status", "turns", "direction", "caller", "session")
    ]
    assert rows[0].split()[3:] == ["active", "0", "inbound", "+49...46", second]
    assert rows[1].split()[2:] == ["0:05", "ended", "2", "inbound", "+49...50", first]


def test_a_list_says_what_it_took_to_make_it(calls: Calls, phone: Phone) -> None:
    items = len(phone.table.items(phone.hold(*MANY)))
    assert items > 1
    finished = calls("list")
    assert re.fullmatch(
        rf"Read {items} items of {phone.table.name}: [0-9.]+ units.\n", finished.err
    )


def test_a_list_has_as_many_as_asked_for_and_those_are_the_newest(
    calls: Calls, phone: Phone
) -> None:
    held = [phone.hold("Hello") for _ in range(4)]
    assert ids_of(calls("list", "--json", "--limit", "2")) == [held[3], held[2]]


@pytest.mark.parametrize("how", [[], ["--open"]])
def test_only_calls_that_began_since_a_moment_are_listed(
    calls: Calls, phone: Phone, how: list[str]
) -> None:
    phone.table.clock.advance(-3 * 3600)
    phone.begin()
    phone.table.clock.advance(2 * 3600)
    late = phone.begin()
    assert ids_of(calls("list", "--json", "--since", "2h", *how)) == [late]
    assert len(ids_of(calls("list", "--json", "--since", "1d", *how))) == 2
    assert ids_of(calls("list", "--json", "--since", "30m", *how)) == []


def test_open_calls_are_found_without_reading_the_others(
    calls: Calls, phone: Phone, table: Table
) -> None:
    phone.hold("Hello")
    first, second = phone.begin(), phone.begin()
    phone.table.clock.advance(1)
    third = phone.begin()
    table.clock.advance(-1)
    finished = calls("list", "--open", "--json", "--limit", "2")
    assert finished.err == ""
    assert ids_of(finished) == [third, max(first, second)]


def test_an_open_call_that_expired_is_none_any_more(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.begin()
    assert ids_of(calls("list", "--open", "--json")) == []
    (told,) = lines_of(calls("list", "--json"))
    assert (told["session_id"], told["status"]) == (call, "expired")
    assert told["seconds"] == 0


def test_the_time_of_an_open_call_goes_on(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-4000)
    phone.begin()
    assert " 1:06:4" in calls("list").out


def test_no_calls_are_no_table(calls: Calls) -> None:
    finished = calls("list")
    assert (finished.code, finished.out) == (0, "")
    assert finished.err.endswith("There are none.\n")


def test_the_caller_is_the_one_who_is_called_by_the_agent(calls: Calls, phone: Phone) -> None:
    phone.hold("Hello", caller=OTHER, direction="outbound")
    (told,) = lines_of(calls("list", "--json"))
    assert (told["direction"], told["caller"]) == ("outbound", "+49...46")


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
def test_a_number_is_shown_by_its_country_and_two_digits_at_most(
    calls: Calls, phone: Phone, number: str, shown: str
) -> None:
    phone.begin(number)
    (told,) = lines_of(calls("list", "--json"))
    assert told["caller"] == shown


def test_a_call_of_which_only_the_end_is_known_has_no_caller(calls: Calls, phone: Phone) -> None:
    phone.end("lost")
    assert calls("list").out.splitlines()[1].split()[3:] == ["ended", "0", "-", "unknown", "lost"]


def test_a_call_that_another_version_wrote_is_named_and_the_others_are_listed(
    calls: Calls, phone: Phone, table: Table
) -> None:
    damage(table, "strange")
    call = phone.hold("Hello")
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
def test_a_call_with_an_odd_attribute_is_named_and_the_others_are_listed(
    calls: Calls, phone: Phone, table: Table, odd: dict[str, Any]
) -> None:
    strange, call = phone.hold("Hello"), phone.hold("Hello")
    table.client.put_item(TableName=table.name, Item=table.call(strange) | odd)
    finished = calls("list", "--json")
    assert ids_of(finished) == [call]
    assert f"cannot be read: {strange}." in finished.err
    finished = calls("show", strange)
    assert (finished.code, "take the version" in finished.err) == (1, True)


def test_all_pages_are_read(calls: Calls, phone: Phone, table: Table) -> None:
    one = table.call(phone.hold("Hello"))
    for number in range(4):
        large = {"pk": {"S": f"large-{number}"}, "added_later": {"S": "x" * 300_000}}
        table.client.put_item(TableName=table.name, Item=one | large)
    assert len(ids_of(calls("list", "--json"))) == 5


@pytest.mark.parametrize("how", [["list"], ["show", "odd"], ["show", "odd", "--reveal"]])
def test_nothing_that_an_event_said_of_its_session_moves_a_cursor(
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


def test_an_id_moves_no_cursor(calls: Calls, table: Table) -> None:
    table.sessions.commit(
        SessionRecord(session_id="a\x1b[2Jb").next_version("me", int(table.clock()) + 60)
    )
    assert "\x1b" not in calls("list").out
    assert "a\ufffd[2Jb" in calls("show", "a\x1b[2Jb").out


# --- show


def test_a_call_is_shown_from_its_beginning_to_its_end(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    call = phone.begin()
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


def test_what_waits_is_shown_by_its_kind(calls: Calls, phone: Phone) -> None:
    call = phone.begin()
    phone.say(call, "Goodbye")
    (told,) = lines_of(calls("show", call, "--json"))
    assert told["waiting"] == ["hangup"]
    assert "\nwaiting  hangup\n" in calls("show", call).out
    assert '"type": "hangup"' in calls("show", call, "--reveal").out


def test_all_turns_are_shown_those_that_left_the_item_as_well(calls: Calls, phone: Phone) -> None:
    call = phone.hold(*MANY)
    assert len(phone.table.items(call)) > 1
    (told,) = lines_of(calls("show", call, "--reveal", "--json"))
    assert [turn["number"] for turn in told["said"]] == list(range(61))
    assert [turn["text"] for turn in told["said"] if turn["role"] == "user"] == MANY


def test_what_was_said_and_who_called_is_revealed_when_asked_for(
    calls: Calls, phone: Phone
) -> None:
    call = phone.hold(f"I am {CANARY}\x1b[2J")
    out = calls("show", call, "--reveal").out
    assert CALLER in out
    assert AGENT in out
    assert f"caller  I am {CANARY}" in out
    assert f"agent   You said: I am {CANARY}" in out
    assert '"outcome": "talked"' in out
    assert "\x1b" not in out


@pytest.mark.parametrize("shape", [[], ["--json"]])
def test_no_word_and_no_number_is_shown_unless_asked_for(
    calls: Calls, phone: Phone, table: Table, shape: list[str]
) -> None:
    call = phone.begin()
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
def test_a_call_that_is_not_there_is_said_to_be_none(calls: Calls, name: str) -> None:
    finished = calls(name, "nobody")
    assert (finished.code, finished.out) == (1, "")
    assert finished.err.startswith("aiflow: nothing is kept of nobody in sessions-")


@pytest.mark.parametrize("name", ["call", "turns#00000000-00000001"])
def test_a_call_of_another_version_says_what_to_do(calls: Calls, table: Table, name: str) -> None:
    damage(table, "strange", name)
    finished = calls("show", "strange")
    assert finished.code == 1
    assert "take the version of aiflow that the stack was deployed with" in finished.err


# --- export


def test_an_export_has_everything_that_is_kept(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.hold(*MANY)
    (told,) = lines_of(calls("export", call))
    item = table.sessions.load(call)
    assert item
    assert set(told) == {field.name for field in fields(item)}
    assert told["session"]["from_phone_number"] == CALLER
    assert told["state"] == item.state
    assert len(told["turns"]) == 61
    # No value of the item as it lies in the table is missing.
    for attribute in ("session", "state", "processed_events", "billable_keys"):
        assert told[attribute] == json.loads(table.call(call)[attribute]["S"])


def test_the_calls_of_a_person_are_exported_and_no_others(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-600)
    theirs = [phone.hold("Hello"), phone.hold("Again", caller=f"+{CALLER}")]
    theirs.append(phone.hold("Called", direction="outbound"))
    phone.hold("Hello", caller=OTHER)
    phone.hold("Hello", caller="")
    assert ids_of(calls("export", "--caller", "+49 171 3920050")) == theirs
    assert ids_of(calls("export", "--caller", f"00{CALLER}")) == theirs


def test_calls_are_exported_by_when_they_began(calls: Calls, phone: Phone) -> None:
    phone.table.clock.advance(-3 * 3600)
    phone.hold("Hello")
    phone.table.clock.advance(2 * 3600)
    late = [phone.hold("Hello"), phone.hold("Hello", caller=OTHER)]
    assert ids_of(calls("export", "--since", "2h")) == late
    assert ids_of(calls("export", "--since", "2h", "--caller", OTHER)) == late[1:]
    finished = calls("export", "--since", "30m")
    assert finished.code == 1
    assert "no call of that time is kept" in finished.err


def test_an_export_can_be_read_by_its_owner_only(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call = phone.hold("Hello")
    output = tmp_path / "theirs.json"
    output.write_text("something longer than what comes, and open to all" * 100)
    output.chmod(0o644)
    finished = calls("export", call, "--output", str(output))
    assert (finished.code, finished.out) == (0, "")
    assert stat.S_IMODE(output.stat().st_mode) == 0o600
    assert [json.loads(line)["session_id"] for line in output.read_text().splitlines()] == [call]
    assert f"Calls written to {output}: 1." in finished.err


@pytest.mark.parametrize("name", ["call", "turns#00000000-00000001"])
def test_calls_of_a_person_are_handed_out_although_one_cannot_be_read(
    calls: Calls, phone: Phone, table: Table, tmp_path: Path, name: str
) -> None:
    strange, call = phone.hold("Hello"), phone.hold("Again")
    damage(table, strange, name)
    output = tmp_path / "theirs.json"
    finished = calls("export", "--caller", CALLER, "--output", str(output))
    assert [json.loads(line)["session_id"] for line in output.read_text().splitlines()] == [call]
    assert (finished.code, f"cannot be read: {strange}." in finished.err) == (1, True)


def test_no_call_that_can_be_read_is_an_empty_export_and_no_success(
    calls: Calls, table: Table
) -> None:
    damage(table, "strange")
    finished = calls("export", "--caller", CALLER)
    assert (finished.code, finished.out) == (1, "")
    assert "cannot be read: strange." in finished.err


def test_an_export_that_is_interrupted_leaves_what_was_there_and_nothing_beside_it(
    tmp_path: Path,
) -> None:
    output = tmp_path / "theirs.json"
    output.write_text("of yesterday")

    def interrupted() -> Iterator[str]:
        yield CANARY
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write(interrupted(), output)
    assert [*tmp_path.iterdir()] == [output]
    assert output.read_text() == "of yesterday"


def test_an_export_follows_a_link_and_leaves_devices_alone(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call, link, pipe = phone.hold("Hello"), tmp_path / "link", tmp_path / "pipe"
    link.symlink_to(tmp_path / "theirs.json")
    assert calls("export", call, "--output", str(link)).code == 0
    assert link.is_symlink()
    assert call in (tmp_path / "theirs.json").read_text()
    os.mkfifo(pipe, 0o644)
    finished = calls("export", call, "--output", str(pipe))
    assert (finished.code, "it is no file" in finished.err) == (1, True)
    assert stat.S_IMODE(pipe.stat().st_mode) == 0o644


def test_an_export_that_cannot_be_written_says_why(
    calls: Calls, phone: Phone, tmp_path: Path
) -> None:
    call = phone.hold("Hello")
    finished = calls("export", call, "--output", str(tmp_path / "nowhere" / "theirs.json"))
    assert finished.code == 1
    assert "cannot be written: No such file or directory" in finished.err


# --- erase


def test_an_erased_call_leaves_nothing_but_a_tombstone(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.hold(*MANY)
    before = table.call(call)
    # As a later version of this code might keep it.
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
    (told,) = lines_of(calls("list", "--json"))
    assert told["status"] == "erased"
    assert (told["begun_at"], told["seconds"], told["caller"]) == (None, None, "unknown")


@pytest.mark.parametrize("kind", EVENT_TYPES)
def test_an_event_that_comes_late_finds_an_erased_call_ended(
    calls: Calls, phone: Phone, table: Table, kind: str
) -> None:
    call = phone.hold("Hello")
    assert calls("erase", call, "--yes").code == 0
    left = table.items(call)
    event = mock_event(kind, session={"id": call, "from_phone_number": CALLER})
    assert invoke(webhook.lambda_handler, event, phone.runtime) == (204, None)
    assert table.items(call) == left


def test_a_call_that_has_not_ended_is_not_erased_unless_that_is_meant(
    calls: Calls, phone: Phone, table: Table
) -> None:
    ended, active = phone.hold("Hello"), phone.begin()
    before = table.items(active)
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert (finished.code, finished.out) == (1, "")
    assert f"has not ended: {active}." in finished.err
    assert "--active" in finished.err
    assert table.items(active) == before
    finished = calls("erase", "--caller", CALLER, "--yes", *NOW)
    assert [line.split()[1] for line in finished.out.splitlines()] == [f"{ended},", f"{active},"]
    assert "in 0 s they are erased, too" in finished.err


def test_an_active_call_that_was_erased_falls_silent(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.begin()
    assert calls("erase", call, "--yes", *NOW).code == 0
    left = table.items(call)
    assert phone.event(call, "user_speak", text=CANARY) == (204, None)
    assert phone.event(call, "session_end") == (204, None)
    assert table.items(call) == left
    assert ids_of(calls("list", "--open", "--json")) == []


def test_an_event_that_is_being_answered_while_its_call_is_erased_writes_nothing(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.begin()
    erased: list[Finished] = []

    def handle(event: UserSpeak, call: Call) -> Reply:
        if not erased:
            erased.append(calls("erase", call.session.id, "--yes", *NOW))
        return f"You said: {event.text}"

    event = {"type": "user_speak", "text": CANARY, "session": {"id": call}}
    assert invoke(entrypoint(handle), event, phone.runtime) == (204, None)
    assert [finished.code for finished in erased] == [0]
    assert CANARY not in str(table.items(call))


def test_what_an_answer_leaves_behind_while_its_call_is_erased_is_erased_as_well(
    phone: Phone, table: Table
) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.begin()
    phone.say(call, *MANY)
    found = seen.find(call)
    assert found
    turns = next(item for name, item in table.items(call).items() if name != "call")

    def answered_meanwhile() -> None:
        table.client.put_item(TableName=table.name, Item=turns)

    assert [*erase_all(seen, [found], answered_meanwhile)] == [found]
    assert [*table.items(call)] == ["call"]


def test_the_calls_of_a_person_are_erased_although_one_cannot_be_read(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.hold("Hello")
    damage(table, "strange")
    before = table.items("strange")
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert finished.out == f"erased  {call}, turns: 3\n"
    assert (finished.code, "cannot be read: strange." in finished.err) == (1, True)
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert (finished.code, finished.out) == (1, "")
    assert "35 days" not in finished.err
    assert table.items("strange") == before


def test_what_an_event_left_behind_is_erased_when_asked_again(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.hold(*MANY)
    name, turns = next((k, item) for k, item in table.items(call).items() if k != "call")
    assert calls("erase", call, "--yes").code == 0
    left = table.call(call)
    table.client.put_item(TableName=table.name, Item=turns)
    assert name in table.items(call)
    assert calls("erase", call, "--yes").code == 0
    assert table.items(call) == {"call": left}


def test_turns_that_outlived_their_call_are_shown_and_erased(
    calls: Calls, phone: Phone, table: Table
) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.hold(*MANY)
    key = {"pk": {"S": call}, "sk": {"S": "call"}}
    table.client.delete_item(TableName=table.name, Key=key)
    assert " ended " not in calls("show", call).out
    assert CANARY in calls("export", call).out
    assert calls("erase", call, "--yes").code == 0
    assert table.items(call) == {}


def test_a_call_that_expired_is_erased_without_a_trace(
    calls: Calls, phone: Phone, table: Table
) -> None:
    phone.table.clock.advance(-2 * DAY)
    call = phone.begin()
    phone.say(call, *MANY)
    assert calls("erase", "--caller", CALLER, "--yes").code == 0
    assert table.items(call) == {}


def test_all_calls_of_a_person_are_erased_and_no_others(
    calls: Calls, phone: Phone, table: Table
) -> None:
    theirs = [phone.hold("Hello"), phone.hold("Called", direction="outbound")]
    others = phone.hold("Hello", caller=OTHER)
    before = table.items(others)
    told = lines_of(calls("erase", "--caller", CALLER, "--yes", "--json"))
    assert [each["session_id"] for each in told] == theirs
    assert all(each["erased"] for each in told)
    assert table.items(others) == before
    finished = calls("erase", "--caller", CALLER, "--yes")
    assert finished.code == 1
    assert "no call of +49...50 is kept" in finished.err


def test_a_dry_run_says_what_would_be_erased(calls: Calls, phone: Phone, table: Table) -> None:
    call = phone.hold("Hello")
    before = table.items(call)
    assert calls("erase", call, "--dry-run").out == f"would erase  {call}, turns: 3\n"
    (told,) = lines_of(calls("erase", call, "--dry-run", "--json"))
    assert told == {"session_id": call, "turns": 3, "erased": False}
    assert table.items(call) == before


def test_nothing_is_erased_when_nobody_can_be_asked(
    calls: Calls, phone: Phone, table: Table
) -> None:
    call = phone.hold("Hello")
    before = table.items(call)
    finished = calls("erase", call, stdin=b"y\n")
    assert finished.code == 1
    assert "give --yes" in finished.err
    assert table.items(call) == before


@pytest.mark.parametrize(("typed", "code"), [(b"y\n", 0), (b"n\n", 130), (b"\n", 130), (b"", 130)])
def test_somebody_at_a_terminal_is_asked_first(
    calls: Calls, phone: Phone, table: Table, typed: bytes, code: int
) -> None:
    call = phone.hold("Hello")
    before = table.items(call)
    finished = calls("erase", call, stdin=typed, at_terminal=True)
    assert finished.code == code
    assert "Erase for good: 1 call(s) with 3 turn(s)?" in finished.out + finished.err
    assert (table.items(call) == before) == (code != 0)


def test_who_does_not_agree_goes_on_though_another_thread_is_at_work(
    calls: Calls, phone: Phone
) -> None:
    call, over = phone.hold("Hello"), threading.Event()
    at_work = threading.Thread(target=over.wait)
    at_work.start()
    try:
        assert calls("erase", call, stdin=b"n\n", at_terminal=True).code == 130
    finally:
        over.set()
        at_work.join()


def test_a_call_that_goes_on_while_it_is_erased_is_left_as_it_is(
    phone: Phone, table: Table
) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.begin()
    read = seen.find(call)
    assert read
    phone.say(call, "One more thing")
    with pytest.raises(LocalError, match=f"{call} went on while it was to be erased"):
        seen.erase(read)
    assert "One more thing" in str(table.call(call))


def test_a_table_that_takes_no_writes_says_so(phone: Phone, table: Table) -> None:
    seen, call = CallTable(table.client, table.name, table.clock), phone.hold("Hello")
    read = seen.find(call)
    assert read
    deny(table.client, "PutItem")
    with pytest.raises(AwsError, match="these credentials may not"):
        seen.erase(read)


# --- Where


def test_the_table_is_that_of_the_stack_in_samconfig(run: Run, phone: Phone, table: Table) -> None:
    call = phone.hold("Hello")
    make_stack("aiflow", {"SessionsTableName": table.name})
    assert ids_of(run("calls", "list", "--json")) == [call]


def test_a_stack_is_found_by_its_name(run: Run, phone: Phone, table: Table) -> None:
    call = phone.hold("Hello")
    make_stack("mine", {"SessionsTableName": table.name})
    assert ids_of(run("calls", "list", "--json", "--stack", "mine")) == [call]


def test_a_stack_that_is_not_there_is_named_with_its_region(run: Run, table: Table) -> None:
    finished = run("calls", "list", "--config-env", "prod")
    assert finished.code == 1
    assert "there is no stack aiflow-prod in eu-central-1: give --stack" in finished.err


def test_a_stack_of_something_else_is_told_apart(run: Run, table: Table) -> None:
    make_stack("website", {"Url": "https://example.com"})
    finished = run("calls", "list", "--stack", "website")
    assert finished.code == 1
    assert "has no output SessionsTableName" in finished.err


@pytest.mark.parametrize("how", [["list"], ["list", "--open"], ["show", "x"]])
def test_a_table_that_is_not_there_is_named(run: Run, table: Table, how: list[str]) -> None:
    finished = run("calls", *how, "--table", "nothing")
    assert finished.code == 1
    assert "table nothing: nothing is there by this name" in finished.err


def test_a_table_may_be_elsewhere(
    run: Run, aws_environment: None, dynalite_endpoint: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It shares no code with moto, and pages as DynamoDB does."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", dynalite_endpoint)
    with served_table(real_clock()) as table:
        phone = Phone(table)
        call = phone.hold(*MANY)
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
def test_each_has_help_with_examples(run: Run, name: str) -> None:
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
def test_what_is_not_meant_is_not_done(run: Run, arguments: list[str]) -> None:
    finished = run("calls", *arguments)
    assert (finished.code, finished.out) == (2, "")
    assert "Try 'aiflow calls" in finished.err


def test_the_help_of_the_group_does_not_wait_for_aws() -> None:
    program = "import sys, aiflow_local.cli.commands.calls; print('boto3' in sys.modules)"
    loaded = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True
    )
    assert loaded.stdout == "False\n"


def deny(client: "DynamoDBClient", operation: str) -> None:
    """Let AWS say that one operation is not allowed."""
    refused = ErrorResponse("AccessDeniedException")
    register = client.meta.events.register_first
    register(f"before-send.dynamodb.{operation}", cast("Callable[..., None]", refused))


def make_stack(name: str, outputs: dict[str, str]) -> None:
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {key: {"Value": value} for key, value in outputs.items()},
    }
    Account().cloudformation.create_stack(StackName=name, TemplateBody=json.dumps(template))
