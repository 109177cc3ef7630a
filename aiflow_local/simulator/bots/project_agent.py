"""The agent of the project that somebody stands in, with somebody to transfer calls to."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from aiflow_local.simulator.bots.in_process import Agent, load_agent
from aiflow_local.stack.cli_options import with_transfer_target
from aiflow_local.stack.project import find_project


@contextmanager
def load_own_agent(parameters: Sequence[str], complain: Callable[[str], None]) -> Generator[Agent]:
    """Load the agent of this project, for as long as the block takes.

    Args:
        parameters: of the template, as `NAME=VALUE`.
        complain: told of each error of a handler.

    Raises:
        LocalError: the project is not as it must be.
    """
    project = find_project()
    with load_agent(project, with_transfer_target(project, parameters), complain) as agent:
        yield agent
