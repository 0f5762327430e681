"""What is known of the people of two tables besides their vectors: gender, nationality, age band, language.

`labels` gives one value a row, taken from elsewhere of the same person where the row has none; ages become bands of
ten years. `AttributeAlone` is a scorer that knows one attribute, or several, and nothing else.

Example:
    >>> def table(modality, ages):
    ...     names = tuple("abc")
    ...     keys = tuple(f"{name}/{modality}" for name in names)
    ...     return EmbeddingTable(modality, "e", keys, names, names, (None,) * 3, {"age": ages}, np.ones((3, 1)))
    >>> AttributeAlone(("age",))(table("voice", ("31", None, "58")), table("face", ("39", "40", None))).tolist()
    [[1.0, 0.0, 0.5], [0.5, 0.5, 0.5], [0.0, 0.0, 0.5]]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trial_strata import ATTRIBUTES, age_band
from visavox.evaluation.contest import PREDICTED, known_labels
from visavox.evaluation.scoring import UndefinedScoresError

WORDS = {"age": "age band"}
AGE = "age"


def attribute_words(name: str) -> str:
    """Return how a table calls an attribute: "age band" for "age"."""
    return WORDS.get(name, name)


def labels(table: EmbeddingTable, other: EmbeddingTable, name: str) -> list[str | None]:
    """Return an attribute for each row, from the same person's other rows where it has none; ages as bands.

    Args:
        table: the table whose rows are labelled.
        other: the table of the other modality.
        name: one of `ATTRIBUTES`.
    """
    return _banded(name, known_labels(table, other, name))


def labelled_attributes(voice: EmbeddingTable, face: EmbeddingTable) -> tuple[str, ...]:
    """Return the attributes that somebody in both tables has, in the order of `ATTRIBUTES`."""
    return tuple(name for name in ATTRIBUTES if any(labels(voice, face, name)) and any(labels(face, voice, name)))


def label_notes(voice: EmbeddingTable, face: EmbeddingTable) -> list[str]:
    """Return footnotes: which attributes nobody labelled, and which are a predictor's guess."""
    known = labelled_attributes(voice, face)
    guessed = [name for name in known if not any((*voice.attribute(name), *face.attribute(name)))]
    missing = [attribute_words(name) for name in ATTRIBUTES if name not in known]
    notes = [f"{attribute_words(name).capitalize()} is predicted here, not given." for name in guessed]
    return notes + ([f"No labels on these people: {', '.join(missing)}."] if missing else [])


def same_label(first: list[str | None], second: list[str | None]) -> NDArray[np.bool_]:
    """Return (n_first, n_second) bool: both labels are known and equal."""
    names = {name: code for code, name in enumerate(dict.fromkeys((*first, *second)))}
    rows, columns = (
        np.array([names[name] if name else -1 for name in side], dtype=np.int64) for side in (first, second)
    )
    return np.asarray((rows[:, np.newaxis] == columns) & (rows[:, np.newaxis] >= 0))


@dataclass(frozen=True)
class AttributeAlone:
    """Scorer that knows some attributes of voice and face: the mean over them of agreement.

    Each attribute counts 1 where it agrees, 0 where it differs, 0.5 where it is unknown on one side. Labels are those
    of the row itself, given or else predicted: a voice's label is never copied from its face.
    """

    names: tuple[str, ...]
    """Attributes, at least one."""

    def __call__(self, voice: EmbeddingTable, face: EmbeddingTable) -> NDArray[np.float64]:
        """Return the mean agreement of every voice and face.

        Returns:
            (n_voices, n_faces) float64, 0 to 1.

        Raises:
            UndefinedScoresError: an attribute has no label on one side.
        """
        total = np.zeros((len(voice), len(face)))
        for name in self.names:
            first, second = _own_labels(voice, face, name)
            unknown = np.array([not label for label in first])[:, np.newaxis] | [not label for label in second]
            total += np.where(unknown, 0.5, same_label(first, second))
        return total / len(self.names)


def _own_labels(voice: EmbeddingTable, face: EmbeddingTable, name: str) -> tuple[list[str | None], list[str | None]]:
    for attribute in (name, PREDICTED + name):
        first, second = (_banded(name, list(table.attribute(attribute))) for table in (voice, face))
        if any(first) and any(second):
            return first, second
    raise UndefinedScoresError(f"no {name} labels on both sides")


def _banded(name: str, found: list[str | None]) -> list[str | None]:
    return [age_band(label) if label else None for label in found] if name == AGE else found
