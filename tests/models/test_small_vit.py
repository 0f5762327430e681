"""The small vision transformer: its counts by hand, its forward pass against one written from names and formulas."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError, DataError
from visavox.models.shifted_patches import flat_patches, shifted_copies
from visavox.models.small_vit import SmallViT

TINY: dict[str, Any] = {"picture_px": 12, "patch_px": 4, "dim": 6, "n_layers": 2, "n_heads": 2, "head": (10, 5)}


def tiny(**options: Any) -> SmallViT:
    """A network in evaluation mode whose norms, biases and scaling do something."""
    torch.manual_seed(7)
    network = SmallViT(**(TINY | options))
    for name, parameter in network.named_parameters():
        if name.endswith("bias") or "norm" in name:
            torch.nn.init.uniform_(parameter, 0.5, 1.5)
    network.adapt([0.4, 0.5, 0.6][: network.in_channels], 0.3)
    return network.eval()


def pictures(n: int = 2, channels: int = 3, side: int = 12) -> Tensor:
    return torch.rand(n, channels, side, side, generator=torch.Generator().manual_seed(0))


def counted(patch: int, dim: int, layers: int, heads: int, widths: list[int], *, plain: bool, channels: int = 3) -> int:
    """Parameters layer by layer, as Keras lists them: (inputs + 1) x outputs for a Dense, 2 x width for a LayerNorm."""
    n_tokens = (72 // patch) ** 2
    patch_width = patch * patch * channels * (1 if plain else 5)
    n = patch_width * dim + dim + (0 if plain else 2 * patch_width) + n_tokens * dim
    for _ in range(layers):
        n += 2 * dim + 3 * (dim + 1) * heads * dim + (heads * dim + 1) * dim + (0 if plain else 1)
        n += 2 * dim + (dim + 1) * 2 * dim + (2 * dim + 1) * dim
    n += 2 * dim
    before = n_tokens * dim
    for width in widths:
        n += (before + 1) * width
        before = width
    return n


@pytest.mark.parametrize(
    ("options", "arguments", "n_parameters"),
    [
        ({"attention": "vanilla", "tokenisation": "patches"}, (6, 64, 8, 4, [2048, 1024]), 21_656_512),
        ({}, (6, 64, 8, 4, [2048, 1024]), 21_685_248),
        ({"n_layers": 4, "head": [1024, 512]}, (6, 64, 4, 4, [1024, 512]), 10_340_860),
        (
            {"patch_px": 18, "dim": 32, "n_layers": 6, "n_heads": 6, "head": [1024, 512], "n_heads_mlp": 2},
            (18, 32, 6, 6, [1024, 512] * 2),
            2_443_102,
        ),
        (
            {"patch_px": 12, "dim": 32, "n_layers": 6, "n_heads": 2, "head": [1024, 512], "n_heads_mlp": 2},
            (12, 32, 6, 2, [1024, 512] * 2),
            2_906_694,
        ),
    ],
)
def test_published_trunks_have_the_parameters_counted_by_hand(
    options: dict[str, Any], arguments: tuple[int, int, int, int, list[int]], n_parameters: int
) -> None:
    with torch.device("meta"):  # shapes without numbers
        network = SmallViT(**options)
    plain = options.get("attention") == "vanilla"
    assert counted(*arguments, plain=plain) == n_parameters == sum(p.numel() for p in network.parameters())
    assert network.feature_dim == arguments[-1][-1]


def test_a_fourth_channel_widens_the_patches_alone() -> None:
    with torch.device("meta"):
        network = SmallViT(in_channels=4, n_layers=1)
    assert counted(6, 64, 1, 4, [2048, 1024], plain=False, channels=4) == sum(p.numel() for p in network.parameters())


def norm(w: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    spread = (x.var(-1, correction=0, keepdim=True) + 1e-6).sqrt()
    return (x - x.mean(-1, keepdim=True)) / spread * w[f"{at}.weight"] + w[f"{at}.bias"]


def dense(w: dict[str, Tensor], at: str, x: Tensor) -> Tensor:
    x = x @ w[f"{at}.weight"].T + w[f"{at}.bias"]
    return x * 0.5 * (1 + torch.erf(x / math.sqrt(2)))  # GELU


def by_name(network: SmallViT, shown: Tensor, *, plain: bool) -> tuple[Tensor, Tensor]:
    """Tokens and vector of one picture (1, 3, 12, 12), in float64, from names and formulas."""
    w = {name: tensor.double() for name, tensor in network.state_dict().items()}
    x = (shown.double() - w["scaling.mean"][:, None, None]) / w["scaling.std"][:, None, None]
    x = flat_patches(x if plain else shifted_copies(x, 2), 4)[0]
    x = x if plain else norm(w, "patches.norm", x)
    x = x @ w["patches.project.weight"].T + w["patches.project.bias"] + w["positions"]
    for layer in range(2):
        at = f"layers.{layer}"
        y = norm(w, f"{at}.norm1", x)
        q, k, v = (
            (y @ w[f"{at}.attention.{part}.weight"].T + w[f"{at}.attention.{part}.bias"]).view(9, 2, 6)
            for part in ("query", "key", "value")
        )
        temperature = math.sqrt(6) if plain else w[f"{at}.attention.temperature"]
        scores = torch.einsum("ihd,jhd->hij", q, k) / temperature
        shares = torch.exp(scores) * (1 if plain else 1 - torch.eye(9))
        seen = torch.einsum("hij,jhd->ihd", shares / shares.sum(-1, keepdim=True), v).reshape(9, 12)
        x = x + seen @ w[f"{at}.attention.out.weight"].T + w[f"{at}.attention.out.bias"]
        x = x + dense(w, f"{at}.mlp.1.0", dense(w, f"{at}.mlp.0.0", norm(w, f"{at}.norm2", x)))
    tokens = norm(w, "norm", x)
    return tokens, dense(w, "head.2.0", dense(w, "head.1.0", tokens.flatten()))


@pytest.mark.parametrize("plain", [True, False])
def test_each_picture_of_a_batch_equals_the_forward_pass_by_name(plain: bool) -> None:
    network = tiny(**({"attention": "vanilla", "tokenisation": "patches"} if plain else {}))
    shown = pictures(3)
    with torch.no_grad():
        tokens, vectors = network.tokens(shown), network(shown)
    assert tokens.shape == (3, 9, 6) and vectors.shape == (3, 5)
    for row in range(3):
        wanted_tokens, wanted = by_name(network, shown[row : row + 1], plain=plain)
        np.testing.assert_allclose(tokens[row], wanted_tokens, atol=1e-4)
        np.testing.assert_allclose(vectors[row], wanted, atol=1e-4)
    assert torch.equal(network.features_of_tokens(tokens), vectors)


def test_a_voice_of_one_channel_is_copied_and_any_size_is_resized() -> None:
    network = tiny()
    voice = pictures(2, 1)
    with torch.no_grad():
        assert torch.equal(network(voice), network(voice.expand(-1, 3, -1, -1)))
        wide = torch.nn.functional.interpolate(voice, size=(24, 36), mode="nearest")
        assert network.tokens(wide).shape == (2, 9, 6)
        np.testing.assert_allclose(network(wide), network(voice), atol=1e-4)  # bilinear halves give the pixel back
    with pytest.raises(ConfigError, match=r"^A picture must have 1 or 3 channels. Got 4.$"):
        network(pictures(1, 4))


def test_gradients_reach_every_parameter_and_dropout_ends_in_evaluation() -> None:
    network = tiny().train()
    network(pictures(4)).square().sum().backward()
    dead = [n for n, p in network.named_parameters() if p.grad is None or not bool(p.grad.abs().sum())]
    assert dead == []
    assert not torch.equal(network(pictures()), network(pictures()))
    network.eval()
    assert torch.equal(network(pictures()), network(pictures()))


def test_without_a_head_the_vector_is_the_tokens() -> None:
    network = tiny(head=[])
    assert network.feature_dim == 54
    with torch.no_grad():
        assert torch.equal(network(pictures()), network.tokens(pictures()).flatten(1))


def test_saved_and_loaded_it_is_the_same_with_its_scaling() -> None:
    first, second = tiny(), SmallViT(**TINY).eval()
    assert not torch.equal(first(pictures()), second(pictures()))
    second.load_state_dict(first.state_dict())
    assert torch.equal(first(pictures()), second(pictures()))
    with pytest.raises(DataError, match="The deviation of pictures must be above 0"):
        second.adapt(0.5, 0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"dim": 0}, "`dim` must be at least 1. Got 0."),
        ({"n_layers": 0}, "`n_layers` must be at least 1. Got 0."),
        ({"n_heads": -1}, "`n_heads` must be at least 1. Got -1."),
        ({"n_heads_mlp": 0}, "`n_heads_mlp` must be at least 1. Got 0."),
        ({"in_channels": 0}, "`in_channels` must be at least 1. Got 0."),
        ({"head": [8, 0]}, "`head` must be a list of widths, each a whole number from 1 on. Got [8, 0]."),
        ({"head": 512}, "`head` must be a list of widths, each a whole number from 1 on. Got 512."),
        ({"head": "wide"}, "`head` must be a list of widths, each a whole number from 1 on. Got 'wide'."),
        ({"head_dropout": 1.0}, "`head_dropout` must be 0 to below 1. Got 1.0."),
        ({"dropout": -0.1}, "`dropout` must be 0 to below 1. Got -0.1."),
        ({"patch_px": 12}, "The attention 'lsa' needs two patches or more. Got one of 12 pixels."),
    ],
)
def test_bad_arguments_are_one_line(options: dict[str, Any], words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        SmallViT(**(TINY | options))
    assert str(caught.value) == words
