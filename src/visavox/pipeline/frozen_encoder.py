"""A frozen encoder with a device, a number format and a batch size.

Encoders know their weights; where and how they run is the caller's choice, and it is made here once for all
commands. The number format is part of the identifier, since it changes the vectors.

Example:
    encoder = FrozenEncoder("ge2e", "voice", Compute(device="cpu"))
    encoder.encode([voice]).shape      # (1, 256)
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from visavox.config import Device, NetworkConfig, Precision
from visavox.errors import ConfigError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.registry import ENCODERS

Spec = str | Mapping[str, Any]


@dataclass(frozen=True)
class Compute:
    """Where and how networks run."""

    device: Device = "auto"
    """"auto" takes CUDA, then MPS, then the CPU."""
    precision: Precision = "auto"
    """"auto" is float32."""
    batch_size: int = 32
    """Items a forward pass; 1 or more."""

    def __post_init__(self) -> None:
        """Check what a user may have got wrong.

        Raises:
            ConfigError: a batch size below 1, or a device that this machine does not have.
        """
        if self.batch_size < 1:
            raise ConfigError(f"`batch_size` must be at least 1. Got {self.batch_size}.")
        found = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available()}
        if not found.get(self.device, True):
            raise ConfigError(f"`device` must be one that this machine has. Got {self.device!r}. Use --device cpu.")

    @classmethod
    def of(cls, config: NetworkConfig) -> Compute:
        """Return what a command's configuration asks for."""
        return cls(config.device, config.precision, config.batch_size)

    @property
    def torch_device(self) -> str:
        """The device with "auto" resolved."""
        if self.device != "auto":
            return self.device
        if torch.cuda.is_available():
            return "cuda"
        return "mps" if torch.backends.mps.is_available() else "cpu"


class FrozenEncoder:
    """Encodes lists of any length, batch by batch.

    Args:
        spec: name of the encoder, or a mapping with `name` and its options.
        modality: "voice" or "face": what the encoder must be for.
        compute: where and how it runs.
    """

    def __init__(self, spec: Spec, modality: str, compute: Compute | None = None) -> None:
        self.spec = spec
        self.modality = modality
        self.compute = compute or Compute()
        self.encoder = build_encoder(spec, modality, self.compute.torch_device)

    @property
    def identifier(self) -> str:
        """Equal strings promise equal vectors: the encoder's own, and the number format where it is not float32."""
        suffix = "+bfloat16" if self.compute.precision == "bfloat16" else ""
        return self.encoder.identifier + suffix

    @property
    def provenance(self) -> Provenance:
        """Where the weights come from."""
        return self.encoder.provenance

    def encode(self, items: Sequence[np.ndarray]) -> np.ndarray:
        """Return (len(items), dim) float32, in order.

        Args:
            items: voices, (samples,) float32 at 16 kHz, or face crops, (256, 256, 3) uint8.
        """
        device = torch.device(self.compute.torch_device).type
        low = self.compute.precision == "bfloat16"
        step = self.compute.batch_size
        with torch.inference_mode(), torch.autocast(device, dtype=torch.bfloat16) if low else nullcontext():
            parts = [self.encoder.encode(items[i : i + step]) for i in range(0, len(items), step)]
        return np.concatenate(parts) if parts else np.empty((0, self.encoder.dim), dtype=np.float32)


def build_encoder(spec: Spec, modality: str, device: str = "cpu") -> Encoder:
    """Return the encoder of a name or specification, on a device if it takes one.

    Raises:
        UnknownNameError: no encoder has this name.
        ConfigError: an option is left over, or the encoder is of the other modality.
    """
    arguments = {"name": spec} if isinstance(spec, str) else dict(spec)
    if not isinstance(arguments.get("name"), str):
        raise ConfigError(f"A {modality} encoder needs a `name`. Got {spec!r}. Known: {', '.join(ENCODERS.names())}.")
    factory = ENCODERS.get(arguments["name"])
    if "device" in inspect.signature(factory).parameters:
        arguments.setdefault("device", device)
    encoder: Encoder = ENCODERS.build(arguments)
    if encoder.modality != modality:
        raise ConfigError(f"The encoder {encoder.name!r} encodes a {encoder.modality}. Give a {modality} encoder.")
    return encoder


def use_threads(n: int) -> None:
    """Let the networks that the calling thread runs use `n` threads, 1 or more."""
    torch.set_num_threads(n)
