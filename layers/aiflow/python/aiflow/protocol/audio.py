"""Audio for `audio` and `mix_audio`: a WAV file, PCM, 16 kHz, mono, 16 bit, as base64."""

import base64
import struct
from os import PathLike
from pathlib import Path
from typing import NamedTuple

from aiflow.errors import AudioError

SAMPLE_RATE_HZ = 16_000
_BITS = 16
_BYTES_PER_SAMPLE = _BITS // 8
BYTES_PER_SECOND = SAMPLE_RATE_HZ * _BYTES_PER_SAMPLE
_FORMAT_CHUNK_BYTES = 16
_CONVERT = "ffmpeg -i INPUT -ac 1 -ar 16000 -c:a pcm_s16le OUTPUT.wav"
_ENCODINGS = {1: "PCM", 3: "IEEE float", 6: "A-law", 7: "mu-law", 0xFFFE: "extensible"}
_MAGIC: dict[str, bytes | tuple[bytes, ...]] = {
    "MP3": (b"ID3", b"\xff\xfb", b"\xff\xfa", b"\xff\xf3", b"\xff\xf2"),
    "AAC": (b"\xff\xf1", b"\xff\xf9"),
    "Ogg": b"OggS",
    "FLAC": b"fLaC",
    "AIFF": b"FORM",
    "RF64, the WAV of more than 4 GB": b"RF64",
    "RIFF of another kind": b"RIFF",
    "WebM": b"\x1aE\xdf\xa3",
}


class Wav(NamedTuple):
    """The format and size of a WAV file.

    Attributes:
        encoding: The format tag of the `fmt` chunk; 1 is PCM.
        channels: The number of channels; 1 is mono.
        sample_rate_hz: Samples per second.
        bits: Bits per sample.
        data_bytes: The actual number of sound bytes, which the header may overstate.
    """

    encoding: int
    channels: int
    sample_rate_hz: int
    bits: int
    data_bytes: int

    @property
    def duration_ms(self) -> int:
        """The duration of the sound; correct only for the format that AI Flow accepts."""
        return self.data_bytes * 1000 // BYTES_PER_SECOND

    def __str__(self) -> str:
        """Describe the format for an error message."""
        encoding = _ENCODINGS.get(self.encoding, f"encoding {self.encoding}")
        channels = {1: "mono", 2: "stereo"}.get(self.channels, f"{self.channels} channels")
        return f"WAV, {encoding}, {self.sample_rate_hz} Hz, {channels}, {self.bits} bit"


def load_audio(source: bytes | str | PathLike[str]) -> str:
    """Read a WAV file from bytes or a path, and return its base64 for `audio` and `mix_audio`.

    Raises:
        AudioError: The format is not supported; the message names it, and the `ffmpeg` command
            that converts it.
        OSError: The file cannot be read.
    """
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    check_wav(data)
    return base64.b64encode(data).decode("ascii")


def decode_audio(text: str) -> Wav:
    """Check the base64 of `audio` or `mix_audio`, and return the format of its WAV file.

    Raises:
        AudioError: The text is not base64, or not a WAV file that AI Flow accepts.
    """
    try:
        data = base64.b64decode(text, validate=True)
    except ValueError:
        message = "must be the base64 of a WAV file, without white space or a prefix"
        raise AudioError(message) from None
    return check_wav(data)


def check_wav(data: bytes) -> Wav:
    """Check that AI Flow accepts a WAV file, and return its format.

    Raises:
        AudioError: The file is not WAV, not PCM 16 kHz mono 16 bit, or has no sample.
    """
    wav = _read_wav(data)
    if (wav.encoding, wav.channels, wav.sample_rate_hz, wav.bits) != (1, 1, SAMPLE_RATE_HZ, _BITS):
        raise AudioError(
            f"must be WAV, PCM, 16000 Hz, mono, 16 bit, but this is {wav}. Convert it: {_CONVERT}"
        )
    if wav.data_bytes < _BYTES_PER_SAMPLE:
        raise AudioError("must hold at least one sample, but the sound in this WAV file is empty")
    return wav


def _read_wav(data: bytes) -> Wav:
    if data[:4] != b"RIFF" or data[8:12] != b"WAVE":
        raise AudioError(f"must be a WAV file, but this is {_guess(data)}. Convert it: {_CONVERT}")
    form: tuple[int, int, int, int] | None = None
    position = 12
    while position + 8 <= len(data):
        name, claimed = struct.unpack_from("<4sI", data, position)
        position += 8
        # Streaming encoders do not know the length, and write 0xFFFFFFFF.
        size = min(claimed, len(data) - position)
        if name == b"fmt " and size >= _FORMAT_CHUNK_BYTES:
            encoding, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", data, position)
            form = (encoding, channels, rate, bits)
        elif name == b"data" and form is not None:
            return Wav(*form, data_bytes=size)
        position += size + size % 2
    raise AudioError("must be a whole WAV file, but this one has no format or no sound in it")


def _guess(data: bytes) -> str:
    if not data:
        return "empty"
    if data[4:8] == b"ftyp":
        return "MP4 or M4A"
    known = (name for name, magic in _MAGIC.items() if data.startswith(magic))
    return next(known, "of another or no format")
