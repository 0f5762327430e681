"""The three-term loss of Speech2Face's paper: a decoder's first layer, the feature's direction, and who it looks like.

    loss = | d(true) - d(predicted) |_1  +  l1 | true/|true| - predicted/|predicted| |^2  +  l2 L(c(true), c(predicted))
    L(a, b) = - sum over classes of p(a) log p(b),   p(a) = softmax(a / T),   l1 = 0.025, l2 = 200, T = 2

d is the first layer of a trained face decoder and c the last layer (fc8) of the face network, from a feature to its
2,622 people; both stay as they are. A term whose network is not at hand must be left out by name, so that nobody takes
one loss for another; `terms` says which are in. The published code has the middle term alone
(`visavox.objectives.face_feature`).

Example:
    >>> loss = SpeechToFaceLoss(classifier=frozen_linear(torch.eye(3)), leave_out=("decoder",))
    >>> sorted(loss(torch.ones(2, 3), torch.ones(2, 3)))
    ['angle_deg', 'distillation_loss', 'feature_loss', 'loss']

Source: Oh et al., "Speech2Face" (CVPR 2019), equations 1 and 2 and section 3.2; Hinton et al., "Distilling the
    knowledge in a neural network" (2015).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import ConfigError, DataError
from visavox.objectives.face_feature import (
    Reduction,
    check_features,
    checked_reduction,
    mean_angle_deg,
    normalised_feature_loss,
    reduced,
)

TERMS = ("decoder", "feature", "distillation")
FEATURE_WEIGHT, DISTILLATION_WEIGHT, TEMPERATURE = 0.025, 200.0, 2.0
Layer = Callable[[Tensor], Tensor]


class SpeechToFaceLoss(nn.Module):
    """The sum of the terms that are in.

    Args:
        first_decoder_layer: feature (n, dim) -> (n, anything), of a trained decoder.
        classifier: feature (n, dim) -> logits (n, n_classes): fc8.
        feature_weight: lambda 1, 0 or more.
        distillation_weight: lambda 2, 0 or more.
        temperature: T, above 0.
        leave_out: names of `TERMS` that are not wanted.
        reduction: over the batch.

    Attributes:
        terms: names of those that are in, in order.
    """

    def __init__(
        self,
        *,
        first_decoder_layer: Layer | None = None,
        classifier: Layer | None = None,
        feature_weight: float = FEATURE_WEIGHT,
        distillation_weight: float = DISTILLATION_WEIGHT,
        temperature: float = TEMPERATURE,
        leave_out: Sequence[str] = (),
        reduction: Reduction = "mean",
    ) -> None:
        """Store the arguments; weights of given modules are frozen.

        Raises:
            ConfigError: a number is out of range, a name is unknown, a term lacks its network, or none is in.
        """
        super().__init__()
        if unknown := sorted(set(leave_out) - set(TERMS)):
            raise ConfigError(f"`leave_out` must name terms of {', '.join(TERMS)}. Got {unknown[0]!r}.")
        self.terms = tuple(term for term in TERMS if term not in leave_out)
        if not self.terms:
            raise ConfigError(f"`leave_out` must leave a term in. Got all of {', '.join(TERMS)}.")
        for term, network, what in (
            ("decoder", first_decoder_layer, "the first layer of a trained face decoder"),
            ("distillation", classifier, "the last layer (fc8) of the face network"),
        ):
            if term in self.terms and network is None:
                raise ConfigError(
                    f"The term {term!r} of the loss needs {what}. Give it, or leave the term out: leave_out: [{term}]."
                )
        for name, value in (("feature_weight", feature_weight), ("distillation_weight", distillation_weight)):
            if not 0 <= value < float("inf"):
                raise ConfigError(f"`{name}` must be 0 or more. Got {value}.")
        if not 0 < temperature < float("inf"):
            raise ConfigError(f"`temperature` must be above 0. Got {temperature}.")
        self.first_decoder_layer = _frozen(first_decoder_layer)
        self.classifier = _frozen(classifier)
        self.feature_weight = feature_weight
        self.distillation_weight = distillation_weight
        self.temperature = temperature
        self.reduction = checked_reduction(reduction)

    def forward(self, predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
        """Return the loss and its parts.

        Args:
            predicted: (n, dim) float, of voices; carries the gradient.
            true: (n, dim) float, of faces.

        Returns:
            "loss"; of the terms that are in "decoder_loss", "feature_loss", "distillation_loss" without their weights;
            "angle_deg", without gradient.

        Raises:
            ValueError: shapes differ or are not (n, dim).
        """
        check_features(predicted, true)
        parts: dict[str, Tensor] = {}
        total = predicted.new_zeros((), dtype=torch.float32)
        if "decoder" in self.terms:
            assert self.first_decoder_layer is not None
            apart = (self.first_decoder_layer(true) - self.first_decoder_layer(predicted)).float().abs()
            parts["decoder_loss"] = reduced(apart.flatten(1).sum(dim=1), self.reduction)
            total = total + parts["decoder_loss"]
        if "feature" in self.terms:
            parts["feature_loss"] = normalised_feature_loss(predicted, true, reduction=self.reduction)
            total = total + self.feature_weight * parts["feature_loss"]
        if "distillation" in self.terms:
            assert self.classifier is not None
            parts["distillation_loss"] = distillation_loss(
                self.classifier(predicted),
                self.classifier(true),
                temperature=self.temperature,
                reduction=self.reduction,
            )
            total = total + self.distillation_weight * parts["distillation_loss"]
        return {"loss": total, **parts, "angle_deg": mean_angle_deg(predicted, true)}


def distillation_loss(
    predicted: Tensor, true: Tensor, *, temperature: float = TEMPERATURE, reduction: Reduction = "mean"
) -> Tensor:
    """Return the cross-entropy of softened classes: - sum of softmax(true / T) log softmax(predicted / T).

    Args:
        predicted: (n, n_classes) float logits of predicted features; carry the gradient.
        true: (n, n_classes) float logits of true features.
        temperature: T, above 0.
        reduction: over the n rows.

    Returns:
        A scalar; never below the entropy of the true classes, which is its value where both are equal.

    Raises:
        ValueError: shapes differ or are not (n, n_classes).
    """
    check_features(predicted, true)
    target = functional.softmax(true.float() / temperature, dim=1)
    each = -(target * functional.log_softmax(predicted.float() / temperature, dim=1)).sum(dim=1)  # (n,)
    return reduced(each, reduction)


def frozen_linear(weight: Tensor, bias: Tensor | None = None) -> nn.Linear:
    """Return a linear layer of given weights, as fc8 of a checkpoint is; nothing of it is trained.

    Args:
        weight: (n_out, n_in) float.
        bias: (n_out,) float; None: zeros.

    Raises:
        DataError: the shapes do not fit, or a number is not finite.
    """
    if weight.ndim != 2 or (bias is not None and bias.shape != weight.shape[:1]):
        shapes = tuple(weight.shape), None if bias is None else tuple(bias.shape)
        raise DataError(f"A linear layer must have weights (n_out, n_in) and a bias (n_out,). Got {shapes}.")
    if not bool(torch.isfinite(weight).all()) or (bias is not None and not bool(torch.isfinite(bias).all())):
        raise DataError("Weights of a layer must be finite. Got nan or infinity. Fetch the checkpoint again.")
    layer = nn.Linear(weight.shape[1], weight.shape[0], bias=bias is not None)
    with torch.no_grad():
        layer.weight.copy_(weight)
        if bias is not None:
            layer.bias.copy_(bias)
    return layer.requires_grad_(False)


def _frozen(layer: Layer | None) -> Layer | None:
    return layer.requires_grad_(False).eval() if isinstance(layer, nn.Module) else layer
