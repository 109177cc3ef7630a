"""The import order: between the packages of the layer, and inside them."""

import ast
import subprocess
import sys
from collections.abc import Callable, Iterable

import pytest

import aiflow
from aiflow.protocol.events import EVENT_TYPES
from aiflow_local.emulator.module_loader import HANDLER_IMPORTERS
from tests.helpers.source import FUNCTIONS, LAYER, LOCAL, TESTS, Module, dotted, modules
from tests.helpers.template import ROOT

RANKS = (
    {"errors", "gc_freeze", "botocore_loader"},
    {"protocol", "aws_clients"},
    {"sessions", "settings"},
    {"domain"},
    {"telemetry", "call"},
    {"transports"},
    {"pipeline"},
    {"bootstrap"},
    {"entrypoints"},
)
"""The packages and modules of the layer; each may import those of earlier sets, and itself."""

ORDERS = {
    "sessions": ("codec", "record", "store", "memory", "dynamodb"),
    "domain": (
        *("billable_actions", "phone_numbers", "call_summary", "announcements", "redaction"),
        *("deduplication", "spending_policy", "transitions", "outbox", "recovery"),
        *("decisions", "answers", "guards"),
    ),
    "transports": (
        *("authentication", "connection_sender", "api_gateway_payload"),
        *("base", "http", "websocket", "direct"),
    ),
    "pipeline": (
        *("time_limits", "runtime", "deadlines", "reply_stream", "handler_runner"),
        *("unit_of_work", "connection_failover", "processor"),
    ),
    "entrypoints": (
        *("event", "handler_loader", "webhook", "authorizer", "connection", "sweeper"),
    ),
}
"""The modules of a package; each may import earlier ones only."""

IMPURE = {
    *("time", "datetime", "random", "secrets", "uuid", "threading", "asyncio", "signal"),
    *("os", "sys", "io", "pathlib", "socket", "subprocess", "logging"),
    *("boto3", "botocore", "aws_lambda_powertools"),
}

OWN = {"aiflow", "functions", "aiflow_local", "tests", "benchmarks"} | {
    path.name for path in FUNCTIONS.iterdir()
}
THIRD_PARTY = {"aws_lambda_powertools", "botocore", "phonenumbers", "pydantic", "pydantic_core"}
"""The packages that the layer may import: those that it ships or that the Lambda runtime has."""

ENTRYPOINTS = "aiflow.entrypoints"
HANDLER_LOADER = f"{ENTRYPOINTS}.handler_loader"


def part_of(name: str) -> str:
    """Return the package or module of the layer to which a dotted name belongs."""
    return name.split(".")[1]


def rank_of(part: str) -> int:
    return next(rank for rank, parts in enumerate(RANKS) if part in parts)


def layer_imports(module: Module) -> list[tuple[str, int]]:
    """Return what a module imports of the layer, including type checking and function bodies."""
    found = module.imports(at_run_time=False)
    return [(name, line) for name, line in found if name.startswith("aiflow.")]


def imports_of(
    checked: Iterable[Module],
    is_forbidden: Callable[[str], bool],
    *,
    at_run_time: bool = False,
) -> list[str]:
    """Return where modules import names whose first part is forbidden, as `path:line name`."""
    return [
        f"{module.where}:{line} {name}"
        for module in checked
        for name, line in module.imports(at_run_time=at_run_time)
        if is_forbidden(name.split(".")[0])
    ]


def handlers_of(module: Module) -> list[ast.FunctionDef]:
    """Return the functions named `handle` of a module."""
    return [
        node
        for node in module.tree.body
        if isinstance(node, ast.FunctionDef) and node.name == "handle"
    ]


def importers_of(name: str) -> set[str]:
    """Return the modules of the layer that import a module, or names from it."""
    return {
        module.name
        for module in modules(LAYER)
        for imported, _ in module.imports(at_run_time=False)
        if f"{imported}.".startswith(f"{name}.")
    }


