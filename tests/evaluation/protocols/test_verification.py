from __future__ import annotations

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trial_drawing import draw_verification
from visavox.corpus.trials import VerificationTrials
from visavox.errors import DataError
from visavox.evaluation.baselines import GenderAlone
from visavox.evaluation.measures import ProtocolResult
from visavox.evaluation.protocols.verification import N_CURVE_POINTS, some_of_each_row
from visavox.metrics.verification import equal_error_rate, min_detection_cost
from visavox.registry import PROTOCOLS

N = 40


def tables(noise: float = 0.8, n: int = N, gender: bool = True):
    rng = np.random.default_rng(0)
    latent = rng.normal(size=(n, 4))
    names = tuple(f"c{i:03d}" for i in range(n))
    columns = {"gender": tuple("fm"[i % 2] for i in range(n))} if gender else {}
    made = []
    for modality in ("voice", "face"):
        vectors = latent + noise * rng.normal(size=latent.shape)
        keys = tuple(f"{name}/{modality}" for name in names)
        made.append(EmbeddingTable(modality, "e", keys, names, names, (None,) * n, columns, vectors))
    return tuple(made)


def evaluate(voice, face, *, direction="voice_to_face", trials=None, seed=0, scorer=None, **arguments):
    settings = {"name": "verification", "n_resamples": 60} | arguments
    hook = {} if scorer is None else {"scorer": scorer}
    return PROTOCOLS.build(settings).evaluate(
        voice, face, direction=direction, rng=np.random.default_rng(seed), trials=trials, **hook
    )


def values(result: ProtocolResult, group: str = "all") -> list[float]:
    return [m.value for m in result.measures if m.group == group]


def test_all_pairs_give_the_figures_of_the_metrics() -> None:
    voice, face = tables()
    scores = np.round(voice.vectors.astype(float) @ face.vectors.astype(float).T, 7).ravel()
    labels = np.eye(N, dtype=bool).ravel()
    expected = [
        roc_auc_score(labels, scores),
        equal_error_rate(scores, labels),
        min_detection_cost(scores, labels, target_prior=0.01),
        min_detection_cost(scores, labels, target_prior=0.05),
    ]
    result = evaluate(voice, face)
    assert values(result) == pytest.approx(expected, abs=1e-12)
    assert [m.measure for m in result.measures[:4]] == ["auc", "eer", "min_dcf_0.01", "min_dcf_0.05"]
    assert [m.chance for m in result.measures[:4]] == [0.5, 0.5, 1.0, 1.0]
    assert all(m.low <= m.value <= m.high for m in result.measures)
    assert result.find("auc").count == N * N
    assert result.find("auc").n_people == N


def test_same_gender_pairs_are_those_of_one_gender() -> None:
    voice, face = tables()
    scores = voice.vectors.astype(float) @ face.vectors.astype(float).T
    same = np.arange(N)[:, None] % 2 == np.arange(N) % 2
    expected = roc_auc_score(np.eye(N, dtype=bool)[same], scores[same])
    found = evaluate(voice, face).find("auc", group="same_gender")
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.count == N * N // 2


def test_all_pairs_are_one_question_in_both_directions() -> None:
    voice, face = tables()
    forward, backward = (evaluate(voice, face, direction=d) for d in ("voice_to_face", "face_to_voice"))
    assert values(forward) == pytest.approx(values(backward), abs=1e-12)


def test_large_tables_use_some_negatives_of_each_probe() -> None:
    voice, face = tables()
    full, some = evaluate(voice, face), evaluate(voice, face, max_pairs=N * N - 1, n_negatives=5)
    assert some.find("auc").count == N + 5 * N
    assert some.find("auc").value == pytest.approx(full.find("auc").value, abs=0.05)
    assert some.find("auc").value != full.find("auc").value
    again = evaluate(voice, face, max_pairs=N * N - 1, n_negatives=5)
    assert again == some


