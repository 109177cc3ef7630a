"""Exemptions from rules: each with a reason, and each for a finding that exists.

`exemptions.yaml` has a list of groups. In a group, every resource is exempt from every rule:

```yaml
- resources: [SweeperFunction]
  rules:
    ES4000: The next run processes what a lost run left over.
```
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, TypeAdapter, ValidationError

from tests.infrastructure.scan.finding import Finding, ScanError

TOOL = "exemptions"
EXEMPTIONS = Path(__file__).parent / "exemptions.yaml"


class _Group(BaseModel, extra="forbid"):
    resources: list[str]
    rules: dict[str, str | None]


@dataclass(frozen=True)
class Exemption:
    """A rule that a resource does not follow.

    Attributes:
        resource: its logical id.
        rule: the rule, of any tool.
        reason: the reason; empty if none is given.
    """

    resource: str
    rule: str
    reason: str

    def covers(self, finding: Finding) -> bool:
        """Return whether the finding is exempt."""
        return (finding.resource, finding.rule) == (self.resource, self.rule)


def read_exemptions(path: Path | None) -> list[Exemption]:
    """Read the exemptions of a file; without a file there are none.

    Raises:
        ScanError: the file cannot be read, or has another format.
    """
    if path is None:
        return []
    try:
        groups = TypeAdapter(list[_Group]).validate_python(yaml.safe_load(path.read_bytes()))
    except (OSError, yaml.YAMLError, ValidationError) as error:
        raise ScanError(f"{path.name} cannot be read: {error}") from error
    return [
        Exemption(resource, rule, (reason or "").strip())
        for group in groups
        for resource in group.resources
        for rule, reason in group.rules.items()
    ]


def suppressions_in(source: Mapping[str, Any]) -> Iterator[Finding]:
    """Yield a finding for each exemption in the metadata of a template: it has no reason there."""
    for name, resource in source["Resources"].items():
        metadata = resource.get("Metadata", {})
        rules = [
            *(skip["id"] for skip in metadata.get("checkov", {}).get("skip", [])),
            *metadata.get("cfn-lint", {}).get("config", {}).get("ignore_checks", []),
            *metadata.get("guard", {}).get("SuppressedRules", []),
        ]
        for rule in rules:
            yield Finding(TOOL, rule, name, f"move this exemption to {EXEMPTIONS.name}")


def apply_exemptions(
    exemptions: Iterable[Exemption], findings: Iterable[Finding]
) -> tuple[list[Finding], list[Finding]]:
    """Return the findings that no exemption covers, and the findings about exemptions."""
    remaining, invalid = set(findings), list[Finding]()
    for exemption in exemptions:
        covered = {finding for finding in remaining if exemption.covers(finding)}
        if not covered:
            invalid.append(_invalid(exemption, "matches no finding: remove it"))
        elif not exemption.reason:
            invalid.append(_invalid(exemption, "has no reason"))
        remaining -= covered
    return sorted(remaining), invalid


def _invalid(exemption: Exemption, message: str) -> Finding:
    return Finding(TOOL, exemption.rule, exemption.resource, f"this exemption {message}")
