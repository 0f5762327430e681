"""What the protocols of published lists share: a list and vectors to measures with intervals.

A list fixes the trials, so that nothing is drawn but the people of the resamples. Definitions are the published ones:
accuracy is the share of lines (ties count as the chance to win them), verification pools its pairs, average precision
is the mean precision at the ranks of the hits, and nothing is left out of a ranking. Which protocol it is stands in
every measure: two protocols have other people, other files and other lists, and their numbers are not comparable. The
protocols themselves are files of `visavox.evaluation.protocols`.

Example:
    >>> from visavox.registry import PROTOCOLS
    >>> PROTOCOLS.build("sss").measure_names
    ['accuracy_1_of_N', 'auc', 'eer', 'min_dcf_0.01', 'min_dcf_0.05', 'map', 'recall_at_1', 'recall_at_5', 'recall_at_10', 'median_rank']
"""  # noqa: E501

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.published_lists.records import (
    NOBODY,
    AnyPublished,
    PublishedMatching,
    PublishedRetrieval,
    PublishedVerification,
)
from visavox.errors import ConfigError, DataError
from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProtocolResult
from visavox.metrics.bootstrap import resample_people
from visavox.metrics.gallery_ranking import (
    GalleryRanking,
    constant_ranking,
    joined,
    rank_gallery,
    ranking_measures,
)
from visavox.metrics.listed_roc import resampled_figures
from visavox.metrics.listed_scores import pair_scores, refuse_non_finite, resampled_mean
from visavox.metrics.matching import listed_accuracy
from visavox.metrics.retrieval import RetrievalMeasures
from visavox.metrics.roc import Roc, roc_from_scores

TARGET_PRIORS = (0.01, 0.05)
CHANCES = {"auc": 0.5, "eer": 0.5, **{f"min_dcf_{prior:g}": 1.0 for prior in TARGET_PRIORS}}
KS = (1, 5, 10)
RETRIEVAL = ("map", *(f"recall_at_{k}" for k in KS), "median_rank")
MAX_CURVE_K = 50  # length of the recall curve
N_CURVE_POINTS = 200  # drawn points of a ROC curve: smooth on a screen, a few kilobytes in a report
KEPT_LABELS = "the organisers keep the labels of this list: send them its file of scores"

Vectors = NDArray[np.floating]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class ListedResult:
    """What was found on one list, with the scores that a second model is paired with."""

    result: ProtocolResult
    group: str
    """Group of its measures."""
    scores: NDArray[np.float64] | None = None
    """(n,) of pairs, (n, n_candidates) of choices; None for a gallery."""
    labels: NDArray[np.bool_] | None = None
    """(n,) of pairs, True where they are of one person."""


class ListedProtocol:
    """A protocol whose trials are published; sub-classes say whose.

    Args:
        n_resamples: resamples of people behind the intervals, at least 1.
    """

    name: ClassVar[str] = ""
    """Registry name, which every measure carries."""
    about: ClassVar[str] = ""
    """One sentence for the report: whose people and lists these are."""

    def __init__(self, n_resamples: int = 1000) -> None:
        """Store the setting.

        Raises:
            ConfigError: below 1.
        """
        if n_resamples < 1:
            raise ConfigError(f"`n_resamples` must be at least 1. Got {n_resamples}.")
        self.n_resamples = n_resamples

    @property
    def measure_names(self) -> list[str]:
        """Names of the measures over all kinds of list."""
        return ["accuracy_1_of_N", *CHANCES, *RETRIEVAL]

    def evaluate(
        self, record: AnyPublished, probes: Vectors, candidates: Vectors, *, group: str, rng: np.random.Generator
    ) -> ListedResult:
        """Return the measures of one list.

        Args:
            record: the list.
            probes: (len(probe_names), dim) float; the score of a pair is the dot product.
            candidates: (len(candidate_names), dim) float, for a retrieval list the gallery.
            group: under which the measures are filed (`group_names`).
            rng: draws the people of the resamples; the same seed pairs two models.

        Raises:
            DataError: vectors that do not fit the list, a score that is not finite, a probe that cannot be found.
        """
        others = record.gallery_names if isinstance(record, PublishedRetrieval) else record.candidate_names
        for vectors, names, what in ((probes, record.probe_names, "probe"), (candidates, others, "candidate")):
            if len(vectors) != len(names):
                raise DataError(f"{record.name}: every {what} needs a vector. Got {len(vectors)} for {len(names)}.")
        findings = Findings(self.name, record.direction)
        if isinstance(record, PublishedMatching):
            return _matching(findings, record, probes, candidates, group, self._counts(record, rng))
        if isinstance(record, PublishedVerification):
            return _verification(findings, record, probes, candidates, group, self._counts(record, rng))
        return _retrieval(findings, record, probes, candidates, group, self._counts(record, rng))

    def _counts(self, record: AnyPublished, rng: np.random.Generator) -> NDArray[np.int32]:
        return resample_people(people_codes(record)[2], n_resamples=self.n_resamples, rng=rng)


