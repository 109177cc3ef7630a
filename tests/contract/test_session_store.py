"""The contract of every session store."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from itertools import count

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from aiflow.protocol.types import JsonValue
from aiflow.sessions.record import MAX_TURNS, SessionRecord, Turn
from aiflow.sessions.store import CommitConflict, SessionStore
from tests.helpers.items import (
    EXPIRES_AT,
    ODD_IDS,
    ODD_STATE,
    full_record,
    hostile_texts,
    session_ids,
    states,
    stored_bytes,
    talk,
)
from tests.helpers.properties import repeatable
from tests.helpers.runtime import Clock

ID = "session-123"
new_ids = (f"session-{number}" for number in count(1000))


def new(session_id: str = ID) -> SessionRecord:
    return SessionRecord(session_id=session_id)


def committed(
    sessions: SessionStore, item: SessionRecord, writer: str = "writer", until: int = EXPIRES_AT
) -> SessionRecord:
    """Commit the next version of `item`, and return the stored record."""
    sessions.commit(item.next_version(writer, until))
    stored = sessions.load(item.session_id)
    assert stored is not None
    return stored


def with_state(item: SessionRecord, **state: JsonValue) -> SessionRecord:
    return replace(item, state=state)


# --- Load and commit


def test_a_session_without_a_commit_is_absent(sessions: SessionStore) -> None:
    assert sessions.load(ID) is None
    assert sessions.turns(ID) == ()


def test_a_record_is_loaded_with_every_member_unchanged(sessions: SessionStore) -> None:
    item = full_record(ID).next_version("writer", EXPIRES_AT)
    sessions.commit(item)
    loaded = sessions.load(ID)
    assert loaded == item
    # Equality does not distinguish 3.0 from 3, and -0.0 from 0.
    assert repr(loaded) == repr(item)


@settings(repeatable, max_examples=50)
@given(state=states)
@example(state=ODD_STATE)
def test_any_json_state_is_stored_unchanged(
    sessions: SessionStore, state: dict[str, JsonValue]
) -> None:
    item = SessionRecord(session_id=next(new_ids), state=state)
    assert repr(committed(sessions, item).state) == repr(state)


def test_changing_a_loaded_record_does_not_change_the_stored_one(
    sessions: SessionStore,
) -> None:
    loaded = committed(sessions, with_state(new(), names=["Ada"]))
    names = loaded.state["names"]
    assert isinstance(names, list)
    names.append("Eve")
    again = sessions.load(ID)
    assert again is not None
    assert again.state == {"names": ["Ada"]}


def test_each_commit_replaces_the_previous_version(sessions: SessionStore) -> None:
    first = committed(sessions, with_state(new(), turn=1), "a")
    second = committed(sessions, with_state(first, turn=2), "b")
    third = committed(sessions, with_state(second), "c")
    assert (first.version, second.version, third.version) == (1, 2, 3)
    assert third.writers == ("a", "b", "c")
    assert third.state == {}


# --- Conflicts


def test_a_second_first_commit_is_a_conflict_that_carries_the_winner(
    sessions: SessionStore,
) -> None:
    winner = committed(sessions, with_state(new(), by="winner"), "winner")
    with pytest.raises(CommitConflict) as conflict:
        sessions.commit(with_state(new(), by="loser").next_version("loser", EXPIRES_AT))
    assert conflict.value.current == winner
    assert sessions.load(ID) == winner


def test_a_commit_on_an_outdated_version_is_a_conflict_that_carries_the_latest(
    sessions: SessionStore,
) -> None:
    first = committed(sessions, new())
    latest = committed(sessions, with_state(first, by="winner"), "winner")
    with pytest.raises(CommitConflict) as conflict:
        sessions.commit(with_state(first, by="loser").next_version("loser", EXPIRES_AT))
    assert conflict.value.current == latest
    assert sessions.load(ID) == latest


def test_a_commit_that_skips_a_version_is_a_conflict(sessions: SessionStore) -> None:
    first = committed(sessions, new())
    skipping = first.next_version("a", EXPIRES_AT).next_version("b", EXPIRES_AT)
    with pytest.raises(CommitConflict) as conflict:
        sessions.commit(skipping)
    assert conflict.value.current == first


def test_a_later_version_of_an_absent_record_is_a_conflict_without_a_record(
    sessions: SessionStore,
) -> None:
    later = new().next_version("a", EXPIRES_AT).next_version("b", EXPIRES_AT)
    with pytest.raises(CommitConflict) as conflict:
        sessions.commit(later)
    assert conflict.value.current is None
    assert sessions.load(ID) is None


@pytest.mark.parametrize("versions_before", [0, 1, 2])
def test_a_repeated_commit_succeeds(sessions: SessionStore, versions_before: int) -> None:
    item = new()
    for number in range(versions_before):
        item = committed(sessions, item, f"earlier-{number}")
    own = with_state(item, by="me").next_version("me", EXPIRES_AT)
    sessions.commit(own)
    sessions.commit(own)
    assert sessions.load(ID) == own


def test_a_repeated_commit_does_not_undo_newer_versions(
    sessions: SessionStore,
) -> None:
    own = new().next_version("me", EXPIRES_AT)
    sessions.commit(own)
    second = committed(sessions, own, "you")
    third = committed(sessions, with_state(second, by="you"), "you")
    sessions.commit(own)
    assert sessions.load(ID) == third


def test_the_version_of_another_writer_is_not_mistaken_for_an_own_one(
    sessions: SessionStore,
) -> None:
    first = committed(sessions, new(), "me")
    latest = committed(sessions, first, "you")
    with pytest.raises(CommitConflict):
        sessions.commit(first.next_version("me", EXPIRES_AT))
    assert sessions.load(ID) == latest


# Moto is not included, since its conditions are not atomic inside one process.
@pytest.mark.parametrize("sessions", ["memory", "table_behind_socket"], indirect=True)
def test_exactly_one_of_many_concurrent_commits_of_a_version_succeeds(
    sessions: SessionStore,
) -> None:
    base = committed(sessions, new())

    def wins(number: int) -> bool:
        try:
            sessions.commit(base.next_version(f"writer-{number}", EXPIRES_AT))
        except CommitConflict:
            return False
        return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(wins, range(40))) == 1
    latest = sessions.load(ID)
    assert latest is not None
    assert latest.version == 2


# --- Expiry


def test_a_record_exists_until_the_second_it_expires(sessions: SessionStore, clock: Clock) -> None:
    sessions.commit(new().next_version("a", EXPIRES_AT))
    clock.seconds = EXPIRES_AT - 0.001
    assert sessions.load(ID) is not None
    clock.seconds = EXPIRES_AT
    assert sessions.load(ID) is None


def test_a_new_call_replaces_an_expired_one_completely(
    sessions: SessionStore, clock: Clock
) -> None:
    sessions.commit(full_record(ID).next_version("a", EXPIRES_AT))
    clock.seconds = EXPIRES_AT
    fresh = new().next_version("b", EXPIRES_AT + 60)
    sessions.commit(fresh)
    assert sessions.load(ID) == fresh
    assert sessions.turns(ID) == ()


def test_an_expired_record_accepts_no_later_version(sessions: SessionStore, clock: Clock) -> None:
    first = committed(sessions, new())
    clock.seconds = EXPIRES_AT
    with pytest.raises(CommitConflict) as conflict:
        sessions.commit(first.next_version("late", EXPIRES_AT + 60))
    assert conflict.value.current is None
    assert sessions.load(ID) is None


def test_turns_expire_with_their_call(sessions: SessionStore, clock: Clock) -> None:
    item = long_call(sessions)
    assert len(sessions.turns(ID)) == item.turns[-1].number + 1
    clock.seconds = EXPIRES_AT
    assert sessions.turns(ID) == ()


def test_a_new_call_does_not_contain_turns_of_an_expired_one(
    sessions: SessionStore, clock: Clock
) -> None:
    long_call(sessions)
    clock.seconds = EXPIRES_AT
    fresh = committed(sessions, talk(new(), "Hello?", "Hello!"), until=EXPIRES_AT + 60)
    assert sessions.turns(ID) == fresh.turns
    later = long_call(sessions, fresh, until=EXPIRES_AT + 60)
    texts = [turn.text for turn in sessions.turns(ID)]
    assert texts[:2] == ["Hello?", "Hello!"]
    assert len(texts) == later.turns[-1].number + 1


# --- Turns


def long_call(
    sessions: SessionStore,
    item: SessionRecord | None = None,
    events: int = 2 * MAX_TURNS,
    until: int = EXPIRES_AT,
) -> SessionRecord:
    """Commit this many events with two turns each, and return the last record."""
    item = item or new()
    for number in range(events):
        item = committed(
            sessions, talk(item, f"question {number}", f"answer {number}"), f"w{number}", until
        )
    return item


def test_overflowing_turns_are_stored_in_order_without_gaps(
    sessions: SessionStore,
) -> None:
    item = long_call(sessions, events=100)
    assert sessions.turns(ID) == tuple(
        turn
        for number in range(100)
        for turn in (
            Turn(2 * number, "user", f"question {number}"),
            Turn(2 * number + 1, "assistant", f"answer {number}"),
        )
    )
    assert len(item.turns) <= MAX_TURNS


def test_a_repeated_commit_with_an_overflow_stores_no_turn_twice(sessions: SessionStore) -> None:
    item = long_call(sessions, events=MAX_TURNS // 2)
    overflowing = talk(item, "one more", "indeed").next_version("me", EXPIRES_AT)
    assert overflowing.split_overflow()[0]
    for _ in range(3):
        sessions.commit(overflowing)
        assert sessions.turns(ID) == overflowing.turns
    stored = sessions.load(ID)
    assert stored == overflowing.split_overflow()[1]


# Long texts push more of the older turns out than short texts.
@pytest.mark.parametrize(("said", "lost"), [("brief", '"' * 4000), ('"' * 4000, "brief")])
def test_a_lost_commit_neither_adds_turns_to_the_transcript_nor_removes_any(
    sessions: SessionStore, said: str, lost: str
) -> None:
    item = long_call(sessions, events=MAX_TURNS // 2)
    winner = talk(item, said, said).next_version("winner", EXPIRES_AT)
    loser = talk(item, lost, lost).next_version("loser", EXPIRES_AT)
    assert winner.split_overflow()[0] != loser.split_overflow()[0]
    sessions.commit(winner)
    with pytest.raises(CommitConflict):
        sessions.commit(loser)
    assert sessions.turns(ID) == winner.turns


@settings(repeatable, max_examples=25)
@given(texts=st.lists(st.tuples(hostile_texts, hostile_texts), max_size=25))
def test_any_transcript_is_complete_and_its_record_small(
    sessions: SessionStore, texts: list[tuple[str, str]]
) -> None:
    item = new(next(new_ids))
    said: tuple[Turn, ...] = ()
    for number, (question, answer) in enumerate(texts):
        before = len(item.turns)
        extended = talk(item, question, answer)
        said += extended.turns[before:]
        item = committed(sessions, extended, f"w{number}")
        assert stored_bytes(item) < 64_000
    assert sessions.turns(item.session_id) == said
    assert [turn.number for turn in said] == list(range(len(said)))


# --- Session ids


def test_session_ids_that_look_alike_are_distinct(sessions: SessionStore) -> None:
    calls = {
        session_id: talk(with_state(new(session_id), id=session_id), *[session_id] * 50)
        for session_id in ODD_IDS
    }
    stored = {session_id: committed(sessions, item) for session_id, item in calls.items()}
    for session_id, item in calls.items():
        assert sessions.load(session_id) == stored[session_id]
        assert sessions.turns(session_id) == item.turns


@settings(repeatable, max_examples=25)
@given(ids=st.lists(session_ids, min_size=2, max_size=4, unique=True))
def test_different_session_ids_share_nothing(
    sessions: SessionStore, clock: Clock, ids: list[str]
) -> None:
    clock.advance(3600)  # Records of earlier examples are expired.
    until = int(clock()) + 1800
    calls = {
        session_id: committed(sessions, with_state(talk(new(session_id), session_id)), until=until)
        for session_id in ids
    }
    for session_id, item in calls.items():
        assert sessions.load(session_id) == item
        assert sessions.turns(session_id) == item.turns
