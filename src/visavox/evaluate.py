"""The command `evaluate`: a model and people it has not met to a report.

Example:
    visavox evaluate --model base --pairs data/voxceleb --out report --final
"""

from __future__ import annotations

import json
import sys

from visavox.config import EvaluateConfig
from visavox.evaluation.record import Report, report_to_json
from visavox.pipeline.console import progress_bar
from visavox.pipeline.evaluating import evaluate_model

SHOWN = {
    "accuracy_1_of_2": "1:2 matching",
    "auc": "verification AUC",
    "eer": "verification EER",
    "map": "retrieval mAP",
}


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
    """Return the main figures as lines for a reader."""
    counts = report.provenance["counts"]
    lines = [f"{report.title}: {counts['voices']} voices and {counts['faces']} faces of {counts['people']} people"]
    for measure in report.measures:
        if measure.measure not in SHOWN:
            continue
        name = f"{SHOWN[measure.measure]}, {measure.direction.replace('_', ' ')}, {measure.group.replace('_', ' ')}"
        if measure.value != measure.value:
            lines.append(f"  {name}: undefined ({measure.note})")
        else:
            value, low, high, chance = (100 * v for v in (measure.value, measure.low, measure.high, measure.chance))
            lines.append(f"  {name}: {value:.1f} % ({low:.1f} to {high:.1f}), chance {chance:.1f}")
    lines.append(f"Report: {config.out / 'report.html'}")
    return "\n".join(lines) + "\n"
