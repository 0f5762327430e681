from __future__ import annotations

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.metrics.bootstrap import paired_difference, percentile_interval, resample_people
from visavox.metrics.matching import matching_accuracy
from visavox.metrics.retrieval import retrieval_measures
from visavox.metrics.standings import find_standings


def world(rng: np.random.Generator, n_people: int, noise: float, clips: int = 1):
    """Voices and faces that are noisy views of a person; the person of each clip."""
    people = np.repeat(np.arange(n_people), clips)
    person = rng.normal(size=(n_people, 3))[people]
    voice, face = (person + noise * rng.normal(size=person.shape) for _ in range(2))
    return voice @ face.T, people


def accuracy(similarity, people, counts=None):
    own = np.eye(len(people), dtype=bool)
    negatives = people[:, None] != people
    n_people = people.max() + 1
    standings = find_standings(similarity, own, negatives, gallery_people=people, n_people=n_people)
    return matching_accuracy(standings, people, counts=counts)[0]


def test_each_row_draws_as_many_people_as_there_are() -> None:
    counts = resample_people(37, n_resamples=200, rng=np.random.default_rng(0))
    assert counts.shape == (200, 37)
    assert counts.dtype == np.int32
    assert (counts.sum(axis=1) == 37).all()
    assert counts.min() == 0
    assert np.mean(counts == 0) == pytest.approx((1 - 1 / 37) ** 37, abs=0.02)


def test_the_same_seed_draws_the_same_people() -> None:
    a, b, c = (resample_people(9, n_resamples=5, rng=np.random.default_rng(seed)) for seed in (1, 1, 2))
    np.testing.assert_array_equal(a, b)
    assert (a != c).any()


@pytest.mark.parametrize("arguments", [{"n_people": 0, "n_resamples": 3}, {"n_people": 3, "n_resamples": 0}])
def test_nobody_cannot_be_resampled(arguments: dict[str, int]) -> None:
    name = next(name for name, number in arguments.items() if not number)
    with pytest.raises(ConfigError, match=rf"^`{name}` must be at least 1\. Got 0\.$"):
        resample_people(**arguments, rng=np.random.default_rng(0))


def test_the_interval_holds_its_share_of_the_resamples() -> None:
    resampled = np.random.default_rng(0).normal(0.7, 0.05, 4000)
    value = float(resampled.mean())
    for level in (0.5, 0.95):
        interval = percentile_interval(value, resampled, level=level)
        inside = np.mean((resampled >= interval.low) & (resampled <= interval.high))
        assert inside == pytest.approx(level, abs=0.01)


def test_the_interval_moves_to_the_measured_value() -> None:
    resampled = np.linspace(0.5, 0.7, 101)
    plain, moved = percentile_interval(0.6, resampled), percentile_interval(0.4, resampled)
    assert moved.low == pytest.approx(plain.low - 0.2)
    assert moved.high == pytest.approx(plain.high - 0.2)


def test_the_interval_is_cut_to_what_is_possible() -> None:
    interval = percentile_interval(0.99, np.linspace(0.9, 1.0, 50), bounds=(0.0, 1.0))
    assert interval.high == 1.0
    assert interval.low < 0.99


def test_undefined_resamples_are_left_out() -> None:
    resampled = np.array([0.1, np.nan, 0.2, 0.3])
    with_nan, without = percentile_interval(0.2, resampled), percentile_interval(0.2, resampled[[0, 2, 3]])
    assert with_nan == without


@pytest.mark.parametrize(("value", "resampled"), [(np.nan, [0.1, 0.2]), (0.5, []), (0.5, [0.4]), (0.5, [np.nan] * 9)])
def test_an_undefined_interval_is_nan(value: float, resampled: list[float]) -> None:
    interval = percentile_interval(value, np.array(resampled))
    assert np.isnan([interval.low, interval.high]).all()


@pytest.mark.parametrize("level", [0.0, 1.0, 95.0])
def test_the_level_is_a_share(level: float) -> None:
    with pytest.raises(
        ConfigError, match=rf"^`level` must lie between 0 and 1\. Got {level}\. Use 0.95 for a 95 % interval\.$"
    ):
        percentile_interval(0.5, np.array([0.4, 0.6]), level=level)


def test_the_matrix_product_is_the_explicit_resampling() -> None:
    """Slow referee: draw people one by one, write out their clips, compare clip by clip."""
    similarity, people = world(np.random.default_rng(5), 7, 0.8, clips=2)
    counts = resample_people(7, n_resamples=10, rng=np.random.default_rng(6))
    found = accuracy(similarity, people, counts)
    for row, copies in enumerate(counts):
        drawn = [person for person in range(7) for _ in range(copies[person])]
        means = []
        for person in drawn:
            clips = []
            for i in np.flatnonzero(people == person):
                rivals = [j for other in drawn if other != person for j in np.flatnonzero(people == other)]
                clips.append(np.mean([similarity[i, i] > similarity[i, j] for j in rivals]))
            means.append(np.mean(clips))
        assert found[row] == pytest.approx(np.mean(means), abs=1e-12)


