"""The parts of a model as networks: each side of an associator, and the encoders that are networks.

An associator's side takes (batch, dim) vectors of its encoder and gives (batch, dim) rows of length one, whatever it
is made of: CCA and ensembles, which are numpy elsewhere, are written here as modules. An encoder's network takes what
the encoder makes of its media (a spectrum, pixels), since reading, resampling and cropping are no networks.

Example:
    >>> from visavox.models.associators.cca import CCA
    >>> side = associator_network(CCA(4, 3, n_components=2), "voice")
    >>> side(torch.ones(5, 4)).shape
    torch.Size([5, 2])
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError
from visavox.media.face_crop import CROP_PX
from visavox.models.associators.base import Associator, Role
from visavox.models.associators.cca import CCA
from visavox.models.associators.ensemble import Ensemble
from visavox.models.associators.network import NetworkAssociator
from visavox.models.encoders.base import Encoder
from visavox.models.encoders.ge2e import WINDOW_FRAMES, GE2EEncoder
from visavox.models.encoders.trainable import TrainableEncoder
from visavox.models.mel import N_MELS

SAMPLE_RATE = 16_000
CHECK_S = (2.0, 2.6)
"""Seconds of the made-up voices, two different lengths: where their inputs differ in length, an axis is dynamic."""
MakeInputs = Callable[[int, np.random.Generator], tuple[Tensor, ...]]


@dataclass(frozen=True)
class Part:
    """A network to be written, and inputs to try it on."""

    name: str
    """Name of its file, without the ending: "voice_tower", "face_encoder"."""
    about: str
    """What goes in and out, for export.json."""
    network: nn.Module
    """In evaluation mode; positional tensors in, one tensor out."""
    input_names: tuple[str, ...]
    """One a tensor."""
    make_inputs: MakeInputs
    """Batch size and generator -> inputs."""
    reference: Callable[..., np.ndarray]
    """Inputs -> what must come out, as the package itself computes it."""


class ProjectedSide(nn.Module):
    """One side of CCA: standardise, project, length one.

    Args:
        mean: (dim_in,).
        scale: (dim_in,).
        projection: (dim_in, dim_out).
    """

    mean: Tensor
    scale: Tensor
    projection: Tensor

    def __init__(self, mean: np.ndarray, scale: np.ndarray, projection: np.ndarray) -> None:
        """Take the arrays over."""
        super().__init__()
        for name, array in (("mean", mean), ("scale", scale), ("projection", projection)):
            self.register_buffer(name, torch.from_numpy(np.array(array, dtype=np.float32)))

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, dim_out) unit rows for (n, dim_in)."""
        return _unit((x - self.mean) / self.scale @ self.projection)


