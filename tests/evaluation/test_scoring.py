from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.evaluation import scoring
from visavox.evaluation.scoring import dot_product, listed_scores, probe_scores


def table(modality: str, vectors: np.ndarray, encoder: str = "e") -> EmbeddingTable:
    names = tuple(str(i) for i in range(len(vectors)))
    keys = tuple(f"{name}/{modality}" for name in names)
    return EmbeddingTable(modality, encoder, keys, names, names, (None,) * len(names), {}, vectors)


def tables(n_voices: int = 5, n_faces: int = 7) -> tuple[EmbeddingTable, EmbeddingTable]:
    rng = np.random.default_rng(0)
    return table("voice", rng.normal(size=(n_voices, 3))), table("face", rng.normal(size=(n_faces, 3)))


def test_each_score_is_a_sum_of_products() -> None:
    voice, face = tables()
    found = dot_product(voice, face)
    for i in range(5):
        for j in range(7):
            expected = sum(float(a) * float(b) for a, b in zip(voice.vectors[i], face.vectors[j], strict=True))
            assert found[i, j] == pytest.approx(expected, abs=1e-6)


def test_equal_vectors_tie_whatever_the_machine_does_with_the_last_bit() -> None:
    rng = np.random.default_rng(1)
    one = rng.normal(size=(1, 257))
    faces = table("face", np.repeat(one / np.linalg.norm(one), 101, axis=0))
    voices = table("voice", rng.normal(size=(13, 257)))
    assert (np.ptp(dot_product(voices, faces), axis=1) == 0).all()


def test_opposite_zeros_are_one_zero() -> None:
    scores = dot_product(table("voice", np.array([[1.0, 0.0]])), table("face", np.array([[0.0, 1.0], [-1e-12, 1.0]])))
    assert not np.signbit(scores).any()


def test_spaces_must_be_the_same() -> None:
    voice, face = table("voice", np.ones((1, 3)), "ge2e"), table("face", np.ones((1, 2)), "dlib")
    with pytest.raises(DataError, match=r"vectors of 3 numbers \(ge2e\) and 2 \(dlib\). Project both"):
        dot_product(voice, face)


def test_probes_are_the_rows_in_both_directions() -> None:
    voice, face = tables()
    forward = probe_scores(voice, face, direction="voice_to_face", scorer=dot_product)
    backward = probe_scores(voice, face, direction="face_to_voice", scorer=dot_product)
    assert forward.shape == (5, 7)
    np.testing.assert_array_equal(forward, backward.T)


def test_a_scorer_of_another_shape_is_refused() -> None:
    voice, face = tables()
    with pytest.raises(DataError, match=r"one row a voice and one column a face, \(5, 7\). Got \(7, 5\)"):
        probe_scores(voice, face, direction="voice_to_face", scorer=lambda v, f: dot_product(v, f).T)


@pytest.mark.parametrize("direction", ["voice_to_face", "face_to_voice"])
@pytest.mark.parametrize("cells", [3, 20, 10_000])
def test_listed_scores_are_entries_of_the_matrix(direction: str, cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(scoring, "CHUNK_CELLS", cells)
    voice, face = tables()
    rng = np.random.default_rng(2)
    n_probes, n_gallery = (5, 7) if direction == "voice_to_face" else (7, 5)
    probes, candidates = rng.integers(0, n_probes, 30), rng.integers(0, n_gallery, (30, 4))
    found = listed_scores(voice, face, probes, candidates, direction=direction, scorer=dot_product)
    matrix = probe_scores(voice, face, direction=direction, scorer=dot_product)
    np.testing.assert_array_equal(found, matrix[probes[:, None], candidates])
