"""The decoder of transposed convolutions has the published sizes, and a small one of the same order works."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from visavox.errors import ConfigError
from visavox.models.face_decoders.transposed import TransposedDecoder, doublings


def small(**changes: float) -> TransposedDecoder:
    arguments = {"feature_dim": 6, "image_px": 32, "hidden_dim": 10, "channel_factor": 0.0625, **changes}
    return TransposedDecoder(**arguments).eval()  # type: ignore[arg-type]


def test_the_whole_network_has_as_many_numbers_as_its_layers_say() -> None:
    with torch.device("meta"):
        decoder = TransposedDecoder()
    counted = 4096 * 1000 + 1000 + 1000 * 50_176 + 50_176
    for n_in, n_out in ((256, 128), (128, 64), (64, 32), (32, 32)):
        counted += n_in * n_out * 6 * 6 + n_out
    counted += 32 * 3 + 3
    assert sum(parameter.numel() for parameter in decoder.parameters()) == counted == 55_908_683
    assert decoder.first_px == 14 and decoder.second.out_features == 256 * 14 * 14


def test_sides_double_four_times() -> None:
    """(s - 1) * 2 - 2 * 2 + 6 = 2 s: 14, 28, 56, 112, 224."""
    layers = doublings((256, 128, 64, 32, 32), kernel=6, output_padding=0)
    maps, sides = torch.zeros(1, 256, 14, 14), []
    with torch.inference_mode():
        for layer in layers:
            maps = layer(maps)
            if isinstance(layer, nn.ConvTranspose2d):
                sides.append((maps.shape[1], maps.shape[2], maps.shape[3]))
    assert sides == [(128, 28, 28), (64, 56, 56), (32, 112, 112), (32, 224, 224)]


def test_each_layer_is_what_a_plain_loop_makes_of_it() -> None:
    decoder = small()
    features = torch.randn(2, 6, generator=torch.Generator().manual_seed(1))
    x = features @ decoder.first.weight.T + decoder.first.bias
    x = x.clamp_min(0)
    assert torch.allclose(decoder.first_layer(features), x, atol=1e-6)
    x = (x @ decoder.second.weight.T + decoder.second.bias).clamp_min(0).reshape(2, 16, 2, 2)
    for layer in decoder.doublings:
        if isinstance(layer, nn.ConvTranspose2d):
            n, channels, side = len(x), layer.out_channels, x.shape[-1]
            wide = torch.zeros(n, channels, 2 * side + 4, 2 * side + 4)  # with the rim that padding takes away
            for row in range(side):
                for column in range(side):
                    part = torch.einsum("ni,iokl->nokl", x[:, :, row, column], layer.weight)
                    wide[:, :, 2 * row : 2 * row + 6, 2 * column : 2 * column + 6] += part
            assert layer.bias is not None
            x = (wide[:, :, 2:-2, 2:-2] + layer.bias[:, None, None]).clamp_min(0)
    x = torch.einsum("nihw,oi->nohw", x, decoder.colours.weight[:, :, 0, 0]) + decoder.colours.bias[:, None, None]  # type: ignore[index]
    assert torch.allclose(decoder(features), 1 / (1 + torch.exp(-x)), atol=1e-5)


def test_pictures_differ_with_their_features() -> None:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        decoder = small(image_px=48, channel_factor=0.25)
    drawn = decoder(torch.randn(2, 6, generator=torch.Generator().manual_seed(0)) * 10)
    assert drawn.shape == (2, 3, 48, 48) and not torch.equal(drawn[0], drawn[1])


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"image_px": 100}, "`image_px` of the face decoder 'transposed' must be a multiple of 16, 16 to 512. Got 100"),
        ({"image_px": 0}, "Got 0"),
        ({"hidden_dim": 0}, "`hidden_dim` must be at least 1. Got 0"),
        ({"channel_factor": 1.5}, "`channel_factor` must be above 0 and at most 1. Got 1.5"),
    ],
)
def test_what_is_out_of_range_is_refused(changes: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        small(**changes)
