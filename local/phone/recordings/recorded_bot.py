"""The bot of a recorded call: it answers as it did then."""

from collections import deque
from collections.abc import Sequence

from aiflow.protocol.types import JsonObject
from local.phone.service.door import Answered, Failed
from local.phone.service.transcript import Entry, Kind

_HEADERS = {"content-type": "application/json"}


class RecordedBot:
    """A door behind which everything is answered as it was then.

    Args:
        entries: of the call.
    """

    reports_speech_started = False

    def __init__(self, entries: Sequence[Entry]) -> None:
        self._outcomes: deque[deque[Answered | Failed]] = deque()
        for entry in entries:
            if entry.kind is Kind.EVENT:
                self._outcomes.append(deque())
            elif outcome := self._outcome(entry):
                self._outcomes[-1].append(outcome)
        self._last: JsonObject | None = None

    def send(self, event: JsonObject) -> Answered | Failed:
        """Answer as it was answered then; what was not asked then, with nothing."""
        if event is not self._last and self._last is not None and self._outcomes:
            self._outcomes.popleft()
        self._last = event
        outcomes = self._outcomes[0] if self._outcomes else None
        if not outcomes:
            return Answered(204, {}, "", 0)
        # It may be asked once more, and have failed in the same way.
        return outcomes.popleft() if len(outcomes) > 1 else outcomes[0]

    def _outcome(self, entry: Entry) -> Answered | Failed | None:
        if not self._outcomes:
            return None
        if entry.kind is Kind.ANSWER:
            data = entry.data
            return Answered(data["status"], _HEADERS, data["body"], data["ms"])
        if entry.kind is Kind.PROBLEM and not self._outcomes[-1]:
            return Failed(entry.data["problem"]["code"], entry.data["problem"]["message"], 0)
        return None
