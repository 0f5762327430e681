"""Folders of pools: written, read, and refused where they are damaged."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.pipeline.game_pool_folder import FACES, VOICES, GamePool, PoolItem, has_levels

ITEMS = tuple(
    PoolItem(name, f"p-{name}", gender, f"{name}.jpg", f"{name}.wav")
    for name, gender in zip("abcd", "ffmm", strict=True)
)
SIMILARITY = np.array([[0.9, 0.1, 0, 0], [0.5, 0.4, 0, 0], [0, 0, 0.3, 0.3], [0, 0, 0.2, 0.8]], dtype=np.float32)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pool = GamePool(tmp_path / "pool", ITEMS, "base", SIMILARITY)
    for item in ITEMS:
        for name, file in ((FACES, item.face), (VOICES, item.voice)):
            (pool.folder / name).mkdir(parents=True, exist_ok=True)
            (pool.folder / name / file).write_bytes(b"x")
    pool.save()
    return pool.folder


def test_what_is_saved_is_read(folder: Path) -> None:
    pool = GamePool.load(folder)
    assert (pool.items, pool.model, pool.simulated, pool.has_levels) == (ITEMS, "base", False, True)
    np.testing.assert_array_equal(pool.similarity, SIMILARITY)
    assert pool.face_file("b") == folder / "faces" / "b.jpg"
    assert pool.voice_file("b") == folder / "voices" / "b.wav"
    assert pool.genders == {"a": "f", "b": "f", "c": "m", "d": "m"}
    assert "a" in pool
    assert "x" not in pool


@pytest.mark.parametrize(
    ("voice", "left", "right", "chosen"),
    [("a", "a", "b", "a"), ("a", "b", "a", "a"), ("b", "a", "b", "a"), ("c", "c", "d", "c"), ("c", "d", "c", "d")],
)
def test_the_model_chooses_the_more_similar_face_and_the_left_one_of_equals(
    folder: Path, voice: str, left: str, right: str, chosen: str
) -> None:
    assert GamePool.load(folder).model_choice(voice, left, right) == chosen


@pytest.mark.parametrize(
    ("genders", "is_so"),
    [
        ("ffmm", True),
        ("fmm", False),
        ("ffm", False),
        ("ffffff", False),
        ((None, "f", "f", "m", "m"), False),
        ((), False),
    ],
)
def test_levels_need_two_of_each_and_nobody_unknown(genders: Any, is_so: bool) -> None:
    assert has_levels(list(genders)) == is_so


def change(**values: Any) -> Callable[[dict[str, Any]], None]:
    return lambda about: about["items"][0].update(values)


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (lambda about: about.update(format="other"), "format is 'other'"),
        (lambda about: about.pop("model"), "'model'"),
        (lambda about: about.update(items=about["items"][:1]), "1 people, and two faces are shown"),
        (change(id="b"), "`id` must differ"),
        (change(person="p-b"), "`person` must differ"),
        (change(gender="x"), "`gender` of 'a' is 'x'"),
        (change(face="../../secret"), "no name of a file"),
        (change(voice=".."), "no name of a file"),
        (change(extra=1), "extra"),
        (lambda about: about.update(items=about["items"][:3]), "no finite matrix of 3 x 3"),
    ],
)
def test_a_damaged_pool_is_one_line(folder: Path, spoil: Callable[[dict[str, Any]], None], reason: str) -> None:
    about = json.loads((folder / "pool.json").read_text())
    spoil(about)
    (folder / "pool.json").write_text(json.dumps(about))
    with pytest.raises(DataError, match="is damaged .*--overwrite") as caught:
        GamePool.load(folder)
    assert reason in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["pool.json", "similarity.npy", "faces/a.jpg", "voices/d.wav"])
def test_a_missing_file_is_named(folder: Path, name: str) -> None:
    (folder / name).unlink()
    with pytest.raises(DataError, match=f"(lacks|:) {name}.*visavox game pool --out"):
        GamePool.load(folder)


@pytest.mark.parametrize("name", ["pool.json", "similarity.npy"])
def test_a_file_of_nonsense_is_one_line(folder: Path, name: str) -> None:
    (folder / name).write_bytes(b"\x80nonsense")
    with pytest.raises(DataError, match="is damaged"):
        GamePool.load(folder)
