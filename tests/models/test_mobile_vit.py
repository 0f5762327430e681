"""The MobileViT against loops over patches, the shapes of its papers, and its own plain formulation."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models.mobile_vit import (
    BLOCK_LAYOUT,
    MV2_LAYOUT,
    InvertedResidual,
    MobileViT,
    MobileViTBlock,
    TransformerLayer,
    drop_quickly,
    filter_channels,
    fold,
    unfold,
)


def drawn(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed))


def n_parameters(network: nn.Module) -> int:
    return sum(p.numel() for p in network.parameters())


def mv2(before: int, after: int) -> int:
    """1x1, normalisation, 3x3 by channel, normalisation, 1x1, normalisation."""
    inner = 2 * before
    return before * inner + 2 * inner + 9 * inner + 2 * inner + inner * after + 2 * after


def block(channels: int, width: int, n_layers: int) -> int:
    """3x3, 1x1, layers of attention with two heads as wide as a token and a perceptron of twice the width, 1x1, 3x3."""
    attention = 3 * (width + 1) * 2 * width + (2 * width + 1) * width
    layer = 2 * width + attention + 2 * width + (width + 1) * 2 * width + (2 * width + 1) * width
    local = (9 * channels + 1) * width + (width + 1) * width
    return local + n_layers * layer + (width + 1) * channels + (9 * 2 * channels + 1) * width


def test_parameters_of_every_part_are_those_of_the_published_layout() -> None:
    total = (9 * 3 + 1) * 16 + sum(mv2(before, after) for before, after, _ in MV2_LAYOUT)
    for before, after, width, n_layers in BLOCK_LAYOUT:
        assert n_parameters(InvertedResidual(before, after, 2)) == mv2(before, after)
        assert n_parameters(MobileViTBlock(after, width, n_layers, 0.1)) == block(after, width, n_layers)
        total += mv2(before, after) + block(after, width, n_layers)
    assert n_parameters(MobileViT()) == total + (96 + 1) * 512 == 1_322_096
    assert n_parameters(MobileViT(in_channels=4)) == 1_322_096 + 9 * 16


def test_the_keras_example_of_five_flowers_has_its_published_count_with_running_statistics() -> None:
    """It prints 1,307,621 parameters in all, 2,544 of them not trained."""
    network = MobileViT(head_channels=320)
    running = sum(b.numel() for name, b in network.named_buffers() if "running" in name)
    assert (n_parameters(network) + (320 + 1) * 5 + running, running) == (1_307_621, 2_544)


def test_maps_halve_five_times_and_any_multiple_of_64_pixels_is_taken() -> None:
    network, shapes = MobileViT().eval(), []
    for layer in network.blocks:
        layer.register_forward_hook(lambda _layer, _given, out: shapes.append(tuple(out.shape[1:])))
    with torch.no_grad():
        assert network(drawn(1, 3, 128, 64)).shape == (1, 512)
    assert shapes == [
        (16, 64, 32), (24, 32, 16), (24, 32, 16), (24, 32, 16), (48, 16, 8), (64, 16, 8), (64, 8, 4), (80, 8, 4),
        (80, 4, 2), (96, 4, 2),
    ]  # fmt: skip


def test_unfolding_is_a_loop_over_patches_and_their_places() -> None:
    x = drawn(2, 3, 4, 6)
    found = unfold(x)
    assert found.shape == (2 * 4, 2 * 3, 3)
    for n in range(2):
        for patch in range(6):
            row, column = 2 * (patch // 3), 2 * (patch % 3)
            for place in range(4):
                expected = x[n, :, row + place // 2, column + place % 2]
                assert torch.equal(found[4 * n + place, patch], expected)


@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_folding_undoes_unfolding_in_either_layout(layout: torch.memory_format) -> None:
    x = drawn(2, 5, 6, 4).contiguous(memory_format=layout)
    folded = fold(unfold(x), height=6, width=4)
    assert torch.equal(folded, x) and folded.is_contiguous(memory_format=torch.channels_last)


def test_attention_goes_across_patches_between_like_places_alone() -> None:
    """A change at one place is felt at that place of every patch and nowhere else."""
    torch.manual_seed(0)
    layers = nn.Sequential(TransformerLayer(8, 0.0), TransformerLayer(8, 0.0)).eval()
    x = drawn(1, 8, 4, 4)
    moved = x.clone()
    moved[0, 0, 1, 2] += 1  # the lower left place of the upper right patch
    with torch.no_grad():
        before, after = (fold(layers(unfold(maps)), height=4, width=4) for maps in (x, moved))
    felt = (before - after).abs().amax(dim=1)[0] > 1e-7
    rows, columns = torch.meshgrid(torch.arange(4), torch.arange(4), indexing="ij")
    assert torch.equal(felt, (rows % 2 == 1) & (columns % 2 == 0))


def test_a_layer_is_pytorchs_attention_and_a_perceptron_with_their_shortcuts() -> None:
    torch.manual_seed(1)
    layer = TransformerLayer(6, 0.0).double()
    for parameter in layer.parameters():
        nn.init.normal_(parameter)
    tokens = drawn(3, 5, 6).double()
    normalised = functional.layer_norm(tokens, (6,), layer.attention_norm.weight, layer.attention_norm.bias, 1e-6)
    query, key, value = layer.inputs(normalised).view(3, 5, 3, 2, 6).permute(2, 0, 3, 1, 4)  # (3, 2 heads, 5, 6)
    read = functional.scaled_dot_product_attention(query, key, value).transpose(1, 2).reshape(3, 5, 12)
    x = tokens + layer.output(read)
    y = functional.layer_norm(x, (6,), layer.dense_norm.weight, layer.dense_norm.bias, 1e-6)
    expected = x + layer.dense_2(functional.silu(layer.dense_1(y)))
    torch.testing.assert_close(layer(tokens), expected)


def test_an_inverted_residual_is_its_layers_and_has_a_shortcut_only_between_like_shapes() -> None:
    torch.manual_seed(0)
    for before, after, stride, shortcut in ((8, 8, 1, True), (8, 8, 2, False), (8, 12, 1, False)):
        part = InvertedResidual(before, after, stride).eval()
        x = drawn(2, before, 6, 6)
        y = functional.silu(part.widen_norm(part.widen(x)))
        y = part.narrow_norm(part.narrow(functional.silu(part.filter_norm(part.filter(y)))))
        torch.testing.assert_close(part(x), x + y if shortcut else y)
        assert part.has_shortcut == shortcut


def test_a_block_joins_its_input_with_what_the_layers_made_of_it() -> None:
    torch.manual_seed(0)
    part = MobileViTBlock(4, 8, 2, 0.1).eval()
    x = drawn(2, 4, 4, 6)
    y = functional.silu(part.project(functional.silu(part.local(x))))
    y = functional.silu(part.project_back(fold(part.layers(unfold(y)), height=4, width=6)))
    expected = functional.silu(functional.conv2d(x, part.fuse.weight[:, :4], part.fuse.bias, padding=1)
                               + functional.conv2d(y, part.fuse.weight[:, 4:], padding=1))  # fmt: skip
    torch.testing.assert_close(part(x), expected, atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize("size", [(8, 8), (6, 10)])
@pytest.mark.parametrize("stride", [1, 2])
def test_the_bfloat16_gradient_of_a_depthwise_convolution_is_that_of_float32(
    stride: int, size: tuple[int, int]
) -> None:
    torch.manual_seed(0)
    convolution = nn.Conv2d(6, 6, 3, stride=stride, padding=1, groups=6, bias=False)
    with torch.no_grad():
        convolution.weight.copy_(convolution.weight.bfloat16())  # so that both hold the same numbers
    x = drawn(2, 6, *size).bfloat16()
    found: list[tuple[Tensor, ...]] = []
    for given in (x.float(), x):
        leaf = given.contiguous(memory_format=torch.channels_last).requires_grad_()
        with torch.autocast("cpu", torch.bfloat16, enabled=given.dtype == torch.bfloat16):
            out = filter_channels(leaf, convolution)
        assert out.dtype == given.dtype
        upstream = drawn(*out.shape, seed=5).bfloat16().to(out.dtype)
        found.append((out, *torch.autograd.grad(out, [leaf, convolution.weight], upstream)))
    for exact, rough in zip(*found, strict=True):
        torch.testing.assert_close(rough.float(), exact, atol=0.03, rtol=0.02)
        assert exact.abs().max() > 0.1


def test_dropout_zeroes_its_share_keeps_the_mean_and_repeats_with_the_seed() -> None:
    x = torch.ones(1001, 301)
    torch.manual_seed(3)
    found = drop_quickly(x, 0.1, training=True)
    torch.manual_seed(3)
    assert torch.equal(found, drop_quickly(x, 0.1, training=True))
    assert not torch.equal(found, drop_quickly(x, 0.1, training=True))
    assert abs(float((found == 0).float().mean()) - 0.1) < 0.003  # 5 standard deviations of 301,301 draws
    assert abs(float(found.mean()) - 1) < 0.004
    torch.testing.assert_close(found[found > 0].unique(), torch.tensor([1 / 0.9]), atol=1e-4, rtol=0)


def test_the_four_numbers_of_one_draw_are_dropped_independently() -> None:
    """The upper quarter of a draw once had no sign, when draws were of 63 bits."""
    torch.manual_seed(0)
    kept = drop_quickly(torch.ones(40_000, 4), 0.5, training=True) > 0
    torch.testing.assert_close(kept.double().mean(0), torch.full((4,), 0.5).double(), atol=0.015, rtol=0)
    torch.testing.assert_close(torch.corrcoef(kept.double().T), torch.eye(4).double(), atol=0.03, rtol=0)


def test_dropout_does_nothing_in_use_or_at_rate_zero() -> None:
    x = drawn(3, 5)
    assert drop_quickly(x, 0.5, training=False) is x and drop_quickly(x, 0.0, training=True) is x


def test_bfloat16_training_has_the_gradients_of_float32_and_leaves_none_out() -> None:
    torch.manual_seed(0)
    network = MobileViT(dropout=0.0)
    pictures = torch.rand(4, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    gradients = []
    for bfloat16 in (False, True):
        network.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=bfloat16):
            vectors = network(pictures.contiguous(memory_format=torch.channels_last)).float()
        torch.autograd.backward((vectors * drawn(4, 512)).sum())
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in network.parameters())
        gradients.append(torch.cat([p.grad.flatten() for p in network.parameters() if p.grad is not None]))
    assert functional.cosine_similarity(*gradients, dim=0) > 0.97
