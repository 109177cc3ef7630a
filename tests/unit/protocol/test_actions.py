import json
import math
from typing import get_args

import pytest
from pydantic import ValidationError

from aiflow.errors import InvalidAction
from aiflow.protocol.actions import (
    ACTION_TYPES,
    Action,
    Audio,
    AzureTts,
    BargeIn,
    BargeInConfig,
    ConfigureTranscription,
    ConfigureVoiceToVoice,
    ElevenLabsTts,
    ElevenLabsVoice,
    Hangup,
    MixAudio,
    SendSms,
    Speak,
    Transfer,
    VadConfig,
)
from aiflow.protocol.diagnostics import describe
from tests.helpers.wav import SILENCE, as_base64, chunk, form, riff
from tests.unit.protocol.samples import AUDIO, BAD, GOOD, LEAST, Json, action

EACH_TYPE = pytest.mark.parametrize("action_type", LEAST)


def refusal(data: Json) -> ValidationError:
    with pytest.raises(ValidationError) as refused:
        ACTION_TYPES[str(data["type"])].model_validate(data)
    return refused.value


def test_there_are_nine_action_types_and_each_is_in_the_union() -> None:
    assert list(ACTION_TYPES) == list(LEAST)
    assert tuple(ACTION_TYPES.values()) == get_args(Action.__value__)


@pytest.mark.parametrize(("action_type", "data"), GOOD)
def test_what_the_protocol_allows_is_sent_as_it_was_given(action_type: str, data: Json) -> None:
    sent = ACTION_TYPES[action_type].model_validate(data).to_wire()
    numbers = {name for name in data if name.endswith("number")}
    assert sent == data | {name: str(data[name]).removeprefix("+") for name in numbers}
    assert sent.keys() == data.keys()


@pytest.mark.parametrize(("action_type", "changes", "path", "message"), BAD)
def test_what_the_protocol_forbids_is_refused_with_its_place_and_its_range(
    action_type: str, changes: Json, path: str, message: str
) -> None:
    data = action(action_type, changes)
    problems = describe(refusal(data), data)
    assert [problem.path for problem in problems] == [path]
    assert message in problems[0].message


@EACH_TYPE
def test_every_member_without_a_default_is_needed(action_type: str) -> None:
    for name in ("session_id", *LEAST[action_type]):
        data = {key: value for key, value in action(action_type).items() if key != name}
        assert refusal(data).error_count() == 1


@EACH_TYPE
def test_an_action_has_no_other_type_than_its_own(action_type: str) -> None:
    with pytest.raises(ValidationError) as refused:
        ACTION_TYPES[action_type].model_validate({**action(action_type), "type": "other"})
    assert [problem.path for problem in describe(refused.value)] == ["/type"]


@EACH_TYPE
def test_an_action_cannot_be_changed(action_type: str) -> None:
    made = ACTION_TYPES[action_type].model_validate(action(action_type))
    for name in action(action_type):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made, name, "other")


@EACH_TYPE
def test_the_type_comes_first_on_the_wire(action_type: str) -> None:
    made = ACTION_TYPES[action_type].model_validate(action(action_type))
    assert list(made.to_wire())[:2] == ["type", "session_id"]


def test_what_python_does_not_give_is_not_sent() -> None:
    speak = Speak(session_id="1", text="Hello", ssml=None, tts=None, barge_in=None, vad=None)
    assert speak.to_wire() == {"type": "speak", "session_id": "1", "text": "Hello"}


def test_every_action_is_made_by_name() -> None:
    # The type checkers read this test, too.
    made: list[Action] = [
        Speak(
            session_id="1",
            ssml="<speak>Hello</speak>",
            tts=AzureTts(language="de-DE", voice="de-DE-KatjaNeural"),
            barge_in=BargeInConfig(strategy="immediate", allow_after_ms=500),
            user_input_timeout_seconds=8,
            vad=VadConfig(end_of_turn_silence_ms=700),
        ),
        Speak(session_id="1", text="Hello", tts=ElevenLabsTts(voice="21m00Tcm4TlvDq8ikWAM")),
        Speak(session_id="1", text="Hello", tts=ElevenLabsTts(voice=ElevenLabsVoice(name="Mimi"))),
        Audio(session_id="1", audio=AUDIO),
        MixAudio(session_id="1", audio=AUDIO, volume=0.2),
        MixAudio(session_id="1", stop=True),
        Hangup(session_id="1"),
        Transfer(
            session_id="1",
            target_phone_number="+493023125002",
            caller_id_name="Support",
            caller_id_number="493023125001",
            timeout=30,
        ),
        BargeIn(session_id="1"),
        ConfigureTranscription(session_id="1", languages=["de-DE"], custom_vocabulary=("AI Flow",)),
        ConfigureVoiceToVoice(session_id="1", system_prompt="You are kind.", temperature=0.5),
        SendSms(session_id="1", phone_number="12025550123", message="Hello"),
    ]
    assert {str(each.to_wire()["type"]) for each in made} == set(ACTION_TYPES)
    assert made[0].to_wire()["tts"] == {
        "provider": "azure",
        "language": "de-DE",
        "voice": "de-DE-KatjaNeural",
    }
    assert len(set(made)) == len(made)


