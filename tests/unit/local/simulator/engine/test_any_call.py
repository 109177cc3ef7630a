"""Properties of every call, for any bot, caller and options."""

from collections.abc import Callable
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.transcript import EntryKind
from tests.helpers.properties import repeatable
from tests.unit.local.simulator.fake_bots import (
    HALF_A_SECOND,
    SECOND,
    TRANSFER,
    Bot,
    Json,
    Reply,
    act,
    call,
    ok,
    say,
)

ACTIONS: list[Json] = [
    say("Hello"),
    say("one two three four five six", user_input_timeout_seconds=2),
    say("one two three", barge_in={"strategy": "immediate", "allow_after_ms": 500}),
    say("one two three", barge_in={"strategy": "none"}, vad={"end_of_turn_silence_ms": 1500}),
    act("speak", ssml="<speak>one <break time='2s'/> two</speak>"),
    act("speak", ssml="<speak/>"),
    act("audio", audio=SECOND, barge_in={"strategy": "manual"}),
    act("mix_audio", audio=HALF_A_SECOND),
    act("mix_audio", stop=True),
    act("barge_in"),
    act("hangup"),
    TRANSFER,
    TRANSFER | {"timeout": 5},
    act("send_sms", phone_number="491713920050", message="Hi"),
    act("configure_transcription", provider="AZURE"),
    act("configure_transcription", languages=["de-DE"]),
    act("configure_voice_to_voice", system_prompt="Be kind", greeting="Hello you"),
    say("for another call", session_id="another"),
    {"type": "nonsense"},
]
ANSWERS: st.SearchStrategy[Reply] = st.one_of(
    st.none(),
    st.lists(st.sampled_from(ACTIONS), min_size=1, max_size=4),
    st.sampled_from(ACTIONS[:9]),
    st.just(ok("<html>")),
    st.just(ok("[]", ms=9000)),
)
DEEDS: list[Callable[[PhoneCall], object]] = [
    lambda phone: phone.says("good morning to you"),
    lambda phone: phone.says("", duration_ms=300),
    lambda phone: phone.interrupts("stop it please", after_ms=300),
    lambda phone: phone.starts_saying("and another thing"),
    lambda phone: phone.starts_saying("ok", duration_ms=0),
    lambda phone: phone.advance(70),
    lambda phone: phone.advance(900),
    lambda phone: phone.presses("1#", after_ms=100),
    lambda phone: phone.presses_now("*"),
    lambda phone: phone.waits(3),
    lambda phone: phone.settle(),
]
SWITCHES = st.fixed_dictionaries(
    {
        "transfer": st.sampled_from(["answered", "busy", "no_answer", "rejected"]),
        "sms": st.sampled_from(["ok", "failed"]),
        "second_speak": st.sampled_from(["queue", "replace"]),
        "hangup_waits": st.booleans(),
        "speech_ended_after_interruption": st.booleans(),
        "assistant_speak": st.booleans(),
        "words_during_protected_playback": st.booleans(),
        "keys_cancel_input_timeout": st.booleans(),
        "failed_requests": st.sampled_from(["ignore", "repeat", "hangup"]),
        "session_end_after_transfer": st.booleans(),
        "session_members": st.sampled_from(["all", "id"]),
    }
)


@repeatable
@given(
    st.lists(ANSWERS, max_size=12),
    st.lists(st.sampled_from(DEEDS), max_size=8),
    SWITCHES,
    st.booleans(),
)
def test_every_call_keeps_the_promises_of_the_protocol(
    replies: list[Reply],
    deeds: list[Callable[[PhoneCall], object]],
    options: Json,
    socket: bool,  # noqa: FBT001 - hypothesis passes it by position
) -> None:
    left = list(replies)
    bot = Bot(lambda _: left.pop(0) if left else None, reports_speech_started=socket)
    phone, _ = call(bot, **options)
    for deed in deeds:
        deed(phone)
    was_over = phone.is_over
    phone.hangs_up()
    told = list(bot.event_types)
    phone.says("Is anybody there?")
    phone.waits(60)

    # The end is the last event, comes once, and nothing comes after it.
    assert phone.is_over
    assert bot.event_types == told
    assert told[0] == "session_start"
    if options["failed_requests"] != "repeat":
        assert told.count("session_end") == (told[-1] == "session_end")
    assert was_over or told[-1] == "session_end"
    # Nothing is reported that was not asked for, nor more often.
    actions = [action.to_wire() for action in phone.actions]
    kinds = [action["type"] for action in actions]
    heard = phone.transcript.of(EntryKind.HEARD)
    fallbacks = [action for action in actions if action.get("timeout")]
    timeouts = [action for action in actions if action.get("user_input_timeout_seconds")]
    if options["failed_requests"] != "repeat":
        assert told.count("session_start") <= 1 + len(fallbacks)
        assert told.count("sms_failed") <= kinds.count("send_sms")
        assert told.count("user_input_timeout") <= len(timeouts)
        assert told.count("assistant_speech_ended") <= len(heard)
        turns = told.count("user_speak") + len(fallbacks) + 1
        assert told.count("user_speech_started") <= turns
    # What is heard is heard one after another, and time never runs backwards.
    spans = [(entry.at_ms - entry.data["played_ms"], entry.at_ms) for entry in heard]
    assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    times = [entry.at_ms for entry in phone.transcript.entries]
    assert times == sorted(times)
    assert phone.playback_queue.current is None
    assert phone.recognizer.turn is None
    assert str(phone.transcript)
