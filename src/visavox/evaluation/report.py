"""The folder of a report: `report.json` for programs, `report.md` for a terminal, `report.html` for people.

The record itself is `visavox.evaluation.record.Report`; this module writes it to a folder and reads it back.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     report = Report("An empty test", (), (), {"seed": 1})
    ...     paths = write_report(report, folder)
    ...     print([path.name for path in paths], read_report(folder) == report)
    ['report.json', 'report.md', 'report.html'] True
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from visavox.errors import DataError
from visavox.evaluation.page import report_page
from visavox.evaluation.record import Baseline, Report, report_from_json, report_to_json
from visavox.evaluation.tables import markdown

__all__ = ["Baseline", "Report", "read_report", "write_report"]


def write_report(report: Report, folder: Path | str) -> tuple[Path, Path, Path]:
    """Writes the three files of a report and returns their paths: JSON, Markdown, HTML.

    Args:
        report: what was found.
        folder: made with its parents where it is missing; files of an earlier report in it are replaced, each at
            once and whole, so that an interruption leaves the old file or the new one.

    Raises:
        DataError: the folder cannot be written.
    """
    folder = Path(folder)
    texts = {
        "report.json": json.dumps(report_to_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "report.md": markdown(report),
        "report.html": report_page(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            whole = folder / f".{name}.{os.getpid()}.part"
            try:
                whole.write_text(text, encoding="utf-8")
                whole.replace(folder / name)
            finally:
                whole.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"The report must be written to {folder}, which failed: {error.strerror or error}. Name another folder."
        ) from error
    return folder / "report.json", folder / "report.md", folder / "report.html"


def read_report(folder: Path | str) -> Report:
    """Returns the report in a folder, or in a `report.json` named itself.

    Raises:
        DataError: no report there, not JSON, or not a report.
    """
    path = Path(folder)
    path = path if path.suffix == ".json" else path / "report.json"
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise DataError(
            f"A report must be a folder with a report.json. {path} cannot be read: {error.strerror or error}. "
            "Name the folder that `visavox evaluate` wrote."
        ) from error
    except ValueError as error:  # not UTF-8, or not JSON
        raise DataError(f"{path} must be JSON. It is damaged: {error}. Evaluate again to write it anew.") from error
    try:
        return report_from_json(values)
    except DataError as error:
        raise DataError(f"{path}: {error}") from error
