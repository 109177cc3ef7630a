"""Print the path of one event through the code: every function that runs, in order.

    python -m benchmarks.trace [--event user_speak] [--transport http] [--json]

The event goes through the Lambda handler of template.yaml with the runtime of a deployed function:
its DynamoDB store, AWS clients and time limits. Only the table is in memory. The container is warm:
it has handled the same event of another call before.
"""

import argparse
import json
import os
from collections.abc import Mapping, Sequence
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from io import StringIO
from itertools import pairwise
from typing import Any, NamedTuple

from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.emulator.dynamodb import create_tables, embedded_dynamodb
from aiflow_local.emulator.sample_events import http_envelope, sample_event, websocket_envelope
from aiflow_local.stack.template import FunctionSpec, Stack
from benchmarks.call_recorder import CallRecorder, RecordedCall, flattened
from benchmarks.deployed import TOKEN, default_stack, event_function, load_handler, webhook_function
from tests.helpers.runtime import FakeContext
from tests.helpers.template import ROOT

TRANSPORTS = ("http", "websocket", "direct")

_FOLDERS = (ROOT / "layers" / "aiflow" / "python" / "aiflow", ROOT / "functions")
_FIRST_EVENT = "session_start"
_WARM_UP, _RECORDED = "warm-up-call", "recorded-call"


class Line(NamedTuple):
    """A line of the listing: a call, or equal calls in a row.

    Attributes:
        depth: number of recorded calls around it.
        file: path below `aiflow/` or `functions/`.
        function: qualified name.
        times: number of equal calls.
    """

    depth: int
    file: str
    function: str
    times: int

    def __str__(self) -> str:
        repeated = f" x{self.times}" if self.times > 1 else ""
        return f"{'  ' * self.depth}{self.file}:{self.function}{repeated}"


@dataclass(frozen=True)
class Counts:
    """Sizes of a listing.

    Attributes:
        files: different files.
        changes: lines whose file is not that of the line before.
        functions: different functions.
        lines: lines of the listing.
    """

    files: int
    changes: int
    functions: int
    lines: int


@dataclass(frozen=True)
class Trace:
    """The recorded path of an event.

    Attributes:
        event: type of the event.
        transport: how it arrived.
        handler: Lambda handler that received it, as in template.yaml.
        outcome: outcome that the handler logged.
        lines: the listing.
    """

    event: str
    transport: str
    handler: str
    outcome: str
    lines: tuple[Line, ...]

    @property
    def counts(self) -> Counts:
        """Sizes of the listing."""
        return _counts(self.lines)

    @property
    def counts_without_protocol(self) -> Counts:
        """Sizes of the listing without the lines of `protocol/`."""
        return _counts([line for line in self.lines if not line.file.startswith("protocol/")])

    def as_json(self) -> dict[str, Any]:
        """Return what `--json` prints."""
        return {
            "event": self.event,
            "transport": self.transport,
            "handler": self.handler,
            "outcome": self.outcome,
            "counts": asdict(self.counts),
            "counts_without_protocol": asdict(self.counts_without_protocol),
            "lines": [line._asdict() for line in self.lines],
        }

    def __str__(self) -> str:
        return "\n".join(
            [
                f"The path of one {self.event} event ({self.transport}) in a warm container:",
                f"every function of aiflow/ and functions/ that {self.handler} calls.",
                "Indentation is call depth. x2 means two equal calls in a row. A generator is",
                "listed where it starts. Lambdas and generator expressions are left out.",
                "",
                *map(str, self.lines),
                "",
                f"Outcome: {self.outcome}",
                f"All: {_in_words(self.counts)}",
                f"Without protocol/: {_in_words(self.counts_without_protocol)}",
            ]
        )


def record(event_type: str = "user_speak", transport: str = "http") -> Trace:
    """Send the event in two calls, and return its path in the second.

    It sets the environment of the function for its duration. The runtime of the function remains
    in this process.
    """
    stack = default_stack()
    spec = _function(stack, event_type, transport)
    log = StringIO()
    with embedded_dynamodb() as client, redirect_stdout(log):
        create_tables(client, stack.tables)
        os.environ.update(spec.environment)
        first = load_handler(_function(stack, _FIRST_EVENT, transport))
        handler = load_handler(spec)
        for session_id in (_WARM_UP, _RECORDED):
            if event_type != _FIRST_EVENT:
                first(_envelope(_FIRST_EVENT, transport, session_id), FakeContext())
            envelope, context = _envelope(event_type, transport, session_id), FakeContext()
            with CallRecorder(_FOLDERS) as recorder:
                handler(envelope, context)
    lines = tuple(_line(depth, call) for depth, call in flattened(recorder.calls))
    return Trace(event_type, transport, spec.handler, _last_outcome(log.getvalue()), lines)


def main() -> None:
    """Record and print."""
    parser = argparse.ArgumentParser(description="The path of one event through the code.")
    parser.add_argument("--event", choices=EVENT_TYPES, default="user_speak", help="its type")
    parser.add_argument("--transport", choices=TRANSPORTS, default="http", help="how it arrives")
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    options = parser.parse_args()
    trace = record(options.event, options.transport)
    print(json.dumps(trace.as_json()) if options.json else trace)


def _function(stack: Stack, event_type: str, transport: str) -> FunctionSpec:
    return webhook_function(stack) if transport == "http" else event_function(stack, event_type)


def _envelope(event_type: str, transport: str, session_id: str) -> Mapping[str, Any]:
    event = sample_event(event_type, session={"id": session_id})
    if transport == "http":
        return http_envelope(event, TOKEN)
    return websocket_envelope(event) if transport == "websocket" else event


def _last_outcome(log: str) -> str:
    entries = [json.loads(line) for line in log.splitlines()]
    return next(str(entry["outcome"]) for entry in reversed(entries) if "outcome" in entry)


def _line(depth: int, call: RecordedCall) -> Line:
    return Line(depth, call.file, call.function, call.times)


def _counts(lines: Sequence[Line]) -> Counts:
    return Counts(
        files=len({line.file for line in lines}),
        changes=sum(before.file != after.file for before, after in pairwise(lines)),
        functions=len({(line.file, line.function) for line in lines}),
        lines=len(lines),
    )


def _in_words(counts: Counts) -> str:
    return (
        f"{counts.files} files, {counts.changes} changes of file, {counts.functions} functions"
        f" in {counts.lines} lines"
    )


if __name__ == "__main__":
    main()
