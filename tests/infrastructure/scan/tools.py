"""The scanners of others. None of them needs the network; each that cannot look says so."""

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
from tests.infrastructure.scan.expanding import Expanded
from tests.infrastructure.scan.finding import CannotLook, Finding, Looked

# The npm package has it for these systems and processors, named in its own way.
_GUARD = (
    ROOT
    / "tests/helpers/node/node_modules/@cdklabs/cdk-validator-cfnguard/bin"
    / {"linux": "ubuntu", "darwin": "macos"}.get(sys.platform, sys.platform)
    / {"arm64": "aarch64"}.get(machine(), machine())
    / "cfn-guard"
)
RULES = Path(__file__).parent / "rules.guard"
# What they end with when they have found something.
_LINT_FOUND, _GUARD_FOUND = range(15), (0, 19)


@dataclass(frozen=True)
class Scanners:
    """Where the scanners are.

    Attributes:
        checkov: in an environment of its own, since its pins are not ours.
        cfn_lint: beside it, with the serverless rules.
        guard: cfn-guard, out of an npm package that has it for each platform.
        ruff: our own.
    """

    checkov: Path = ROOT / ".scan/bin/checkov"
    cfn_lint: Path = ROOT / ".scan/bin/cfn-lint"
    guard: Path = _GUARD
    ruff: Path = Path(sys.executable).parent / "ruff"


def ask_checkov(checkov: Path, templates: Sequence[Expanded]) -> Looked:
    """Ask checkov about expanded templates: of what SAM makes, it sees less before.

    Raises:
        CannotLook: checkov did not run, or checked nothing.
    """
    options = ["--framework=cloudformation", "--skip-download", "--quiet", "--output=json"]
    with _written(templates) as paths:
        files = [f"--file={path}" for path in paths]
        report = _json([checkov, *options, *files], (0, 1), dict[str, Any])
    results, summary = report.get("results", {}), report.get("summary", {})
    if not summary.get("passed") or summary.get("parsing_errors"):
        raise CannotLook("checkov checked nothing, or could not read what it was given")
    return Looked(
        f"{len(templates)} templates, {summary['passed'] + summary['failed']} checks",
        [
            Finding("checkov", failed["check_id"], _last(failed["resource"]), failed["check_name"])
            for failed in results["failed_checks"]
        ],
    )


def ask_cfn_lint(cfn_lint: Path, template: Path) -> Looked:
    """Ask cfn-lint about the template as it is written, with the serverless rules.

    Raises:
        CannotLook: cfn-lint did not run.
    """
    rules = ["--append-rules", "cfn_lint_serverless.rules", "--include-checks", "I"]
    command = [cfn_lint, *rules, "--format", "json", "--template", template]
    report = _json(command, _LINT_FOUND, list[Any])
    return Looked(
        template.name,
        [
            Finding("cfn-lint", match["Rule"]["Id"], _located(match), match["Message"])
            for match in report
        ],
    )


def ask_guard(guard: Path, templates: Sequence[Expanded]) -> Looked:
    """Ask cfn-guard about expanded templates, by our own rules.

    Raises:
        CannotLook: cfn-guard did not run, or no rule applied to anything.
    """
    options = ["--structured", "--show-summary=none", "--output-format=json"]
    with _written(templates) as paths:
        files = [f"--data={path}" for path in paths]
        command = [guard, "validate", f"--rules={RULES}", *options, *files]
        reports = _json(command, _GUARD_FOUND, list[Any])
    applied = {
        rule
        for report in reports
        for rule in (
            *report["compliant"],
            *(each["Rule"]["name"] for each in report["not_compliant"]),
        )
    }
    if not applied:
        raise CannotLook("cfn-guard found nothing that any of our rules is for")
    return Looked(
        f"{len(templates)} templates, {len(applied)} rules",
        [
            finding
            for report in reports
            for each in report["not_compliant"]
            for finding in _of_guard(each["Rule"])
        ],
    )


def ask_ruff(ruff: Path) -> Looked:
    """Ask ruff's security rules, which are bandit's, about all Python of the project.

    Raises:
        CannotLook: ruff did not run, or saw no file.
    """
    files = _run([ruff, "check", "--show-files", ROOT], (0,)).split()
    if not files:
        raise CannotLook("ruff saw no file")
    options = ["--select", "S", "--output-format", "json"]
    report = _json([ruff, "check", *options, ROOT], (0, 1), list[Any])
    return Looked(
        f"{len(files)} files",
        [
            Finding("ruff", each["code"], Path(each["filename"]).name, each["message"])
            for each in report
        ],
    )


@contextmanager
def _written(templates: Sequence[Expanded]) -> Generator[Sequence[Path]]:
    """Write templates to files, for as long as the block takes."""
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
        raise CannotLook(f"{name} did not print what it should: {output[:200]!r}") from None


def _run(command: Sequence[object], codes: Sequence[int]) -> str:
    name = Path(str(command[0])).name
    try:
        done = subprocess.run(
            [*map(str, command)], check=False, capture_output=True, text=True, cwd=ROOT
        )
    except OSError as error:
        raise CannotLook(f"{name} is not there: {error.strerror}") from None
    if done.returncode not in codes:
        raise CannotLook(f"{name} ended with {done.returncode}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _last(resource: str) -> str:
    return resource.rpartition(".")[2]


def _located(match: Mapping[str, Any]) -> str:
    path: list[object] = match["Location"]["Path"] or []
    return str(path[1]) if len(path) > 1 and path[0] == "Resources" else "-"


def _of_guard(rule: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield what a rule found, once for each resource: its path stands in what was checked."""
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
