"""Regularised canonical correlation analysis: the associator with a closed form.

It finds the pairs of directions, one in the voice space and one in the face space, along which the two sides of
the training pairs correlate most. It needs no seed, trains in milliseconds, and is the line that every network has
to beat.

Example:
    >>> rng = np.random.default_rng(0)
    >>> voice, face = rng.normal(size=(2, 1000, 2))
    >>> face[:, 0] = 0.8 * voice[:, 1] + 0.6 * face[:, 0]      # one shared direction, correlation 0.8
    >>> solve_cca(voice, face, ridge_voice=0.0, ridge_face=0.0).correlations.round(1).tolist()
    [0.8, 0.0]
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import (
    Associator,
    Role,
    check_count,
    check_number,
    checked_vectors,
    unit_rows,
)
from visavox.models.standardise import Standardiser, StandardiserMode
from visavox.persistence import Shape, Tensors
from visavox.registry import ASSOCIATORS


@dataclass(frozen=True)
class CanonicalDirections:
    """Directions of both sides, strongest first."""

    voice: np.ndarray
    """(voice_dim, n) float64, one direction a column."""
    face: np.ndarray
    """(face_dim, n) float64, one direction a column."""
    correlations: np.ndarray
    """(n,) float64 in [0, 1], falling; with a ridge they are the damped correlations."""


def solve_cca(
    voice: np.ndarray,
    face: np.ndarray,
    *,
    ridge_voice: float,
    ridge_face: float,
    weights: np.ndarray | None = None,
) -> CanonicalDirections:
    """Return all canonical directions of paired vectors.

    With the covariances V = E[v v'], F = E[f f'], C = E[v f'] of the centred vectors, and W_V = (V + ridge I)^-1/2,
    the singular value decomposition W_V C W_F = P diag(correlations) Q' gives the directions W_V P and W_F Q: they
    maximise a' C b under a' (V + ridge I) a = b' (F + ridge I) b = 1, each orthogonal to those before it.

    Args:
        voice: (n, voice_dim) floats; row i belongs to row i of `face`.
        face: (n, face_dim) floats.
        ridge_voice: added to the diagonal of the voice covariance, 0 or more, in the squared units of `voice`.
        ridge_face: likewise for `face`.
        weights: (n,) how much each pair counts, 0 or more, not all 0; None counts all alike.

    Returns:
        min(voice_dim, face_dim) directions a side.

    Source: Hotelling, 1936, Relations between two sets of variates; the ridge: Vinod, 1976, Canonical ridge and
    econometrics of joint production.

    Ties and edges: without a ridge, directions in which a side does not vary (or n is too small to say) are left
    out of it, as a pseudo-inverse does. Directions of equal correlation span the right space in an arbitrary
    basis. The sign of a pair is fixed: the largest entry by size of the voice direction is positive.
    """
    w = np.full(len(voice), 1 / len(voice)) if weights is None else weights / weights.sum()
    v = voice.astype(np.float64) - w @ voice
    f = face.astype(np.float64) - w @ face
    weighted = w[:, None] * v  # (n, voice_dim)
    whiten_voice = _inverse_root(weighted.T @ v, ridge_voice)
    whiten_face = _inverse_root(f.T @ (w[:, None] * f), ridge_face)
    left, correlations, right = np.linalg.svd(whiten_voice @ (weighted.T @ f) @ whiten_face, full_matrices=False)
    directions = whiten_voice @ left  # (voice_dim, n)
    strongest = np.take_along_axis(directions, np.abs(directions).argmax(axis=0)[None], axis=0)  # (1, n)
    sign = np.where(strongest < 0, -1.0, 1.0)
    return CanonicalDirections(directions * sign, (whiten_face @ right.T) * sign, np.clip(correlations, 0.0, 1.0))


def _inverse_root(covariance: np.ndarray, ridge: float) -> np.ndarray:
    """Return (covariance + ridge I)^-1/2, zero along directions where that matrix is zero but for rounding."""
    values, vectors = np.linalg.eigh(covariance)
    values = values + ridge
    floor = max(float(values.max()), 0.0) * len(values) * np.finfo(np.float64).eps
    root = np.where(values > floor, 1 / np.sqrt(np.maximum(values, floor + np.finfo(np.float64).tiny)), 0.0)
    return np.asarray((vectors * root) @ vectors.T)


@ASSOCIATORS.register("cca")
class CCA(Associator):
    """Regularised canonical correlation analysis with a cosine on top.

    Args:
        voice_dim: length of a voice vector.
        face_dim: length of a face vector.
        n_components: directions kept, 1 to min(voice_dim, face_dim).
        ridge_voice: added to the diagonal of the covariance of the standardised voices, whose mean variance is
            about 1; 0 or more. Ten damps all but the strongest directions; zero overfits below thousands of pairs.
        ridge_face: likewise for the faces.
        power_voice: each direction of the voice side is scaled by correlation**power_voice, 0 or more. In the dot
            product a direction counts in proportion to correlation**(power_voice + power_face): 0 and 0 count all
            alike (plain CCA), a sum of 1 is the similarity of the posterior means of probabilistic CCA.
        power_face: likewise for the face side. How the sum is shared between the sides changes the lengths that the
            cosine divides by: with 0 and 1 a face is as long as its predictable part, which suits voices that
            choose among faces; with 1 and 0 the reverse.
        mode: how the vectors are standardised first; see `Standardiser`.

    Source: as for `solve_cca`; powers that add up to 1: Bach and Jordan, 2005, A probabilistic interpretation of
    canonical correlation analysis, theorem 2, E[z | v] = M_1' U_1' v with M_1 M_2' = diag(correlations), taken as
    M_1 = M_2 = diag(correlations)^1/2, powers of one half. Our departure: a cosine replaces the dot product.
    """

    name: ClassVar[str] = "cca"

    def __init__(
        self,
        voice_dim: int,
        face_dim: int,
        *,
        n_components: int = 64,
        ridge_voice: float = 10.0,
        ridge_face: float = 10.0,
        power_voice: float = 0.5,
        power_face: float = 0.5,
        mode: StandardiserMode = "mean_deviation",
    ) -> None:
        """Store the arguments; every vector maps to zero until `fit`."""
        check_count("voice_dim", voice_dim)
        check_count("face_dim", face_dim)
        check_count("n_components", n_components)
        if n_components > min(voice_dim, face_dim):
            raise ConfigError(
                f"`n_components` must be at most the shorter vector, {min(voice_dim, face_dim)}. Got {n_components}."
            )
        check_number("ridge_voice", ridge_voice, at_least=0)
        check_number("ridge_face", ridge_face, at_least=0)
        check_number("power_voice", power_voice, at_least=0)
        check_number("power_face", power_face, at_least=0)
        self.voice_dim = voice_dim
        self.face_dim = face_dim
        self.n_components = n_components
        self.ridge_voice = ridge_voice
        self.ridge_face = ridge_face
        self.power_voice = power_voice
        self.power_face = power_face
        self.mode: StandardiserMode = mode
        self.correlations = np.zeros(n_components, dtype=np.float32)
        self._standardisers = {
            "voice": Standardiser(voice_dim, mode=mode),
            "face": Standardiser(face_dim, mode=mode),
        }
        self._projections = {
            "voice": np.zeros((voice_dim, n_components), dtype=np.float32),
            "face": np.zeros((face_dim, n_components), dtype=np.float32),
        }

    @property
    def dim(self) -> int:
        """Length of the vectors that come out: `n_components`."""
        return self.n_components

    def fit(self, voice: np.ndarray, face: np.ndarray, *, weights: np.ndarray | None = None) -> CCA:
        """Solve for the training pairs and return itself.

        Args:
            voice: (n, voice_dim) floats, finite, n at least 2; row i belongs to row i of `face`.
            face: (n, face_dim) floats, finite.
            weights: (n,) how much each pair counts, 0 or more; give 1 / (clips of the identity) so that each
                identity counts once. None counts all pairs alike.

        Raises:
            DataError: the lengths differ, a value is not finite, or a side does not vary.
        """
        v, f = checked_vectors(voice, self.voice_dim, "voice"), checked_vectors(face, self.face_dim, "face")
        if len(v) != len(f):
            raise DataError(f"Voices and faces must be pairs. Got {len(v)} voices and {len(f)} faces.")
        self._standardisers["voice"].fit(v, weights=weights)
        self._standardisers["face"].fit(f, weights=weights)
        solved = solve_cca(
            self._standardisers["voice"](v),
            self._standardisers["face"](f),
            ridge_voice=self.ridge_voice,
            ridge_face=self.ridge_face,
            weights=weights,
        )
        kept = slice(None, self.n_components)
        self.correlations = solved.correlations[kept].astype(np.float32)
        for role, directions, power in (
            ("voice", solved.voice, self.power_voice),
            ("face", solved.face, self.power_face),
        ):
            fade = solved.correlations[kept] ** power
            self._projections[role] = (directions[:, kept] * fade).astype(np.float32)
        return self

    def encode_voice(self, voice: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, voice_dim) floats."""
        return self._encode(checked_vectors(voice, self.voice_dim, "voice"), "voice")

    def encode_face(self, face: np.ndarray) -> np.ndarray:
        """Return (n, dim) float32 unit rows for (n, face_dim) floats."""
        return self._encode(checked_vectors(face, self.face_dim, "face"), "face")

    def _encode(self, x: np.ndarray, role: Role) -> np.ndarray:
        return unit_rows(self._standardisers[role](x) @ self._projections[role])

    def tensors(self) -> Tensors:
        """Return projections (dim in, n_components), standardisers and correlations (n_components,); see `shapes`."""
        found: Tensors = {"correlations": self.correlations}
        for role in ("voice", "face"):
            found[f"{role}.projection"] = self._projections[role]
            found |= {f"{role}.{name}": array for name, array in self._standardisers[role].tensors().items()}
        return found

    def shapes(self) -> dict[str, Shape]:
        """Return the shape that each learned array must have."""
        found: dict[str, Shape] = {"correlations": (self.n_components,)}
        for role, dim in (("voice", self.voice_dim), ("face", self.face_dim)):
            found[f"{role}.projection"] = (dim, self.n_components)
            found |= {f"{role}.{name}": shape for name, shape in self._standardisers[role].shapes().items()}
        return found

    def _take_tensors(self, tensors: Tensors) -> None:
        self.correlations = tensors["correlations"].astype(np.float32)
        for role, standardiser in self._standardisers.items():
            self._projections[role] = tensors[f"{role}.projection"].astype(np.float32)
            standardiser.load_tensors({name: tensors[f"{role}.{name}"] for name in standardiser.shapes()})
