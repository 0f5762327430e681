"""Protocol "retrieval": search a gallery; how far up is the right face?

Needs two tables in one space. The gallery is everything in the other table that is positive or an allowed negative;
what is neither (the same video, other clips of the person in a paired corpus) is taken out for each probe. Recall and
rank depend on the size of the gallery, so chance is computed exactly for this one. `matching` does not depend on it.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("retrieval").measure_names
    ['map', 'recall_at_1', 'recall_at_5', 'recall_at_10', 'median_rank']
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction, RetrievalTrials
from visavox.errors import ConfigError, DataError
from visavox.evaluation.contest import Contest, build_contest, sides
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.scoring import Scorer, dot_product
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.retrieval import RetrievalMeasures, retrieval_measures
from visavox.metrics.standings import Standings, find_standings
from visavox.registry import PROTOCOLS

MAX_CURVE_K = 50  # length of the recall curve


@PROTOCOLS.register("retrieval")
class Retrieval:
    """mAP, recall at k and median rank with 95 % intervals over people.

    Args:
        ks: lengths of the list for the recall, each at least 1.
        n_resamples: resamples of people behind the intervals, at least 1.
    """

    def __init__(self, ks: Sequence[int] = (1, 5, 10), n_resamples: int = 1000) -> None:
        """Store the settings.

        Raises:
            ConfigError: no k, or a k below 1.
        """
        if not ks or min(ks) < 1:
            raise ConfigError(f"`ks` must be numbers from 1. Got {list(ks)}.")
        self.ks = ks
        self.n_resamples = n_resamples

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures."""
        return ["map", *(f"recall_at_{k}" for k in self.ks), "median_rank"]

    def evaluate(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        *,
        direction: Direction,
        rng: np.random.Generator,
        trials: RetrievalTrials | None = None,
        scorer: Scorer = dot_product,
    ) -> ProtocolResult:
        """Return the measures and the recall curve over the full gallery.

        Args:
            voice: voices in the common space.
            face: faces in the common space.
            direction: the probes' modality first.
            rng: draws the people of the resamples; the same seed pairs two models.
            trials: probes and gallery to use instead of the whole tables; what is of the probe's person is then
                positive, whatever its clip.
            scorer: makes scores from tables.

        Raises:
            DataError: tables or trials that do not fit together.
        """
        if trials is not None:
            voice, face = listed_tables(voice, face, trials, direction=direction)
        contest = build_contest(voice, face, direction=direction, scorer=scorer, by_person=trials is not None)
        findings = Findings("retrieval", direction)
        group = contest.groups[0]
        if group.note:
            findings.add_undefined(group.name, dict.fromkeys(self.measure_names, float("nan")), group.note)
            return findings.result()
        counts = resample_people(contest.n_people, n_resamples=self.n_resamples, rng=rng)
        standings, constant = (
            find_standings(
                scores,
                contest.positives,
                group.negatives,
                gallery_people=contest.gallery_people,
                n_people=contest.n_people,
            )
            for scores in (contest.scores, np.zeros_like(contest.scores))
        )
        value = retrieval_measures(standings, contest.probe_people, ks=self.ks)
        chance = retrieval_measures(constant, contest.probe_people, ks=self.ks)
        resampled = retrieval_measures(standings, contest.probe_people, ks=self.ks, counts=counts)
        probes_used = np.unique(standings.probes)
        for name, one, spread, level in zip(self.measure_names, *map(_rows, (value, resampled, chance)), strict=True):
            findings.add(
                group.name,
                name,
                float(one),
                spread,
                chance=float(level),
                count=len(probes_used),
                n_people=len(np.unique(contest.probe_people[probes_used])),
                bounds=(1.0, float(len(contest.gallery_keys))) if name == "median_rank" else (0.0, 1.0),
            )
        _draw_recall(findings, group.name, standings, contest)
        return findings.result()


def listed_tables(
    voice: EmbeddingTable, face: EmbeddingTable, trials: RetrievalTrials, *, direction: Direction
) -> tuple[EmbeddingTable, EmbeddingTable]:
    """Return the voices and the faces that a list names, in the order of the list.

    Raises:
        DataError: the list is for the other direction, or names a clip that its table does not hold.
    """
    if trials.direction != direction:
        raise DataError(f"The list is for {trials.direction}. Got the direction {direction}. Use the other list.")
    probes, gallery = sides(voice, face, direction=direction)
    rows, columns = trials.rows(voice, face)
    wanted = probes.select(rows), gallery.select(columns)
    return wanted if direction == "voice_to_face" else wanted[::-1]


def _draw_recall(findings: Findings, group: str, standings: Standings, contest: Contest) -> None:
    ks = range(1, min(MAX_CURVE_K, len(contest.gallery_keys)) + 1)
    recall = retrieval_measures(standings, contest.probe_people, ks=ks).recall
    findings.draw("recall_at_k", group, np.array(ks), recall, ("k", "probes found among the first k"))


def _rows(measures: RetrievalMeasures) -> list[NDArray[np.float64]]:
    """The measures in the order of `Retrieval.measure_names`."""
    return [measures.mean_average_precision, *measures.recall, measures.median_rank]
