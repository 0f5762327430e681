"""MobileViT of the size XXS: pictures to vectors, by inverted residuals and by attention across patches.

    (n, 3, 256, 256) -> conv 3x3, 16, stride 2 -> MV2 16, 24 stride 2, 24, 24, 48 stride 2
    -> MobileViT block of 64, 2 layers -> MV2 64 stride 2 -> block of 80, 4 layers -> MV2 80 stride 2
    -> block of 96, 3 layers -> conv 1x1, 512 -> mean over places -> (n, 512)

Convolutions outside the MV2 blocks have a bias and no normalisation, each head is as wide as a token, and a block hands
on its own width: so does the Keras example that the second system used, and so its count of parameters comes out, 2.7
million for two networks with their running statistics. Some things are not as there. The example takes four strips
of rows for the four places of a patch; here a patch is 2 x 2 places, as in the paper. Given an input of four axes,
Keras' attention reads over two of them at once, over all places of all patches; here, as in the paper, a place reads
from the same place of other patches. Behind the second dense layer of a transformer there is no activation, as in the
paper; the example has swish and dropout behind both. Its dropout of attention weights is left out, because it costs
more than the attention. Batch normalisation forgets at PyTorch's pace, 0.1, and has PyTorch's epsilon of 1e-5, not
Keras' 1e-3. Filters of stride 2 are padded by one place on every side; Keras pads pictures of even sides on the right
and below alone.

Its speed on a CPU in bfloat16 rests on three things: attention as two products in batches rather than PyTorch's fused
one, whose gradient is slow for short sequences; the gradient of a depthwise convolution of stride 2 in float32; random
numbers for dropout drawn four at a time. Give it pictures in the channels-last layout.

Example:
    >>> network = MobileViT().eval()
    >>> network(torch.zeros(1, 3, 64, 64)).shape
    torch.Size([1, 512])

Source: Mehta and Rastegari, "MobileViT: Light-weight, General-purpose, and Mobile-friendly Vision Transformer" (ICLR
    2022), section 3.1, figure 1b, table 4; Sandler et al., "MobileNetV2" (CVPR 2018), table 1;
    https://keras.io/examples/vision/mobilevit/.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.models.token_attention import attend

PATCH_SIDE = 2  # places; the side of a patch
STRIDE = 32  # pixels to a place behind the last block
STEM_CHANNELS = 16
MV2_LAYOUT = ((16, 16, 1), (16, 24, 2), (24, 24, 1), (24, 24, 1))
"""Channels before, channels after and stride of the MV2 blocks before the first MobileViT block."""
BLOCK_LAYOUT = ((24, 48, 64, 2), (64, 64, 80, 4), (80, 80, 96, 3))
"""Channels before and after the MV2 block of stride 2, width of the MobileViT block behind it, its layers."""
N_HEADS = 2
LAYER_NORM_EPS = 1e-6


class MobileViT(nn.Module):
    """Pictures to vectors.

    Args:
        in_channels: of the pictures, 1 or more.
        head_channels: length of the vectors; 320 in the Keras example, 512 in the second system.
        dropout: rate behind both dense layers of a transformer layer, 0 to below 1.
    """

    def __init__(self, *, in_channels: int = 3, head_channels: int = 512, dropout: float = 0.1) -> None:
        """Lay out the layers with Glorot's uniform weights and biases of zero."""
        super().__init__()
        self.in_channels = in_channels
        self.head_channels = head_channels
        self.dropout = dropout
        self.stem = nn.Conv2d(in_channels, STEM_CHANNELS, 3, stride=2, padding=1)
        blocks: list[nn.Module] = [InvertedResidual(*layout) for layout in MV2_LAYOUT]
        for before, after, width, n_layers in BLOCK_LAYOUT:
            blocks += [InvertedResidual(before, after, 2), MobileViTBlock(after, width, n_layers, dropout)]
        self.blocks = nn.Sequential(*blocks)
        self.top = nn.Conv2d(BLOCK_LAYOUT[-1][2], head_channels, 1)
        for module in self.modules():
            if isinstance(module, nn.Conv2d | nn.Linear):
                nn.init.xavier_uniform_(module.weight)
                if module.bias is not None:
                    nn.init.zeros_(module.bias)

    def forward(self, pictures: Tensor) -> Tensor:
        """Return vectors (n, head_channels).

        Args:
            pictures: (n, in_channels, height, width) float, both sides multiples of 64 pixels.
        """
        x = functional.silu(self.stem(pictures))  # (n, 16, height / 2, width / 2)
        x = functional.silu(self.top(self.blocks(x)))  # (n, head_channels, height / 32, width / 32)
        return x.mean(dim=(2, 3))


