"""Calibration and fusion against scikit-learn, closed forms, and what a missing modality does."""

from __future__ import annotations

import math
import subprocess
import sys

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from visavox.errors import DataError
from visavox.identification.score_fusion import COMBINATIONS, PENALTY, Fusion, fit_fusion, fused_ratios


def made(seed: int = 0, n: int = 200) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Overlapping scores of two modalities, on scales of their own."""
    rng = np.random.default_rng(seed)
    same = np.arange(n) < n // 4
    return {"voice": rng.normal(size=n) + 1.5 * same, "face": 30 * (rng.normal(size=n) + 2.0 * same) - 7}, same


def by_scikit_learn(scores: dict[str, np.ndarray], same: np.ndarray) -> tuple[np.ndarray, float]:
    """Weights and intercept, where a trial of target t is one true trial of weight t and one false of weight 1 - t."""
    matrix = np.stack(list(scores.values()), axis=1)
    centre, width = matrix.mean(axis=0), matrix.std(axis=0)
    n_true, n_false = same.sum(), (~same).sum()
    targets = np.where(same, (n_true + 1) / (n_true + 2), 1 / (n_false + 2))
    shares = np.where(same, 0.5 / n_true, 0.5 / n_false)
    twice = np.concatenate([(matrix - centre) / width] * 2)
    labels = np.repeat([1, 0], len(same))
    counts = np.concatenate([shares * targets, shares * (1 - targets)])
    fitted = LogisticRegression(C=1 / PENALTY, tol=1e-10, max_iter=1000).fit(twice, labels, sample_weight=counts)
    weights = fitted.coef_[0] / width
    return weights, float(fitted.intercept_[0] - weights @ centre)


@pytest.mark.parametrize("modalities", [("voice",), ("face",), ("voice", "face")])
def test_weights_are_those_of_scikit_learn(modalities: tuple[str, ...]) -> None:
    scores, same = made()
    chosen = {m: scores[m] for m in modalities}
    fusion = fit_fusion(chosen, same)  # type: ignore[arg-type]
    weights, intercept = by_scikit_learn(chosen, same)
    np.testing.assert_allclose(list(fusion.weights.values()), weights, rtol=2e-3)
    assert fusion.intercept == pytest.approx(intercept, rel=5e-3, abs=2e-3)
    assert tuple(fusion.weights) == modalities


def test_ratios_of_normal_scores_are_near_their_closed_form() -> None:
    # Two normal distributions of width 1, at 0 and 2: the log likelihood ratio is 2 s - 2.
    rng = np.random.default_rng(3)
    same = np.arange(60_000) < 20_000
    fusion = fit_fusion({"voice": rng.normal(size=60_000) + 2.0 * same}, same)
    assert fusion.weights["voice"] == pytest.approx(2, abs=0.08)
    assert fusion.intercept == pytest.approx(-2, abs=0.08)


def test_scores_on_another_scale_give_the_same_ratios() -> None:
    scores, same = made()
    moved = {m: 1000 * values + 5 for m, values in scores.items()}
    plain = fit_fusion(scores, same).ratios(scores)  # type: ignore[arg-type]
    assert np.ptp(plain) > 5
    np.testing.assert_allclose(fit_fusion(moved, same).ratios(moved), plain, atol=1e-6)  # type: ignore[arg-type]


def test_both_classes_weigh_the_same_however_many_trials_they_have() -> None:
    scores, same = made()
    rows = np.concatenate([np.flatnonzero(same), np.repeat(np.flatnonzero(~same), 5)])
    more = fit_fusion({"voice": scores["voice"][rows]}, same[rows])
    plain = fit_fusion({"voice": scores["voice"]}, same)
    assert more.intercept == pytest.approx(plain.intercept, abs=0.1)
    assert more.weights["voice"] == pytest.approx(plain.weights["voice"], rel=0.1)


def test_separable_scores_end_at_ratios_that_so_many_trials_support() -> None:
    few, many = (
        fit_fusion({"face": np.repeat([1.0, 0.0], n)}, np.repeat([True, False], n)).ratios({"face": np.array([1.0])})
        for n in (3, 300)
    )
    # Without a penalty the fit would be the target itself, n + 1 to 1.
    assert 0 < few[0] <= math.log(4)
    assert few[0] < many[0] <= math.log(301)
    assert few[0] == pytest.approx(math.log(4), abs=0.05)


def test_more_likeness_is_never_evidence_against_a_person() -> None:
    scores, same = made()
    fusion = fit_fusion({"voice": scores["voice"], "face": -scores["face"]}, same)
    assert fusion.weights["face"] == 0
    assert fusion.weights["voice"] == pytest.approx(fit_fusion({"voice": scores["voice"]}, same).weights["voice"], 0.01)


def test_constant_scores_say_nothing() -> None:
    fusion = fit_fusion({"voice": np.full(6, 3.0)}, np.arange(6) < 2)
    assert (fusion.weights, fusion.intercept) == ({"voice": 0.0}, 0.0)
    scores, same = made()
    beside = fit_fusion({"voice": scores["voice"], "face": np.zeros(200)}, same)
    assert beside.weights["face"] == 0
    assert beside.weights["voice"] > 0.5


def test_the_order_of_trials_does_not_matter() -> None:
    scores, same = made()
    order = np.random.default_rng(1).permutation(len(same))
    plain = fit_fusion(scores, same)  # type: ignore[arg-type]
    shuffled = fit_fusion({m: v[order] for m, v in scores.items()}, same[order])  # type: ignore[misc]
    assert shuffled.intercept == pytest.approx(plain.intercept, rel=1e-3)


@pytest.mark.parametrize(
    ("scores", "same", "words"),
    [
        ({"voice": [1.0, 2.0]}, [True], r"^Each trial needs one score a modality\. Got \[\(2,\)\] for \(1,\)\.$"),
        ({"voice": [1.0, np.nan]}, [True, False], r"^Scores that are fused must be finite\. Embed and enrol again\.$"),
        ({"voice": [1.0, 2.0]}, [True, True], r"needs true and false trials\. Got 2 and 0\. Enrol more clips\.$"),
        ({"voice": [1.0]}, [False], "Got 0 and 1"),
    ],
)
def test_trials_that_cannot_calibrate_are_refused(scores: dict[str, list[float]], same: list[bool], words: str) -> None:
    with pytest.raises(DataError, match=words):
        fit_fusion({m: np.array(v) for m, v in scores.items()}, np.array(same))  # type: ignore[misc]


FUSIONS = {
    ("voice",): Fusion({"voice": 2.0}, -1.0),
    ("face",): Fusion({"face": 3.0}, -4.0),
    ("voice", "face"): Fusion({"voice": 1.5, "face": 2.5}, -3.0),
}


def test_ratios_of_both_modalities_add_with_their_weights() -> None:
    voice, face = np.array([1.0, 0.5]), np.array([2.0, -1.0])
    found = fused_ratios({"face": face, "voice": voice}, FUSIONS)  # type: ignore[arg-type]
    assert found.tolist() == [1.5 * 1 + 2.5 * 2 - 3, 1.5 * 0.5 - 2.5 - 3]
    assert fused_ratios({"voice": voice}, FUSIONS).tolist() == [1, 0]  # type: ignore[arg-type]
    assert fused_ratios({"face": face}, FUSIONS).tolist() == [2, -7]  # type: ignore[arg-type]


def test_a_missing_modality_adds_nothing_and_the_other_speaks_alone() -> None:
    voice = np.array([[1.0, np.nan, 1.0, np.nan]])
    face = np.array([[2.0, 2.0, np.nan, np.nan]])
    found = fused_ratios({"voice": voice, "face": face}, FUSIONS)  # type: ignore[arg-type]
    assert found.shape == (1, 4)
    assert found[0, :3].tolist() == [3.5, 2, 1]
    assert np.isnan(found[0, 3])


def test_the_combinations_are_each_modality_and_both() -> None:
    assert COMBINATIONS == (("voice",), ("face",), ("voice", "face"))
    assert FUSIONS[("voice",)].plain() == {"weights": {"voice": 2.0}, "intercept": -1.0}


def test_who_asks_does_not_wait_for_what_only_fits() -> None:
    """`identify` took 0.19 s longer to start, since it imported an optimiser that it never calls."""
    code = "import sys, visavox.identification.enrolled_people; print('scipy.optimize' in sys.modules)"
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "False\n"
