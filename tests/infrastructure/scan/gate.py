"""The gate: every check looks at the template or the code, or says that it did not."""

import tomllib
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import partial
from pathlib import Path

from tests.helpers.template import ROOT
from tests.infrastructure.scan.driving import driven
from tests.infrastructure.scan.exemptions import TOOL, exemptions_in, judged
from tests.infrastructure.scan.expanding import Expanded, expanded, source_of
from tests.infrastructure.scan.finding import CannotLook, Finding, Looked
from tests.infrastructure.scan.own_rules import RULES, Actions, Rule
from tests.infrastructure.scan.tools import Scanners, ask_cfn_lint, ask_checkov, ask_guard, ask_ruff

_NEEDED = {"TokenSha256": "0" * 64}


class Result(StrEnum):
    """What a check came to."""

    PASSED = "passed"
    FAILED = "failed"
    NOT_RUN = "not run"


@dataclass(frozen=True)
class Check:
    """A line of the table.

    Attributes:
        name: of the check.
        looked_at: what, and how much of it; or why it did not look.
        result: what it came to.
        findings: those that nothing excuses.
        is_needed: whether the gate stays shut when it did not look.
    """

    name: str
    looked_at: str
    result: Result
    findings: Sequence[Finding] = ()
    is_needed: bool = True


# Known before anybody asks, so that nobody takes silence for a pass.
_NOT_OFFLINE = Check(
    "known vulnerabilities",
    "needs the network: without it, pip-audit finds nothing and calls that none",
    Result.NOT_RUN,
    is_needed=False,
)


def parameter_sets() -> Mapping[str, Mapping[str, str]]:
    """The ways to deploy that are looked at, by their names."""
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    prod = stages["prod"]["deploy"]["parameters"]["parameter_overrides"].split()
    return {
        "defaults": _NEEDED,
        "prod": {**_NEEDED, **dict(pair.split("=", 1) for pair in prod)},
        "prepared": {**_NEEDED, "ProvisionedConcurrency": "1"},
        "everything": {**_NEEDED, **EVERYTHING},
        "little": {**_NEEDED, **LITTLE},
    }


# All options on that can be on together.
EVERYTHING = {
    "Environment": "prod",
    "SnapStart": "PublishedVersions",
    "Deployment": "Canary10Percent5Minutes",
    "CustomerKey": "create",
    "WebhookConcurrency": "200",
    "EventConcurrency": "50",
    "AlarmEmail": "somebody@example.com",
}
LITTLE = {"WebSocket": "disabled", "Sweeper": "disabled"}


@dataclass(frozen=True)
class Gate:
    """Asks all checks.

    Attributes:
        template: the file.
        sets: by a name, parameters to expand it with.
        scanners: where the tools of others are.
        actions: returns what the functions do.
    """

    template: Path
    sets: Mapping[str, Mapping[str, str]]
    scanners: Scanners = field(default_factory=Scanners)
    actions: Callable[[], Actions] = lambda: driven().actions

    def checks(self) -> list[Check]:
        """Look, and judge what is found by the exemptions of the template."""
        try:
            exemptions = exemptions_in(source_of(self.template))
            templates = [
                expanded(self.template, name, parameters) for name, parameters in self.sets.items()
            ]
        except CannotLook as reason:
            return [Check("template", str(reason), Result.NOT_RUN)]
        seen = [(name, _tried(look)) for name, look in self._looks(templates)]
        found = [finding for _, looked in seen for finding in _findings(looked)]
        left, wrong = judged(exemptions, found)
        checks = [_check(name, looked, left) for name, looked in seen]
        # Where somebody did not look, an exemption may be for what was not seen.
        if all(check.result is not Result.NOT_RUN for check in checks):
            checks.append(_check(TOOL, Looked(f"{len(exemptions)} exemptions", wrong), wrong))
        return [*checks, _NOT_OFFLINE]

    def _looks(self, templates: Sequence[Expanded]) -> Iterator[tuple[str, Callable[[], Looked]]]:
        tools = self.scanners
        yield "checkov", partial(ask_checkov, tools.checkov, templates)
        yield "cfn-lint, serverless rules", partial(ask_cfn_lint, tools.cfn_lint, self.template)
        yield "cfn-guard, own rules", partial(ask_guard, tools.guard, templates)
        yield "ruff, security rules", partial(ask_ruff, tools.ruff)
        for rule in RULES:
            yield rule.__name__.replace("_", " "), partial(self._by, rule, templates)

    def _by(self, rule: Rule, templates: Sequence[Expanded]) -> Looked:
        actions = self.actions()
        found = [finding for template in templates for finding in rule(template, actions)]
        return Looked(f"{len(templates)} templates", found)


def table(checks: Sequence[Check]) -> Iterator[str]:
    """Yield the lines for a reader: every check, and under it what it found."""
    width = max(len(check.name) for check in checks)
    for check in checks:
        yield f"  {check.name:<{width}}  {check.result:<8}  {check.looked_at}"
        for finding in check.findings:
            yield f"      {finding.resource}: {finding.rule}: {finding.message}"


def as_json(checks: Sequence[Check]) -> dict[str, object]:
    """Return the same for programs."""
    return {"passed": exit_code(checks) == 0, "checks": [asdict(check) for check in checks]}


def exit_code(checks: Sequence[Check]) -> int:
    """Return 0 if all that are needed looked and found nothing, 2 if one of them did not look."""
    needed = {check.result for check in checks if check.is_needed}
    if Result.NOT_RUN in needed or Result.PASSED not in needed:
        return 2
    return int(Result.FAILED in needed)


def _tried(look: Callable[[], Looked]) -> Looked | CannotLook:
    try:
        return look()
    except CannotLook as reason:
        return reason


def _findings(looked: Looked | CannotLook) -> Sequence[Finding]:
    return looked.findings if isinstance(looked, Looked) else ()


def _check(name: str, looked: Looked | CannotLook, left: Collection[Finding]) -> Check:
    if isinstance(looked, CannotLook):
        return Check(name, str(looked), Result.NOT_RUN)
    findings = sorted({*looked.findings} & {*left})
    return Check(name, looked.at, Result.FAILED if findings else Result.PASSED, findings)
