"""The functions of template.yaml with its default parameters, loaded into this process."""

from collections.abc import Callable
from hashlib import sha256
from importlib import import_module
from typing import Any

from aiflow_local.stack.template import FunctionSpec, Stack, Template
from tests.helpers.template import ROOT

TOKEN = "correct-horse-battery-staple-0123456789abcdef"  # noqa: S105 - not a secret
"""The API token of the stack."""

type Handler = Callable[[Any, Any], Any]
"""`lambda_handler(event, context)`."""

_LAYER_PACKAGE = "aiflow."


def default_stack() -> Stack:
    """Resolve the template with the digest of `TOKEN` and defaults for all other parameters."""
    return Template(ROOT / "template.yaml").stack(
        {"TokenSha256": sha256(TOKEN.encode()).hexdigest()}
    )


def webhook_function(stack: Stack) -> FunctionSpec:
    """Return the function that receives all events over HTTP: the first one with a route."""
    return next(spec for spec in stack.functions if spec.routes)


def event_function(stack: Stack, event_type: str) -> FunctionSpec:
    """Return the function that a WebSocket message with an event of this type goes to."""
    if stack.websocket is None:
        raise LookupError("template.yaml has no WebSocket API")
    name = stack.websocket.routes[event_type]
    return next(spec for spec in stack.functions if spec.name == name)


def load_handler(spec: FunctionSpec) -> Handler:
    """Import the handler of a function.

    The packages of `functions/` and the layer are on the path. So a handler that belongs to the
    function is a module in its folder; a handler of the layer has its full name.
    """
    module, _, name = spec.handler.rpartition(".")
    if not module.startswith(_LAYER_PACKAGE):
        module = ".".join((*spec.code.parts[1:], module))
    handler: Handler = getattr(import_module(module), name)
    return handler
