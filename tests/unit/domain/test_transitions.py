"""How events and actions change a session record, one rule at a time."""

from dataclasses import replace
from typing import Any

import pytest

from aiflow.domain.billable_actions import idempotency_key
from aiflow.domain.deduplication import (
    REPEAT_WINDOW_MS,
    find_duplicate,
    fingerprint,
    record_answer,
)
from aiflow.domain.transitions import apply_actions, apply_event, take_due_actions
from aiflow.protocol.events import EVENT_TYPES, Event, UnknownEvent, parse_event
from aiflow.protocol.types import JsonObject
from aiflow.sessions.record import ProcessedEvent, SessionRecord, Status, Turn
from tests.helpers.items import action

ID = "session-123"
NOW_MS = 1_800_000_000_000
ITEM = SessionRecord(session_id=ID, first_event_at_ms=NOW_MS)

HANGUP = action("hangup", session_id=ID)
SPEAK = action("speak", session_id=ID, text="Hello")
AUDIO = action("audio", session_id=ID, audio="...")
SMS = action("send_sms", session_id=ID, phone_number="493023125001", message="Hello")
TRANSFER = action("transfer", session_id=ID, target_phone_number="493023125001")
MIX = action("mix_audio", session_id=ID, stop=True)


def event(name: str, session: dict[str, object] | None = None, **members: object) -> Event:
    found = parse_event({"type": name, "session": {"id": ID, **(session or {})}, **members})
    assert not isinstance(found, UnknownEvent)
    return found


def item(**members: Any) -> SessionRecord:  # noqa: ANN401 - members of an item
    return replace(ITEM, **members)


class TestFingerprint:
    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (event("session_start"), event("session_start", {"direction": "inbound"})),
            (event("user_input_timeout"), event("user_input_timeout")),
            (event("user_speak", text="yes"), event("user_speak", transcript="yes")),
            (event("user_speak", text="yes"), event("user_speak", text="yes", barged_in=True)),
            (event("sms_failed", reason="x"), event("sms_failed", reason="x")),
        ],
    )
    def test_a_repeated_event_has_an_equal_fingerprint(self, one: Event, other: Event) -> None:
        assert fingerprint(one) == fingerprint(other) is not None

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            (event("user_speak", text="yes"), event("user_speak", text="yes.")),
            (event("user_speak", text="yes"), event("user_speak", text="Yes")),
            (event("user_speak", text="yes"), event("sms_failed", reason="yes")),
            (event("sms_failed", reason="x"), event("sms_failed", reason="y")),
            (event("sms_failed"), event("session_start")),
            (event("session_start"), event("user_input_timeout")),
        ],
    )
    def test_a_different_event_has_a_different_fingerprint(self, one: Event, other: Event) -> None:
        assert fingerprint(one) != fingerprint(other)

    @pytest.mark.parametrize(
        "counted_event",
        [
            event("dtmf_received", digit="1"),
            event("assistant_speak", text="Hello"),
            event("assistant_speech_ended"),
            event("user_speech_started"),
            event("session_end"),
            event("user_speak", text=""),
            event("user_speak", text=" \n"),
        ],
        ids=lambda value: value.type,
    )
    def test_events_that_always_count_have_no_fingerprint(self, counted_event: Event) -> None:
        assert fingerprint(counted_event) is None

    def test_a_fingerprint_does_not_reveal_the_text(self) -> None:
        assert "yes" not in str(fingerprint(event("user_speak", text="yes")))


