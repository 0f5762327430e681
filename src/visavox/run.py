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
from visavox.evaluation.tables import SHARE_AND_MATCHING, figure_lines, knowable_summary
from visavox.pipeline.console import progress_bar
from visavox.pipeline.recipe import read_recipe, recipe_name, recipe_next
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
    """Do the steps, a line for each, say where the reports are and what the recipe says comes next. Returns 0."""
    out = config.out or Path("runs") / recipe_name(config.recipe)
    steps = read_recipe(config.recipe, out=out, data=config.data, source=config.source)
    next_steps = recipe_next(config.recipe, out=out, data=config.data)
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
        sys.stdout.write(f"    {'total':<9} {sum(line.seconds for line in lines):6.1f} s\n")
        sys.stdout.write("".join(headline(report) for report in reports))
        sys.stdout.write(f"\n{next_steps}\n" if next_steps else "")
    return 0


def headline(page: Path) -> str:
    """Return where a report is, and below it the share of the knowable and the 1:2 matching that it found."""
    report = read_report(page.parent)
    lines = [f"Report: {page}", *knowable_summary(report), *figure_lines(report, only=SHARE_AND_MATCHING)]
    return "\n".join(lines) + "\n"


def describe(line: StepLine) -> str:
    """Return one step as one line."""
    state = f"{line.seconds:6.1f} s" if line.state == "done" else line.state
    return f"{line.number:2d}  {line.name:<9} {state:<12} {line.out}\n"
