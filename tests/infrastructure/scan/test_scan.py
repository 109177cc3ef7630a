"""The scan reports checks that did not run, and exemptions that are not valid."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.infrastructure.scan.scan import Check, Result, Scan, as_json, exit_code, table
from tests.infrastructure.scan.scanners import Scanners

SCANNERS = [*Scanners.__dataclass_fields__]
LOG_GROUP = """
Resources:
  Group:
    Type: AWS::Logs::LogGroup
    DeletionPolicy: Delete
    UpdateReplacePolicy: Delete
    {metadata}
    Properties: {{ LogGroupName: group, KmsKeyId: key, {retention} }}
"""


def template(folder: Path, metadata: str = "", retention: str = "RetentionInDays: 7") -> Path:
    """Write a template with a log group that is valid by default."""
    path = folder / "template.yaml"
    path.write_text(LOG_GROUP.format(metadata=metadata, retention=retention), encoding="utf-8")
    return path


def tool(folder: Path, script: str) -> Path:
    """Write a scanner that runs this shell script."""
    path = folder / "scanner"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def quiet(folder: Path) -> Scanners:
    """Return fast scanners that find nothing."""
    bodies: Mapping[str, object] = {
        "checkov": {"results": {"failed_checks": []}, "summary": {"passed": 1, "failed": 0}},
        "cfn_lint": [],
        "guard": [{"compliant": ["RULE"], "not_compliant": []}],
        "ruff": [],
    }
    paths = dict[str, Path]()
    for name, body in bodies.items():
        (folder / name).mkdir()
        paths[name] = tool(folder / name, f"cat <<'END'\n{json.dumps(body)}\nEND")
    return Scanners(**paths)


def scan(
    path: Path, scanners: Scanners | None = None, exemptions: Path | None = None
) -> dict[str, Check]:
    """Return all checks of a template by name."""
    run = Scan(path, {"only": {}}, exemptions, scanners or Scanners(), actions=dict)
    return {check.name: check for check in run.checks()}


def of(checks: Mapping[str, Check], scanner: str) -> Check:
    """Return the check of a scanner."""
    word = {"cfn_lint": "cfn-lint", "guard": "cfn-guard"}.get(scanner, scanner)
    (found,) = (check for name, check in checks.items() if name.startswith(word))
    return found


class TestChecksThatDidNotRun:
    def test_the_scan_passes_if_all_checks_ran_and_found_nothing(self, tmp_path: Path) -> None:
        checks = scan(template(tmp_path), quiet(tmp_path))
        assert exit_code([*checks.values()]) == 0

    @pytest.mark.parametrize("name", SCANNERS)
    @pytest.mark.parametrize("script", ["exit 77", "echo no JSON", "exit 0", "kill -9 $$"])
    def test_a_broken_scanner_did_not_run(self, tmp_path: Path, name: str, script: str) -> None:
        scanners = replace(quiet(tmp_path), **{name: tool(tmp_path, script)})
        checks = scan(template(tmp_path), scanners)
        assert of(checks, name).result is Result.NOT_RUN
        assert exit_code([*checks.values()]) == 2

    @pytest.mark.parametrize(
        ("name", "script"),
        [
            ("checkov", """echo '{"passed": 0, "failed": 0, "checkov_version": "3"}'"""),
            ("checkov", """echo '{"summary": {"passed": 9, "failed": 0, "parsing_errors": 1}}'"""),
            ("guard", """echo '[]'"""),
            ("guard", """echo '[{"compliant": [], "not_compliant": []}]'"""),
        ],
    )
    def test_a_scanner_that_checked_nothing_did_not_run(
        self, tmp_path: Path, name: str, script: str
    ) -> None:
        scanners = replace(quiet(tmp_path), **{name: tool(tmp_path, script)})
        assert of(scan(template(tmp_path), scanners), name).result is Result.NOT_RUN

    @pytest.mark.parametrize("name", SCANNERS)
    def test_a_missing_scanner_did_not_run(self, tmp_path: Path, name: str) -> None:
        scanners = replace(quiet(tmp_path), **{name: tmp_path / "nowhere"})
        checks = scan(template(tmp_path), scanners)
        assert of(checks, name).result is Result.NOT_RUN
        assert "is missing" in of(checks, name).scope
        assert exit_code([*checks.values()]) == 2

    @pytest.mark.parametrize("text", ["", "Resources: {}", "- a list", "Resources: [", "null"])
    def test_nothing_runs_without_a_template(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "template.yaml"
        path.write_text(text, encoding="utf-8")
        (check,) = scan(path, quiet(tmp_path)).values()
        assert check.result is Result.NOT_RUN
        assert exit_code([check]) == 2

    def test_nothing_runs_if_sam_rejects_the_template(self, tmp_path: Path) -> None:
        path = tmp_path / "template.yaml"
        path.write_text("Resources: {F: {Type: 'AWS::Serverless::Function'}}", encoding="utf-8")
        (check,) = scan(path, quiet(tmp_path)).values()
        assert check.result is Result.NOT_RUN

    def test_a_scan_without_checks_does_not_pass(self) -> None:
        assert exit_code([]) == 2

    def test_the_check_that_needs_the_network_is_listed_as_not_run(self, tmp_path: Path) -> None:
        check = scan(template(tmp_path), quiet(tmp_path))["known vulnerabilities"]
        assert check.result is Result.NOT_RUN
        assert not check.is_required


class TestExemptions:
    @staticmethod
    def scanned(folder: Path, rules: str, metadata: str = "") -> dict[str, Check]:
        """Scan a log group without retention with cfn-guard only."""
        scanners = replace(quiet(folder), guard=Scanners().guard)
        exemptions = folder / "exemptions.yaml"
        exemptions.write_text(f"[{{resources: [Group], rules: {rules}}}]", encoding="utf-8")
        return scan(template(folder, metadata, "Tags: []"), scanners, exemptions)

    def test_an_exemption_with_a_reason_covers_a_finding(self, tmp_path: Path) -> None:
        checks = self.scanned(tmp_path, "{LOG_GROUP_HAS_RETENTION: It is an archive.}")
        assert exit_code([*checks.values()]) == 0

    @pytest.mark.parametrize("reason", ["", "'  '"])
    def test_an_exemption_without_a_reason_is_a_finding(self, tmp_path: Path, reason: str) -> None:
        checks = self.scanned(tmp_path, f"{{LOG_GROUP_HAS_RETENTION: {reason}}}")
        (finding,) = checks["exemptions"].findings
        assert finding.message == "this exemption has no reason"
        assert exit_code([*checks.values()]) == 1

    def test_an_exemption_that_matches_no_finding_is_a_finding(self, tmp_path: Path) -> None:
        rules = "{LOG_GROUP_HAS_RETENTION: Why., TABLE_HAS_TTL: There is no table.}"
        checks = self.scanned(tmp_path, rules)
        (finding,) = checks["exemptions"].findings
        assert (finding.rule, "matches no finding" in finding.message) == ("TABLE_HAS_TTL", True)

    @pytest.mark.parametrize(
        "metadata",
        [
            "{checkov: {skip: [{id: LOG_GROUP_HAS_RETENTION, comment: Why.}]}}",
            "{guard: {SuppressedRules: [LOG_GROUP_HAS_RETENTION]}}",
            "{cfn-lint: {config: {ignore_checks: [LOG_GROUP_HAS_RETENTION]}}}",
        ],
    )
    def test_an_exemption_in_the_template_is_a_finding(self, tmp_path: Path, metadata: str) -> None:
        rules = "{LOG_GROUP_HAS_RETENTION: Why.}"
        checks = self.scanned(tmp_path, rules, f"Metadata: {metadata}")
        (finding,) = checks["exemptions"].findings
        assert finding.message == "move this exemption to exemptions.yaml"
        assert exit_code([*checks.values()]) == 1

    @pytest.mark.parametrize("text", ["[{resource: Group}]", "{", "a text"])
    def test_nothing_runs_if_the_exemptions_cannot_be_read(self, tmp_path: Path, text: str) -> None:
        (tmp_path / "exemptions.yaml").write_text(text, encoding="utf-8")
        path = template(tmp_path)
        (check,) = scan(path, quiet(tmp_path), tmp_path / "exemptions.yaml").values()
        assert check.result is Result.NOT_RUN

    def test_exemptions_are_not_checked_if_a_scanner_did_not_run(self, tmp_path: Path) -> None:
        scanners = replace(quiet(tmp_path), ruff=tmp_path / "nowhere")
        assert "exemptions" not in scan(template(tmp_path), scanners)


class TestNestedStacks:
    PARENT = """
