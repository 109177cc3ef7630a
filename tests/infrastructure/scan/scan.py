"""The scan: runs all checks on the template and the code, and reports those that did not run."""

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from tests.helpers.template import ROOT
from tests.infrastructure.scan.exemptions import (
    TOOL,
    apply_exemptions,
    read_exemptions,
    suppressions_in,
)
from tests.infrastructure.scan.expanded_template import Expanded, expand, source_of, template_files
from tests.infrastructure.scan.finding import Finding, Report, ScanError
from tests.infrastructure.scan.observed_actions import observe
from tests.infrastructure.scan.own_rules import RULES, Actions, Rule
from tests.infrastructure.scan.scanners import (
    Scanners,
    run_cfn_lint,
    run_checkov,
    run_guard,
    run_ruff,
)

_REQUIRED = {"TokenSha256": "0" * 64}


class Result(StrEnum):
    """The result of a check."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Check:
    """A line of the table.

    Attributes:
        name: the name of the check.
        scope: what was checked, and how much of it; or why the check did not run.
        result: the result.
        findings: the findings that no exemption covers.
        is_required: whether the scan fails if this check did not run.
    """

    name: str
    scope: str
    result: Result
    findings: Sequence[Finding] = ()
    is_required: bool = True


# Reported explicitly, so that a missing check does not look like a passed one.
_NEEDS_NETWORK = Check(
    "known vulnerabilities",
    "needs the network: without it, pip-audit skips every package and reports success",
    Result.NOT_RUN,
    is_required=False,
)


def parameter_sets() -> Mapping[str, Mapping[str, str]]:
    """Return the parameter sets that are scanned, by name."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    prod = stages["prod"]["deploy"]["parameters"]["parameter_overrides"].split()
    return {
        "defaults": _REQUIRED,
        "prod": {**_REQUIRED, **dict(pair.split("=", 1) for pair in prod)},
        "prepared": {**_REQUIRED, "ProvisionedConcurrency": "1"},
        "everything": {**_REQUIRED, **EVERYTHING},
        "minimal": {**_REQUIRED, **MINIMAL},
    }


# All options that can be on at the same time.
EVERYTHING = {
    "Environment": "prod",
    "SnapStart": "PublishedVersions",
    "Deployment": "Canary10Percent5Minutes",
    "CustomerKey": "create",
    "WebhookConcurrency": "200",
    "EventConcurrency": "50",
    "AlarmEmail": "somebody@example.com",
}
# With the nested stack: every function must have an error alarm there.
MINIMAL = {"WebSocket": "disabled", "Sweeper": "disabled"}


@dataclass(frozen=True)
class Scan:
    """Runs all checks.

    Attributes:
        template: the file.
        sets: parameters to expand it with, by a name.
        exemptions: the file with exemptions; None for none.
        scanners: the paths of the external tools.
        actions: returns the observed AWS actions of the functions.
    """

    template: Path
    sets: Mapping[str, Mapping[str, str]]
    exemptions: Path | None = None
    scanners: Scanners = field(default_factory=Scanners)
    actions: Callable[[], Actions] = lambda: observe().actions

    def checks(self) -> list[Check]:
        """Run all checks, and apply the exemptions to their findings."""
        try:
            exemptions = read_exemptions(self.exemptions)
            files = [*template_files(self.template)]
            suppressed = [each for file in files for each in suppressions_in(source_of(file))]
            templates = [
                expand(self.template, name, parameters) for name, parameters in self.sets.items()
            ]
        except ScanError as error:
            return [Check("template", str(error), Result.NOT_RUN)]
        reports = [(name, _attempt(run)) for name, run in self._runs(files, templates)]
        findings = [finding for _, report in reports for finding in _findings(report)]
        remaining, invalid = apply_exemptions(exemptions, findings)
        checks = [_check(name, report, remaining) for name, report in reports]
        # An exemption may be for a check that did not run.
        if all(check.result is not Result.NOT_RUN for check in checks):
            report = Report(f"{len(exemptions)} exemptions", [*invalid, *suppressed])
            checks.append(_check(TOOL, report, report.findings))
        return [*checks, _NEEDS_NETWORK]

    def _runs(
        self, files: Sequence[Path], templates: Sequence[Expanded]
    ) -> Iterator[tuple[str, Callable[[], Report]]]:
        tools = self.scanners
        yield "checkov", partial(run_checkov, tools.checkov, templates)
        yield "cfn-lint, serverless rules", partial(run_cfn_lint, tools.cfn_lint, files)
        yield "cfn-guard, own rules", partial(run_guard, tools.guard, templates)
        yield "ruff, security rules", partial(run_ruff, tools.ruff)
        for rule in RULES:
            yield rule.__name__.replace("_", " "), partial(self._apply, rule, templates)

    def _apply(self, rule: Rule, templates: Sequence[Expanded]) -> Report:
        actions = self.actions()
        findings = [finding for template in templates for finding in rule(template, actions)]
        return Report(f"{len(templates)} templates", findings)


def table(checks: Sequence[Check]) -> Iterator[str]:
    """Yield a line for each check, followed by its findings."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"  {check.name:<{width}}  {check.result:<8}  {check.scope}"
        for finding in check.findings:
            yield f"      {finding.resource}: {finding.rule}: {finding.message}"


def as_json(checks: Sequence[Check]) -> dict[str, object]:
    """Return the checks as JSON."""
    return {"passed": exit_code(checks) == 0, "checks": [asdict(check) for check in checks]}


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0 if all required checks passed, 1 if one failed, 2 if one did not run."""
    required = {check.result for check in checks if check.is_required}
    if Result.NOT_RUN in required or Result.PASSED not in required:
        return 2
    return int(Result.FAILED in required)


def _attempt(run: Callable[[], Report]) -> Report | ScanError:
    try:
        return run()
    except ScanError as error:
        return error


def _findings(report: Report | ScanError) -> Sequence[Finding]:
    return report.findings if isinstance(report, Report) else ()


def _check(name: str, report: Report | ScanError, remaining: Collection[Finding]) -> Check:
    if isinstance(report, ScanError):
        return Check(name, str(report), Result.NOT_RUN)
    findings = sorted({*report.findings} & {*remaining})
    return Check(name, report.scope, Result.FAILED if findings else Result.PASSED, findings)
