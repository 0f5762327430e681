"""The command `human`: the log of a guess-the-face game to a human baseline.

Example:
    visavox human data/game --out human
"""

from __future__ import annotations

import json
import sys

from visavox.evaluation.human_page import HumanReport, human_lines, human_to_json
from visavox.method_config import HumanConfig
from visavox.pipeline.human_baseline import import_game


def run(config: HumanConfig) -> int:
    """Import the log, write the report and print the main figures. Returns 0."""
    report = import_game(config)
    if config.json:
        sys.stdout.write(json.dumps(human_to_json(report)["figures"], indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(report, config))
    return 0


def describe(report: HumanReport, config: HumanConfig) -> str:
    """Return the accuracies as lines for a reader, and where the page is."""
    counts = report.provenance["counts"]
    lines = [f"{config.log}: {counts['turns']:,} turns of {counts['players']:,} players"]
    lines += [*human_lines(report), *(f"  {note}" for note in report.notes), f"Report: {config.out / 'human.html'}"]
    return "\n".join(lines) + "\n"
