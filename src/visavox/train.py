"""The command `train`: embeddings to a voice-face model, or a corpus to networks that name its people.

Example:
    visavox train --embeddings embeddings --splits splits --out runs/first
    visavox train --task identification --corpus corpus --splits splits --networks networks.yaml --out runs/names
"""

from __future__ import annotations

import dataclasses
import json
import sys

from visavox.config import TrainConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.identification_run import IdentificationOutcome, train_identification
from visavox.pipeline.model_training import TrainOutcome, train_model


def run(config: TrainConfig) -> int:
    """Train and print what came out. Returns 0."""
    with progress_bar("Training", quiet=config.quiet) as progress:
        if config.task == "identification":
            networks = train_identification(config, progress)
            outcome, text = dataclasses.asdict(networks), describe_networks(networks)
        else:
            model = train_model(config, progress)
            outcome, text = dataclasses.asdict(model), describe(model, config)
    if config.json:
        sys.stdout.write(json.dumps(outcome, indent=2, default=str) + "\n")
    elif not config.quiet:
        sys.stdout.write(text)
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


def describe_networks(outcome: IdentificationOutcome) -> str:
    """Return the networks of an experiment as lines for a reader."""
    clips = ", ".join(f"{count:,} {subset}" for subset, count in outcome.n_clips.items())
    lines = [f"{outcome.folder}: {outcome.n_people} people, clips: {clips}, split by {outcome.split_by}"]
    if outcome.left_out:
        reasons = ", ".join(f"{count} {reason}" for reason, count in outcome.left_out.items())
        lines.append(f"  {sum(outcome.left_out.values())} clips of the split left out: {reasons}")
    for row in outcome.rows:
        line = f"  {row.name}: validation top-1 {100 * row.validation_top_1:.1f} %, {row.n_parameters:,} parameters"
        trained = f", {row.epochs} epochs in {row.seconds:.0f} s ({row.stopped})" if row.epochs else f", {row.kind}"
        lines.append(line + trained)
    return "\n".join(lines) + "\n"
