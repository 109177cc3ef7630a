"""Rules for the code that no linter checks; each test lists all offenders."""

import ast
import re
from collections.abc import Callable, Container, Iterable, Iterator

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
TEST_MODULES = [module for module in modules(TESTS) if module.path.name.startswith("test_")]

PASSED_IN = {
    *("time", "datetime", "uuid", "random", "secrets", "socket", "boto3"),
    *("signal", "threading", "asyncio", "concurrent", "multiprocessing", "sched", "queue"),
    *("subprocess", "select", "selectors", "ssl", "urllib", "requests", "httpx"),
}
"""Modules for time, ids, randomness, concurrency and I/O, which are passed in."""

PASSED_IN_EXCEPTIONS = {
    "aiflow.bootstrap": {"time", "random"},
    "aiflow.pipeline.time_limits": {"signal", "threading", "concurrent"},
    "aiflow.sessions.memory": {"threading"},
}
"""The modules that pass them in; the in-memory store has a lock."""

MUTATORS = {
    *("append", "appendleft", "extend", "insert", "remove", "pop", "popitem", "popleft", "clear"),
    *("add", "discard", "update", "setdefault", "sort", "reverse", "put", "set"),
}

ENVIRONMENT = {"os.environ", "os.getenv", "os.environb", "os.putenv"}

EXEMPTION = re.compile(r"# (noqa|type: ignore|pyright: ignore|nosec|pragma)\b")
# Mypy wants a comment of its own for the reason.
WITH_REASON = re.compile(
    r"# (noqa: [A-Z0-9, ]+ - \w|pyright: ignore\[\w+\] - \w|type: ignore\[[\w, -]+\]  # \w)"
)


def offenders(checked: Iterable[Module], find: Callable[[Module], Iterable[str]]) -> list[str]:
    """Return what a rule finds in modules, as `path:line text`."""
    return [f"{module.where}:{found}" for module in checked for found in find(module)]


def imports_from(module: Module, roots: Container[str]) -> Iterator[str]:
    """Yield the imports of a module at run time from some packages."""
    for name, line in module.imports():
        if name.split(".")[0] in roots:
            yield f"{line} {name}"


