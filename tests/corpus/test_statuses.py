"""Every status that the package can give is explained."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import visavox
from visavox.corpus.statuses import STATUSES, TRANSIENT

ROOT = Path(visavox.__file__).parent


def used_statuses() -> set[str]:
    """Statuses that stand literally in the sources: status="x", and ("x", f"reason") of records."""
    found: set[str] = set()
    for path in (*ROOT.glob("media/**/*.py"), *ROOT.glob("corpus/sources/*.py"), *ROOT.glob("pipeline/clip*.py")):
        text = path.read_text(encoding="utf-8")
        found |= set(re.findall(r'status="([a-z_]+)"', text))
        found |= set(re.findall(r'problem=\(\s*"([a-z_]+)",', text))
    return found


def test_every_status_that_is_given_is_explained() -> None:
    used = used_statuses()
    assert len(used) > 15
    assert used <= STATUSES.keys(), sorted(used - STATUSES.keys())


def test_what_passes_by_itself_is_tried_again_and_what_does_not_is_not() -> None:
    assert {"network", "disk", "growing_file"} == TRANSIENT


@pytest.mark.parametrize("name", STATUSES)
def test_a_status_is_a_short_code_with_a_meaning(name: str) -> None:
    assert re.fullmatch(r"[a-z_]{2,24}", name)
    assert 0 < len(STATUSES[name].meaning) < 70


def test_the_documentation_lists_every_status_in_our_words() -> None:
    page = (ROOT.parents[1] / "docs" / "corpus.md").read_text(encoding="utf-8")
    for name, status in STATUSES.items():
        assert f"| `{name}` | {status.meaning} |" in page
