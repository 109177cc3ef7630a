"""Rules for the code that no linter checks."""

import ast
import re
from collections.abc import Iterator

import pytest
from pydantic import BaseModel

from aiflow import errors
from aiflow.protocol import actions, events, options
from aiflow.transports.http import STATUS
from tests.helpers.source import (
    FUNCTIONS,
    LAYER,
    LOCAL,
    TESTS,
    Module,
    dotted,
    modules,
)

DEPLOYED = modules(LAYER, FUNCTIONS)
PRODUCT = modules(LAYER, FUNCTIONS, LOCAL)
ALL = modules(LAYER, FUNCTIONS, LOCAL, TESTS)

FROM_OUTSIDE = {
    *("time", "datetime", "uuid", "random", "secrets", "socket", "boto3"),
    *("signal", "threading", "asyncio", "concurrent", "multiprocessing", "sched", "queue"),
    *("subprocess", "select", "selectors", "ssl", "urllib", "requests", "httpx"),
}
"""Time, ids, chance, what goes on at the same time, and the world: they are passed in."""

FROM_INSIDE = {
    "aiflow.bootstrap": {"time", "random"},
    "aiflow.pipeline.time_limits": {"signal", "threading", "concurrent"},
    "aiflow.sessions.memory": {"threading"},
}
"""By the modules that pass them in; the one for tests and your own machine has a lock."""

MUTATORS = {
    *("append", "appendleft", "extend", "insert", "remove", "pop", "popitem", "popleft", "clear"),
    *("add", "discard", "update", "setdefault", "sort", "reverse", "put", "set"),
}

BY_THE_SETTINGS = {"os.environ", "os.getenv", "os.environb", "os.putenv"}

EXEMPTION = re.compile(r"# (noqa|type: ignore|pyright: ignore|nosec|pragma)\b")
# Mypy wants a comment of its own for the reason.
WITH_REASON = re.compile(
    r"# (noqa: [A-Z0-9, ]+ - \w|pyright: ignore\[\w+\] - \w|type: ignore\[[\w, -]+\]  # \w)"
)

each_deployed = pytest.mark.parametrize("module", DEPLOYED, ids=lambda m: m.where)
each_of_the_product = pytest.mark.parametrize("module", PRODUCT, ids=lambda m: m.where)
each = pytest.mark.parametrize("module", ALL, ids=lambda m: m.where)


