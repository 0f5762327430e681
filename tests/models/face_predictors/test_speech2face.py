"""Speech2Face's voice encoder: its published size, its order of layers, and small forms of it that learn."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.models.face_predictors.speech2face import (
    LAYOUT,
    N_LAST_BINS,
    N_LAST_FRAMES,
    Speech2FacePredictor,
)
from visavox.models.speech_image import LEAST_FRAMES
from visavox.registry import PREDICTORS

SMALL = {"feature_dim": 6, "hidden_dim": 12, "channel_factor": 1 / 32}


def small(seed: int = 0, **options: object) -> Speech2FacePredictor:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return Speech2FacePredictor(**{**SMALL, **options})  # type: ignore[arg-type]


def voices(n: int = 2, n_frames: int = 598) -> Tensor:
    return torch.randn(n, 2, n_frames, 257, generator=torch.Generator().manual_seed(1))


def test_the_published_network_has_its_published_number_of_parameters() -> None:
    with torch.device("meta"):  # half a gigabyte of weights is not needed to count them
        network = Speech2FacePredictor()
    assert network.n_numbers == 148_067_584
    assert sum(p.numel() for p in network.parameters()) == 148_067_584 - 2 * 2304  # without the statistics
    assert network.hidden.in_features == 512 * 57 == 29_184
    assert network.feature.out_features == 4096


def test_the_shapes_on_the_way_are_those_of_the_specification() -> None:
    """598 x 257 by hand: 4 less for 4x4 without padding plus 1, halves for pools, halves for strides."""
    network, x, sizes = small(), torch.zeros(1, 2, 598, 257), []
    with torch.no_grad():
        for name, layer in network.convolutions.named_children():
            x = layer(x)
            if name.startswith("conv"):
                sizes.append((32 * x.shape[1], x.shape[2], x.shape[3]))
    expected, frames, bins = [], 598, 257
    for n_channels, stride, pooled in LAYOUT:
        frames, bins = (frames - 4) // stride + 1, (bins - 4) // stride + 1
        expected.append((n_channels, frames, bins))
        frames //= 2 if pooled else 1
    assert sizes == expected
    assert sizes[-1] == (512, N_LAST_FRAMES, N_LAST_BINS) == (512, 6, 57)


def test_each_convolution_is_followed_by_relu_then_normalisation_and_pools_are_along_time() -> None:
    network = small()
    kinds = [type(layer) for layer in network.convolutions]
    places = [i for i, kind in enumerate(kinds) if kind is nn.Conv2d]
    assert len(places) == 9
    for place in places[:-1]:
        assert kinds[place + 1 : place + 3] == [nn.ReLU, nn.BatchNorm2d]
    assert kinds[-1] is nn.Conv2d  # its ReLU and normalisation come after the mean over time
    pools = [layer for layer in network.convolutions if isinstance(layer, nn.MaxPool2d)]
    assert [pool.kernel_size for pool in pools] == [(2, 1)] * 4


def slow_forward(network: Speech2FacePredictor, voice: Tensor) -> Tensor:
    """The whole network again, layer by layer with explicit normalisation."""
    x = voice
    for n, (_, stride, pooled) in enumerate(LAYOUT, start=1):
        conv = network.convolutions.get_submodule(f"conv{n}")
        x = nn.functional.conv2d(x, conv.weight, conv.bias, stride=stride)  # type: ignore[arg-type]
        if n < len(LAYOUT):
            x = x.clamp_min(0)
            norm = network.convolutions.get_submodule(f"norm{n}")
            shape = (1, -1, 1, 1)
            mean, var = norm.running_mean.view(shape), norm.running_var.view(shape)  # type: ignore[operator]
            x = (x - mean) / torch.sqrt(var + 1e-3) * norm.weight.view(shape) + norm.bias.view(shape)  # type: ignore
        if pooled:
            frames = x.shape[2] // 2 * 2
            x = torch.maximum(x[:, :, 0:frames:2], x[:, :, 1:frames:2])
    x = sum(x[:, :, t] for t in range(x.shape[2])) / x.shape[2]  # type: ignore[assignment]
    x = x.clamp_min(0)
    norm = network.last_norm
    mean, var = norm.running_mean[None, :, None], norm.running_var[None, :, None]  # type: ignore[index]
    x = (x - mean) / torch.sqrt(var + 1e-3) * norm.weight[None, :, None] + norm.bias[None, :, None]
    flat = torch.stack([x[:, c, f] for f in range(57) for c in range(x.shape[1])], dim=1)
    hidden = (flat @ network.hidden.weight.T + network.hidden.bias).clamp_min(0)
    return hidden @ network.feature.weight.T + network.feature.bias


def test_the_network_is_the_one_written_out() -> None:
    network = small(seed=3)
    network.train()
    with torch.no_grad():
        network(voices(3))  # moves the statistics off their start
        network.eval()
        torch.testing.assert_close(network(voices()), slow_forward(network, voices()), atol=1e-5, rtol=1e-4)


def test_the_mean_over_all_time_takes_any_length_and_agrees_at_six_seconds() -> None:
    fixed, free = small().eval(), small(pooling="global").eval()
    with torch.no_grad():
        torch.testing.assert_close(fixed(voices()), free(voices()))
        for n_frames in (LEAST_FRAMES, 300, 700):
            assert free(voices(1, n_frames)).shape == (1, 6)
        steady = voices(1, 1).expand(1, 2, 800, 257)  # what does not change over time has one feature at any length
        torch.testing.assert_close(free(steady[:, :, :300]), free(steady), atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("shape", [(1, 2, 597, 257), (1, 1, 598, 257), (1, 2, 598, 256), (2, 598, 257)])
def test_another_shape_is_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"voice must be \(n, 2, 598, 257\)"):
        small()(torch.zeros(shape))
    with pytest.raises(ValueError, match=r"voice must be \(n, 2, 259 or more, 257\). Got \(1, 2, 258, 257\)"):
        small(pooling="global")(torch.zeros(1, 2, 258, 257))


def test_259_frames_are_the_fewest_that_leave_something() -> None:
    network = small(pooling="global").eval()
    with torch.no_grad():
        assert network.convolutions(torch.zeros(1, 2, LEAST_FRAMES, 257)).shape[2] == 1
        with pytest.raises(RuntimeError):
            network.convolutions(torch.zeros(1, 2, LEAST_FRAMES - 1, 257))


def test_the_output_is_scaled_and_every_weight_learns() -> None:
    network = small(seed=2)
    network.train()
    out = network(voices(4))
    out.square().sum().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum() > 0)]
    assert dead == []
    network.eval()
    with torch.no_grad():
        before = network(voices())
        network.scale.fill_(2.5)
        torch.testing.assert_close(network(voices()), 2.5 * before)
    assert bool(before.abs().sum() > 0)


def test_the_statistics_follow_batches_as_slowly_as_is_asked_for() -> None:
    slow, quick = small(), small(norm_momentum=0.5)
    norms = [network.convolutions.get_submodule("norm1") for network in (slow, quick)]
    for network in (slow, quick):
        network.train()(voices())
    first, second = (norm.running_mean for norm in norms)
    torch.testing.assert_close(50 * first, second)  # type: ignore[operator]
    assert bool(second.any())  # type: ignore[operator,union-attr]


def test_it_is_registered_and_stores_its_arguments() -> None:
    built = PREDICTORS.build({"name": "speech2face", **SMALL, "pooling": "global", "form": "amplitude_phase"})
    assert isinstance(built, Speech2FacePredictor)
    assert built.takes == "spectrogram" and built.form == "amplitude_phase" and built.pooling == "global"
    assert (built.feature_dim, built.hidden_dim, built.channel_factor) == (6, 12, 1 / 32)
    assert np.prod(built.spread.shape) == 0 and built.centre.shape == (6,)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"feature_dim": 0}, "`feature_dim` must be at least 1. Got 0"),
        ({"hidden_dim": 0}, "`hidden_dim` must be at least 1. Got 0"),
        ({"channel_factor": 0.0}, "`channel_factor` must be above 0 and at most 1. Got 0.0"),
        ({"channel_factor": 1.5}, "`channel_factor` must be above 0"),
        ({"norm_momentum": 0.0}, "`norm_momentum` must be above 0 and at most 1. Got 0.0"),
        ({"form": "mel"}, "`form` must be one of real_imaginary, amplitude_phase. Got 'mel'"),
        ({"pooling": "max"}, "`pooling` must be one of fixed, global. Got 'max'"),
    ],
)
def test_options_are_held_to_their_ranges(options: dict[str, object], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        small(**options)  # type: ignore[arg-type]
