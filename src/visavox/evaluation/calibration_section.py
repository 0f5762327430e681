"""How far a model's confidence can be believed, and what is gained by answering only when sure.

Two questions on people left out of the fit: is this pair of one person (log likelihood ratios, Cllr), and which of two
is it (match probabilities, calibration error, abstention). Calibration is fitted on four folds of the tested people
and judged within the fifth, five times over.

Example:
    sections = calibration_sections(contest, seed=0, n_resamples=1000)
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from visavox.evaluation.calibration import fit_margin_scale
from visavox.evaluation.contest import Contest
from visavox.evaluation.measures import Curve
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.recording_alone import N_FOLDS, people_folds
from visavox.evaluation.wording import direction_words
from visavox.metrics.abstention import risk_coverage, risk_coverage_area
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.calibration import cllr, expected_calibration_error, min_cllr, reliability
from visavox.metrics.calibrators import fit_isotonic, fit_logistic

N_BINS = 15
COVERAGES = (1.0, 0.9, 0.75, 0.5, 0.25)
MAX_CURVE_POINTS = 100
MAX_FIT_NEGATIVES = 100_000  # false pairs behind a fitted map; more change nothing
MAX_FIT_CHOICES = 100_000
MIN_PEOPLE = 2 * N_FOLDS

Mask = NDArray[np.bool_]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """The pairs within folds of people, with what maps fitted on the other folds say of them.

    Attributes:
        rows: (n_pairs,) int64, probe of each pair.
        columns: (n_pairs,) int64, gallery item.
        truth: (n_pairs,) bool.
        scores: (n_pairs,) float64, of the model.
        logistic: (n_pairs,) float64, log likelihood ratios.
        isotonic: (n_pairs,) float64, log likelihood ratios.
        confidence: (n_choices,) float64, probability of the favoured of two candidates.
        right: (n_choices,) float64, whether it was right, 0.5 for a tie.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    truth: Mask
    scores: Floats
    logistic: Floats
    isotonic: Floats
    confidence: Floats
    right: Floats


def calibration_sections(
    contest: Contest, *, seed: int, n_resamples: int, match_scale: float | None = None
) -> tuple[Section, ...]:
    """Return the sections on calibration and on abstention.

    Args:
        contest: who competes with whom, scored by the model.
        seed: folds and resamples depend on this number alone.
        n_resamples: resamples of people behind the intervals of Cllr.
        match_scale: the model's own scale from similarities to match probabilities; None: fitted on the other folds.
    """
    direction = contest.direction
    if contest.n_people < MIN_PEOPLE:
        text = f"Undefined: it needs {MIN_PEOPLE} people or more to fit on some and judge on others."
        return (Section(f"Calibration, {direction_words(direction)}", text),)
    found = held_out_calibration(contest, seed=seed, match_scale=match_scale)
    if not found.truth.any() or found.truth.all() or not len(found.right):
        text = "Undefined: no true or no false pair within a fold of people."
        return (Section(f"Calibration, {direction_words(direction)}", text),)
    return (
        _calibration(contest, found, seed=seed, n_resamples=n_resamples, match_scale=match_scale),
        _abstention(contest, found),
    )