class TestFindDuplicate:
    def answered(self, said: Event, at_ms: int = NOW_MS) -> SessionRecord:
        return item(started=True, processed_events=(processed_event(said, at_ms),))

    @pytest.mark.parametrize(
        ("later_ms", "repeated"),
        [
            (0, True),
            (1, True),
            (REPEAT_WINDOW_MS, True),
            (REPEAT_WINDOW_MS + 1, False),
            (60_000, False),
            (-1, True),
        ],
    )
    @pytest.mark.parametrize(
        "said",
        [
            event("user_speak", text="yes"),
            event("user_input_timeout"),
            event("sms_failed", reason="x"),
        ],
        ids=lambda value: value.type,
    )
    def test_an_equal_event_is_a_duplicate_within_the_window_after_its_answer(
        self, said: Event, later_ms: int, *, repeated: bool
    ) -> None:
        known = find_duplicate(self.answered(said), said, NOW_MS + later_ms)
        assert known == (processed_event(said, NOW_MS) if repeated else None)

    def test_a_different_text_is_no_duplicate(self) -> None:
        base = self.answered(event("user_speak", text="yes"))
        assert find_duplicate(base, event("user_speak", text="no"), NOW_MS) is None

    def test_an_event_during_a_stream_without_a_recorded_event_is_no_duplicate(self) -> None:
        # A key has no fingerprint, so an answer that it streams is not recorded.
        streaming = item(stream_owner="1:other", processed_events=())
        for said in (event("user_speak", text="yes"), event("dtmf_received", digit="1")):
            assert find_duplicate(streaming, said, NOW_MS) is None

    def test_the_latest_answer_of_an_event_is_found(self) -> None:
        said = event("user_speak", text="yes")
        older, newer = processed_event(said, NOW_MS - 60_000), processed_event(said, NOW_MS)
        assert find_duplicate(item(processed_events=(older, newer)), said, NOW_MS) is newer

    @pytest.mark.parametrize("digit", ["1", ""])
    def test_the_same_key_pressed_twice_is_no_duplicate(self, digit: str) -> None:
        pressed = event("dtmf_received", digit=digit)
        base = record_answer(ITEM, pressed, [SPEAK], NOW_MS)
        assert find_duplicate(base, pressed, NOW_MS) is None

    def test_the_first_session_start_is_no_duplicate(self) -> None:
        assert find_duplicate(ITEM, event("session_start"), NOW_MS) is None

    def test_a_repeated_session_start_finds_the_greeting_at_any_time(self) -> None:
        start = event("session_start")
        known = find_duplicate(self.answered(start), start, NOW_MS + 3_600_000)
        assert known == processed_event(start, NOW_MS)

    def test_a_repeated_session_start_after_the_caller_spoke_finds_an_empty_answer(self) -> None:
        start, said = event("session_start"), event("user_speak", text="Hello")
        base = item(
            started=True,
            processed_events=(processed_event(start, NOW_MS), processed_event(said, NOW_MS)),
        )
        known = find_duplicate(base, start, NOW_MS)
        assert known is not None
        assert known.answer == ()

    def test_a_repeated_session_start_without_a_stored_answer_finds_an_empty_answer(self) -> None:
        known = find_duplicate(item(started=True), event("session_start"), NOW_MS)
        assert known is not None
        assert known.answer == ()

    def test_a_session_start_during_a_transfer_is_no_duplicate(self) -> None:
        start = event("session_start")
        base = replace(self.answered(start), status=Status.TRANSFERRING)
        assert find_duplicate(base, start, NOW_MS) is None

    def test_a_session_start_after_other_events_is_no_duplicate(self) -> None:
        said = event("user_speak", text="Hello")
        base = item(started=False, processed_events=(processed_event(said, NOW_MS),))
        assert find_duplicate(base, event("session_start"), NOW_MS) is None


