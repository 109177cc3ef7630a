"""The session record: what it stores, its limits, and its codec."""

import json
from dataclasses import replace
from typing import cast

import pytest
from hypothesis import example, given
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
    full_record,
    hostile_texts,
    states,
    talk,
)
from tests.helpers.properties import repeatable

EMPTY = SessionRecord(session_id="session-123")


def next_version(item: SessionRecord, writer: str = "me") -> SessionRecord:
    return item.next_version(writer, EXPIRES_AT)


def with_state(kept: object) -> SessionRecord:
    # The state of a handler takes anything, whatever its annotation says.
    return replace(EMPTY, state=cast("JsonObject", {"kept": kept}))


# --- Versions


def test_the_next_version_increments_and_names_its_writer() -> None:
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
def test_state_that_is_not_json_is_rejected_with_an_explanation(value: object) -> None:
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON: text, numbers"):
        next_version(with_state(value))


def test_state_that_contains_itself_is_rejected() -> None:
    state: dict[str, JsonValue] = {}
    state["self"] = state
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON"):
        next_version(replace(EMPTY, state=state))


def test_state_that_is_nested_too_deeply_is_rejected() -> None:
    state: JsonValue = []
    for _ in range(100_000):
        state = [state]
    with pytest.raises(StateNotStorable, match=r"call\.state must be JSON"):
        next_version(with_state(state))


def test_state_may_fill_its_limit_but_not_exceed_it() -> None:
    limit = MAX_STATE_BYTES - len('{"kept":""}')
    assert next_version(with_state("ä" * (limit // 2) + "a" * (limit % 2))).version == 1
    with pytest.raises(
        StateNotStorable,
        match=r"call\.state must stay under 20,000 bytes as JSON, but has 20,001",
    ):
        next_version(with_state("a" * (limit + 1)))


def test_deferred_actions_have_a_limit_of_their_own() -> None:
    deferred = (action("speak", text="x" * MAX_DEFERRED_BYTES),)
    with pytest.raises(
        StateNotStorable, match=r"the actions deferred by \.then must stay under 12,000"
    ):
        next_version(replace(EMPTY, deferred_actions=deferred))


def test_the_error_does_not_quote_the_state() -> None:
    with pytest.raises(StateNotStorable) as error:
        next_version(with_state("a secret" * 10_000))
    assert "secret" not in str(error.value)


def test_the_latest_processed_events_billable_keys_and_writers_are_kept() -> None:
    item = EMPTY
    for number in range(100):
        item = replace(
            item,
            processed_events=(*item.processed_events, ProcessedEvent(f"mark-{number}", number, ())),
            billable_keys=(*item.billable_keys, f"send_sms:{number}"),
        )
        item = next_version(item, f"writer-{number}")
    assert item.version == 100
    assert [processed.fingerprint for processed in item.processed_events] == [
        f"mark-{number}" for number in range(100 - MAX_PROCESSED_EVENTS, 100)
    ]
    assert item.billable_keys == tuple(
        f"send_sms:{number}" for number in range(100 - MAX_BILLABLE_KEYS, 100)
    )
    assert item.writers == tuple(f"writer-{number}" for number in range(100 - MAX_WRITERS, 100))


def test_only_the_latest_answers_that_fit_are_kept() -> None:
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
    assert [processed.answer for processed in next_version(item).processed_events] == [
        None,
        half,
        half,
    ]
    item = replace(
        EMPTY, processed_events=(ProcessedEvent("a", 1, half), ProcessedEvent("b", 2, huge))
    )
    assert [processed.fingerprint for processed in next_version(item).processed_events] == [
        "a",
        "b",
    ]
    assert next_version(item).processed_events[-1].answer is None


# --- Writers


def test_the_writers_of_the_latest_versions_are_known() -> None:
    item = EMPTY
    for number in range(1, 20):
        item = next_version(item, f"writer-{number}")
    known = [n for n in range(1, 20) if item.written_by(f"writer-{n}", n)]
    assert known == list(range(20 - MAX_WRITERS, 20))


@pytest.mark.parametrize(
    ("writer", "version"), [("a", 2), ("b", 1), ("b", 3), ("c", 2), ("a", 0), ("b", -1)]
)
def test_a_writer_is_known_only_for_its_own_version(writer: str, version: int) -> None:
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
def test_a_long_turn_is_truncated_between_characters(text: str) -> None:
    for turn in talk(EMPTY, text).turns:
        assert len(turn.text.encode()) <= MAX_TURN_TEXT_BYTES
        assert text.strip().startswith(turn.text)


def test_turns_up_to_the_limit_stay_in_the_record() -> None:
    item = talk(EMPTY, *["word"] * MAX_TURNS)
    assert item.split_overflow() == ((), item)


@repeatable
@given(texts=st.lists(hostile_texts, max_size=60))
@example(texts=["\x01" * 4_000])  # One turn that is larger than all turns may be.
def test_overflowing_turns_are_the_oldest_and_no_turn_is_lost(texts: list[str]) -> None:
    item = talk(EMPTY, *texts)
    overflow, kept = item.split_overflow()
    assert overflow + kept.turns == item.turns
    assert replace(kept, turns=item.turns) == item
    if overflow:
        assert len(kept.turns) >= 2
        assert len(kept.turns) <= MAX_TURNS // 2
        # An event adds two turns at most, so the overflow was committed before.
        assert len(kept.turns) == 2 or (
            sum(len(json.dumps(turn.text, ensure_ascii=False).encode()) for turn in kept.turns)
            <= MAX_TURNS_BYTES // 2
        )


def test_numbering_continues_after_an_overflow() -> None:
    _, kept = talk(EMPTY, *["word"] * (MAX_TURNS + 1)).split_overflow()
    assert talk(kept, "next").turns[-1].number == MAX_TURNS + 1


# --- Stored attributes


def test_a_record_is_stored_as_text_and_integers() -> None:
    attributes = to_attributes(full_record("session-123"))
    assert {type(value) for value in attributes.values()} == {str, int}


@repeatable
@given(state=states)
def test_stored_attributes_are_read_back_unchanged(state: dict[str, JsonValue]) -> None:
    item = replace(full_record("session-123"), state=state)
    assert repr(SessionRecord.from_attributes("session-123", to_attributes(item))) == repr(item)


def test_unknown_attributes_of_a_newer_version_are_ignored() -> None:
    item = replace(EMPTY, state=ODD_STATE)
    attributes = {**to_attributes(item), "added_later": "text", "also": 7}
    assert SessionRecord.from_attributes("session-123", attributes) == item


def test_a_record_stored_before_websockets_can_be_read() -> None:
    item = full_record("session-123")
    attributes = to_attributes(item)
    for name in ("connection_id", "stream_owner"):
        del attributes[name]
    assert SessionRecord.from_attributes("session-123", attributes) == replace(
        item, connection_id="", stream_owner=""
    )
