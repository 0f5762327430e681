"""The command `evaluate`: a model and people it has not met to a report.

Example:
    visavox evaluate --model base --pairs data/voxceleb --out report --final
"""

from __future__ import annotations

import json
import sys

from visavox.evaluation.record import Report, report_to_json
from visavox.evaluation.tables import figure_lines, knowable_summary
from visavox.evaluation_config import EvaluateConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.evaluating import evaluate_model


def run(config: EvaluateConfig) -> int:
    """Evaluate, write the report and print the main figures. Returns 0."""
    with progress_bar("Evaluating", quiet=config.quiet) as progress:
        report = evaluate_model(config, progress)
    if config.json:
        sys.stdout.write(json.dumps(report_to_json(report)["measures"], indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(report, config))
    return 0


def describe(report: Report, config: EvaluateConfig) -> str:
    """Return the main figures as lines for a reader, and where the pages are."""
    counts = report.provenance["counts"]
    people = f"{counts['people']} people" if counts["people"] else "unnamed people"
    if "clips" in counts:
        asked = ", ".join(f"{n} {subset}" for subset, n in counts["clips"].items())
        lines = [f"{report.title}: {people}, clips: {asked}"]
    else:
        lines = [f"{report.title}: {counts['voices']} voices and {counts['faces']} faces of {people}"]
    lines += [*knowable_summary(report), *figure_lines(report)]
    if config.compare:
        lines.append(f"Comparison: {config.out / 'comparison.html'}")
    lines.append(f"Report: {config.out / 'report.html'}")
    return "\n".join(lines) + "\n"
