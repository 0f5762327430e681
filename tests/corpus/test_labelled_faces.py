"""Tables of labelled faces, whole and broken."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.corpus.labelled_faces import RACES, read_labelled_faces
from visavox.errors import DataError


def table(path: Path, **changed: Any) -> Path:
    """Write six faces, columns replaced by `changed`; None leaves a column out."""
    columns: dict[str, Any] = {
        "key": [f"face-{i}" for i in range(6)],
        "image_jpeg": [bytes([i]) * 4 for i in range(6)],
        "age": [5, 16, 30, 40, 70, 101],
        "gender": ["m", "f", "m", "f", "m", "f"],
        "race": [0, 1, 2, 3, 4, 0],
    }
    columns.update(changed)
    pq.write_table(pa.table({name: values for name, values in columns.items() if values is not None}), path)
    return path


def test_rows_come_as_they_stand(tmp_path: Path) -> None:
    faces = read_labelled_faces(table(tmp_path / "faces.parquet"))
    assert faces.keys == tuple(f"face-{i}" for i in range(6))
    assert faces.images[3] == b"\x03" * 4
    assert faces.age.tolist() == [5, 16, 30, 40, 70, 101]
    assert faces.male.tolist() == [True, False] * 3
    assert [RACES[code] for code in faces.race] == ["white", "black", "asian", "indian", "other", "white"]


def test_children_are_left_out(tmp_path: Path) -> None:
    faces = read_labelled_faces(table(tmp_path / "faces.parquet"), youngest=16)
    assert faces.keys == tuple(f"face-{i}" for i in range(1, 6))
    assert faces.images[0] == b"\x01" * 4
    assert faces.age.min() == 16


def test_a_draw_is_a_matter_of_the_seed(tmp_path: Path) -> None:
    path = table(tmp_path / "faces.parquet")
    drawn = [read_labelled_faces(path, limit=3, seed=seed).keys for seed in (0, 0, 1, 2, 3)]
    assert drawn[0] == drawn[1]
    assert len(set(drawn)) > 1
    assert all(len(keys) == 3 and list(keys) == sorted(keys) for keys in drawn)


def test_a_limit_above_all_takes_all(tmp_path: Path) -> None:
    assert len(read_labelled_faces(table(tmp_path / "faces.parquet"), limit=100).keys) == 6


@pytest.mark.parametrize("name", ["key", "image_jpeg", "age", "gender", "race"])
def test_a_missing_column_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataError, match=f"Missing: {name}."):
        read_labelled_faces(table(tmp_path / "faces.parquet", **{name: None}))


@pytest.mark.parametrize(
    ("name", "values", "said"),
    [
        ("age", [5, 16, -1, 40, 70, 101], "`age` of row 2 .* must be 0 to 130 years. Got -1"),
        ("race", [0, 1, 2, 9, 4, 0], "`race` of row 3 .* must be 0 to 4. Got 9"),
        ("gender", ["m", "x", "m", "f", "m", "f"], "`gender` of row 1 .* Got 'x'"),
    ],
)
def test_a_label_out_of_range_is_named_with_its_row(tmp_path: Path, name: str, values: list[Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        read_labelled_faces(table(tmp_path / "faces.parquet", **{name: values}))


def test_nobody_old_enough(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds nobody of 120 years or more. Got 6 younger faces"):
        read_labelled_faces(table(tmp_path / "faces.parquet"), youngest=120)


def test_what_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "text.parquet").write_text("hello")
    for name in ("text.parquet", "none.parquet"):
        with pytest.raises(DataError, match="is not a readable Parquet file of faces") as caught:
            read_labelled_faces(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_the_real_table(real_data: Path) -> None:
    faces = read_labelled_faces(real_data / "utkface64" / "faces.parquet", youngest=16, limit=50)
    assert len(faces.images) == 50
    assert all(data[:2] == b"\xff\xd8" for data in faces.images)
    assert np.isfinite(faces.age).all()
