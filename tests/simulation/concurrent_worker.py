"""A process that sends turns of one call while other processes do the same.

    python -m tests.simulation.concurrent_worker TABLE SESSION NUMBER TURNS START

For each turn it prints one JSON line: text, start, end, and whether it was answered.
"""

import json
import sys
import time

from aiflow import Call, Event, Reply, UserSpeak
from aiflow.aws_clients import FAULTS, dynamodb_client
from aiflow.sessions.dynamodb import DynamoDbSessionStore
from tests.helpers.in_process import untyped_entrypoint
from tests.helpers.runtime import FakeContext, invoke, make_runtime, make_settings


def answer(event: Event, call: Call) -> Reply:
    """Repeat the text of the caller."""
    return f"You said: {event.text}" if isinstance(event, UserSpeak) else None


def main() -> None:
    """Wait for the common start time, then send the turns."""
    table, session_id, number, turns, start = sys.argv[1:]
    client = dynamodb_client()
    # Together the processes exceed the default limit of a call.
    settings = make_settings(max_turns=10_000)
    store = DynamoDbSessionStore(client, table, time.time, FAULTS)
    runtime = make_runtime(store, settings=settings)
    handler = untyped_entrypoint(answer)
    runtime.sessions.load(session_id)  # The first request of a process is slow.
    while time.time() < float(start):
        pass
    for turn in range(int(turns)):
        # A single turn has the same text in all processes.
        text = f"{number} says {turn}" if int(turns) > 1 else "all say this"
        event = {"type": "user_speak", "text": text, "session": {"id": session_id}}
        started = time.time()
        body = invoke(handler, event, runtime, context=FakeContext(f"{number}-{turn}")).body
        is_answered = body is not None and body["text"] == f"You said: {text}"
        line = [text, started, time.time(), is_answered]
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
