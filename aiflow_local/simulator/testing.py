"""Calls in tests: the agent of a project on the phone, and what it did to look at."""

from collections.abc import Mapping
from typing import Any

from aiflow_local.simulator.bots.in_process import InProcessConnection, ProjectAgent
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties


class CallUnderTest(PhoneCall):
    """A call of a test: a `PhoneCall` whose agent can be looked into."""

    def __init__(
        self, line: InProcessConnection, options: ServiceOptions, parties: CallParties, clock: Clock
    ) -> None:
        super().__init__(line, options, parties, clock)
        self._line = line

    @property
    def state(self) -> Mapping[str, Any]:
        """What the agent keeps of the call: `call.state`."""
        return self._line.state(self.parties.session_id)


class Phone:
    """Calls an agent; on failure pytest prints what happened in each call.

    Args:
        agent: who is called.
        errors: where errors of handlers are put, as Python would print them.
    """

    def __init__(self, agent: ProjectAgent, errors: list[str]) -> None:
        errors.clear()
        self.errors = errors
        self.calls: list[CallUnderTest] = []
        self._agent = agent

    def call(self, parties: CallParties | None = None, **options: Any) -> CallUnderTest:  # noqa: ANN401 - checked by the model
        """Begin a call.

        Args:
            party: who calls whom.
            switches: how the service behaves, like `transfer="busy"`; see `Switches`.
        """
        clock = Clock()
        call = CallUnderTest(
            self._agent.connect(clock), ServiceOptions(**options), parties or CallParties(), clock
        )
        self.calls.append(call)
        call.begin()
        return call
