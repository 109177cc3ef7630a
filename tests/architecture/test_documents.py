"""The examples, links and indexes of the documentation are correct."""

import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tests.helpers.template import ROOT

RECORDS = ROOT / "docs/decisions"
PAGES = [
    *(ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")),
    *sorted(ROOT.glob("docs/**/*.md")),
]
SHELL = re.compile(r"```(?:bash|text)\n(.*?)```", re.DOTALL)
PYTHON = re.compile(r"```python\n(.*?)```", re.DOTALL)
MAKE = re.compile(r"(?:^|`)make ([a-z][\w-]+)", re.MULTILINE)
LINK = re.compile(r"\]\((?!https?:)([^)\s]+)\)")


def shell_lines() -> Iterator[str]:
    """Yield all shell lines of the pages, with continuation lines joined."""
    for page in PAGES:
        for block in SHELL.findall(page.read_text(encoding="utf-8")):
            yield from block.replace("\\\n", " ").splitlines()


def anchors(page: Path) -> set[str]:
    """Return the anchors of the headings of a page, as GitHub builds them."""
    headings = re.findall(r"^#+ (.*)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_event_posted_with_curl_has_the_json_content_type() -> None:
    posted = [line for line in shell_lines() if "curl" in line and " -d " in line]
    assert posted
    # By default curl sends a form, which is rejected.
    assert [line for line in posted if "Content-Type: application/json" not in line] == []


def test_the_table_for_sam_local_is_created_in_the_region_of_the_functions() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    regions = {stages[name]["global"]["parameters"]["region"] for name in ("default", "x86_64")}
    made = re.findall(r'boto3\.client\("dynamodb", "(.*?)"', "\n".join(shell_lines()))
    assert regions == {*made}


def test_every_link_leads_to_a_file_and_a_heading() -> None:
    broken: list[str] = []
    for page in PAGES:
        for link in LINK.findall(page.read_text(encoding="utf-8")):
            name, _, anchor = link.partition("#")
            target = (page.parent / name).resolve() if name else page
            if not target.exists() or (anchor and anchor not in anchors(target)):
                broken.append(f"{page.relative_to(ROOT)}: {link}")
    assert broken == []


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z][\w-]*):", makefile, re.MULTILINE))
    missing = [
        f"{page.relative_to(ROOT)}: make {name}"
        for page in PAGES
        if page.name != "CHANGELOG.md"  # It names former targets, too.
        for name in MAKE.findall(page.read_text(encoding="utf-8"))
        if name not in targets
    ]
    assert missing == []


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

    # The page shows them as two files.
    exec(handler + tests.replace("from user_speak.app import handle\n", ""), names)  # noqa: S102 - our own page

    ran = [name for name, test in names.items() if name.startswith("test_") and callable(test)]
    assert ran
    for name in ran:
        names[name]()  # type: ignore[operator]  # callable, see above
