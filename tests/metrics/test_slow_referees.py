"""Every figure of the package beside a slow loop, on random, tied and degenerate float64 scores, to 1e-9.

The loops count in whole fractions where they can, and enumerate every order of tied items.
"""

from __future__ import annotations

import itertools
import math
from fractions import Fraction

import numpy as np
import pytest

from visavox.metrics.abstention import risk_coverage_area
from visavox.metrics.calibration import cllr, expected_calibration_error, min_cllr
from visavox.metrics.calibrators import WEAKNESS, fit_logistic
from visavox.metrics.delong import delong_test
from visavox.metrics.gallery_ranking import rank_scores, ranking_measures
from visavox.metrics.listed_roc import resampled_figures
from visavox.metrics.matching import all_pairs_accuracy_score, listed_accuracy_score, matching_curve
from visavox.metrics.open_set import detection_identification_rate
from visavox.metrics.retrieval import mean_average_precision_score, median_rank_cost, recall_at_k_score
from visavox.metrics.roc import roc_from_scores
from visavox.metrics.roc_resampling import resampled_roc
from visavox.metrics.verification import auc_score, det_curve, equal_error_rate, min_detection_cost

N = 6
OWN = np.eye(N, dtype=bool)
NEAR = float(np.nextafter(1.0, 2.0))
DRAWS = {
    "random": lambda rng, shape: rng.normal(size=shape),
    "tied": lambda rng, shape: rng.integers(0, 3, shape).astype(float),
    "constant": lambda rng, shape: np.full(shape, -0.3),
    "two neighbouring numbers": lambda rng, shape: rng.choice([1.0, NEAR], shape),
    "zeros of both signs and the least number": lambda rng, shape: rng.choice([-0.0, 0.0, 5e-324], shape),
    "nearly too large": lambda rng, shape: rng.choice([-1.7e308, 1.6e308, 1.7e308], shape),
}
cases = pytest.mark.parametrize(("kind", "seed"), [(k, s) for k in DRAWS for s in range(1 if k == "constant" else 4)])


def square(kind: str, seed: int) -> np.ndarray:
    return DRAWS[kind](np.random.default_rng(seed), (N, N))


def pairs(kind: str, seed: int, n: int = 24) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    labels = np.append([0, 1, 0, 1], (rng.random(n - 4) < 0.4).astype(int))
    return DRAWS[kind](rng, n), labels


def near(value: float | Fraction) -> object:
    return pytest.approx(float(value), abs=1e-9, rel=0)


def mean(values) -> Fraction:
    values = [value if isinstance(value, Fraction) else Fraction(float(value)) for value in values]
    return sum(values, Fraction(0)) / len(values)


def won(positive: float, negatives) -> Fraction:
    """The chance to pick the positive when the highest score wins and ties are drawn."""
    return Fraction(0) if max(negatives) > positive else Fraction(1, 1 + sum(s == positive for s in negatives))


@cases
def test_matching(kind: str, seed: int) -> None:
    scores = square(kind, seed)
    people = np.array([0, 1, 1, 2, 3, 3])
    negatives = people[:, None] != people
    curve = matching_curve(scores, OWN, negatives, people=people, n_candidates=[2, 3, 4])
    for n, value in zip((2, 3, 4), curve, strict=True):
        of_person: dict[int, list[Fraction]] = {}
        for i, person in enumerate(people):
            sets = itertools.combinations(scores[i, negatives[i]], n - 1)
            of_person.setdefault(person, []).append(mean(won(scores[i, i], drawn) for drawn in sets))
        assert value == near(mean(mean(own) for own in of_person.values()))
    slow = mean(mean(won(scores[i, i], [s]) for s in np.delete(scores[i], i)) for i in range(N))
    assert all_pairs_accuracy_score(scores, OWN, ~OWN) == near(slow)
    assert listed_accuracy_score(scores) == near(mean(won(row[0], row[1:]) for row in scores))


def orders(scores, positive) -> list[list[bool]]:
    """Every order of the items in which no lower score comes first, each order of tied items once."""
    found = []
    for order in itertools.permutations(range(len(scores))):
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
            found.append([bool(positive[i]) for i in order])
    return found


def precision_of(ranked: list[bool]) -> Fraction:
    hits = [place for place, hit in enumerate(ranked, start=1) if hit]
    return mean(Fraction(n, place) for n, place in enumerate(hits, start=1))


@cases
def test_retrieval_is_the_expectation_over_the_orders_of_tied_items(kind: str, seed: int) -> None:
    scores = square(kind, seed)[:3]
    probe_people, gallery_people = np.array([0, 1, 2]), np.array([0, 1, 1, 2, 2, 2])
    positives = probe_people[:, None] == gallery_people
    ranked = [orders(row, own) for row, own in zip(scores, positives, strict=True)]
    precision = mean(mean(precision_of(one) for one in of_probe) for of_probe in ranked)
    rank = sorted(mean(1 + one.index(True) for one in of_probe) for of_probe in ranked)[1]
    ranking = rank_scores(scores, probe_people=probe_people, gallery_people=gallery_people)
    measures = ranking_measures(ranking, np.arange(3), ks=[1, 2, 4])
    assert mean_average_precision_score(scores, positives) == near(precision)
    assert float(measures.mean_average_precision) == near(precision)
    assert median_rank_cost(scores, positives) == near(rank)
    assert float(measures.median_rank) == near(rank)
    for k, other in zip((1, 2, 4), measures.recall, strict=True):
        recall = mean(mean(any(one[:k]) for one in of_probe) for of_probe in ranked)
        assert recall_at_k_score(scores, positives, k=k) == near(recall)
        assert float(other) == near(recall)


