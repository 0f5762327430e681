"""Tables of the documentation, held against the registries: nothing is missing, nothing is made up."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from visavox.registry import BACKENDS, IDENTIFIERS, OBJECTIVES, PROTOCOLS

DOCS = Path(__file__).parents[1] / "docs"


def first_cells(name: str, heading: str) -> dict[str, list[str]]:
    """Rows of the table whose first column is called `heading`, by the name in backticks that they begin with."""
    text = (DOCS / name).read_text(encoding="utf-8")
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", text, flags=re.MULTILINE)
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in table.splitlines()]
    return {row[0].strip("`"): row for row in rows}


def test_every_objective_has_its_row_and_says_whether_it_needs_labels() -> None:
    rows = first_cells("objectives.md", "name")
    assert sorted(rows) == OBJECTIVES.names()
    for name, row in rows.items():
        if name != "mixture":
            assert (row[3] == "yes") == bool(OBJECTIVES.get(name).needs_labels), name  # type: ignore[attr-defined]


def test_every_protocol_has_its_row() -> None:
    assert sorted(first_cells("protocols.md", "name")) == PROTOCOLS.names()


def test_every_identifier_has_its_row_and_every_back_end_is_named() -> None:
    assert sorted(first_cells("identification.md", "identifier")) == sorted(
        name for name in IDENTIFIERS.names() if IDENTIFIERS.get(name).__module__.startswith("visavox.")
    )
    text = (DOCS / "identification.md").read_text(encoding="utf-8")
    assert all(f"`{name}`" in text for name in BACKENDS.names())


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text(encoding="utf-8")):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", sorted(DOCS.glob("*.md")), ids=lambda p: p.name)
def test_recipes_and_benchmarks_that_are_named_exist(path: Path) -> None:
    for named in re.findall(
        r"`?((?:recipes|benchmarks|scripts)/[\w.-]+\.(?:yaml|py))", path.read_text(encoding="utf-8")
    ):
        assert (DOCS.parent / named).exists(), named
