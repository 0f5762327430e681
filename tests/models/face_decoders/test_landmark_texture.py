"""The decoder of two branches: sizes, its loss by a plain loop, and that each branch is taught by its own term."""

from __future__ import annotations

import math

import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.face_decoders.landmark_texture import N_LANDMARKS, LandmarkTextureDecoder, landmark_texture_loss


def small(**changes: object) -> LandmarkTextureDecoder:
    arguments = {"feature_dim": 6, "image_px": 16, "hidden_dims": (8, 7), "channel_factor": 0.0625, **changes}
    return LandmarkTextureDecoder(**arguments)  # type: ignore[arg-type]


def test_the_whole_network_has_as_many_numbers_as_its_layers_say() -> None:
    with torch.device("meta"):
        decoder = LandmarkTextureDecoder()
    counted = 4096 * 3072 + 3 * 3072 + 3072 * 2048 + 3 * 2048  # weights, biases, scale and shift of the normalisation
    counted += 2048 * 50_176 + 50_176
    for n_in, n_out in ((256, 128), (128, 64), (64, 32), (32, 32)):
        counted += n_in * n_out * 5 * 5 + n_out
    counted += 32 * 3 + 3
    for n_in, n_out in ((2048, 1024), (1024, 512), (512, 256), (256, 144)):
        counted += n_in * n_out + n_out
    assert sum(parameter.numel() for parameter in decoder.parameters()) == counted == 125_592_819


def test_a_pass_gives_a_picture_and_72_points_and_the_same_as_each_branch_alone() -> None:
    decoder = small().eval()
    features = torch.randn(3, 6, generator=torch.Generator().manual_seed(0))
    picture, points = decoder.both(features)
    assert picture.shape == (3, 3, 16, 16) and points.shape == (3, N_LANDMARKS, 2)
    assert torch.equal(decoder(features), picture) and torch.equal(decoder.landmarks(features), points)
    assert decoder.first_layer(features).shape == (3, 8)


def test_sides_double_with_kernel_5_and_one_row_more() -> None:
    for px in (16, 48):
        assert small(image_px=px).eval()(torch.zeros(1, 6)).shape == (1, 3, px, px)


def test_the_loss_is_the_weighted_sum_of_a_plain_loop() -> None:
    rng = torch.Generator().manual_seed(3)
    drawn, true = torch.rand(2, 3, 4, 4, generator=rng), torch.rand(2, 3, 4, 4, generator=rng)
    points, wanted = torch.rand(2, 72, 2, generator=rng), torch.rand(2, 72, 2, generator=rng)
    feature, target = torch.randn(2, 5, generator=rng), torch.randn(2, 5, generator=rng)
    texture = sum(abs(a - b) for a, b in zip(drawn.flatten().tolist(), true.flatten().tolist(), strict=True)) / 96
    places = sum((a - b) ** 2 for a, b in zip(points.flatten().tolist(), wanted.flatten().tolist(), strict=True)) / 288
    turned = 0.0
    for a, b in zip(feature.tolist(), target.tolist(), strict=True):
        dot = sum(x * y for x, y in zip(a, b, strict=True))
        turned += (1 - dot / math.hypot(*a) / math.hypot(*b)) / 2
    assert float(landmark_texture_loss(drawn, true)) == pytest.approx(100 * texture, rel=1e-5)
    found = landmark_texture_loss(
        drawn, true, landmarks=points, true_landmarks=wanted, features=feature, true_features=target
    )
    assert float(found) == pytest.approx(places + 100 * texture + 100 * turned, rel=1e-5)


def test_a_doubling_is_what_a_plain_loop_makes_of_it() -> None:
    """Kernel 5, stride 2, padding 2, one row and column more: 2 s = (s - 1) * 2 - 2 * 2 + 5 + 1."""
    decoder = small().eval()
    layer = decoder.doublings[0]
    assert isinstance(layer, torch.nn.ConvTranspose2d) and layer.bias is not None
    maps = torch.randn(1, layer.in_channels, 3, 3, generator=torch.Generator().manual_seed(4))
    wide = torch.zeros(1, layer.out_channels, 2 * 3 + 5, 2 * 3 + 5)
    for row in range(3):
        for column in range(3):
            part = torch.einsum("ni,iokl->nokl", maps[:, :, row, column], layer.weight)
            wide[:, :, 2 * row : 2 * row + 5, 2 * column : 2 * column + 5] += part
    assert torch.allclose(layer(maps), wide[:, :, 2:8, 2:8] + layer.bias[:, None, None], atol=1e-5)


def test_places_are_a_plain_chain_of_layers() -> None:
    decoder = small().eval()
    features = torch.randn(2, 6, generator=torch.Generator().manual_seed(5))
    x = features
    for shared in (decoder.first, decoder.second):
        layer, norm = shared[0], shared[1]
        assert isinstance(layer, torch.nn.Linear) and isinstance(norm, torch.nn.BatchNorm1d)
        x = x @ layer.weight.T + layer.bias
        x = (x / (1 + norm.eps) ** 0.5).clamp_min(0)  # fresh: mean 0, variance 1
    layers = [layer for layer in decoder.places if isinstance(layer, torch.nn.Linear)]
    for number, layer in enumerate(layers):
        x = x @ layer.weight.T + layer.bias
        x = x.clamp_min(0) if number + 1 < len(layers) else x
    assert torch.allclose(decoder.landmarks(features), x.reshape(2, 72, 2), atol=1e-5)


def test_without_true_landmarks_their_branch_learns_nothing() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = small(channel_factor=0.25)  # fewer maps may all be 0 behind their ReLU
    drawn, points = decoder.both(torch.randn(4, 6, generator=torch.Generator().manual_seed(1)))
    landmark_texture_loss(drawn, torch.zeros_like(drawn), landmarks=points).backward()  # type: ignore[no-untyped-call]
    assert all(parameter.grad is None for parameter in decoder.places.parameters())
    assert decoder.colours.weight.grad is not None and float(decoder.colours.weight.grad.abs().sum()) > 0


def test_hidden_widths_may_come_back_from_json_as_a_list() -> None:
    assert small(hidden_dims=[8, 7]).hidden_dims == (8, 7)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_px": 20}, "`image_px` of the face decoder 'landmark_texture' must be a multiple of 16"),
        ({"hidden_dims": (8,)}, "`hidden_dims` must be two whole numbers of at least 1"),
        ({"channel_factor": -1}, "`channel_factor` must be above 0"),
    ],
)
def test_what_is_out_of_range_is_refused(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        small(**changes)
