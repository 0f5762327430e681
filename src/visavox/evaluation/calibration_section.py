"""How far a model's confidence can be believed, and what is gained by answering only when sure.

Two questions on people left out of the fit: is this pair of one person (log likelihood ratios, Cllr), and which of two
is it (match probabilities, calibration error, abstention). Calibration of pairs is fitted on four folds of the tested
people and judged within the fifth, five times over. A choice may be between people of two folds; its scale is fitted on
the others. Choices weigh as in the 1:2 accuracy (`visavox.evaluation.weighed_choices`), whose value their share of
right answers is.

Example:
    sections = calibration_sections(contest, seed=0, n_resamples=1000)
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import isotonic_regression
from scipy.special import expit, xlogy

from visavox.evaluation.calibration import fit_margin_scale
from visavox.evaluation.contest import Contest
from visavox.evaluation.measures import Curve
from visavox.evaluation.record import Cell, Section
from visavox.evaluation.recording_alone import N_FOLDS, people_folds
from visavox.evaluation.weighed_choices import Choices
from visavox.evaluation.wording import direction_words
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.calibration import cllr, min_cllr
from visavox.metrics.calibrators import fit_isotonic, fit_logistic

N_BINS = 15
CHOICE_FIGURES = (
    f"calibration error of 1:2 choices, {N_BINS} bins of equal mass",
    "mean confidence of 1:2 choices",
    "share of 1:2 choices that are right",
)
COVERAGES = (1.0, 0.9, 0.75, 0.5, 0.25)
MAX_CURVE_POINTS = 100
MAX_FIT_NEGATIVES = 100_000  # false pairs behind a fitted map; more change nothing
MAX_FIT_CHOICES = 100_000
MAX_CHOICES = 4_000_000  # judged ones; beyond, probes with several positives are judged by fewer of them
MAX_RESAMPLES = 100  # behind intervals that take a pass over all choices or pairs each time
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
        choices: between two, with their weights.
        n_positives: positives behind the choices, and all that there are.
    """

    rows: NDArray[np.int64]
    columns: NDArray[np.int64]
    truth: Mask
    scores: Floats
    logistic: Floats
    isotonic: Floats
    choices: Choices
    n_positives: tuple[int, int]


def calibration_sections(
    contest: Contest, *, seed: int, n_resamples: int, match_scale: float | None = None
) -> tuple[Section, ...]:
    """Return the sections on calibration and on abstention.

    Args:
        contest: who competes with whom, scored by the model.
        seed: folds and resamples depend on this number alone.
        n_resamples: resamples of people behind the intervals of Cllr; up to `MAX_RESAMPLES` of them behind the others.
        match_scale: the model's own scale from similarities to match probabilities; None: fitted on the other folds.
    """
    direction = contest.direction
    if contest.n_people < MIN_PEOPLE:
        text = f"Undefined: it needs {MIN_PEOPLE} people or more to fit on some and judge on others."
        return (Section(f"Calibration, {direction_words(direction)}", text),)
    found = held_out_calibration(contest, seed=seed, match_scale=match_scale)
    if not found.truth.any() or found.truth.all() or not len(found.choices):
        text = "Undefined: no true or no false pair within a fold of people."
        return (Section(f"Calibration, {direction_words(direction)}", text),)
    counts = resample_people(contest.n_people, n_resamples=n_resamples, rng=np.random.default_rng(seed))
    figures = choice_figures(found.choices, list(counts[:MAX_RESAMPLES]))
    return (
        _calibration(contest, found, counts, figures, match_scale),
        _abstention(contest, found.choices, figures),
    )


def held_out_calibration(contest: Contest, *, seed: int, match_scale: float | None = None) -> HeldOut:
    """Return what maps say of pairs of people that they were not fitted on; arguments as `calibration_sections`."""
    fold = people_folds(contest.n_people, seed)
    rng = np.random.default_rng([seed, 6])
    negatives = contest.groups[0].negatives
    of_probe, of_gallery = fold[contest.probe_people], fold[contest.gallery_people]
    parts: list[tuple[NDArray[Any], ...]] = []
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
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 6
    rows, columns = (column.astype(np.int64) for column in joined[:2])
    scores, logistic, isotonic = (column.astype(np.float64) for column in joined[3:])
    positives = _judged_positives(contest, rng)
    choices = _choices(contest, positives, fold, match_scale)
    n_positives = int(positives.sum()), int(contest.positives.sum())
    return HeldOut(rows, columns, joined[2].astype(np.bool_), scores, logistic, isotonic, choices, n_positives)


