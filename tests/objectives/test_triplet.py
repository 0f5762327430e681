"""Triplet and contrastive margin losses with mining, against slow loops, closed forms and the published schedule."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.base import TrainingFacts
from visavox.objectives.triplet import ABSENT, Distance, Form, Mining, Triplet, mine
from visavox.registry import OBJECTIVES

MININGS: list[Mining] = ["batch_hard", "semi_hard", "curriculum"]


def unit(n: int, dim: int = 5, seed: int = 0) -> Tensor:
    x = torch.randn(n, dim, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
    return torch.nn.functional.normalize(x)


def mined_slowly(d: list[float], own: float, negatives: list[int], mining: str, tau: float) -> int | None:
    """The negative of one anchor and one positive, by the words of `mine`."""
    in_a_row = sorted(negatives, key=lambda j: -d[j])  # easiest first; of equals the first
    if not in_a_row:
        return None
    if mining == "batch_hard":
        return in_a_row[-1]
    farther = [j for j in in_a_row if d[j] > own]
    semi_hard = farther[-1] if farther else in_a_row[0]
    if mining == "semi_hard":
        return semi_hard
    by_rank = in_a_row[max(math.ceil(tau * len(in_a_row) - 1e-9), 1) - 1]
    return min(by_rank, semi_hard, key=in_a_row.index)


def referee(
    d: np.ndarray,
    labels: list[int],
    weights: list[float],
    mask: np.ndarray | None,
    *,
    mining: str,
    form: str,
    margin: float,
    tau: float,
) -> float:
    """One direction from the definitions, anchor by anchor; d is (anchors, candidates), Euclidean for contrastive."""
    n, total, weight = len(d), 0.0, 0.0
    for i in range(n):
        positives = [j for j in range(n) if labels[j] == labels[i]]
        negatives = [j for j in range(n) if j not in positives and (mask is None or mask[i, j])]
        if mining == "batch_hard":
            positives = [max(positives, key=lambda j: d[i, j])]
        costs = []
        for p in positives:
            k = mined_slowly(d[i].tolist(), d[i, p], negatives, mining, tau)
            if form == "triplet" and k is not None:
                costs.append(max(0.0, d[i, p] - d[i, k] + margin))
            elif form == "contrastive":
                costs.append(d[i, p] ** 2 + (0.0 if k is None else max(0.0, margin - d[i, k]) ** 2))
        if costs:
            total += weights[i] * sum(costs) / len(costs)
            weight += weights[i]
    return total / weight if weight else 0.0


@given(
    n=st.integers(1, 7),
    seed=st.integers(0, 1000),
    margin=st.floats(0.1, 1.5),
    mining=st.sampled_from(MININGS),
    case=st.sampled_from(
        [
            ("triplet", "cosine"),
            ("triplet", "euclidean"),
            ("triplet", "squared_euclidean"),
            ("contrastive", "euclidean"),
            ("contrastive", "squared_euclidean"),
        ]
    ),
    tau=st.sampled_from([0.01, 0.3, 0.5, 1.0]),
    with_labels=st.booleans(),
    with_weights=st.booleans(),
    with_mask=st.booleans(),
)
@settings(max_examples=150, deadline=None)
def test_every_combination_equals_the_slow_loop(
    n: int,
    seed: int,
    margin: float,
    mining: Mining,
    case: tuple[Form, Distance],
    tau: float,
    with_labels: bool,
    with_weights: bool,
    with_mask: bool,
) -> None:
    rng, (form, distance) = np.random.default_rng(seed), case
    voice, face = unit(n, seed=seed), unit(n, seed=seed + 1)
    labels = rng.integers(0, 3, size=n).tolist() if with_labels else None
    weights = rng.uniform(0.1, 2, size=n).tolist() if with_weights else None
    mask = rng.random((n, n)) < 0.6 if with_mask else None
    chosen = Triplet(margin, mining=mining, form=form, distance=distance, first_tau=tau, last_tau=1.0)
    found = chosen(
        voice,
        face,
        labels=None if labels is None else torch.tensor(labels),
        weights=None if weights is None else torch.tensor(weights, dtype=torch.float64),
        mask=None if mask is None else torch.from_numpy(mask),
    )
    euclidean = np.array([[float((v - f).square().sum().sqrt()) for f in face] for v in voice])
    d = {"euclidean": euclidean, "squared_euclidean": euclidean**2, "cosine": euclidean**2 / 2}[distance]
    d = euclidean if form == "contrastive" and distance == "squared_euclidean" else d
    given_labels, given_weights = labels or list(range(n)), weights or [1.0] * n
    expected = [
        referee(x, given_labels, given_weights, allowed, mining=mining, form=form, margin=margin, tau=tau)
        for x, allowed in ((d, mask), (d.T, None if mask is None else mask.T))
    ]
    assert found["voice_to_face_loss"].item() == pytest.approx(expected[0], abs=1e-9)
    assert found["face_to_voice_loss"].item() == pytest.approx(expected[1], abs=1e-9)
    assert found["loss"].item() == pytest.approx(sum(expected) / 2, abs=1e-9)


@pytest.mark.parametrize("mining", MININGS)
def test_the_contrastive_form_squares_euclidean_distances_under_either_name(mining: Mining) -> None:
    voice, face = unit(6), unit(6, seed=1)
    one = Triplet(1.3, mining=mining, form="contrastive", distance="euclidean")(voice, face)["loss"].item()
    other = Triplet(1.3, mining=mining, form="contrastive", distance="squared_euclidean")(voice, face)["loss"].item()
    assert one == pytest.approx(other, abs=1e-12)


DISTANCES = torch.tensor([[0.5, 0.9, 0.3, 0.7, 0.6]])  # one anchor; its own candidate is the first
OWN = torch.tensor([[True, False, False, False, False]])


@pytest.mark.parametrize(
    ("mining", "tau", "expected"),
    [
        ("batch_hard", 1.0, 2),  # the nearest, 0.3
        ("semi_hard", 1.0, 4),  # the nearest beyond 0.5, 0.6
        ("curriculum", 0.01, 1),  # the first of 0.9, 0.7, 0.6, 0.3
        ("curriculum", 0.25, 1),
        ("curriculum", 0.26, 3),
        ("curriculum", 0.5, 3),
        ("curriculum", 0.75, 4),
        ("curriculum", 1.0, 4),  # 0.3 would be harder than the positive
    ],
)
def test_what_is_mined_for_a_hand_made_anchor(mining: Mining, tau: float, expected: int) -> None:
    mined = mine(DISTANCES, OWN, ~OWN, mining=mining, tau=tau)
    assert mined.tolist() == [[expected, ABSENT, ABSENT, ABSENT, ABSENT]]


def test_what_is_mined_is_the_column_and_not_its_rank() -> None:
    """A public re-implementation of PINs collects (row, rank): its negatives were nearly always the first rows."""
    distance = torch.tensor([[0.1, 0.2, 0.3, 0.4, 0.5]])
    own = torch.tensor([[False, False, True, False, False]])
    assert mine(distance, own, ~own, mining="batch_hard", tau=1.0)[0, 2] == 0
    assert mine(distance, own, ~own, mining="semi_hard", tau=1.0)[0, 2] == 3
    assert mine(distance, own, ~own, mining="curriculum", tau=0.2)[0, 2] == 4


def test_each_direction_is_mined_from_its_own_side() -> None:
    """The same re-implementation swaps voice and face on the way: a batch that is not symmetric tells them apart."""
    voice = torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0]])
    face = torch.tensor([[1.0, 0.0], [0.8, 0.6], [0.8, 0.6]])  # distances [[0, .2, .2], [1, .4, .4], [2, 1.8, 1.8]]
    found = Triplet(0.5, distance="cosine")(voice, face)
    assert found["voice_to_face_loss"].item() == pytest.approx((0.3 + 0.5 + 0.5) / 3, abs=1e-6)
    assert found["face_to_voice_loss"].item() == pytest.approx((0.0 + 0.7 + 2.1) / 3, abs=1e-6)


def test_without_a_farther_negative_the_easiest_is_mined() -> None:
    near = torch.tensor([[0.9, 0.2, 0.4, 0.3]])
    own = torch.tensor([[True, False, False, False]])
    for mining in ("semi_hard", "curriculum"):
        assert mine(near, own, ~own, mining=mining, tau=1.0)[0, 0] == 2
    assert mine(near, own, ~own, mining="batch_hard", tau=1.0)[0, 0] == 1


def test_only_allowed_candidates_are_mined() -> None:
    allowed = torch.tensor([[False, False, False, True, True]])
    assert mine(DISTANCES, OWN, allowed, mining="batch_hard", tau=1.0)[0, 0] == 4
    assert mine(DISTANCES, OWN, allowed, mining="curriculum", tau=0.5)[0, 0] == 3  # the first of two
    nobody = torch.zeros(1, 5, dtype=torch.bool)
    for mining in MININGS:
        assert mine(DISTANCES, OWN, nobody, mining=mining, tau=1.0).tolist() == [[ABSENT] * 5]


def test_equal_distances_are_taken_in_the_order_of_the_rows() -> None:
    equal = torch.full((1, 4), 0.5)
    own = torch.tensor([[False, True, False, False]])
    assert mine(equal, own, ~own, mining="batch_hard", tau=1.0)[0, 1] == 3
    assert mine(equal, own, ~own, mining="semi_hard", tau=1.0)[0, 1] == 0


def test_each_positive_has_a_negative_of_its_own() -> None:
    distance = torch.tensor([[0.2, 0.6, 0.3, 0.8]])
    positive = torch.tensor([[True, True, False, False]])
    assert mine(distance, positive, ~positive, mining="semi_hard", tau=1.0).tolist() == [[2, 3, ABSENT, ABSENT]]


@pytest.mark.parametrize("mining", MININGS)
@pytest.mark.parametrize("n", [2, 50])
def test_blindness_costs_the_margin_or_its_square(mining: Mining, n: int) -> None:
    same = torch.ones(n, 1)
    assert Triplet(0.3, mining=mining)(same, same)["loss"].item() == pytest.approx(0.3)
    pins = Triplet(0.6, mining=mining, form="contrastive", distance="euclidean")
    assert pins(same, same)["loss"].item() == pytest.approx(0.36, abs=1e-5)


@pytest.mark.parametrize(
    ("distance", "apart"), [("cosine", 1.0), ("euclidean", math.sqrt(2)), ("squared_euclidean", 2)]
)
def test_exchanged_orthogonal_people_cost_their_distance_and_the_margin(distance: Distance, apart: float) -> None:
    found = Triplet(0.2, distance=distance)(torch.eye(2), torch.eye(2).flip(0))["loss"]
    assert found.item() == pytest.approx(apart + 0.2, abs=1e-5)
    assert Triplet(0.2, distance=distance)(torch.eye(2), torch.eye(2))["loss"].item() == 0


def test_the_curriculum_rises_from_30_to_80_percent_in_six_equal_parts() -> None:
    chosen = Triplet(mining="curriculum")
    assert chosen.figures() == {"tau": 0.3}
    chosen.before_step(5)
    assert chosen.figures() == {"tau": 0.3}  # the number of steps is not known yet
    chosen.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=12), torch.Generator())
    taus = []
    for step in range(14):
        chosen.before_step(step)
        taus.append(round(chosen.tau.item(), 9))
    assert taus == [0.3, 0.3, 0.4, 0.4, 0.5, 0.5, 0.6, 0.6, 0.7, 0.7, 0.8, 0.8, 0.8, 0.8]
    chosen.before_step(0)
    assert chosen.tau.item() == pytest.approx(0.3)  # a function of the step, so that a resumed run goes on


def test_other_levels_and_bounds_of_the_curriculum() -> None:
    chosen = Triplet(mining="curriculum", first_tau=0.2, last_tau=1.0, n_levels=3)
    chosen.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=10), torch.Generator())
    taus = []
    for step in range(10):
        chosen.before_step(step)
        taus.append(round(chosen.tau.item(), 9))
    assert taus == [0.2] * 4 + [0.6] * 3 + [1.0] * 3
    single = Triplet(mining="curriculum", first_tau=0.5, last_tau=0.9, n_levels=1)
    single.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=10), torch.Generator())
    single.before_step(9)
    assert single.figures() == {"tau": 0.5}


def test_a_later_step_mines_harder_negatives() -> None:
    voice, face = unit(40), unit(40, seed=1)
    chosen = Triplet(1.0, mining="curriculum", form="contrastive", distance="euclidean")
    chosen.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=6), torch.Generator())
    near = torch.nn.functional.normalize(voice + 0.3 * face)  # positives nearer than most negatives
    costs = []
    for step in range(6):
        chosen.before_step(step)
        costs.append(chosen(voice, near)["loss"].item())
    assert costs == sorted(costs)
    assert costs[5] > costs[0]


def test_tau_is_saved_with_the_run() -> None:
    chosen, other = Triplet(mining="curriculum"), Triplet(mining="curriculum")
    chosen.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=6), torch.Generator())
    chosen.before_step(3)
    other.load_state_dict(chosen.state_dict())
    assert other.figures() == {"tau": pytest.approx(0.6)}
    assert Triplet().figures() == {}


@pytest.mark.parametrize("distance", ["cosine", "euclidean", "squared_euclidean"])
def test_pairs_that_are_equal_have_a_finite_gradient(distance: Distance) -> None:
    voice = torch.eye(3).requires_grad_()
    Triplet(3.0, distance=distance)(voice, torch.eye(3))["loss"].backward()
    assert voice.grad is not None
    assert torch.isfinite(voice.grad).all()


def test_a_batch_without_negatives_costs_nothing_as_triplets() -> None:
    voice, face, labels = unit(3).requires_grad_(), unit(3, seed=1), torch.zeros(3, dtype=torch.int64)
    found = Triplet()(voice, face, labels=labels)["loss"]
    found.backward()
    assert found.item() == 0
    assert voice.grad is not None
    assert (voice.grad == 0).all()


def test_anchors_without_a_negative_are_left_out_of_the_mean() -> None:
    voice, face = unit(4), unit(4, seed=1)
    mask = torch.ones(4, 4, dtype=torch.bool)
    mask[3] = mask[:, 3] = False
    without = Triplet(1.0)(voice[:3], face[:3])["loss"].item()
    assert Triplet(1.0)(voice, face, mask=mask)["loss"].item() == pytest.approx(without, abs=1e-12)
    alone = torch.tensor([0.0, 0, 0, 1], dtype=torch.float64)
    assert Triplet(1.0)(voice, face, weights=alone, mask=mask)["loss"].item() == 0


def test_the_gradient_is_that_of_finite_differences() -> None:
    labels, face = torch.tensor([0, 0, 1, 2]), unit(4, seed=1)
    for mining in MININGS:
        chosen = Triplet(0.7, mining=mining, distance="euclidean")
        assert torch.autograd.gradcheck(lambda x, c=chosen: c(x, face, labels)["loss"], unit(4).requires_grad_())


@pytest.mark.parametrize("margin", [0.0, -1.0, math.nan, math.inf])
def test_a_margin_that_is_not_above_0_is_said(margin: float) -> None:
    with pytest.raises(ConfigError, match=rf"^`margin` must be a number above 0\. Got {margin:g}\.$"):
        Triplet(margin)


@pytest.mark.parametrize(
    ("name", "choices"),
    [
        ("mining", "batch_hard, semi_hard, curriculum"),
        ("form", "triplet, contrastive"),
        ("distance", "squared_euclidean, euclidean, cosine"),
    ],
)
def test_an_unknown_choice_is_said(name: str, choices: str) -> None:
    with pytest.raises(ConfigError, match=rf"^`{name}` must be one of {choices}\. Got 'hard'\.$"):
        OBJECTIVES.build({"name": "triplet", name: "hard"})


@pytest.mark.parametrize(("first", "last"), [(0.0, 0.5), (0.6, 0.5), (0.5, 1.1), (math.nan, 0.5)])
def test_shares_that_do_not_rise_within_0_to_1_are_said(first: float, last: float) -> None:
    text = rf"^`first_tau` and `last_tau` must rise within 0 to 1\. Got {first:g}, {last:g}\.$"
    with pytest.raises(ConfigError, match=text):
        Triplet(first_tau=first, last_tau=last)


def test_other_bad_arguments_are_said() -> None:
    with pytest.raises(ConfigError, match=r"^`n_levels` must be a whole number of at least 1\. Got 0\.$"):
        Triplet(n_levels=0)
    with pytest.raises(ConfigError, match=r"^`distance` must be euclidean for the form contrastive\. Got 'cosine'\.$"):
        Triplet(form="contrastive", distance="cosine")
    with pytest.raises(ValueError, match=r"must have one shape \(n, dim\). Got \(2, 3\), \(3, 3\)"):
        Triplet()(torch.ones(2, 3), torch.ones(3, 3))


def test_the_registry_builds_pins() -> None:
    spec = {"name": "triplet", "mining": "curriculum", "form": "contrastive", "distance": "euclidean", "margin": 0.6}
    chosen = OBJECTIVES.build(spec)
    assert {name: getattr(chosen, name) for name in spec if name != "name"} == {
        name: value for name, value in spec.items() if name != "name"
    }
    assert (chosen.first_tau, chosen.last_tau, chosen.n_levels) == (0.3, 0.8, 6)
    plain = OBJECTIVES.build("triplet")
    assert (plain.margin, plain.mining, plain.form) == (0.2, "batch_hard", "triplet")
    assert plain.distance == "squared_euclidean"


def test_a_share_that_is_a_whole_number_of_negatives_is_not_rounded_up() -> None:
    """0.7 times 10 is a little more than 7 in floating point, and so could be the share itself after a few steps."""
    distance = torch.linspace(2.0, 1.0, 11)[None]
    own = torch.zeros(1, 11, dtype=torch.bool)
    own[0, 10] = True
    for tenth in range(1, 11):
        assert mine(distance, own, ~own, mining="curriculum", tau=0.1 * tenth)[0, 10] == tenth - 1


def test_two_levels_are_the_first_and_the_last() -> None:
    chosen = Triplet(mining="curriculum", n_levels=2)
    chosen.prepare(TrainingFacts(n_people=2, dim=2, n_rows=2, n_steps=2), torch.Generator())
    chosen.before_step(1)
    assert chosen.figures() == {"tau": pytest.approx(0.8)}
