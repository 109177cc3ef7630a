"""Connects one simulated call to a bot."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Literal

from aiflow.sessions.record import SessionRecord
from aiflow_local.simulator.engine.bot_connection import BotConnection
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions

type TransportName = Literal["http", "websocket"]
"""The transport between the simulator and the agent of this project."""


@dataclass(frozen=True)
class ConnectedBot:
    """A bot that is connected for one call.

    Attributes:
        connection: the connection to the bot.
        read_record: returns the stored record of a session, None if there is none. It is None
            for a bot whose store is not accessible.
    """

    connection: BotConnection
    read_record: Callable[[str], SessionRecord | None] | None

    @property
    def state(self) -> Callable[[str], dict[str, Any]] | None:
        """Function that reads `call.state` of a session; None if the store is not accessible."""
        return self._read_state if self.read_record else None

    def _read_state(self, session_id: str) -> dict[str, Any]:
        record = self.read_record(session_id) if self.read_record else None
        return record.state if record else {}


type BotConnector = Callable[[Clock, ServiceOptions], AbstractContextManager[ConnectedBot]]
"""Connects to a bot for one call."""
