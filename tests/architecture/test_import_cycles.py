"""Imports inside `aiflow_local` point one way, between modules and between packages.

Imports inside of functions and those for type checkers count, too.
"""

from collections.abc import Iterator, Mapping
from graphlib import CycleError, TopologicalSorter

import pytest

from tests.helpers.source import LOCAL, modules

LAYERS = (
    ("errors", "output", "tokens", "bytecode", "linting"),
    ("stack",),
    ("emulator",),
    ("simulator",),
    ("ops",),
    ("cli",),
)
"""Modules and packages of `aiflow_local`: each layer may import those before it."""

RANKS = {name: rank for rank, layer in enumerate(LAYERS) for name in layer}
MODULES = {module.name: module for module in modules(LOCAL)}


def imported_by(name: str) -> Iterator[tuple[str, int]]:
    """Yield the modules of `aiflow_local` that a module imports, with the line of each import."""
    for imported, line in MODULES[name].imports(at_run_time=False):
        # `from module import name` imports `module`, `from package import module` the module.
        for candidate in (imported, imported.rpartition(".")[0]):
            if candidate in MODULES:
                yield candidate, line
                break


def folder(name: str, depth: int) -> str:
    """Return the package of a module, cut off at a depth."""
    path = MODULES[name].path
    parts = name.split(".") if path.stem == "__init__" else name.split(".")[:-1]
    return ".".join(parts[:depth])


def cycle(graph: Mapping[str, set[str]]) -> list[str]:
    """Return the names along one cycle of a graph; none if there is no cycle."""
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        found: list[str] = error.args[1]
        return found
    return []


def test_no_module_imports_itself_through_others() -> None:
    assert cycle({name: {other for other, _ in imported_by(name)} for name in MODULES}) == []


@pytest.mark.parametrize("depth", [2, 3, 4])
def test_no_package_imports_itself_through_others(depth: int) -> None:
    graph: dict[str, set[str]] = {}
    for name in MODULES:
        package = folder(name, depth)
        others = {folder(other, depth) for other, _ in imported_by(name)}
        graph.setdefault(package, set()).update(others - {package})
    assert cycle(graph) == []


@pytest.mark.parametrize("name", MODULES)
def test_a_package_imports_only_layers_below_it(name: str) -> None:
    if name == "aiflow_local":
        assert list(imported_by(name)) == []
        return
    rank = RANKS[name.split(".")[1]]
    upwards = [
        f"{MODULES[name].where}:{line} imports {other}"
        for other, line in imported_by(name)
        if RANKS[other.split(".")[1]] > rank
    ]
    assert upwards == []
