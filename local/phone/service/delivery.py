"""An event on its way to the bot, and what is made of the answer."""

from typing import Any

from local.phone.service.answers import Judgement, judge
from local.phone.service.door import Answered, Door
from local.phone.service.party import Party
from local.phone.service.switches import Switches
from local.phone.service.telling import told_event
from local.phone.service.transcript import Kind, Scribe


class Delivery:
    """Brings events to a bot.

    Args:
        door: the way there.
        party: who calls whom.
        scribe: takes down what goes out, what comes back, and what is wrong with it.
    """

    def __init__(self, door: Door, party: Party, scribe: Scribe) -> None:
        self.door = door
        self._party = party
        self._scribe = scribe

    def deliver(self, name: str, members: dict[str, object], switches: Switches) -> Judgement:
        """Send an event; once more, if the service would."""
        session = self._party.as_session(switches)
        event: dict[str, Any] = {"type": name, "session": session, **members}
        self._scribe.take_down(Kind.EVENT, told_event(event), {"event": event})
        judgement = self._send(event, switches)
        if judgement.is_lost and switches.failed_requests == "repeat":
            self._scribe.note(f"{name} is sent once more")
            judgement = self._send(event, switches)
        return judgement

    def _send(self, event: dict[str, Any], switches: Switches) -> Judgement:
        outcome = self.door.send(event)
        judgement = judge(outcome, event, switches)
        if isinstance(outcome, Answered):
            text = f"{outcome.status} in {outcome.ms:.0f} ms"
            data = {"status": outcome.status, "ms": round(outcome.ms, 1), "body": outcome.body}
            self._scribe.take_down(Kind.ANSWER, text, data)
        for problem in judgement.problems:
            self._scribe.problem(problem)
        return judgement
