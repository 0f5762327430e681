"""How far a face feature that was predicted from a voice lies from the true one, as Speech2Face's code measures it.

    loss = sum over the batch of | predicted/|predicted| - true/|true| |^2  =  sum of 2 - 2 cos

Two lengths do not matter, so neither does the scale of a feature. The sum is the code's: twice the batch is twice the
loss, and so twice the step of plain descent; "mean" does not have that. These are no objectives of voice and face
towers (`visavox.objectives.base`): there are no negatives, and the face's side is fixed. The paper's three terms are
`visavox.objectives.speech_to_face`.

Example:
    >>> predicted, true = torch.tensor([[2.0, 0.0], [1.0, 1.0]]), torch.tensor([[0.0, 3.0], [5.0, 5.0]])
    >>> round(float(normalised_feature_loss(predicted, true)), 5)  # at right angles: 2; the same direction: 0
    2.0

Source: Oh et al., "Speech2Face" (CVPR 2019), equation 1, middle term; https://github.com/saiteja-talluri/Speech2Face,
    whose loss is 2 * l2_loss of the difference, and l2_loss is half the sum of squares.
"""

from __future__ import annotations

from typing import Literal, get_args

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError

Reduction = Literal["sum", "mean"]


class NormalisedFeatureLoss(nn.Module):
    """The normalised loss as a module with its reduction.

    Args:
        reduction: over the batch: "sum" as in the code of Speech2Face, or "mean".
    """

    def __init__(self, *, reduction: Reduction = "sum") -> None:
        """Store the reduction.

        Raises:
            ConfigError: it is unknown.
        """
        super().__init__()
        self.reduction = checked_reduction(reduction)

    def forward(self, predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
        """Return {"loss", "angle_deg"}, scalars; see `normalised_feature_loss` and `mean_angle_deg`."""
        loss = normalised_feature_loss(predicted, true, reduction=self.reduction)
        return {"loss": loss, "angle_deg": mean_angle_deg(predicted, true)}


def normalised_feature_loss(predicted: Tensor, true: Tensor, *, reduction: Reduction = "sum") -> Tensor:
    """Return the squared distance of unit vectors, summed or averaged over the batch.

    Args:
        predicted: (n, dim) float, of voices; carries the gradient.
        true: (n, dim) float, of faces.
        reduction: "sum" or "mean" over the n rows; over `dim` it is always the sum.

    Returns:
        A scalar from 0 to 4 n (sum) or 4 (mean), float32 or wider.

    Raises:
        ValueError: shapes differ or are not (n, dim).
        ConfigError: another reduction.

    Ties and edges: a row of zeros has no direction and counts as the vector of zeros: 1 from every unit vector.
    """
    checked_reduction(reduction)
    check_features(predicted, true)
    distances = (unit(predicted) - unit(true)).square().sum(dim=1)  # (n,)
    return reduced(distances, reduction)


def mean_angle_deg(predicted: Tensor, true: Tensor) -> Tensor:
    """Return the mean angle between the rows of two (n, dim), a scalar in degrees without gradient.

    Raises:
        ValueError: shapes differ or are not (n, dim).
    """
    check_features(predicted, true)
    with torch.no_grad():
        cosine = (unit(predicted) * unit(true)).sum(dim=1).clamp(-1, 1)
        return torch.rad2deg(torch.arccos(cosine)).mean()


def unit(features: Tensor) -> Tensor:
    """Return rows of length 1, float32 or wider; rows of zeros stay zeros."""
    wide = features if features.dtype == torch.float64 else features.float()
    return functional.normalize(wide, dim=1, eps=1e-12)


def reduced(values: Tensor, reduction: Reduction) -> Tensor:
    """Return the sum or the mean of (n,) values."""
    return values.sum() if reduction == "sum" else values.mean()


def checked_reduction(reduction: Reduction) -> Reduction:
    """Return a reduction after holding it to its rule.

    Raises:
        ConfigError: it is unknown.
    """
    if reduction not in get_args(Reduction):
        raise ConfigError(f"`reduction` must be one of {', '.join(get_args(Reduction))}. Got {reduction!r}.")
    return reduction


def check_features(predicted: Tensor, true: Tensor) -> None:
    """Raise unless both are (n, dim).

    Raises:
        ValueError: they are not.
    """
    if predicted.shape != true.shape or predicted.ndim != 2:
        raise ValueError(
            f"predicted and true must have one shape (n, dim). Got {tuple(predicted.shape)}, {tuple(true.shape)}."
        )
