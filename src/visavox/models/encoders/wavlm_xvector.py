"""WavLM with an x-vector head, from the hub by way of transformers: a voice to 512 numbers.

Voices go through the network one at a time, since a batch with padding would change them. On a CPU its bfloat16 is
slower than its float32.

Example (needs the network, or the model in the hub's cache):
    WavLMXVectorEncoder().encode([np.zeros(16_000, np.float32)]).shape      # (1, 512)

Source: Chen et al., "WavLM: Large-Scale Self-Supervised Pre-Training for Full Stack Speech Processing" (JSTSP 2022),
    section V.A; the hub's microsoft/wavlm-base-plus-sv.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch

from visavox.errors import DataError
from visavox.models.encoders.base import Encoder, Provenance
from visavox.models.hub_weights import from_transformers, hub_folder, model_identity, read_config, width_of
from visavox.models.log_mel import checked_voice, repeated
from visavox.registry import ENCODERS

PUBLISHED = "microsoft/wavlm-base-plus-sv"
WIDTHS = {PUBLISHED: 512, "microsoft/wavlm-base-sv": 512}
"""Models of the hub and the lengths of their vectors."""
FILES = ("config.json", "preprocessor_config.json", "model.safetensors|pytorch_model.bin")
LEAST_SAMPLES = 16_000  # 1 s; shorter voices are repeated up to here: the head looks at 0.3 s at a time
LEAST_VARIANCE = 1e-7  # of the norm over samples, as in transformers


@ENCODERS.register("wavlm_xvector")
class WavLMXVectorEncoder(Encoder):
    """Frozen voice encoder; the weights are read by the first call of `encode`.

    Args:
        source: "microsoft/wavlm-base-plus-sv", "microsoft/wavlm-base-sv", or a folder that holds such a model.
        revision: branch, tag or commit on the hub.
        device: where the network runs: "cpu", "cuda", "mps".
    """

    name = "wavlm_xvector"
    modality = "voice"
    batch_size = 8
    provenance = Provenance(
        weights=PUBLISHED,
        training_data="Libri-Light, GigaSpeech, VoxPopuli (without labels); head: VoxCeleb1 (voice only); holds the "
        "people of VoxCeleb1's voice-face test lists",
        licence="not stated on the hub; code MIT",
    )

    def __init__(self, *, source: str = PUBLISHED, revision: str = "main", device: str = "cpu") -> None:
        """Store the arguments, and read the length of a vector from the folder where one is given.

        Raises:
            ConfigError: `source` is neither a folder nor one of the models.
            DataError: the folder holds another model.
        """
        self.source = source
        self.revision = revision
        self.device = device
        self.dim = width_of(source, WIDTHS, "xvector_output_dim", self.name)
        self._tools: tuple[Any, bool] | None = None

    @property
    def identifier(self) -> str:
        """Name, version, and the hub's name and revision, or a digest of the folder."""
        return f"{self.name}-{self.version}(weights={model_identity(self.source, self.revision)})"

    def __getstate__(self) -> dict[str, object]:
        """Leave the weights behind when the encoder crosses into another process."""
        return {**self.__dict__, "_tools": None}

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        """Return one vector for each voice, in order.

        Args:
            batch: voices (samples,) float32 in [-1, 1], 16 kHz, of any lengths.

        Returns:
            (len(batch), dim) float32 of no fixed length.

        Raises:
            DataError: a voice cannot be encoded, or the model cannot be had.
            MissingDependencyError: transformers or huggingface_hub is not installed.
        """
        vectors = np.empty((len(batch), self.dim), dtype=np.float32)
        for index, voice in enumerate(batch):
            try:
                samples = repeated(checked_voice(voice), LEAST_SAMPLES)
            except DataError as error:
                raise DataError(f"Item {index} of the batch: {error}") from error
            vectors[index] = self._forward(samples)
        return vectors

    def _forward(self, samples: np.ndarray) -> np.ndarray:
        """(samples,) -> (dim,)."""
        if self._tools is None:
            folder = hub_folder(self.source, FILES, owner=self.name, revision=self.revision)
            network = from_transformers("WavLMForXVector", folder, owner=self.name).to(self.device)
            self._tools = network, bool(read_config(folder, "preprocessor_config.json").get("do_normalize", True))
        network, normalise = self._tools
        heard = torch.from_numpy(samples)
        if normalise:
            heard = (heard - heard.mean()) / (heard.var(correction=0) + LEAST_VARIANCE).sqrt()
        with torch.inference_mode():
            found = network(heard[None].to(self.device)).embeddings[0]
        return np.asarray(found.float().cpu().numpy())
