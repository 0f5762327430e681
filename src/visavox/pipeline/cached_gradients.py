"""A batch through two encoders in parts, with the gradients of the whole: gradient caching.

A contrastive loss needs the vectors of all rows at once, and their graphs need more memory than anything else. So the
parts go through the encoders without a graph first; who computes the loss gives back its gradient at the vectors;
then every part goes through once more, with the same random numbers, and takes its rows of that gradient back.

Dropout draws the same in both passes. Batch normalisation sees one part at a time, so that with it the gradients are
those of smaller batches, exactly; its running statistics move once a part.

Example:
    encoded = encode(network, (spectra, lengths), (pictures,), sizes=[8, 8, 8, 8])
    loss(encoded.voice, encoded.face)      # leaves a gradient at both
    encoded.backward(voice_gradient, face_gradient)

Source: Gao, Zhang, Han and Callan, 2021, Scaling deep contrastive learning batch size under memory limited setup,
section 3 (the sub-steps of "gradient cache").
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

Inputs = tuple[Tensor, ...]
Encode = Callable[[Inputs, Inputs], tuple[Tensor, Tensor]]


@dataclass(frozen=True)
class EncodedBatch:
    """Vectors of a batch, and the way back through the encoders."""

    voice: Tensor
    """(n, voice_dim), without a graph."""
    face: Tensor
    """(n, face_dim)."""
    backward: Callable[[Tensor | None, Tensor | None], None]
    """Takes the loss's gradients at both, and adds those of the weights; None where the loss does not see a side."""


def encode(
    network: nn.Module, voice: Inputs, face: Inputs, *, sizes: Sequence[int] = (), bfloat16: bool = False
) -> EncodedBatch:
    """Return the vectors of a batch with the way back.

    Args:
        network: called as network(voice, face), which returns (n, voice_dim) and (n, face_dim).
        voice: what the voice encoder's `collate` gives, n rows each.
        face: what the face encoder's gives, n rows each.
        sizes: rows of each part, n in all; one part or none keeps the graph of the whole batch.
        bfloat16: run the network under autocast.
    """
    device = voice[0].device

    def run(heard: Inputs, seen: Inputs) -> tuple[Tensor, Tensor]:
        """Return the vectors of a part, (n, dim) each."""
        with torch.autocast(device.type, dtype=torch.bfloat16, enabled=bfloat16):
            found: tuple[Tensor, Tensor] = network(heard, seen)
        return found

    if len(sizes) <= 1:
        vectors = run(voice, face)
        return EncodedBatch(vectors[0].detach(), vectors[1].detach(), lambda *gradients: _back(vectors, gradients))
    parts = list(zip(_parts(voice, sizes), _parts(face, sizes), strict=True))
    states, kept = [], []
    with torch.no_grad(), _resting_statistics(network):
        for heard, seen in parts:
            states.append(RandomState.now(device))
            kept.append(run(heard, seen))
    voices, faces = (torch.cat(side) for side in zip(*kept, strict=True))

    def backward(voice_gradient: Tensor | None, face_gradient: Tensor | None) -> None:
        """Run every part again with its own random numbers, and send (n, dim) gradients back through it."""
        after, start = RandomState.now(device), 0
        for state, (heard, seen) in zip(states, parts, strict=True):
            state.restore()
            rows = slice(start, start + len(heard[0]))
            own = [None if gradient is None else gradient[rows] for gradient in (voice_gradient, face_gradient)]
            _back(run(heard, seen), (own[0], own[1]))
            start = rows.stop
        after.restore()

    return EncodedBatch(voices, faces, backward)


@dataclass(frozen=True)
class RandomState:
    """Where torch's own generators stand: that of the CPU and that of a CUDA or MPS device."""

    cpu: Tensor
    """State of the CPU's."""
    device: torch.device
    """Which device's besides."""
    accelerator: Tensor | None
    """State of the device's, where it has one of its own."""

    @classmethod
    def now(cls, device: torch.device) -> RandomState:
        """Return the state at this moment."""
        accelerator = None
        if device.type == "cuda":
            accelerator = torch.cuda.get_rng_state(device)
        elif device.type == "mps":
            accelerator = torch.mps.get_rng_state()
        return cls(torch.random.get_rng_state(), device, accelerator)

    def restore(self) -> None:
        """Let the generators go on from here."""
        torch.random.set_rng_state(self.cpu)
        if self.accelerator is not None and self.device.type == "cuda":
            torch.cuda.set_rng_state(self.accelerator, self.device)
        elif self.accelerator is not None:
            torch.mps.set_rng_state(self.accelerator)


@contextmanager
def seeded(device: torch.device, seed: int) -> Iterator[None]:
    """Run a block with torch's own generators started from a seed, and let them go on afterwards as if nothing was.

    Args:
        device: of the tensors; with CUDA or MPS its generator too.
        seed: 0 or more.
    """
    before = RandomState.now(device)
    torch.manual_seed(seed)
    try:
        yield
    finally:
        before.restore()


@contextmanager
def _resting_statistics(network: nn.Module) -> Iterator[None]:
    """Keep running statistics where they are: the second pass moves them."""
    layers = [layer for layer in network.modules() if isinstance(layer, _BatchNorm) and layer.track_running_stats]
    for layer in layers:
        layer.track_running_stats = False
    try:
        yield
    finally:
        for layer in layers:
            layer.track_running_stats = True


def _back(vectors: tuple[Tensor, Tensor], gradients: tuple[Tensor | None, Tensor | None]) -> None:
    pairs = [(v, g) for v, g in zip(vectors, gradients, strict=True) if g is not None]
    torch.autograd.backward([vector for vector, _ in pairs], [gradient for _, gradient in pairs])


def _parts(inputs: Inputs, sizes: Sequence[int]) -> list[Inputs]:
    split = (torch.split(x, list(sizes)) for x in inputs)
    return list(zip(*split, strict=True))
