"""The command `robustness`: a model and a corpus to curves of what noise, codecs, blur and the like cost.

Example:
    visavox robustness --corpus corpus --model base --out robustness --conditions noise codec
"""

from __future__ import annotations

import json
import sys

from visavox.evaluation.record import Report, report_to_json
from visavox.method_config import RobustnessConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.robustness.measuring import measure_robustness


def run(config: RobustnessConfig) -> int:
    """Measure, write the report and print where half of the lead is lost. Returns 0."""
    with progress_bar("Degrading", quiet=config.quiet) as progress:
        report = measure_robustness(config, progress)
    if config.json:
        sys.stdout.write(json.dumps(report_to_json(report)["sections"], indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(report, config))
    return 0


def describe(report: Report, config: RobustnessConfig) -> str:
    """Return the summary as lines for a reader, and where the page is."""
    counts = report.provenance["counts"]
    lines = [f"{report.title}: {counts['voices']} voices and {counts['faces']} faces of {counts['people']} people"]
    summary = report.sections[0]
    lines.append(f"{summary.title} (1:2, {summary.columns[1]}; {summary.columns[2]}):")
    width = max(len(str(row[0])) for row in summary.rows)
    lines += [f"  {row[0]:<{width}}  {row[1]}; {row[2]}" for row in summary.rows]
    lines.append(f"Report: {config.out / 'report.html'}")
    return "\n".join(lines) + "\n"
