"""Batch normalisation over the batch of all processes, in place of torch's own, which sees one process's rows.

Torch's SyncBatchNorm does the same on CUDA only; this one is the same code on every device. It exchanges one small
vector a layer on the way forth and one on the way back, keeps no more than torch's own layer does, and shares its
weights and statistics with the layer that it stands in for, so that nothing is copied afterwards.

Example:
    >>> network = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    >>> with gathered_statistics([network], Processes(rank=0, count=2)):
    ...     type(network[1]).__name__
    'GatheredBatchNorm'
    >>> type(network[1]).__name__
    'BatchNorm1d'
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.modules.batchnorm import _BatchNorm

from visavox.pipeline.distributed import Processes


class GatheredBatchNorm(_BatchNorm):
    """Normalises each channel by mean and variance over the rows of all processes.

    Args:
        layer: whose parameters, buffers and settings it shares.
        processes: whose rows count.

    Source: Ioffe and Szegedy, 2015, Batch normalization, algorithm 1 and the gradients of section 3, with sums that run
    over all processes; the merged variance: Chan, Golub and LeVeque, 1979, eq. 2.1.

    Ties and edges: a process without rows takes part in every exchange and changes nothing. In evaluation mode it is
    torch's layer.
    """

    def __init__(self, layer: _BatchNorm, processes: Processes) -> None:
        """Share what the layer holds."""
        super().__init__(layer.num_features, eps=layer.eps, momentum=layer.momentum, affine=False)
        self.affine = layer.affine
        self.track_running_stats = layer.track_running_stats
        self.processes = processes
        self._parameters = layer._parameters
        self._buffers = layer._buffers
        self.training = layer.training

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, channels, ...) of the shape and type of `x`; n may differ between the processes."""
        if not self.training and self.running_mean is not None:
            return functional.batch_norm(
                x, self.running_mean, self.running_var, self.weight, self.bias, training=False, eps=self.eps
            )
        found: tuple[Tensor, Tensor, Tensor, Tensor] = _Normalise.apply(  # type: ignore[no-untyped-call]
            x, self.weight, self.bias, self.eps, self.processes
        )
        out, mean, variance, n = found
        if self.training and self.track_running_stats and self.running_mean is not None:
            self._remember(mean, variance * (n / (n - 1)))
        return out

    def _remember(self, mean: Tensor, variance: Tensor) -> None:
        assert self.running_mean is not None and self.running_var is not None
        assert self.num_batches_tracked is not None
        self.num_batches_tracked.add_(1)
        share = 1 / float(self.num_batches_tracked) if self.momentum is None else self.momentum
        self.running_mean.mul_(1 - share).add_(mean.to(self.running_mean.dtype), alpha=share)
        self.running_var.mul_(1 - share).add_(variance.to(self.running_var.dtype), alpha=share)

    def _check_input_dim(self, input: Tensor) -> None:
        """Take every number of dimensions from 2 up."""


class _Normalise(torch.autograd.Function):
    """Forward and backward pass; besides the output it returns mean, variance (biased) and count of all rows."""

    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor | None, bias: Tensor | None, eps: float, processes: Processes
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return `x` normalised, of its shape, and mean, variance (channels,) and count over all processes."""
        wide, over = _widened(x), _all_but_channels(x)
        n_own = x.numel() // x.shape[1]
        mean = wide.sum(over) / max(n_own, 1)  # (channels,)
        variance = (wide - _along(mean, x)).square().sum(over) / max(n_own, 1)
        own = torch.cat([mean, variance, mean.new_tensor([n_own])])[None]  # (1, 2 * channels + 1)
        all_of_them = processes.gather(own, [1] * processes.count)
        n = all_of_them[:, -1:]  # (processes, 1)
        means, variances = all_of_them[:, :-1].chunk(2, dim=1)  # (processes, channels)
        total = n.sum()
        mean = (n * means).sum(0) / total
        variance = (n * (variances + (means - mean).square())).sum(0) / total
        inverse = torch.rsqrt(variance + eps)
        out = (wide - _along(mean, x)) * _along(inverse if weight is None else inverse * weight, x)
        if bias is not None:
            out = out + _along(bias, x)
        ctx.save_for_backward(x, weight, mean, inverse, total)
        ctx.has_bias, ctx.processes = bias is not None, processes
        ctx.mark_non_differentiable(mean, variance, total)
        return out.to(x.dtype), mean, variance, total

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """Return gradients of the shape of the input, the weight and the bias; the rest has none."""
        x, weight, mean, inverse, total = ctx.saved_tensors
        over, wide = _all_but_channels(x), _widened(gradients[0])
        normal = (_widened(x) - _along(mean, x)) * _along(inverse, x)
        own = torch.stack([wide.sum(over), (wide * normal).sum(over)])  # (2, channels) of this process's rows
        of_all = own.clone()
        ctx.processes.add_up([of_all])
        spread = _along(of_all[0] / total, x) + normal * _along(of_all[1] / total, x)
        to_input = (wide - spread) * _along(inverse if weight is None else inverse * weight, x)
        to_weight = own[1] if weight is not None else None
        return to_input.to(x.dtype), to_weight, own[0] if ctx.has_bias else None, None, None


@contextmanager
def gathered_statistics(networks: Sequence[nn.Module], processes: Processes) -> Iterator[None]:
    """Let the batch normalisation inside some networks see the rows of all processes as long as the block runs.

    Args:
        networks: changed in place, and put back as they were; their parameters and buffers stay the same objects.
        processes: one alone leaves everything as it is.
    """
    changed: list[tuple[nn.Module, str, _BatchNorm]] = []
    if processes.count > 1:
        for network in networks:
            for parent in list(network.modules()):
                for name, child in list(parent.named_children()):
                    if isinstance(child, nn.BatchNorm1d | nn.BatchNorm2d | nn.BatchNorm3d):
                        setattr(parent, name, GatheredBatchNorm(child, processes))
                        changed.append((parent, name, child))
    try:
        yield
    finally:
        for parent, name, child in changed:
            child.train(parent._modules[name].training)  # type: ignore[union-attr]
            setattr(parent, name, child)


def _widened(x: Tensor) -> Tensor:
    """Return a tensor in float32, or wider where it was."""
    return x if x.dtype == torch.float64 else x.float()


def _all_but_channels(x: Tensor) -> list[int]:
    return [dim for dim in range(x.ndim) if dim != 1]


def _along(channels: Tensor, x: Tensor) -> Tensor:
    """Return (channels,) in a shape that spreads over (n, channels, ...)."""
    return channels.reshape(1, -1, *[1] * (x.ndim - 2))
