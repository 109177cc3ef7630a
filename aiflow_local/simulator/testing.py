"""Calls in tests: the agent of a project on the phone, and what it did to look at."""

from collections.abc import Mapping
from typing import Any

from aiflow_local.simulator.bots.in_process import Agent, Line
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import Switches
from aiflow_local.simulator.engine.parties import Party


class CallUnderTest(PhoneCall):
    """A call of a test: a `PhoneCall` whose agent can be looked into."""

    def __init__(self, line: Line, switches: Switches, party: Party, clock: Clock) -> None:
        super().__init__(line, switches, party, clock)
        self._line = line

    @property
    def state(self) -> Mapping[str, Any]:
        """What the agent keeps of the call: `call.state`."""
        return self._line.state(self.party.session_id)


class Phone:
    """Calls an agent; on failure pytest prints what happened in each call.

    Args:
        agent: who is called.
        errors: where errors of handlers are put, as Python would print them.
    """

    def __init__(self, agent: Agent, errors: list[str]) -> None:
        errors.clear()
        self.errors = errors
        self.calls: list[CallUnderTest] = []
        self._agent = agent

    def call(self, party: Party | None = None, **switches: Any) -> CallUnderTest:  # noqa: ANN401 - checked by the model
        """Begin a call.

        Args:
            party: who calls whom.
            switches: how the service behaves, like `transfer="busy"`; see `Switches`.
        """
        clock = Clock()
        call = CallUnderTest(self._agent.line(clock), Switches(**switches), party or Party(), clock)
        self.calls.append(call)
        call.begin()
        return call
