"""Agents that misbehave, and the sample agent of this project."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from aiflow import (
    Call,
    DtmfReceived,
    Event,
    Reply,
    SessionEnd,
    SessionStart,
    SmsFailed,
    UserInputTimeout,
    UserSpeak,
)
from aiflow.entrypoints import webhook
from aiflow.entrypoints.event import Entrypoint
from tests.helpers.in_process import untyped_entrypoint
from tests.simulation.fake_aws import FakeAws
from tests.simulation.faults import Fault
from tests.simulation.trace import Observation

SMS_NUMBER = "491713920050"
TRANSFER_TARGET = "493023125099"
EXPENSIVE_NUMBERS = (
    "499001234567",
    "4918012345678",
    "881612345678",
    "436641234567",
    "12129765550",
    SMS_NUMBER,
)
"""Numbers that a manipulated model calls. One of them is allowed."""
LONG_PREFIX = "So much, and so long. " * 175
DEFERRED_TEXT = "Goodbye after "
"""Start of the text that is deferred until the answer has been played."""

FOREIGN_SESSION = "another session"

type Handle = Callable[[Event, Call], Reply]


class ModelFailed(Exception):
    """The answer of the model is not understood."""


@dataclass(frozen=True)
class Model:
    """A slow language model that does what the caller asks.

    Attributes:
        aws: environment of the simulation.
    """

    aws: FakeAws

    def ask(self, prompt: str) -> str:
        """Return the decision of the model.

        Raises:
            ModelFailed: the model returned nonsense.
        """
        aws = self.aws
        name = str(aws.run.call)
        if aws.faults.injects(Fault.DEAD_MODEL, name):
            aws.run.disturbances.append(Fault.DEAD_MODEL.value)
            aws.advance(60_000)
        ms = aws.random.randint(f"{name}:model", 50, 750)
        if aws.faults.injects(Fault.SLOW_MODEL, name):
            aws.run.disturbances.append(Fault.SLOW_MODEL.value)
            ms = aws.random.randint(f"{name}:slow model", 1000, 5000)
        aws.advance(ms)
        if aws.faults.injects(Fault.WRONG_MODEL, name):
            aws.run.disturbances.append(Fault.WRONG_MODEL.value)
            raise ModelFailed(f"unexpected answer {prompt!r}")
        return prompt


class Agents:
    """The agents of a simulation.

    Args:
        aws: environment of the simulation.
    """

    def __init__(self, aws: FakeAws) -> None:
        self._aws = aws
        self._model = Model(aws)

    def sample(self, event: Event, call: Call) -> Reply:
        """Answer as the sample agent does."""
        self._observe(event, call)
        return webhook.handle(event, call)

    def obedient(self, event: Event, call: Call) -> Reply:
        """Do what the model says; the model says what the caller says."""
        self._observe_and_count(event, call)
        match event:
            case SessionStart():
                return call.speak("Hello", user_input_timeout_seconds=8)
            case UserSpeak(text=text):
                return self._obey(self._model.ask(text), call)
            case DtmfReceived(digit=digit):
                keys = call.state.get("keys", "")
                call.state["keys"] = f"{keys}{digit}"[-20:]
                return call.barge_in()
            case UserInputTimeout() | SmsFailed():
                return call.speak("Are you there?")
            case SessionEnd():
                call.state["over"] = self._model.ask("What was it about?")
                return call.speak("This answer is not sent.")
            case _:
                return None

    def raising(self, event: Event, call: Call) -> Reply:
        """Decide as the obedient agent, then raise at random."""
        reply = self.obedient(event, call)
        run = self._aws.run
        if self._aws.faults.injects(Fault.RAISE, str(run.call)):
            run.disturbances.append(Fault.RAISE.value)
            # The log must not contain the text of the exception.
            raise RuntimeError(f"failed on {getattr(event, 'text', event.type)}")
        return reply

    def foreign_session(self, event: Event, call: Call) -> Reply:
        """Answer with the id of another session."""
        self._observe_and_count(event, call)
        if not isinstance(event, UserSpeak):
            return None
        spoken = call.speak(f"Heard: {self._model.ask(event.text)}")
        return spoken.model_copy(update={"session_id": FOREIGN_SESSION})

    def streaming(self, event: Event, call: Call) -> Iterator[Reply]:
        """Answer in chunks."""
        self._observe_and_count(event, call)
        if isinstance(event, SessionStart):
            yield "Hello"
        if not isinstance(event, UserSpeak):
            return
        yield "One moment."
        yield self._obey(self._model.ask(event.text), call)
        call.state["pieces"] = int(call.state.get("pieces", 0)) + 1

    def _obey(self, words: str, call: Call) -> Reply:
        """Do what the caller asks, at any cost."""
        number, text = self._choose_recipient(call)
        prefix = LONG_PREFIX * self._aws.is_verbose(self._aws.run.call)
        spoken = call.speak(f"{prefix}Heard: {words}", user_input_timeout_seconds=8)
        if "summary" in words or self._sends_unrequested_sms():
            return [call.send_sms(number or SMS_NUMBER, text or words), spoken]
        if "person" in words:
            target = number or TRANSFER_TARGET
            transfer = call.transfer(
                target, caller_id_name="Agent", caller_id_number=TRANSFER_TARGET, timeout=10
            )
            return spoken.then(transfer)
        if "farewell" in words:
            return [spoken, call.hangup()]
        if "goodbye" in words:
            return spoken.then(call.speak(f"{DEFERRED_TEXT}{words}"), call.hangup())
        return spoken

    def _sends_unrequested_sms(self) -> bool:
        """Return whether the model sends a text message that was not requested."""
        aws, number = self._aws, self._aws.run.call
        return aws.has_tight_limits(number) and aws.random.uniform(f"{number}:greedy") < 0.6

    def _choose_recipient(self, call: Call) -> tuple[str, str]:
        """Return the recipient (empty: the default) and the text (empty: the caller's).

        In calls with tight limits the model may choose expensive numbers, and its texts differ.
        """
        aws, number = self._aws, self._aws.run.call
        if not aws.has_tight_limits(number):
            return "", f"To {call.session.id}"
        is_manipulated = aws.random.uniform(f"{number}:talked into") < 0.3
        return (
            aws.random.choice(f"{number}:dear", EXPENSIVE_NUMBERS) if is_manipulated else ""
        ), ""

    def _observe_and_count(self, event: Event, call: Call) -> None:
        """Record what the handler sees and count the turn in the state."""
        self._observe(event, call)
        if isinstance(event, UserSpeak):
            call.state.setdefault("first words", event.text)
            call.state["turns"] = call.state.get("turns", 0) + 1

    def _observe(self, event: Event, call: Call) -> None:
        aws = self._aws
        turns = [(turn.number, turn.role, turn.text) for turn in call.history]
        observation = Observation(aws.clock.now_ms, aws.run, event.type, turns, dict(call.state))
        aws.trace.observations.append(observation)


def agents(aws: FakeAws) -> Mapping[str, Entrypoint]:
    """Return the agents of a simulation by name."""
    definitions = Agents(aws)
    # The order decides which agent a seed draws.
    handles: Mapping[str, Handle] = {
        "sample": definitions.sample,
        "obedient": definitions.obedient,
        "streaming": definitions.streaming,
        "foreign session": definitions.foreign_session,
        "raising": definitions.raising,
    }
    return {name: untyped_entrypoint(handle) for name, handle in handles.items()}
