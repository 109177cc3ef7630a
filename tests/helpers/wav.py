"""WAV files for tests: good ones, and every kind of bad one."""

import base64
import struct

SILENCE = bytes(3200)
"""A tenth of a second, in the format that AI Flow takes."""


def chunk(name: bytes, body: bytes, claimed: int | None = None) -> bytes:
    """Write a RIFF chunk; it may claim another size than it has."""
    size = len(body) if claimed is None else claimed
    return name + struct.pack("<I", size) + body + bytes(len(body) % 2)


def form(*, encoding: int = 1, channels: int = 1, rate_hz: int = 16_000, bits: int = 16) -> bytes:
    """Write the format chunk."""
    align = channels * bits // 8
    return chunk(
        b"fmt ", struct.pack("<HHIIHH", encoding, channels, rate_hz, rate_hz * align, align, bits)
    )


def riff(*chunks: bytes, claimed: int | None = None) -> bytes:
    """Put chunks into a WAV file."""
    body = b"WAVE" + b"".join(chunks)
    return b"RIFF" + struct.pack("<I", len(body) if claimed is None else claimed) + body


def wav(data: bytes = SILENCE) -> bytes:
    """Write a WAV file as AI Flow takes it."""
    return riff(form(), chunk(b"data", data))


def as_base64(data: bytes) -> str:
    """Write bytes as `audio` and `mix_audio` carry them."""
    return base64.b64encode(data).decode()
