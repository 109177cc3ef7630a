"""Words that comments and docstrings avoid, because plain technical English has better ones."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.source import FUNCTIONS, LAYER, LOCAL, TESTS, Module, modules
from tests.helpers.template import ROOT

ROOTS: dict[str, list[Path]] = {
    "the layer": [LAYER],
    "the functions": [FUNCTIONS],
    "the local tools": [LOCAL],
    "the benchmarks": [ROOT / "benchmarks"],
    "the tests": [TESTS],
}
"""The folders and modules to check, by the name of their test."""

AVOIDED = re.compile(
    r"\b(?:whoever|nobody|somebody|told\s+of|c[oa]mes?\s+to\s+pass|lets?\s+(?:\w+\s+){1,4}be)\b",
    re.IGNORECASE,
)

type Located = tuple[str, int]
"""A text and the number of its first line."""


def modules_of(paths: list[Path]) -> list[Module]:
    """Return the modules below folders, and modules that are named themselves."""
    return [
        module for path in paths for module in ([Module(path)] if path.is_file() else modules(path))
    ]


def docstrings(module: Module) -> Iterator[Located]:
    """Yield all texts that are statements: docstrings of modules, definitions and attributes."""
    for node in ast.walk(module.tree):
        match node:
            case ast.Expr(value=ast.Constant(value=str(text), lineno=line)):
                yield text, line
            case _:
                pass


def avoided_words(text: str, first_line: int) -> Iterator[str]:
    """Yield the avoided words of a text, each after its line number."""
    for match in AVOIDED.finditer(text):
        line = first_line + text.count("\n", 0, match.start())
        yield f"{line} {' '.join(match[0].split())}"


@pytest.mark.parametrize("name", ROOTS)
def test_comments_and_docstrings_use_plain_english(name: str) -> None:
    found = modules_of(ROOTS[name])
    assert found
    offenders = [
        f"{module.where}:{offender}"
        for module in found
        for text, line in (*docstrings(module), *module.comments())
        for offender in avoided_words(text, line)
    ]
    assert offenders == [], "\n".join(offenders)


@pytest.mark.parametrize(
    ("text", "offenders"),
    [
        ("Whoever reads this.", ["7 Whoever"]),
        ("A call that\nnobody takes.", ["8 nobody"]),
        ("What is told\nof it", ["7 told of"]),
        ("It came to pass.", ["7 came to pass"]),
        ("Let the store be asked.", ["7 Let the store be"]),
        ("Return the call, and let the caller hear it.", []),
    ],
)
def test_avoided_words_are_found_by_line(text: str, offenders: list[str]) -> None:
    assert list(avoided_words(text, 7)) == offenders
