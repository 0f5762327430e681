"""The back-end that is taken is the one that held-out sessions of the enrolled surprise least."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavox.identification import choosing
from visavox.identification.choosing import CANDIDATES, LEAST_PEOPLE, choose_backend, surprise, try_backends
from visavox.identification.held_out import HeldOut, held_out_scores, plan
from visavox.identification.samples import Samples
from visavox.identification.score_fusion import fit_fusion
from visavox.registry import BACKENDS

MakeSamples = Callable[..., Samples]
GOOD, BAD = {"name": "spy", "sign": 1.0}, {"name": "spy", "sign": -1.0}


@pytest.mark.parametrize("order", [(GOOD, BAD), (BAD, GOOD)])
def test_the_better_of_two_backends_is_taken_in_either_order(
    order: tuple[dict[str, object], ...], make_samples: MakeSamples, spy: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "CANDIDATES", order)
    samples = make_samples(LEAST_PEOPLE, 2, noise=0.2)
    best = choose_backend(samples, plan([samples], seed=0), many=False)
    assert best.spec == GOOD
    assert best.accuracy > 0.7


def test_of_equals_the_first_is_taken(make_samples: MakeSamples, spy: type, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = {"name": "cosine", "centred": True}, {"name": "cosine"}
    monkeypatch.setattr(choosing, "CANDIDATES", (first, second))
    samples = make_samples(LEAST_PEOPLE, 2)
    assert choose_backend(samples, plan([samples], seed=0), many=False).spec is first


def test_a_choice_sees_nothing_but_what_was_held_out(make_samples: MakeSamples) -> None:
    samples = make_samples(10, 3)
    dealt = plan([samples], seed=0)
    for tried in try_backends(samples, dealt, CANDIDATES[:2]):
        found = held_out_scores(samples, dealt, tried.spec)
        np.testing.assert_array_equal(tried.held_out.known, found.known)
        assert tried.accuracy == found.right().mean()
        assert tried.surprise == surprise(found)
    assert np.isnan(try_backends(samples, dealt, CANDIDATES[:1])[0].surprise)  # costly, and nothing to compare with


@pytest.mark.parametrize(("n_people", "many", "n_tried"), [(LEAST_PEOPLE - 1, False, 1), (LEAST_PEOPLE, True, 1)])
def test_too_few_or_too_many_people_get_the_first_candidate(
    n_people: int, many: bool, n_tried: int, make_samples: MakeSamples, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []
    whole = choosing.try_backends
    monkeypatch.setattr(choosing, "try_backends", lambda s, d, specs: (asked.append(len(specs)), whole(s, d, specs))[1])
    samples = make_samples(n_people, 2)
    assert choose_backend(samples, plan([samples], seed=0), many=many).spec == CANDIDATES[0]
    assert asked == [n_tried]


def test_people_of_one_session_do_not_count_towards_a_comparison(
    make_samples: MakeSamples, spy: type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(choosing, "CANDIDATES", (BAD, GOOD))
    samples = make_samples(LEAST_PEOPLE, 2)
    fewer = samples.select(np.arange(1, len(samples)))  # one person has one clip left
    assert choose_backend(fewer, plan([fewer], seed=0), many=False).spec == BAD
    assert choose_backend(samples, plan([samples], seed=0), many=False).spec == GOOD


def test_all_candidates_can_be_built_and_cosine_comes_first() -> None:
    assert CANDIDATES[0] == {"name": "cosine"}
    assert "logistic" not in {spec["name"] for spec in CANDIDATES}
    for spec in CANDIDATES:
        assert spec.items() <= BACKENDS.build(spec).spec.items()


def cross_entropy_by_loop(found: HeldOut) -> float:
    asking = [i for i, owner in enumerate(found.owners) if np.isfinite(found.known[i, owner])]
    trials = [(i, p) for i in asking for p in range(found.known.shape[1]) if np.isfinite(found.known[i, p])]
    scores = np.array([found.known[i, p] for i, p in trials])
    fusion = fit_fusion({"face": scores}, np.array([p == found.owners[i] for i, p in trials]))
    losses = []
    for i in asking:
        ratios = {p: float(fusion.ratios({"face": found.known[i, p]})) for j, p in trials if j == i}
        total = sum(np.exp(ratio) for ratio in ratios.values())
        losses.append(-np.log(np.exp(ratios[int(found.owners[i])]) / total))
    return float(np.mean(losses))


def test_surprise_is_the_mean_cross_entropy_of_the_calibrated_scores() -> None:
    rng = np.random.default_rng(0)
    owners = np.repeat(np.arange(4), 3)
    known = (rng.normal(size=(12, 4)) + 2 * np.eye(4)[owners]).astype(np.float32)
    known[2, 3] = known[0, 0] = np.nan  # one column without a row, one clip whose person has no other
    found = HeldOut(tuple("abcdefghijkl"), owners, known, known)
    assert surprise(found) == pytest.approx(cross_entropy_by_loop(found), rel=1e-5)
    better = HeldOut(found.clips, owners, (known + 3 * np.eye(4)[owners]).astype(np.float32), known)
    assert 0 < surprise(better) < surprise(found)


def test_where_nothing_can_be_told_the_surprise_is_undefined() -> None:
    nan = np.full((3, 2), np.nan, dtype=np.float32)
    assert np.isnan(surprise(HeldOut(tuple("abc"), np.array([0, 0, 1]), nan, nan)))
    alone = np.array([[1.0, np.nan], [2.0, np.nan]], dtype=np.float32)
    assert np.isnan(surprise(HeldOut(tuple("ab"), np.array([0, 0]), alone, alone)))
