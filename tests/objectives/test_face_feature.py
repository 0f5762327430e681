"""The normalised loss of Speech2Face's code, against TensorFlow's definition written out."""

from __future__ import annotations

import math

import pytest
import torch

from visavox.errors import ConfigError
from visavox.objectives.face_feature import (
    NormalisedFeatureLoss,
    mean_angle_deg,
    normalised_feature_loss,
    unit,
)


def features(n: int = 5, dim: int = 7, seed: int = 0) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator) + 0.5


def slow_loss(predicted: torch.Tensor, true: torch.Tensor) -> float:
    """2 * l2_loss(a - b) over everything, l2_loss(t) = sum(t ** 2) / 2, of rows divided by their lengths."""
    total = 0.0
    for p, t in zip(predicted.tolist(), true.tolist(), strict=True):
        length_p, length_t = (math.sqrt(sum(x * x for x in v)) for v in (p, t))
        l2_loss = sum((x / length_p - y / length_t) ** 2 for x, y in zip(p, t, strict=True)) / 2
        total += 2 * l2_loss
    return total


def test_it_is_twice_the_l2_loss_of_unit_vectors_summed_over_the_batch() -> None:
    predicted, true = features()
    assert normalised_feature_loss(predicted, true).item() == pytest.approx(slow_loss(predicted, true), rel=1e-5)
    mean = normalised_feature_loss(predicted, true, reduction="mean").item()
    assert mean == pytest.approx(slow_loss(predicted, true) / 5, rel=1e-5)


def test_a_batch_given_twice_doubles_the_sum_and_leaves_the_mean() -> None:
    predicted, true = features()
    twice = [torch.cat([x, x]) for x in (predicted, true)]
    torch.testing.assert_close(normalised_feature_loss(*twice), 2 * normalised_feature_loss(predicted, true))
    torch.testing.assert_close(
        normalised_feature_loss(*twice, reduction="mean"), normalised_feature_loss(predicted, true, reduction="mean")
    )


def test_values_one_can_check_by_hand() -> None:
    east, north = torch.tensor([[3.0, 0.0]]), torch.tensor([[0.0, 0.2]])
    assert normalised_feature_loss(east, east).item() == 0
    assert normalised_feature_loss(east, north).item() == pytest.approx(2)
    assert normalised_feature_loss(east, -east).item() == pytest.approx(4)
    assert mean_angle_deg(east, north).item() == pytest.approx(90)
    assert mean_angle_deg(torch.cat([east, east]), torch.cat([-east, east])).item() == pytest.approx(90)


def test_lengths_do_not_matter_and_it_is_two_less_two_cosines() -> None:
    predicted, true = features()
    loss = normalised_feature_loss(predicted, true)
    torch.testing.assert_close(normalised_feature_loss(3.5 * predicted, 0.1 * true), loss)
    cosine = torch.nn.functional.cosine_similarity(predicted, true)
    torch.testing.assert_close(loss, (2 - 2 * cosine).sum())


def test_the_gradient_is_across_the_prediction_and_reaches_it_alone() -> None:
    predicted, true = features()
    predicted.requires_grad_()
    normalised_feature_loss(predicted, true).backward()
    assert predicted.grad is not None and bool((predicted.grad.norm(dim=1) > 0).all())
    along = (predicted.grad * predicted.detach()).sum(dim=1)
    torch.testing.assert_close(along, torch.zeros(5), atol=1e-5, rtol=0)


def test_the_gradient_agrees_with_differences() -> None:
    predicted, true = (x.double() for x in features(3, 4))
    assert torch.autograd.gradcheck(lambda p: normalised_feature_loss(p, true), (predicted.requires_grad_(),))


def test_a_row_of_zeros_stands_at_one_and_gives_no_nan() -> None:
    predicted, true = torch.zeros(1, 3, requires_grad=True), torch.tensor([[1.0, 2.0, 2.0]])
    loss = normalised_feature_loss(predicted, true)
    loss.backward()
    assert loss.item() == pytest.approx(1)
    assert predicted.grad is not None and bool(torch.isfinite(predicted.grad).all())


def test_half_precision_is_widened_before_it_is_normalised() -> None:
    predicted, true = features()
    loss = normalised_feature_loss(predicted.bfloat16(), true)
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(slow_loss(predicted, true), rel=0.02)
    assert unit(predicted.double()).dtype == torch.float64


def test_the_module_says_loss_and_angle() -> None:
    predicted, true = features()
    found = NormalisedFeatureLoss(reduction="mean")(predicted.requires_grad_(), true)
    assert sorted(found) == ["angle_deg", "loss"]
    assert found["loss"].requires_grad and not found["angle_deg"].requires_grad
    assert NormalisedFeatureLoss().reduction == "sum"


def test_what_does_not_fit_is_refused() -> None:
    predicted, true = features()
    with pytest.raises(ConfigError, match="`reduction` must be one of sum, mean. Got 'max'"):
        NormalisedFeatureLoss(reduction="max")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`reduction`"):
        normalised_feature_loss(predicted, true, reduction="none")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(5, 7\), \(4, 7\)"):
        normalised_feature_loss(predicted, true[:4])
    with pytest.raises(ValueError, match="one shape"):
        mean_angle_deg(predicted[0], true[0])
