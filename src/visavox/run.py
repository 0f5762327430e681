"""The command `run`: all the steps of a recipe in one folder.

Example:
    visavox run recipes/quickstart.yaml --out quickstart
"""

from __future__ import annotations

import dataclasses
import json
import sys
from pathlib import Path

from visavox.config import RunConfig
from visavox.evaluation.report import read_report
from visavox.evaluation.tables import figure_lines
from visavox.pipeline.console import progress_bar
from visavox.pipeline.recipe import read_recipe, recipe_name
from visavox.pipeline.steps import StepLine, do_steps

WORDS = {
    "simulate": "Drawing faces, synthesising voices",
    "prepare": "Preparing clips",
    "embed": "Embedding",
    "split": "Splitting",
    "train": "Training",
    "evaluate": "Evaluating",
}


def run(config: RunConfig) -> int:
    """Do the steps, a line for each, and say where the reports are. Returns 0."""
    out = config.out or Path("runs") / recipe_name(config.recipe)
    steps = read_recipe(config.recipe, out=out, data=config.data)
    lines = []
    for line in do_steps(
        steps,
        out=out,
        final=config.final,
        progress_of=lambda step: progress_bar(WORDS[step.name], quiet=config.quiet),
    ):
        lines.append(line)
        if not config.quiet and not config.json:
            sys.stdout.write(describe(line))
            sys.stdout.flush()
    reports = [line.out / "report.html" for line in lines if (line.out / "report.html").is_file()]
    if config.json:
        sys.stdout.write(json.dumps([dataclasses.asdict(line) for line in lines], indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write("".join(headline(report) for report in reports))
    return 0


def headline(page: Path) -> str:
    """Return where a report is, and below it the 1:2 matching that it found."""
    report = read_report(page.parent)
    return "\n".join([f"Report: {page}", *figure_lines(report, only=("accuracy_1_of_2",))]) + "\n"


def describe(line: StepLine) -> str:
    """Return one step as one line."""
    state = f"{line.seconds:6.1f} s" if line.state == "done" else line.state
    return f"{line.number:2d}  {line.name:<9} {state:<12} {line.out}\n"
