"""docs/compatibility.md lists nothing that no test proves, and leaves out nothing that the code knows."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path

from platehost.options import _CONFIG_KEYS
from platehost.settings import Settings
from tests.service.support import ROOT
from web.app import create_app
from web.errors import _NPR_CODES

PAGE = ROOT / "docs" / "compatibility.md"
NAMED = re.compile(r"`([\w/]+\.py)::(\w+)`")


def rows() -> list[str]:
    """The rows of all tables, without headings and rules."""
    found: list[str] = []
    lines = PAGE.read_text().splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if line.startswith("|") and before.startswith("|") and not line.startswith("|---"):
            found.append(line)
    return found


@cache
def names_in(file: Path) -> frozenset[str]:
    tree = ast.parse(file.read_text())
    return frozenset(each.name for each in tree.body if isinstance(each, ast.FunctionDef))


def test_every_row_names_tests_that_exist() -> None:
    assert len(rows()) > 90
    for row in rows():
        last = row.rstrip("| ").rpartition("|")[2]
        named = NAMED.findall(last)
        assert named, f"no test proves: {row}"
        assert not re.sub(r"[`,\s]", "", NAMED.sub("", last)), f"not only tests: {last}"
    for path, test in NAMED.findall(PAGE.read_text()):
        file = ROOT / path if "/" in path else ROOT / "tests" / "service" / path
        assert file.is_file(), path
        assert test in names_in(file), f"{path} has no {test}"


def test_nothing_that_the_code_knows_is_missing() -> None:
    page = PAGE.read_text()
    words = {*_CONFIG_KEYS, *_NPR_CODES.values(), "INTERNAL_ERROR"} - {"FORBIDDEN"}
    words |= {"upload", "upload_url", "regions", "camera_id", "timestamp", "mmc", "direction", "config"}
    missing = {word for word in words if f"`{word}`" not in page}
    assert not missing


def test_every_route_of_these_apis_is_listed(settings: Settings) -> None:
    page = PAGE.read_text()
    own = {"webhooks", "document", "document_page", "dashboard"}
    for face in ("cloud", "sdk"):
        for rule in create_app(settings, face=face).url_map.iter_rules():
            if rule.endpoint.partition(".")[0] not in own and rule.rule not in {"/healthz", "/readyz"}:
                assert rule.rule.replace("<job_id>", "<id>") in page, rule.rule
