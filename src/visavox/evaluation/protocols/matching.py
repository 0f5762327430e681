"""Protocol "matching": point at the right face among N, over all pairs or over a list.

Needs two tables in one space; gender labels only for the group "same_gender". 1:2 accuracy is over all pairs with the
project's weighting, 1:N is exact (`visavox.metrics.matching`). It is the first figure to look at: easy to explain, and
independent of the size of the gallery. `verification` asks for one threshold for everybody, `retrieval` for the top of
a long list.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build({"name": "matching", "max_candidates": 4}).measure_names
    ['accuracy_1_of_2', 'accuracy_1_of_3', 'accuracy_1_of_4']
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction, MatchingTrials
from visavox.errors import ConfigError, DataError
from visavox.evaluation.contest import Contest, Group, build_contest, people_codes, sides
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProbeOutcome, ProtocolResult
from visavox.evaluation.scoring import Scorer, UndefinedScoresError, dot_product, listed_scores
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.matching import listed_accuracy, matching_accuracy
from visavox.metrics.standings import RESAMPLE_CELLS, Standings, find_standings
from visavox.metrics.weighting import mean_over_people, mean_over_probes
from visavox.registry import PROTOCOLS


@PROTOCOLS.register("matching")
class Matching:
    """1:N matching with 95 % intervals over people.

    Args:
        max_candidates: largest N of the 1:N curve, at least 2.
        n_resamples: resamples of people behind the intervals, at least 1.
    """

    def __init__(self, max_candidates: int = 10, n_resamples: int = 1000) -> None:
        """Store the settings.

        Raises:
            ConfigError: `max_candidates` below 2.
        """
        if max_candidates < 2:
            raise ConfigError(f"`max_candidates` must be at least 2. Got {max_candidates}. One candidate is no choice.")
        self.max_candidates = max_candidates
        self.n_resamples = n_resamples

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures over all pairs, N from 2."""
        return [f"accuracy_1_of_{n}" for n in range(2, self.max_candidates + 1)]

    def evaluate(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        *,
        direction: Direction,
        rng: np.random.Generator,
        trials: MatchingTrials | None = None,
        scorer: Scorer = dot_product,
    ) -> ProtocolResult:
        """Return accuracies, the 1:N curve and the outcome of each probe.

        Args:
            voice: voices in the common space.
            face: faces in the common space.
            direction: the probes' modality first.
            rng: draws the people of the resamples; the same seed pairs two models.
            trials: a list to use instead of all pairs; gives `accuracy_1_of_N`, people first, and
                `accuracy_1_of_N_by_trial`, the plain mean of published list results.
            scorer: makes scores from tables.

        Raises:
            DataError: tables or trials that do not fit together.
        """
        if trials is not None:
            return self._listed(voice, face, trials, direction=direction, rng=rng, scorer=scorer)
        contest = build_contest(voice, face, direction=direction, scorer=scorer)
        counts = resample_people(contest.n_people, n_resamples=self.n_resamples, rng=rng)
        findings = Findings("matching", direction)
        outcomes: list[ProbeOutcome] = []
        for group in contest.groups:
            if group.note:
                chances = {name: 1 / n for n, name in enumerate(self.measure_names, start=2)}
                findings.add_undefined(group.name, chances, group.note)
                continue
            standings = find_standings(
                contest.scores,
                contest.positives,
                group.negatives,
                gallery_people=contest.gallery_people,
                n_people=contest.n_people,
            )
            self._measure(findings, contest, group.name, standings, counts)
            if group.name == "all":
                outcomes = probe_outcomes(contest, group, standings)
        return findings.result(outcomes)

    def _measure(
        self, findings: Findings, contest: Contest, group: str, standings: Standings, counts: NDArray[np.integer]
    ) -> None:
        sizes = range(2, self.max_candidates + 1)
        values = matching_accuracy(standings, contest.probe_people, n_candidates=sizes)
        resampled = matching_accuracy(standings, contest.probe_people, n_candidates=sizes, counts=counts)
        n_negatives = standings.total().negatives
        for place, n in enumerate(sizes):
            able = np.unique(standings.probes[n_negatives >= n - 1])
            findings.add(
                group,
                f"accuracy_1_of_{n}",
                float(values[place]),
                resampled[place],
                chance=1 / n,
                count=len(able),
                n_people=len(np.unique(contest.probe_people[able])),
                note="" if len(able) else f"no probe has {n - 1} allowed negatives",
            )
        defined = ~np.isnan(values)
        if defined.any():
            labels = ("number of candidates", "accuracy")
            findings.draw("one_of_n", group, np.array(sizes)[defined], values[defined], labels)

    def _listed(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        trials: MatchingTrials,
        *,
        direction: Direction,
        rng: np.random.Generator,
        scorer: Scorer,
    ) -> ProtocolResult:
        probe_table, other = sides(voice, face, direction=direction)
        if trials.direction != direction:
            raise DataError(f"The list is for {trials.direction}. Got the direction {direction}. Use the other list.")
        findings = Findings("matching", direction)
        n = max(2, trials.n_candidates)
        names = (f"accuracy_1_of_{n}", f"accuracy_1_of_{n}_by_trial")
        if not trials.probes:
            findings.add_undefined(trials.group, dict.fromkeys(names, 1 / n), "the list holds no trial")
            return findings.result()
        probes, candidates = trials.rows(voice, face)
        try:
            scores = listed_scores(voice, face, probes, candidates, direction=direction, scorer=scorer)
        except UndefinedScoresError as reason:
            findings.add_undefined(trials.group, dict.fromkeys(names, 1 / n), str(reason))
            return findings.result()
        probe_people, other_people, n_people = people_codes(probe_table.identities, other.identities)
        people = probe_people[probes]
        rivals = other_people[candidates[:, 1]] if n == 2 else None
        outcomes = listed_accuracy(scores)
        counts = resample_people(n_people, n_resamples=self.n_resamples, rng=rng)
        by_person, by_trial = listed_resamples(outcomes, people, rivals, probes, counts)
        values = float(mean_over_people(outcomes, people, probes=probes)), float(mean_over_probes(outcomes, people))
        seen = len(outcomes), len(np.unique(people))
        for name, value, resampled in zip(names, values, (by_person, by_trial), strict=True):
            findings.add(trials.group, name, value, resampled, chance=1 / n, count=seen[0], n_people=seen[1])
        return findings.result()


