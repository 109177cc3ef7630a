"""What an item holds, and what it refuses to hold."""

import json
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.errors import StateNotStorable
from aiflow.protocol.types import JsonObject, JsonValue
from aiflow.sessions.codec import to_attributes
from aiflow.sessions.record import (
    MAX_ANSWERS_BYTES,
    MAX_BILLABLE_KEYS,
    MAX_DEFERRED_BYTES,
    MAX_PROCESSED_EVENTS,
    MAX_STATE_BYTES,
    MAX_TURN_TEXT_BYTES,
    MAX_TURNS,
    MAX_TURNS_BYTES,
    MAX_WRITERS,
    ProcessedEvent,
    SessionRecord,
    Turn,
)
from tests.helpers.items import (
    EXPIRES_AT,
    ODD_STATE,
    action,
    hostile_texts,
    states,
    talk,
    whole_item,
)
from tests.helpers.properties import repeatable

EMPTY = SessionRecord(session_id="session-123")


def next_version(item: SessionRecord, writer: str = "me") -> SessionRecord:
    return item.next_version(writer, EXPIRES_AT)


def with_state(kept: object) -> SessionRecord:
    # A handler's mapping takes anything, whatever its annotation says.
    return replace(EMPTY, state=cast("JsonObject", {"kept": kept}))


# --- The next version


def test_the_next_version_counts_on_and_names_its_writer() -> None:
    item = next_version(next_version(EMPTY, "a"), "b")
    assert (item.version, item.writers, item.expires_at) == (2, ("a", "b"), EXPIRES_AT)


@pytest.mark.parametrize(
    "value",
    [
        pytest.param(float("nan"), id="nan"),
        pytest.param(float("inf"), id="infinity"),
        pytest.param({1, 2}, id="a set"),
        pytest.param(b"bytes", id="bytes"),
        pytest.param(object(), id="an object"),
        pytest.param("\ud800", id="a lone surrogate"),
        pytest.param(10**5000, id="a number of 5,000 digits"),
    ],
)
def test_state_that_is_not_json_is_refused_with_what_is_allowed(value: object) -> None:
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON: text, numbers"):
        next_version(with_state(value))


def test_state_that_holds_itself_is_refused() -> None:
    state: dict[str, JsonValue] = {}
    state["self"] = state
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON"):
        next_version(replace(EMPTY, state=state))


def test_state_that_is_nested_without_end_is_refused() -> None:
    state: JsonValue = []
    for _ in range(100_000):
        state = [state]
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON"):
        next_version(with_state(state))


