"""The agent of the project that somebody stands in, with somebody to transfer calls to."""

from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager

from local.mock_events import COLLEAGUE
from local.phone.bots.agent import Agent, load_agent
from local.project import TEMPLATE, find_project
from local.template import Template

_TRANSFER_NUMBER = "TransferNumber"


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
    has_number = _TRANSFER_NUMBER in Template(project / TEMPLATE).parameters
    colleague = [f"{_TRANSFER_NUMBER}={COLLEAGUE}"] if has_number else []
    with load_agent(project, [*colleague, *parameters], complain) as agent:
        yield agent
