"""What associators that are networks share: two towers, gradients, encoding in chunks, and their arrays by name.

A subclass makes `voice_tower` and `face_tower`, modules that are called as tower(x, generator) and return vectors of
any length; here they are scaled to length one. The training is `visavox.pipeline.training`'s affair.

Example:
    >>> from visavox.models.associators.two_tower import TwoTower
    >>> network: NetworkAssociator = TwoTower(4, 3, output_dim=2)
    >>> voice, face = network.raw(torch.ones(5, 4), torch.ones(5, 3))
    >>> voice.shape, face.shape
    (torch.Size([5, 2]), torch.Size([5, 2]))
"""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor, nn

from visavox.models.associators.base import Associator, checked_vectors, unit_rows
from visavox.persistence import Shape, Tensors

CHUNK = 16_384  # rows encoded at once, so that a million vectors need no memory to speak of


class NetworkAssociator(nn.Module, Associator):
    """Base of the associators that are trained by gradients."""

    smallest_dims: ClassVar[tuple[int, int]] = (1, 1)
    """Lengths of a voice and a face vector that the constructor surely takes: to check other arguments early."""
    chunk: ClassVar[int] = CHUNK
    """Rows that are encoded at once."""
    voice_tower: nn.Module
    face_tower: nn.Module

    def standardise(self, voice: np.ndarray, face: np.ndarray, *, weights: np.ndarray | None = None) -> Self:  # noqa: ARG002
        """Take what must be known of the training vectors and return itself; a network without such needs does nothing.

        Args:
            voice: (n, voice_dim) floats.
            face: (n, face_dim) floats.
            weights: (n,) how much each pair counts; None counts all alike.
        """
        return self

    def raw(self, voice: Tensor, face: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return the vectors of both sides as the towers give them, with gradient.

        Args:
            voice: (n_voices, voice_dim) float32 encoder vectors.
            face: (n_faces, face_dim) float32.
            generator: of noise and dropout, on the device of the vectors; None takes torch's own.

        Returns:
            (n_voices, dim) and (n_faces, dim) float32 of any length.
        """
        return self.voice_tower(voice, generator), self.face_tower(face, generator)

    def forward(self, voice: Tensor, face: Tensor, generator: torch.Generator | None = None) -> tuple[Tensor, Tensor]:
        """Return the unit vectors of both sides, with gradient; arguments and shapes as of `raw`."""
        left, right = self.raw(voice, face, generator)
        return nn.functional.normalize(left, eps=1e-12), nn.functional.normalize(right, eps=1e-12)

    def encode_voice(self, voice: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, voice_dim) floats."""
        return self._encode(checked_vectors(voice, self.voice_dim, "voice"), self.voice_tower)

    def encode_face(self, face: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, face_dim) floats."""
        return self._encode(checked_vectors(face, self.face_dim, "face"), self.face_tower)

    def _encode(self, x: np.ndarray, tower: nn.Module) -> np.ndarray:
        was_training = tower.training
        tower.eval()
        device = next((t.device for t in (*tower.buffers(), *tower.parameters())), torch.device("cpu"))
        with torch.inference_mode():
            chunks = [
                tower(torch.from_numpy(x[start : start + self.chunk]).to(device), None).cpu().numpy()
                for start in range(0, max(len(x), 1), self.chunk)
            ]
        tower.train(was_training)
        return unit_rows(np.concatenate(chunks))

    def _towers(self) -> dict[str, nn.Module]:
        return {"voice": self.voice_tower, "face": self.face_tower}

    def tensors(self) -> Tensors:
        """Return weights and buffers, as "voice.layers.0.weight" and so on; see `shapes`."""
        return {
            f"{role}.{name}": np.array(value.detach().cpu().numpy())
            for role, tower in self._towers().items()
            for name, value in tower.state_dict().items()
        }

    def shapes(self) -> dict[str, Shape]:
        """Return the shape that each learned array must have."""
        return {
            f"{role}.{name}": tuple(value.shape)
            for role, tower in self._towers().items()
            for name, value in tower.state_dict().items()
        }

    def _take_tensors(self, tensors: Tensors) -> None:
        for role, tower in self._towers().items():
            tower.load_state_dict({n: torch.from_numpy(np.array(tensors[f"{role}.{n}"])) for n in tower.state_dict()})
