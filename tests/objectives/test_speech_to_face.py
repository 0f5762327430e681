"""The three terms of Speech2Face's paper, each against a loop, and the refusal of a term without its network."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.objectives.face_feature import normalised_feature_loss
from visavox.objectives.speech_to_face import SpeechToFaceLoss, distillation_loss, frozen_linear


def features(n: int = 4, dim: int = 6) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator)


def layers(dim: int = 6) -> tuple[nn.Module, nn.Linear]:
    generator = torch.Generator().manual_seed(1)
    first = nn.Sequential(frozen_linear(torch.randn(9, dim, generator=generator)), nn.ReLU())
    return first, frozen_linear(torch.randn(5, dim, generator=generator), torch.randn(5, generator=generator))


def softened(logits: list[float], temperature: float) -> list[float]:
    powers = [math.exp(x / temperature) for x in logits]
    return [x / sum(powers) for x in powers]


def slow_distillation(predicted: Tensor, true: Tensor, temperature: float) -> list[float]:
    found = []
    for p, t in zip(predicted.tolist(), true.tolist(), strict=True):
        shares = zip(softened(t, temperature), softened(p, temperature), strict=True)
        found.append(-sum(a * math.log(b) for a, b in shares))
    return found


def test_the_distillation_is_the_cross_entropy_of_softened_classes() -> None:
    predicted, true = features()
    for temperature in (1.0, 2.0, 10.0):
        expected = slow_distillation(predicted, true, temperature)
        found = distillation_loss(predicted, true, temperature=temperature)
        assert found.item() == pytest.approx(sum(expected) / 4, rel=1e-5)
        summed = distillation_loss(predicted, true, temperature=temperature, reduction="sum")
        assert summed.item() == pytest.approx(sum(expected), rel=1e-5)


def test_the_distillation_of_equal_logits_is_their_entropy_and_its_least() -> None:
    predicted, true = features()
    entropy = distillation_loss(true, true)
    assert entropy.item() == pytest.approx(
        sum(-sum(p * math.log(p) for p in softened(row, 2.0)) for row in true.tolist()) / 4, rel=1e-5
    )
    assert distillation_loss(predicted, true) > entropy
    torch.testing.assert_close(distillation_loss(torch.zeros(4, 6), true).item(), math.log(6), rtol=1e-5, atol=1e-6)


def test_the_loss_is_the_sum_of_its_terms_with_the_papers_weights() -> None:
    predicted, true = features()
    first, last = layers()
    found = SpeechToFaceLoss(first_decoder_layer=first, classifier=last)(predicted, true)
    by_hand = 0.0
    for p, t in zip(first(predicted).tolist(), first(true).tolist(), strict=True):
        by_hand += sum(abs(x - y) for x, y in zip(p, t, strict=True)) / 4
    assert found["decoder_loss"].item() == pytest.approx(by_hand, rel=1e-5)
    direction = normalised_feature_loss(predicted, true, reduction="mean").item()
    assert found["feature_loss"].item() == pytest.approx(direction)
    teacher = sum(slow_distillation(last(predicted), last(true), 2.0)) / 4
    assert found["distillation_loss"].item() == pytest.approx(teacher, rel=1e-5)
    assert found["loss"].item() == pytest.approx(by_hand + 0.025 * direction + 200 * teacher, rel=1e-5)


def test_terms_that_are_left_out_are_neither_counted_nor_named() -> None:
    predicted, true = features()
    first, last = layers()
    alone = SpeechToFaceLoss(leave_out=("decoder", "distillation"), feature_weight=1.0, reduction="sum")
    assert alone.terms == ("feature",)
    torch.testing.assert_close(alone(predicted, true)["loss"], normalised_feature_loss(predicted, true))
    two = SpeechToFaceLoss(first_decoder_layer=first, classifier=last, leave_out=["feature"])
    assert sorted(two(predicted, true)) == ["angle_deg", "decoder_loss", "distillation_loss", "loss"]


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({}, r"The term 'decoder' of the loss needs the first layer of a trained face decoder. Give it, or leave"),
        ({"leave_out": ("decoder",)}, r"'distillation' .* \(fc8\) .* leave_out: \[distillation\]"),
        ({"leave_out": ("voice",)}, "`leave_out` must name terms of decoder, feature, distillation. Got 'voice'"),
        ({"leave_out": ("decoder", "feature", "distillation")}, "must leave a term in"),
        ({"leave_out": ("decoder", "distillation"), "feature_weight": -1.0}, "`feature_weight` must be 0 or more"),
        ({"leave_out": ("decoder", "distillation"), "temperature": 0.0}, "`temperature` must be above 0. Got 0.0"),
        ({"leave_out": ("decoder", "distillation"), "reduction": "all"}, "`reduction` must be one of sum, mean"),
        (
            {"leave_out": ("decoder", "distillation"), "distillation_weight": float("nan")},
            "`distillation_weight` must be 0 or more. Got nan",
        ),
    ],
)
def test_a_term_without_its_network_or_a_wrong_number_is_refused(given: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        SpeechToFaceLoss(**given)  # type: ignore[arg-type]
    assert "\n" not in str(caught.value)


def test_given_networks_stay_as_they_are_and_the_prediction_learns() -> None:
    predicted, true = features()
    first, last = nn.Sequential(nn.Linear(6, 9), nn.ReLU(), nn.Dropout(0.5)), nn.Linear(6, 5)
    loss = SpeechToFaceLoss(first_decoder_layer=first, classifier=last)
    assert not first.training and not any(p.requires_grad for p in [*first.parameters(), *last.parameters()])
    predicted.requires_grad_()
    found = loss(predicted, true)
    found["loss"].backward()
    assert predicted.grad is not None and bool((predicted.grad.norm(dim=1) > 0).all())
    assert not found["angle_deg"].requires_grad


def test_a_plain_function_does_for_a_network() -> None:
    predicted, true = features()
    loss = SpeechToFaceLoss(first_decoder_layer=lambda x: 2 * x, leave_out=("feature", "distillation"))
    expected = 2 * (predicted - true).abs().sum(dim=1).mean()
    torch.testing.assert_close(loss(predicted, true)["loss"], expected)


def test_following_the_gradient_brings_prediction_and_truth_together() -> None:
    predicted, true = features()
    loss = SpeechToFaceLoss(first_decoder_layer=lambda x: x, classifier=layers()[1], distillation_weight=1)
    predicted.requires_grad_()
    optimiser = torch.optim.Adam([predicted], lr=0.05)
    before = loss(predicted, true)["angle_deg"]
    for _ in range(200):
        optimiser.zero_grad()
        loss(predicted, true)["loss"].backward()
        optimiser.step()
    assert loss(predicted, true)["angle_deg"] < 10 < before


def test_a_layer_of_given_weights_is_that_layer() -> None:
    weight, bias = torch.tensor([[1.0, 2.0]]), torch.tensor([3.0])
    assert frozen_linear(weight, bias)(torch.tensor([[4.0, 5.0]])).item() == 17
    assert frozen_linear(weight)(torch.tensor([[4.0, 5.0]])).item() == 14
    with pytest.raises(DataError, match=r"A linear layer must have weights \(n_out, n_in\) and a bias"):
        frozen_linear(weight, torch.zeros(2))
    with pytest.raises(DataError, match="Weights of a layer must be finite"):
        frozen_linear(torch.full((2, 2), float("nan")))
    with pytest.raises(ValueError, match="one shape"):
        SpeechToFaceLoss(leave_out=("decoder", "distillation"))(torch.zeros(2, 3), torch.zeros(2, 4))


def test_the_sum_is_the_mean_times_the_batch() -> None:
    predicted, true = features()
    first, last = layers()
    given = {"first_decoder_layer": first, "classifier": last}
    summed, mean = (SpeechToFaceLoss(**given, reduction=r)(predicted, true) for r in ("sum", "mean"))  # type: ignore[arg-type]
    for name in ("loss", "decoder_loss", "feature_loss", "distillation_loss"):
        torch.testing.assert_close(summed[name], 4 * mean[name], rtol=1e-5, atol=1e-5)


def test_logits_that_are_shifted_alike_are_the_same_classes() -> None:
    predicted, true = features()
    shifted = distillation_loss(predicted + 7, true - 3)
    torch.testing.assert_close(shifted, distillation_loss(predicted, true), rtol=1e-4, atol=1e-5)
    assert torch.isfinite(distillation_loss(1e4 * predicted, 1e4 * true))
