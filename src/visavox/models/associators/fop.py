"""The network of "Fusion and Orthogonal Projection", which is the baseline of the FAME challenges on MAV-Celeb.

Each side is one linear layer with batch normalisation, ReLU and dropout, scaled to length one. In training a gate
mixes both sides into one vector for a classifier; what is scored afterwards are the two sides as they enter the
mixture. The objective of the same name holds a mixture and a classifier of its own, so `fusion="none"` suits it; the
other kinds keep what a published checkpoint holds.

    vector -> linear -> batch norm -> ReLU -> dropout -> length one [-> tanh, where the fusion is gated] -> scored

The published score of a pair is the Euclidean distance of the scored vectors (`distances`), lower for one person.
`similarity` is the cosine of the same vectors, as of every associator: after the tanh their lengths differ by a few
per cent, so the two order nearly all pairs alike, not all.

Example:
    >>> fop = FOP(4, 3, output_dim=2, fusion="gated", n_classes=5)
    >>> fop.fuse(np.ones((6, 4)), np.ones((6, 3))).shape, fop.classify(np.ones((6, 4)), np.ones((6, 3))).shape
    ((6, 2), (6, 5))
"""

from __future__ import annotations

from typing import ClassVar, Literal, get_args

import numpy as np
import torch
from torch import Tensor, nn

from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import check_count, check_number, checked_vectors
from visavox.models.associators.network import NetworkAssociator
from visavox.models.dropout import drop
from visavox.registry import ASSOCIATORS

Fusion = Literal["none", "gated", "linear"]
FIRST_BIAS = 0.01
GATE_DIM = 128
"""Length of the hidden layer of the gate, whatever `output_dim` is."""


class Branch(nn.Module):
    """One side: linear, batch normalisation, ReLU, dropout, length one; then a tanh where `squash` says so.

    Args:
        dim_in: length of a vector that comes in.
        dim_out: length of a vector that comes out.
        dropout: probability that a number is dropped in training.
        squash: whether what comes out passes a tanh.
    """

    def __init__(self, dim_in: int, dim_out: int, *, dropout: float, squash: bool) -> None:
        """Lay out the layers."""
        super().__init__()
        self.dropout = dropout
        self.squash = squash
        self.linear = nn.Linear(dim_in, dim_out)
        self.norm = nn.BatchNorm1d(dim_out)

    def unit(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, dim_out) rows of length one, none of them negative, for (n, dim_in)."""
        x = nn.functional.relu(self.norm(self.linear(x)))
        return nn.functional.normalize(drop(x, self.dropout, generator, training=self.training), eps=1e-12)

    def forward(self, x: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Return (n, dim_out) as it is scored, for (n, dim_in)."""
        x = self.unit(x, generator)
        return torch.tanh(x) if self.squash else x


class Gate(nn.Module):
    """The gated fusion: g tanh(face) + (1 - g) tanh(voice), with g = sigmoid of a small network of both.

    Args:
        dim: length of a vector of each side, and of the mixture.
    """

    def __init__(self, dim: int) -> None:
        """Lay out the layers."""
        super().__init__()
        self.hidden = nn.Linear(2 * dim, GATE_DIM)
        self.norm = nn.BatchNorm1d(GATE_DIM)
        self.gate = nn.Linear(GATE_DIM, dim)

    def forward(self, voice: Tensor, face: Tensor) -> Tensor:
        """Return (n, dim) for unit rows (n, dim) and (n, dim); the published order of the pair is face, voice."""
        hidden = nn.functional.relu(self.norm(self.hidden(torch.cat([face, voice], dim=1))))
        gate = torch.sigmoid(self.gate(hidden))
        return torch.as_tensor(torch.tanh(face) * gate + (1 - gate) * torch.tanh(voice))


class WeightedSum(nn.Module):
    """The linear fusion: one learned weight for all faces and one for all voices."""

    def __init__(self) -> None:
        """Make the two weights, of the face and of the voice."""
        super().__init__()
        self.weights = nn.Parameter(torch.ones(2))

    def forward(self, voice: Tensor, face: Tensor) -> Tensor:
        """Return (n, dim) for unit rows (n, dim) and (n, dim)."""
        return self.weights[0] * face + self.weights[1] * voice


