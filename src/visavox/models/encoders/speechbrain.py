"""What the encoders with SpeechBrain's weights share: its filter bank, our network, one file of weights from the hub.

SpeechBrain itself is never imported. The whole voice is heard, pauses included, and voices go through the network
together only where they are of one length, so that each vector is that of the voice alone.

Example (needs the network, or the model in the hub's cache):
    encoder = ECAPAEncoder()
    encoder.encode([np.zeros(16_000, np.float32)]).shape      # (1, 192)
"""

from __future__ import annotations

from abc import abstractmethod
from collections import defaultdict
from collections.abc import Sequence
from typing import ClassVar

import numpy as np
import torch
from torch import nn

from visavox.errors import ConfigError, DataError
from visavox.models.encoders.base import Encoder
from visavox.models.hub_weights import fill, hub_folder, model_identity, read_state
from visavox.models.log_mel import checked_voice, fbank_db, repeated

FILE = "embedding_model.ckpt"
LEAST_SAMPLES = 1600  # 0.1 s; shorter voices are repeated up to here
MAX_FRAMES = 16_000  # in one pass, which bounds the memory at 1 GB


class SpeechBrainEncoder(Encoder):
    """A frozen voice encoder; the weights are read by the first call of `encode`.

    Args:
        source: "owner/model" on the hub, or a folder that holds `embedding_model.ckpt`.
        revision: branch, tag or commit on the hub.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    modality = "voice"
    published: ClassVar[str]
    """The hub's name of the model that the licence and the training data are told of."""
    n_mels: ClassVar[int]
    """Bands of the filter bank."""

    def __init__(self, *, source: str = "", revision: str = "main", device: str = "cpu") -> None:
        """Store the arguments.

        Raises:
            ConfigError: `revision` is empty.
        """
        if not revision:
            raise ConfigError(f"`revision` of the encoder {self.name!r} must not be empty. Give 'main'.")
        self.source = source or self.published
        self.revision = revision
        self.device = device
        self._network: nn.Module | None = None

    @property
    def identifier(self) -> str:
        """Name, version, and the hub's name and revision, or a digest of the folder."""
        return f"{self.name}-{self.version}(weights={model_identity(self.source, self.revision)})"

    @abstractmethod
    def build_network(self) -> nn.Module:
        """Return the network with any weights."""

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind when the encoder crosses into another process."""
        return {**self.__dict__, "_network": None}

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each voice, in order.

        Args:
            batch: voices (samples,) float32 in [-1, 1], 16 kHz, of any lengths.

        Returns:
            (len(batch), dim) float32 of no fixed length.

        Raises:
            DataError: a voice cannot be encoded, or the weights cannot be had.
            MissingDependencyError: huggingface_hub is not installed.
        """
        prepared = []
        for index, voice in enumerate(batch):
            try:
                samples = repeated(checked_voice(voice), LEAST_SAMPLES)
            except DataError as error:
                raise DataError(f"Item {index} of the batch: {error}") from error
            prepared.append(fbank_db(samples, n_mels=self.n_mels))
        vectors = np.empty((len(prepared), self.dim), dtype=np.float32)
        rows_of_length = defaultdict(list)
        for row, bands in enumerate(prepared):
            rows_of_length[len(bands)].append(row)
        for n_frames, rows in rows_of_length.items():
            step = max(1, MAX_FRAMES // n_frames)
            for some in (rows[i : i + step] for i in range(0, len(rows), step)):
                vectors[some] = self._forward(np.stack([prepared[row] for row in some]))
        return vectors

    def _forward(self, bands: np.ndarray) -> np.ndarray:
        """(n, n_frames, n_mels) -> (n, dim)."""
        if self._network is None:
            folder = hub_folder(self.source, [FILE], owner=self.name, revision=self.revision)
            network = self.build_network()
            fill(network, read_state(folder / FILE), owner=self.name, where=f"{self.source}: {FILE}")
            self._network = network.eval().requires_grad_(False).to(self.device)
        with torch.inference_mode():
            found = self._network(torch.from_numpy(bands).to(self.device))
        return np.asarray(found.float().cpu().numpy())