def _judged_positives(contest: Contest, rng: np.random.Generator) -> Mask:
    """All positives, or as many of each probe, drawn, as keep the choices to `MAX_CHOICES`, but one at least."""
    n_negatives = contest.groups[0].negatives.sum(axis=1)
    n_choices = int((contest.positives.sum(axis=1) * n_negatives).sum())
    if n_choices <= MAX_CHOICES:
        return contest.positives
    n_kept = max(1, MAX_CHOICES // max(1, int(n_negatives.sum())))
    drawn = np.where(contest.positives, rng.random(contest.positives.shape), math.inf)
    place = np.argsort(np.argsort(drawn, axis=1), axis=1)
    return contest.positives & (place < n_kept)


def _choices(contest: Contest, positives: Mask, fold: NDArray[np.int64], match_scale: float | None) -> Choices:
    """Every probe with each of its positives and each of its negatives, by a scale of people in neither's fold."""
    negatives = contest.groups[0].negatives
    of_probe, of_gallery = fold[contest.probe_people], fold[contest.gallery_people]
    scales: dict[tuple[int, int], float | None] = {}
    parts: list[tuple[NDArray[Any], ...]] = []
    for own, other in np.ndindex(N_FOLDS, N_FOLDS):
        folds = (min(own, other), max(own, other))
        if folds not in scales:
            seen = np.ix_(~np.isin(of_probe, folds), ~np.isin(of_gallery, folds))
            fitted = match_scale is None
            relations = (contest.scores[seen], contest.positives[seen], negatives[seen])
            scales[folds] = _match_scale(*relations) if fitted else match_scale
        scale = scales[folds]
        columns = np.flatnonzero(of_gallery == other)
        probes, found = np.nonzero(positives & (of_probe == own)[:, np.newaxis])
        if scale is None or not len(probes) or not len(columns):
            continue
        which, near = np.nonzero(negatives[np.ix_(probes, columns)])
        margin = contest.scores[probes, found][which] - contest.scores[probes[which], columns[near]]
        margin = margin.astype(np.float64)
        others = contest.gallery_people[columns[near]]
        right = (margin > 0) + 0.5 * (margin == 0)
        parts.append((probes[which], others, expit(scale * np.abs(margin)), right))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)] if parts else [np.empty(0)] * 4
    return Choices.ranked(*joined, people=contest.probe_people)


def _match_scale(scores: NDArray[np.floating], positives: Mask, negatives: Mask) -> float | None:
    """The scale of the choices between each probe's first positive and its negatives, each probe counting once."""
    rows, columns = np.nonzero(negatives & positives.any(axis=1, keepdims=True))
    if not len(rows):
        return None
    own = scores[np.arange(len(scores)), positives.argmax(axis=1)]
    margins = np.asarray(own[rows] - scores[rows, columns], dtype=np.float64)
    step = math.ceil(len(margins) / MAX_FIT_CHOICES)
    sizes = np.bincount(rows, minlength=len(scores))
    return fit_margin_scale(margins[::step], 1.0 / sizes[rows[::step]])


def choice_figures(choices: Choices, copies: Sequence[NDArray[np.integer]]) -> Floats:
    """Return the figures of choices on everybody once and on resamples of people.

    Args:
        choices: at least one.
        copies: for each resample (n_people,) int, how often each person was drawn.

    Returns:
        (1 + n_resamples, n_figures) float64: calibration error, mean confidence, share right (`CHOICE_FIGURES`), area
        under the risk-coverage curve, and the risk at each of `COVERAGES`. nan where no choice is left.
    """
    bins = choices.bins(N_BINS)
    rows = []
    for times in (None, *copies):
        weights = choices.weights(times)
        risk = choices.risk(weights)
        means = (choices.mean(values, weights) for values in (choices.confidence, choices.right))
        rows.append(
            (choices.calibration_error(bins, weights), *means, risk.area(), *(risk.at(share) for share in COVERAGES))
        )
    return np.array(rows)


def _cell(value: float, resampled: Floats, most: float = math.inf) -> tuple[float, float, float]:
    interval = percentile_interval(value, resampled, bounds=(0.0, most))
    return float(value), interval.low, interval.high


