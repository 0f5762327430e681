"""What keeps a voice's vector apart from its batch: masks over the frames that only fill a batch up.

A published network knows nothing of lengths: it was trained on cuts of one length. Here voices of any lengths share a
batch, with zeros behind the shorter ones, and after every layer what lies behind a voice is set to zero again. A
convolution's own padding is zeros too, so each voice comes out as if it were alone. Time is the last axis throughout.

Example:
    >>> time_mask(torch.tensor([1, 3]), 3).tolist()
    [[1.0, 0.0, 0.0], [1.0, 1.0, 1.0]]
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

EPS = 1e-5
"""Added to the variance of `instance_norm`, as torch's own layer does."""
LEAST_DEVIATION = 1e-12
"""Least divisor of `instance_norm` where nothing is added to the variance."""


def time_mask(lengths: Tensor, n_places: int) -> Tensor:
    """Return (n, n_places) float32, 1 where there is voice, of lengths (n,) int64."""
    places = torch.arange(n_places, device=lengths.device)
    return (places < lengths[:, None]).float()


def shortened(lengths: Tensor, *, size: int, stride: int, padding: int) -> Tensor:
    """Return the lengths (n,) int64 after a convolution or a pooling over the time axis, 0 at least.

    Example:
        >>> shortened(torch.tensor([10, 1]), size=3, stride=2, padding=0)
        tensor([4, 0])
    """
    return torch.div(lengths + 2 * padding - size, stride, rounding_mode="floor").add(1).clamp_min(0)


def instance_norm(x: Tensor, lengths: Tensor | None, *, eps: float = EPS) -> Tensor:
    """Return every band of every voice with mean 0 and variance 1 over its own frames, zeros behind them.

    Args:
        x: (n, bands, frames) float.
        lengths: (n,) int64, frames that are voice, 1 or more; None: all.
        eps: added to the variance, which makes the result depend on the scale of `x`; 0 does not.

    Returns:
        (n, bands, frames) float32: (x - mean) / sqrt(variance + eps), the variance over n frames. A band that never
        moves is 0.
    """
    x = x.float()
    if lengths is None:
        seen = torch.ones_like(x[:1, :1])
        n_seen = torch.full((1, 1, 1), float(x.shape[2]), device=x.device)
    else:
        seen = time_mask(lengths, x.shape[2])[:, None]  # (n, 1, frames)
        n_seen = seen.sum(dim=2, keepdim=True)
    centred = (x - (x * seen).sum(dim=2, keepdim=True) / n_seen) * seen
    variance = centred.square().sum(dim=2, keepdim=True) / n_seen  # (n, bands, 1)
    return centred / (variance + eps).sqrt().clamp_min(LEAST_DEVIATION)


def masked_layers(layers: nn.Sequential, x: Tensor, lengths: Tensor | None) -> tuple[Tensor, Tensor | None]:
    """Run 2-d layers one after another and clear what lies behind each voice after every one.

    Args:
        layers: convolutions, normalisations, activations, pools; only what has a `kernel_size` changes lengths.
        x: (n, channels, bands, frames).
        lengths: (n,) int64; None: all frames are voice.

    Returns:
        What the last layer gives, (n, channels, bands, places), and the lengths there.
    """
    for layer in layers:
        x = layer(x)
        if lengths is None:
            continue
        if isinstance(layer, nn.Conv2d | nn.MaxPool2d):
            size, stride, padding = (_last(n) for n in (layer.kernel_size, layer.stride, layer.padding))
            lengths = shortened(lengths, size=size, stride=stride, padding=padding)
        x = x * time_mask(lengths, x.shape[3])[:, None, None].to(x.dtype)
    return x, lengths


def _last(value: object) -> int:
    """The setting of the time axis, of one number for both axes or one for each."""
    chosen = value[-1] if isinstance(value, tuple) else value
    assert isinstance(chosen, int)
    return chosen