def test_the_resampled_mean_of_all_pairs_is_the_value() -> None:
    similarity, people = world(np.random.default_rng(1), 80, 0.8)
    counts = resample_people(80, n_resamples=4000, rng=np.random.default_rng(2))
    assert accuracy(similarity, people, counts).mean() == pytest.approx(float(accuracy(similarity, people)), abs=0.002)


def test_intervals_hold_the_truth_19_times_of_20() -> None:
    rng = np.random.default_rng(11)
    truth = float(np.mean([accuracy(*world(rng, 300, 0.8)) for _ in range(20)]))
    held, n_worlds = 0, 300
    for _ in range(n_worlds):
        similarity, people = world(rng, 40, 0.8)
        counts = resample_people(40, n_resamples=300, rng=rng)
        value, resampled = float(accuracy(similarity, people)), accuracy(similarity, people, counts)
        interval = percentile_interval(value, resampled)
        held += interval.low <= truth <= interval.high
    assert 0.91 <= held / n_worlds <= 0.985


def test_intervals_of_recall_hold_the_truth_although_copies_make_galleries_easier() -> None:
    def recall(similarity, people, counts=None):
        own = np.eye(len(people), dtype=bool)
        standings = find_standings(similarity, own, ~own)
        return retrieval_measures(standings, people, ks=[1], counts=counts).recall[0]

    rng = np.random.default_rng(3)
    truth = float(np.mean([recall(*world(rng, 40, 0.8)) for _ in range(400)]))
    held, resampled_means, values, n_worlds = 0, [], [], 150
    for _ in range(n_worlds):
        similarity, people = world(rng, 40, 0.8)
        resampled = recall(similarity, people, resample_people(40, n_resamples=200, rng=rng))
        values.append(float(recall(similarity, people)))
        resampled_means.append(resampled.mean())
        interval = percentile_interval(values[-1], resampled)
        held += interval.low <= truth <= interval.high
    assert np.mean(resampled_means) > np.mean(values) + 0.02  # the reason for the move
    assert held / n_worlds >= 0.92


def test_clips_of_one_person_do_not_pass_for_more_people() -> None:
    rng = np.random.default_rng(4)
    similarity, people = world(rng, 15, 0.3, clips=6)
    by_person, by_clip = (
        percentile_interval(0.0, accuracy(similarity, units, resample_people(n, rng=rng)))
        for units, n in ((people, 15), (np.arange(90), 90))
    )
    assert by_person.high - by_person.low > 1.3 * (by_clip.high - by_clip.low)


def test_equal_models_do_not_differ() -> None:
    resampled = np.random.default_rng(0).normal(size=100)
    found = paired_difference(0.7, 0.7, resampled, resampled)
    assert (found.value, found.low, found.high, found.p_value) == (0.0, 0.0, 0.0, 1.0)


def test_a_better_model_is_found_better_on_the_same_resamples() -> None:
    rng = np.random.default_rng(8)
    good, people = world(rng, 60, 0.5)
    worse = good + 1.5 * rng.normal(size=good.shape)
    counts = resample_people(60, rng=rng)
    a, b = accuracy(good, people, counts), accuracy(worse, people, counts)
    values = float(accuracy(good, people)), float(accuracy(worse, people))
    found = paired_difference(*values, a, b)
    assert found.value > 0
    assert found.low > 0
    assert found.p_value == pytest.approx(2 / 1001)
    swapped = paired_difference(values[1], values[0], b, a)
    assert swapped.high == pytest.approx(-found.low)
    assert swapped.p_value == found.p_value


def test_pairing_narrows_the_interval() -> None:
    rng = np.random.default_rng(9)
    good, people = world(rng, 60, 0.8)
    other = good + 0.2 * rng.normal(size=good.shape)
    counts, more = (resample_people(60, rng=rng) for _ in range(2))
    a, b, unpaired = accuracy(good, people, counts), accuracy(other, people, counts), accuracy(other, people, more)
    values = float(accuracy(good, people)), float(accuracy(other, people))
    paired, loose = (paired_difference(*values, a, x) for x in (b, unpaired))
    assert paired.high - paired.low < 0.6 * (loose.high - loose.low)


def test_p_values_of_equal_models_are_spread_evenly() -> None:
    rng = np.random.default_rng(10)
    small, n_worlds = 0, 200
    for _ in range(n_worlds):
        base, people = world(rng, 40, 0.5)
        a, b = (base + rng.normal(size=base.shape) for _ in range(2))
        counts = resample_people(40, n_resamples=200, rng=rng)
        small += (
            paired_difference(
                float(accuracy(a, people)),
                float(accuracy(b, people)),
                accuracy(a, people, counts),
                accuracy(b, people, counts),
            ).p_value
            < 0.1
        )
    assert 0.03 <= small / n_worlds <= 0.17