Resources:
  Topic: {Type: AWS::SNS::Topic}
  Nested:
    Type: AWS::CloudFormation::Stack
    Properties: {TemplateURL: nested.yaml, Parameters: {%s}}
"""
    NESTED = """
Parameters: {Target: {Type: String}}
Resources:
  %s: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: !Sub "/logs/${Target}"}}
"""

    def scanned(self, folder: Path, passed: str, name: str = "Group") -> dict[str, Check]:
        """Scan a stack with a nested one that has a log group without retention."""
        (folder / "template.yaml").write_text(self.PARENT % passed, encoding="utf-8")
        (folder / "nested.yaml").write_text(self.NESTED % name, encoding="utf-8")
        scanners = replace(quiet(folder), guard=Scanners().guard)
        return scan(folder / "template.yaml", scanners)

    def test_the_resources_of_a_nested_stack_are_checked_too(self, tmp_path: Path) -> None:
        checks = self.scanned(tmp_path, "Target: !Ref Topic")
        found = {(each.resource, each.rule) for each in of(checks, "guard").findings}
        assert ("Group", "LOG_GROUP_HAS_RETENTION") in found
        assert of(checks, "cfn_lint").scope == "template.yaml, nested.yaml"

    @pytest.mark.parametrize("passed", ["", "Target: !Ref Topic, Other: text"])
    def test_nothing_runs_if_the_parameters_do_not_match(self, tmp_path: Path, passed: str) -> None:
        (check,) = self.scanned(tmp_path, passed).values()
        assert check.result is Result.NOT_RUN

    def test_nothing_runs_if_both_stacks_have_a_resource_of_the_same_name(
        self, tmp_path: Path
    ) -> None:
        (check,) = self.scanned(tmp_path, "Target: !Ref Topic", "Topic").values()
        assert "Topic is a resource of the stack and of a nested stack" in check.scope


class TestOutput:
    def test_the_table_lists_every_check_with_its_scope_and_findings(self, tmp_path: Path) -> None:
        scanners = replace(quiet(tmp_path), guard=Scanners().guard)
        checks = scan(template(tmp_path, retention="Tags: []"), scanners)
        lines = [*table([*checks.values()])]
        assert "  cfn-guard, own rules" in lines[2]
        assert "failed    1 templates, 1 rules" in lines[2]
        assert lines[3].startswith("      Group: LOG_GROUP_HAS_RETENTION: ")

    def test_the_json_output_contains_the_same(self, tmp_path: Path) -> None:
        checks = [*scan(template(tmp_path), quiet(tmp_path)).values()]
        output = json.loads(json.dumps(as_json(checks)))
        assert output["passed"] is True
        assert [each["name"] for each in output["checks"]] == [check.name for check in checks]
        assert output["checks"][0]["result"] == "passed"
