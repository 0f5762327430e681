"""Locality self-attention against loops over heads, queries and keys; its fast paths against each other."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.locality_attention import AttentionKind, LocalityAttention, attended, dropped


def attention(kind: AttentionKind, *, dim: int = 6, n_heads: int = 3, head_dim: int | None = None) -> LocalityAttention:
    """A layer in evaluation mode whose biases and temperature do something."""
    torch.manual_seed(5)
    layer = LocalityAttention(dim, n_heads, kind=kind, head_dim=head_dim)
    for name, parameter in layer.named_parameters():
        if name != "temperature":
            torch.nn.init.normal_(parameter, std=0.7)
    if kind == "lsa":
        torch.nn.init.constant_(layer.get_parameter("temperature"), 1.7)
    return layer.eval()


def by_loop(layer: LocalityAttention, x: np.ndarray, *, temperature: float, skip_own: bool) -> np.ndarray:
    """One sequence (n_tokens, dim) by the formula, a head, a query and a key at a time."""
    w = {name: tensor.detach().double().numpy() for name, tensor in layer.state_dict().items()}
    q, k, v = (x @ w[f"{name}.weight"].T + w[f"{name}.bias"] for name in ("query", "key", "value"))
    width = q.shape[1] // layer.n_heads
    gathered = np.zeros_like(v)
    for head in range(layer.n_heads):
        part = slice(head * width, (head + 1) * width)
        for i in range(len(x)):
            others = [j for j in range(len(x)) if not (skip_own and i == j)]
            shares = [math.exp(float(q[i, part] @ k[j, part]) / temperature) for j in others]
            for j, share in zip(others, shares, strict=True):
                gathered[i, part] += share / sum(shares) * v[j, part]
    return np.asarray(gathered @ w["out.weight"].T + w["out.bias"])


@pytest.mark.parametrize("wants_gradient", [True, False])
@pytest.mark.parametrize("head_dim", [None, 4])
@pytest.mark.parametrize("kind", ["lsa", "vanilla"])
def test_the_layer_is_the_formula(kind: AttentionKind, head_dim: int | None, wants_gradient: bool) -> None:
    layer = attention(kind, head_dim=head_dim)
    x = torch.randn(2, 5, 6, generator=torch.Generator().manual_seed(0))
    with torch.set_grad_enabled(wants_gradient):  # without gradients torch's fused attention computes it
        found = layer(x).detach()
    temperature = 1.7 if kind == "lsa" else math.sqrt(head_dim or 6)
    for row in range(2):
        wanted = by_loop(layer, x[row].double().numpy(), temperature=temperature, skip_own=kind == "lsa")
        np.testing.assert_allclose(found[row], wanted, atol=1e-4)


def test_of_two_tokens_each_sees_only_the_other_with_locality() -> None:
    q, k = torch.randn(2, 1, 1, 2, 4)
    v = torch.tensor([[[[1.0, 2.0], [3.0, 4.0]]]])
    for wants_gradient in (True, False):
        with torch.set_grad_enabled(wants_gradient):
            assert attended(q, k, v, skip_own=True).tolist() == [[[[3.0, 4.0], [1.0, 2.0]]]]
    np.testing.assert_allclose(attended(q * 0, k, v, skip_own=False), [[[[2.0, 3.0], [2.0, 3.0]]]])


def test_the_temperature_starts_as_published_and_learns() -> None:
    layer = LocalityAttention(64, 4, kind="lsa")
    temperature = layer.get_parameter("temperature")
    assert temperature.item() == 8.0 and temperature.requires_grad  # sqrt(64): a head has as many numbers as a token
    assert "temperature" not in dict(LocalityAttention(64, 4, kind="vanilla").named_parameters())
    layer(torch.randn(2, 9, 64)).square().mean().backward()
    assert temperature.grad is not None and float(temperature.grad.abs()) > 0


def test_a_higher_temperature_spreads_the_weights() -> None:
    layer = attention("lsa")
    x = torch.randn(1, 5, 6, generator=torch.Generator().manual_seed(3))
    torch.nn.init.constant_(layer.get_parameter("temperature"), 1e6)
    with torch.no_grad():
        v = layer.value(x)[0]
        wanted = layer.out((v.sum(0) - v) / 4)  # at last the mean over the others
        np.testing.assert_allclose(layer(x)[0], wanted, atol=1e-4)


def test_parameters_are_those_counted_by_hand() -> None:
    for kind, extra in (("vanilla", 0), ("lsa", 1)):
        layer = LocalityAttention(64, 4, kind=kind)  # type: ignore[arg-type]
        counted = 3 * (64 * 256 + 256) + 256 * 64 + 64 + extra
        assert counted == sum(p.numel() for p in layer.parameters()) == 66_368 + extra


def test_every_parameter_gets_a_gradient_and_order_of_tokens_does_not_matter() -> None:
    layer = attention("lsa").double()
    x = torch.randn(2, 7, 6, generator=torch.Generator().manual_seed(4)).double()
    layer(x).square().sum().backward()
    # A bias of the keys adds the same to all scores of a query, so that softmax takes it away again.
    dead = [n for n, p in layer.named_parameters() if p.grad is None or float(p.grad.abs().max()) < 1e-9]
    assert dead == ["key.bias"]
    order = torch.tensor([3, 0, 6, 1, 5, 2, 4])
    np.testing.assert_allclose(layer(x[:, order]).detach(), layer(x)[:, order].detach(), atol=1e-5)


@pytest.mark.parametrize("shape", [(7,), (40, 3, 33, 31)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_dropped_weights_are_zero_or_scaled(shape: tuple[int, ...], dtype: torch.dtype) -> None:
    torch.manual_seed(0)
    found = dropped(torch.ones(shape, dtype=dtype), 0.1)
    assert found.shape == shape and found.dtype == dtype
    values = set(found.float().unique().tolist())
    assert values <= {0.0, torch.tensor(65536 / (65536 - 6554), dtype=dtype).item()}
    if found.numel() > 1000:
        zeros = (found == 0).float()
        assert abs(float(zeros.mean()) - 0.1) < 4 * math.sqrt(0.09 / found.numel())
        near = [float((zeros.flatten()[step:] * zeros.flatten()[:-step]).mean()) for step in (1, 2, 3, 4)]
        assert all(abs(both - 0.01) < 0.002 for both in near)  # draws of one 64-bit number are independent


def test_dropping_follows_the_seed_and_only_in_training() -> None:
    layer = LocalityAttention(6, 2, kind="lsa", dropout=0.5).train()
    x = torch.randn(2, 9, 6)
    torch.manual_seed(1)
    first = layer(x)
    assert not torch.equal(first, layer(x))
    torch.manual_seed(1)
    assert torch.equal(first, layer(x))
    layer.eval()
    assert torch.equal(layer(x), layer(x))
    assert torch.equal(dropped(x, 0.0), x)
    assert torch.isfinite(dropped(x, 0.999999)).all()


def test_bfloat16_comes_near_float32() -> None:
    layer = attention("lsa", dim=16)
    x = torch.randn(2, 12, 16, generator=torch.Generator().manual_seed(6)) / 3
    exact = layer(x)
    for wants_gradient in (True, False):
        with torch.set_grad_enabled(wants_gradient), torch.autocast("cpu", torch.bfloat16):
            found = layer(x)
        assert found.dtype == torch.bfloat16
        assert float((found.float() - exact).detach().abs().max()) < 0.05 * float(exact.detach().abs().max())


def test_what_is_no_attention_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"^`attention` must be one of vanilla, lsa. Got 'local'.$"):
        LocalityAttention(8, 2, kind="local")  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match=r"^`n_heads` must be at least 1. Got 0.$"):
        LocalityAttention(8, 0, kind="lsa")
    with pytest.raises(ConfigError, match=r"^`dropout` must be 0 to below 1. Got 1.$"):
        LocalityAttention(8, 2, kind="lsa", dropout=1)