def test_some_of_each_row_takes_no_more_than_there_are() -> None:
    mask = np.array([[True, True, True, True], [False, True, False, False], [False] * 4])
    chosen = some_of_each_row(mask, 2, np.random.default_rng(0))
    assert chosen.sum(axis=1).tolist() == [2, 1, 0]
    assert (mask | ~chosen).all()
    drawn = sum(some_of_each_row(mask, 2, np.random.default_rng(seed))[0].astype(int) for seed in range(400))
    np.testing.assert_allclose(drawn / 400, 0.5, atol=0.1)


def test_curves_run_from_nothing_to_everything_and_stay_small() -> None:
    result = evaluate(*tables(n=150), n_resamples=2)
    curves = {curve.name: curve for curve in result.curves if curve.group == "all"}
    assert set(curves) == {"roc", "det", "histogram_positive", "histogram_negative"}
    roc, det = curves["roc"], curves["det"]
    assert (roc.x[0], roc.y[0], roc.x[-1], roc.y[-1]) == (0, 0, 1, 1)
    assert len(roc.x) == N_CURVE_POINTS
    np.testing.assert_allclose(np.array(roc.y), 1 - np.array(det.y))
    area = np.trapezoid(roc.y, roc.x)
    assert area == pytest.approx(result.find("auc").value, abs=0.01)


def test_histograms_hold_every_pair_once() -> None:
    for curve in evaluate(*tables()).curves:
        if curve.name.startswith("histogram"):
            assert sum(curve.y) == pytest.approx(1.0)
            assert list(curve.x) == sorted(curve.x)


def test_a_constant_model_scores_chance() -> None:
    voice, face = (t.replace_vectors(np.ones((N, 2)), "constant") for t in tables())
    for row in evaluate(voice, face).measures:
        assert (row.value, row.low, row.high) == pytest.approx((row.chance,) * 3, abs=1e-12)


def test_without_gender_labels_the_group_is_undefined() -> None:
    result = evaluate(*tables(gender=False))
    rows = [m for m in result.measures if m.group == "same_gender"]
    assert [m.note for m in rows] == ["no gender labels"] * 4
    assert np.isnan([m.value for m in rows]).all()


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_a_list_is_scored_pair_by_pair(direction: str) -> None:
    voice, face = tables()
    probes, gallery = (voice, face) if direction == "voice_to_face" else (face, voice)
    trials = draw_verification(
        probes.links(), gallery.links(), direction=direction, rng=np.random.default_rng(4), group="same_gender"
    )
    result = evaluate(voice, face, trials=trials, direction=direction)
    rows = [probes.clips.index(clip) for clip in trials.probes]
    columns = [gallery.clips.index(clip) for clip in trials.candidates]
    scores = (probes.vectors[rows].astype(float) * gallery.vectors[columns].astype(float)).sum(axis=1).round(7)
    found = result.find("auc", group="same_gender")
    assert found.value == pytest.approx(roc_auc_score(trials.labels, scores), abs=1e-12)
    assert found.count == len(trials.labels)
    assert found.low < found.value < found.high
    expected = equal_error_rate(scores, np.array(trials.labels))
    assert result.find("eer", group="same_gender").value == pytest.approx(expected, abs=1e-12)


def test_a_list_of_one_kind_is_undefined() -> None:
    voice, face = tables()
    for trials in (
        VerificationTrials("voice_to_face", "all", ("c000",), ("c000",), (True,)),
        VerificationTrials("voice_to_face", "all", (), (), ()),
    ):
        rows = evaluate(voice, face, trials=trials).measures
        assert [m.note for m in rows] == ["the list needs true and false pairs"] * 4


def test_a_list_of_another_direction_is_refused() -> None:
    trials = VerificationTrials("face_to_voice", "all", ("c000", "c000"), ("c000", "c001"), (True, False))
    with pytest.raises(DataError, match="list is for face_to_voice"):
        evaluate(*tables(), trials=trials)


def test_a_baseline_without_labels_leaves_a_list_undefined() -> None:
    trials = VerificationTrials("voice_to_face", "all", ("c000", "c000"), ("c000", "c001"), (True, False))
    rows = evaluate(*tables(gender=False), trials=trials, scorer=GenderAlone()).measures
    assert [m.note for m in rows] == ["no gender labels"] * 4
    defined = evaluate(*tables(), trials=trials, scorer=GenderAlone())
    assert defined.find("auc").value == 1.0
