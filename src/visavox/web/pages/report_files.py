"""Reports below the folders of a server: found, listed newest first, and served by a number that names nothing else.

The address of a report is a digest of its path. Only what was found just now can be opened, so that no address leads
elsewhere; a link that points out of the folders is not followed.

Example:
    >>> find_reports([])
    []
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

REPORTS = {
    "report.html": "evaluation",
    "comparison.html": "comparison of reports",
    "leaderboard.html": "comparison of methods",
    "human.html": "people and the model",
    "audit.html": "audit of a corpus",
}
"""Files that are reports, and of what; each is whole in itself."""
DEEPEST, MOST = 6, 500
"""Folders below a given one that are looked into; reports that are listed."""


@dataclass(frozen=True)
class FoundReport:
    """One report."""

    path: Path
    """The file."""
    name: str
    """Folder and file, relative to where it was looked for."""
    kind: str
    """What it reports on."""
    modified: datetime
    """When it was written, UTC."""

    @property
    def key(self) -> str:
        """What its address ends in: 16 hexadecimal digits."""
        return hashlib.sha256(os.fsencode(self.path)).hexdigest()[:16]


def find_reports(folders: Sequence[Path]) -> list[FoundReport]:
    """Return the reports in and below folders, the newest first, 500 at most; folders that are missing hold none."""
    found: dict[Path, FoundReport] = {}
    for folder in folders:
        root = folder.resolve()
        for place, inner, files in os.walk(root):
            here = Path(place)
            depth = len(here.relative_to(root).parts)
            inner[:] = [] if depth >= DEEPEST else sorted(name for name in inner if not name.startswith("."))
            for file in sorted(REPORTS.keys() & set(files)):
                path = (here / file).resolve()
                if path.is_file() and path.is_relative_to(root):
                    name = str(Path(root.name, *(here / file).relative_to(root).parts))
                    written = datetime.fromtimestamp(path.stat().st_mtime, UTC)
                    found.setdefault(path, FoundReport(path, name, REPORTS[file], written))
    return sorted(found.values(), key=lambda report: (-report.modified.timestamp(), report.name))[:MOST]


def report_of(folders: Sequence[Path], key: str) -> FoundReport | None:
    """Return the report of an address; None where there is none (any more)."""
    return next((report for report in find_reports(folders) if report.key == key), None)