def test_state_may_fill_its_room_and_not_one_byte_more() -> None:
    room = MAX_STATE_BYTES - len('{"kept":""}')
    assert next_version(with_state("ä" * (room // 2) + "a" * (room % 2))).version == 1
    with pytest.raises(
        StateNotStorable,
        match=r"call\.state must stay under 20,000 bytes as JSON, but has 20,001",
    ):
        next_version(with_state("a" * (room + 1)))


def test_what_follows_a_playback_has_a_limit_of_its_own() -> None:
    followers = (action("speak", text="x" * MAX_DEFERRED_BYTES),)
    with pytest.raises(
        StateNotStorable, match=r"the actions deferred by \.then must stay under 12,000"
    ):
        next_version(replace(EMPTY, deferred_actions=followers))


def test_the_refusal_does_not_quote_what_is_kept() -> None:
    with pytest.raises(StateNotStorable) as refusal:
        next_version(with_state("a secret" * 10_000))
    assert "secret" not in str(refusal.value)


def test_the_latest_deliveries_and_intents_and_writers_are_kept() -> None:
    item = EMPTY
    for number in range(100):
        item = replace(
            item,
            processed_events=(*item.processed_events, ProcessedEvent(f"mark-{number}", number, ())),
            billable_keys=(*item.billable_keys, f"send_sms:{number}"),
        )
        item = next_version(item, f"writer-{number}")
    assert item.version == 100
    assert [delivery.fingerprint for delivery in item.processed_events] == [
        f"mark-{number}" for number in range(100 - MAX_PROCESSED_EVENTS, 100)
    ]
    assert item.billable_keys == tuple(
        f"send_sms:{number}" for number in range(100 - MAX_BILLABLE_KEYS, 100)
    )
    assert item.writers == tuple(f"writer-{number}" for number in range(100 - MAX_WRITERS, 100))


def test_of_the_answers_the_newest_that_fit_are_kept() -> None:
    half = (action("speak", text="x" * (MAX_ANSWERS_BYTES // 2 - 100)),)
    huge = (action("audio", audio="x" * MAX_ANSWERS_BYTES),)
    item = replace(
        EMPTY,
        processed_events=(
            ProcessedEvent("a", 1, half),
            ProcessedEvent("b", 2, half),
            ProcessedEvent("c", 3, half),
        ),
    )
    assert [delivery.answer for delivery in next_version(item).processed_events] == [
        None,
        half,
        half,
    ]
    item = replace(
        EMPTY, processed_events=(ProcessedEvent("a", 1, half), ProcessedEvent("b", 2, huge))
    )
    assert [delivery.fingerprint for delivery in next_version(item).processed_events] == ["a", "b"]
    assert next_version(item).processed_events[-1].answer is None


# --- Who wrote it


def test_a_writer_is_known_for_each_of_the_latest_versions() -> None:
    item = EMPTY
    for number in range(1, 20):
        item = next_version(item, f"writer-{number}")
    known = [n for n in range(1, 20) if item.written_by(f"writer-{n}", n)]
    assert known == list(range(20 - MAX_WRITERS, 20))


@pytest.mark.parametrize(
    ("writer", "version"), [("a", 2), ("b", 1), ("b", 3), ("c", 2), ("a", 0), ("b", -1)]
)
def test_a_writer_is_known_for_no_other_version(writer: str, version: int) -> None:
    item = next_version(next_version(EMPTY, "a"), "b")
    assert not item.written_by(writer, version)


# --- Turns


def test_turns_are_numbered_from_zero() -> None:
    assert talk(EMPTY, "Hello?", "Hello!").turns == (
        Turn(0, "user", "Hello?"),
        Turn(1, "assistant", "Hello!"),
    )


@pytest.mark.parametrize("text", ["", " ", "\n\t", "\u2003"])
def test_blank_text_is_no_turn(text: str) -> None:
    assert talk(EMPTY, text) == EMPTY


@repeatable
@given(text=hostile_texts)
def test_a_turn_is_the_beginning_of_what_was_said_and_never_half_a_character(text: str) -> None:
    for turn in talk(EMPTY, text).turns:
        assert len(turn.text.encode()) <= MAX_TURN_TEXT_BYTES
        assert text.strip().startswith(turn.text)


def test_turns_stay_in_the_item_as_long_as_there_is_room() -> None:
    item = talk(EMPTY, *["word"] * MAX_TURNS)
    assert item.split_overflow() == ((), item)


@repeatable
@given(texts=st.lists(hostile_texts, max_size=60))
def test_turns_that_leave_are_the_oldest_and_none_is_lost(texts: list[str]) -> None:
    item = talk(EMPTY, *texts)
    leaving, kept = item.split_overflow()
    assert leaving + kept.turns == item.turns
    assert replace(kept, turns=item.turns) == item
    if leaving:
        assert len(kept.turns) >= 2
        assert len(kept.turns) <= MAX_TURNS // 2
        # An event adds two turns at most: what leaves was committed before.
        assert len(kept.turns) == 2 or (
            sum(len(json.dumps(turn.text, ensure_ascii=False).encode()) for turn in kept.turns)
            <= MAX_TURNS_BYTES // 2
        )


def test_numbers_go_on_after_turns_have_left() -> None:
    _, kept = talk(EMPTY, *["word"] * (MAX_TURNS + 1)).split_overflow()
    assert talk(kept, "next").turns[-1].number == MAX_TURNS + 1


# --- What a store keeps


def test_an_item_becomes_text_and_whole_numbers_only() -> None:
    attributes = to_attributes(whole_item("session-123"))
    assert {type(value) for value in attributes.values()} == {str, int}


@repeatable
@given(state=states)
def test_attributes_are_read_back_as_they_were_written(state: dict[str, JsonValue]) -> None:
    item = replace(whole_item("session-123"), state=state)
    assert repr(SessionRecord.from_attributes("session-123", to_attributes(item))) == repr(item)


def test_attributes_of_a_later_version_of_the_code_are_read_over() -> None:
    item = replace(EMPTY, state=ODD_STATE)
    attributes = {**to_attributes(item), "added_later": "text", "also": 7}
    assert SessionRecord.from_attributes("session-123", attributes) == item


def test_an_item_of_the_time_before_websockets_can_still_be_read() -> None:
    item = whole_item("session-123")
    attributes = to_attributes(item)
    for name in ("connection_id", "stream_owner"):
        del attributes[name]
    assert SessionRecord.from_attributes("session-123", attributes) == replace(
        item, connection_id="", stream_owner=""
    )