class TestApplyEvent:
    BUSY = item(
        open_playbacks=2, deferred_actions=(HANGUP,), turns=(Turn(0, "assistant", "Hello"),)
    )

    @pytest.mark.parametrize(
        ("arriving", "changed"),
        [
            (
                event("session_start"),
                {
                    "started": True,
                    "status": Status.ACTIVE,
                    "open_playbacks": 0,
                    "deferred_actions": (),
                },
            ),
            (
                event("user_speak", text="Hi"),
                {
                    "open_playbacks": 0,
                    "deferred_actions": (),
                    "caller_turns": 1,
                    "turns": (Turn(0, "assistant", "Hello"), Turn(1, "user", "Hi")),
                },
            ),
            (event("user_speak", text=" "), {}),
            (event("user_speech_started"), {}),
            (event("dtmf_received", digit="1"), {"deferred_actions": ()}),
            (event("assistant_speak", text="Hello"), {}),
            (event("assistant_speech_ended"), {"open_playbacks": 1}),
            (event("user_input_timeout"), {"open_playbacks": 0, "input_timeouts": 1}),
            (event("sms_failed"), {}),
            (
                event("session_end"),
                {"status": Status.ENDED, "open_playbacks": 0, "deferred_actions": ()},
            ),
        ],
        ids=lambda value: getattr(value, "type", ""),
    )
    def test_an_event_changes_exactly_these_members(
        self, arriving: Event, changed: dict[str, Any]
    ) -> None:
        assert apply_event(self.BUSY, arriving, NOW_MS) == replace(self.BUSY, **changed)

    def test_open_playbacks_never_drop_below_zero(self) -> None:
        assert apply_event(ITEM, event("assistant_speech_ended"), NOW_MS).open_playbacks == 0

    def test_session_members_are_merged_with_those_of_earlier_events(self) -> None:
        first = event("session_start", {"from_phone_number": "+493023125001", "account_id": "a1"})
        second = event("user_speak", {"account_id": "a2", "direction": "inbound"}, text="Hi")
        assert apply_event(apply_event(ITEM, first, NOW_MS), second, NOW_MS).session == {
            "from_phone_number": "+493023125001",
            "account_id": "a2",
            "direction": "inbound",
        }

    def test_a_long_session_member_is_truncated(self) -> None:
        brought = apply_event(
            ITEM, event("session_start", {"account_id": "x" * 10_000}), NOW_MS
        ).session
        assert brought == {"account_id": "x" * 64}

    @pytest.mark.parametrize(
        ("arriving", "keys", "left"),
        [
            ("session_start", ("transfer:a", "send_sms:b"), ("send_sms:b",)),
            ("session_start", ("transfer:a", "transfer:b"), ("transfer:a",)),
            ("session_start", (), ()),
            (
                "sms_failed",
                ("send_sms:a", "send_sms:b", "transfer:c"),
                ("send_sms:a", "transfer:c"),
            ),
            ("sms_failed", ("transfer:c",), ("transfer:c",)),
            ("user_speak", ("transfer:a", "send_sms:b"), ("transfer:a", "send_sms:b")),
            ("session_end", ("transfer:a", "send_sms:b"), ("transfer:a", "send_sms:b")),
        ],
    )
    def test_a_failed_billable_action_may_be_tried_again(
        self, arriving: str, keys: tuple[str, ...], left: tuple[str, ...]
    ) -> None:
        assert apply_event(item(billable_keys=keys), event(arriving), NOW_MS).billable_keys == left


class TestTakeDueActions:
    @pytest.mark.parametrize("name", ["assistant_speech_ended", "user_input_timeout"])
    def test_deferred_actions_are_due_when_all_playbacks_ended(self, name: str) -> None:
        due, rest = take_due_actions(item(deferred_actions=(MIX, HANGUP)), event(name), NOW_MS)
        assert due == (MIX, HANGUP)
        assert rest == ITEM

    @pytest.mark.parametrize("name", ["assistant_speech_ended", "user_input_timeout"])
    def test_no_action_is_due_during_a_playback(self, name: str) -> None:
        base = item(open_playbacks=1, deferred_actions=(HANGUP,))
        assert take_due_actions(base, event(name), NOW_MS) == ((), base)

    @pytest.mark.parametrize(
        "name", sorted(EVENT_TYPES.keys() - {"assistant_speech_ended", "user_input_timeout"})
    )
    def test_no_action_is_due_at_other_events(self, name: str) -> None:
        base = item(deferred_actions=(HANGUP,))
        assert take_due_actions(base, event(name), NOW_MS) == ((), base)

    def test_without_deferred_actions_none_is_due(self) -> None:
        assert take_due_actions(ITEM, event("assistant_speech_ended"), NOW_MS) == ((), ITEM)

    @pytest.mark.parametrize(
        ("waiting", "due"),
        [
            ((SPEAK, HANGUP), 1),
            ((MIX, SPEAK, HANGUP), 2),
            ((MIX, AUDIO, SPEAK, HANGUP), 2),
            ((MIX, SMS, HANGUP), 3),
        ],
    )
    def test_a_released_playback_defers_the_remaining_actions_again(
        self, waiting: tuple[JsonObject, ...], due: int
    ) -> None:
        released, rest = take_due_actions(
            item(deferred_actions=waiting), event("assistant_speech_ended"), NOW_MS
        )
        assert released == waiting[:due]
        assert rest.deferred_actions == waiting[due:]


