"""Protocol "verification": is this voice of this face? One threshold for everybody.

Needs two tables in one space; gender labels only for the group "same_gender". Pairs are pooled: all true pairs against
all allowed false ones, or, in tables of more than `max_pairs` pairs, against `n_negatives` random ones a probe. With
all pairs both directions ask the same question and agree. `matching` compares within a probe and needs no common
threshold.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("verification").measure_names
    ['auc', 'eer', 'min_dcf_0.01', 'min_dcf_0.05']
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trials import Direction, VerificationTrials
from visavox.errors import DataError
from visavox.evaluation.contest import build_contest, people_codes, sides
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.scoring import Scorer, UndefinedScoresError, dot_product, listed_scores
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.roc import Roc
from visavox.metrics.roc_resampling import resampled_roc, resampled_roc_of_list
from visavox.registry import PROTOCOLS

TARGET_PRIORS = (0.01, 0.05)
CHANCES = {"auc": 0.5, "eer": 0.5, **{f"min_dcf_{prior:g}": 1.0 for prior in TARGET_PRIORS}}
N_CURVE_POINTS = 200  # drawn points of a ROC curve: smooth on a screen, a few kilobytes in a report
N_BINS = 40  # bars of a score histogram

Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class ScoredPairs:
    """The pairs of one group, and how to draw their curve on resamples of people.

    Attributes:
        true_scores: (n_true,) float.
        false_scores: (n_false,) float.
        n_people: people among the probes of true pairs.
        curves: from copies of each person, (n_resamples, n_people) int, to that many curves.
    """

    true_scores: NDArray[np.floating]
    false_scores: NDArray[np.floating]
    n_people: int
    curves: Callable[[NDArray[np.integer]], Roc]


@PROTOCOLS.register("verification")
class Verification:
    """AUC, equal error rate and minimum detection cost with 95 % intervals over people.

    Args:
        n_resamples: resamples of people behind the intervals, at least 1. Fewer than for matching, because a curve
            over a million pairs is drawn for each.
        max_pairs: size of the score matrix up to which all false pairs are used.
        n_negatives: false pairs a probe beyond that size, at least 1.
    """

    def __init__(self, n_resamples: int = 400, max_pairs: int = 4_000_000, n_negatives: int = 20) -> None:
        """Store the settings."""
        self.n_resamples = n_resamples
        self.max_pairs = max_pairs
        self.n_negatives = n_negatives

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures."""
        return list(CHANCES)

    def evaluate(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        *,
        direction: Direction,
        rng: np.random.Generator,
        trials: VerificationTrials | None = None,
        scorer: Scorer = dot_product,
    ) -> ProtocolResult:
        """Return the measures, ROC and DET curves and the histograms of true and false scores.

        Args:
            voice: voices in the common space.
            face: faces in the common space.
            direction: the probes' modality first.
            rng: draws the people of the resamples, and false pairs of large tables; the same seed pairs two models.
            trials: a list of pairs to use instead.
            scorer: makes scores from tables.

        Raises:
            DataError: tables or trials that do not fit together.
        """
        if trials is not None:
            return self._listed(voice, face, trials, direction=direction, rng=rng, scorer=scorer)
        contest = build_contest(voice, face, direction=direction, scorer=scorer)
        counts = resample_people(contest.n_people, n_resamples=self.n_resamples, rng=rng)
        findings = Findings("verification", direction)
        for group in contest.groups:
            if group.note:
                findings.add_undefined(group.name, CHANCES, group.note)
                continue
            negatives = group.negatives
            if negatives.size > self.max_pairs:
                negatives = some_of_each_row(negatives, self.n_negatives, rng)
            # A probe without negatives in this group is no part of the question.
            positives = contest.positives & negatives.any(axis=1, keepdims=True)
            pairs = ScoredPairs(
                true_scores=contest.scores[positives],
                false_scores=contest.scores[negatives],
                n_people=len(np.unique(contest.probe_people[positives.any(axis=1)])),
                curves=partial(
                    _contest_curves, contest.scores, positives, negatives, contest.probe_people, contest.gallery_people
                ),
            )
            _measure(findings, group.name, pairs, counts)
        return findings.result()

    def _listed(
        self,
        voice: EmbeddingTable,
        face: EmbeddingTable,
        trials: VerificationTrials,
        *,
        direction: Direction,
        rng: np.random.Generator,
        scorer: Scorer,
    ) -> ProtocolResult:
        probe_table, other = sides(voice, face, direction=direction)
        if trials.direction != direction:
            raise DataError(f"The list is for {trials.direction}. Got the direction {direction}. Use the other list.")
        findings = Findings("verification", direction)
        labels = np.array(trials.labels, dtype=bool)
        if labels.all() or not labels.any():
            findings.add_undefined(trials.group, CHANCES, "the list needs true and false pairs")
            return findings.result()
        probes, candidates = trials.rows(voice, face)
        try:
            scores = listed_scores(voice, face, probes, candidates[:, np.newaxis], direction=direction, scorer=scorer)[
                :, 0
            ]
        except UndefinedScoresError as reason:
            findings.add_undefined(trials.group, CHANCES, str(reason))
            return findings.result()
        probe_people, other_people, n_people = people_codes(probe_table.identities, other.identities)
        first, second = probe_people[probes], other_people[candidates]
        counts = resample_people(n_people, n_resamples=self.n_resamples, rng=rng)
        pairs = ScoredPairs(
            true_scores=scores[labels],
            false_scores=scores[~labels],
            n_people=len(np.unique(first)),
            curves=partial(_listed_curves, scores, labels, first, second),
        )
        _measure(findings, trials.group, pairs, counts)
        return findings.result()


