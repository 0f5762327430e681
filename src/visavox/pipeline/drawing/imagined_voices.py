"""Voices for faces that have none, so that a denoiser learns what faces go with a voice from all faces there are.

A few hundred pairs would be learned by heart. So a face without a voice borrows one: that of a paired clip whose face
says much the same about voices, moved by what little the two faces differ in that.

    predicted voice of a face:  v(x) = B x                   x: features of the face; B: ridge regression on the pairs
    donor i of face j:          one of the n_donors clips nearest to j by v, drawn anew every time
    imagined voice of j:        voice_i + B (x_j - x_i)      its windows are moved likewise

B is shrunk as cross-validation over people asks, so where faces tell nothing about voices, donors are drawn at random
and nothing is moved: then a voice is told that says nothing, and guidance by it does nothing. What the true voice of a
face sounds like is not known, and is not claimed. No face descriptor of a judge is used.

Example:
    imagined = ImaginedVoices.fit(features, heard, people, seed=0)
    imagined.held_out_score      # share of the variance of held-out voices that faces explain
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.models.diffusion.conditions import Told
from visavox.pipeline.drawing.heard_clips import HeardClips

PENALTIES = tuple(10.0**power for power in np.arange(0, 7.5, 0.5))
N_FOLDS = 5
N_DONORS = 24
HEARD_SHARE = 0.7
"""How often a face without a voice is given an imagined one; otherwise it is unheard."""


@dataclass(frozen=True, eq=False)
class ImaginedVoices:
    """Draws voices for faces without."""

    heard: HeardClips
    donors: Tensor
    """(n_rows, n_donors) int64: paired rows that each row may borrow from."""
    predicted: Tensor
    """(n_rows, dim) float32: v of each row, less its mean over the pairs."""
    held_out_score: float
    """Share of the variance of held-out voices that is explained, at most 1; 0 or less where faces tell nothing."""

    @classmethod
    def fit(
        cls,
        features: NDArray[np.float32],
        heard: HeardClips,
        people: Sequence[str],
        *,
        seed: int = 0,
        n_donors: int = N_DONORS,
    ) -> ImaginedVoices:
        """Return imagined voices for all rows.

        Args:
            features: (n_rows, n_features) of all faces, the paired ones first.
            heard: voices of the paired ones.
            people: who each of them is, for the cross-validation.
            seed: of the folds.
            n_donors: clips that a face may borrow from, 1 or more.
        """
        n = len(heard)
        paired = features[:n].astype(np.float64)
        mean, deviation = paired.mean(axis=0), paired.std(axis=0) + 1e-8
        rows = (features.astype(np.float64) - mean) / deviation
        voices = heard.whole.numpy().astype(np.float64)
        voices = voices - voices.mean(axis=0)
        penalty, score = best_penalty(rows[:n], voices, people, seed=seed)
        weights = ridge(rows[:n], voices, penalty) if score > 0 else np.zeros((rows.shape[1], voices.shape[1]))
        predicted = torch.from_numpy((rows @ weights).astype(np.float32))  # (n_rows, dim)
        k = min(n_donors if score > 0 else n, n)
        near = [
            torch.cdist(part, predicted[:n]).topk(k, largest=False).indices if score > 0 else _anybody(len(part), n)
            for part in torch.split(predicted, 1024)
        ]
        return cls(heard, torch.cat(near), predicted, score)

    def fill(self, told: Told, rows: Tensor, unheard: Tensor, draws: torch.Generator) -> Told:
        """Return conditions in which rows without a voice have an imagined one, most of the times.

        Args:
            told: of the rows; what they know beside voices stays.
            rows: (n,) int64.
            unheard: (n,) bool, the rows to fill.
            draws: of the donors, their windows, and who stays unheard.
        """
        n = len(rows)
        column = (torch.rand(n, generator=draws) * self.donors.shape[1]).long()
        donor = self.donors[rows, column]
        filled = unheard & (torch.rand(n, generator=draws) < HEARD_SHARE)
        moved = (self.predicted[rows] - self.predicted[donor]) * unheard[:, None]  # (n, dim)
        shown = self.heard.windows_known[donor]
        shown &= (torch.rand(shown.shape, generator=draws) < 0.5) | _first(shown.shape)
        one, many = filled[:, None], filled[:, None, None]
        return told.with_values(
            voice=torch.where(one, self.heard.whole[donor] + moved, told.voice),
            voice_known=told.voice_known | filled,
            windows=torch.where(many, self.heard.windows[donor] + moved[:, None], told.windows),
            windows_known=torch.where(one, shown, told.windows_known),
        )


def ridge(inputs: NDArray[np.float64], targets: NDArray[np.float64], penalty: float) -> NDArray[np.float64]:
    """Return (n_inputs, n_targets) weights W that make |inputs W - targets|^2 + penalty |W|^2 least."""
    gram = inputs.T @ inputs + penalty * np.eye(inputs.shape[1])
    return np.asarray(np.linalg.solve(gram, inputs.T @ targets))


def best_penalty(
    inputs: NDArray[np.float64], targets: NDArray[np.float64], people: Sequence[str], *, seed: int
) -> tuple[float, float]:
    """Return the penalty that predicts people best who are held out, and the share of variance explained there.

    With fewer people than folds nothing can be held out: the largest penalty, and 0.
    """
    names = sorted(set(people))
    if len(names) < N_FOLDS:
        return PENALTIES[-1], 0.0
    fold_of = dict(zip(names, np.random.default_rng(seed).permutation(len(names)) % N_FOLDS, strict=True))
    fold = np.array([fold_of[name] for name in people])
    errors = np.zeros(len(PENALTIES))
    total = 0.0
    for number in range(N_FOLDS):
        kept, out = fold != number, fold == number
        centre, middle = inputs[kept].mean(axis=0), targets[kept].mean(axis=0)
        total += float(((targets[out] - middle) ** 2).sum())
        for index, penalty in enumerate(PENALTIES):
            weights = ridge(inputs[kept] - centre, targets[kept] - middle, penalty)
            errors[index] += float((((inputs[out] - centre) @ weights + middle - targets[out]) ** 2).sum())
    best = int(errors.argmin())
    return PENALTIES[best], 1.0 - errors[best] / total


def _anybody(n_rows: int, n: int) -> Tensor:
    return torch.arange(n).expand(n_rows, n)


def _first(shape: torch.Size) -> Tensor:
    """Return a mask of a shape with the first column true, so that one window at least is shown."""
    return torch.arange(shape[1]).expand(shape) == 0
