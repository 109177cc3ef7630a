"""Calls that the real front door has kept in a table, for whoever looks at that."""

import time
from dataclasses import dataclass, field
from itertools import count

from aiflow.entrypoints import webhook
from aiflow.pipeline.runtime import Runtime
from tests.helpers.runtime import Answer, Clock, Log, invoke, make_runtime, make_settings
from tests.helpers.tables import Table

CALLER = "491713920050"
OTHER = "4915799912346"
AGENT = "493023125000"
COLLEAGUE = "493023125099"
CANARY = "Kanarienvogel"
"""A word that occurs in nothing but what a caller said."""

_ids = count(1)


def real_clock() -> Clock:
    """A clock at the time that the command goes by; it may be put back."""
    return Clock(time.time())


@dataclass
class Phone:
    """Sends events through the front door, which keeps what comes of them in the table.

    Attributes:
        table: where calls are kept.
        runtime: of the functions.
    """

    table: Table
    log: Log = field(default_factory=Log)
    runtime: Runtime = field(init=False)

    def __post_init__(self) -> None:
        settings = make_settings(
            agent={"transfer_number": COLLEAGUE}, allowed_numbers=frozenset({COLLEAGUE})
        )
        self.runtime = make_runtime(self.table.sessions, self.table.clock, settings, self.log)

    def event(self, session_id: str, kind: str, **members: object) -> Answer:
        """Send an event of a call that has begun."""
        event = {"type": kind, "session": {"id": session_id}, **members}
        return invoke(webhook.lambda_handler, event, self.runtime)

    def begin(self, caller: str = CALLER, *, direction: str = "inbound") -> str:
        """Begin a call, and return its id."""
        session_id = f"call-{next(_ids)}"
        numbers = (caller, AGENT) if direction == "inbound" else (AGENT, caller)
        session = {
            "id": session_id,
            "direction": direction,
            "from_phone_number": numbers[0],
            "to_phone_number": numbers[1],
        }
        begun = {"type": "session_start", "session": session}
        assert invoke(webhook.lambda_handler, begun, self.runtime).status == 200
        return session_id

    def say(self, session_id: str, *texts: str) -> None:
        """Let the caller say something, and the agent answer."""
        for text in texts:
            self.table.clock.advance(2)
            self.event(session_id, "user_speak", text=text)

    def end(self, session_id: str) -> None:
        """End a call."""
        self.table.clock.advance(1)
        assert self.event(session_id, "session_end").status == 204

    def hold(self, *texts: str, caller: str = CALLER, direction: str = "inbound") -> str:
        """Hold a whole call; return its id."""
        session_id = self.begin(caller, direction=direction)
        self.say(session_id, *texts)
        self.end(session_id)
        return session_id
