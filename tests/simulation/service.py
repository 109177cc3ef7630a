"""The service and its callers: the calls of the phone, on one clock and a bad network."""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiflow.entrypoints.event import Entrypoint
from aiflow_local.simulator.engine.bot_connection import (
    DeliveryFailure,
    HttpResponse,
    WebSocketMessage,
)
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties
from tests.simulation.cloud import FUNCTION_TIMEOUT_MS, Cloud
from tests.simulation.dice import Fault
from tests.simulation.habits import Habits
from tests.simulation.record import Json, Run

CALLER = "493023125001"
RESTART_MS = 2000
COPY_DELAYS_MS = (0, 50, 500, 3000, 9000)
LOST_ONCE = {"session_start": Fault.START_LOST, "session_end": Fault.END_LOST}
_JSON = {"content-type": "application/json"}


class Network:
    """The way from one call to the functions, in both directions; a `Door` of the phone.

    Args:
        cloud: where the functions are.
        number: of the call.
        handler: who answers.
        kind: `http`, `rest` or `websocket`.
        habits: of the service.
    """

    def __init__(
        self, cloud: Cloud, number: int, handler: Entrypoint, kind: str, habits: Habits
    ) -> None:
        self.kind = kind
        self.connection = f"{number}-0" if kind == "websocket" else ""
        self.call: SimulatedCall | None = None
        self.processed_events = 0
        self.sent = 0
        self.lost = 0
        self.copied = 0
        self._cloud = cloud
        self._number = number
        self._handler = handler
        self._habits = habits
        self._last: Json | None = None
        self._runs = 0
        self._inbox: list[WebSocketMessage | DeliveryFailure] = []

    @property
    def reports_speech_started(self) -> bool:
        """See `Door`."""
        return self.kind == "websocket"

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """See `Door`."""
        arrived, self._inbox = self._inbox, []
        return arrived

    def bring(self, body: str) -> None:
        """Bring something to the service that it has not asked for."""
        if self.call:
            self._inbox.append(WebSocketMessage(body, None))
            self.call.hear()

    def send(self, event: Json) -> HttpResponse | DeliveryFailure:
        """See `Door`: a request, or a message whose answers come as they like."""
        cloud, name = self._cloud, str(self._number)
        is_repeated = event is self._last
        self._last = event
        self.processed_events += not is_repeated
        self.sent += 1
        if self.kind == "websocket":
            self._connect(name)
        delivery, begun_ms = self.processed_events, cloud.clock.now_ms
        send = partial(self._run, event, delivery, self.connection)
        self._copy(send)
        if self._is_lost(event):
            self.lost += 1
            return self._unanswered(begun_ms)
        ms = self._latency()
        if cloud.faults.strikes(Fault.DELAY, name):
            ms += cloud.dice.between(f"{name}:delay", 50, 2000)
        if self.kind == "websocket":
            cloud.clock.after(ms, lambda: _let(send))
            return HttpResponse(204, {}, "", 0)
        cloud.baton.wait(ms)
        return self._answer(send(is_copy=is_repeated), begun_ms)

    def _connect(self, name: str) -> None:
        """Connect anew if nobody is connected; that may end in a moment."""
        cloud = self._cloud
        if not self.connection:
            self.connection = f"{name}-{self.processed_events}"
        if cloud.faults.strikes(Fault.RECONNECT, name):
            cloud.clock.after(cloud.dice.between(f"{name}:gone", 0, 1500), self._disconnect)

    def _disconnect(self) -> None:
        self.connection = ""

    def _is_lost(self, event: Json) -> bool:
        kind, faults = str(event["type"]), self._cloud.faults
        slot = self._cloud.clock.now_ms // RESTART_MS
        # A service that starts anew tells of no call that ended meanwhile: such come in groups.
        if kind == "session_end" and faults.last(Fault.RESTART, slot):
            return True
        return faults.strikes(LOST_ONCE.get(kind, Fault.DROP), str(self._number))

    def _answer(self, run: Run, begun_ms: int) -> HttpResponse | DeliveryFailure:
        cloud = self._cloud
        if run.end == "answered" and cloud.faults.strikes(Fault.ANSWER_LOST, str(self._number)):
            run.excuses.append(Fault.ANSWER_LOST.value)
            return self._unanswered(begun_ms)
        cloud.baton.wait(self._latency())
        ms = cloud.clock.now_ms - begun_ms
        if run.end != "answered":
            return HttpResponse(502, {}, "", ms)
        run.has_arrived = True
        return HttpResponse(run.status, _JSON, "".join(run.bodies), ms)

    def _unanswered(self, begun_ms: int) -> DeliveryFailure:
        if self.kind == "websocket":
            return DeliveryFailure("timeout", "no answer in time", 0)
        cloud, call = self._cloud, self.call
        patience_ms = call.options.answer_deadline_ms if call else 0
        cloud.baton.wait(max(0, begun_ms + patience_ms - cloud.clock.now_ms))
        return DeliveryFailure("timeout", "no answer in time", patience_ms)

    def _copy(self, send: Callable[..., Run]) -> None:
        cloud, name = self._cloud, str(self._number)
        if not cloud.faults.strikes(Fault.DUPLICATE, name):
            return
        self.copied += 1
        ms = cloud.dice.pick(f"{name}:copy", COPY_DELAYS_MS) + self._latency()
        cloud.clock.after(ms, lambda: self._answer_copy(send))

    def _answer_copy(self, send: Callable[..., Run]) -> None:
        run = send(is_copy=True)
        if self.call and self._habits.obeys_copies and run.end == "answered" and run.bodies:
            run.has_arrived = True
            for body in run.bodies:
                self.bring(body)

    def _run(self, event: Json, delivery: int, connection: str, *, is_copy: bool = False) -> Run:
        cloud, now_ms = self._cloud, self._cloud.clock.now_ms
        self._runs += 1
        run = Run(
            id=f"{self._number}.{self._runs}",
            call=self._number,
            event=event,
            delivery=delivery,
            is_copy=is_copy,
            door=self.kind,
            connection=connection,
            begun_ms=now_ms,
            stops_ms=now_ms + FUNCTION_TIMEOUT_MS,
        )
        return cloud.invoke(self._handler, run)

    def _latency(self) -> int:
        return self._cloud.dice.between(f"{self._number}:latency", 1, 30)


def _let(send: Callable[..., Run]) -> None:
    send()


class SimulatedCall(PhoneCall):
    """A call of the phone that also hears what comes without being asked for."""

    def hear(self) -> None:
        """Obey what came by itself: a message, or the answer to a copy that the network made."""
        self._bot_session.process_unsolicited()


def service_options(cloud: Cloud, number: int, habits: Habits) -> ServiceOptions:
    """Return how the service behaves in a call."""
    dice, name = cloud.dice, str(number)

    def either(switch: str) -> bool:
        return dice.roll(f"{name}:{switch}") < 0.5

    values: dict[str, Any] = {
        "failed_requests": "repeat" if habits.repeats else "ignore",
        "transfer": "busy" if cloud.faults.strikes(Fault.TRANSFER_FAILS, name) else "answered",
        "sms": "failed" if cloud.faults.strikes(Fault.SMS_FAILS, name) else "ok",
        "second_speak": "replace" if either("second") else "queue",
        "speech_ended_after_interruption": either("interruption"),
        "assistant_speak": either("assistant_speak"),
        "session_end_after_transfer": either("end"),
        "words_per_minute": 400,
    }
    return ServiceOptions.model_validate(values)


def party(number: int) -> CallParties:
    """Return who calls whom."""
    return CallParties(session_id=f"call-{number}", caller=CALLER)
