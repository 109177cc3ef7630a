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


def rejection(data: Json) -> ValidationError:
    with pytest.raises(ValidationError) as error:
        ACTION_TYPES[str(data["type"])].model_validate(data)
    return error.value


def test_there_are_nine_action_types_and_each_is_in_the_union() -> None:
    assert list(ACTION_TYPES) == list(LEAST)
    assert tuple(ACTION_TYPES.values()) == get_args(Action.__value__)


@pytest.mark.parametrize(("action_type", "data"), GOOD)
def test_a_valid_action_is_sent_unchanged(action_type: str, data: Json) -> None:
    sent = ACTION_TYPES[action_type].model_validate(data).to_wire()
    numbers = {name for name in data if name.endswith("number")}
    assert sent == data | {name: str(data[name]).removeprefix("+") for name in numbers}
    assert sent.keys() == data.keys()


@pytest.mark.parametrize(("action_type", "changes", "path", "message"), BAD)
def test_an_invalid_action_is_rejected_with_path_and_limits(
    action_type: str, changes: Json, path: str, message: str
) -> None:
    data = action(action_type, changes)
    problems = describe(rejection(data), data)
    assert [problem.path for problem in problems] == [path]
    assert message in problems[0].message


@EACH_TYPE
def test_members_without_a_default_are_required(action_type: str) -> None:
    for name in ("session_id", *LEAST[action_type]):
        data = {key: value for key, value in action(action_type).items() if key != name}
        assert rejection(data).error_count() == 1


@EACH_TYPE
def test_an_action_rejects_another_type(action_type: str) -> None:
    with pytest.raises(ValidationError) as error:
        ACTION_TYPES[action_type].model_validate({**action(action_type), "type": "other"})
    assert [problem.path for problem in describe(error.value)] == ["/type"]


@EACH_TYPE
def test_actions_are_frozen(action_type: str) -> None:
    made = ACTION_TYPES[action_type].model_validate(action(action_type))
    for name in action(action_type):
        with pytest.raises(ValidationError, match="frozen"):
            setattr(made, name, "other")


@EACH_TYPE
def test_the_type_comes_first_on_the_wire(action_type: str) -> None:
    made = ACTION_TYPES[action_type].model_validate(action(action_type))
    assert list(made.to_wire())[:2] == ["type", "session_id"]


def test_members_that_are_not_given_are_not_sent() -> None:
    speak = Speak(session_id="1", text="Hello", ssml=None, tts=None, barge_in=None, vad=None)
    assert speak.to_wire() == {"type": "speak", "session_id": "1", "text": "Hello"}


def test_every_action_can_be_created_with_keyword_arguments() -> None:
    # Type checkers check these signatures, too.
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
def test_speak_needs_exactly_one_of_text_and_ssml(changes: Json) -> None:
    assert "needs exactly one of text and ssml" in str(rejection(action("speak", changes)))


@pytest.mark.parametrize(
    "changes", [{"audio": None}, {"audio": None, "stop": False}, {"audio": None, "volume": 1}]
)
def test_mix_audio_needs_audio_or_stop(changes: Json) -> None:
    assert "needs audio, or stop: true" in str(rejection(action("mix_audio", changes)))


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
def test_nan_and_infinity_are_out_of_range(action_type: str, name: str, value: float) -> None:
    assert rejection(action(action_type, {name: value})).errors()[0]["loc"] == (name,)


@pytest.mark.parametrize(
    ("ssml", "message"),
    [
        ("Hello", "must be well-formed XML"),
        ("<voice>Hello</voice>", "`speak` as its root"),
        ("<!DOCTYPE speak><speak/>", "DOCTYPE"),
        (5, "must be a text: well-formed XML"),
    ],
)
def test_invalid_ssml_is_rejected(ssml: str, message: str) -> None:
    assert message in str(rejection({"type": "speak", "session_id": "1", "ssml": ssml}))


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
def test_invalid_audio_is_rejected(action_type: str, audio: str, message: str) -> None:
    problems = describe(rejection(action(action_type, {"audio": audio})))
    assert [problem.path for problem in problems] == ["/audio"]
    assert message in problems[0].message


def test_numbers_are_sent_without_a_zero_fraction() -> None:
    speak = Speak(session_id="1", text="Hello", user_input_timeout_seconds=8.0)
    assert json.dumps(speak.to_wire()["user_input_timeout_seconds"]) == "8"
    mix = MixAudio(session_id="1", audio=AUDIO, volume=0.25)
    assert json.dumps(mix.to_wire()["volume"]) == "0.25"


def test_texts_are_sent_without_control_characters() -> None:
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
def test_an_error_never_quotes_the_value(action_type: str, changes: Json) -> None:
    data = action(action_type, changes)
    error = rejection(data)
    assert "secret" not in str(error)
    assert "secret" not in repr(describe(error, data))


def test_a_diagnostic_without_the_data_names_the_member() -> None:
    error = rejection(action("speak", {"tts": {"provider": "azure", "language": "de_DE"}}))
    assert describe(error)[0].path == "/tts/<azure>/language"
    assert describe(error, prefix="/0")[0].path == "/0/tts/<azure>/language"


def test_extra_members_are_sent_with_the_others() -> None:
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


def test_the_last_value_of_an_extra_member_wins() -> None:
    assert Hangup(session_id="1").with_extra({"a": 1}).with_extra({"a": 2}).to_wire()["a"] == 2


def test_later_changes_do_not_affect_extra_members() -> None:
    style = {"name": "calm"}
    hangup = Hangup(session_id="1").with_extra({"style": style})
    style["name"] = "angry"
    assert hangup.to_wire()["style"] == {"name": "calm"}


@pytest.mark.parametrize("name", ["type", "session_id", "text", "vad"])
def test_an_extra_member_must_not_be_a_member_of_the_action(name: str) -> None:
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
def test_an_extra_member_must_be_json(value: object) -> None:
    with pytest.raises(InvalidAction, match="extra: every value must be JSON") as error:
        Hangup(session_id="1").with_extra({"style": value})
    assert "secret" not in str(error.value)


def test_deferred_actions_keep_their_order() -> None:
    goodbye, sms, hangup = (
        Speak(session_id="1", text="Goodbye"),
        SendSms(session_id="1", phone_number="12025550123", message="Bye"),
        Hangup(session_id="1"),
    )
    chain = goodbye.then(sms).then(hangup)
    assert chain.deferred_actions == goodbye.then(sms, hangup).deferred_actions == (sms, hangup)
    assert goodbye.deferred_actions == ()
    assert chain.to_wire() == goodbye.to_wire()


def test_nested_deferred_actions_are_flattened_in_order() -> None:
    one, two = Speak(session_id="1", text="One"), Audio(session_id="1", audio=AUDIO)
    hangup = Hangup(session_id="1")
    assert one.then(two.then(hangup)).deferred_actions[1:] == (hangup,)
    assert [each.type for each in one.then(two.then(hangup)).deferred_actions] == [
        "audio",
        "hangup",
    ]


def test_extra_members_and_deferred_actions_can_be_combined() -> None:
    speak, hangup = Speak(session_id="1", text="Goodbye"), Hangup(session_id="1")
    for both in (speak.with_extra({"a": 1}).then(hangup), speak.then(hangup).with_extra({"a": 1})):
        assert both.to_wire()["a"] == 1
        assert both.deferred_actions == (hangup,)
