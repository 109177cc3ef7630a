"""Captures the log output of a simulation."""

import io
from functools import cache

from aiflow.telemetry import Telemetry


class LogBuffer(io.StringIO):
    """The log output of one simulation."""

    def drain(self) -> str:
        """Return the content and clear it."""
        text = self.getvalue()
        self.seek(0)
        self.truncate()
        return text


class _LogStream(io.StringIO):
    """The output stream of the process-wide logger: writes to the current simulation."""

    target: io.StringIO | None = None

    def write(self, text: str, /) -> int:
        """Write to the log of the current simulation."""
        return self.target.write(text) if self.target else 0


@cache
def _logger() -> tuple[Telemetry, _LogStream]:
    # Powertools has one logger per name, and building one is slow.
    stream = _LogStream()
    return Telemetry("simulation", "Simulation", stream=stream), stream


def telemetry_to(buffer: io.StringIO) -> Telemetry:
    """Return the telemetry of the process, which writes to this buffer from now on."""
    telemetry, stream = _logger()
    stream.target = buffer
    return telemetry
