"""Third-party code: pinned, verified by hash, and under permissive licences."""

import json
import re
from importlib.metadata import metadata
from pathlib import Path

import pytest
import yaml

from tests.helpers.template import ROOT

SHIPPED = ROOT / "layers/aiflow/python/requirements.txt"
LOCKS = [SHIPPED, *sorted(ROOT.glob("requirements/**/*.txt"))]
NODE_LOCKS = [
    path for path in ROOT.glob("tests/**/package-lock.json") if "node_modules" not in path.parts
]
WORKFLOWS = sorted(ROOT.glob(".github/workflows/*.yml"))

PINNED = re.compile(r"[\w./-]+@[0-9a-f]{40}")
NAMED = re.compile(r"^(\S+?)==", re.MULTILINE)
HASHED = re.compile(
    r"^(\S+?)==\S+(?: ; .*)? \\\n(?:    --hash=sha256:[0-9a-f]{64}(?: \\)?\n)+", re.MULTILINE
)
LISTED = re.compile(r"^\| `(\S+)` \| (\S+) \|", re.MULTILINE)
# They allow redistribution with the licence notice.
PERMISSIVE = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0"}


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def licence_of(package: str) -> str:
    """Return the licence of a package, from the current or the legacy metadata field."""
    declared = metadata(package).json
    return str(declared.get("license_expression") or declared["license"])


@pytest.mark.parametrize("lock", LOCKS, ids=name_of)
def test_a_lock_has_a_hash_for_every_package_and_no_host(lock: Path) -> None:
    text = lock.read_text(encoding="utf-8")
    names = NAMED.findall(text)
    assert names
    assert HASHED.findall(text) == names
    assert "://" not in text


@pytest.mark.parametrize("lock", NODE_LOCKS, ids=name_of)
def test_a_node_lock_has_a_hash_for_every_package_and_no_host(lock: Path) -> None:
    packages = json.loads(lock.read_text(encoding="utf-8"))["packages"]
    others = {name: package for name, package in packages.items() if name}
    assert others
    assert [name for name, package in others.items() if "integrity" not in package] == []
    assert [name for name, package in others.items() if "resolved" in package] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_a_workflow_pins_third_party_actions_by_digest(workflow: Path) -> None:
    jobs = yaml.safe_load(workflow.read_text(encoding="utf-8"))["jobs"].values()
    used = [step["uses"] for job in jobs for step in job["steps"] if "uses" in step]
    assert used
    assert [action for action in used if not PINNED.fullmatch(action)] == []


@pytest.mark.parametrize("workflow", WORKFLOWS, ids=name_of)
def test_a_workflow_can_only_read_and_persists_no_credentials(workflow: Path) -> None:
    read = yaml.safe_load(workflow.read_text(encoding="utf-8"))
    assert read["permissions"] == {"contents": "read"}
    steps = [step for job in read["jobs"].values() for step in job["steps"]]
    checkouts = [step for step in steps if step.get("uses", "").startswith("actions/checkout@")]
    assert checkouts
    assert all(step["with"]["persist-credentials"] is False for step in checkouts)


def test_the_documentation_lists_the_licence_of_every_shipped_package() -> None:
    listed = dict(LISTED.findall((ROOT / "docs/supply-chain.md").read_text(encoding="utf-8")))
    shipped = NAMED.findall(SHIPPED.read_text(encoding="utf-8"))
    assert listed == {package: licence_of(package) for package in shipped}
    assert set(listed.values()) <= PERMISSIVE
