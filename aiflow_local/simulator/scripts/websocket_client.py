"""The door of scripted calls to a WebSocket."""

from types import TracebackType
from typing import Self

from aiflow.protocol.types import JsonObject
from aiflow_local.simulator.bots.websocket import SocketDoor
from aiflow_local.simulator.engine.bot_port import Failed, Message
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.scripts.http_client import Answer


class ScriptedSocket:
    """Sends events over one WebSocket; to be entered before it is used.

    Args:
        url: of the WebSocket.
        token: sent as `X-API-TOKEN`; None sends none.
        timeout_seconds: until when the connection must be open, and a first message have come.

    Raises:
        Unreadable: `url` is not a WebSocket URL.
    """

    def __init__(self, url: str, token: str | None, timeout_seconds: float) -> None:
        switches = Switches(answer_deadline_ms=round(timeout_seconds * 1000))
        self._door = SocketDoor(url, token, switches)

    async def send(self, event: JsonObject) -> Answer:
        """See `Door.send`. Nothing else happens meanwhile, so that waiting may block."""
        came = [*self._door.arrived(), self._door.send(event), *self._door.arrived()]
        messages = [each for each in came if isinstance(each, Message)]
        failed = next((each for each in came if isinstance(each, Failed)), None)
        ms = next((each.ms for each in messages if each.ms is not None), 0.0)
        if failed:
            return Answer(failed.ms, fault=(failed.code, failed.reason), messages=messages)
        return Answer(ms, messages=messages)

    async def __aenter__(self) -> Self:
        """Return it: it opens with the first event."""
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close it."""
        self._door.__exit__(kind, error, trace)
