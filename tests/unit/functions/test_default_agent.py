"""The default agent: call each handler directly, as you test your own handlers."""

import pytest

import assistant_speak.app
import assistant_speech_ended.app
import dtmf_received.app
import session_end.app
import session_start.app
import sms_failed.app
import user_input_timeout.app
import user_speak.app
import user_speech_started.app
from aiflow import (
    AssistantSpeak,
    AssistantSpeechEnded,
    Audio,
    BargeIn,
    Call,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    DtmfReceived,
    Event,
    Hangup,
    MixAudio,
    Reply,
    SendSms,
    Session,
    SessionEnd,
    SessionStart,
    SmsFailed,
    Speak,
    Transfer,
    Turn,
    UserInputTimeout,
    UserSpeak,
    UserSpeechStarted,
)
from aiflow.entrypoints import webhook

SESSION = Session(id="123", from_phone_number="493023125001")


def spoken(reply: Reply) -> str:
    """Return the spoken text of a reply."""
    if isinstance(reply, str):
        return reply
    actions = reply if isinstance(reply, list) else [reply]
    return " ".join(action.text or "" for action in actions if isinstance(action, Speak))


def say(text: str, call: Call | None = None) -> Reply:
    """Run the `user_speak` handler."""
    return user_speak.app.handle(UserSpeak(session=SESSION, text=text), call or Call(SESSION))


def press(key: str) -> Reply:
    """Run the `dtmf_received` handler."""
    return dtmf_received.app.handle(DtmfReceived(session=SESSION, digit=key), Call(SESSION))


class TestSessionStart:
    def test_the_caller_is_welcomed_with_an_input_timeout(self) -> None:
        reply = session_start.app.handle(SessionStart(session=SESSION), Call(SESSION))

        assert isinstance(reply, Speak)
        assert "Welcome" in spoken(reply)
        assert reply.user_input_timeout_seconds == 8

    def test_a_failed_transfer_is_announced_on_return(self) -> None:
        call = Call(SESSION, transfer_failed=True)

        assert "could not reach" in spoken(
            session_start.app.handle(SessionStart(session=SESSION), call)
        )


class TestUserSpeak:
    def test_the_text_is_repeated_and_turns_are_counted(self) -> None:
        call = Call(SESSION, state={"turns": 1, "silences": 2})

        assert spoken(say("Hello there", call)) == "You said: Hello there"
        assert call.state == {"turns": 2, "silences": 0}

    def test_blank_text_is_no_turn(self) -> None:
        call = Call(SESSION)

        assert say("  ", call) is None
        assert call.state == {}

    def test_goodbye_is_said_before_the_call_is_hung_up(self) -> None:
        reply = say("OK, goodbye!")

        assert isinstance(reply, Speak)
        assert "Goodbye" in spoken(reply)
        assert [type(action) for action in reply.deferred_actions] == [Hangup]

    def test_a_caller_who_asks_for_a_person_is_transferred_to_the_configured_number(self) -> None:
        reply = say("A person, please", Call(SESSION, config={"transfer_number": "+493023125002"}))

        assert isinstance(reply, Speak)
        (transfer,) = reply.deferred_actions
        assert isinstance(transfer, Transfer)
        assert (transfer.target_phone_number, transfer.timeout) == ("493023125002", 30)
        assert transfer.caller_id_number == "493023125001"

    def test_without_a_configured_number_the_caller_is_not_transferred(self) -> None:
        assert "nobody" in spoken(say("I want a human"))

    @pytest.mark.parametrize(
        ("text", "language", "answer"),
        [
            ("Can we speak German?", "de-DE", "Gerne"),
            ("Deutsch, bitte", "de-DE", "Gerne"),
            ("Englisch, bitte", "en-US", "Of course"),
        ],
    )
    def test_the_language_is_switched_for_recognition_and_speech(
        self, text: str, language: str, answer: str
    ) -> None:
        reply = say(text)

        assert isinstance(reply, list)
        configure, speak = reply
        assert isinstance(configure, ConfigureTranscription)
        assert configure.languages == (language,)
        assert isinstance(speak, Speak)
        assert speak.tts is not None
        assert answer in spoken(speak)

    def test_a_summary_is_texted_to_the_caller(self) -> None:
        reply = say("Send me a summary", Call(SESSION, state={"turns": 4}))

        assert isinstance(reply, list)
        sms = reply[0]
        assert isinstance(sms, SendSms)
        assert (sms.phone_number, sms.message) == ("493023125001", "We talked for 5 turns.")

    def test_a_caller_who_may_not_be_texted_is_promised_no_summary(self) -> None:
        call = Call(SESSION, allows=lambda action: not isinstance(action, SendSms))

        assert "cannot text you" in spoken(say("Send me a summary", call))

    @pytest.mark.parametrize("number", ["", None])
    def test_an_anonymous_caller_gets_no_summary(self, number: str | None) -> None:
        call = Call(Session(id="123", from_phone_number=number))

        assert "cannot see your number" in spoken(say("Send me a summary", call))


