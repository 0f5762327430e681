"""The command `train`: embeddings to a voice-face model, or a corpus to networks that name its people or draw faces.

Example:
    visavox train --embeddings embeddings --splits splits --out runs/first
    visavox train --task identification --corpus corpus --splits splits --networks networks.yaml --out runs/names
    visavox train --task reconstruction --corpus corpus --splits splits --drawing drawing.yaml --out runs/portrait
"""

from __future__ import annotations

import dataclasses
import json
import math
import sys

from visavox.config import TrainConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.drawing.diffusion_run import DiffusionOutcome, train_diffusion
from visavox.pipeline.drawing.reconstruction_run import ReconstructionOutcome, train_reconstruction
from visavox.pipeline.identification_run import IdentificationOutcome, train_identification
from visavox.pipeline.model_training import TrainOutcome, train_model


def run(config: TrainConfig) -> int:
    """Train and print what came out. Returns 0."""
    with progress_bar("Training", quiet=config.quiet) as progress:
        if config.task == "identification":
            networks = train_identification(config, progress)
            outcome, text = dataclasses.asdict(networks), describe_networks(networks)
        elif config.task == "reconstruction":
            drawn = train_reconstruction(config, progress)
            outcome, text = dataclasses.asdict(drawn), describe_reconstruction(drawn)
        elif config.task == "diffusion":
            diffused = train_diffusion(config, progress)
            outcome, text = dataclasses.asdict(diffused), describe_diffusion(diffused)
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


def describe_reconstruction(outcome: ReconstructionOutcome) -> str:
    """Return what was learned to draw by the decoder as lines for a reader."""
    clips = ", ".join(f"{count:,} {subset}" for subset, count in outcome.n_clips.items())
    lines = [
        f"{outcome.folder}: pictures of {outcome.image_px} px, {outcome.n_people:,} people, clips: {clips}; "
        f"{outcome.n_labelled:,} labelled faces"
    ]
    faces, predictor, guidance = (outcome.figures[name] for name in ("faces", "predictor", "guidance"))
    if "validation_l1" in faces:
        lines.append(f"  face to face: validation pixels within {255 * faces['validation_l1']:.1f} of 255 on average")
    if "gender_accuracy" in faces:
        lines.append(
            f"  held-out labelled faces: gender {100 * faces['gender_accuracy']:.1f} %, age within "
            f"{faces['age_error']:.1f} years, race {100 * faces['race_accuracy']:.1f} %"
        )
    if "validation_matched" in predictor:
        lines.append(f"  voice to feature: validation 1:2 {100 * predictor['validation_matched']:.1f} %")
    best = next((row for row in guidance["rows"] if row["guidance"] == outcome.guidance), None)
    chosen = f", validation 1:2 of drawn faces {100 * best['matched']:.1f} %" if best else ", not chosen: too few clips"
    lines.append(f"  guidance {outcome.guidance:g}{chosen}")
    return "\n".join(lines) + "\n"


def describe_diffusion(outcome: DiffusionOutcome) -> str:
    """Return what was learned to draw by diffusion as lines for a reader."""
    lines = [f"{outcome.folder}: {outcome.n_paired:,} clips with a voice, {outcome.n_unpaired:,} faces without"]
    if math.isfinite(outcome.imagined_score):
        lines.append(f"  imagined voices: {100 * outcome.imagined_score:.1f} % of the variance of held-out ones")
    for row in outcome.rows:
        figures = ", ".join(f"{name.replace('_', ' ')} {value:.4g}" for name, value in row.figures.items())
        done = f"{row.n_parameters:,} parameters, {row.steps:,} steps in {row.seconds:.0f} s ({row.stopped})"
        lines.append(f"  {row.part}: {done}" + (f"; {figures}" if figures else ""))
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
