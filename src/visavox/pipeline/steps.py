"""Does the steps of a recipe one after the other, and skips what is done.

A step is done when its stamp holds the fingerprint of its options, its input files and everything before it. An
interrupted step has no stamp and goes on where it stopped, since every step is resumable by itself.

Example:
    for line in do_steps(read_recipe(path, out=out, data=data), out=out, final=False):
        print(line.name, line.seconds)
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from visavox.pipeline.corpus_building import build_corpus
from visavox.pipeline.drawing.diffusion_run import train_diffusion
from visavox.pipeline.drawing.reconstruction_run import train_reconstruction
from visavox.pipeline.embedding import embed_corpus
from visavox.pipeline.evaluating import evaluate_model
from visavox.pipeline.identification_run import train_identification
from visavox.pipeline.model_training import train_model
from visavox.pipeline.recipe import Step
from visavox.pipeline.simulating import simulate_world
from visavox.pipeline.splitting import split_corpus

STAMPS = ".steps"

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class StepLine:
    """What became of one step."""

    number: int
    name: str
    state: Literal["done", "skipped", "kept aside"]
    """"kept aside": a final test that was not asked for."""
    seconds: float
    """Wall time."""
    out: Path
    """What it wrote."""


def _split(config: Any, progress: Progress | None) -> Any:
    del progress  # done in a moment
    return split_corpus(config)


TRAININGS: Mapping[str, Callable[[Any, Progress | None], Any]] = {
    "association": train_model,
    "identification": train_identification,
    "reconstruction": train_reconstruction,
    "diffusion": train_diffusion,
}
"""Task of `train` -> what does it."""


def _train(config: Any, progress: Progress | None) -> Any:
    return TRAININGS[config.task](config, progress)


WORK: Mapping[str, Callable[[Any, Progress | None], Any]] = {
    "simulate": simulate_world,
    "prepare": build_corpus,
    "embed": embed_corpus,
    "split": _split,
    "train": _train,
    "evaluate": evaluate_model,
}


def do_steps(
    steps: Sequence[Step],
    *,
    out: Path,
    final: bool,
    progress_of: Callable[[Step], Any],
) -> Iterator[StepLine]:
    """Yield a line for each step as soon as it is done.

    Args:
        steps: of `read_recipe`.
        out: folder of the run.
        final: do the steps marked `final` too.
        progress_of: context manager for a step that yields a progress callable.
    """
    before = ""
    for step in steps:
        if step.final and not final:
            yield StepLine(step.number, step.name, "kept aside", 0.0, step.config.out)
            continue
        fingerprint = step.fingerprint(before)
        before = fingerprint
        stamp = out / STAMPS / f"{step.number:02d}-{step.name}.json"
        if _stamped(stamp, fingerprint) and step.config.out.exists():
            yield StepLine(step.number, step.name, "skipped", 0.0, step.config.out)
            continue
        started = time.monotonic()
        with progress_of(step) as progress:
            WORK[step.name](step.config, progress)
        seconds = time.monotonic() - started
        stamp.parent.mkdir(parents=True, exist_ok=True)
        stamp.write_text(json.dumps({"fingerprint": fingerprint, "seconds": round(seconds, 2)}), encoding="utf-8")
        yield StepLine(step.number, step.name, "done", seconds, step.config.out)


def _stamped(stamp: Path, fingerprint: str) -> bool:
    if not stamp.is_file():
        return False
    try:
        return bool(json.loads(stamp.read_text(encoding="utf-8")).get("fingerprint") == fingerprint)
    except (ValueError, AttributeError):
        return False  # a stamp cut off by a kill: do the step again
