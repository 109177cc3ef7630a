"""The documentation shows what works."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.helpers.template import ROOT

RECORDS = ROOT / "docs/decisions"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
SHELL = re.compile(r"```(?:bash|text)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")

each_page = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)


def shell_lines() -> Iterator[str]:
    """Every line of a shell, together with its continuation lines."""
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            yield from block.replace("\\\n", " ").splitlines()


def anchors(page: Path) -> set[str]:
    """The anchors of the headings of a page, as GitHub makes them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_event_that_is_posted_by_hand_says_that_it_is_json() -> None:
    posted = [line for line in shell_lines() if "curl" in line and " -d " in line]
    assert posted
    # By default curl sends a form, which is rejected.
    assert [line for line in posted if "Content-Type: application/json" not in line] == []


def test_the_table_for_sam_local_is_made_in_the_region_where_the_functions_look_for_it() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    regions = {stages[name]["global"]["parameters"]["region"] for name in ("default", "x86_64")}
    made = re.findall(r'boto3\.client\("dynamodb", "(.*?)"', "\n".join(shell_lines()))
    assert regions == {*made}


@each_page
def test_every_link_leads_to_a_file_and_a_heading(page: Path) -> None:
    broken: list[str] = []
    for link in LINK.findall(page.read_text(encoding="utf-8")):
        name, _, anchor = link.partition("#")
        target = (page.parent / name).resolve() if name else page
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    assert broken == []


# The changelog names old targets, too.
@pytest.mark.parametrize("page", [page for page in PAGES if page.name != "CHANGELOG.md"])
def test_every_make_target_exists(page: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    named = re.findall(r"(?:^|`)make ([a-z][\w-]+)", page.read_text(encoding="utf-8"), re.MULTILINE)
    assert {*named} - targets == set()


def test_the_index_lists_every_decision_record_with_its_title() -> None:
    index = (RECORDS / "README.md").read_text(encoding="utf-8")
    records = sorted(RECORDS.glob("[0-9]*.md"))
    assert records
    for record in records:
        number, _, title = record.read_text(encoding="utf-8").splitlines()[0].partition(". ")
        assert number == f"# {int(record.name[:4])}"
        assert f"| {record.name[:4]} | [{title}]({record.name}) |" in index


def test_the_handler_on_the_page_passes_the_tests_on_the_page() -> None:
    blocks = PYTHON.findall((ROOT / "docs/handlers.md").read_text(encoding="utf-8"))
    (handler,) = (block for block in blocks if "lambda_handler" in block)
    (tests,) = (block for block in blocks if "def test_" in block)
    names: dict[str, object] = {}

    # On the page they are two files.
    exec(handler + tests.replace("from user_speak.app import handle\n", ""), names)  # noqa: S102 - our own page

    ran = [name for name, test in names.items() if name.startswith("test_") and callable(test)]
    assert ran
    for name in ran:
        names[name]()  # type: ignore[operator]  # callable, see above
