"""Lambda's own runtime emulator: how long the runtime says that a function took to be ready."""

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
    """What the runtime reports of one container, in milliseconds.

    Attributes:
        init_ms: starting the interpreter, the runtime client and the handler's modules.
        first_ms: the first event.
        warm_ms: the second event.
    """

    init_ms: float
    first_ms: float
    warm_ms: float

    @property
    def cold_ms(self) -> float:
        """What the caller of the first event waits for."""
        return self.init_ms + self.first_ms


def run(contender: Contender, store: Store) -> Container:
    """Start a contender in an emulator of its own and let it answer two turns of one call."""
    session_id = uuid4().hex
    words = ["This is what I say first", "This is what I say then"]
    function = Function(contender.name, contender.handler, contender.paths)
    environment = contender.environment(store.table(contender.key), store.endpoint)
    with TemporaryDirectory() as folder:
        log = Path(folder) / "log"
        with Emulator(function, environment, log) as emulator:
            envelopes = [contender.envelope(session_id, text) for text in words]
            answers = [
                cast("Envelope", emulator.invoke(envelope))["body"] for envelope in envelopes
            ]
            reported = emulator.log
    check_answers(contender, words, answers)
    first, warm = map(float, _INVOKE.findall(reported))
    (init,) = map(float, _INIT.findall(reported))
    return Container(init, first, warm)