def some_of_each_row(mask: Mask, n_wanted: int, rng: np.random.Generator) -> Mask:
    """Return a mask (n_rows, n_columns) bool with at most `n_wanted` random True of each row of `mask`.

    Args:
        mask: (n_rows, n_columns) bool.
        n_wanted: at least 1.
        rng: draws the columns, row by row.
    """
    chosen = np.zeros_like(mask)
    for row in range(len(mask)):
        columns = np.flatnonzero(mask[row])
        chosen[row, rng.permutation(columns)[:n_wanted]] = True
    return chosen


def _contest_curves(
    scores: NDArray[np.floating],
    positives: Mask,
    negatives: Mask,
    probe_people: NDArray[np.integer],
    gallery_people: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> Roc:
    return resampled_roc(
        scores, positives, negatives, probe_people=probe_people, gallery_people=gallery_people, counts=counts
    )


def _listed_curves(
    scores: NDArray[np.floating],
    labels: Mask,
    first: NDArray[np.integer],
    second: NDArray[np.integer],
    counts: NDArray[np.integer],
) -> Roc:
    return resampled_roc_of_list(scores, labels, probe_people=first, candidate_people=second, counts=counts)


def _measure(findings: Findings, group: str, pairs: ScoredPairs, counts: NDArray[np.integer]) -> None:
    """Add the four measures and the curves of a group."""
    once = pairs.curves(np.ones((1, counts.shape[1]), dtype=np.int64))
    resampled = pairs.curves(counts)
    values, spread = _figures(once), _figures(resampled)
    for name, chance in CHANCES.items():
        findings.add(
            group,
            name,
            float(values[name][0]),
            spread[name],
            chance=chance,
            count=len(pairs.true_scores) + len(pairs.false_scores),
            n_people=pairs.n_people,
        )
    false_match, miss = once.false_match_rate[0], once.miss_rate[0]
    kept = np.unique(np.linspace(0, len(miss) - 1, N_CURVE_POINTS).round().astype(int))
    findings.draw("roc", group, false_match[kept], 1.0 - miss[kept], ("false match rate", "true match rate"))
    findings.draw("det", group, false_match[kept], miss[kept], ("false match rate", "miss rate"))
    everything = np.concatenate([pairs.true_scores, pairs.false_scores])
    edges = np.histogram_bin_edges(everything, bins=N_BINS)
    for name, scores in (("histogram_positive", pairs.true_scores), ("histogram_negative", pairs.false_scores)):
        share = np.histogram(scores, bins=edges)[0] / len(scores)
        findings.draw(name, group, (edges[:-1] + edges[1:]) / 2, share, ("score", "share of pairs"))


def _figures(roc: Roc) -> dict[str, NDArray[np.float64]]:
    costs = {f"min_dcf_{prior:g}": roc.min_detection_cost(target_prior=prior) for prior in TARGET_PRIORS}
    return {"auc": roc.auc_score(), "eer": roc.equal_error_rate(), **costs}
