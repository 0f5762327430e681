"""Cross-validation of associators over given folds, to choose a configuration without touching a test set.

Each fold is scored by models trained on the other folds; specs are scored on the same folds, so their differences
can be taken clip by clip. Sequential and deterministic; nothing is written.

Example:
    >>> rng = np.random.default_rng(0)
    >>> face = rng.normal(size=(60, 3))
    >>> pairs = Pairs.of(face @ rng.normal(size=(3, 4)), face, identities=[f"p{i}" for i in range(60)])
    >>> result = cross_validate([{"name": "cca", "n_components": 3, "ridge_voice": 0.1, "ridge_face": 0.1}],
    ...                         pairs, np.arange(60) % 3)[0]
    >>> len(result.folds), result.accuracy("voice_to_face") > 0.9
    (3, True)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from visavox.batches.pair_batches import Pairs
from visavox.errors import DataError
from visavox.metrics.weighting import mean_over_people
from visavox.pipeline.fitting import Spec, fit_associator, plan_networks
from visavox.pipeline.monitoring import beat_rates
from visavox.pipeline.training import Progress, TrainingSettings

Direction = Literal["voice_to_face", "face_to_voice"]


@dataclass(frozen=True)
class FoldScores:
    """One fold, scored by an associator that never saw it."""

    rows: np.ndarray
    """(m,) int64, rows of the pairs that lie in the fold."""
    voice: np.ndarray
    """(m, dim) float32 unit vectors; those of different folds live in different spaces."""
    face: np.ndarray
    """(m, dim) float32 unit vectors."""
    allowed: np.ndarray
    """(m, m) bool, where a voice and a face may be compared as different people."""
    identity: np.ndarray
    """(m,) int64, equal for one person."""

    @property
    def similarity(self) -> np.ndarray:
        """Similarity of every voice and face of the fold, shape (m, m) float32, in [-1, 1]."""
        return np.asarray(self.voice @ self.face.T)

    def clip_accuracies(self, direction: Direction) -> np.ndarray:
        """Return the 1:2 accuracy of each clip, shape (m,) float64; nan where it has nobody to compare with."""
        if direction == "voice_to_face":
            return beat_rates(self.similarity, self.allowed)
        return beat_rates(self.similarity.T, self.allowed.T)

    def accuracy(self, direction: Direction) -> float:
        """Return the all-pairs 1:2 accuracy of the fold, each identity counting once."""
        return float(mean_over_people(self.clip_accuracies(direction), self.identity))


@dataclass(frozen=True)
class CrossValidation:
    """One spec, scored on every fold."""

    spec: Spec
    """What was trained."""
    folds: tuple[FoldScores, ...]
    """In the order of the fold numbers."""

    def clip_accuracies(self, direction: Direction) -> np.ndarray:
        """Return the accuracy of each clip within its own fold, (n,) float64, in the order of the pairs.

        Two specs' arrays may be subtracted for a paired comparison.
        """
        found = np.full(sum(len(fold.rows) for fold in self.folds), np.nan)
        for fold in self.folds:
            found[fold.rows] = fold.clip_accuracies(direction)
        return found

    def accuracy(self, direction: Direction) -> float:
        """Return the mean over all identities of the mean over their clips; 0 to 1, chance 0.5."""
        identity = np.empty(sum(len(fold.rows) for fold in self.folds), dtype=np.int64)
        for fold in self.folds:
            identity[fold.rows] = fold.identity
        return float(mean_over_people(self.clip_accuracies(direction), identity))


def cross_validate(
    specs: Sequence[Spec],
    pairs: Pairs,
    folds: np.ndarray,
    settings: TrainingSettings | None = None,
    *,
    device: str = "cpu",
    progress: Progress | None = None,
) -> list[CrossValidation]:
    """Return the scores of each spec on each fold.

    Args:
        specs: what `visavox.pipeline.fitting.fit_associator` takes, one or more.
        pairs: all pairs.
        folds: (n,) integers, the fold of each row; two or more folds, each with two identities at least.
        settings: of the training where a spec says nothing else; None: the defaults. Early stopping would need
            validation pairs and is refused.
        device: of the training.
        progress: called as progress(trainings done, trainings in all).

    Raises:
        DataError: `folds` has another length or one value only; an identity or a video lies in two folds.
        ConfigError: a spec is wrong; said before anything is trained.
    """
    numbers = np.unique(folds)
    _check_folds(pairs, folds, len(numbers))
    for spec in specs:
        plan_networks(spec, settings)
    scores: list[list[FoldScores]] = [[] for _ in specs]
    for done, number in enumerate(numbers):
        inside = folds == number
        training, held_out = pairs.select(~inside), pairs.select(inside)
        for place, spec in enumerate(specs):
            associator = fit_associator(spec, training, settings, device=device)
            scores[place].append(
                FoldScores(
                    rows=np.flatnonzero(inside),
                    voice=associator.encode_voice(held_out.voice),
                    face=associator.encode_face(held_out.face),
                    allowed=held_out.allowed(),
                    identity=held_out.identity,
                )
            )
            if progress:
                progress(done * len(specs) + place + 1, len(numbers) * len(specs))
    return [CrossValidation(spec, tuple(of)) for spec, of in zip(specs, scores, strict=True)]


def _check_folds(pairs: Pairs, folds: np.ndarray, n_folds: int) -> None:
    if folds.shape != (len(pairs),):
        raise DataError(f"`folds` must hold one number a pair, {len(pairs)}. Got shape {folds.shape}.")
    if n_folds < 2:
        raise DataError(f"Cross-validation needs at least 2 folds. Got {n_folds}. Make more with `visavox split`.")
    for name, of in (("identity", pairs.identity), ("video", pairs.video)):
        spread = {(int(group), int(fold)) for group, fold in zip(of, folds, strict=True)}
        if len(spread) > len(np.unique(of)):
            twice = [group for group, _ in spread]
            group = next(g for g in twice if twice.count(g) > 1)
            key = pairs.keys[int(np.flatnonzero(of == group)[0])]
            raise DataError(
                f"The {name} of {key!r} lies in more than one fold, so its score would be memory. "
                "Make the folds by identity and video (`visavox split`)."
            )