class TestIdempotencyKey:
    def test_equal_messages_to_one_number_have_equal_keys(self) -> None:
        assert idempotency_key(SMS) == idempotency_key({**SMS})
        assert idempotency_key(SMS).startswith("send_sms:")

    @pytest.mark.parametrize(
        "other",
        [
            {**SMS, "message": "Hello!"},
            {**SMS, "phone_number": "493023125002"},
            {**SMS, "session_id": "session-124"},
            {**SMS, "extra": 1},
            {**SMS, "type": "transfer"},
        ],
    )
    def test_a_different_action_has_a_different_key(self, other: JsonObject) -> None:
        assert idempotency_key(SMS) != idempotency_key(other)

    def test_a_key_does_not_reveal_the_recipient(self) -> None:
        assert "493023125001" not in idempotency_key(SMS)


class TestApplyActions:
    @pytest.mark.parametrize(
        ("actions", "status"),
        [
            ([SPEAK], Status.ACTIVE),
            ([TRANSFER], Status.TRANSFERRING),
            ([SPEAK, TRANSFER], Status.TRANSFERRING),
            ([HANGUP], Status.HANGING_UP),
            ([TRANSFER, HANGUP], Status.HANGING_UP),
            ([HANGUP, TRANSFER], Status.HANGING_UP),
            ([], Status.ACTIVE),
        ],
    )
    def test_the_status_follows_the_last_action(
        self, actions: list[JsonObject], status: Status
    ) -> None:
        assert apply_actions(ITEM, actions, NOW_MS).status is status

    def test_a_transferring_call_keeps_its_status(self) -> None:
        assert (
            apply_actions(item(status=Status.TRANSFERRING), [SPEAK], NOW_MS).status
            is Status.TRANSFERRING
        )

    def test_each_playback_is_counted(self) -> None:
        assert (
            apply_actions(
                item(open_playbacks=1), [SPEAK, MIX, AUDIO, HANGUP], NOW_MS
            ).open_playbacks
            == 3
        )

    def test_the_keys_of_billable_actions_are_recorded(self) -> None:
        departed = apply_actions(
            item(billable_keys=("transfer:a",)), [SPEAK, SMS, TRANSFER], NOW_MS
        )
        assert departed.billable_keys == (
            "transfer:a",
            idempotency_key(SMS),
            idempotency_key(TRANSFER),
        )

    @pytest.mark.parametrize(
        ("actions", "text"),
        [
            ([SPEAK], "Hello"),
            ([SPEAK, MIX, SPEAK], "Hello Hello"),
            ([action("speak", ssml="<speak>Good <break/>&amp; <b>bye</b></speak>")], "Good & bye"),
            ([action("speak", text="", ssml="<speak>no</speak>")], None),
            ([AUDIO, HANGUP, SMS], None),
            ([], None),
        ],
    )
    def test_spoken_text_is_recorded_without_markup(
        self, actions: list[JsonObject], text: str | None
    ) -> None:
        turns = apply_actions(ITEM, actions, NOW_MS).turns
        assert [turn.text for turn in turns] == ([] if text is None else [text])
        assert all(turn.role == "assistant" for turn in turns)

    def test_no_actions_change_nothing(self) -> None:
        assert apply_actions(ITEM, [], NOW_MS) == ITEM


class TestRecordAnswer:
    def test_an_answer_is_recorded_for_replay_without_billable_actions(self) -> None:
        said = event("user_speak", text="yes")
        remembered = record_answer(ITEM, said, [SMS, SPEAK, TRANSFER], NOW_MS)
        (processed,) = remembered.processed_events
        assert processed == ProcessedEvent(str(fingerprint(said)), NOW_MS, (SPEAK,))

    def test_a_silent_answer_is_recorded(self) -> None:
        remembered = record_answer(ITEM, event("user_speak", text="yes"), [], NOW_MS)
        assert remembered.processed_events[0].answer == ()

    @pytest.mark.parametrize("name", ["dtmf_received", "assistant_speech_ended", "session_end"])
    def test_events_that_always_count_record_no_answer(self, name: str) -> None:
        assert record_answer(ITEM, event(name), [SPEAK], NOW_MS) == ITEM


def processed_event(said: Event, at_ms: int) -> ProcessedEvent:
    """Return the record of an event that was answered with `SPEAK`."""
    return ProcessedEvent(str(fingerprint(said)), at_ms, (SPEAK,))
