"""Exemptions: each beside its resource, with its reason, and each for something that is found.

```yaml
Metadata:
  checkov: { skip: [{ id: CKV_AWS_116, comment: Whoever calls waits for the answer. }] }
  exempt: { ES4000: The next tick finds what this one left over. }
```

checkov's own form is for its own rules, so that it finds them wherever it runs.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tests.infrastructure.scan.finding import Finding

TOOL = "exemptions"


@dataclass(frozen=True)
class Exemption:
    """A rule that a resource need not keep.

    Attributes:
        resource: by its logical id.
        rule: of whatever tool.
        reason: why; empty where none is given.
    """

    resource: str
    rule: str
    reason: str

    def excuses(self, finding: Finding) -> bool:
        """Tell whether this is what was found."""
        return (finding.resource, finding.rule) == (self.resource, self.rule)


def exemptions_in(source: Mapping[str, Any]) -> list[Exemption]:
    """Return the exemptions of a template as it is written."""
    return [
        Exemption(name, rule, str(reason or "").strip())
        for name, resource in source["Resources"].items()
        for rule, reason in _written(resource.get("Metadata", {}))
    ]


def _written(metadata: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    yield from metadata.get("exempt", {}).items()
    for skip in metadata.get("checkov", {}).get("skip", []):
        yield skip["id"], skip.get("comment")
    # Their own forms, which have no place for a reason.
    for rule in metadata.get("cfn-lint", {}).get("config", {}).get("ignore_checks", []):
        yield rule, None
    for rule in metadata.get("guard", {}).get("SuppressedRules", []):
        yield rule, None


def judged(
    exemptions: Iterable[Exemption], findings: Iterable[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """Return what is left of the findings, and what is wrong with the exemptions."""
    left, wrong = set(findings), list[Finding]()
    for exemption in exemptions:
        excused = {finding for finding in left if exemption.excuses(finding)}
        if not excused:
            wrong.append(_wrong(exemption, "excuses nothing: take it away"))
        elif not exemption.reason:
            wrong.append(_wrong(exemption, "has no reason beside it"))
        left -= excused
    return sorted(left), wrong


def _wrong(exemption: Exemption, message: str) -> Finding:
    return Finding(TOOL, exemption.rule, exemption.resource, f"this exemption {message}")