class InvertedResidual(nn.Module):
    """An MV2 block: widen with 1x1, filter each channel with 3x3, narrow with 1x1; a shortcut where shapes allow.

    Args:
        before: channels of the input; in between there are twice as many.
        after: channels of the output.
        stride: 1 or 2.
    """

    def __init__(self, before: int, after: int, stride: int) -> None:
        """Lay out the layers."""
        super().__init__()
        inner = 2 * before
        self.widen = nn.Conv2d(before, inner, 1, bias=False)
        self.widen_norm = nn.BatchNorm2d(inner)
        self.filter = nn.Conv2d(inner, inner, 3, stride=stride, padding=1, groups=inner, bias=False)
        self.filter_norm = nn.BatchNorm2d(inner)
        self.narrow = nn.Conv2d(inner, after, 1, bias=False)
        self.narrow_norm = nn.BatchNorm2d(after)
        self.has_shortcut = stride == 1 and before == after

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, after, height / stride, width / stride) of (n, before, height, width)."""
        y = functional.silu(self.widen_norm(self.widen(x)))
        y = functional.silu(self.filter_norm(filter_channels(y, self.filter)))
        y = self.narrow_norm(self.narrow(y))
        outcome: Tensor = x + y if self.has_shortcut else y
        return outcome


class MobileViTBlock(nn.Module):
    """Local features, transformer layers across patches, and a convolution over both input and outcome.

    Args:
        channels: of the input.
        width: of the tokens, and channels of the output.
        n_layers: of the transformer.
        dropout: as of `MobileViT`.
    """

    def __init__(self, channels: int, width: int, n_layers: int, dropout: float) -> None:
        """Lay out the layers."""
        super().__init__()
        self.local = nn.Conv2d(channels, width, 3, padding=1)
        self.project = nn.Conv2d(width, width, 1)
        self.layers = nn.Sequential(*(TransformerLayer(width, dropout) for _ in range(n_layers)))
        self.project_back = nn.Conv2d(width, channels, 1)
        self.fuse = nn.Conv2d(2 * channels, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, width, height, width of the map) of (n, channels, ...), both sides even."""
        y = functional.silu(self.project(functional.silu(self.local(x))))
        y = fold(self.layers(unfold(y)), height=x.shape[2], width=x.shape[3])
        y = functional.silu(self.project_back(y))
        return functional.silu(self.fuse(torch.cat([x, y], dim=1)))


class TransformerLayer(nn.Module):
    """Attention and a perceptron of two layers, each behind a normalisation and beside a shortcut.

    Args:
        width: of a token, and of each head's queries, keys and values.
        dropout: as of `MobileViT`.
    """

    def __init__(self, width: int, dropout: float) -> None:
        """Lay out the layers; `inputs` holds queries, keys and values in this order, head by head."""
        super().__init__()
        self.dropout = dropout
        self.attention_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.inputs = nn.Linear(width, 3 * N_HEADS * width)
        self.output = nn.Linear(N_HEADS * width, width)
        self.dense_norm = nn.LayerNorm(width, eps=LAYER_NORM_EPS)
        self.dense_1 = nn.Linear(width, 2 * width)
        self.dense_2 = nn.Linear(2 * width, width)

    def forward(self, tokens: Tensor) -> Tensor:
        """Return (n_groups, n_tokens, width) of the same; a token sees its own group."""
        tokens = tokens + self.output(self._attended(self.attention_norm(tokens)))
        y = functional.silu(self.dense_1(self.dense_norm(tokens)))
        y = self.dense_2(drop_quickly(y, self.dropout, training=self.training))
        return tokens + drop_quickly(y, self.dropout, training=self.training)

    def _attended(self, tokens: Tensor) -> Tensor:
        """(n_groups, n_tokens, heads * width): what each head reads, head by head so that nothing is copied."""
        width = tokens.shape[2]
        weights = self.inputs.weight.view(3, N_HEADS, width, width).unbind()
        biases = self.inputs.bias.view(3, N_HEADS, width).unbind()
        read = []
        for head in range(N_HEADS):
            query, key, value = (
                functional.linear(tokens, weight[head], bias[head])
                for weight, bias in zip(weights, biases, strict=True)
            )
            read.append(attend(query, key, value))
        return torch.cat(read, dim=2)


