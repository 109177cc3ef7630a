"""The source code of the project, as text and syntax trees."""

import ast
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from tests.helpers.template import ROOT

LAYER = ROOT / "layers" / "aiflow" / "python"
FUNCTIONS = ROOT / "functions"
LOCAL = ROOT / "aiflow_local"
TESTS = ROOT / "tests"


@dataclass(frozen=True)
class Module:
    """A module of the project."""

    path: Path

    @property
    def name(self) -> str:
        """Its dotted name, as in an import."""
        root = LAYER if self.path.is_relative_to(LAYER) else ROOT
        root = FUNCTIONS if self.path.is_relative_to(FUNCTIONS) else root
        return ".".join(self.path.relative_to(root).with_suffix("").parts).removesuffix(".__init__")

    @property
    def where(self) -> str:
        """Its path in the project."""
        return str(self.path.relative_to(ROOT))

    @cached_property
    def text(self) -> str:
        """Its source."""
        return self.path.read_text(encoding="utf-8")

    @cached_property
    def tree(self) -> ast.Module:
        """Its syntax tree."""
        return ast.parse(self.text, self.where)

    def imports(self, *, at_run_time: bool = True) -> Iterator[tuple[str, int]]:
        """Yield imported dotted names with line numbers; `from a import b` is `a.b`."""
        for node in _nodes_at_run_time(self.tree) if at_run_time else ast.walk(self.tree):
            if isinstance(node, ast.Import):
                yield from ((alias.name, node.lineno) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                # Ruff forbids relative imports.
                yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)

    def comments(self) -> Iterator[tuple[str, int]]:
        """Yield its comments with line numbers."""
        with self.path.open("rb") as file:
            for token in tokenize.tokenize(file.readline):
                if token.type == tokenize.COMMENT:
                    yield token.string, token.start[0]


def modules(*roots: Path) -> list[Module]:
    """Return the modules below some folders, sorted by path."""
    paths = (path for root in roots for path in root.rglob("*.py"))
    return [_module(path) for path in sorted(paths) if "node_modules" not in path.parts]


def dotted(node: ast.AST) -> str:
    """Return `a.b.c` for a dotted name, and an empty text for any other node."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return f"{dotted(node.value)}.{node.attr}"
    return ""


@cache
def _module(path: Path) -> Module:
    """Return the module at a path, which is parsed once for all tests."""
    return Module(path)


def _nodes_at_run_time(tree: ast.AST) -> Iterator[ast.AST]:
    """Walk a tree, skipping `if TYPE_CHECKING` blocks."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.If) and dotted(node.test) == "TYPE_CHECKING":
            continue
        yield node
        yield from _nodes_at_run_time(node)