@pytest.mark.parametrize(
    "changes",
    [{"text": None}, {"text": None, "ssml": None}, {"ssml": "<speak/>"}],
)
def test_speak_takes_exactly_one_of_text_and_ssml(changes: Json) -> None:
    assert "needs exactly one of text and ssml" in str(refusal(action("speak", changes)))


@pytest.mark.parametrize(
    "changes", [{"audio": None}, {"audio": None, "stop": False}, {"audio": None, "volume": 1}]
)
def test_mix_audio_takes_audio_unless_it_stops(changes: Json) -> None:
    assert "needs audio, or stop: true" in str(refusal(action("mix_audio", changes)))


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 10**400])
@pytest.mark.parametrize(
    ("action_type", "name"),
    [
        ("mix_audio", "volume"),
        ("transfer", "timeout"),
        ("speak", "user_input_timeout_seconds"),
        ("configure_voice_to_voice", "temperature"),
    ],
)
def test_a_number_without_end_is_out_of_every_range(
    action_type: str, name: str, value: float
) -> None:
    assert refusal(action(action_type, {name: value})).errors()[0]["loc"] == (name,)


@pytest.mark.parametrize(
    ("ssml", "message"),
    [
        ("Hello", "must be well-formed XML"),
        ("<voice>Hello</voice>", "`speak` as its root"),
        ("<!DOCTYPE speak><speak/>", "document type"),
        (5, "must be a text: well-formed XML"),
    ],
)
def test_ssml_is_read_before_it_leaves(ssml: str, message: str) -> None:
    assert message in str(refusal({"type": "speak", "session_id": "1", "ssml": ssml}))


@pytest.mark.parametrize("action_type", ["audio", "mix_audio"])
@pytest.mark.parametrize(
    ("audio", "message"),
    [
        ("UklGRg", "must be the base64 of a WAV file"),
        (as_base64(b"ID3\x04"), "this is MP3"),
        (as_base64(riff(form(rate_hz=8000), chunk(b"data", SILENCE))), "8000 Hz"),
        (as_base64(riff(form(), chunk(b"data", b"", claimed=2**30))), "at least one sample"),
    ],
)
def test_audio_is_listened_to_before_it_leaves(action_type: str, audio: str, message: str) -> None:
    problems = describe(refusal(action(action_type, {"audio": audio})))
    assert [problem.path for problem in problems] == ["/audio"]
    assert message in problems[0].message


def test_numbers_leave_without_a_fraction_that_is_zero() -> None:
    speak = Speak(session_id="1", text="Hello", user_input_timeout_seconds=8.0)
    assert json.dumps(speak.to_wire()["user_input_timeout_seconds"]) == "8"
    mix = MixAudio(session_id="1", audio=AUDIO, volume=0.25)
    assert json.dumps(mix.to_wire()["volume"]) == "0.25"


def test_texts_leave_without_what_no_speech_engine_takes() -> None:
    speak = Speak(session_id="1", text="a\x00b\ud800\nc")
    assert speak.text == "ab\ufffd\nc"


@pytest.mark.parametrize(
    ("action_type", "changes"),
    [
        ("speak", {"text": ["secret"]}),
        ("speak", {"ssml": "<speak>secret", "text": None}),
        ("speak", {"tts": {"provider": "secret"}}),
        ("speak", {"tts": {"provider": "azure", "language": "secret!"}}),
        ("speak", {"tts": {"provider": "eleven_labs", "voice": ["secret"]}}),
        ("speak", {"barge_in": {"strategy": "secret"}}),
        ("speak", {"barge_in": "secret"}),
        ("speak", {"vad": {"end_of_turn_silence_ms": "secret"}}),
        ("speak", {"other": "secret"}),
        ("speak", {"session_id": "secret\x00"}),
        ("audio", {"audio": "secret"}),
        ("mix_audio", {"stop": "secret"}),
        ("transfer", {"target_phone_number": "secret"}),
        ("transfer", {"timeout": "secret"}),
        ("configure_transcription", {"provider": "secret"}),
        ("configure_transcription", {"languages": "secret"}),
        ("configure_transcription", {"languages": ["secret!"]}),
        ("configure_transcription", {"custom_vocabulary": ["secret" * 40]}),
        ("send_sms", {"message": {"secret": "secret"}}),
    ],
)
def test_a_refusal_never_quotes_the_value(action_type: str, changes: Json) -> None:
    data = action(action_type, changes)
    refused = refusal(data)
    assert "secret" not in str(refused)
    assert "secret" not in repr(describe(refused, data))