def held_out_calibration(contest: Contest, *, seed: int, match_scale: float | None = None) -> HeldOut:
    """Return what maps say of pairs of people that they were not fitted on; arguments as `calibration_sections`."""
    fold = people_folds(contest.n_people, seed)
    rng = np.random.default_rng([seed, 6])
    negatives = contest.groups[0].negatives
    of_probe, of_gallery = fold[contest.probe_people], fold[contest.gallery_people]
    parts: list[tuple[NDArray[Any], ...]] = []
    choices: list[tuple[Floats, Floats]] = []
    for held_out in range(N_FOLDS):
        inside = np.ix_(of_probe == held_out, of_gallery == held_out)
        seen = np.ix_(of_probe != held_out, of_gallery != held_out)
        true, false = (contest.scores[seen][mask[seen]] for mask in (contest.positives, negatives))
        if len(false) > MAX_FIT_NEGATIVES:
            false = rng.choice(false, MAX_FIT_NEGATIVES, replace=False)
        if not len(true) or not len(false):
            continue
        scores, labels = np.concatenate([true, false]), np.repeat([True, False], [len(true), len(false)])
        maps = fit_logistic(scores, labels), fit_isotonic(scores, labels)
        used = contest.positives[inside] | negatives[inside]
        near, far = np.nonzero(used)
        judged = contest.scores[inside][used].astype(np.float64)
        rows, columns = np.flatnonzero(of_probe == held_out)[near], np.flatnonzero(of_gallery == held_out)[far]
        ratios = (calibrator.log_likelihood_ratio(judged) for calibrator in maps)
        parts.append((rows, columns, contest.positives[rows, columns], judged, *ratios))
        scale = _match_scale(contest.scores[seen], contest.positives[seen], negatives[seen])
        scale = scale if match_scale is None else match_scale
        _, margin = _margins(contest.scores[inside], contest.positives[inside], negatives[inside])
        choices.append((expit(scale * np.abs(margin)), (margin > 0) + 0.5 * (margin == 0)))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 6
    confidence, right = (np.concatenate(c) for c in zip(*choices, strict=True)) if choices else (np.empty(0),) * 2
    rows, columns = (column.astype(np.int64) for column in joined[:2])
    scores, logistic, isotonic = (column.astype(np.float64) for column in joined[3:])
    truth = joined[2].astype(np.bool_)
    return HeldOut(rows, columns, truth, scores, logistic, isotonic, confidence, right)


def _margins(scores: NDArray[np.floating], positives: Mask, negatives: Mask) -> tuple[NDArray[np.int64], Floats]:
    """Each probe with each of its negatives: row, and score of its first positive less that of the negative."""
    if not scores.size:
        return np.empty(0, dtype=np.int64), np.empty(0)
    own = scores[np.arange(len(scores)), positives.argmax(axis=1)]
    rows, columns = np.nonzero(negatives & positives.any(axis=1, keepdims=True))
    return rows, np.asarray(own[rows] - scores[rows, columns], dtype=np.float64)


def _match_scale(scores: NDArray[np.floating], positives: Mask, negatives: Mask) -> float:
    """The scale of the choices between two, each probe counting once."""
    rows, margins = _margins(scores, positives, negatives)
    step = math.ceil(len(margins) / MAX_FIT_CHOICES)
    sizes = np.bincount(rows, minlength=len(scores))
    return fit_margin_scale(margins[::step], 1.0 / sizes[rows[::step]])


def _calibration(
    contest: Contest, found: HeldOut, *, seed: int, n_resamples: int, match_scale: float | None
) -> Section:
    counts = resample_people(contest.n_people, n_resamples=n_resamples, rng=np.random.default_rng(seed))
    rows: list[tuple[Cell, ...]] = []
    for name, ratios in (("logistic", found.logistic), ("isotonic", found.isotonic)):
        value = cllr(ratios, found.truth)
        interval = percentile_interval(value, resampled_cllr(contest, found, ratios, counts), bounds=(0.0, math.inf))
        rows.append((f"Cllr, {name} calibration, bits", (value, interval.low, interval.high)))
    rows.append(("least Cllr of any rising map, bits", min_cllr(found.scores, found.truth)))
    error = expected_calibration_error(found.confidence, found.right, n_bins=N_BINS)
    rows.append((f"calibration error of 1:2 choices, {N_BINS} bins of equal mass", error))
    rows.append(("mean confidence of 1:2 choices", float(found.confidence.mean())))
    rows.append(("share of 1:2 choices that are right", float(found.right.mean())))
    bins = reliability(found.confidence, found.right, n_bins=N_BINS)
    axes = ("probability given to the choice", "accuracy")
    place = ("reliability", contest.direction)
    curves = (
        Curve(*place, "this model", tuple(bins.predicted), tuple(bins.observed), *axes),
        Curve(*place, "perfectly calibrated", (0.5, 1.0), (0.5, 1.0), *axes),
    )
    how = (
        f"the model's own scale, {match_scale:.2f}"
        if match_scale is not None
        else "a scale fitted on four fifths of the people"
    )
    text = (
        f"Every map is fitted on four fifths of the tested people and judged within the last fifth, {N_FOLDS} times "
        "over; scores of people in two fifths never meet. Cllr is the cost of log likelihood ratios in bits, 0 at best "
        "and 1 for saying nothing; true and false pairs weigh the same. Match probabilities of two candidates use "
        f"{how}."
    )
    n_true, n_false = int(found.truth.sum()), int((~found.truth).sum())
    notes = (f"{n_true:,} true and {n_false:,} false pairs, {len(found.right):,} choices.",)
    title = f"Calibration, {direction_words(contest.direction)}"
    return Section(title, text, ("measure", "value"), tuple(rows), curves, notes)


