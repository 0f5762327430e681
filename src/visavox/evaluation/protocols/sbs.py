"""Protocol "sbs": the side-by-side test of FaceTones. A voice asks, and two faces of one batch compete.

The pairs of one clip are taken in the order of the voice table, 50 a batch. Within a batch a voice v_i scores the share
of the other faces that its own face beats, strictly:

    score_i = 1 / (N - 1) * sum over j != i of 1{cos(p_i, v_i) > cos(p_j, v_i)}

and the accuracy is the mean of score_i over the items of all batches. It differs from `matching`: negatives come from
the own batch alone, a tie is a defeat, every clip counts the same, and nobody is left out for being of the same person
or video. A last batch of one pair has nobody to compete with and is left out.

Source: FaceTones, eval/eval_sbs_all.py (batches of 50 of 500 validation pairs, 24,500 comparisons).

Example:
    >>> batch_scores(np.array([[0.9, 0.1, 0.9], [0.3, 0.2, 0.1], [0.0, 0.0, 0.5]])).tolist()  # voices x faces
    [0.5, 0.5, 1.0]
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.pairing import match_clips
from visavox.corpus.trials import Direction
from visavox.errors import ConfigError, DataError
from visavox.evaluation.contest import people_codes
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProbeOutcome, ProtocolResult
from visavox.evaluation.scoring import Scorer, UndefinedScoresError, dot_product, probe_scores
from visavox.metrics.bootstrap import resample_people
from visavox.registry import PROTOCOLS

MEASURES = {
    "accuracy_side_by_side": 0.5,
    "median_accuracy": 0.5,
    "variance_of_accuracy": float("nan"),
    "true_similarity": float("nan"),
    "false_similarity": float("nan"),
    "hardest_false_similarity": float("nan"),
}
"""Name of each measure and its chance level."""
STRICT = "a tie counts as wrong, so that constant scores give 0; chance is that of random scores"
BOUNDS = {"variance_of_accuracy": (0.0, 0.25)}


@PROTOCOLS.register("sbs")
class Sbs:
    """FaceTones' side-by-side test with 95 % intervals over people.

    Args:
        batch_size: pairs a batch, at least 2; 50 as published.
        n_resamples: resamples of people behind the intervals, at least 1.
    """

    def __init__(self, batch_size: int = 50, n_resamples: int = 1000) -> None:
        """Store the settings.

        Raises:
            ConfigError: `batch_size` below 2.
        """
        if batch_size < 2:
            raise ConfigError(f"`batch_size` must be at least 2. Got {batch_size}. One face has no rival.")
        self.batch_size = batch_size
        self.n_resamples = n_resamples

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures."""
        return list(MEASURES)

    def evaluate(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        *,
        direction: Direction = "voice_to_face",
        rng: np.random.Generator,
        scorer: Scorer = dot_product,
    ) -> ProtocolResult:
        """Return accuracy, median and variance of the items' scores, mean similarities, and each item's outcome.

        Args:
            voice: voices in the common space.
            face: faces in the common space.
            direction: the voice is the query, whatever else a model can do.
            rng: draws the people of the resamples; the same seed pairs two models.
            scorer: makes scores from tables.

        Raises:
            ConfigError: the direction is not "voice_to_face".
            DataError: no voice and face of one clip or person, or a score that is NaN.
        """
        if direction != "voice_to_face":
            raise ConfigError(f"In the side-by-side test the voice is the query. Got {direction!r}. Use `matching`.")
        rows, columns = match_clips(voice, face)
        rows, columns = _first_faces(rows, columns)
        findings = Findings("sbs", direction)
        if len(rows) < 2:
            findings.add_undefined("all", MEASURES, "two pairs are needed")
            return findings.result()
        batches = []
        for start in range(0, len(rows), self.batch_size):
            part = slice(start, start + self.batch_size)
            if len(rows[part]) > 1:
                batches.append(_Batch(voice.select(rows[part]), face.select(columns[part])))
        try:
            matrices = [probe_scores(b.voice, b.face, direction=direction, scorer=scorer) for b in batches]
        except UndefinedScoresError as reason:
            findings.add_undefined("all", MEASURES, str(reason))
            return findings.result()
        n_nan = sum(int(np.isnan(matrix).sum()) for matrix in matrices)
        if n_nan:
            raise DataError(f"Scores must not be NaN. Got {n_nan}. Remove the broken embeddings.")
        self._measure(findings, batches, matrices, rng)
        outcomes = [row for b, matrix in zip(batches, matrices, strict=True) for row in _outcomes(b, matrix)]
        return findings.result(outcomes)

    def _measure(
        self,
        findings: Findings,
        batches: list[_Batch],
        matrices: list[NDArray[np.floating]],
        rng: np.random.Generator,
    ) -> None:
        people, _, n_people = people_codes([p for b in batches for p in b.voice.identities], [])
        counts = resample_people(n_people, n_resamples=self.n_resamples, rng=rng)
        own = np.concatenate([np.diag(matrix) for matrix in matrices])
        false = [matrix[~np.eye(len(matrix), dtype=bool)].reshape(len(matrix), -1) for matrix in matrices]
        columns = {
            "accuracy_side_by_side": np.concatenate([batch_scores(matrix) for matrix in matrices]),
            "true_similarity": own,
            "false_similarity": np.concatenate([rivals.mean(axis=1) for rivals in false]),
            "hardest_false_similarity": np.concatenate([rivals.max(axis=1) for rivals in false]),
        }
        accuracy = columns["accuracy_side_by_side"]
        copies = counts[:, people].astype(np.float64)  # (n_resamples, n_items)
        resampled = {name: copies @ values / copies.sum(axis=1) for name, values in columns.items()}
        resampled["variance_of_accuracy"] = (
            copies @ accuracy**2 / copies.sum(axis=1) - resampled["accuracy_side_by_side"] ** 2
        )
        resampled["median_accuracy"] = np.array([np.median(np.repeat(accuracy, row[people])) for row in counts])
        values = {name: float(column.mean()) for name, column in columns.items()}
        values |= {"variance_of_accuracy": float(accuracy.var()), "median_accuracy": float(np.median(accuracy))}
        for name, chance in MEASURES.items():
            findings.add(
                "all",
                name,
                values[name],
                resampled[name],
                chance=chance,
                count=len(accuracy),
                n_people=n_people,
                bounds=BOUNDS.get(name, (-1.0, 1.0) if "similarity" in name else (0.0, 1.0)),
                note=STRICT if name == "accuracy_side_by_side" else "",
            )


