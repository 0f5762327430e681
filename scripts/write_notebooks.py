"""Writes the notebooks of docs/notebooks from the cells below, runs them, and stores them with what they printed.

    python scripts/write_notebooks.py [NAME ...]

The cells are written here, as text that a person can read and compare; `tests/test_notebooks.py` holds the stored
notebooks against them and runs them again.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

import nbformat
from nbclient import NotebookClient

FOLDER = Path(__file__).parents[1] / "docs" / "notebooks"


def cells_of(text: str) -> list[tuple[str, str]]:
    """Return (kind, source) of each cell of a script in the percent format."""
    cells: list[tuple[str, str]] = []
    for block in text.split("\n# %%")[1:]:
        head, _, body = block.partition("\n")
        if head.strip() == "[markdown]":
            lines = ("" if line == "#" else line.removeprefix("# ") for line in body.strip().splitlines())
            cells.append(("markdown", "\n".join(lines)))
        else:
            cells.append(("code", body.strip()))
    return cells


def notebook_of(script: Path) -> nbformat.NotebookNode:
    """Return the notebook of a script, not yet run; ids of cells are their places, the same every time."""
    made = nbformat.v4.new_notebook()
    made.metadata["kernelspec"] = {"display_name": "Python 3", "language": "python", "name": "python3"}
    for number, (kind, source) in enumerate(cells_of("\n" + script.read_text(encoding="utf-8"))):
        new = nbformat.v4.new_markdown_cell if kind == "markdown" else nbformat.v4.new_code_cell
        cell = new(source)
        cell["id"] = f"cell-{number}"
        made.cells.append(cell)
    return made


def run(notebook: nbformat.NotebookNode, folder: Path, timeout_s: float = 600) -> nbformat.NotebookNode:
    """Run every cell in a folder of its own; a cell that fails raises."""
    os.environ["PATH"] = (
        f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # the command beside this Python
    )
    NotebookClient(notebook, timeout=timeout_s, resources={"metadata": {"path": str(folder)}}).execute()
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # when it ran is nobody's affair
    return notebook


def main(names: list[str]) -> None:
    for script in sorted(FOLDER.glob("*.cells")):
        if names and script.stem not in names:
            continue
        with tempfile.TemporaryDirectory() as folder:
            done = run(notebook_of(script), Path(folder))
        nbformat.write(done, script.with_suffix(".ipynb"))
        print(script.stem, sum(cell.cell_type == "code" for cell in done.cells), "cells")


if __name__ == "__main__":
    main(sys.argv[1:])