def resampled_cllr(contest: Contest, found: HeldOut, ratios: Floats, counts: NDArray[np.integer]) -> Floats:
    """Return Cllr on resamples of people, the maps held fixed.

    Args:
        contest: whose people they are.
        found: the pairs.
        ratios: (n_pairs,) float64, their log likelihood ratios.
        counts: (n_resamples, n_people) int; a pair counts as often as the product of its people's copies, a true pair
            as often as its person.

    Returns:
        (n_resamples,) float64; nan where a class is absent.
    """
    bits = np.logaddexp(0, np.where(found.truth, -ratios, ratios)) / math.log(2)
    near, far = contest.probe_people[found.rows], contest.gallery_people[found.columns]
    shape = (contest.n_people, contest.n_people)
    copies = counts.astype(np.float64)
    halves = []
    for wanted in (found.truth, ~found.truth):
        cells = near[wanted] * shape[1] + far[wanted]
        sums = []
        for weights in (bits[wanted], None):
            table = np.bincount(cells, weights=weights, minlength=shape[0] * shape[1]).reshape(shape).astype(np.float64)
            same_person = copies @ table.diagonal()
            np.fill_diagonal(table, 0.0)
            sums.append(same_person + ((copies @ table) * copies).sum(axis=1))
        halves.append(np.divide(sums[0], sums[1], out=np.full(len(copies), math.nan), where=sums[1] > 0))
    return np.asarray((halves[0] + halves[1]) / 2)


def _abstention(contest: Contest, found: HeldOut) -> Section:
    curve = risk_coverage(found.confidence, found.right)
    rows: list[tuple[Cell, ...]] = []
    for coverage in COVERAGES:
        place = min(int(np.searchsorted(curve.coverage, coverage)), len(curve.coverage) - 1)
        rows.append((f"{100 * coverage:.0f} %", curve.risk_at(coverage), float(curve.thresholds[place])))
    area = risk_coverage_area(found.confidence, found.right)
    at = np.linspace(0.01, 1.0, MAX_CURVE_POINTS)
    risks = tuple(1.0 - curve.risk_at(float(share)) for share in at)
    drawn = Curve("abstention", contest.direction, "all", tuple(at), risks, "share of choices answered", "accuracy")
    text = (
        "Choices between two, the surest first: the error rate when only a share of them is answered, and the match "
        "probability from which they are."
    )
    notes = (
        f"Area under the risk-coverage curve: {area:.4f}; a confidence that says nothing would give "
        f"{1 - found.right.mean():.4f}.",
    )
    title = f"Answering only when sure, {direction_words(contest.direction)}"
    columns = ("answered", "wrong %", "probability from")
    return Section(title, text, columns, tuple(rows), (drawn,), notes)
