"""A light predictor over a frozen voice embedding: an affine map, and where asked for a small network beside it.

    z = (voice - mean) / deviation,    feature = centre + z W + second(gelu(first(z)))

The affine part is solved for (`fit_affine`) in a second on a few thousand people; the other part is trained afterwards
on what it leaves, from no effect on. The strength of the fit is chosen on people held out of it, and what they miss
the mark by becomes the spread.

Example:
    >>> predictor = LightPredictor(input_dim=4, feature_dim=3, spread_rank=2)
    >>> rng = np.random.default_rng(0)
    >>> fit = predictor.fit_affine(rng.normal(size=(20, 4)), rng.normal(size=(20, 3)), [str(i) for i in range(20)])
    >>> predictor(torch.zeros(2, 4)).shape, predictor.spread.shape
    (torch.Size([2, 3]), torch.Size([3, 2]))
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Literal

import numpy as np
import torch
from numpy.typing import ArrayLike
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.models.attribute_ridge import fit_attribute_ridge
from visavox.models.face_predictors.base import FacePredictor
from visavox.models.grouped_ridge import N_FOLDS, RIDGES, GroupedRidge, fit_grouped_ridge, low_rank_spread
from visavox.registry import PREDICTORS


@PREDICTORS.register("light")
class LightPredictor(FacePredictor):
    """Affine map of a standardised embedding, with an optional second path of one hidden layer.

    Args:
        input_dim: length of a voice embedding, 1 or more; GE2E's is 256.
        feature_dim: length of a face feature, 1 or more.
        hidden_dim: width of the second path; 0 leaves it out.
        dropout: share of its hidden numbers that training switches off, 0 to below 1.
        spread_rank: columns of `spread`, 0 or more.

    Attributes:
        input_mean: (input_dim,) buffer.
        input_scale: (input_dim,) buffer, above 0.
    """

    takes: ClassVar[Literal["embedding", "spectrogram"]] = "embedding"
    input_mean: Tensor
    input_scale: Tensor

    def __init__(
        self,
        *,
        input_dim: int = 256,
        feature_dim: int = 128,
        hidden_dim: int = 0,
        dropout: float = 0.0,
        spread_rank: int = 0,
    ) -> None:
        """Build it; untrained, it predicts the centre, which is zero.

        Raises:
            ConfigError: an argument is out of its range.
        """
        super().__init__(feature_dim=feature_dim, spread_rank=spread_rank)
        if input_dim < 1:
            raise ConfigError(f"`input_dim` must be at least 1. Got {input_dim}.")
        if hidden_dim < 0:
            raise ConfigError(f"`hidden_dim` must be 0 or more. Got {hidden_dim}.")
        if not 0 <= dropout < 1:
            raise ConfigError(f"`dropout` must be at least 0 and below 1. Got {dropout}.")
        self.input_dim = input_dim
        self.hidden_dim = hidden_dim
        self.dropout = dropout
        self.register_buffer("input_mean", torch.zeros(input_dim))
        self.register_buffer("input_scale", torch.ones(input_dim))
        self.affine = nn.Linear(input_dim, feature_dim, bias=False)
        nn.init.zeros_(self.affine.weight)
        if hidden_dim:
            self.first = nn.Linear(input_dim, hidden_dim)
            self.second = nn.Linear(hidden_dim, feature_dim)
            nn.init.zeros_(self.second.weight)
            nn.init.zeros_(self.second.bias)

    def forward(self, voice: Tensor) -> Tensor:
        """Return features.

        Args:
            voice: (n, input_dim) float, embeddings of whole voices or of windows.

        Returns:
            (n, feature_dim) float.
        """
        z = (voice - self.input_mean) / self.input_scale
        feature: Tensor = self.centre + self.affine(z)
        if self.hidden_dim:
            hidden = nn.functional.dropout(nn.functional.gelu(self.first(z)), self.dropout, self.training)
            feature = feature + self.second(hidden)
        return feature

    def fit_affine(
        self,
        voice: ArrayLike,
        face: ArrayLike,
        people: Sequence[str],
        *,
        through: tuple[ArrayLike, ArrayLike] | None = None,
        weights: ArrayLike | None = None,
        ridges: Sequence[float] = RIDGES,
        n_folds: int = N_FOLDS,
        seed: int = 0,
    ) -> GroupedRidge:
        """Solve for the affine map, and take centre and spread from the same rows.

        Args:
            voice: (n, input_dim) float embeddings.
            face: (n, feature_dim) float features of the same people.
            people: n names; rows of one person are held out together.
            through: attributes (n, k) of the same faces and their basis (k, feature_dim), to go through as
                `visavox.models.attribute_ridge` does; None learns the feature directly.
            weights: (n,) float above 0, how much each row counts; None: all alike.
            ridges: strengths to choose from.
            n_folds: folds of people.
            seed: of the deal into folds.

        Returns:
            The fit, with what it explains of people held out.

        Raises:
            ConfigError: an option is out of its range.
            DataError: shapes do not fit, a number is not finite, or there are fewer than two people.
        """
        for what, rows, wanted in (("voice", voice, self.input_dim), ("face", face, self.feature_dim)):
            if np.ndim(rows) != 2 or np.shape(rows)[1] != wanted:
                raise DataError(f"Vectors of a {what} must be (n, {wanted}) for this predictor. Got {np.shape(rows)}.")
        if through is None:
            fit = fit_grouped_ridge(voice, face, people, weights=weights, ridges=ridges, n_folds=n_folds, seed=seed)
        else:
            told, basis = through
            fit = fit_attribute_ridge(
                voice,
                face,
                people,
                told=told,
                basis=basis,
                weights=weights,
                ridges=ridges,
                n_folds=n_folds,
                seed=seed,
            )
        spread = low_rank_spread(fit.residuals, self.spread_rank, weights=weights)
        with torch.no_grad():
            self.input_mean.copy_(torch.from_numpy(fit.x_mean))
            self.input_scale.copy_(torch.from_numpy(fit.x_scale))
            self.centre.copy_(torch.from_numpy(fit.y_mean))
            self.spread.copy_(torch.from_numpy(spread))
            self.affine.weight.copy_(torch.from_numpy(fit.weight.T))
        return fit