class TestLayer:
    def test_a_package_imports_only_lower_ones(self) -> None:
        upwards = [
            f"{module.where}:{line} {name}"
            for module in modules(LAYER)
            if module.name != "aiflow"
            for name, line in layer_imports(module)
            if part_of(name) != part_of(module.name)
            and rank_of(part_of(name)) >= rank_of(part_of(module.name))
        ]
        assert upwards == []

    @pytest.mark.parametrize("package", ORDERS)
    def test_a_module_of_a_package_imports_only_earlier_ones(self, package: str) -> None:
        order = ORDERS[package]
        found = {m for m in modules(LAYER) if m.name.startswith(f"aiflow.{package}.")}
        assert {module.name.split(".")[2] for module in found} == set(order)
        backwards = [
            f"{module.where}:{line} imports {name}"
            for module in found
            for name, line in layer_imports(module)
            if part_of(name) == package
            and order.index(name.split(".")[2]) >= order.index(module.name.split(".")[2])
        ]
        assert backwards == []

    def test_the_domain_imports_no_clock_no_randomness_and_no_io(self) -> None:
        domain = [module for module in modules(LAYER) if module.name.startswith("aiflow.domain.")]
        assert domain
        assert imports_of(domain, IMPURE.__contains__) == []

    def test_it_imports_neither_functions_nor_local_tools(self) -> None:
        assert imports_of(modules(LAYER), (OWN - {"aiflow"}).__contains__) == []

    def test_it_imports_only_what_it_ships_or_lambda_has(self) -> None:
        allowed = sys.stdlib_module_names | THIRD_PARTY | {"aiflow"}
        foreign = imports_of(modules(LAYER), lambda root: root not in allowed, at_run_time=True)
        assert foreign == []

    def test_only_the_webhook_and_the_sweeper_load_handlers_by_name(self) -> None:
        assert importers_of("importlib") == {HANDLER_LOADER}
        assert importers_of(HANDLER_LOADER) == {f"{ENTRYPOINTS}.webhook", f"{ENTRYPOINTS}.sweeper"}

    def test_the_emulator_reloads_all_modules_that_load_handlers_by_name(self) -> None:
        assert importers_of(HANDLER_LOADER) == HANDLER_IMPORTERS

    def test_its_requirements_are_the_dependencies_of_the_project(self) -> None:
        requirements = (LAYER / "requirements.txt").read_text(encoding="utf-8")
        for package in ("aws-lambda-powertools", "phonenumberslite", "pydantic", "pydantic-core"):
            assert f"\n{package}==" in f"\n{requirements}"
        assert "\nboto" not in requirements

    def test_its_public_names_exist_and_are_sorted(self) -> None:
        assert all(hasattr(aiflow, name) for name in aiflow.__all__)
        assert sorted(aiflow.__all__) == aiflow.__all__

    def test_its_public_names_load_nothing_heavy(self) -> None:
        heavy = ("botocore.session", "boto3", "urllib3", "aws_xray_sdk", "asyncio", "http.client")
        others = [f"{ENTRYPOINTS}.{n}" for n in ("webhook", "authorizer", "connection", "sweeper")]
        names = [*heavy, *others]
        code = f"import aiflow, sys; print(*[n for n in {names!r} if n in sys.modules])"
        done = subprocess.run(
            [sys.executable, "-c", code], check=True, capture_output=True, text=True, cwd=ROOT
        )
        assert done.stdout.split() == []


class TestFunctions:
    def test_there_is_exactly_one_function_per_event_type(self) -> None:
        folders = {path.name for path in FUNCTIONS.iterdir() if path.name != "__pycache__"}
        assert folders == set(EVENT_TYPES)

    def test_each_function_is_one_module_of_at_most_sixty_lines(self) -> None:
        found = modules(FUNCTIONS)
        assert len(found) == len(EVENT_TYPES)
        assert [module.where for module in found if module.path.name != "app.py"] == []
        assert [module.where for module in found if len(module.text.splitlines()) > 60] == []

    def test_each_function_imports_only_public_names_of_the_layer_and_the_standard_library(
        self,
    ) -> None:
        def is_allowed(name: str) -> bool:
            root, _, rest = name.partition(".")
            return rest in aiflow.__all__ if root == "aiflow" else root in sys.stdlib_module_names

        others = [
            f"{module.where}:{line} {name}"
            for module in modules(FUNCTIONS)
            for name, line in module.imports(at_run_time=False)
            if not is_allowed(name)
        ]
        assert others == []

    def test_each_function_ends_with_an_entrypoint_around_its_handler(self) -> None:
        endings = {module.where: ast.unparse(module.tree.body[-1]) for module in modules(FUNCTIONS)}
        expected = "lambda_handler = entrypoint(handle)"
        assert {where: end for where, end in endings.items() if end != expected} == {}

    def test_each_function_has_one_handler_with_the_usual_signature(self) -> None:
        wrong: list[str] = []
        for module in modules(FUNCTIONS):
            handlers = handlers_of(module)
            wrong += [module.where] if len(handlers) != 1 else []
            wrong += [
                f"{module.where}:{handle.lineno} {ast.unparse(handle.args)}"
                for handle in handlers
                if [argument.arg for argument in handle.args.args] != ["event", "call"]
                or handle.returns is None
                or ast.unparse(handle.returns) not in {"Reply", "Iterator[Reply]"}
            ]
        assert wrong == []

    def test_each_handler_takes_the_event_of_its_folder(self) -> None:
        annotations = {
            name: [
                dotted(handle.args.args[0].annotation or ast.Pass())
                for handle in handlers_of(Module(FUNCTIONS / name / "app.py"))
            ]
            for name in EVENT_TYPES
        }
        assert annotations == {name: [event.__name__] for name, event in EVENT_TYPES.items()}


class TestOtherCode:
    def test_local_tools_do_not_import_tests(self) -> None:
        assert imports_of(modules(LOCAL), {"tests"}.__contains__) == []

    def test_tests_import_helpers_but_no_other_tests(self) -> None:
        imported = [
            f"{module.where}:{line} {name}"
            for module in modules(TESTS)
            for name, line in module.imports()
            if any(part.startswith("test_") for part in name.split(".")[:-1])
        ]
        assert imported == []
