"""The external scanners. They work offline, and raise an error if they check nothing."""

import json
import subprocess
import sys
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from platform import machine
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import TypeAdapter, ValidationError

from aiflow.protocol.types import JsonValue
from tests.helpers.template import ROOT
from tests.infrastructure.scan.expanded_template import Expanded
from tests.infrastructure.scan.finding import Finding, Report, ScanError

# The npm package contains a binary for each of these systems and processors.
_GUARD = (
    ROOT
    / "tests/helpers/node/node_modules/@cdklabs/cdk-validator-cfnguard/bin"
    / {"linux": "ubuntu", "darwin": "macos"}.get(sys.platform, sys.platform)
    / {"arm64": "aarch64"}.get(machine(), machine())
    / "cfn-guard"
)
RULES = Path(__file__).parent / "rules.guard"
# Exit codes with and without findings.
_LINT_CODES, _GUARD_CODES = range(15), (0, 19)


@dataclass(frozen=True)
class Scanners:
    """The paths of the scanners.

    Attributes:
        checkov: in its own virtual environment, since it pins other versions than we do.
        cfn_lint: in the same environment, with the serverless rules.
        guard: cfn-guard, from an npm package with a binary for each platform.
        ruff: the one of the development environment.
    """

    checkov: Path = ROOT / ".scan/bin/checkov"
    cfn_lint: Path = ROOT / ".scan/bin/cfn-lint"
    guard: Path = _GUARD
    ruff: Path = Path(sys.executable).parent / "ruff"


def run_checkov(checkov: Path, templates: Sequence[Expanded]) -> Report:
    """Run checkov on expanded templates: it knows few rules for SAM resources.

    Raises:
        ScanError: checkov did not run, or checked nothing.
    """
    options = ["--framework=cloudformation", "--skip-download", "--quiet", "--output=json"]
    with _written(templates) as paths:
        files = [f"--file={path}" for path in paths]
        report = _json([checkov, *options, *files], (0, 1), dict[str, Any])
    results, summary = report.get("results", {}), report.get("summary", {})
    if not summary.get("passed") or summary.get("parsing_errors"):
        raise ScanError("checkov checked nothing, or could not read a template")
    return Report(
        f"{len(templates)} templates, {summary['passed'] + summary['failed']} checks",
        [
            Finding("checkov", failed["check_id"], _last(failed["resource"]), failed["check_name"])
            for failed in results["failed_checks"]
        ],
    )


def run_cfn_lint(cfn_lint: Path, templates: Sequence[Path]) -> Report:
    """Run cfn-lint with the serverless rules on the template files.

    Raises:
        ScanError: cfn-lint did not run.
    """
    rules = ["--append-rules", "cfn_lint_serverless.rules", "--include-checks", "I"]
    command = [cfn_lint, *rules, "--format", "json", "--template", *templates]
    report = _json(command, _LINT_CODES, list[Any])
    return Report(
        ", ".join(template.name for template in templates),
        [
            Finding("cfn-lint", match["Rule"]["Id"], _located(match), match["Message"])
            for match in report
        ],
    )


def run_guard(guard: Path, templates: Sequence[Expanded]) -> Report:
    """Run cfn-guard with our own rules on expanded templates.

    Raises:
        ScanError: cfn-guard did not run, or no rule applied to any resource.
    """
    options = ["--structured", "--show-summary=none", "--output-format=json"]
    with _written(templates) as paths:
        files = [f"--data={path}" for path in paths]
        command = [guard, "validate", f"--rules={RULES}", *options, *files]
        reports = _json(command, _GUARD_CODES, list[Any])
    applied = {
        rule
        for report in reports
        for rule in (
            *report["compliant"],
            *(each["Rule"]["name"] for each in report["not_compliant"]),
        )
    }
    if not applied:
        raise ScanError("no rule of cfn-guard applied to any resource")
    return Report(
        f"{len(templates)} templates, {len(applied)} rules",
        [
            finding
            for report in reports
            for each in report["not_compliant"]
            for finding in _guard_findings(each["Rule"])
        ],
    )


def run_ruff(ruff: Path) -> Report:
    """Run the security rules of ruff, which come from bandit, on all Python files.

    Raises:
        ScanError: ruff did not run, or found no file.
    """
    files = _run([ruff, "check", "--show-files", ROOT], (0,)).split()
    if not files:
        raise ScanError("ruff found no file")
    options = ["--select", "S", "--output-format", "json"]
    report = _json([ruff, "check", *options, ROOT], (0, 1), list[Any])
    return Report(
        f"{len(files)} files",
        [
            Finding("ruff", each["code"], Path(each["filename"]).name, each["message"])
            for each in report
        ],
    )


@contextmanager
def _written(templates: Sequence[Expanded]) -> Generator[Sequence[Path]]:
    """Write templates to temporary files."""
    with TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{template.name}.json" for template in templates]
        for path, template in zip(paths, templates, strict=True):
            body = {"AWSTemplateFormatVersion": "2010-09-09", "Resources": template.resources}
            path.write_text(json.dumps(body), encoding="utf-8")
        yield paths


def _json[T](command: Sequence[object], codes: Sequence[int], kind: type[T]) -> T:
    output = _run(command, codes)
    try:
        return TypeAdapter(kind).validate_json(output)
    except ValidationError:
        name = Path(str(command[0])).name
        raise ScanError(f"{name} printed unexpected output: {output[:200]!r}") from None


def _run(command: Sequence[object], codes: Sequence[int]) -> str:
    name = Path(str(command[0])).name
    try:
        done = subprocess.run(
            [*map(str, command)], check=False, capture_output=True, text=True, cwd=ROOT
        )
    except OSError as error:
        raise ScanError(f"{name} is missing: {error.strerror}") from None
    if done.returncode not in codes:
        raise ScanError(f"{name} exited with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _last(resource: str) -> str:
    return resource.rpartition(".")[2]


def _located(match: Mapping[str, Any]) -> str:
    path: list[object] = match["Location"]["Path"] or []
    return str(path[1]) if len(path) > 1 and path[0] == "Resources" else "-"


def _guard_findings(rule: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield the findings of a rule; the path of a check contains the resource."""
    for path, message in _paths(rule["checks"]):
        yield Finding("cfn-guard", rule["name"], path.split("/")[2], message.strip())


def _paths(node: JsonValue, message: str = "") -> Iterator[tuple[str, str]]:
    if isinstance(node, list):
        for item in node:
            yield from _paths(item, message)
    if isinstance(node, dict):
        match node:
            case {"messages": {"custom_message": str(text)}}:
                message = text
            case {"path": str(path)} if path.startswith("/Resources/"):
                yield path, message
            case _:
                pass
        for member in node.values():
            yield from _paths(member, message)