class JoinedSide(nn.Module):
    """One side of an ensemble: the members' unit vectors, each times the root of its weight, end to end.

    Args:
        members: sides of the members.
        weights: of the members; they add up to one, so that the result has length one.
    """

    def __init__(self, members: Sequence[nn.Module], weights: Sequence[float]) -> None:
        """Take the sides over."""
        super().__init__()
        self.members = nn.ModuleList(members)
        self.roots = [float(np.sqrt(weight)) for weight in weights]

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, sum of dim_out) unit rows for (n, dim_in)."""
        return torch.cat([member(x) * root for member, root in zip(self.members, self.roots, strict=True)], dim=1)


class TowerSide(nn.Module):
    """One tower of a network, with its output scaled to length one.

    Args:
        tower: called as tower(x, None).
    """

    def __init__(self, tower: nn.Module) -> None:
        """Take the tower over."""
        super().__init__()
        self.tower = tower

    def forward(self, x: Tensor) -> Tensor:
        """Return (n, dim_out) unit rows for (n, dim_in)."""
        return _unit(self.tower(x, None))


class EdgePool(nn.AvgPool2d):
    """Mean of 2 x 2 that also takes a last, half window, without `ceil_mode`.

    ONNX counts windows in that mode that begin behind the edge, torch does not. Doubling the last row and column makes
    a half window whole, with the same mean.

    Args:
        stride: places from one window to the next.
    """

    def __init__(self, stride: int) -> None:
        """Store the stride."""
        super().__init__(2, stride)
        self.step = stride

    def forward(self, x: Tensor) -> Tensor:
        """Return what AvgPool2d(2, stride, ceil_mode=True) returns for (n, channels, height, width)."""
        over = [(size - 1) % self.step == 0 for size in (x.shape[3], x.shape[2])]  # a window begins at the edge
        padded = nn.functional.pad(x, (0, int(over[0]), 0, int(over[1])), mode="replicate")
        return nn.functional.avg_pool2d(padded, 2, self.step)


class WindowNetwork(nn.Module):
    """The GE2E network with its choice of output made.

    Args:
        network: called as network(mels, output).
        output: "embedding" or "hidden".
    """

    def __init__(self, network: nn.Module, output: str) -> None:
        """Take the network over."""
        super().__init__()
        self.network = network
        self.output = output

    def forward(self, mels: Tensor) -> Tensor:
        """Return (n_windows, dim) for (n_windows, 160, 40)."""
        return torch.as_tensor(self.network(mels, self.output))


def associator_network(associator: Associator, role: Role) -> nn.Module:
    """Return one side of an associator as a network that equals its `encode_voice` or `encode_face`.

    Raises:
        ConfigError: the associator is of a kind that has no network here.
    """
    if isinstance(associator, CCA):
        arrays = associator.tensors()
        return ProjectedSide(*(arrays[f"{role}.{name}"] for name in ("mean", "scale", "projection")))
    if isinstance(associator, Ensemble):
        return JoinedSide([associator_network(member, role) for member in associator.members], associator.weights)
    if isinstance(associator, NetworkAssociator):
        return TowerSide(_floored(associator.voice_tower if role == "voice" else associator.face_tower)).eval()
    raise ConfigError(
        f"The associator {associator.name!r} cannot be exported: it is no network here. Export cca, ensemble, or one "
        "with two towers."
    )


def associator_parts(associator: Associator) -> list[Part]:
    """Return both sides of an associator.

    Raises:
        ConfigError: the associator is of a kind that has no network here.
    """
    parts = []
    roles: tuple[Role, Role] = ("voice", "face")
    for role in roles:
        dim = associator.voice_dim if role == "voice" else associator.face_dim
        parts.append(
            Part(
                name=f"{role}_tower",
                about=f"{role} encoder vectors (batch, {dim}) -> unit rows (batch, {associator.dim})",
                network=associator_network(associator, role),
                input_names=(f"{role}_vectors",),
                make_inputs=lambda n, rng, dim=dim: (_normal(rng, n, dim),),  # type: ignore[misc]
                reference=_encoding(associator, role),
            )
        )
    return parts


def encoder_part(encoder: Encoder) -> Part:
    """Return the network of an encoder.

    Raises:
        ConfigError: the encoder is none that can be written; the message says why.
    """
    name = f"{encoder.modality}_encoder"
    if isinstance(encoder, GE2EEncoder):
        about = (
            f"mel frames of windows (batch, {WINDOW_FRAMES}, {N_MELS}) -> (batch, {encoder.dim}); the vector of a "
            "voice is the mean over its windows, scaled to length one"
        )
        network: nn.Module = _ge2e_network(encoder)
        return Part(name, about, network, ("mels",), lambda n, rng: (_mels(rng, n),), _passing(network))
    if isinstance(encoder, TrainableEncoder):
        about = f"prepared {encoder.modality}s as {type(encoder).__name__}.collate makes them -> (batch, {encoder.dim})"
        n_inputs = len(encoder.collate([encoder.prepare(_media(encoder, np.random.default_rng(0), CHECK_S[0]))]))
        names = ("prepared", "lengths", *(f"input_{i}" for i in range(2, n_inputs)))[:n_inputs]
        network = encoder.network.eval()
        return Part(name, about, network, names, lambda n, rng: _collated(encoder, n, rng), _passing(network))
    raise ConfigError(f"the encoder {encoder.name!r} has a forward pass of its own that is no torch network to export")


def _encoding(associator: Associator, role: Role) -> Callable[[Tensor], np.ndarray]:
    encode = associator.encode_voice if role == "voice" else associator.encode_face
    return lambda vectors: encode(vectors.numpy())


def _passing(network: nn.Module) -> Callable[..., np.ndarray]:
    def run(*inputs: Tensor) -> np.ndarray:
        """Return (n, dim) for the inputs of the network."""
        with torch.inference_mode():
            return np.asarray(network(*inputs).numpy())

    return run


def _floored(tower: nn.Module) -> nn.Module:
    """Return a tower whose poolings count windows as ONNX does; the given one is left alone."""
    if not any(isinstance(module, nn.AvgPool2d) and module.ceil_mode for module in tower.modules()):
        return tower
    tower = copy.deepcopy(tower)
    for parent in list(tower.modules()):
        for name, module in parent.named_children():
            if isinstance(module, nn.AvgPool2d) and module.ceil_mode and module.kernel_size == 2:
                setattr(parent, name, EdgePool(int(module.stride)))  # type: ignore[arg-type]
    return tower


def _unit(x: Tensor) -> Tensor:
    return nn.functional.normalize(x, eps=1e-12)


def _normal(rng: np.random.Generator, *shape: int) -> Tensor:
    return torch.from_numpy(rng.normal(size=shape).astype(np.float32))


def _mels(rng: np.random.Generator, n: int) -> Tensor:
    return torch.from_numpy(rng.random((n, WINDOW_FRAMES, N_MELS), dtype=np.float32))


def _ge2e_network(encoder: GE2EEncoder) -> nn.Module:
    encoder.encode([np.full(SAMPLE_RATE, 0.1, dtype=np.float32)])  # its weights are read at the first use
    assert encoder._network is not None
    return WindowNetwork(encoder._network, encoder.output)


def _media(encoder: Encoder, rng: np.random.Generator, seconds: float) -> np.ndarray:
    if encoder.modality == "face":
        return rng.integers(0, 256, (CROP_PX, CROP_PX, 3), dtype=np.uint8)
    return rng.normal(0, 0.1, int(seconds * SAMPLE_RATE)).astype(np.float32)


def _collated(encoder: TrainableEncoder, n: int, rng: np.random.Generator) -> tuple[Tensor, ...]:
    """Return inputs of n made-up items; all voices of an odd batch are longer than those of an even one."""
    seconds = CHECK_S[n % 2]
    return encoder.collate([encoder.prepare(_media(encoder, rng, seconds)) for _ in range(n)])
