"""DeLong's test against the placement values of the paper, the bootstrap, and closed forms."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import norm

from visavox.errors import ConfigError, DataError, UndefinedMetricWarning
from visavox.metrics.delong import delong_test, placements
from visavox.metrics.verification import auc_score


def case(seed: int, n: int = 40, decimals: int = 1):
    rng = np.random.default_rng(seed)
    labels = (rng.random(n) < 0.4).astype(int)
    labels[:4] = [0, 0, 1, 1]
    a = np.round(rng.normal(size=n) + labels, decimals)
    return a, np.round(0.5 * a + rng.normal(size=n) + 0.3 * labels, decimals), labels


def slow_placements(scores, labels):
    """Equation by equation, in n^2: psi is 1, 1/2 or 0."""
    true, false = scores[labels == 1], scores[labels == 0]
    psi = [[1.0 if x > y else 0.5 if x == y else 0.0 for y in false] for x in true]
    of_true = [sum(row) / len(false) for row in psi]
    return of_true, [sum(row[j] for row in psi) / len(true) for j in range(len(false))]


def slow_delong(a, b, labels):
    (va, wa), (vb, wb) = slow_placements(a, labels), slow_placements(b, labels)
    auc_a, auc_b = sum(va) / len(va), sum(vb) / len(vb)

    def covariance(x, y, mean_x, mean_y):
        return sum((p - mean_x) * (q - mean_y) for p, q in zip(x, y, strict=True)) / (len(x) - 1)

    variance = 0.0
    for first, second in ((va, vb), (wa, wb)):
        of_class = covariance(first, first, auc_a, auc_a) + covariance(second, second, auc_b, auc_b)
        variance += (of_class - 2 * covariance(first, second, auc_a, auc_b)) / len(first)
    z = (auc_a - auc_b) / math.sqrt(variance)
    return auc_a, auc_b, math.sqrt(variance), 2 * (1 - norm.cdf(abs(z)))


@pytest.mark.parametrize(("seed", "decimals"), list(itertools.product(range(8), (0, 1, 12))))
def test_it_is_the_test_of_the_paper(seed: int, decimals: int) -> None:
    a, b, labels = case(seed, decimals=decimals)
    auc_a, auc_b, error, p_value = slow_delong(a, b, labels)
    found = delong_test(a, b, labels)
    assert found.auc_a == pytest.approx(auc_a, abs=1e-12)
    assert found.auc_b == pytest.approx(auc_b, abs=1e-12)
    assert found.difference == pytest.approx(auc_a - auc_b, abs=1e-12)
    assert found.p_value == pytest.approx(p_value, abs=1e-9)
    assert found.low == pytest.approx(auc_a - auc_b - 1.959963984540054 * error, abs=1e-9)
    assert found.high == pytest.approx(auc_a - auc_b + 1.959963984540054 * error, abs=1e-9)


@pytest.mark.parametrize("seed", range(5))
def test_placements_are_those_of_the_paper_and_average_to_the_auc(seed: int) -> None:
    a, _, labels = case(seed)
    of_true, of_false = placements(a, labels)
    slow = slow_placements(a, labels)
    np.testing.assert_allclose(of_true, slow[0], atol=1e-12)
    np.testing.assert_allclose(of_false, slow[1], atol=1e-12)
    assert of_true.mean() == pytest.approx(auc_score(a, labels), abs=1e-12)
    assert of_false.mean() == pytest.approx(auc_score(a, labels), abs=1e-12)


def test_another_level_widens_the_interval() -> None:
    a, b, labels = case(0)
    narrow, wide = delong_test(a, b, labels, level=0.5), delong_test(a, b, labels, level=0.99)
    ratio = norm.ppf(0.995) / norm.ppf(0.75)
    assert (wide.high - wide.difference) / (narrow.high - narrow.difference) == pytest.approx(ratio, rel=1e-9)
    assert wide.p_value == narrow.p_value


def test_swapping_the_models_turns_the_sign() -> None:
    a, b, labels = case(1)
    one, other = delong_test(a, b, labels), delong_test(b, a, labels)
    assert (other.difference, other.low, other.high) == pytest.approx((-one.difference, -one.high, -one.low))
    assert other.p_value == pytest.approx(one.p_value)


def test_order_of_pairs_and_rising_maps_of_scores_do_not_matter() -> None:
    a, b, labels = case(2)
    order = np.random.default_rng(0).permutation(len(a))
    expected = delong_test(a, b, labels)
    assert delong_test(np.exp(a), 3 * b - 7, labels) == expected
    shuffled = delong_test(a[order], b[order], labels[order])
    assert vars(shuffled) == pytest.approx(vars(expected), abs=1e-12)


def test_a_model_does_not_differ_from_itself_nor_from_a_rising_map_of_itself() -> None:
    a, _, labels = case(3)
    found = delong_test(a, 2 * a + 1, labels)
    assert (found.difference, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_perfect_against_reversed_has_no_variance_and_p_0() -> None:
    labels = np.array([1, 1, 0, 0])
    found = delong_test(labels * 1.0, -labels * 1.0, labels)
    assert (found.auc_a, found.auc_b, found.low, found.high, found.p_value) == (1.0, 0.0, 1.0, 1.0, 0.0)


def test_constant_scores_have_an_auc_of_one_half() -> None:
    _, b, labels = case(4)
    assert delong_test(np.zeros(len(b)), b, labels).auc_a == 0.5


def test_the_interval_is_cut_to_what_a_difference_can_be() -> None:
    labels, a = np.array([1, 1, 0, 0]), np.array([0.9, 0.8, 0.1, 0.2])
    high = delong_test(a, np.array([0.1, 0.9, 0.5, 0.2]), labels, level=0.999999)
    assert high.high == 1.0
    assert delong_test(np.array([0.1, 0.9, 0.5, 0.2]), a, labels, level=0.999999).low == -1.0


def test_the_p_of_two_equal_models_is_uniform() -> None:
    rng, labels = np.random.default_rng(0), np.repeat([0, 1], 60)
    truth = labels + 0.0
    ps = [delong_test(truth + rng.normal(size=120), truth + rng.normal(size=120), labels).p_value for _ in range(300)]
    assert np.mean(np.array(ps) < 0.1) == pytest.approx(0.1, abs=0.05)
    assert np.mean(ps) == pytest.approx(0.5, abs=0.05)


@pytest.mark.parametrize(("labels", "counts"), [([1, 1], "2 and 0"), ([0, 0], "0 and 2")])
def test_one_class_is_nan_with_a_warning(labels: list[int], counts: str) -> None:
    with pytest.warns(UndefinedMetricWarning, match=f"needs true and false pairs. Got {counts}. nan is returned"):
        found = delong_test(np.array([0.1, 0.2]), np.array([0.1, 0.2]), np.array(labels))
    assert all(math.isnan(value) for value in vars(found).values())


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("labels", [[1, 0, 0], [1, 1, 0]])
def test_one_pair_of_a_class_has_aucs_but_no_interval(labels: list[int]) -> None:
    found = delong_test(np.array([0.9, 0.5, 0.1]), np.array([0.1, 0.5, 0.9]), np.array(labels))
    assert (found.auc_a, found.auc_b, found.difference) == (1.0, 0.0, 1.0)
    assert all(math.isnan(value) for value in (found.low, found.high, found.p_value))


def test_wrong_input_is_refused() -> None:
    a, b, labels = case(0)
    with pytest.raises(DataError, match="must be lists of one length"):
        delong_test(a, b[:-1], labels)
    with pytest.raises(DataError, match="must hold no NaN"):
        delong_test(np.where(labels, np.nan, a), b, labels)
    with pytest.raises(DataError, match="must be 0 or 1"):
        delong_test(a, b, labels * 2)
    for level in (0, 1, 1.5):
        with pytest.raises(ConfigError, match=rf"^`level` must lie between 0 and 1. Got {level}. Use 0.95 for a 95 %"):
            delong_test(a, b, labels, level=level)
    with pytest.raises(DataError, match=r"^Placement values need true and false pairs. Got 2 and 0. Add the missing"):
        placements(np.zeros(2), np.ones(2, dtype=int))
