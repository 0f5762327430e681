"""k-means against scikit-learn from the same start, and concentrations against a slow loop."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
import torch
from sklearn.cluster import KMeans
from torch import Tensor

from visavox.objectives import clustering
from visavox.objectives.clustering import Clusters, concentrations, first_centres, k_means


def numbers(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("seed", range(5))
def test_it_equals_scikit_learn_from_the_same_start(seed: int) -> None:
    x = numbers(120, 4, seed=seed)
    found = k_means(x, 7, generator=seeded(seed), n_rounds=300)
    start = first_centres(x, 7, generator=seeded(seed)).numpy()
    expected = KMeans(7, init=start, n_init=1, max_iter=300, tol=0, algorithm="lloyd").fit(x.numpy())
    assert found.of.tolist() == expected.labels_.tolist()
    np.testing.assert_allclose(found.centres.numpy(), expected.cluster_centers_, atol=1e-9)
    assert found.distance.square().sum().item() == pytest.approx(expected.inertia_, abs=1e-9)


def test_separate_groups_are_found() -> None:
    middles = torch.tensor([[0.0, 0.0], [20.0, 0.0], [0.0, 20.0], [20.0, 20.0]], dtype=torch.float64)
    truth = torch.arange(4).repeat_interleave(25)
    x = middles[truth] + numbers(100, 2)
    found = k_means(x, 4, generator=seeded())
    assert len({(a, b) for a, b in zip(truth.tolist(), found.of.tolist(), strict=True)}) == 4
    for k in range(4):
        torch.testing.assert_close(found.centres[found.of[k * 25]], x[truth == k].mean(dim=0))


def test_no_round_gives_the_start_and_its_distances() -> None:
    x = numbers(30, 3)
    found = k_means(x, 4, generator=seeded(2), n_rounds=0)
    assert torch.equal(found.centres, first_centres(x, 4, generator=seeded(2)))
    slow = [[math.dist(row, centre) for centre in found.centres.tolist()] for row in x.tolist()]
    assert found.of.tolist() == [row.index(min(row)) for row in slow]
    assert found.distance.tolist() == pytest.approx([min(row) for row in slow], abs=1e-12)


def test_rounds_never_make_it_worse() -> None:
    x = numbers(80, 3)
    cost = [k_means(x, 6, generator=seeded(), n_rounds=n).distance.square().sum().item() for n in range(8)]
    assert all(later <= earlier + 1e-12 for earlier, later in itertools.pairwise(cost))
    assert cost[-1] < cost[0]


def test_the_start_prefers_what_is_far_and_never_takes_a_row_twice() -> None:
    x = torch.cat([torch.zeros(50, 1), torch.full((1, 1), 100.0)])
    for seed in range(20):
        assert sorted(first_centres(x, 2, generator=seeded(seed)).flatten().tolist()) == [0.0, 100.0]
    every = first_centres(numbers(9, 2), 9, generator=seeded())
    assert len({tuple(row) for row in every.tolist()}) == 9


def test_the_chance_of_a_further_centre_is_its_squared_distance() -> None:
    """From 0 the rows at 1 and 2 are drawn as 1 to 4; starts at 1 and 2 are left out."""
    x = torch.tensor([[0.0], [1.0], [2.0]])
    starts = [first_centres(x, 2, generator=seeded(seed)).flatten().tolist() for seed in range(3000)]
    second = [pair[1] for pair in starts if pair[0] == 0.0]
    assert len(second) == pytest.approx(1000, abs=90)
    assert second.count(2.0) / len(second) == pytest.approx(0.8, abs=0.04)


def test_the_distances_of_some_rows_at_a_time_are_those_of_all(monkeypatch: pytest.MonkeyPatch) -> None:
    x = numbers(101, 3)
    whole = k_means(x, 7, generator=seeded())
    sizes: list[int] = []
    cdist = torch.cdist

    def noted(rows: Tensor, centres: Tensor) -> Tensor:
        sizes.append(len(rows) * len(centres))
        return cdist(rows, centres)

    monkeypatch.setattr(torch, "cdist", noted)
    for most in (70, 1):  # ten rows at a time, and never less than one
        monkeypatch.setattr(clustering, "DISTANCES_AT_ONCE", most)
        sizes.clear()
        parts = k_means(x, 7, generator=seeded())
        assert max(sizes) == max(most, 7)
        assert torch.equal(parts.of, whole.of)
        torch.testing.assert_close(parts.centres, whole.centres)


def test_a_start_among_many_rows_looks_at_some_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight rows a centre and a number in any case, drawn without repeats; fewer rows are all looked at."""
    monkeypatch.setattr(clustering, "START_ROWS", 20)
    x = torch.arange(100.0)[:, None]
    starts = [first_centres(x, 20, generator=seeded(seed)).flatten().tolist() for seed in range(30)]
    assert all(len(set(start)) == 20 for start in starts)  # of 100 rows, not more than 160
    looked = [set(first_centres(x, 2, generator=seeded(seed)).flatten().tolist()) for seed in range(200)]
    assert all(len(pair) == 2 for pair in looked)
    assert len(set.union(*looked)) > 80
    for seed in range(10):  # what is drawn first says which
        among = torch.randperm(100, generator=seeded(seed))[:24].tolist()
        assert set(first_centres(x, 3, generator=seeded(seed)).flatten().tolist()) <= set(among)
    seen: list[int] = []
    randperm = torch.randperm

    def noted(n: int, *, generator: torch.Generator) -> Tensor:
        seen.append(n)
        return torch.as_tensor(randperm(n, generator=generator))

    monkeypatch.setattr(torch, "randperm", noted)
    first_centres(x, 12, generator=seeded())  # 96 rows of 100
    first_centres(x, 13, generator=seeded())  # 104
    first_centres(x[:20], 2, generator=seeded())
    first_centres(x[:21], 2, generator=seeded())
    assert seen == [100, 21]