@ASSOCIATORS.register("fop")
class FOP(NetworkAssociator):
    """One layer a side, and optionally the fusion and the classifier that they were trained with.

    Args:
        voice_dim: length of a voice vector; published: 512.
        face_dim: length of a face vector; published: 4096.
        output_dim: length of the vectors that come out.
        dropout: probability that a number is dropped behind the ReLU in training, 0 to 0.99.
        fusion: "gated" as published, "linear" the published alternative, "none" keeps neither fusion nor classifier.
        n_classes: people that the classifier knows; above 0 if and only if there is a fusion.
        seed: of the first weights.

    Source: Saeed, Khan, Nawaz, Yousaf and Del Bue, 2022, Fusion and orthogonal projection for improved face-voice
    association, section 2.2, and its public code (msaadsaeed/FOP, mavceleb/mavceleb_baseline), where the tanh of the
    gated fusion is applied to the vectors that are scored, too.
    """

    name: ClassVar[str] = "fop"

    def __init__(
        self,
        voice_dim: int,
        face_dim: int,
        *,
        output_dim: int = 128,
        dropout: float = 0.5,
        fusion: Fusion = "none",
        n_classes: int = 0,
        seed: int = 0,
    ) -> None:
        """Store the arguments and draw the first weights."""
        super().__init__()
        for name, size in (("voice_dim", voice_dim), ("face_dim", face_dim), ("output_dim", output_dim)):
            check_count(name, size)
        check_number("dropout", dropout, at_least=0, at_most=0.99)
        check_count("n_classes", n_classes, at_least=0)
        check_count("seed", seed, at_least=0)
        if fusion not in get_args(Fusion):
            raise ConfigError(f"`fusion` must be one of {', '.join(get_args(Fusion))}. Got {fusion!r}.")
        if (fusion != "none") != (n_classes > 0):
            raise ConfigError(
                f"`n_classes` must be above 0 with a fusion and 0 without. Got {n_classes} with fusion {fusion!r}."
            )
        self.voice_dim = voice_dim
        self.face_dim = face_dim
        self.output_dim = output_dim
        self.dropout = dropout
        self.fusion: Fusion = fusion
        self.n_classes = n_classes
        self.seed = seed
        squash = fusion == "gated"
        with torch.random.fork_rng(devices=[]):  # leaves the caller's random numbers alone
            torch.manual_seed(seed)
            self.voice_tower: Branch = Branch(voice_dim, output_dim, dropout=dropout, squash=squash)
            self.face_tower: Branch = Branch(face_dim, output_dim, dropout=dropout, squash=squash)
            if fusion != "none":
                self.mixture: nn.Module = Gate(output_dim) if fusion == "gated" else WeightedSum()
                self.classifier = nn.Linear(output_dim, n_classes)
            for module in self.modules():
                if isinstance(module, nn.Linear):
                    nn.init.xavier_uniform_(module.weight)
                    nn.init.constant_(module.bias, FIRST_BIAS)
                elif isinstance(module, WeightedSum):
                    nn.init.uniform_(module.weights)

    @property
    def dim(self) -> int:
        """Length of the vectors that come out: `output_dim`."""
        return self.output_dim

    def _towers(self) -> dict[str, nn.Module]:
        kept = {} if self.fusion == "none" else {"fusion": self.mixture, "classifier": self.classifier}
        return {**super()._towers(), **kept}

    def scored_voice(self, voice: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 for (n, voice_dim) floats, as the published code scores them: length 1 or below."""
        return self._scored(checked_vectors(voice, self.voice_dim, "voice"), self.voice_tower)

    def scored_face(self, face: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 for (n, face_dim) floats, as the published code scores them: length 1 or below."""
        return self._scored(checked_vectors(face, self.face_dim, "face"), self.face_tower)

    def distances(self, voice: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the published score of each pair, the Euclidean distance; 0 to 2, lower for one person.

        Args:
            voice: (n, voice_dim) floats; row i is compared with row i of `face`.
            face: (n, face_dim) floats.

        Returns:
            (n,) float32.

        Raises:
            DataError: the lengths differ, or a value is not finite.
        """
        _check_lengths(voice, face)
        return np.asarray(np.linalg.norm(self.scored_voice(voice) - self.scored_face(face), axis=1))

    def fuse(self, voice: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the mixture of each pair, (n, output_dim) float32, of (n, voice_dim) and (n, face_dim) floats.

        Raises:
            ConfigError: there is no fusion.
            DataError: the lengths differ, or a value is not finite.
        """
        if self.fusion == "none":
            raise ConfigError("This `fop` was made without a fusion. Build it with fusion gated or linear.")
        _check_lengths(voice, face)
        left = torch.from_numpy(checked_vectors(voice, self.voice_dim, "voice"))
        right = torch.from_numpy(checked_vectors(face, self.face_dim, "face"))
        was_training = self.training
        self.eval()
        with torch.inference_mode():
            mixed = self.mixture(self.voice_tower.unit(left), self.face_tower.unit(right))
        self.train(was_training)
        return np.asarray(mixed.numpy())

    def classify(self, voice: np.ndarray, face: np.ndarray) -> np.ndarray:
        """Return the logits of the training people for each pair, (n, n_classes) float32; arguments as of `fuse`."""
        mixed = torch.from_numpy(self.fuse(voice, face))
        with torch.inference_mode():
            return np.asarray(self.classifier(mixed).numpy())

    def _scored(self, x: np.ndarray, tower: Branch) -> np.ndarray:
        was_training = tower.training
        tower.eval()
        with torch.inference_mode():
            found = tower(torch.from_numpy(x)).numpy()
        tower.train(was_training)
        return np.asarray(found)


def _check_lengths(voice: np.ndarray, face: np.ndarray) -> None:
    if len(voice) != len(face):
        raise DataError(f"Voices and faces must be pairs. Got {len(voice)} voices and {len(face)} faces.")
