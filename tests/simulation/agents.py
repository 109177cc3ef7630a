"""Agents that do what no sane agent does, beside the one of this project, which is sane."""

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
from tests.simulation.cloud import Cloud
from tests.simulation.dice import Fault
from tests.simulation.record import Read

SMS_NUMBER = "491713920050"
COLLEAGUE = "493023125099"
DEAR = ("499001234567", "4918012345678", "881612345678", "436641234567", "12129765550", SMS_NUMBER)
"""Where a model lets itself be talked into calling; one of them is as good as any."""
BREATH = "So much, and so long. " * 175
LAST_WORDS = "Goodbye after "
"""What waits until the answer to them has been heard."""

FOREIGN_SESSION = "a session of somebody else"

type Handle = Callable[[Event, Call], Reply]


class ModelFailed(Exception):
    """The model did not answer, or not so that anybody understands it."""


@dataclass(frozen=True)
class Model:
    """A language model that takes its time, and does what the caller tells it to do.

    Attributes:
        cloud: in which it is asked.
    """

    cloud: Cloud

    def ask(self, prompt: str) -> str:
        """Return what the agent is to do.

        Raises:
            ModelFailed: it does not answer.
        """
        cloud = self.cloud
        name = str(cloud.run.call)
        if cloud.faults.strikes(Fault.DEAD_MODEL, name):
            cloud.run.excuses.append(Fault.DEAD_MODEL.value)
            cloud.spend(60_000)
        ms = cloud.dice.between(f"{name}:model", 50, 750)
        if cloud.faults.strikes(Fault.SLOW_MODEL, name):
            cloud.run.excuses.append(Fault.SLOW_MODEL.value)
            ms = cloud.dice.between(f"{name}:slow model", 1000, 5000)
        cloud.spend(ms)
        if cloud.faults.strikes(Fault.WRONG_MODEL, name):
            cloud.run.excuses.append(Fault.WRONG_MODEL.value)
            raise ModelFailed(f"it says {prompt!r}, whatever that is")
        return prompt


class Agents:
    """The agents of a simulation.

    Args:
        cloud: in which they work.
    """

    def __init__(self, cloud: Cloud) -> None:
        self._cloud = cloud
        self._model = Model(cloud)

    def front_door(self, event: Event, call: Call) -> Reply:
        """Answer as the agent of this project does."""
        self._note(event, call)
        return webhook.handle(event, call)

    def obedient(self, event: Event, call: Call) -> Reply:
        """Do what the model says, which does what the caller says."""
        self._see(event, call)
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
                return call.speak("Nobody hears this.")
            case _:
                return None

    def stubborn(self, event: Event, call: Call) -> Reply:
        """Decide, and then fail."""
        reply = self.obedient(event, call)
        run = self._cloud.run
        if self._cloud.faults.strikes(Fault.RAISE, str(run.call)):
            run.excuses.append(Fault.RAISE.value)
            # What is said must not get into the log by what is raised.
            raise RuntimeError(f"nothing comes of {getattr(event, 'text', event.type)}")
        return reply

    def stranger(self, event: Event, call: Call) -> Reply:
        """Answer for somebody else's session."""
        self._see(event, call)
        if not isinstance(event, UserSpeak):
            return None
        spoken = call.speak(f"Heard: {self._model.ask(event.text)}")
        return spoken.model_copy(update={"session_id": FOREIGN_SESSION})

    def speaker(self, event: Event, call: Call) -> Iterator[Reply]:
        """Answer piece by piece."""
        self._see(event, call)
        if isinstance(event, SessionStart):
            yield "Hello"
        if not isinstance(event, UserSpeak):
            return
        yield "One moment."
        yield self._obey(self._model.ask(event.text), call)
        call.state["pieces"] = int(call.state.get("pieces", 0)) + 1

    def _obey(self, words: str, call: Call) -> Reply:
        """Do what the caller says, whatever it costs."""
        number, text = self._whom(call)
        breath = BREATH * self._cloud.is_windy(self._cloud.run.call)
        spoken = call.speak(f"{breath}Heard: {words}", user_input_timeout_seconds=8)
        if "summary" in words or self._is_greedy():
            return [call.send_sms(number or SMS_NUMBER, text or words), spoken]
        if "person" in words:
            target = number or COLLEAGUE
            transfer = call.transfer(
                target, caller_id_name="Agent", caller_id_number=COLLEAGUE, timeout=10
            )
            return spoken.then(transfer)
        if "farewell" in words:
            return [spoken, call.hangup()]
        if "goodbye" in words:
            return spoken.then(call.speak(f"{LAST_WORDS}{words}"), call.hangup())
        return spoken

    def _is_greedy(self) -> bool:
        """Tell whether the model texts although nobody asked for it."""
        cloud, number = self._cloud, self._cloud.run.call
        return cloud.is_tight(number) and cloud.dice.roll(f"{number}:greedy") < 0.6

    def _whom(self, call: Call) -> tuple[str, str]:
        """Return the number that the model was talked into, if it was, and what it writes there.

        Where it may cost next to nothing, it tries to make it cost more each time.
        """
        cloud, number = self._cloud, self._cloud.run.call
        if not cloud.is_tight(number):
            return "", f"To {call.session.id}"
        is_talked_into = cloud.dice.roll(f"{number}:talked into") < 0.3
        return (cloud.dice.pick(f"{number}:dear", DEAR) if is_talked_into else ""), ""

    def _see(self, event: Event, call: Call) -> None:
        """Take down what the call looks like from here, and leave a mark in it."""
        self._note(event, call)
        if isinstance(event, UserSpeak):
            call.state.setdefault("first words", event.text)
            call.state["turns"] = call.state.get("turns", 0) + 1

    def _note(self, event: Event, call: Call) -> None:
        cloud = self._cloud
        turns = [(turn.number, turn.role, turn.text) for turn in call.history]
        read = Read(cloud.clock.now_ms, cloud.run, event.type, turns, dict(call.state))
        cloud.record.reads.append(read)


def agents(cloud: Cloud) -> Mapping[str, Entrypoint]:
    """Return the agents of a simulation, by their names."""
    nasty = Agents(cloud)
    handles: Mapping[str, Handle] = {
        "front door": nasty.front_door,
        "obedient": nasty.obedient,
        "stubborn": nasty.stubborn,
        "stranger": nasty.stranger,
        "speaker": nasty.speaker,
    }
    return {name: untyped_entrypoint(handle) for name, handle in handles.items()}
