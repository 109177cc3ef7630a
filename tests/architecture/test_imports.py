"""The import order: between the packages of the layer, and inside them."""

import ast
import subprocess
import sys

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
        *("authentication", "connections", "api_gateway"),
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
BORROWED = {"aws_lambda_powertools", "botocore", "phonenumbers", "pydantic", "pydantic_core"}
"""What the layer may import: what it ships, and what the Lambda runtime has."""

each_of_the_layer = pytest.mark.parametrize("module", modules(LAYER), ids=lambda m: m.where)
each_function = pytest.mark.parametrize("module", modules(FUNCTIONS), ids=lambda m: m.where)

each_of_the_domain = pytest.mark.parametrize(
    "module",
    [module for module in modules(LAYER) if module.name.startswith("aiflow.domain.")],
    ids=lambda m: m.where,
)

ENTRYPOINTS = "aiflow.entrypoints"
HANDLER_LOADER = f"{ENTRYPOINTS}.handler_loader"


def part_of(name: str) -> str:
    """The package, or module, of the layer that a dotted name belongs to."""
    return name.split(".")[1]


def rank_of(part: str) -> int:
    return next(rank for rank, parts in enumerate(RANKS) if part in parts)


def layer_imports(module: Module) -> list[tuple[str, int]]:
    """What a module imports of the layer, type checking and function bodies included."""
    found = module.imports(at_run_time=False)
    return [(name, line) for name, line in found if name.startswith("aiflow.")]


def importers_of(name: str) -> set[str]:
    """The modules of the layer that import a module, or names from it."""
    return {
        module.name
        for module in modules(LAYER)
        for imported, _ in module.imports(at_run_time=False)
        if f"{imported}.".startswith(f"{name}.")
    }


class TestTheLayer:
    @each_of_the_layer
    def test_a_package_imports_only_lower_ones(self, module: Module) -> None:
        if module.name == "aiflow":
            return
        own = part_of(module.name)
        upwards = [
            f"{module.where}:{line} imports {name}"
            for name, line in layer_imports(module)
            if part_of(name) != own and rank_of(part_of(name)) >= rank_of(own)
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

    @each_of_the_domain
    def test_the_domain_has_no_clock_no_chance_and_no_io(self, module: Module) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports(at_run_time=False)}
        assert roots & IMPURE == set()

    @each_of_the_layer
    def test_it_knows_neither_the_functions_nor_the_developers_machine(
        self, module: Module
    ) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports(at_run_time=False)}
        assert roots & (OWN - {"aiflow"}) == set()

    @each_of_the_layer
    def test_it_imports_only_what_it_ships_and_what_lambda_brings(self, module: Module) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports()}
        assert roots - sys.stdlib_module_names <= BORROWED | {"aiflow"}

    def test_only_the_webhook_and_the_sweeper_load_handlers_by_name(self) -> None:
        assert importers_of("importlib") == {HANDLER_LOADER}
        assert importers_of(HANDLER_LOADER) == {f"{ENTRYPOINTS}.webhook", f"{ENTRYPOINTS}.sweeper"}

    def test_the_emulator_runs_again_what_loads_handlers_by_name(self) -> None:
        assert importers_of(HANDLER_LOADER) == HANDLER_IMPORTERS

    def test_what_it_ships_is_what_the_project_names(self) -> None:
        requirements = (LAYER / "requirements.txt").read_text(encoding="utf-8")
        for package in ("aws-lambda-powertools", "phonenumberslite", "pydantic", "pydantic-core"):
            assert f"\n{package}==" in f"\n{requirements}"
        assert "\nboto" not in requirements

    def test_its_public_names_are_there_and_in_order(self) -> None:
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


class TestTheFunctions:
    def test_there_is_one_for_each_event_type_and_no_other(self) -> None:
        folders = {path.name for path in FUNCTIONS.iterdir() if path.name != "__pycache__"}
        assert folders == set(EVENT_TYPES)

    @each_function
    def test_each_is_one_module_of_sixty_lines_at_most(self, module: Module) -> None:
        assert module.path.name == "app.py"
        assert len(module.text.splitlines()) <= 60

    @each_function
    def test_each_imports_public_names_of_the_layer_and_no_other_function(
        self, module: Module
    ) -> None:
        for name, line in module.imports(at_run_time=False):
            root, _, rest = name.partition(".")
            if root == "aiflow":
                assert rest in aiflow.__all__, f"{module.where}:{line} imports {name}"
            else:
                assert root in sys.stdlib_module_names, f"{module.where}:{line} imports {name}"

    @each_function
    def test_each_ends_with_an_entrypoint_around_its_handler(self, module: Module) -> None:
        *_, last = module.tree.body
        assert ast.unparse(last) == "lambda_handler = entrypoint(handle)"
        handlers = [
            node
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "handle"
        ]
        (handle,) = handlers
        assert [argument.arg for argument in handle.args.args] == ["event", "call"]
        assert handle.returns is not None
        assert ast.unparse(handle.returns) in {"Reply", "Iterator[Reply]"}

    @pytest.mark.parametrize("name", EVENT_TYPES)
    def test_the_one_of_an_event_answers_that_event(self, name: str) -> None:
        module = Module(FUNCTIONS / name / "app.py")
        (handle,) = (
            node
            for node in module.tree.body
            if isinstance(node, ast.FunctionDef) and node.name == "handle"
        )
        annotation = handle.args.args[0].annotation
        assert annotation is not None
        assert dotted(annotation) == EVENT_TYPES[name].__name__


class TestTheOthers:
    @pytest.mark.parametrize("module", modules(LOCAL), ids=lambda m: m.where)
    def test_the_developers_machine_does_not_need_the_tests(self, module: Module) -> None:
        roots = {name.split(".")[0] for name, _ in module.imports(at_run_time=False)}
        assert "tests" not in roots

    @pytest.mark.parametrize("module", modules(TESTS), ids=lambda m: m.where)
    def test_tests_import_helpers_and_no_other_tests(self, module: Module) -> None:
        imported = [part for name, _ in module.imports() for part in name.split(".")[:-1]]
        assert [part for part in imported if part.startswith("test_")] == []