def corners(scores, labels) -> list[tuple[Fraction, Fraction]]:
    """False match rate and miss rate at every threshold, from the highest: nothing is accepted."""
    points = []
    for threshold in [math.inf, *sorted(set(scores.tolist()), reverse=True)]:
        accepted = [score >= threshold for score in scores]
        false = mean(a for a, label in zip(accepted, labels, strict=True) if not label)
        points.append((false, 1 - mean(a for a, label in zip(accepted, labels, strict=True) if label)))
    return points


def crossing(points: list[tuple[Fraction, Fraction]]) -> Fraction:
    """Where the curve of straight lines meets the diagonal, in whole fractions."""
    for (x0, y0), (x1, y1) in itertools.pairwise(points):
        if y1 <= x1:
            return x0 + (x1 - x0) * (y0 - x0) / ((y0 - x0) - (y1 - x1))
    raise AssertionError("the curve ends where everything is accepted")


@cases
def test_verification(kind: str, seed: int) -> None:
    scores, labels = pairs(kind, seed)
    points = corners(scores, labels)
    found = det_curve(scores, labels)
    assert found.x.tolist() == pytest.approx([float(x) for x, _ in points], abs=1e-9)
    assert found.y.tolist() == pytest.approx([float(y) for _, y in points], abs=1e-9)
    in_order = [Fraction(int(a > b) * 2 + int(a == b), 2) for a in scores[labels == 1] for b in scores[labels == 0]]
    assert auc_score(scores, labels) == near(mean(in_order))
    assert equal_error_rate(scores, labels) == near(crossing(points))
    for prior, miss, alarm in ((Fraction(1, 100), 1, 1), (Fraction(1, 20), 10, 1), (Fraction(1, 2), 1, 3)):
        best = min(miss * prior * y + alarm * (1 - prior) * x for x, y in points)
        cost = min_detection_cost(
            scores, labels, target_prior=float(prior), miss_cost=float(miss), false_alarm_cost=float(alarm)
        )
        assert cost == near(best / min(miss * prior, alarm * (1 - prior)))


@pytest.mark.filterwarnings("error")
@cases
def test_curves_of_resampled_people(kind: str, seed: int) -> None:
    scores, people = square(kind, seed), np.array([0, 0, 1, 1, 2, 3])
    counts = np.array([[1, 1, 1, 1], [2, 0, 1, 1], [0, 3, 1, 0]])
    negatives = people[:, None] != people
    found = resampled_roc(scores, OWN, negatives, probe_people=people, gallery_people=people, counts=counts)
    rows, columns = np.nonzero(OWN | negatives)
    listed = resampled_figures(
        scores[rows, columns], OWN[rows, columns], people[rows], people[columns], counts=counts,
        figures=lambda roc: {"auc": roc.auc_score(), "eer": roc.equal_error_rate()},
    )  # fmt: skip
    for row, copies in enumerate(counts):
        times = copies[people[rows]] * np.where(rows == columns, 1, copies[people[columns]])
        repeated = np.repeat(scores[rows, columns], times), np.repeat(OWN[rows, columns].astype(int), times)
        slow = crossing(corners(*repeated))
        assert found.equal_error_rate()[row] == near(slow)
        assert listed["eer"][row] == near(slow)
        for values in (found.auc_score(), listed["auc"], [float(roc_from_scores(*repeated).auc_score())] * 3):
            a, b = (repeated[0][repeated[1] == one] for one in (1, 0))
            assert values[row] == near(mean(Fraction(int(x > y) * 2 + int(x == y), 2) for x in a for y in b))


@cases
def test_delong(kind: str, seed: int) -> None:
    scores, labels = pairs(kind, seed)
    other = np.random.default_rng(100 + seed).normal(size=len(scores))
    found = delong_test(scores, other, labels)
    assert (found.auc_a, found.auc_b) == (near(auc_score(scores, labels)), near(auc_score(other, labels)))
    variance = Fraction(0)
    for one in (1, 0):
        difference = []  # of the placement values of both models
        for i in np.flatnonzero(labels == one):
            shares = [
                mean(Fraction(int(s[i] > s[j]) * 2 + int(s[i] == s[j]), 2) for j in np.flatnonzero(labels != one))
                for s in (scores, other)
            ]
            difference.append(shares[0] - shares[1])
        centre = mean(difference)
        variance += sum((d - centre) ** 2 for d in difference) / (len(difference) - 1) / len(difference)
    z = found.difference / math.sqrt(variance)
    assert found.p_value == near(math.erfc(abs(z) / math.sqrt(2)))