def test_a_problem_without_its_data_still_names_the_member() -> None:
    refused = refusal(action("speak", {"tts": {"provider": "azure", "language": "de_DE"}}))
    assert describe(refused)[0].path == "/tts/<azure>/language"
    assert describe(refused, prefix="/0")[0].path == "/0/tts/<azure>/language"


def test_extra_options_are_sent_beside_the_known_ones() -> None:
    plain = Speak(session_id="1", text="Hello")
    more = plain.with_extra({"speed": 1.5}).with_extra({"style": {"name": "calm", "of": [1, None]}})
    assert more.to_wire() == {
        "type": "speak",
        "session_id": "1",
        "text": "Hello",
        "speed": 1.5,
        "style": {"name": "calm", "of": [1, None]},
    }
    assert plain.to_wire() == {"type": "speak", "session_id": "1", "text": "Hello"}
    assert more != plain


def test_an_extra_option_given_again_is_the_later_one() -> None:
    assert Hangup(session_id="1").with_extra({"a": 1}).with_extra({"a": 2}).to_wire()["a"] == 2


def test_extra_options_are_kept_as_they_were_when_given() -> None:
    style = {"name": "calm"}
    hangup = Hangup(session_id="1").with_extra({"style": style})
    style["name"] = "angry"
    assert hangup.to_wire()["style"] == {"name": "calm"}


@pytest.mark.parametrize("name", ["type", "session_id", "text", "vad"])
def test_an_extra_option_is_none_that_the_action_has_already(name: str) -> None:
    with pytest.raises(InvalidAction, match=name):
        Speak(session_id="1", text="Hello").with_extra({name: "other"})


def _around_itself() -> list[object]:
    ring: list[object] = []
    ring.append(ring)
    return ring


def _deep() -> list[object]:
    deep: list[object] = []
    for _ in range(200_000):
        deep = [deep]
    return deep


@pytest.mark.parametrize(
    "value",
    [
        pytest.param({1, 2}, id="set"),
        pytest.param(object(), id="object"),
        pytest.param(math.nan, id="nan"),
        pytest.param(math.inf, id="infinity"),
        pytest.param("secret\ud800", id="lone surrogate"),
        pytest.param({("secret",): 1}, id="name that is no text"),
        pytest.param(_around_itself(), id="holds itself"),
        pytest.param(_deep(), id="nested without end"),
    ],
)
def test_an_extra_option_must_be_json(value: object) -> None:
    with pytest.raises(InvalidAction, match="extra: every value must be JSON") as refused:
        Hangup(session_id="1").with_extra({"style": value})
    assert "secret" not in str(refused.value)


def test_followers_wait_in_the_order_in_which_they_were_given() -> None:
    goodbye, sms, hangup = (
        Speak(session_id="1", text="Goodbye"),
        SendSms(session_id="1", phone_number="12025550123", message="Bye"),
        Hangup(session_id="1"),
    )
    chain = goodbye.then(sms).then(hangup)
    assert chain.deferred_actions == goodbye.then(sms, hangup).deferred_actions == (sms, hangup)
    assert goodbye.deferred_actions == ()
    assert chain.to_wire() == goodbye.to_wire()


def test_the_followers_of_a_follower_come_behind_it() -> None:
    one, two = Speak(session_id="1", text="One"), Audio(session_id="1", audio=AUDIO)
    hangup = Hangup(session_id="1")
    assert one.then(two.then(hangup)).deferred_actions[1:] == (hangup,)
    assert [each.type for each in one.then(two.then(hangup)).deferred_actions] == [
        "audio",
        "hangup",
    ]


def test_extra_options_and_followers_do_not_lose_each_other() -> None:
    speak, hangup = Speak(session_id="1", text="Goodbye"), Hangup(session_id="1")
    for both in (speak.with_extra({"a": 1}).then(hangup), speak.then(hangup).with_extra({"a": 1})):
        assert both.to_wire()["a"] == 1
        assert both.deferred_actions == (hangup,)
