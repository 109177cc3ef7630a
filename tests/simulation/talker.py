"""One process that talks in a call that others talk in, too: to be run several times at once.

    python -m tests.simulation.talker TABLE SESSION NUMBER TURNS BEGIN

Prints a line for each turn: what was said, when it began and ended, whether it was answered.
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
    """Repeat what was said."""
    return f"You said: {event.text}" if isinstance(event, UserSpeak) else None


def main() -> None:
    """Wait for the others, and talk."""
    table, session_id, number, turns, begin = sys.argv[1:]
    client = dynamodb_client()
    # All of them together say more than one caller may.
    settings = make_settings(max_turns=10_000)
    store = DynamoDbSessionStore(client, table, time.time, FAULTS)
    runtime = make_runtime(store, settings=settings)
    handler = untyped_entrypoint(answer)
    runtime.sessions.load(session_id)  # The first request of a process takes a while.
    while time.time() < float(begin):
        pass
    for turn in range(int(turns)):
        # Of one turn only, it is the same for all.
        text = f"{number} says {turn}" if int(turns) > 1 else "all say this"
        event = {"type": "user_speak", "text": text, "session": {"id": session_id}}
        begun = time.time()
        body = invoke(handler, event, runtime, context=FakeContext(f"{number}-{turn}")).body
        is_answered = body is not None and body["text"] == f"You said: {text}"
        line = [text, begun, time.time(), is_answered]
        sys.stdout.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main()
