"""Attention from the tokens of one picture to those of another, against loops over heads, queries and keys."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from visavox.errors import ConfigError
from visavox.models.token_attention import TokenAttention, attend


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def slow_attention(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
    """One sample, one query, one key at a time."""
    out = torch.zeros(query.shape[0], query.shape[1], value.shape[2], dtype=query.dtype)
    for n in range(query.shape[0]):
        for i in range(query.shape[1]):
            scores = [
                float((query[n, i] @ key[n, j]).detach()) / math.sqrt(query.shape[2]) for j in range(key.shape[1])
            ]
            total = sum(math.exp(score) for score in scores)
            for j, score in enumerate(scores):
                out[n, i] += math.exp(score) / total * value[n, j]
    return out


def test_attention_is_what_loops_give_for_unlike_numbers_of_queries_and_keys() -> None:
    query, key, value = drawn(2, 3, 4), drawn(2, 5, 4, seed=1), drawn(2, 5, 4, seed=2)
    torch.testing.assert_close(attend(query, key, value), slow_attention(query, key, value))


def test_values_and_gradients_are_those_of_pytorchs_fused_attention() -> None:
    given = [drawn(4, 6, 8, seed=seed).requires_grad_() for seed in range(3)]
    ours, theirs = attend(*given), functional.scaled_dot_product_attention(*given)
    torch.testing.assert_close(ours, theirs)
    upstream = drawn(4, 6, 8, seed=9)
    for one, other in zip(
        torch.autograd.grad(ours, given, upstream), torch.autograd.grad(theirs, given, upstream), strict=True
    ):
        torch.testing.assert_close(one, other)


def test_a_key_far_ahead_is_read_alone_and_equal_keys_are_averaged() -> None:
    key = torch.eye(3)[None] * 100
    value = torch.tensor([[[1.0, 0, 0], [0, 2, 0], [0, 0, 3]]])
    torch.testing.assert_close(attend(key, key, value), value)
    torch.testing.assert_close(attend(key * 0, key, value)[0, 0], torch.tensor([1.0, 2, 3]) / 3)


def test_weights_stay_in_bfloat16_under_autocast() -> None:
    given = [drawn(2, 4, 8, seed=seed).bfloat16() for seed in range(3)]
    with torch.autocast("cpu", torch.bfloat16):
        found = attend(*given)
    assert found.dtype == torch.bfloat16
    torch.testing.assert_close(found.double(), attend(*(x.double() for x in given)), atol=2e-2, rtol=2e-2)


def test_a_layer_is_heads_then_a_shortcut_then_a_normalisation() -> None:
    torch.manual_seed(0)
    layer = TokenAttention(dim=6, other_dim=5, n_heads=2).double()
    tokens, other = drawn(2, 3, 6), drawn(2, 4, 5, seed=1)
    query, key, value = layer.query(tokens), layer.key(other), layer.value(other)
    read = torch.cat([slow_attention(*(x[:, :, 3 * h : 3 * h + 3] for x in (query, key, value))) for h in (0, 1)], 2)
    summed = tokens + layer.output(read)
    mean, variance = summed.mean(2, keepdim=True), summed.var(2, keepdim=True, correction=0)
    torch.testing.assert_close(layer(tokens, other), (summed - mean) / (variance + 1e-5).sqrt())


def test_the_order_of_the_others_does_not_matter_and_that_of_the_tokens_is_kept() -> None:
    layer = TokenAttention(dim=4, other_dim=4, n_heads=2).double()
    tokens, other = drawn(1, 3, 4), drawn(1, 5, 4, seed=1)
    found = layer(tokens, other)
    torch.testing.assert_close(layer(tokens, other[:, [4, 2, 0, 1, 3]]), found)
    torch.testing.assert_close(layer(tokens[:, [2, 0, 1]], other), found[:, [2, 0, 1]])


def test_parameters_are_four_dense_layers_and_a_normalisation() -> None:
    layer = TokenAttention(dim=6, other_dim=5, n_heads=3)
    assert sum(p.numel() for p in layer.parameters()) == 2 * (6 + 1) * 6 + 2 * (5 + 1) * 6 + 2 * 6


@pytest.mark.parametrize("n_heads", [0, 4, -1])
def test_heads_that_do_not_divide_a_token_are_refused(n_heads: int) -> None:
    with pytest.raises(ConfigError, match=rf"`n_heads` must divide the length of a token, 6\. Got {n_heads}\."):
        TokenAttention(dim=6, other_dim=6, n_heads=n_heads)
