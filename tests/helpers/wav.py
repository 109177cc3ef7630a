"""Valid and invalid WAV files."""

import base64
import struct

SILENCE = bytes(3200)
"""A tenth of a second of silence, in the format of AI Flow."""


def chunk(name: bytes, body: bytes, claimed: int | None = None) -> bytes:
    """Return a RIFF chunk, optionally with a wrong size."""
    size = len(body) if claimed is None else claimed
    return name + struct.pack("<I", size) + body + bytes(len(body) % 2)


def form(*, encoding: int = 1, channels: int = 1, rate_hz: int = 16_000, bits: int = 16) -> bytes:
    """Return a format chunk."""
    align = channels * bits // 8
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate_hz, rate_hz * align, align, bits)
    )


def riff(*chunks: bytes, claimed: int | None = None) -> bytes:
    """Return a WAV file of these chunks."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if claimed is None else claimed) + body


def wav(data: bytes = SILENCE) -> bytes:
    """Return a WAV file in the format of AI Flow."""
    return riff(form(), chunk(b"data", data))


def as_base64(data: bytes) -> str:
    """Encode bytes as `audio` and `mix_audio` contain them."""
    return base64.b64encode(data).decode()
