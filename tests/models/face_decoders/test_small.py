"""The small decoder: sizes, numbers, and that it can learn a picture."""

from __future__ import annotations

import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.face_decoders.small import SIZES_PX, SmallDecoder


@pytest.mark.parametrize("px", SIZES_PX)
def test_pictures_have_the_side_that_was_asked_for(px: int) -> None:
    decoder = SmallDecoder(feature_dim=5, image_px=px, channel_factor=0.25).eval()
    drawn = decoder(torch.randn(2, 5, generator=torch.Generator().manual_seed(0))).detach()
    assert drawn.shape == (2, 3, px, px) and drawn.dtype == torch.float32
    assert 0 < float(drawn.min()) < float(drawn.max()) < 1
    assert not torch.equal(drawn[0], drawn[1])


def test_it_has_few_numbers() -> None:
    assert sum(parameter.numel() for parameter in SmallDecoder(feature_dim=256).parameters()) == 1_659_251


def test_features_are_taken_in_deviations_from_their_mean() -> None:
    decoder = SmallDecoder(feature_dim=3, image_px=8, channel_factor=0.1).eval()
    features = torch.tensor([[1.0, 2.0, 3.0]])
    before, first = decoder(features), decoder.first_layer(features)
    decoder.mean += 2
    decoder.deviation *= 4
    assert torch.allclose(decoder(features * 4 + 2), before, atol=1e-6)
    assert torch.allclose(decoder.first_layer(features * 4 + 2), first, atol=1e-6)


def test_every_weight_gets_a_gradient_and_a_step_comes_nearer() -> None:
    torch.manual_seed(0)
    decoder = SmallDecoder(feature_dim=4, image_px=16, channel_factor=0.25)
    features, true = torch.randn(4, 4), torch.rand(4, 3, 16, 16)
    losses = []
    for _ in range(8):
        loss = (decoder(features) - true).abs().mean()
        decoder.zero_grad()
        loss.backward()
        assert all(p.grad is not None and bool(p.grad.abs().sum() > 0) for p in decoder.parameters())
        with torch.no_grad():
            for parameter in decoder.parameters():
                parameter -= 0.5 * parameter.grad  # type: ignore[operator, misc]
        losses.append(loss.item())
    assert losses[-1] < losses[0]


def test_no_picture_of_no_feature() -> None:
    assert SmallDecoder(feature_dim=4, image_px=8, channel_factor=0.1).eval()(torch.zeros(0, 4)).shape == (0, 3, 8, 8)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"image_px": 48}, "`image_px` of the face decoder 'small' must be one of 8, 16, 32, 64, 128. Got 48"),
        ({"channel_factor": 0.0}, "`channel_factor` must be above 0 and at most 2. Got 0.0"),
        ({"feature_dim": 0}, "`feature_dim` must be at least 1. Got 0"),
    ],
)
def test_what_is_out_of_range_is_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words.replace("(", "\\(")):
        SmallDecoder(**{"feature_dim": 4, **arguments})  # type: ignore[arg-type]


def test_a_doubling_lays_four_maps_side_by_side_as_a_plain_loop_does() -> None:
    decoder = SmallDecoder(feature_dim=4, image_px=8, channel_factor=0.05).eval()
    doubling = decoder.doublings[0]
    weight = doubling.convolution.weight  # type: ignore[union-attr]
    maps = torch.randn(1, 8, 4, 4, generator=torch.Generator().manual_seed(2))
    n_out = weight.shape[0] // 4  # type: ignore[operator, union-attr]
    padded = torch.nn.functional.pad(maps, (1, 1, 1, 1))
    wanted = torch.zeros(1, n_out, 8, 8)
    for channel in range(n_out):
        for y in range(8):
            for x in range(8):
                filters = weight[4 * channel + 2 * (y % 2) + x % 2]  # type: ignore[index]
                seen = padded[0, :, y // 2 : y // 2 + 3, x // 2 : x // 2 + 3]
                value = float((filters * seen).sum()) / (1 + 1e-5) ** 0.5  # a fresh normalisation in evaluation mode
                wanted[0, channel, y, x] = value / (1 + 2.718281828459045**-value)
    assert torch.allclose(doubling(maps), wanted, atol=1e-5)


def test_a_fresh_pair_of_convolutions_keeps_what_comes_in() -> None:
    decoder = SmallDecoder(feature_dim=4, image_px=16, channel_factor=0.1).eval()
    residual = decoder.doublings[1]
    maps = torch.randn(2, 10, 8, 8, generator=torch.Generator().manual_seed(3))
    with torch.no_grad():
        for parameter in residual.parameters():
            parameter.zero_()
    assert torch.allclose(residual(maps), torch.nn.functional.silu(maps))
