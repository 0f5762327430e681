"""The published cross-attention over features against loops, and what its docstring says is wrong with it."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.models.feature_axis_attention import PUBLISHED_SCALE, FeatureAxisAttention, feature_axis_attention


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def loops(query: Tensor, key: Tensor, value: Tensor, scale: float) -> Tensor:
    out = torch.zeros_like(query)
    for n in range(query.shape[0]):
        for j in range(query.shape[1]):
            column = [math.exp(float((query[n, i] * key[n, j]).detach()) / scale) for i in range(query.shape[1])]
            for i, number in enumerate(column):
                out[n, i] += number / sum(column) * value[n, j]
    return out


@pytest.mark.parametrize("scale", [0.5, PUBLISHED_SCALE])
def test_one_head_is_what_loops_give(scale: float) -> None:
    given = drawn(3, 5), drawn(3, 5, seed=1), drawn(3, 5, seed=2)
    torch.testing.assert_close(feature_axis_attention(*given, scale=scale), loops(*given, scale))


def test_two_numbers_by_hand() -> None:
    """Scores [[ln 3, 0], [0, 0]]: the first column is 3/4 and 1/4, the second 1/2 and 1/2."""
    query, key, value = (torch.tensor([x]) for x in ([math.log(3), 0.0], [1.0, 0.0], [4.0, 2.0]))
    found = feature_axis_attention(query, key, value, scale=1.0)
    torch.testing.assert_close(found, torch.tensor([[0.75 * 4 + 0.5 * 2, 0.25 * 4 + 0.5 * 2]]))


def test_a_layer_runs_each_head_on_its_own_part_and_joins_them() -> None:
    torch.manual_seed(0)
    layer = FeatureAxisAttention(4, n_heads=3, scale=0.7).double()
    vectors, other = drawn(2, 4), drawn(2, 4, seed=1)
    heads = []
    for head in range(3):
        rows = slice(4 * head, 4 * head + 4)
        query, key, value = (
            x @ part.weight[rows].T + part.bias[rows]
            for x, part in ((vectors, layer.query), (other, layer.key), (other, layer.value))
        )
        heads.append(loops(query, key, value, 0.7))
    expected = torch.cat(heads, 1) @ layer.output.weight.T + layer.output.bias
    torch.testing.assert_close(layer(vectors, other), expected)


def test_the_published_layer_has_four_heads_as_wide_as_its_vectors() -> None:
    layer = FeatureAxisAttention(512)
    assert (layer.n_heads, round(layer.scale, 5)) == (4, 22.62742)
    assert sum(p.numel() for p in layer.parameters()) == 3 * 513 * 4 * 512 + (4 * 512 + 1) * 512 == 4_200_960


def test_with_the_published_scale_every_number_reads_nearly_the_same() -> None:
    """What is wrong with it: normal queries and keys leave the weights within a few parts in a hundred of 1 / d."""
    query, key = drawn(1, 512), drawn(1, 512, seed=1)
    value = torch.ones_like(query)
    read = feature_axis_attention(query, key, value, scale=PUBLISHED_SCALE)
    assert abs(float(read.mean()) - 1) < 1e-9  # the columns sum to 1, so the mean is kept
    assert float(read.std()) < 0.02
    sharp = feature_axis_attention(query, key, value, scale=0.1)
    assert float(sharp.std()) > 1  # the rows do not: what a query reads has no fixed weight


def test_bfloat16_autocast_is_close_to_float32_and_gradients_reach_everything() -> None:
    torch.manual_seed(0)
    layer = FeatureAxisAttention(8, n_heads=2, scale=1.0)
    vectors, other = drawn(3, 8).float().requires_grad_(), drawn(3, 8, seed=1).float().requires_grad_()
    exact = layer(vectors, other)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(layer(vectors, other).float(), exact, atol=0.05, rtol=0.05)
    torch.autograd.backward(exact.square().sum())
    for tensor in (vectors, other, *layer.parameters()):
        assert tensor.grad is not None and tensor.grad.abs().sum() > 0


@pytest.mark.parametrize(("options", "words"), [({"n_heads": 0}, "`n_heads` must be 1"), ({"scale": 0}, "`scale`")])
def test_heads_and_scale_out_of_range_are_refused(options: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        FeatureAxisAttention(8, **options)  # type: ignore[arg-type]
