"""The command `train`: embeddings to a voice-face model.

Example:
    visavox train --embeddings embeddings --splits splits --out runs/first
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.config import TrainConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.model_training import TrainOutcome, train_model


def run(config: TrainConfig) -> int:
    """Train and print what came out. Returns 0."""
    with progress_bar("Training", quiet=config.quiet) as progress:
        outcome = train_model(config, progress)
    if config.json:
        sys.stdout.write(json.dumps(dataclasses.asdict(outcome), indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(outcome, config))
    return 0


def describe(outcome: TrainOutcome, config: TrainConfig) -> str:
    """Return the outcome as lines for a reader."""
    lines = [
        f"{outcome.folder}: {outcome.n_pairs} pairs of {outcome.n_people} people, "
        f"{outcome.n_parameters:,} parameters, match scale {outcome.match_scale:.2f}"
    ]
    where = "held-out folds" if config.subset == "folds" else "validation"
    for direction, accuracy in outcome.accuracies.items():
        lines.append(f"  {where} 1:2 {direction.replace('_', ' ')}: {100 * accuracy:.1f} %")
    return "\n".join(lines) + "\n"
