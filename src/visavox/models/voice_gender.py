"""Whether a voice sounds like a man's or a woman's, from its GE2E embedding.

One logistic regression, for reports on voices whose gender nobody wrote down. It was taught by the predicted gender of
faces, so it repeats their errors; it is not for deciding anything about a person.

Example:
    >>> rng = np.random.default_rng(0)
    >>> embeddings = rng.normal(size=(100, 4))
    >>> head = VoiceGender.fit(embeddings, embeddings[:, 2] > 0)
    >>> bool(((head.scores(embeddings) > 0) == (embeddings[:, 2] > 0)).mean() > 0.95)
    True
"""

from __future__ import annotations

import importlib.resources
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.linear_model import LogisticRegression

from visavox.errors import DataError
from visavox.persistence import check_tensors, load_folder, save_folder

KIND, NAME = "voice gender head", "voice_gender"
PENALTY = 30.0  # chosen by cross-validation; anything from 10 to 1,000 does as well


class VoiceGender:
    """Linear head on voice embeddings: a score above 0 means a man's voice.

    Args:
        n_features: length of an embedding.
        figures: what was measured on voices that were not learned from: accuracies (0 to 1) and counts, by name.

    Attributes:
        weights: (n_features,) float32, on the embeddings as they are.
        intercept: (1,) float32.
    """

    def __init__(self, *, n_features: int, figures: Mapping[str, float] | None = None) -> None:
        """Store the arguments; every score is 0 until `fit` or `from_folder`."""
        self.n_features = n_features
        self.figures = dict(figures or {})
        self.weights = np.zeros(n_features, dtype=np.float32)
        self.intercept = np.zeros(1, dtype=np.float32)

    @classmethod
    def fit(
        cls,
        embeddings: np.ndarray,
        male: np.ndarray,
        *,
        penalty: float = PENALTY,
        figures: Mapping[str, float] | None = None,
    ) -> VoiceGender:
        """Return the head with the least log loss plus half of `penalty` times the squared weights.

        The embeddings are standardised dimension by dimension first; a dimension that never varies is left out.

        Args:
            embeddings: (n, n_features), finite.
            male: (n,) bool; both values occur.
            penalty: above 0, in units of the summed log loss.
            figures: kept with the head.

        Raises:
            DataError: the lengths differ, a number is not finite, or all voices are of one gender.
        """
        if embeddings.ndim != 2 or male.shape != (len(embeddings),):
            raise DataError(f"Give one gender a voice. Got embeddings {embeddings.shape} and genders {male.shape}.")
        if not np.isfinite(embeddings).all():
            raise DataError("Voice embeddings must be finite. Leave out the broken ones.")
        if len(np.unique(male)) != 2:
            raise DataError("A gender head needs voices of men and of women. Got voices of one gender.")
        x = embeddings.astype(np.float64)
        mean, spread = x.mean(axis=0), x.std(axis=0)
        scale = np.where(spread > 1e-9, spread, np.inf)
        model = LogisticRegression(C=1 / penalty, max_iter=2000, tol=1e-6).fit((x - mean) / scale, male.astype(int))
        weights = model.coef_[0] / scale
        head = cls(n_features=x.shape[1], figures=figures)
        head.weights = weights.astype(np.float32)
        head.intercept = np.array([model.intercept_[0] - mean @ weights], dtype=np.float32)
        return head

    def scores(self, embeddings: np.ndarray) -> np.ndarray:
        """Return (n,) float32, the log odds of a man's voice: above 0 a man's, below 0 a woman's.

        Args:
            embeddings: (n, n_features) of GE2E's output "embedding".

        Raises:
            DataError: the embeddings have another length.
        """
        if embeddings.ndim != 2 or embeddings.shape[1] != self.n_features:
            raise DataError(f"Voice gender is read from ({self.n_features},) embeddings. Got shape {embeddings.shape}.")
        return np.asarray(embeddings.astype(np.float32) @ self.weights + self.intercept[0])

    def save(self, folder: Path | str, *, card: str, overwrite: bool = False) -> None:
        """Write config.json, model.safetensors and the card README.md."""
        save_folder(
            folder,
            kind=KIND,
            name=NAME,
            arguments={"n_features": self.n_features, "figures": self.figures},
            tensors={"weights": self.weights, "intercept": self.intercept},
            extra_files={"README.md": card},
            overwrite=overwrite,
        )

    @classmethod
    def from_folder(cls, folder: Path | str) -> VoiceGender:
        """Return the head that `save` wrote.

        Raises:
            DataError: the folder is missing, damaged, or holds something else.
        """
        saved = load_folder(folder, kind=KIND)
        try:
            head = cls(**saved.arguments)
        except TypeError as error:
            raise DataError(f"{folder}/config.json describes no gender head: {error}. Save it again.") from error
        check_tensors(saved.tensors, {"weights": (head.n_features,), "intercept": (1,)}, owner=NAME)
        head.weights = saved.tensors["weights"].astype(np.float32)
        head.intercept = saved.tensors["intercept"].astype(np.float32)
        return head


@lru_cache(maxsize=1)
def boxed_voice_gender() -> VoiceGender:
    """Return the head that comes with the package, loaded once a process.

    Raises:
        DataError: its folder is missing or damaged.
    """
    box: Any = importlib.resources.files("visavox") / "pretrained" / NAME
    return VoiceGender.from_folder(Path(str(box)))