def group_names(records: Sequence[AnyPublished]) -> list[str]:
    """Return under which group each list is filed: stratum, test set, and its own name where two would be one.

    Example:
        "same_gender" of match_g_v2f_2_test, "same_gender_validation" of match_g_v2f_2_val,
        "all_seen_heard" of veriflist_test_random_seenheard
    """
    names = []
    for record in records:
        is_validation = not record.condition and re.search(r"_val(\.head)?$", record.name) is not None
        condition = "validation" if is_validation else record.condition
        names.append("_".join(filter(None, (record.group, condition))))
    marks = [
        (type(record), record.direction, getattr(record, "n_candidates", 0), name)
        for record, name in zip(records, names, strict=True)
    ]
    return [
        f"{name} ({record.name})" if marks.count(mark) > 1 else name
        for record, name, mark in zip(records, names, marks, strict=True)
    ]


def people_codes(record: AnyPublished) -> tuple[Codes, Codes, int]:
    """Return the person of each probe and each candidate from 0, and how many there are.

    Somebody of whom the list does not say who it is counts as a person of his own.
    """
    others = record.gallery_people if isinstance(record, PublishedRetrieval) else record.candidate_people
    codes = np.concatenate([record.probe_people, others])
    unnamed = np.flatnonzero(codes == NOBODY)
    codes[unnamed] = codes.max(initial=0) + 1 + np.arange(len(unnamed))
    present, compact = np.unique(codes, return_inverse=True)
    return compact[: len(record.probe_people)], compact[len(record.probe_people) :], len(present)


def gender_vectors(record: AnyPublished) -> tuple[Vectors, Vectors] | None:
    """Return vectors of probes and candidates that know the gender alone; None where the list has no genders.

    Their dot product is 1 for one gender, 0 for two, one half where one is unknown.
    """
    genders = record.attributes.get("gender", ())
    if not any(genders):
        return None
    known = {"f": (1.0, 0.0), "m": (0.0, 1.0)}
    table = np.array([known.get(str(gender), (0.5, 0.5)) for gender in (*genders, None)])  # the last is NOBODY
    others = record.gallery_people if isinstance(record, PublishedRetrieval) else record.candidate_people
    return table[record.probe_people], table[others]


def _matching(
    findings: Findings,
    record: PublishedMatching,
    probes: Vectors,
    candidates: Vectors,
    group: str,
    counts: NDArray[np.int32],
) -> ListedResult:
    n = record.n_candidates
    scores = pair_scores(probes, candidates, record.probes, record.candidates)
    refuse_non_finite(scores, [record.probe_names[row] for row in record.probes], what=f"trial of {record.name} with")
    outcomes = listed_accuracy(scores)
    of_probe, of_candidate, _ = people_codes(record)
    people = of_probe[record.probes]
    rivals = of_candidate[record.candidates[:, 1]] if n == 2 else None
    findings.add(
        group,
        f"accuracy_1_of_{n}",
        float(outcomes.mean()),
        resampled_mean(outcomes, people, rivals=rivals, counts=counts),
        chance=1 / n,
        count=len(outcomes),
        n_people=len(np.unique(people)),
    )
    return ListedResult(findings.result(), group, scores)


