"""What the papers show is what works."""

import re
import tomllib
from collections.abc import Iterator

from tests.helpers.template import ROOT

PAPERS = [ROOT / "README.md", *sorted(ROOT.glob("docs/*.md"))]
BLOCK = re.compile(r"```(?:bash|text)\n(.*?)```", re.DOTALL)


def shown() -> Iterator[str]:
    """Every line of a shell that the papers show, with the lines that go on with it."""
    for paper in PAPERS:
        for block in BLOCK.findall(paper.read_text(encoding="utf-8")):
            yield from block.replace("\\\n", " ").splitlines()


def test_every_event_that_is_posted_by_hand_says_that_it_is_json() -> None:
    posted = [line for line in shown() if "curl" in line and " -d " in line]
    assert posted
    # Of its own accord curl says that it is a form, which is refused.
    assert [line for line in posted if "Content-Type: application/json" not in line] == []


def test_the_table_for_sam_local_is_made_in_the_region_where_the_functions_look_for_it() -> None:
    stages = tomllib.loads((ROOT / "samconfig.toml").read_text(encoding="utf-8"))
    regions = {stages[name]["global"]["parameters"]["region"] for name in ("default", "x86_64")}
    made = re.findall(r'boto3\.client\("dynamodb", "(.*?)"', "\n".join(shown()))
    assert regions == {*made}