def _calibration(
    contest: Contest, found: HeldOut, counts: NDArray[np.integer], figures: Floats, match_scale: float | None
) -> Section:
    rows: list[tuple[Cell, ...]] = []
    for name, ratios in (("logistic", found.logistic), ("isotonic", found.isotonic)):
        value = cllr(ratios, found.truth)
        rows.append((f"Cllr, {name} calibration, bits", _cell(value, resampled_cllr(contest, found, ratios, counts))))
    least = min_cllr(found.scores, found.truth)
    rows.append(
        ("least Cllr of any rising map, bits", _cell(least, resampled_min_cllr(contest, found, counts[:MAX_RESAMPLES])))
    )
    for name, column in zip(CHOICE_FIGURES, figures.T, strict=False):  # those of abstention stand elsewhere
        rows.append((name, _cell(column[0], column[1:], 1.0)))
    axes = ("probability given to the choice", "accuracy")
    place = ("reliability", contest.direction)
    said, seen = found.choices.reliability(found.choices.bins(N_BINS))
    curves = (
        Curve(*place, "this model", tuple(said), tuple(seen), *axes),
        Curve(*place, "perfectly calibrated", (0.5, 1.0), (0.5, 1.0), *axes),
    )
    how = (
        f"the model's own scale, {match_scale:.2f}"
        if match_scale is not None
        else "a scale fitted on the people of the fifths that neither candidate is of"
    )
    text = (
        f"Every map is fitted on four fifths of the tested people and judged within the last fifth, {N_FOLDS} times "
        "over; of pairs, people of two fifths never meet. Cllr is the cost of log likelihood ratios in bits, 0 at best "
        "and 1 for saying nothing; true and false pairs weigh the same. Choices between two are all of "
        "the page: each probe with each of its negatives, each probe of a person and each person weighing the same, so "
        "that their share of right answers is the 1:2 accuracy. Their probabilities use "
        f"{how}. Intervals are over people, the maps and bins held fixed: {len(counts):,} resamples for Cllr, and "
        f"{len(figures) - 1} for the other rows, which take longer."
    )
    n_true, n_false = int(found.truth.sum()), int((~found.truth).sum())
    notes = [f"{n_true:,} true and {n_false:,} false pairs, {len(found.choices):,} choices."]
    if found.n_positives[0] < found.n_positives[1]:
        n_judged, n_all = found.n_positives
        notes.append(
            f"Choices are of {n_judged:,} positives, drawn among {n_all:,}; the 1:2 accuracy of the page is of all."
        )
    title = f"Calibration, {direction_words(contest.direction)}"
    return Section(title, text, ("measure", "value"), tuple(rows), curves, tuple(notes))


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


def resampled_min_cllr(contest: Contest, found: HeldOut, counts: NDArray[np.integer]) -> Floats:
    """Return the least Cllr over rising maps on resamples of people, the map anew each time.

    Args:
        contest: whose people they are.
        found: the pairs.
        counts: (n_resamples, n_people) int, as of `resampled_cllr`.

    Returns:
        (n_resamples,) float64; nan where a class is absent.
    """
    values, place = np.unique(found.scores, return_inverse=True)
    near, far = contest.probe_people[found.rows], contest.gallery_people[found.columns]
    least = np.full(len(counts), math.nan)
    for row, copies in enumerate(counts.astype(np.float64)):
        times = copies[near] * np.where(found.truth, 1.0, copies[far])
        true, false = (
            np.bincount(place[wanted], weights=times[wanted], minlength=len(values))
            for wanted in (found.truth, ~found.truth)
        )
        if not true.any() or not false.any():
            continue
        true, false = true / true.sum(), false / false.sum()
        used = (true + false) > 0
        true, false = true[used], false[used]
        chance = np.clip(isotonic_regression(true / (true + false), weights=true + false).x, 0.0, 1.0)
        least[row] = -(xlogy(true, chance) + xlogy(false, 1.0 - chance)).sum() / (2 * math.log(2))
    return least


def _abstention(contest: Contest, choices: Choices, figures: Floats) -> Section:
    risk = choices.risk(choices.weights())
    area, *at_coverages = figures[:, len(CHOICE_FIGURES) :].T
    rows: list[tuple[Cell, ...]] = [
        (f"{100 * coverage:.0f} %", _cell(column[0], column[1:], 1.0), risk.threshold_at(coverage))
        for coverage, column in zip(COVERAGES, at_coverages, strict=True)
    ]
    at = np.linspace(0.01, 1.0, MAX_CURVE_POINTS)
    right = tuple(1.0 - risk.at(float(share)) for share in at)
    drawn = Curve("abstention", contest.direction, "all", tuple(at), right, "share of choices answered", "accuracy")
    text = (
        "Choices between two, the surest first: the error rate when only a share of them is answered, and the match "
        "probability from which they are. They weigh as under Calibration, each person the same; intervals are over "
        f"people, {len(figures) - 1} resamples."
    )
    value, low, high = _cell(area[0], area[1:], 1.0)
    notes = (
        f"Area under the risk-coverage curve: {value:.4f} ({low:.4f} to {high:.4f}); a confidence that says nothing "
        f"would give {risk.at(1.0):.4f}.",
    )
    title = f"Answering only when sure, {direction_words(contest.direction)}"
    columns = ("answered", "wrong %", "probability from")
    return Section(title, text, columns, tuple(rows), (drawn,), notes)
