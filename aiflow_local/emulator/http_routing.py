"""Selects the route of a request by the rules of an HTTP API."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from aiflow_local.stack.template import Route

_VARIABLE = re.compile(r"\{([^}+]+)(\+?)\}")


@dataclass(frozen=True)
class Match[T]:
    """The route of a request.

    Attributes:
        target: The target of the route.
        route_key: The route key in API Gateway.
        path_parameters: The values of the `{variables}` of the path.
    """

    target: T
    route_key: str
    path_parameters: Mapping[str, str]


class RouteTable[T]:
    """Routes by precedence: a full path, then a greedy `{variable+}`, then `$default`."""

    def __init__(self, routes: Iterable[tuple[Route, T]]) -> None:
        self._entries = sorted(
            ((route, _pattern(route), target) for route, target in routes),
            key=lambda entry: _precedence(entry[0]),
        )

    def match(self, method: str, path: str) -> Match[T] | None:
        """Return the route for a request; None if no route matches."""
        for route, pattern, target in self._entries:
            found = pattern.fullmatch(path)
            if found and route.method in {method, "ANY"}:
                parameters = {name: unquote(value) for name, value in found.groupdict().items()}
                return Match(target, route.key, parameters)
        return None


def _pattern(route: Route) -> re.Pattern[str]:
    if route.path == "$default":
        return re.compile(".*", re.DOTALL)
    pattern, end = "", 0
    for found in _VARIABLE.finditer(route.path):
        value = ".+" if found[2] else "[^/]+"
        pattern += f"{re.escape(route.path[end : found.start()])}(?P<{found[1]}>{value})"
        end = found.end()
    return re.compile(pattern + re.escape(route.path[end:]))


def _precedence(route: Route) -> tuple[bool, bool, int, bool]:
    return (
        route.path == "$default",
        "+}" in route.path,
        route.path.count("{"),
        route.method == "ANY",
    )