def calls_of(module: Module, is_forbidden: Callable[[str], bool]) -> Iterator[str]:
    """Yield the calls in a module of forbidden functions."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call) and is_forbidden(dotted(node.func)):
            yield f"{node.lineno} {dotted(node.func)}"


def is_sleep(name: str) -> bool:
    return name.rpartition(".")[2] == "sleep"


class TestOutsideWorld:
    def test_aws_is_used_in_one_place(self) -> None:
        others = [
            module
            for module in DEPLOYED
            if module.name not in {"aiflow.aws_clients", "aiflow.botocore_loader"}
        ]
        aws = {"boto3", "botocore", "mypy_boto3_dynamodb"}
        assert offenders(others, lambda module: imports_from(module, aws)) == []

    def test_numbering_plans_are_imported_in_one_place(self) -> None:
        """The tests of the policy check that start-up does not import that place."""
        users = {module.name for module in DEPLOYED if any(imports_from(module, {"phonenumbers"}))}
        assert users == {"aiflow.domain.phone_numbers"}

    def test_the_environment_is_read_in_one_place(self) -> None:
        def uses(module: Module) -> set[str]:
            used = {dotted(node) for node in ast.walk(module.tree)}
            return (used | {name for name, _ in module.imports()}) & ENVIRONMENT

        users = {module.name: uses(module) for module in DEPLOYED if uses(module)}
        assert users == {"aiflow.settings": {"os.environ"}}

    def test_time_ids_and_randomness_are_passed_in(self) -> None:
        def imported(module: Module) -> Iterator[str]:
            exceptions = PASSED_IN_EXCEPTIONS.get(module.name, set())
            return imports_from(module, PASSED_IN - exceptions)

        assert offenders(DEPLOYED, imported) == []

    def test_nothing_sleeps(self) -> None:
        assert offenders(DEPLOYED, lambda module: calls_of(module, is_sleep)) == []

    def test_nothing_is_printed(self) -> None:
        interactive = {"print", "input", "breakpoint"}
        found = offenders(DEPLOYED, lambda module: calls_of(module, interactive.__contains__))
        assert found == []


class TestState:
    def test_no_module_changes_its_globals(self) -> None:
        """State is stored in the table or in locals, since a container serves many calls."""
        assert offenders(DEPLOYED, _changing_globals) == []

    def test_no_function_declares_a_global(self) -> None:
        def declared(module: Module) -> list[str]:
            nodes = [node for node in ast.walk(module.tree) if isinstance(node, ast.Global)]
            return [f"{node.lineno} {', '.join(node.names)}" for node in nodes]

        assert offenders(DEPLOYED, declared) == []


class TestErrors:
    def test_one_place_catches_all_exceptions(self) -> None:
        places = [
            f"{module.where}: {_function_around(module, handler)}"
            for module in DEPLOYED
            for handler in _broad_handlers(module)
        ]
        assert places == ["layers/aiflow/python/aiflow/entrypoints/event.py: _run"]

    def test_all_errors_have_one_root(self) -> None:
        classes = [
            (module, node)
            for module in modules(LAYER)
            for node in ast.walk(module.tree)
            if isinstance(node, ast.ClassDef)
        ]
        # An error may derive from `ValueError`, too, but the root comes first.
        known = {"AiflowError"}
        for _, node in classes:
            if node.bases and dotted(node.bases[0]) in known:
                known.add(node.name)
        others = [
            f"{module.where}: {node.name}"
            for module, node in classes
            if node.name not in known
            and any(dotted(base).endswith(("Error", "Exception")) for base in node.bases)
        ]
        assert others == []

    def test_exactly_the_rejections_have_a_status(self) -> None:
        rejections = {
            error
            for error in vars(errors).values()
            if isinstance(error, type)
            and issubclass(error, errors.RequestRejected)
            and error is not errors.RequestRejected
        }
        assert set(STATUS) == rejections
        assert {status.value for status in STATUS.values()} == {400, 401, 403, 405, 413, 415}


class TestLogs:
    def test_log_messages_are_constant(self) -> None:
        levels = {"debug", "info", "warning", "error", "exception", "critical"}

        def varying(module: Module) -> list[str]:
            return [
                f"{node.lineno} {ast.unparse(node.args[0])}"
                for node in ast.walk(module.tree)
                if isinstance(node, ast.Call)
                and isinstance(node.func, ast.Attribute)
                and node.func.attr in levels
                and "logger" in dotted(node.func.value)
                and not isinstance(node.args[0], ast.Constant)
            ]

        assert offenders(DEPLOYED, varying) == []

    def test_one_module_writes_the_log(self) -> None:
        writers = {
            module.name
            for module in DEPLOYED
            for name, _ in module.imports()
            if name.split(".")[0] in {"logging", "aws_lambda_powertools"}
        }
        assert writers == {"aiflow.telemetry"}


class TestDocstrings:
    def test_every_module_and_public_name_has_a_docstring(self) -> None:
        def bare(module: Module) -> Iterator[str]:
            if not ast.get_docstring(module.tree):
                yield "1 module"
            for node in _public_definitions(module.tree):
                if not ast.get_docstring(node):
                    yield f"{node.lineno} {node.name}"

        assert offenders(PRODUCT, bare) == []

    def test_every_public_type_alias_has_a_docstring(self) -> None:
        def bare(module: Module) -> Iterator[str]:
            body = [*module.tree.body, None]
            for node, following in zip(module.tree.body, body[1:], strict=True):
                if (
                    isinstance(node, ast.TypeAlias)
                    and not node.name.id.startswith("_")
                    and not _is_text(following)
                ):
                    yield f"{node.lineno} {node.name.id}"

        assert offenders(DEPLOYED, bare) == []

    def test_every_protocol_model_names_its_source(self) -> None:
        models = {
            *events.EVENT_TYPES.values(),
            *actions.ACTION_TYPES.values(),
            *(model for model in vars(options).values() if _is_protocol_model(model)),
            events.Session,
        }
        assert len(models) > 20
        assert [model.__name__ for model in models if "Source:" not in (model.__doc__ or "")] == []


class TestExemptions:
    def test_every_exemption_has_a_reason_beside_it(self) -> None:
        def bare(module: Module) -> list[str]:
            return [
                f"{line} {comment}"
                for comment, line in module.comments()
                if EXEMPTION.match(comment) and not WITH_REASON.match(comment)
            ]

        assert offenders(ALL, bare) == []

    def test_nothing_is_marked_for_later(self) -> None:
        marks = re.compile(r"\b(TODO|FIXME|XXX|HACK)\b")

        def marked(module: Module) -> list[str]:
            return [f"{line} {text}" for text, line in module.comments() if marks.search(text)]

        assert offenders(ALL, marked) == []


class TestTests:
    def test_no_test_patches_code(self) -> None:
        def patching(module: Module) -> Iterator[str]:
            for name, line in module.imports():
                if "mock" in name.split(".")[:2]:
                    yield f"{line} {name}"
            for node in ast.walk(module.tree):
                if isinstance(node, ast.Attribute) and node.attr in {"setattr", "setitem"}:
                    yield f"{node.lineno} {node.attr}"

        assert offenders(TEST_MODULES, patching) == []

    def test_no_test_sleeps(self) -> None:
        assert offenders(TEST_MODULES, lambda module: calls_of(module, is_sleep)) == []

    def test_each_test_is_named_by_a_sentence(self) -> None:
        assert [module.where for module in TEST_MODULES if not any(_tests_of(module))] == []

        def short(module: Module) -> list[str]:
            tests = _tests_of(module)
            return [f"{test.lineno} {test.name}" for test in tests if test.name.count("_") < 2]

        assert offenders(TEST_MODULES, short) == []

    def test_each_test_can_fail(self) -> None:
        def empty(module: Module) -> list[str]:
            tests = _tests_of(module)
            return [f"{test.lineno} {test.name}" for test in tests if not _checks_something(test)]

        assert offenders(TEST_MODULES, empty) == []


def _tests_of(module: Module) -> Iterator[ast.FunctionDef]:
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            yield node


def _changing_globals(module: Module) -> Iterator[str]:
    """Yield statements that change a global of a module, also inside functions."""
    names = {
        dotted(target)
        for node in module.tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        for target in (node.targets if isinstance(node, ast.Assign) else [node.target])
    }
    for node in ast.walk(module.tree):
        match node:
            case ast.Subscript(value=value, ctx=ast.Store() | ast.Del()) if dotted(value) in names:
                yield f"{node.lineno} {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(value=value, attr=method)) if (
                dotted(value) in names and method in MUTATORS
            ):
                yield f"{node.lineno} {ast.unparse(node)}"
            case ast.AugAssign(target=target) if dotted(target) in names:
                yield f"{node.lineno} {ast.unparse(node)}"
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


def _is_protocol_model(value: object) -> bool:
    return (
        isinstance(value, type)
        and issubclass(value, BaseModel)
        and value.__module__ == options.__name__
        and value is not options.StrictModel
    )


def _checks_something(test: ast.FunctionDef) -> bool:
    """Return whether a test asserts, expects an exception, or calls an asserting helper."""
    return any(
        isinstance(node, ast.Assert)
        or (isinstance(node, ast.Call) and "raises" in dotted(node.func))
        or (isinstance(node, ast.Call) and "assert" in dotted(node.func))
        for node in ast.walk(test)
    )