@dataclass(frozen=True)
class _Batch:
    """The pairs of one batch, row by row."""

    voice: EmbeddingTable
    face: EmbeddingTable


def batch_scores(similarity: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return for each voice of a batch the share of the other faces that its own face beats, strictly.

    Args:
        similarity: (n, n) float, voices in the rows; the own face is on the diagonal.

    Returns:
        (n,) float64, 0 to 1; constant scores give 0.

    Raises:
        DataError: not a square of at least two pairs.
    """
    scores = np.asarray(similarity)
    if scores.ndim != 2 or scores.shape[0] != scores.shape[1] or len(scores) < 2:
        raise DataError(f"A batch needs a square of at least 2 voices x 2 faces. Got {scores.shape}.")
    return np.asarray((np.diag(scores)[:, np.newaxis] > scores).sum(axis=1) / (len(scores) - 1))


def _first_faces(rows: NDArray[np.intp], columns: NDArray[np.intp]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Keep one face a voice, and every face once, so that each item is a pair as in the published set."""
    kept = np.sort(np.unique(rows, return_index=True)[1])
    kept = kept[np.sort(np.unique(columns[kept], return_index=True)[1])]
    return rows[kept], columns[kept]


def _outcomes(batch: _Batch, matrix: NDArray[np.floating]) -> list[ProbeOutcome]:
    rivals = np.where(np.eye(len(matrix), dtype=bool), -np.inf, matrix)
    hardest, beaten = rivals.argmax(axis=1), batch_scores(matrix)
    return [
        ProbeOutcome(
            probe=batch.voice.keys[i],
            positive=batch.face.keys[i],
            hardest_negative=batch.face.keys[hardest[i]],
            positive_score=float(matrix[i, i]),
            negative_score=float(rivals[i, hardest[i]]),
            share_beaten=float(beaten[i]),
        )
        for i in range(len(matrix))
    ]