def unfold(x: Tensor) -> Tensor:
    """Return the places of maps as tokens: those at one place of their patches make a group.

    Args:
        x: (n, channels, height, width), both sides even.

    Returns:
        (n * 4, height / 2 * width / 2, channels); group 4 i + 2 r + c holds row r and column c of each patch of map i,
        and the patches are in order of their rows.
    """
    n, channels, height, width = x.shape
    rows, columns = height // PATCH_SIDE, width // PATCH_SIDE
    x = x.permute(0, 2, 3, 1).reshape(n, rows, PATCH_SIDE, columns, PATCH_SIDE, channels)
    x = x.permute(0, 2, 4, 1, 3, 5)  # (n, 2, 2, rows, columns, channels)
    return x.reshape(n * PATCH_SIDE**2, rows * columns, channels)


def fold(tokens: Tensor, *, height: int, width: int) -> Tensor:
    """Return the maps that `unfold` took apart, (n, channels, height, width), laid out with channels last."""
    channels, rows, columns = tokens.shape[2], height // PATCH_SIDE, width // PATCH_SIDE
    x = tokens.reshape(-1, PATCH_SIDE, PATCH_SIDE, rows, columns, channels).permute(0, 3, 1, 4, 2, 5)
    return x.reshape(-1, height, width, channels).permute(0, 3, 1, 2)


def drop_quickly(x: Tensor, rate: float, *, training: bool) -> Tensor:
    """Return x with a share of its numbers set to zero and the others scaled up, so that the mean stays.

    It is `torch.nn.functional.dropout` with a rate rounded to 1 / 65,536. Torch draws one random number after another
    on a CPU; here each draw of 64 bits decides over four numbers.

    Args:
        x: any shape, float.
        rate: probability that a number becomes zero, 0 to below 1.
        training: False leaves `x` alone.
    """
    n_dropped = round(rate * 65_536)  # of the 65,536 values of 16 bits
    if not training or not n_dropped:
        return x
    draws = torch.empty((x.numel() + 3) // 4, dtype=torch.int64, device=x.device).random_(-(2**63), None)
    kept = draws.view(torch.int16)[: x.numel()].view(x.shape) >= n_dropped - 32_768
    return x * (kept * (65_536 / (65_536 - n_dropped))).to(x.dtype)


def filter_channels(x: Tensor, convolution: nn.Conv2d) -> Tensor:
    """Return `convolution(x)` for a depthwise convolution of 3x3, whose gradient is quick in bfloat16 on a CPU too."""
    if convolution.stride == (1, 1) or x.dtype != torch.bfloat16 or x.device.type != "cpu":
        filtered: Tensor = convolution(x)
        return filtered
    strided: Tensor = _StridedFilter.apply(x, convolution.weight.to(x.dtype))  # type: ignore[no-untyped-call]
    return strided


class _StridedFilter(torch.autograd.Function):
    """A depthwise 3x3 convolution of stride 2. oneDNN has a quick gradient of its input in float32 alone."""

    @staticmethod
    def forward(context: Any, x: Tensor, weight: Tensor) -> Tensor:
        """Return (n, channels, rows / 2, columns / 2)."""
        context.save_for_backward(x, weight)
        return functional.conv2d(x, weight, stride=2, padding=1, groups=x.shape[1])

    @staticmethod
    def backward(context: Any, *gradients: Tensor) -> tuple[Tensor, Tensor]:
        """Return the gradients of input and weight, in their dtype."""
        x, weight = context.saved_tensors
        (gradient,) = gradients
        shape = torch.empty_like(x, dtype=torch.float32)  # only its shape and layout are looked at
        of_x = _gradients(gradient.float(), shape, weight.float(), [True, False, False])[0]
        of_weight = _gradients(gradient, x, weight, [False, True, False])[1]
        return of_x.to(x.dtype), of_weight


def _gradients(gradient: Tensor, x: Tensor, weight: Tensor, wanted: list[bool]) -> Any:
    """Gradients of input, weight and bias, None where not wanted."""
    settings = ([2, 2], [1, 1], [1, 1], False, [0, 0], x.shape[1])  # stride, padding, dilation, ..., groups
    return torch.ops.aten.convolution_backward(gradient, x, weight, None, *settings, wanted)
