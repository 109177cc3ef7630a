import base64
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aiflow.errors import AudioError
from aiflow.protocol.audio import Wav, check_wav, decode_audio, load_audio
from tests.helpers.wav import SILENCE, as_base64, chunk, form, riff, wav

CONVERT = "ffmpeg -i INPUT -ac 1 -ar 16000 -c:a pcm_s16le OUTPUT.wav"
ODD_LIST = chunk(b"LIST", b"INFOISFT\x05\x00\x00\x00Lavf\x00")


def test_the_duration_of_a_wav_file_is_known() -> None:
    read = check_wav(wav())
    assert read == Wav(encoding=1, channels=1, sample_rate_hz=16_000, bits=16, data_bytes=3200)
    assert read.duration_ms == 100


def test_audio_can_be_loaded_from_bytes_and_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "tone.wav"
    path.write_bytes(wav())
    assert load_audio(path) == load_audio(str(path)) == load_audio(wav()) == as_base64(wav())


def test_loaded_audio_is_valid_in_an_action() -> None:
    assert decode_audio(load_audio(wav())).data_bytes == len(SILENCE)


def test_a_missing_file_raises_file_not_found(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        load_audio(tmp_path / "none.wav")


@pytest.mark.parametrize(
    ("data", "samples"),
    [
        pytest.param(riff(form(), ODD_LIST, chunk(b"data", SILENCE)), 1600, id="chunk between"),
        pytest.param(riff(ODD_LIST, form(), chunk(b"data", SILENCE)), 1600, id="chunk before"),
        pytest.param(riff(form(), chunk(b"data", SILENCE), ODD_LIST), 1600, id="chunk behind"),
        pytest.param(riff(form(), chunk(b"data", SILENCE), claimed=0), 1600, id="empty by header"),
        pytest.param(
            riff(form(), chunk(b"data", SILENCE, claimed=0xFFFFFFFF), claimed=0xFFFFFFFF),
            1600,
            id="streamed",
        ),
        pytest.param(riff(form(), chunk(b"data", SILENCE[:32], claimed=3200)), 16, id="cut off"),
        pytest.param(wav(b"\x01\x00"), 1, id="one sample"),
        pytest.param(wav(b"\x01\x00\x01"), 1, id="one sample and a half"),
    ],
)
def test_the_size_in_the_header_does_not_count(data: bytes, samples: int) -> None:
    assert check_wav(data).data_bytes // 2 == samples


@pytest.mark.parametrize(
    ("data", "description"),
    [
        pytest.param(riff(form(rate_hz=8000), chunk(b"data", SILENCE)), "PCM, 8000 Hz, mono, 16"),
        pytest.param(riff(form(bits=8), chunk(b"data", SILENCE)), "PCM, 16000 Hz, mono, 8 bit"),
        pytest.param(riff(form(channels=2), chunk(b"data", SILENCE)), "16000 Hz, stereo, 16 bit"),
        pytest.param(riff(form(channels=6), chunk(b"data", SILENCE)), "16000 Hz, 6 channels"),
        pytest.param(riff(form(encoding=3), chunk(b"data", SILENCE)), "IEEE float, 16000 Hz"),
        pytest.param(riff(form(encoding=7), chunk(b"data", SILENCE)), "mu-law, 16000 Hz"),
        pytest.param(riff(form(encoding=0xFFFE), chunk(b"data", SILENCE)), "extensible, 16000"),
        pytest.param(riff(form(encoding=85), chunk(b"data", SILENCE)), "encoding 85, 16000 Hz"),
        # A sample from the documentation of the service.
        pytest.param(riff(form(rate_hz=8000, bits=8), chunk(b"data", b"")), "8000 Hz, mono, 8 bit"),
        pytest.param(b"ID3\x04\x00", "MP3"),
        pytest.param(b"\xff\xfb\x90\x00", "MP3"),
        pytest.param(b"\xff\xf1\x50\x80", "AAC"),
        pytest.param(b"OggS\x00\x02", "Ogg"),
        pytest.param(b"fLaC\x00\x00", "FLAC"),
        pytest.param(b"\x00\x00\x00\x20ftypM4A ", "MP4 or M4A"),
        pytest.param(b"FORM\x00\x00\x00\x00AIFF", "AIFF"),
        pytest.param(b"\x1aE\xdf\xa3\x01", "WebM"),
        pytest.param(b"RF64" + wav()[4:], "RF64"),
        pytest.param(b"RIFF\x00\x00\x00\x00AVI ", "RIFF of another kind"),
        pytest.param(b"RIFX" + wav()[4:], "of another or no format"),
        pytest.param(b"hello", "of another or no format"),
        pytest.param(b"", "empty"),
    ],
)
def test_the_error_names_the_format_and_the_command_that_converts_it(
    data: bytes, description: str
) -> None:
    with pytest.raises(AudioError) as error:
        load_audio(data)
    assert description in str(error.value)
    assert CONVERT in str(error.value)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(wav(b""), id="no data"),
        pytest.param(wav(b"\x01"), id="half a sample"),
        pytest.param(riff(form(), chunk(b"data", b"", claimed=2**30)), id="claims a gigabyte"),
        pytest.param(riff(form(), chunk(b"data", b"", claimed=0xFFFFFFFF)), id="streams nothing"),
    ],
)
def test_a_wav_file_without_a_sample_is_rejected(data: bytes) -> None:
    with pytest.raises(AudioError, match="at least one sample"):
        check_wav(data)


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(riff(), id="no chunks"),
        pytest.param(riff(form()), id="no data chunk"),
        pytest.param(riff(chunk(b"data", SILENCE)), id="no format chunk"),
        pytest.param(riff(chunk(b"data", SILENCE), form()), id="format behind the data"),
        pytest.param(riff(form()[:-4], chunk(b"data", SILENCE)), id="short format chunk"),
        pytest.param(riff(chunk(b"LIST", b"", claimed=2**31), form()), id="chunk past the end"),
        pytest.param(wav()[:40], id="cut off in a header"),
    ],
)
def test_an_incomplete_wav_file_is_rejected(data: bytes) -> None:
    with pytest.raises(AudioError, match="must be a whole WAV file"):
        check_wav(data)


@pytest.mark.parametrize(
    "text",
    [
        "not base64!",
        "data:audio/wav;base64," + as_base64(wav()),
        as_base64(wav()) + "\n",
        as_base64(wav())[:76] + "\n" + as_base64(wav())[76:],
        as_base64(wav())[:-1],
        base64.urlsafe_b64encode(riff(form(), chunk(b"data", b"\xff" * 32))).decode(),
        "ÄÄÄÄ",
        "\ud800",
    ],
)
def test_invalid_base64_is_rejected(text: str) -> None:
    with pytest.raises(AudioError, match="must be the base64 of a WAV file"):
        decode_audio(text)


@given(st.binary())
def test_random_bytes_are_rejected(data: bytes) -> None:
    with pytest.raises(AudioError):
        check_wav(data)


@given(st.integers(0, 2**32))
def test_a_damaged_file_never_has_more_sound_than_the_file_has_bytes(seed: int) -> None:
    damaged = bytearray(riff(form(), ODD_LIST, chunk(b"data", SILENCE)))
    chance = random.Random(seed)  # noqa: S311 - no secret depends on it
    for _ in range(4):
        damaged[chance.randrange(60)] = chance.randrange(256)
    try:
        read = check_wav(bytes(damaged))
    except AudioError:
        return
    assert 0 < read.data_bytes <= len(damaged) - 12
