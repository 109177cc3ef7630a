"""Lambda's runtime emulator: how long INIT and the first events take, as the runtime reports."""

import re
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import cast
from uuid import uuid4

from benchmarks.contenders import Contender, Envelope
from benchmarks.processes import check_answers
from benchmarks.store import Store
from tests.helpers.emulator import Emulator, Function

_INIT = re.compile(r"INIT REPORT\(durationMs: ([0-9.]+)\)")
_INVOKE = re.compile(r"INVOKE RTDONE\(.*?duration: ([0-9.]+)ms\)")


@dataclass(frozen=True)
class Container:
    """The report of the runtime for one container, in milliseconds.

    Attributes:
        init_ms: start of the interpreter and the runtime client, and import of the handler.
        first_ms: the first event.
        warm_ms: the second event.
    """

    init_ms: float
    first_ms: float
    warm_ms: float

    @property
    def cold_ms(self) -> float:
        """INIT and the first event."""
        return self.init_ms + self.first_ms


def run(contender: Contender, store: Store) -> Container:
    """Start an emulator with a contender and send it two turns of one call."""
    session_id = uuid4().hex
    transcripts = ["This is what I say first", "This is what I say then"]
    function = Function(contender.name, contender.handler, contender.paths)
    environment = contender.environment(store.table(contender.key), store.endpoint)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with Emulator(function, environment, log) as emulator:
            envelopes = [contender.envelope(session_id, text) for text in transcripts]
            answers = [
                cast("Envelope", emulator.invoke(envelope))["body"] for envelope in envelopes
            ]
            reported = emulator.log
    check_answers(contender, transcripts, answers)
    first, warm = map(float, _INVOKE.findall(reported))
    (init,) = map(float, _INIT.findall(reported))
    return Container(init, first, warm)