class TestTheOutside:
    @each_deployed
    def test_aws_is_spoken_to_in_one_place(self, module: Module) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports()}
        if module.name not in {"aiflow.aws_clients", "aiflow.botocore_loader"}:
            assert roots & {"boto3", "botocore", "mypy_boto3_dynamodb"} == set()

    @each_deployed
    def test_numbering_plans_are_read_in_one_place(self, module: Module) -> None:
        """Which nobody imports at start-up: see the tests of the policy."""
        roots = {name.split(".")[0] for name, _ in module.imports()}
        assert ("phonenumbers" in roots) == (module.name == "aiflow.domain.phone_numbers")

    @each_deployed
    def test_the_environment_is_read_in_one_place(self, module: Module) -> None:
        used = {dotted(node) for node in ast.walk(module.tree)} & BY_THE_SETTINGS
        imported = {name for name, _ in module.imports()} & BY_THE_SETTINGS
        assert used | imported == ({"os.environ"} if module.name == "aiflow.settings" else set())

    @each_deployed
    def test_time_ids_and_chance_are_passed_in(self, module: Module) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports()}
        assert roots & FROM_OUTSIDE <= FROM_INSIDE.get(module.name, set())

    @each_deployed
    def test_nothing_sleeps(self, module: Module) -> None:
        calls = {dotted(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        assert [call for call in calls if call.split(".")[-1] == "sleep"] == []

    @each_deployed
    def test_nothing_is_printed(self, module: Module) -> None:
        calls = {dotted(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        assert calls & {"print", "input", "breakpoint"} == set()


class TestState:
    @each_deployed
    def test_no_module_keeps_anything_that_changes(self, module: Module) -> None:
        """State lives in the table and in locals: a container serves many calls."""
        assert list(_changing_globals(module)) == []

    @each_deployed
    def test_no_function_reaches_for_a_global(self, module: Module) -> None:
        found = [node for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
        assert found == []


class TestErrors:
    def test_one_place_catches_everything(self) -> None:
        places = [
            f"{module.where}: {_function_around(module, handler)}"
            for module in DEPLOYED
            for handler in _broad_handlers(module)
        ]
        assert places == ["layers/aiflow/python/aiflow/entrypoints/event.py: _run"]

    def test_all_of_them_have_one_root(self) -> None:
        classes = [
            (module, node)
            for module in modules(LAYER)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
        ]
        # One that is also a `ValueError` is one of ours in the first place.
        ours = {"AiflowError"}
        for _, node in classes:
            if node.bases and dotted(node.bases[0]) in ours:
                ours.add(node.name)
        strangers = [
            f"{module.where}: {node.name}"
            for module, node in classes
            if node.name not in ours
            and any(dotted(base).endswith(("Error", "Exception")) for base in node.bases)
        ]
        assert strangers == []

    def test_every_refusal_has_its_status_and_no_other_error_has_one(self) -> None:
        refusals = {
            error
            for error in vars(errors).values()
            if isinstance(error, type)
            and issubclass(error, errors.RequestRejected)
            and error is not errors.RequestRejected
        }
        assert set(STATUS) == refusals
        assert {status.value for status in STATUS.values()} == {400, 401, 403, 405, 413, 415}


class TestLogs:
    @each_deployed
    def test_sentences_are_constant(self, module: Module) -> None:
        levels = {"debug", "info", "warning", "error", "exception", "critical"}
        varying = [
            f"{module.where}:{node.lineno}"
            for node in ast.walk(module.tree)
            if isinstance(node, ast.Call)
            and isinstance(node.func, ast.Attribute)
            and node.func.attr in levels
            and "logger" in dotted(node.func.value)
            and not isinstance(node.args[0], ast.Constant)
        ]
        assert varying == []

    def test_one_module_writes_them(self) -> None:
        writers = {
            module.name
            for module in DEPLOYED
            for name, _ in module.imports()
            if name.split(".")[0] in {"logging", "aws_lambda_powertools"}
        }
        assert writers == {"aiflow.telemetry"}


class TestDocstrings:
    @each_of_the_product
    def test_every_public_name_has_one(self, module: Module) -> None:
        assert ast.get_docstring(module.tree), module.where
        bare = [
            f"{module.where}:{node.lineno} {node.name}"
            for node in _public_definitions(module.tree)
            if not ast.get_docstring(node)
        ]
        assert bare == []

    @each_deployed
    def test_every_public_alias_of_a_type_has_one(self, module: Module) -> None:
        body = [*module.tree.body, None]
        bare = [
            f"{module.where}:{node.lineno} {node.name.id}"
            for node, following in zip(module.tree.body, body[1:], strict=True)
            if isinstance(node, ast.TypeAlias)
            and not node.name.id.startswith("_")
            and not _is_text(following)
        ]
        assert bare == []

    def test_every_model_of_the_wire_names_its_page(self) -> None:
        models = {
            *events.EVENT_TYPES.values(),
            *actions.ACTION_TYPES.values(),
            *(model for model in vars(options).values() if _is_wire_model(model)),
            events.Session,
        }
        assert len(models) > 20
        assert [model.__name__ for model in models if "Source:" not in (model.__doc__ or "")] == []


class TestExemptions:
    @each
    def test_every_one_has_a_reason_beside_it(self, module: Module) -> None:
        bare = [
            f"{module.where}:{line} {comment}"
            for comment, line in module.comments()
            if EXEMPTION.match(comment) and not WITH_REASON.match(comment)
        ]
        assert bare == []

    @each
    def test_nothing_is_left_for_later(self, module: Module) -> None:
        marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")
        assert [comment for comment, _ in module.comments() if marks.search(comment)] == []


class TestTests:
    TESTS = pytest.mark.parametrize(
        "module",
        [module for module in modules(TESTS) if module.path.name.startswith("test_")],
        ids=lambda m: m.where,
    )

    @TESTS
    def test_nobody_patches_our_modules(self, module: Module) -> None:
        assert [name for name, _ in module.imports() if "mock" in name.split(".")[:2]] == []
        attributes = {
            node.attr for node in ast.walk(module.tree) if isinstance(node, ast.Attribute)
        }
        assert attributes & {"setattr", "setitem"} == set()

    @TESTS
    def test_nobody_sleeps(self, module: Module) -> None:
        calls = {dotted(node.func) for node in ast.walk(module.tree) if isinstance(node, ast.Call)}
        assert [call for call in calls if call.split(".")[-1] == "sleep"] == []

    @TESTS
    def test_each_is_named_by_a_sentence(self, module: Module) -> None:
        names = [
            node.name
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef) and node.name.startswith("test")
        ]
        assert names
        assert [name for name in names if name.count("_") < 2] == []

    @TESTS
    def test_each_can_fail(self, module: Module) -> None:
        empty = [
            node.name
            for node in ast.walk(module.tree)
            if isinstance(node, ast.FunctionDef)
            and node.name.startswith("test")
            and not _checks_something(node)
        ]
        assert empty == []


def _changing_globals(module: Module) -> Iterator[str]:
    """Yield what changes one of the names of a module, wherever that happens."""
    names = {
        dotted(target)
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    for node in ast.walk(module.tree):
        match node:
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()) if dotted(value) in names:
                yield ast.unparse(node)
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if (
                dotted(value) in names and method in MUTATORS
            ):
                yield ast.unparse(node)
            case ast.AugAssign(target=target) if dotted(target) in names:
                yield ast.unparse(node)
            case _:
                pass


def _broad_handlers(module: Module) -> Iterator[ast.ExceptHandler]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.ExceptHandler):
            kinds = node.type.elts if isinstance(node.type, ast.Tuple) else [node.type]
            if any(
                kind is None or dotted(kind) in {"Exception", "BaseException"} for kind in kinds
            ):
                yield node


def _function_around(module: Module, wanted: ast.AST) -> str:
    around = [
        node.name
        for node in ast.walk(module.tree)
        if isinstance(node, ast.FunctionDef) and wanted in ast.walk(node)
    ]
    return around[-1]


def _public_definitions(
    tree: ast.Module | ast.ClassDef,
) -> Iterator[ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef]:
    for node in tree.body:
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            if node.name.startswith("_"):
                continue
            yield node
            if isinstance(node, ast.ClassDef):
                yield from _public_definitions(node)


def _is_text(node: ast.stmt | None) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_wire_model(value: object) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == options.__name__
        and value is not options.StrictModel
    )


def _checks_something(test: ast.FunctionDef) -> bool:
    """Tell whether a test asserts, expects an exception, or leaves that to a helper."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and "raises" in dotted(node.func))
        or (isinstance(node, ast.Call) and "assert" in dotted(node.func))
        for node in ast.walk(test)
    )
