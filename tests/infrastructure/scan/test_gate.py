"""A gate that cannot look says so, and an exemption is worth what its reason is."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import pytest

from tests.infrastructure.scan.gate import Check, Gate, Result, as_json, exit_code, table
from tests.infrastructure.scan.tools import Scanners

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
    """A template with a log group: fine, unless it is not to forget."""
    path = folder / "template.yaml"
    path.write_text(LOG_GROUP.format(metadata=metadata, retention=retention), encoding="utf-8")
    return path


def tool(folder: Path, script: str) -> Path:
    """A scanner that does what it is told here."""
    path = folder / "scanner"
    path.write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
    path.chmod(0o755)
    return path


def quiet(folder: Path) -> Scanners:
    """Scanners that have looked and found nothing, without taking their time."""
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


def looked(path: Path, scanners: Scanners | None = None) -> dict[str, Check]:
    """All checks of a template, by their names."""
    gate = Gate(path, {"only": {}}, scanners or Scanners(), actions=dict)
    return {check.name: check for check in gate.checks()}


def of(checks: Mapping[str, Check], scanner: str) -> Check:
    """The check that a scanner does."""
    word = {"cfn_lint": "cfn-lint", "guard": "cfn-guard"}.get(scanner, scanner)
    (found,) = (check for name, check in checks.items() if name.startswith(word))
    return found


class TestWhoCannotLook:
    def test_a_gate_where_all_have_looked_is_open(self, tmp_path: Path) -> None:
        checks = looked(template(tmp_path), quiet(tmp_path))
        assert exit_code([*checks.values()]) == 0

    @pytest.mark.parametrize("name", SCANNERS)
    @pytest.mark.parametrize("script", ["exit 77", "echo no JSON", "exit 0", "kill -9 $$"])
    def test_a_scanner_that_breaks_has_not_run(
        self, tmp_path: Path, name: str, script: str
    ) -> None:
        scanners = replace(quiet(tmp_path), **{name: tool(tmp_path, script)})
        checks = looked(template(tmp_path), scanners)
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
    def test_a_scanner_that_saw_nothing_has_not_run(
        self, tmp_path: Path, name: str, script: str
    ) -> None:
        scanners = replace(quiet(tmp_path), **{name: tool(tmp_path, script)})
        assert of(looked(template(tmp_path), scanners), name).result is Result.NOT_RUN

    @pytest.mark.parametrize("name", SCANNERS)
    def test_a_scanner_that_is_not_there_has_not_run(self, tmp_path: Path, name: str) -> None:
        scanners = replace(quiet(tmp_path), **{name: tmp_path / "nowhere"})
        checks = looked(template(tmp_path), scanners)
        assert of(checks, name).result is Result.NOT_RUN
        assert "not there" in of(checks, name).looked_at
        assert exit_code([*checks.values()]) == 2

    @pytest.mark.parametrize("text", ["", "Resources: {}", "- a list", "Resources: [", "null"])
    def test_where_there_is_no_template_nothing_has_run(self, tmp_path: Path, text: str) -> None:
        path = tmp_path / "template.yaml"
        path.write_text(text, encoding="utf-8")
        (check,) = looked(path, quiet(tmp_path)).values()
        assert check.result is Result.NOT_RUN
        assert exit_code([check]) == 2

    def test_where_sam_does_not_take_the_template_nothing_has_run(self, tmp_path: Path) -> None:
        path = tmp_path / "template.yaml"
        path.write_text("Resources: {F: {Type: 'AWS::Serverless::Function'}}", encoding="utf-8")
        (check,) = looked(path, quiet(tmp_path)).values()
        assert check.result is Result.NOT_RUN

    def test_no_checks_at_all_are_no_pass(self) -> None:
        assert exit_code([]) == 2

    def test_what_needs_the_network_is_named_and_not_called_passed(self, tmp_path: Path) -> None:
        check = looked(template(tmp_path), quiet(tmp_path))["known vulnerabilities"]
        assert check.result is Result.NOT_RUN
        assert not check.is_needed


class TestExemptions:
    @staticmethod
    def judge(folder: Path, metadata: str) -> dict[str, Check]:
        """A log group that never forgets, seen by cfn-guard only."""
        scanners = replace(quiet(folder), guard=Scanners().guard)
        return looked(template(folder, f"Metadata: {metadata}", "Tags: []"), scanners)

    def test_one_with_a_reason_excuses_what_is_found(self, tmp_path: Path) -> None:
        checks = self.judge(tmp_path, "{exempt: {LOG_GROUP_FORGETS: It is a diary.}}")
        assert exit_code([*checks.values()]) == 0

    @pytest.mark.parametrize(
        "metadata",
        [
            "{exempt: {LOG_GROUP_FORGETS: }}",
            "{exempt: {LOG_GROUP_FORGETS: '  '}}",
            "{checkov: {skip: [{id: LOG_GROUP_FORGETS}]}}",
            "{guard: {SuppressedRules: [LOG_GROUP_FORGETS]}}",
            "{cfn-lint: {config: {ignore_checks: [LOG_GROUP_FORGETS]}}}",
        ],
    )
    def test_one_without_a_reason_is_found(self, tmp_path: Path, metadata: str) -> None:
        checks = self.judge(tmp_path, metadata)
        (finding,) = checks["exemptions"].findings
        assert finding.message == "this exemption has no reason beside it"
        assert exit_code([*checks.values()]) == 1

    def test_one_that_excuses_nothing_is_found(self, tmp_path: Path) -> None:
        metadata = "{exempt: {LOG_GROUP_FORGETS: Why., TABLE_FORGETS: There is no table.}}"
        checks = self.judge(tmp_path, metadata)
        (finding,) = checks["exemptions"].findings
        assert (finding.rule, "excuses nothing" in finding.message) == ("TABLE_FORGETS", True)

    def test_they_are_not_judged_while_somebody_has_not_looked(self, tmp_path: Path) -> None:
        path = template(tmp_path, "Metadata: {exempt: {RULE: Why.}}")
        checks = looked(path, replace(quiet(tmp_path), ruff=tmp_path / "nowhere"))
        assert "exemptions" not in checks


class TestTheTable:
    def test_it_names_every_check_and_what_it_looked_at_and_found(self, tmp_path: Path) -> None:
        scanners = replace(quiet(tmp_path), guard=Scanners().guard)
        checks = looked(template(tmp_path, retention="Tags: []"), scanners)
        lines = [*table([*checks.values()])]
        assert "  cfn-guard, own rules" in lines[2]
        assert "failed    1 templates, 1 rules" in lines[2]
        assert lines[3].startswith("      Group: LOG_GROUP_FORGETS: ")

    def test_programs_get_the_same(self, tmp_path: Path) -> None:
        checks = [*looked(template(tmp_path), quiet(tmp_path)).values()]
        told = json.loads(json.dumps(as_json(checks)))
        assert told["passed"] is True
        assert [each["name"] for each in told["checks"]] == [check.name for check in checks]
        assert told["checks"][0]["result"] == "passed"
