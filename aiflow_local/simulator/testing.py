"""Calls to the agent of a project in tests."""

from collections.abc import Mapping
from typing import Any

from aiflow_local.simulator.bots.in_process import InProcessConnection, ProjectAgent
from aiflow_local.simulator.engine.caller import PhoneCall
from aiflow_local.simulator.engine.clock import Clock
from aiflow_local.simulator.engine.options import ServiceOptions
from aiflow_local.simulator.engine.parties import CallParties


class CallUnderTest(PhoneCall):
    """A `PhoneCall` that gives access to the state of the agent."""

    def __init__(
        self, line: InProcessConnection, options: ServiceOptions, parties: CallParties, clock: Clock
    ) -> None:
        super().__init__(line, options, parties, clock)
        self._line = line

    @property
    def state(self) -> Mapping[str, Any]:
        """State of the call: `call.state`."""
        return self._line.state(self.parties.session_id)


class Phone:
    """Calls an agent. pytest prints the transcripts of a failed test.

    Args:
        agent: the agent to call.
        errors: list that receives the tracebacks of handler errors.
    """

    def __init__(self, agent: ProjectAgent, errors: list[str]) -> None:
        errors.clear()
        self.errors = errors
        self.calls: list[CallUnderTest] = []
        self._agent = agent

    def call(self, parties: CallParties | None = None, **options: Any) -> CallUnderTest:  # noqa: ANN401 - checked by the model
        """Start a call.

        Args:
            parties: caller, callee and session id.
            **options: service options, like `transfer="busy"`; see `ServiceOptions`.
        """
        clock = Clock()
        call = CallUnderTest(
            self._agent.connect(clock), ServiceOptions(**options), parties or CallParties(), clock
        )
        self.calls.append(call)
        call.begin()
        return call
