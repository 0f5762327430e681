"""Trainable encoders with a published network: their checkpoints load by name, and their front end is an option.

Beside what every `TrainableEncoder` does, such an encoder has options that the weights do not tell (how loud samples
are, how much of a crop is seen). They stand in the identifier and in the folder of weights, and a folder that was
written under other options is refused.

Example:
    >>> from visavox.models.encoders.thin_resnet34 import ThinResNet34Encoder
    >>> encoder = ThinResNet34Encoder(seed=1)
    >>> encoder.load_published(encoder.network.state_dict(), weights="mine", training_data="none", licence="MIT")
    >>> encoder.provenance.weights
    'mine'
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.base import Provenance
from visavox.models.encoders.trainable import KIND, LICENCE, TrainableEncoder, find_weights, halved
from visavox.models.hub_weights import fill
from visavox.models.log_mel import repeated
from visavox.models.mel import SAMPLE_RATE
from visavox.persistence import CONFIG_FILE, save_folder

LEAST_S = 0.1
"""Shorter voices are repeated up to here."""
MAX_S = 60.0
"""Most that a voice is repeated up to."""


class PublishedEncoder(TrainableEncoder):
    """A `TrainableEncoder` whose network has published weights; see there for weights, seed and device."""

    options: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments that decide what comes out and that the weights do not hold."""
    constants: ClassVar[Collection[str]] = ()
    """Names in published checkpoints that are no weights of the network."""

    @property
    def identifier(self) -> str:
        """Name, version, options and digest of the weights as they are now."""
        parts = [f"{name}={getattr(self, name)!r}" for name in sorted(self.options)]
        return f"{self.name}-{self.version}({', '.join([*parts, f'weights={self.digest}'])})"

    def load_published(
        self,
        state: Mapping[str, Tensor],
        *,
        weights: str,
        training_data: str,
        licence: str,
        prefix: str = "",
    ) -> None:
        """Take the weights of a published checkpoint; `save_weights` then writes them as a folder.

        Args:
            state: name -> tensor, as published.
            weights: what carries them, for reports and cards.
            training_data: what they were trained on.
            licence: SPDX name where there is one.
            prefix: of the names that are meant: "V.model." or "F.model." in a checkpoint of Seeking the Shape of
                Sound, "__S__." in one of voxceleb_trainer.

        Raises:
            DataError: a tensor is missing, left over, of another shape, or not finite.
        """
        fill(self.network, state, owner=self.name, where=weights, prefix=prefix, constants=self.constants)
        self.provenance = Provenance(weights, training_data, licence)

    def save_weights(
        self,
        folder: Path | str,
        *,
        training_data: str = "",
        licence: str = LICENCE,
        overwrite: bool = False,
        half: bool = False,
    ) -> None:
        """Write the weights and the options; arguments as of `TrainableEncoder.save_weights`."""
        arguments: dict[str, Any] = {
            "version": self.version,
            "training_data": training_data or self.provenance.training_data,
            "licence": licence,
            "options": self._options(),
        }
        tensors = halved(self.tensors()) if half else self.tensors()
        save_folder(folder, kind=KIND, name=self.name, arguments=arguments, tensors=tensors, overwrite=overwrite)

    def _options(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in self.options}

    def _load(self, weights: str) -> None:
        path = find_weights(weights, self.modality) / CONFIG_FILE
        try:
            options = json.loads(path.read_text(encoding="utf-8"))["arguments"].get("options")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            options = None  # the folder's own reader says what is wrong with it
        if isinstance(options, dict):
            for name, mine in self._options().items():
                if options.get(name, mine) != mine:
                    raise DataError(
                        f"{path.parent} holds weights of the encoder {self.name!r} under `{name}` {options[name]!r}, "
                        f"not {mine!r}. Ask for the encoder with `{name}: {options[name]}`."
                    )
        super()._load(weights)


class PublishedVoiceEncoder(PublishedEncoder):
    """One whose prepared items are (n_frames, n_bands) float32."""

    modality = "voice"
    max_frames: ClassVar[int] = 32_000
    """Frames in one pass of `encode`, which bounds its memory."""

    def collate(self, prepared: Sequence[np.ndarray]) -> tuple[Tensor, Tensor]:
        """Return the bands (n, n_frames, n_bands) float32, zeros behind shorter ones, and the lengths (n,) int64."""
        lengths = torch.tensor([len(bands) for bands in prepared])
        batch = np.zeros((len(prepared), int(lengths.max()), prepared[0].shape[1]), dtype=np.float32)
        for row, bands in zip(batch, prepared, strict=True):
            row[: len(bands)] = bands
        return torch.from_numpy(batch).to(self.device), lengths.to(self.device)

    def _groups(self, prepared: Sequence[np.ndarray]) -> Iterator[list[int]]:
        """Yield voices of like length together, as many as fit: little is computed on what fills up."""
        order = sorted(range(len(prepared)), key=lambda row: len(prepared[row]), reverse=True)
        while order:
            n = max(1, self.max_frames // len(prepared[order[0]]))
            yield order[:n]
            order = order[n:]


def check_length(length_s: float, owner: str) -> None:
    """Hold a length to 0, or 0.1 to 60 seconds.

    Raises:
        ConfigError: it is another.
    """
    if length_s and not LEAST_S <= length_s <= MAX_S:
        raise ConfigError(f"`length_s` of the encoder {owner!r} must be 0, or 0.1 to 60 seconds. Got {length_s}.")


def of_length(voice: np.ndarray, length_s: float, least_s: float) -> np.ndarray:
    """Return a voice (samples,) repeated up to `length_s` or cut there; where that is 0, up to `least_s`.

    Example:
        >>> of_length(np.arange(3, dtype=np.float32), 5 / 16_000, 0.1).tolist()
        [0.0, 1.0, 2.0, 0.0, 1.0]
    """
    if not length_s:
        return repeated(voice, round(least_s * SAMPLE_RATE))
    n_samples = round(length_s * SAMPLE_RATE)
    return repeated(voice, n_samples)[:n_samples]
