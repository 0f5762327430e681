"""Prepared items: views of one array, in memory or in a file; names to numbers across modalities."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.batches.media_pairs import MediaPairs, PreparedItems
from visavox.errors import DataError

RNG = np.random.default_rng(0)
VOICES = [RNG.normal(size=(n, 4)).astype(np.float16) for n in (3, 5, 2)]
FACES = [RNG.integers(0, 255, size=(6, 6, 3), dtype=np.uint8) for _ in range(2)]


def pairs(**changes: list[str]) -> MediaPairs:
    names = {
        "voice_people": ["b", "a", "b"],
        "face_people": ["a", "c"],
        "voice_videos": ["v2", "v1", "v3"],
        "face_videos": ["v1", "v4"],
    }
    return MediaPairs.of(PreparedItems.of(VOICES), PreparedItems.of(FACES), **{**names, **changes})


def test_items_come_back_as_they_were() -> None:
    items = PreparedItems.of(VOICES)
    assert len(items) == 3
    for found, given in zip(items, VOICES, strict=True):
        np.testing.assert_array_equal(found, given)
    np.testing.assert_array_equal(items[-1], VOICES[2])
    with pytest.raises(IndexError):
        items[3]


def test_an_item_is_a_view_and_takes_no_memory_of_its_own() -> None:
    items = PreparedItems.of(VOICES)
    assert items[1].base is items.values
    assert items.n_bytes == 10 * 4 * 2


def test_a_map_of_a_file_holds_the_same_items(tmp_path: Path) -> None:
    mapped = PreparedItems.mapped(iter(FACES), tmp_path / "deep" / "faces.bin")
    assert isinstance(mapped.values, np.memmap)
    for found, given in zip(mapped, FACES, strict=True):
        np.testing.assert_array_equal(found, given)
    assert (tmp_path / "deep" / "faces.bin").stat().st_size == mapped.n_bytes
    with pytest.raises(ValueError, match="read-only"):
        mapped[0][0] = 1


@pytest.mark.parametrize("items", [[], [VOICES[0], FACES[0]], [VOICES[0], VOICES[0].astype(np.float32)]])
def test_items_of_several_kinds_or_none_are_refused(items: list[np.ndarray], tmp_path: Path) -> None:
    with pytest.raises(DataError, match="one or more arrays of one type"):
        PreparedItems.of(items)
    with pytest.raises(DataError, match="one or more arrays of one type"):
        PreparedItems.mapped(items, tmp_path / "x.bin")


def test_a_file_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "taken").mkdir()
    with pytest.raises(DataError, match="Cannot write .*taken"):
        PreparedItems.mapped(VOICES, tmp_path / "taken")


def test_people_and_videos_are_numbered_across_modalities() -> None:
    found = pairs()
    assert found.voice_person.tolist() == [1, 0, 1]
    assert found.face_person.tolist() == [0, 2]
    assert found.voice_video[1] == found.face_video[0]
    assert len({*found.voice_video.tolist(), *found.face_video.tolist()}) == 4


def test_the_digest_changes_with_anything_that_is_kept() -> None:
    other_voices = [VOICES[0] + 1, *VOICES[1:]]
    names = {"voice_people": ["b", "a", "b"], "face_people": ["a", "c"], "voice_videos": ["x", "y", "z"]}
    one, other = (
        MediaPairs.of(voices, FACES, **names, face_videos=["u", "v"])  # type: ignore[arg-type]
        for voices in (VOICES, other_voices)
    )
    digests = [pairs().digest(), pairs(face_people=["a", "a"]).digest(), one.digest(), other.digest()]
    assert len(set(digests)) == 4
    assert pairs().digest() == pairs().digest()


def test_it_says_how_large_it_is() -> None:
    assert pairs().n_bytes == 10 * 4 * 2 + 2 * 6 * 6 * 3


def test_names_of_another_length_are_refused() -> None:
    with pytest.raises(DataError, match="Got 2 for 3 voices"):
        pairs(voice_people=["a", "b"])
    with pytest.raises(DataError, match="Got 3 for 2 faces"):
        pairs(face_videos=["a", "b", "c"])


def test_people_of_both_modalities_keep_their_names() -> None:
    items = PreparedItems.of([np.zeros((3, 2)), np.ones((4, 2))])
    pairs = MediaPairs.of(
        items,
        items,
        voice_people=["c", "a"],
        face_people=["a", "b"],
        voice_videos=["x", "y"],
        face_videos=["x", "y"],
    )
    assert pairs.people == ("a", "b", "c")
    assert [pairs.people[person] for person in pairs.voice_person] == ["c", "a"]
    assert [pairs.people[person] for person in pairs.face_person] == ["a", "b"]
