"""The agent of this project, served for as long as a call takes."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from aiflow.errors import StoreUnavailable
from aiflow_local.emulator.gateway import Gateway
from aiflow_local.emulator.project_gateway import ProjectOptions, serve_project
from aiflow_local.simulator.scripts.runner import State
from aiflow_local.tokens import Token

_PAUSE_SECONDS = 60


class _Clock:
    """The time of a call whose pauses nobody waits for."""

    def __init__(self) -> None:
        self._ahead = 0

    def now(self) -> float:
        return time.time() + self._ahead

    def pause(self) -> None:
        self._ahead += _PAUSE_SECONDS


@dataclass(frozen=True)
class OwnAgent:
    """An agent that is being served.

    Attributes:
        url: of its webhook.
        look: returns what is kept of a call, by its session id.
        pause: lets a minute pass for it: more than anything takes to be said.
    """

    url: str
    look: Callable[[str], State]
    pause: Callable[[], None]


@contextmanager
def serve_own_agent(
    token: Token, parameters: Sequence[str], complain: Callable[[str], None]
) -> Generator[OwnAgent]:
    """Serve the agent of this project on a free port of this machine.

    Args:
        token: that requests must carry.
        parameters: of the template, as `NAME=VALUE`.
        complain: told of each error of a handler.

    Raises:
        LocalError: the project is not as it must be.
    """
    clock = _Clock()
    with serve_project(ProjectOptions(token, parameters, complain, clock.now)) as own:
        yield OwnAgent(own.url, partial(_kept, own.gateway), clock.pause)


def _kept(gateway: Gateway, session_id: str) -> State:
    try:
        item = gateway.deployment.sessions.load(session_id)
    except StoreUnavailable:
        # Not an agent that keeps its calls as our layer does.
        return {}
    if item is None:
        return {}
    waiting = [follower["type"] for follower in item.deferred_actions]
    state = {f"state.{name}": value for name, value in item.state.items()}
    return {"status": item.status.value, **({"waiting": waiting} if waiting else {}), **state}
