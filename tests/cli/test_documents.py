"""What the documents promise, held against what there is."""

import json
import re
from pathlib import Path

import pytest

from tests.cli.support import ROOT, SAMPLE, SAMPLE_PLATE, Platehost

DOCUMENTS = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]


def shown(name: str) -> str:
    """What README.md shows of an answer."""
    found = re.search(f"<!-- {name} -->\n(.*?)\n<!-- end -->", (ROOT / "README.md").read_text(), re.DOTALL)
    assert found is not None, name
    return re.sub(r"^```\w*$", "", found[1], flags=re.MULTILINE)


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)[^)]*\)", document.read_text()):
        if not target.startswith(("http://", "https://")):
            assert (document.parent / target).exists(), target


def test_every_command_in_the_documents_exists(platehost: Platehost) -> None:
    told = platehost("--help").stdout
    use = re.compile(r"\bplatehost (?!COMMAND)([a-z]+)\b(?= [A-Z-]|`| [a-z]+ [A-Z])")
    for document in DOCUMENTS:
        commands = use.findall(document.read_text())
        for command in commands:
            assert f"    {command} " in told, f"{document.name}: platehost {command}"


def test_the_readme_shows_the_answers_of_today(platehost: Platehost) -> None:
    (today,) = json.loads(platehost("read", SAMPLE).stdout)["results"]
    snapshot = json.loads(shown("snapshot"))
    assert snapshot["results"][0]["plate"] == SAMPLE_PLATE
    assert set(snapshot["results"][0]) == set(today)
    off = {side: abs(snapshot["results"][0]["box"][side] - today["box"][side]) for side in today["box"]}
    assert max(off.values()) <= 3, "the pack has changed: run scripts/readme.py"
    assert json.loads(shown("npr"))["results"][0]["plate"] == SAMPLE_PLATE.upper()
    assert SAMPLE_PLATE.upper() in shown("read")
