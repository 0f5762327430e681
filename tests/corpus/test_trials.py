"""Trial records: what they refuse and which rows of the tables they mean."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import Modality
from visavox.corpus.trials import MatchingTrials, RetrievalTrials, TrialSet, VerificationTrials, clip_rows
from visavox.errors import ConfigError, DataError


def table(modality: Modality, clips: list[str], keys: list[str] | None = None) -> EmbeddingTable:
    n_rows = len(clips)
    names = tuple(keys or [f"{clip}/{modality}" for clip in clips])
    return EmbeddingTable(modality, "e", names, tuple(clips), tuple(clips), (None,) * n_rows, {}, np.ones((n_rows, 1)))


VOICE = table("voice", ["a", "b", "c"])
FACE = table("face", ["c", "b", "a"])


def test_rows_of_matching_trials_put_the_positive_first() -> None:
    trials = MatchingTrials("voice_to_face", "all", ("a", "c"), (("a", "b", "c"), ("c", "a", "b")))
    probes, candidates = trials.rows(VOICE, FACE)
    assert probes.tolist() == [0, 2]
    assert candidates.tolist() == [[2, 1, 0], [0, 2, 1]]
    assert trials.n_candidates == 3


def test_the_other_direction_swaps_the_tables() -> None:
    trials = MatchingTrials("face_to_voice", "all", ("a", "c"), (("a", "b"), ("c", "a")))
    probes, candidates = trials.rows(VOICE, FACE)
    assert probes.tolist() == [2, 0]
    assert candidates.tolist() == [[0, 1], [2, 0]]


def test_rows_of_verification_and_retrieval() -> None:
    pairs = VerificationTrials("voice_to_face", "all", ("a", "b"), ("a", "c"), (True, False))
    assert [rows.tolist() for rows in pairs.rows(VOICE, FACE)] == [[0, 1], [2, 0]]
    swapped = VerificationTrials("face_to_voice", "all", ("a", "b"), ("a", "c"), (True, False))
    assert [rows.tolist() for rows in swapped.rows(VOICE, FACE)] == [[2, 1], [0, 2]]
    search = RetrievalTrials("voice_to_face", ("c",), ("a", "b"))
    assert [rows.tolist() for rows in search.rows(VOICE, FACE)] == [[2], [2, 1]]
    back = RetrievalTrials("face_to_voice", ("c",), ("a", "b"))
    assert [rows.tolist() for rows in back.rows(VOICE, FACE)] == [[0], [0, 1]]


def test_no_trials_have_no_rows_and_no_candidates() -> None:
    trials = MatchingTrials("voice_to_face", "all", (), ())
    assert trials.n_candidates == 0
    probes, candidates = trials.rows(VOICE, FACE)
    assert probes.shape == (0,)
    assert candidates.shape == (0, 0)


def test_one_candidate_is_no_choice() -> None:
    with pytest.raises(ConfigError, match=r"`n_candidates` must be at least 2. Got 1"):
        MatchingTrials("voice_to_face", "all", ("a",), (("a",),))


def test_trials_of_two_sizes_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"equally many candidates. Got \[2, 3\]"):
        MatchingTrials("voice_to_face", "all", ("a", "b"), (("a", "b"), ("b", "a", "c")))
    with pytest.raises(ConfigError, match="equally many candidates"):
        MatchingTrials("voice_to_face", "all", ("a", "b"), (("a", "b"),))


def test_a_clip_that_the_table_lacks_is_named() -> None:
    trials = MatchingTrials("voice_to_face", "all", ("a",), (("a", "stranger"),))
    with pytest.raises(DataError, match="name the clip 'stranger', which the face table does not hold"):
        trials.rows(VOICE, FACE)


def test_of_several_rows_of_a_clip_the_first_key_counts_whatever_the_order() -> None:
    several = table("voice", ["a", "a", "a"], ["a/voice/2", "a/voice", "a/voice/1"])
    assert clip_rows(several, ["a", "a"]).tolist() == [1, 1]


def test_a_trial_set_compares_by_content() -> None:
    first, second = (TrialSet(0, {"x": RetrievalTrials("voice_to_face", ("a",), ("a", "b"))}) for _ in range(2))
    assert first == second
    assert first != TrialSet(1, first.lists)