class TestDtmfReceived:
    def test_key_one_interrupts_and_announces_the_opening_hours(self) -> None:
        reply = press("1")

        assert isinstance(reply, list)
        assert isinstance(reply[0], BargeIn)
        assert "nine to five" in spoken(reply)

    def test_key_two_plays_a_chime_and_defers_a_question(self) -> None:
        reply = press("2")

        assert isinstance(reply, list)
        assert isinstance(reply[1], Audio)
        assert [type(action) for action in reply[1].deferred_actions] == [Speak]

    def test_keys_three_and_four_switch_a_background_sound_on_and_off(self) -> None:
        on, off = press("3"), press("4")

        assert isinstance(on, MixAudio)
        assert on.volume == 0.2
        assert isinstance(off, MixAudio)
        assert off.stop

    def test_key_nine_switches_to_a_speech_to_speech_model(self) -> None:
        assert isinstance(press("9"), ConfigureVoiceToVoice)

    def test_key_zero_says_goodbye_and_hangs_up(self) -> None:
        reply = press("0")

        assert isinstance(reply, list)
        assert isinstance(reply[1], Speak)
        assert [type(action) for action in reply[1].deferred_actions] == [Hangup]

    @pytest.mark.parametrize("key", ["5", "*", "#", ""])
    def test_other_keys_are_ignored(self, key: str) -> None:
        assert press(key) is None


class TestUserInputTimeout:
    def test_two_timeouts_ask_again_and_the_third_says_goodbye(self) -> None:
        call = Call(SESSION)
        event = UserInputTimeout(session=SESSION)
        replies = [user_input_timeout.app.handle(event, call) for _ in range(3)]

        assert [spoken(reply) for reply in replies] == [
            "Are you still there?",
            "Are you still there?",
            "I cannot hear you. Goodbye.",
        ]
        assert isinstance(replies[2], Speak)
        assert [type(action) for action in replies[2].deferred_actions] == [Hangup]


class TestOtherEvents:
    def test_a_failed_message_leads_to_an_apology(self) -> None:
        reply = sms_failed.app.handle(SmsFailed(session=SESSION), Call(SESSION))

        assert "could not send" in spoken(reply)

    @pytest.mark.parametrize(("history", "outcome"), [((), "silent"), ((0,), "talked")])
    def test_the_outcome_of_the_call_is_stored(
        self, history: tuple[int, ...], outcome: str
    ) -> None:
        call = Call(SESSION, history=[Turn(number, "user", "Hello") for number in history])
        session_end.app.handle(SessionEnd(session=SESSION), call)

        assert call.state == {"outcome": outcome}

    def test_informational_events_are_not_answered(self) -> None:
        call = Call(SESSION)

        assert assistant_speak.app.handle(AssistantSpeak(session=SESSION), call) is None
        assert (
            assistant_speech_ended.app.handle(AssistantSpeechEnded(session=SESSION), call) is None
        )
        assert user_speech_started.app.handle(UserSpeechStarted(session=SESSION), call) is None


class TestWebhook:
    @pytest.mark.parametrize(
        ("event", "types"),
        [
            (SessionStart(session=SESSION), ["speak"]),
            (UserSpeak(session=SESSION, text="Hello"), ["speak"]),
            (DtmfReceived(session=SESSION, digit="4"), ["mix_audio"]),
            (UserInputTimeout(session=SESSION), ["speak"]),
            (SmsFailed(session=SESSION), ["speak"]),
            (AssistantSpeak(session=SESSION), []),
            (AssistantSpeechEnded(session=SESSION), []),
            (UserSpeechStarted(session=SESSION), []),
            (SessionEnd(session=SESSION), []),
        ],
    )
    def test_each_event_reaches_the_handler_of_its_type(
        self, event: Event, types: list[str]
    ) -> None:
        reply = webhook.handle(event, Call(SESSION))

        actions = [reply] if isinstance(reply, Speak | MixAudio) else []
        assert [action.type for action in actions] == types
