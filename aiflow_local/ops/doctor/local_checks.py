"""Checks of the local prerequisites of a deployment."""

import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiflow_local.errors import LocalError
from aiflow_local.ops.doctor.check_result import CheckResult, failed, not_run, ok, warning
from aiflow_local.ops.samconfig import SAMCONFIG, SamConfig
from aiflow_local.ops.token_slots import CURRENT, FIRST_DEPLOYMENT, digest_problem
from aiflow_local.stack.cli_options import stack_parameters
from aiflow_local.stack.project import TEMPLATE
from aiflow_local.stack.template import Template
from aiflow_local.tokens import new_token

_NESTED_TEMPLATE = "operations.yaml"
_BUILD = "sam build && aiflow compile"
_PROCESSORS = {"aarch64": "arm64", "x86_64": "x86_64"}
_SOURCES = ("functions", "layers/aiflow/python")


@dataclass(frozen=True)
class LocalChecks:
    """The checks of the developer's machine.

    Attributes:
        project: The folder of the template.
        samconfig: The deployment configuration.
        path: The search path for commands.
    """

    project: Path
    samconfig: SamConfig
    path: str

    def run(self) -> Iterator[CheckResult]:
        """Run all checks of the machine."""
        yield self._command("Python", "python3.13", "install Python 3.13, which `sam build` needs")
        yield self._command("SAM", "sam", "`make build` installs it into .venv/bin")
        yield self._template()
        yield self._build()
        yield self._digest()

    def _command(self, check: str, name: str, remedy: str) -> CheckResult:
        found = shutil.which(name, path=self.path)
        if found:
            return ok(check, found)
        own = Path(sys.executable).parent
        if (own / name).is_file():
            return failed(check, f"{name} is not on the PATH", f'export PATH="{own}:$PATH"')
        return failed(check, f"{name} was not found on the PATH", remedy)

    def _template(self) -> CheckResult:
        check = "template"
        try:
            template = Template(self.project / TEMPLATE)
            stack = template.stack(stack_parameters(self.project, new_token(), []))
        except LocalError as error:
            return failed(check, str(error), "`make validate` shows details")
        return ok(check, f"{TEMPLATE}, {len(stack.functions)} functions")

    def _build(self) -> CheckResult:
        check, folders = "build", [".aws-sam/build", f".aws-sam/{self._wanted}"]
        built = next((f for f in folders if (self.project / f / TEMPLATE).is_file()), None)
        if built is None:
            return not_run(check, "there is no build", _BUILD)
        modules = [*(self.project / built).rglob("_pydantic_core*.so")]
        processor = next((p for m in modules for n, p in _PROCESSORS.items() if n in m.name), None)
        if processor != self._wanted:
            return failed(
                check,
                f"{built} is for {processor or 'no processor'}, but the stack uses {self._wanted}",
                f"sam build --parameter-overrides Architecture={self._wanted} && aiflow compile",
            )
        if self._edited_at > (self.project / built / TEMPLATE).stat().st_mtime:
            return warning(check, f"{built} is older than the latest edit", _BUILD)
        if next((self.project / built).rglob("*.pyc"), None) is None:
            return warning(
                check, f"{built} has no bytecode: cold starts are slow", "aiflow compile"
            )
        return ok(check, f"{built}, for {processor}, with bytecode")

    @property
    def _wanted(self) -> str:
        return self.samconfig.overrides.get("Architecture", "arm64")

    @property
    def _edited_at(self) -> float:
        files = [file for folder in _SOURCES for file in (self.project / folder).rglob("*.py")]
        templates = [self.project / TEMPLATE, *self.project.glob(_NESTED_TEMPLATE)]
        return max(file.stat().st_mtime for file in (*templates, *files))

    def _digest(self) -> CheckResult:
        check, digest = "digest to deploy", self.samconfig.overrides.get(CURRENT)
        if digest is None:
            reason = f"{SAMCONFIG} sets no {CURRENT}"
            return not_run(check, reason, f"for the first deployment: {FIRST_DEPLOYMENT}")
        problem = digest_problem(digest)
        if problem:
            return failed(check, f"{CURRENT} in {SAMCONFIG}: {problem}", "aiflow token")
        return ok(check, f"{SAMCONFIG} sets {CURRENT}")
