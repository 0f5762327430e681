"""The command `export`: a model to ONNX files, each checked against onnxruntime.

Example:
    visavox export base --to onnx --out base-onnx
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.method_config import ExportConfig
from visavox.pipeline.exporting.model_export import ExportOutcome, export_model


def run(config: ExportConfig) -> int:
    """Export and print what came out. Returns 0."""
    outcome = export_model(config)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome))
    return 0


def describe(outcome: ExportOutcome) -> str:
    """Return the outcome as lines for a reader."""
    lines = [
        f"{outcome.out / entry['file']}: {entry['about']}; differs by {entry['largest_difference']:.0e} at "
        f"most (batches of {', '.join(map(str, entry['batches']))})"
        for entry in outcome.files
    ]
    lines += [f"not exported: {part}: {reason}" for part, reason in outcome.not_exported.items()]
    return "\n".join(lines) + "\n"
