"""What a model must beat: scores drawn at random, and the gender of voice and face alone.

Baselines are scorers (`visavox.evaluation.scoring`), so that the same protocols evaluate them. Gender alone scores 1
where the genders agree and 0 where they do not; everybody of one gender ties, and a tie counts as chance. With perfect
labels and as many women as men it reaches about 75 % on all pairs and exactly 50 % within a gender.

Example:
    >>> def table(modality, genders):
    ...     keys = tuple(f"{i}/{modality}" for i in range(len(genders)))
    ...     names, nobody = tuple(map(str, range(len(genders)))), (None,) * len(genders)
    ...     return EmbeddingTable(modality, "e", keys, names, names, nobody, {"gender": genders}, np.ones((3, 1)))
    >>> voice, face = table("voice", ("f", "m", None)), table("face", ("f", "f", "m"))
    >>> GenderAlone()(voice, face).tolist()
    [[1.0, 1.0, 0.0], [0.0, 0.0, 1.0], [0.5, 0.5, 0.5]]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.contest import PREDICTED
from visavox.evaluation.scoring import Scorer, UndefinedScoresError

GENDER = "gender"


def random_scores(rng: np.random.Generator) -> Scorer:
    """Return a scorer that draws every score from a generator: chance, up to the luck of the draw.

    Args:
        rng: the source of randomness; each call of the scorer goes on where the last one stopped.

    Returns:
        A scorer whose matrices are (n_voices, n_faces) float64, uniform from 0 to 1.
    """

    def draw(voice: EmbeddingTable, face: EmbeddingTable) -> NDArray[np.float64]:
        return rng.random((len(voice), len(face)))

    return draw


@dataclass(frozen=True)
class GenderPredictor:
    """Who guessed the genders where none are given, and how often the guess is right."""

    name: str
    """Name of the predictor, for the reader."""
    voice_accuracy_score: float = math.nan
    """Share of voices whose gender it gets right, 0 to 1; nan when never measured."""
    face_accuracy_score: float = math.nan
    """Share of faces whose gender it gets right, 0 to 1; nan when never measured."""


@dataclass(frozen=True)
class GenderAlone:
    """Scorer that knows nothing but the gender of the voice and of the face.

    The labels of the attribute `gender` are used where both tables have some; else those of `predicted_gender`, if a
    predictor is named; else the scores are undefined. A voice's gender is never copied from its face.
    """

    predictor: GenderPredictor | None = None
    """Who filled the attribute `predicted_gender` of the tables; None: only given labels are used."""

    def __call__(self, voice: EmbeddingTable, face: EmbeddingTable) -> NDArray[np.float64]:
        """Return 1 where the genders agree, 0 where they differ, 0.5 where one is unknown.

        Returns:
            (n_voices, n_faces) float64.

        Raises:
            UndefinedScoresError: there are no labels on one side.
        """
        attribute = self._attribute(voice, face)
        voices, faces = (np.array([label or "" for label in table.attribute(attribute)]) for table in (voice, face))
        agree = (voices[:, np.newaxis] == faces).astype(np.float64)
        unknown = (voices == "")[:, np.newaxis] | (faces == "")
        return np.where(unknown, 0.5, agree)

    def note(self, voice: EmbeddingTable, face: EmbeddingTable) -> str:
        """Return where the labels come from, or why the baseline is undefined, for the report."""
        try:
            attribute = self._attribute(voice, face)
        except UndefinedScoresError as reason:
            return str(reason)
        if attribute == GENDER or self.predictor is None:
            return "given labels"
        accuracies = (self.predictor.voice_accuracy_score, self.predictor.face_accuracy_score)
        words = ("not measured" if math.isnan(a) else f"{100 * a:.1f} % right" for a in accuracies)
        return "labels predicted by {} (voices {}, faces {})".format(self.predictor.name, *words)

    def _attribute(self, voice: EmbeddingTable, face: EmbeddingTable) -> str:
        names = [GENDER] if self.predictor is None else [GENDER, PREDICTED + GENDER]
        for name in names:
            if any(voice.attribute(name)) and any(face.attribute(name)):
                return name
        raise UndefinedScoresError(
            "no gender labels" if self.predictor is None else "no gender labels, neither given nor predicted"
        )
