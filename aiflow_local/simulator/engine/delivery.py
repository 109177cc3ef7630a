"""An event on its way to the bot, and what is made of what comes back."""

from typing import Any

from aiflow_local.simulator.engine.body_validation import Judgement
from aiflow_local.simulator.engine.bot_port import (
    Answered,
    Door,
    Failed,
    Message,
    Outcome,
    Unanswered,
)
from aiflow_local.simulator.engine.formatting import told_event
from aiflow_local.simulator.engine.message_validation import CHATTER, judge_message
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.response_validation import judge, judge_failure
from aiflow_local.simulator.engine.transcript import Kind, Scribe


class Delivery:
    """Brings events to a bot.

    Args:
        door: the way there.
        scribe: takes down what goes out, what comes back, and what is wrong with it.
    """

    def __init__(self, door: Door, scribe: Scribe) -> None:
        self.door = door
        self._scribe = scribe
        self._has_chattered = False

    def deliver(self, event: dict[str, Any], switches: Switches) -> Judgement:
        """Send an event; once more, if the service would."""
        self._scribe.take_down(Kind.EVENT, told_event(event), {"event": event})
        judgement = self._send(event, switches)
        if judgement.is_lost and switches.failed_requests == "repeat":
            self._scribe.note(f"{event['type']} is sent once more")
            judgement = self._send(event, switches)
        return judgement

    def receive(self, arrived: Message | Failed, session_id: str, switches: Switches) -> Judgement:
        """Take down what has come besides, and judge it."""
        if isinstance(arrived, Failed):
            return self._told(judge_failure(arrived))
        self._take_down(arrived)
        return self._told(judge_message(arrived, session_id, switches))

    def _send(self, event: dict[str, Any], switches: Switches) -> Judgement:
        outcome = self.door.send(event)
        self._take_down(outcome)
        match outcome:
            case Message():
                return self._told(judge_message(outcome, event["session"]["id"], switches))
            case Unanswered():
                return Judgement(is_open=outcome.is_open)
            case _:
                return self._told(judge(outcome, event, switches))

    def _take_down(self, outcome: Outcome) -> None:
        scribe = self._scribe
        match outcome:
            case Answered(status=status, body=body, ms=ms):
                data = {"status": status, "ms": round(ms, 1), "body": body}
                scribe.take_down(Kind.ANSWER, f"{status} in {ms:.0f} ms", data)
            case Message(ms=None):
                scribe.take_down(Kind.MESSAGE, "by itself", {"body": _text(outcome)})
            case Message(ms=float(ms)):
                data = {"ms": round(ms, 1), "body": _text(outcome)}
                scribe.take_down(Kind.ANSWER, f"a message in {ms:.0f} ms", data)
            case Unanswered():
                scribe.take_down(Kind.ANSWER, "no message", {"ms": 0.0, "body": ""})
            case _:
                """It is no more than a problem."""

    def _told(self, judgement: Judgement) -> Judgement:
        for problem in judgement.problems:
            # A bot may say at each event that it is there.
            if problem.code != CHATTER or not self._has_chattered:
                self._scribe.problem(problem)
            self._has_chattered = self._has_chattered or problem.code == CHATTER
        return judgement


def _text(message: Message) -> str:
    content = message.content
    return content if isinstance(content, str) else f"<{len(content)} bytes>"
