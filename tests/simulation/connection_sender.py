"""The simulated connection sender: latency, faults and lost connections."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiflow.errors import ConnectionGone, ConnectionUnavailable
from tests.simulation.faults import Fault

if TYPE_CHECKING:
    from tests.simulation.fake_aws import FakeAws


@dataclass
class SimulatedConnectionSender:
    """Sends messages to the WebSockets of the service."""

    aws: "FakeAws"

    def send(self, connection_id: str, message: str) -> None:
        """See `ConnectionSender.send`."""
        aws, run = self.aws, self.aws.run
        aws.advance(aws.random.randint(f"{run.call}:post", 1, 8))
        if aws.faults.injects(Fault.NOT_SENT, str(run.call)):
            run.disturbances.append(Fault.NOT_SENT.value)
            raise ConnectionUnavailable("the message did not go out: ReadTimeoutError")
        alive = aws.deliver_message(connection_id, message)
        if alive != connection_id:
            run.disturbances.append("moved" if alive else "gone")
            run.undelivered.append((aws.clock.now_ms, alive))
            raise ConnectionGone("the connection is closed")
        run.bodies.append(message)
        run.is_delivered = True
        run.first_message_ms = (
            aws.clock.now_ms if run.first_message_ms is None else run.first_message_ms
        )