def test_unpaired_resamples_are_refused() -> None:
    with pytest.raises(DataError) as caught:
        paired_difference(0.5, 0.5, np.ones(3), np.ones(4))
    assert str(caught.value) == (
        "Paired resamples must be the same draws: got (3,) and (4,) values. "
        "Evaluate both models with one seed and one number of resamples."
    )


def test_an_undefined_difference_is_nan() -> None:
    found = paired_difference(float("nan"), 0.5, np.ones(3), np.ones(3))
    assert np.isnan([found.value, found.low, found.high, found.p_value]).all()


def slow_quantile(values: list[float], share: float) -> float:
    """Linear between the order statistics: place 0 is the least, place n - 1 the greatest."""
    ranked, place = sorted(values), share * (len(values) - 1)
    low = min(int(place), len(ranked) - 2)
    return ranked[low] + (place - low) * (ranked[low + 1] - ranked[low])


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("level", [0.5, 0.95])
@pytest.mark.parametrize("levels", [3, 10**9])
def test_intervals_and_p_are_those_of_a_slow_loop(seed: int, level: float, levels: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.integers(0, levels, 40) / levels for _ in range(2))
    value_a, value_b = 0.55, 0.45
    shift = value_a - sum(a) / 40
    interval = percentile_interval(value_a, a, level=level)
    ends = [slow_quantile([x + shift for x in a], share) for share in ((1 - level) / 2, (1 + level) / 2)]
    assert (interval.low, interval.high) == pytest.approx(tuple(ends), abs=1e-9)
    found = paired_difference(value_a, value_b, a, b, level=level)
    differences = [x - y for x, y in zip(a, b, strict=True)]
    moved = [d + 0.1 - sum(differences) / 40 for d in differences]
    assert found.value == pytest.approx(0.1, abs=1e-12)
    ends = [[slow_quantile(rows, s) for rows in (moved, differences)] for s in ((1 - level) / 2, (1 + level) / 2)]
    assert (found.low, found.high) == pytest.approx((min(*ends[0], 0.1), max(*ends[1], 0.1)))
    halves = sum(d == 0 for d in differences) / 2
    fewer = min(sum(d < 0 for d in differences), sum(d > 0 for d in differences)) + halves
    assert found.p_value == pytest.approx(min(1.0, 2 * (fewer + 1) / 41), abs=1e-12)


def test_two_resamples_are_enough_and_the_default_level_is_95_percent() -> None:
    assert percentile_interval(0.5, np.array([0.4, 0.6])) == percentile_interval(0.5, np.array([0.4, 0.6]), level=0.95)
    interval = percentile_interval(0.5, np.array([0.4, 0.6]))
    assert (interval.low, interval.high) == pytest.approx((0.405, 0.595))
    lower = percentile_interval(0.01, np.array([0.0, 0.5]), bounds=(0.0, 1.0))
    assert lower.low == 0.0
    found = paired_difference(0.5, 0.4, np.array([0.4, np.nan, 0.6]), np.array([0.4, 0.4, 0.4]))
    assert found.p_value == pytest.approx(1.0)
    assert (found.low, found.high) == pytest.approx((0.1 - 0.095, 0.1 + 0.095))
    assert resample_people(1, n_resamples=1, rng=np.random.default_rng(0)).tolist() == [[1]]
    assert resample_people(2, rng=np.random.default_rng(0)).shape == (1000, 2)


def test_equal_models_do_not_differ_though_a_few_resamples_do() -> None:
    """A few outliers once moved all other resamples to one side of 0: p 0.02 for a difference of exactly 0."""
    a, b = np.ones(300), np.ones(300)
    b[:3] = 0.99
    found = paired_difference(1.0, 1.0, a, b)
    assert found.p_value == 1.0
    assert found.low <= 0.0 <= found.high


def test_the_interval_of_a_difference_holds_the_difference() -> None:
    a, b = np.full(300, 0.8), np.full(300, 0.7)
    b[:5] = 0.2
    found = paired_difference(0.8, 0.7, a, b)
    assert found.low <= found.value <= found.high


def test_p_does_not_hang_on_the_noise_of_the_draws() -> None:
    """One clip of one of 20 people decides: resamples without it differ by 0, and the move carried them to one side.

    p was 0.002 with one seed of the resampling and 1 with the next.
    """
    rights = np.ones(20), np.ones(20)
    rights[1][3] = 0.0
    found = []
    for seed in range(20):
        counts = resample_people(20, n_resamples=1000, rng=np.random.default_rng(seed))
        a, b = (counts @ right / 20 for right in rights)
        found.append(paired_difference(1.0, 0.95, a, b))
    without = (1 - 1 / 20) ** 20  # of the resamples lack that person: half of them on either side
    assert [one.p_value for one in found] == pytest.approx([without] * 20, abs=0.06)
    assert all(one.low <= 0 < one.value < one.high for one in found)


def test_differences_within_rounding_are_none() -> None:
    a = np.array([0.5] * 50 + [0.6] * 50)
    found = paired_difference(0.55, 0.5, a, np.full(100, 0.5) + 1e-16 * np.arange(100))
    assert found.p_value == pytest.approx(2 * (25 + 1) / 101)