def test_a_cluster_of_one_vector_is_that_vector() -> None:
    x = torch.tensor([[0.0, 0.0], [0.0, 1.0], [90.0, 90.0]])
    for seed in range(8):
        found = k_means(x, 2, generator=seeded(seed))
        assert sorted(found.centres.tolist()) == [[0.0, 0.5], [90.0, 90.0]]
        assert found.distance.tolist() == pytest.approx([0.5, 0.5, 0.0])


def test_a_start_far_from_the_origin_still_measures_from_the_rows_drawn() -> None:
    """Two groups at -100 and 100: the second centre is always in the other group."""
    x = torch.tensor([[-100.0], [-99.0], [100.0], [101.0]])
    for seed in range(60):
        one, other = first_centres(x, 2, generator=seeded(seed)).flatten().tolist()
        assert one * other < 0


def test_more_clusters_than_different_rows_keep_their_centres() -> None:
    x = torch.ones(5, 2)
    found = k_means(x, 3, generator=seeded())
    assert torch.equal(found.centres, torch.ones(3, 2))
    assert found.of.tolist() == [0] * 5
    assert (found.distance == 0).all()


def test_the_same_generator_gives_the_same_clusters() -> None:
    x = numbers(60, 3)
    one, other = k_means(x, 5, generator=seeded(4)), k_means(x, 5, generator=seeded(4))
    assert torch.equal(one.centres, other.centres)
    assert not torch.equal(one.centres, k_means(x, 5, generator=seeded(5), n_rounds=0).centres)


def slow_concentrations(of: list[int], distance: list[float], k: int, mean: float) -> list[float]:
    members = [[d for d, c in zip(distance, of, strict=True) if c == cluster] for cluster in range(k)]
    spread = [sum(d) / len(d) / math.log(len(d) + 10) if len(d) > 1 else 0.0 for d in members]
    spread = [s if len(d) > 1 else max(spread) for s, d in zip(spread, members, strict=True)]
    low, high = np.percentile(spread, [10, 90])
    spread = [min(max(s, low), high) for s in spread]
    return [s * mean / (sum(spread) / k) for s in spread]


@pytest.mark.parametrize("seed", range(4))
def test_concentrations_equal_the_slow_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    of, distance = rng.integers(0, 12, size=40), rng.random(40) + 0.1
    of[of == 3] = 4  # cluster 3 is empty
    of[0], of[1:][of[1:] == 5] = 5, 6  # cluster 5 has one vector
    clusters = Clusters(torch.zeros(12, 2, dtype=torch.float64), torch.from_numpy(of), torch.from_numpy(distance))
    expected = slow_concentrations(of.tolist(), distance.tolist(), 12, 0.2)
    found = concentrations(clusters, mean=0.2)
    assert found.tolist() == pytest.approx(expected, abs=1e-9)
    assert found.mean().item() == pytest.approx(0.2)


def test_the_widest_clusters_are_held_to_the_ninetieth_percentile() -> None:
    of = np.arange(11).repeat(3)
    distance = (of + 1.0) ** 2
    clusters = Clusters(torch.zeros(11, 2, dtype=torch.float64), torch.from_numpy(of), torch.from_numpy(distance))
    found = concentrations(clusters, mean=0.2).tolist()
    assert found == pytest.approx(slow_concentrations(of.tolist(), distance.tolist(), 11, 0.2), abs=1e-9)
    assert found[10] == pytest.approx(found[9])  # 100, not 121
    assert found[0] == pytest.approx(found[1])
    assert found[9] / found[1] == pytest.approx(25)


def test_where_nothing_spreads_every_temperature_is_the_mean() -> None:
    still = Clusters(torch.zeros(3, 2), torch.tensor([0, 0, 1]), torch.zeros(3))
    assert concentrations(still, mean=0.3).tolist() == pytest.approx([0.3] * 3)


def test_a_cluster_that_is_a_point_has_a_tenth_of_the_mean_at_least() -> None:
    """Spreads 1, 0 and 1 (scaled), held to their percentiles 0.2 and 1, are above 0; of 30 clusters some stay 0."""
    of = torch.arange(30).repeat(2)
    distance = torch.where(of < 10, 0.0, 1.0)
    found = concentrations(Clusters(torch.zeros(30, 2), of, distance), mean=0.2)
    assert found.min() > 0
    # 10 of 30 at a tenth of the mean 2 / 3, the others at 1.
    ratio = (2 / 3 / 10) / 1
    assert (found[0] / found[-1]).item() == pytest.approx(ratio, abs=1e-6)
    assert found.mean().item() == pytest.approx(0.2)
