"""The agent of this project, served for as long as a call takes."""

import time
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from aiflow.errors import StoreUnavailable
from local.errors import TemplateError
from local.gateway.gateway import Gateway, Terms, open_gateway
from local.gateway.served import Served
from local.gateway.server import address_of, in_background, listen
from local.options import stack_parameters, with_colleague
from local.project import TEMPLATE, find_project
from local.scripted.call import State
from local.tokens import Token

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
    project = find_project()
    values = stack_parameters(project, token, with_colleague(project, parameters))
    clock = _Clock()
    with listen("127.0.0.1", 0) as listener:
        address = address_of(listener)
        terms = Terms(address=address, now=clock.now)
        with open_gateway(project, values, _nothing, complain, terms) as gateway:
            if not gateway.deployment.doors:
                message = f"{TEMPLATE} has no function with a route: nothing can be called"
                raise TemplateError(message)
            with in_background(gateway, listener):
                front_door = gateway.deployment.doors[0].path
                look = partial(_kept, gateway)
                yield OwnAgent(address + front_door, look, clock.pause)


def _kept(gateway: Gateway, session_id: str) -> State:
    try:
        item = gateway.deployment.sessions.load(session_id)
    except StoreUnavailable:
        # Not an agent that keeps its calls as our layer does.
        return {}
    if item is None:
        return {}
    waiting = [follower["type"] for follower in item.followers]
    state = {f"state.{name}": value for name, value in item.state.items()}
    return {"status": item.status.value, **({"waiting": waiting} if waiting else {}), **state}


def _nothing(_: Served) -> None:
    pass
