"""The side-by-side test of FaceTones."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import ConfigError, DataError
from visavox.evaluation.protocols.sbs import Sbs, batch_scores
from visavox.evaluation.scoring import UndefinedScoresError
from visavox.registry import PROTOCOLS


def tables(n: int, dim: int = 6, seed: int = 0, people=None) -> tuple[EmbeddingTable, EmbeddingTable]:
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, dim))
    clips = tuple(f"c{i:03}" for i in range(n))
    found = []
    for modality in ("voice", "face"):
        vectors = shared + rng.normal(size=(n, dim))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        keys = tuple(f"{clip}/{modality}" for clip in clips)
        found.append(EmbeddingTable(modality, "e", keys, clips, people or clips, (None,) * n, {}, vectors))  # type: ignore[arg-type]
    return found[0], found[1]


def evaluate(voice, face, batch_size=50, **more):
    return Sbs(batch_size=batch_size, n_resamples=100).evaluate(voice, face, rng=np.random.default_rng(0), **more)


def slow_scores(voice, face, batch_size: int) -> list[float]:
    """As FaceTones does it: batch by batch, the voice asks, and two faces compete."""
    scores = []
    for start in range(0, len(voice), batch_size):
        v, p = (table.vectors[start : start + batch_size].astype(float) for table in (voice, face))
        n = len(v)
        if n < 2:
            continue
        for i in range(n):
            beaten = [round(p[i] @ v[i], 7) > round(p[j] @ v[i], 7) for j in range(n) if j != i]
            scores.append(sum(beaten) / (n - 1))
    return scores


@pytest.mark.parametrize(("n", "batch_size"), [(20, 50), (20, 5), (23, 10), (21, 10)])
def test_scores_are_those_of_the_published_loop(n: int, batch_size: int) -> None:
    voice, face = tables(n)
    slow = slow_scores(voice, face, batch_size)
    found = evaluate(voice, face, batch_size)
    assert found.find("accuracy_side_by_side").value == pytest.approx(np.mean(slow), abs=1e-12)
    assert found.find("median_accuracy").value == pytest.approx(np.median(slow), abs=1e-12)
    assert found.find("variance_of_accuracy").value == pytest.approx(np.var(slow), abs=1e-12)
    assert found.find("accuracy_side_by_side").count == len(slow)
    assert [row.share_beaten for row in found.trials_table] == pytest.approx(slow, abs=1e-12)


def test_similarities_are_means_over_the_batches() -> None:
    voice, face = tables(8)
    found = evaluate(voice, face, 4)
    true, false, hardest = [], [], []
    for start in (0, 4):
        s = voice.vectors[start : start + 4] @ face.vectors[start : start + 4].T
        for i in range(4):
            rivals = [s[i, j] for j in range(4) if j != i]
            true.append(s[i, i])
            false.append(np.mean(rivals))
            hardest.append(max(rivals))
    values = [found.find(name).value for name in ("true_similarity", "false_similarity", "hardest_false_similarity")]
    assert values == pytest.approx([np.mean(true), np.mean(false), np.mean(hardest)], abs=1e-6)


def test_a_tie_is_a_defeat() -> None:
    assert batch_scores(np.zeros((3, 3))).tolist() == [0.0, 0.0, 0.0]
    assert batch_scores(np.eye(3)).tolist() == [1.0, 1.0, 1.0]
    flat = np.ones((4, 2)) / math.sqrt(2)
    voice, face = (table.replace_vectors(flat, "e") for table in tables(4))
    measure = evaluate(voice, face).find("accuracy_side_by_side")
    assert (measure.value, measure.chance) == (0.0, 0.5)
    assert "a tie counts as wrong" in measure.note


def test_the_voice_asks() -> None:
    scores = np.array([[0.5, 0.9], [0.1, 0.2]])  # voice 0 takes face 1 for its own, though face 0 has no better voice
    assert batch_scores(scores).tolist() == [0.0, 1.0]
    with pytest.raises(ConfigError, match="the voice is the query. Got 'face_to_voice'. Use `matching`"):
        evaluate(*tables(4), direction="face_to_voice")


def test_the_hardest_rival_is_one_of_the_own_batch() -> None:
    voice, face = tables(6)
    rows = evaluate(voice, face, 3).trials_table
    for i, row in enumerate(rows):
        batch = range(3) if i < 3 else range(3, 6)
        rivals = {face.keys[j]: float(voice.vectors[i] @ face.vectors[j]) for j in batch if j != i}
        assert row.hardest_negative == max(rivals, key=rivals.__getitem__)
        assert row.negative_score == pytest.approx(max(rivals.values()), abs=1e-6)
        assert (row.probe, row.positive) == (voice.keys[i], face.keys[i])
        assert row.positive_score == pytest.approx(float(voice.vectors[i] @ face.vectors[i]), abs=1e-6)


def test_a_face_that_serves_several_voices_is_taken_once() -> None:
    voice, face = tables(6, people=("a", "a", "b", "b", "c", "c"))
    alone = EmbeddingTable(
        "face", "e", ("x", "y", "z"), ("x", "y", "z"), ("a", "b", "c"), (None,) * 3, {}, face.vectors[:3]
    )
    assert evaluate(voice, alone).find("accuracy_side_by_side").count == 3


def test_intervals_resample_people() -> None:
    voice, face = tables(30, people=tuple(f"p{i % 3}" for i in range(30)))
    found = evaluate(voice, face, 10)
    accuracy = np.array(slow_scores(voice, face, 10))
    means = {accuracy[np.arange(30) % 3 == p].mean() for p in range(3)}
    resampled = found.resamples["all", "accuracy_side_by_side"]
    assert resampled.min() >= min(means) - 1e-12
    assert resampled.max() <= max(means) + 1e-12
    measure = found.find("accuracy_side_by_side")
    assert measure.low < measure.value < measure.high
    assert measure.n_people == 3
    assert found.find("median_accuracy").low <= found.find("median_accuracy").value
    variance = found.resamples["all", "variance_of_accuracy"]
    assert variance.min() >= 0
    assert variance.max() <= 0.25


def test_one_pair_is_undefined_and_a_last_one_alone_is_left_out() -> None:
    found = evaluate(*tables(1))
    assert {m.note for m in found.measures} == {"two pairs are needed"}
    assert len(found.measures) == 6
    assert evaluate(*tables(11), 5).find("accuracy_side_by_side").count == 10


def test_a_scorer_that_has_nothing_to_say_is_undefined() -> None:
    def silent(voice: EmbeddingTable, face: EmbeddingTable) -> np.ndarray:
        raise UndefinedScoresError("no labels")

    assert {m.note for m in evaluate(*tables(4), scorer=silent).measures} == {"no labels"}
    with pytest.raises(DataError, match="Scores must not be NaN. Got 16. Remove the broken embeddings"):
        evaluate(*tables(4), scorer=lambda v, f: np.full((len(v), len(f)), np.nan))


def test_settings_out_of_range_are_refused() -> None:
    with pytest.raises(ConfigError, match="`batch_size` must be at least 2. Got 1. One face has no rival"):
        PROTOCOLS.build({"name": "sbs", "batch_size": 1})
    with pytest.raises(DataError, match=r"A batch needs a square of at least 2 voices x 2 faces. Got \(2, 3\)"):
        batch_scores(np.zeros((2, 3)))
    assert PROTOCOLS.build("sbs").measure_names[0] == "accuracy_side_by_side"
    assert Sbs().batch_size == 50
