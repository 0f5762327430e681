"""Pairs by clip, by person where no clip is shared, and never across people."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import Modality
from visavox.corpus.pairing import match_clips
from visavox.errors import DataError


def table(modality: Modality, rows: list[tuple[str, str]], **changes: Any) -> EmbeddingTable:
    """Return a table of (clip, person) rows; rows of one clip get numbered keys."""
    n_rows = len(rows)
    values: dict[str, Any] = {
        "modality": modality,
        "encoder": "e",
        "keys": tuple(f"{clip}/{modality}/{i}" for i, (clip, _) in enumerate(rows)),
        "clips": tuple(clip for clip, _ in rows),
        "identities": tuple(person for _, person in rows),
        "videos": (None,) * n_rows,
        "attributes": {},
        "vectors": np.ones((n_rows, 2)),
    }
    return EmbeddingTable(**{**values, **changes})


def pairs(voice: EmbeddingTable, face: EmbeddingTable) -> list[tuple[int, int]]:
    voice_rows, face_rows = match_clips(voice, face)
    assert voice_rows.dtype == face_rows.dtype == np.intp
    return list(zip(voice_rows.tolist(), face_rows.tolist(), strict=True))


def test_each_voice_finds_the_face_of_its_clip() -> None:
    voice = table("voice", [("a", "Ann"), ("b", "Bob"), ("c", "Cy")])
    face = table("face", [("c", "Cy"), ("a", "Ann"), ("b", "Bob")])
    assert pairs(voice, face) == [(0, 1), (1, 2), (2, 0)]


def test_rows_without_a_partner_are_left_out() -> None:
    voice = table("voice", [("a", "Ann"), ("b", "Bob")])
    face = table("face", [("b", "Bob"), ("z", "Zoe")])
    assert pairs(voice, face) == [(1, 0)]


def test_several_voices_and_faces_of_a_clip_all_pair() -> None:
    voice = table("voice", [("a", "Ann"), ("a", "Ann")])
    face = table("face", [("a", "Ann"), ("a", "Ann"), ("b", "Bob")])
    assert pairs(voice, face) == [(0, 0), (0, 1), (1, 0), (1, 1)]


def test_a_shared_person_does_not_pair_rows_where_clips_do() -> None:
    voice = table("voice", [("a1", "Ann"), ("a2", "Ann")])
    face = table("face", [("a2", "Ann"), ("a3", "Ann")])
    assert pairs(voice, face) == [(1, 0)]


def test_unpaired_tables_pair_within_a_person_and_repeat_the_shorter_list() -> None:
    voice = table("voice", [("v1", "Ann"), ("v2", "Bob"), ("v3", "Ann"), ("v4", "Ann")])
    face = table("face", [("f1", "Bob"), ("f2", "Ann"), ("f3", "Ann")])
    found = pairs(voice, face)
    assert found == [(0, 1), (1, 0), (2, 2), (3, 1)]
    assert all(voice.identities[i] == face.identities[j] for i, j in found)


def test_more_faces_than_voices_repeat_the_voice() -> None:
    voice = table("voice", [("v1", "Ann")])
    face = table("face", [("f1", "Ann"), ("f2", "Ann"), ("f3", "Ann")])
    assert pairs(voice, face) == [(0, 0), (0, 1), (0, 2)]


def test_unpaired_pairs_do_not_depend_on_the_order_of_rows() -> None:
    rows = [(f"v{i}", f"p{i % 3}") for i in range(10)]
    keys = [f"k{clip}" for clip, _ in rows]
    face = table("face", [(f"f{i}", f"p{i % 3}") for i in range(7)])
    voice = table("voice", rows, keys=tuple(keys))
    expected = {(voice.keys[i], face.keys[j]) for i, j in pairs(voice, face)}
    order = np.random.default_rng(0).permutation(10)
    mixed = voice.select(order)
    assert {(mixed.keys[i], face.keys[j]) for i, j in pairs(mixed, face)} == expected


def test_a_clip_with_the_voice_of_one_and_the_face_of_another_is_an_error() -> None:
    voice, face = table("voice", [("a", "Ann")]), table("face", [("a", "Bob")])
    with pytest.raises(DataError, match="Clip 'a' has the voice of 'Ann' and the face of 'Bob'"):
        match_clips(voice, face)


def test_nothing_in_common_is_an_error_with_counts() -> None:
    voice, face = table("voice", [("a", "Ann"), ("b", "Bob")]), table("face", [("z", "Zoe")])
    with pytest.raises(DataError, match="The 2 voices and 1 faces have no clip and no person in common"):
        match_clips(voice, face)


def test_empty_tables_have_nothing_in_common() -> None:
    with pytest.raises(DataError, match="The 0 voices and 0 faces"):
        match_clips(table("voice", []), table("face", []))


def test_swapped_tables_are_an_error() -> None:
    voice, face = table("voice", [("a", "Ann")]), table("face", [("a", "Ann")])
    with pytest.raises(DataError, match=r"The voice table must hold voices. Got a table of faces. Swap them"):
        match_clips(face, voice)
    with pytest.raises(DataError, match="The face table must hold faces"):
        match_clips(voice, voice)