def _verification(
    findings: Findings,
    record: PublishedVerification,
    probes: Vectors,
    candidates: Vectors,
    group: str,
    counts: NDArray[np.int32],
) -> ListedResult:
    scores = pair_scores(probes, candidates, record.probes, record.candidates)
    refuse_non_finite(scores, [record.probe_names[row] for row in record.probes], what=f"pair of {record.name} with")
    labels = record.labels
    if labels is None or labels.all() or not labels.any():
        findings.add_undefined(group, CHANCES, KEPT_LABELS if labels is None else "the list has one class only")
        return ListedResult(findings.result(), group, scores)
    of_probe, of_candidate, _ = people_codes(record)
    first, second = of_probe[record.probes], of_candidate[record.candidates]
    roc = roc_from_scores(scores, labels)
    values = _roc_figures(roc)
    spread = resampled_figures(scores, labels, first, second, counts=counts, figures=_roc_figures)
    for name, chance in CHANCES.items():
        n_people = len(np.unique(first))
        findings.add(
            group, name, float(values[name]), spread[name], chance=chance, count=len(scores), n_people=n_people
        )
    kept = np.unique(np.linspace(0, len(roc.miss_rate) - 1, N_CURVE_POINTS).round().astype(int))
    x, y = roc.false_match_rate[kept], roc.miss_rate[kept]
    findings.draw("roc", group, x, 1.0 - y, ("false match rate", "true match rate"))
    findings.draw("det", group, x, y, ("false match rate", "miss rate"))
    return ListedResult(findings.result(), group, scores, labels)


def _retrieval(
    findings: Findings,
    record: PublishedRetrieval,
    probes: Vectors,
    candidates: Vectors,
    group: str,
    counts: NDArray[np.int32],
) -> ListedResult:
    ranking, constant = _rankings(record, probes, candidates)
    people = people_codes(record)[0]
    value, chance = (_by_name(ranking_measures(found, people, ks=KS)) for found in (ranking, constant))
    spread = _by_name(ranking_measures(ranking, people, ks=KS, counts=counts))
    for name in RETRIEVAL:
        findings.add(
            group,
            name,
            float(value[name]),
            spread[name],
            chance=float(chance[name]),
            count=len(people),
            n_people=len(np.unique(people)),
            bounds=(1.0, float(ranking.n_gallery)) if name == "median_rank" else (0.0, 1.0),
        )
    ks = range(1, min(MAX_CURVE_K, ranking.n_gallery) + 1)
    recall = ranking_measures(ranking, people, ks=ks).recall
    findings.draw("recall_at_k", group, np.array(ks), recall, ("k", "probes found among the first k"))
    return ListedResult(findings.result(), group)


def _rankings(
    record: PublishedRetrieval, probes: Vectors, candidates: Vectors
) -> tuple[GalleryRanking, GalleryRanking]:
    """The ranking by the vectors and that of constant scores; in each group of the list apart where it has some."""
    n_probes = len(record.probe_names)
    groups = np.zeros(n_probes + len(record.gallery_names), dtype=int) if record.groups is None else record.groups
    found, constant, order = [], [], []
    for one in np.unique(groups[:n_probes]):
        rows, columns = (np.flatnonzero(part == one) for part in (groups[:n_probes], groups[n_probes:]))
        people, others = record.probe_people[rows], record.gallery_people[columns]
        lost = np.flatnonzero(~np.isin(people, others))
        if lost.size:
            raise DataError(
                f"{record.path or record.name}: the gallery holds nothing of the person of the probe "
                f"{record.probe_names[rows[lost[0]]]!r}, nor of {lost.size - 1} more of {len(rows)}. Remove them."
            )
        found.append(rank_gallery(probes[rows], candidates[columns], probe_people=people, gallery_people=others))
        constant.append(constant_ranking(people, others))
        order.append(rows)
    back = np.argsort(np.concatenate(order))
    ranking, level = (joined(several) for several in (found, constant))
    return (ranking, level) if len(found) == 1 else (ranking.select(back), level.select(back))


def _roc_figures(roc: Roc) -> Mapping[str, NDArray[np.float64]]:
    costs = {f"min_dcf_{prior:g}": roc.min_detection_cost(target_prior=prior) for prior in TARGET_PRIORS}
    return {"auc": roc.auc_score(), "eer": roc.equal_error_rate(), **costs}


def _by_name(measures: RetrievalMeasures) -> dict[str, NDArray[np.float64]]:
    values = [measures.mean_average_precision, *measures.recall, measures.median_rank]
    return dict(zip(RETRIEVAL, values, strict=True))
