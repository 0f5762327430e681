"""How the configuration of the boxed model was chosen: nested cross-validation inside the training people.

    python scripts/choose_base.py EMBEDDINGS REFERENCE_EMBEDDINGS

EMBEDDINGS holds voices by `ge2e` and faces by the boxed face encoder (two views and attributes); REFERENCE_EMBEDDINGS
the same clips with faces by plain `dlib` descriptors. In each training fold the inner folds choose among the grid; the
outer fold, which they never saw, is scored. Printed: the mean over fold seeds of the all-pairs 1:2 accuracy, voice to
face, and its paired difference from the reference (CCA, ridge 10, 64 components), each with a 95 % bootstrap interval
over people (videos where people are unknown).
"""

from __future__ import annotations

import itertools
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from visavox.batches.pair_batches import Pairs
from visavox.corpus.splits import make_folds
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.weighting import mean_over_people
from visavox.pipeline.cross_validation import cross_validate
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.model_training import PairedTables

N_FOLDS, N_INNER_FOLDS, FOLD_SEEDS = 5, 4, (0, 1, 2, 3, 4)
REFERENCE = {"name": "cca", "ridge_voice": 10.0, "ridge_face": 10.0, "n_components": 64}
VIEWS = {"chip": slice(0, 256), "chip and mouth": slice(0, 512), "chip, mouth, attributes": slice(0, 519)}
RIDGES_FACE = (10.0, 20.0, 40.0)
POWERS = ((0.5, 0.5), (0.1, 1.1))
GRID = [
    (view, {**REFERENCE, "ridge_face": ridge, "power_voice": powers[0], "power_face": powers[1]})
    for view, ridge, powers in itertools.product(VIEWS, RIDGES_FACE, POWERS)
]


def main(embeddings: str, reference: str) -> None:
    paired = PairedTables.of(CorpusEmbeddings.load(Path(embeddings)))
    plain = PairedTables.of(CorpusEmbeddings.load(Path(reference)))
    if paired.voice.clips != plain.voice.clips:
        raise SystemExit("The two embeddings must hold the same clips.")
    pairs, plain_pairs = paired.pairs(), plain.pairs()
    links = {link.clip: link for link in paired.voice.links()}
    chosen: Counter[str] = Counter()
    nested, referred = (np.full((len(FOLD_SEEDS), len(pairs)), np.nan) for _ in range(2))
    fixed = np.full((len(GRID), len(FOLD_SEEDS), len(pairs)), np.nan)
    for row, seed in enumerate(FOLD_SEEDS):
        folds = fold_numbers(pairs, links, N_FOLDS, seed)
        referred[row] = clip_accuracies(plain_pairs, folds, REFERENCE)
        for place, (view, spec) in enumerate(GRID):
            fixed[place, row] = clip_accuracies(seen(pairs, view), folds, spec)
        for fold in range(N_FOLDS):
            training = pairs.select(folds != fold)
            view, spec = choose(training, links, seed)
            chosen[describe(view, spec)] += 1
            nested[row, folds == fold] = clip_accuracies(seen(pairs, view), folds, spec)[folds == fold]
        print(f"fold seed {seed}: nested {score(nested[row], pairs):.2f}, reference {score(referred[row], pairs):.2f}")
    for name, count in chosen.most_common():
        print(f"  chosen {count:2d} times: {name}")
    report("nested choice", nested, pairs)
    for place, (view, spec) in enumerate(GRID):
        report(f"fixed: {describe(view, spec)}", fixed[place], pairs)
    report("reference", referred, pairs)
    report("nested choice - reference", nested - referred, pairs)


def fold_numbers(pairs: Pairs, links: dict[str, Any], n_folds: int, seed: int) -> np.ndarray:
    folds = make_folds([links[key] for key in pairs.keys], n_folds, seed=seed)
    return np.array([folds[key] for key in pairs.keys])


def seen(pairs: Pairs, view: str) -> Pairs:
    """Return the pairs with those columns of the faces that a view names."""
    return Pairs(pairs.voice, pairs.face[:, VIEWS[view]], pairs.identity, pairs.video, pairs.keys)


def clip_accuracies(pairs: Pairs, folds: np.ndarray, spec: dict[str, Any]) -> np.ndarray:
    return cross_validate([spec], pairs, folds)[0].clip_accuracies("voice_to_face")


def choose(training: Pairs, links: dict[str, Any], seed: int) -> tuple[str, dict[str, Any]]:
    inner = fold_numbers(training, links, N_INNER_FOLDS, 1000 + seed)
    scores = []
    for view in VIEWS:
        specs = [spec for name, spec in GRID if name == view]
        found = cross_validate(specs, seen(training, view), inner)
        scores += [(result.accuracy("voice_to_face"), view, spec) for spec, result in zip(specs, found, strict=True)]
    _, view, spec = max(scores, key=lambda row: row[0])
    return view, spec


def describe(view: str, spec: dict[str, Any]) -> str:
    return f"{view}; ridge_face {spec['ridge_face']:g}; powers {spec['power_voice']:g}, {spec['power_face']:g}"


def score(values: np.ndarray, pairs: Pairs) -> float:
    return 100 * float(mean_over_people(values, pairs.identity))


def report(name: str, values: np.ndarray, pairs: Pairs) -> None:
    mean = values.mean(axis=0)
    people = np.unique(pairs.identity, return_inverse=True)[1]
    counts = resample_people(int(people.max()) + 1, n_resamples=4000, rng=np.random.default_rng(0))
    resampled = mean_over_people(mean, people, counts=counts)
    interval = percentile_interval(float(mean_over_people(mean, people)), resampled)
    bounds = f"[{100 * interval.low:.2f}, {100 * interval.high:.2f}]"
    print(f"{name}: {score(mean, pairs):.2f} {bounds} ({len(pairs)} clips, {int(people.max()) + 1} people or videos)")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        raise SystemExit(__doc__)
    main(*sys.argv[1:])