def listed_resamples(
    outcomes: NDArray[np.float64],
    people: NDArray[np.integer],
    rivals: NDArray[np.integer] | None,
    probes: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the accuracy of a list on each resample, people first and as the plain mean over trials.

    In a list of two candidates a trial weighs the copies of the probe's person times those of the negative's person.
    In longer lists only the probe's people are resampled: a trial of ten candidates would hardly ever have all its
    people drawn; such intervals are a little too narrow.

    Args:
        outcomes: (n_trials,) float64, chance that the positive is chosen.
        people: (n_trials,) int from 0, person of each probe.
        rivals: (n_trials,) int from 0, person of the one negative; None: more than one.
        probes: (n_trials,) int, row of each probe.
        counts: (n_resamples, n_people) int from 0.

    Returns:
        Two arrays (n_resamples,) float64.
    """
    by_person, by_trial = np.empty(len(counts)), np.empty(len(counts))
    size = max(1, RESAMPLE_CELLS // len(outcomes))
    for start in range(0, len(counts), size):
        block = counts[start : start + size]
        rows = slice(start, start + len(block))
        weights = np.ones((len(block), len(outcomes))) if rivals is None else block[:, rivals].astype(np.float64)
        by_person[rows] = mean_over_people(outcomes, people, probes=probes, counts=block, weights=weights)
        mass = weights * block[:, people]
        total = mass.sum(axis=1)
        by_trial[rows] = np.divide(mass @ outcomes, total, out=np.full(len(block), np.nan), where=total > 0)
    return by_person, by_trial


def probe_outcomes(contest: Contest, group: Group, standings: Standings) -> list[ProbeOutcome]:
    """Return how each probe fared against its hardest negative, in the order of the probes.

    Args:
        contest: scores (n_probes, n_gallery) and keys.
        group: the negatives that count.
        standings: where each positive stands among them.
    """
    totals = standings.total()
    share = (totals.below + totals.tied / 2) / totals.negatives
    wrong = np.where(group.negatives, contest.scores, -np.inf)
    hardest = wrong.argmax(axis=1)
    rows = []
    for probe, first, n_trials in zip(*np.unique(standings.probes, return_index=True, return_counts=True), strict=True):
        trials = np.arange(first, first + n_trials)
        positives = standings.positives[trials]
        best = positives[contest.scores[probe, positives].argmax()]
        rows.append(
            ProbeOutcome(
                probe=contest.probe_keys[probe],
                positive=contest.gallery_keys[best],
                hardest_negative=contest.gallery_keys[hardest[probe]],
                positive_score=float(contest.scores[probe, best]),
                negative_score=float(wrong[probe, hardest[probe]]),
                share_beaten=float(share[trials].mean()),
            )
        )
    return rows
