"""The network between the simulated phone service and the functions."""

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
from tests.simulation.behaviour import Behaviour
from tests.simulation.fake_aws import FUNCTION_TIMEOUT_MS, FakeAws
from tests.simulation.faults import Fault
from tests.simulation.trace import Json, Run

CALLER = "493023125001"
RESTART_MS = 2000
COPY_DELAYS_MS = (0, 50, 500, 3000, 9000)
LOSS_FAULTS = {"session_start": Fault.START_LOST, "session_end": Fault.END_LOST}
_JSON = {"content-type": "application/json"}


class Network:
    """Connection of one call to the functions, in both directions; implements the bot port.

    Args:
        aws: environment of the functions.
        number: number of the call.
        handler: entrypoint that answers.
        transport: `http`, `rest` or `websocket`.
        behaviour: of the service.
    """

    def __init__(
        self, aws: FakeAws, number: int, handler: Entrypoint, transport: str, behaviour: Behaviour
    ) -> None:
        self.transport = transport
        self.connection = f"{number}-0" if transport == "websocket" else ""
        self.call: SimulatedCall | None = None
        self.deliveries = 0
        self.sent = 0
        self.lost = 0
        self.copied = 0
        self._aws = aws
        self._number = number
        self._handler = handler
        self._behaviour = behaviour
        self._last: Json | None = None
        self._runs = 0
        self._inbox: list[WebSocketMessage | DeliveryFailure] = []

    @property
    def reports_speech_started(self) -> bool:
        """See the bot port."""
        return self.transport == "websocket"

    def take_unsolicited(self) -> Sequence[WebSocketMessage | DeliveryFailure]:
        """See the bot port."""
        arrived, self._inbox = self._inbox, []
        return arrived

    def push(self, body: str) -> None:
        """Deliver a message to the service that answers no open request."""
        if self.call:
            self._inbox.append(WebSocketMessage(body, None))
            self.call.execute_pushed()

    def send(self, event: Json) -> HttpResponse | DeliveryFailure:
        """See the bot port. Over WebSocket the answers arrive as separate messages."""
        aws, name = self._aws, str(self._number)
        is_repeated = event is self._last
        self._last = event
        self.deliveries += not is_repeated
        self.sent += 1
        if self.transport == "websocket":
            self._connect(name)
        delivery, started_ms = self.deliveries, aws.clock.now_ms
        send = partial(self._run, event, delivery, self.connection)
        self._inject_duplicate(send)
        if self._is_lost(event):
            self.lost += 1
            return self._wait_for_timeout(started_ms)
        ms = self._latency()
        if aws.faults.injects(Fault.DELAY, name):
            ms += aws.random.randint(f"{name}:delay", 50, 2000)
        if self.transport == "websocket":
            aws.clock.after(ms, lambda: _call_ignoring_result(send))
            return HttpResponse(204, {}, "", 0)
        aws.scheduler.wait(ms)
        return self._answer(send(is_copy=is_repeated), started_ms)

    def _connect(self, name: str) -> None:
        """Open a new connection if there is none; a fault may close it soon."""
        aws = self._aws
        if not self.connection:
            self.connection = f"{name}-{self.deliveries}"
        if aws.faults.injects(Fault.RECONNECT, name):
            aws.clock.after(aws.random.randint(f"{name}:gone", 0, 1500), self._disconnect)

    def _disconnect(self) -> None:
        self.connection = ""

    def _is_lost(self, event: Json) -> bool:
        event_type, faults = str(event["type"]), self._aws.faults
        slot = self._aws.clock.now_ms // RESTART_MS
        # A restarting service reports no end of a call, so these losses come in groups.
        if event_type == "session_end" and faults.injects_in_slot(Fault.RESTART, slot):
            return True
        return faults.injects(LOSS_FAULTS.get(event_type, Fault.DROP), str(self._number))

    def _answer(self, run: Run, started_ms: int) -> HttpResponse | DeliveryFailure:
        aws = self._aws
        if run.end == "answered" and aws.faults.injects(Fault.ANSWER_LOST, str(self._number)):
            run.disturbances.append(Fault.ANSWER_LOST.value)
            return self._wait_for_timeout(started_ms)
        aws.scheduler.wait(self._latency())
        ms = aws.clock.now_ms - started_ms
        if run.end != "answered":
            return HttpResponse(502, {}, "", ms)
        run.is_delivered = True
        return HttpResponse(run.status, _JSON, "".join(run.bodies), ms)

    def _wait_for_timeout(self, started_ms: int) -> DeliveryFailure:
        if self.transport == "websocket":
            return DeliveryFailure("timeout", "no answer in time", 0)
        aws, call = self._aws, self.call
        deadline_ms = call.options.answer_deadline_ms if call else 0
        aws.scheduler.wait(max(0, started_ms + deadline_ms - aws.clock.now_ms))
        return DeliveryFailure("timeout", "no answer in time", deadline_ms)

    def _inject_duplicate(self, send: Callable[..., Run]) -> None:
        aws, name = self._aws, str(self._number)
        if not aws.faults.injects(Fault.DUPLICATE, name):
            return
        self.copied += 1
        ms = aws.random.choice(f"{name}:copy", COPY_DELAYS_MS) + self._latency()
        aws.clock.after(ms, lambda: self._run_duplicate(send))

    def _run_duplicate(self, send: Callable[..., Run]) -> None:
        run = send(is_copy=True)
        if (
            self.call
            and self._behaviour.executes_duplicate_answers
            and run.end == "answered"
            and run.bodies
        ):
            run.is_delivered = True
            for body in run.bodies:
                self.push(body)

    def _run(self, event: Json, delivery: int, connection: str, *, is_copy: bool = False) -> Run:
        aws, now_ms = self._aws, self._aws.clock.now_ms
        self._runs += 1
        run = Run(
            id=f"{self._number}.{self._runs}",
            call=self._number,
            event=event,
            delivery=delivery,
            is_copy=is_copy,
            transport=self.transport,
            connection=connection,
            started_ms=now_ms,
            timeout_at_ms=now_ms + FUNCTION_TIMEOUT_MS,
        )
        return aws.invoke(self._handler, run)

    def _latency(self) -> int:
        return self._aws.random.randint(f"{self._number}:latency", 1, 30)


def _call_ignoring_result(send: Callable[..., Run]) -> None:
    send()


class SimulatedCall(PhoneCall):
    """A call of the phone simulator that also executes pushed messages."""

    def execute_pushed(self) -> None:
        """Execute a pushed message or the answer to a duplicate request."""
        self._bot_session.process_unsolicited()


def service_options(aws: FakeAws, number: int, behaviour: Behaviour) -> ServiceOptions:
    """Draw the options of the service for a call."""
    random, name = aws.random, str(number)

    def either(switch: str) -> bool:
        return random.uniform(f"{name}:{switch}") < 0.5

    values: dict[str, Any] = {
        "failed_requests": "repeat" if behaviour.retries_failed_requests else "ignore",
        "transfer": "busy" if aws.faults.injects(Fault.TRANSFER_FAILS, name) else "answered",
        "sms": "failed" if aws.faults.injects(Fault.SMS_FAILS, name) else "ok",
        "second_speak": "replace" if either("second") else "queue",
        "speech_ended_after_interruption": either("interruption"),
        "assistant_speak": either("assistant_speak"),
        "session_end_after_transfer": either("end"),
        "words_per_minute": 400,
    }
    return ServiceOptions.model_validate(values)


def make_party(number: int) -> CallParties:
    """Return the parties of a call."""
    return CallParties(session_id=f"call-{number}", caller=CALLER)