@cases
def test_open_set_with_the_threshold_drawn_between_two_where_scores_tie(kind: str, seed: int) -> None:
    known, unknown = square(kind, seed), DRAWS[kind](np.random.default_rng(seed + 50), (5, N))
    strangers = [max(row) for row in unknown]

    def identified(accepts) -> Fraction:
        first = [Fraction(int(row[i] == max(row)), int((row == max(row)).sum())) for i, row in enumerate(known)]
        return mean(chance * accepts(max(row)) for chance, row in zip(first, known, strict=True))

    for rate in (Fraction(0), Fraction(1, 100), Fraction(1, 5), Fraction(1, 3), Fraction(9, 10)):
        for threshold in sorted(set(strangers), reverse=True):
            over, level = (Fraction(n, 5) for n in (sum(s > threshold for s in strangers), strangers.count(threshold)))
            if over <= rate < over + level:
                tie = (rate - over) / level
                slow = identified(lambda s, t=threshold, q=tie: Fraction(int(s > t)) + q * int(s == t))
        value = detection_identification_rate(known, OWN, unknown, false_alarm_rate=float(rate))
        assert value == near(slow)


@cases
def test_shares_of_probability(kind: str, seed: int) -> None:
    """Calibration error over bins of equal mass, and the area under risk and coverage."""
    scores, labels = pairs(kind, seed, n=20)
    said = np.array([sum(s < t for s in scores) / 20 for t in scores])  # equal scores, equal shares
    bins: dict[int, list[tuple[float, int]]] = {}
    for p, label in zip(said, labels, strict=True):
        middle = Fraction(int(sum(said < p) * 2 + sum(said == p)), 2)
        bins.setdefault(math.floor(middle * 3 / 20), []).append((p, int(label)))
    error = sum(abs(mean(p for p, _ in b) - mean(y for _, y in b)) * len(b) for b in bins.values()) / 20
    assert expected_calibration_error(said, labels, n_bins=3) == near(error)
    areas = []
    for order in itertools.permutations(range(6)):
        if all(scores[a] >= scores[b] for a, b in itertools.pairwise(order)):
            areas.append(mean(1 - mean(labels[i] for i in order[:k]) for k in range(1, 7)))
    assert risk_coverage_area(scores[:6], labels[:6]) == near(mean(areas))


@pytest.mark.parametrize("kind", ["random", "tied", "constant", "zeros of both signs and the least number"])
@pytest.mark.parametrize("seed", range(3))
def test_costs_of_log_likelihood_ratios(kind: str, seed: int) -> None:
    scores, labels = pairs(kind, seed)
    bits = [math.log1p(math.exp(-s if y else s)) / math.log(2) for s, y in zip(scores, labels, strict=True)]
    both = [sum(b for b, y in zip(bits, labels, strict=True) if y == one) / sum(labels == one) for one in (0, 1)]
    assert cllr(scores, labels) == near(sum(both) / 2)
    assert min_cllr(scores, labels) == near(least_cllr(scores, labels))


def least_cllr(scores, labels) -> float:
    """The min-max formula of isotonic regression, with the classes weighing the same."""
    values = sorted(set(scores.tolist()))
    true = [mean(s == v for s in scores[labels == 1]) for v in values]
    false = [mean(s == v for s in scores[labels == 0]) for v in values]
    bits = 0.0
    for i in range(len(values)):
        lows = []
        for low in range(i + 1):
            ends = range(i, len(values))
            sums = [(sum(true[low : high + 1]), sum(false[low : high + 1])) for high in ends]
            lows.append(min(t / (t + f) for t, f in sums))
        chance = max(lows)
        bits -= float(true[i]) * math.log2(chance) if true[i] else 0.0
        bits -= float(false[i]) * math.log2(1 - chance) if false[i] else 0.0
    return bits / 2


@pytest.mark.parametrize("kind", ["random", "tied"])
@pytest.mark.parametrize("seed", range(4))
def test_the_logistic_map_is_that_of_newton_steps(kind: str, seed: int) -> None:
    scores, labels = pairs(kind, seed, n=60)
    z, slope, intercept = (scores - scores.mean()) / scores.std(), 0.0, 0.0
    weights = np.where(labels == 1, 30 / labels.sum(), 30 / (1 - labels).sum())
    for _ in range(50):
        p = 1 / (1 + np.exp(-(slope * z + intercept)))
        pull, spread = weights * (p - labels), weights * p * (1 - p)
        second = np.array(
            [[(spread * z * z).sum() + 1 / WEAKNESS, (spread * z).sum()], [(spread * z).sum(), spread.sum()]]
        )
        step = np.linalg.solve(second, [(pull * z).sum() + slope / WEAKNESS, pull.sum()])
        slope, intercept = slope - step[0], intercept - step[1]
    found = fit_logistic(scores, labels)
    # A fit, not a figure: the solver of scikit-learn stops when the cost no longer falls, at 1e-8 of the optimum.
    assert found.slope == pytest.approx(slope / scores.std(), abs=1e-7)
    assert found.intercept == pytest.approx(intercept - slope / scores.std() * scores.mean(), abs=1e-7)
