from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.trial_drawing import list_retrieval
from visavox.corpus.trials import RetrievalTrials
from visavox.errors import ConfigError, DataError
from visavox.evaluation.protocols.retrieval import Retrieval
from visavox.registry import PROTOCOLS

N_PEOPLE, CLIPS = 15, 2
N = N_PEOPLE * CLIPS


def tables(noise: float = 0.6):
    """Fifteen people of two clips each."""
    rng = np.random.default_rng(0)
    person = np.repeat(np.arange(N_PEOPLE), CLIPS)
    latent = rng.normal(size=(N_PEOPLE, 4))[person]
    names = tuple(f"c{i:03d}" for i in range(N))
    made = []
    for modality in ("voice", "face"):
        vectors = latent + noise * rng.normal(size=latent.shape)
        keys = tuple(f"{name}/{modality}" for name in names)
        people = tuple(f"p{p:02d}" for p in person)
        made.append(EmbeddingTable(modality, "e", keys, names, people, (None,) * N, {}, vectors))
    return tuple(made)


def evaluate(voice, face, *, direction="voice_to_face", trials=None, seed=0, **arguments):
    settings = {"name": "retrieval", "n_resamples": 100} | arguments
    return PROTOCOLS.build(settings).evaluate(
        voice, face, direction=direction, rng=np.random.default_rng(seed), trials=trials
    )


def slow_ranks(probes, gallery, positive, competitor) -> list[list[int]]:
    """For each probe the ranks of its positives among positives and competitors."""
    found = []
    for i in range(len(probes)):
        ranked = sorted(
            (j for j in range(len(gallery)) if positive(i, j) or competitor(i, j)),
            key=lambda j: -float(probes.vectors[i] @ gallery.vectors[j]),
        )
        found.append([rank for rank, j in enumerate(ranked, start=1) if positive(i, j)])
    return found


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_the_measures_are_those_of_a_slow_ranking(direction: str) -> None:
    voice, face = tables()
    probes, gallery = (voice, face) if direction == "voice_to_face" else (face, voice)
    ranks = slow_ranks(probes, gallery, lambda i, j: i == j, lambda i, j: probes.identities[i] != gallery.identities[j])
    first = [own[0] for own in ranks]
    result = evaluate(voice, face, direction=direction)
    assert result.find("map").value == pytest.approx(np.mean([1 / rank for rank in first]))
    assert result.find("median_rank").value == np.median(first)
    for k in (1, 5, 10):
        assert result.find(f"recall_at_{k}").value == pytest.approx(np.mean([rank <= k for rank in first]))
    for row in result.measures:
        assert row.low <= row.value <= row.high
        assert (row.count, row.n_people, row.direction) == (N, N_PEOPLE, direction)


def test_chance_is_that_of_this_very_gallery() -> None:
    result = evaluate(*tables())
    size = N - CLIPS + 1  # the other clip of the person is taken out
    assert result.find("map").chance == pytest.approx(sum(1 / r for r in range(1, size + 1)) / size)
    for k in (1, 5, 10):
        assert result.find(f"recall_at_{k}").chance == pytest.approx(k / size)
    assert result.find("median_rank").chance == (size + 1) / 2


def test_a_constant_model_scores_exactly_chance() -> None:
    voice, face = (t.replace_vectors(np.ones((N, 2)), "constant") for t in tables())
    for row in evaluate(voice, face).measures:
        assert row.value == pytest.approx(row.chance, abs=1e-12)


def test_a_list_finds_everything_of_the_person() -> None:
    voice, face = tables()
    trials = list_retrieval(voice.links()[:20], face.links(), direction="voice_to_face")
    result = evaluate(voice, face, trials=trials)
    probes = voice.select(np.arange(20))

    def same(i: int, j: int) -> bool:
        return probes.identities[i] == face.identities[j]

    ranks = slow_ranks(probes, face, same, lambda i, j: not same(i, j))
    precision = [np.mean([(hit + 1) / rank for hit, rank in enumerate(own)]) for own in ranks]
    assert result.find("map").value == pytest.approx(np.mean(precision))
    assert result.find("recall_at_1").value == pytest.approx(np.mean([own[0] == 1 for own in ranks]))
    assert result.find("map").count == 20


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
def test_a_list_searches_its_own_gallery_only(direction: str) -> None:
    voice, face = tables()
    trials = RetrievalTrials(direction, ("c000", "c003"), ("c001", "c002", "c008"))
    result = evaluate(voice, face, trials=trials, direction=direction)
    assert result.find("recall_at_5").value == 1.0
    assert result.find("recall_at_1").chance == pytest.approx(1 / 3)
    assert result.find("map").n_people == 2
    assert result.curves[0].x == (1.0, 2.0, 3.0)


def test_the_recall_curve_passes_through_the_measures() -> None:
    result = evaluate(*tables())
    curve = result.curves[0]
    assert (curve.name, curve.x[0], curve.x[-1]) == ("recall_at_k", 1.0, float(N))
    assert list(curve.y) == sorted(curve.y)
    assert curve.y[-1] == 1.0
    for k in (1, 5, 10):
        assert curve.y[k - 1] == pytest.approx(result.find(f"recall_at_{k}").value)


def test_other_ks_are_measured_when_asked() -> None:
    result = evaluate(*tables(), ks=[2, 20])
    assert [m.measure for m in result.measures] == ["map", "recall_at_2", "recall_at_20", "median_rank"]


def test_intervals_stay_within_what_is_possible() -> None:
    voice, face = tables(noise=0.01)
    for row in evaluate(voice, face).measures:
        low, high = (1.0, float(N)) if row.measure == "median_rank" else (0.0, 1.0)
        assert low <= row.low <= row.high <= high


def test_one_pair_alone_is_undefined() -> None:
    voice, face = (t.select(np.array([0])) for t in tables())
    rows = evaluate(voice, face).measures
    assert [m.note for m in rows] == ["no probe has an allowed negative"] * 5
    assert np.isnan([m.value for m in rows]).all()


def test_the_same_seed_gives_the_same_result() -> None:
    first, again, other = (evaluate(*tables(), seed=seed) for seed in (3, 3, 4))
    assert first == again
    assert first != other


def test_a_list_of_another_direction_is_refused() -> None:
    trials = RetrievalTrials("face_to_voice", ("c000",), ("c000", "c002"))
    with pytest.raises(DataError, match="list is for face_to_voice"):
        evaluate(*tables(), trials=trials)


@pytest.mark.parametrize("ks", [(), (0,), (5, -1)])
def test_ks_are_numbers_from_one(ks: tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match="`ks` must be numbers from 1"):
        Retrieval(ks=ks)


def test_the_fold_of_a_row_is_its_whole_gallery() -> None:
    """Held-out tables join the folds of a cross-validation; each probe searches the rows of its own fold."""
    voice, face = tables()
    folds = tuple(str(i // CLIPS % 3) for i in range(N))
    joined = evaluate(*(dataclasses.replace(t, attributes={"fold": folds}) for t in (voice, face)))
    parts = [np.flatnonzero(np.array(folds) == fold) for fold in "012"]
    alone = [evaluate(voice.select(rows), face.select(rows)) for rows in parts]
    for measure in ("map", "recall_at_5"):
        expected = np.mean([result.find(measure).value for result in alone])
        assert joined.find(measure).value == pytest.approx(expected)
