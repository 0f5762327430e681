"""Embedding tables: what they refuse, and that saving and loading changes no bit."""

from __future__ import annotations

import dataclasses
import pickle
import resource
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from visavox.corpus.embeddings import EmbeddingTable, check_finite, table_from_items
from visavox.corpus.items import Attribute, ClipLink, MediaItem, item_key
from visavox.errors import DataError


def make(n_rows: int = 3, dim: int = 4, **changes: Any) -> EmbeddingTable:
    values: dict[str, Any] = {
        "modality": "voice",
        "encoder": "ge2e-1",
        "keys": tuple(f"c{i}/voice" for i in range(n_rows)),
        "clips": tuple(f"c{i}" for i in range(n_rows)),
        "identities": tuple(f"p{i // 2}" for i in range(n_rows)),
        "videos": tuple(None if i == 0 else f"v{i}" for i in range(n_rows)),
        "attributes": {"gender": tuple("m" if i % 2 else None for i in range(n_rows))},
        "vectors": np.random.default_rng(0).normal(size=(n_rows, dim)).astype(np.float32),
    }
    return EmbeddingTable(**{**values, **changes})


def assert_same(a: EmbeddingTable, b: EmbeddingTable) -> None:
    for field in dataclasses.fields(EmbeddingTable):
        first, second = getattr(a, field.name), getattr(b, field.name)
        if field.name == "vectors":
            np.testing.assert_array_equal(first, second, strict=True)
        else:
            assert first == second, field.name


def test_lengths_and_dimensions_are_told() -> None:
    table = make(3, 4)
    assert (len(table), table.dim) == (3, 4)


def test_float64_becomes_float32_and_float32_is_not_copied() -> None:
    vectors = np.ones((3, 4))
    assert make(vectors=vectors).vectors.dtype == np.float32
    single = np.ones((3, 4), dtype=np.float32)
    assert make(vectors=single).vectors is single


def test_the_table_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        make().encoder = "other"  # type: ignore[misc]


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 1e300])
def test_a_value_that_is_not_finite_is_refused_with_its_row(bad: float) -> None:
    vectors = np.ones((3, 4))
    vectors[1, 2] = bad
    with pytest.raises(DataError, match=r"Got NaN or infinity in 1 of 3 rows, the first is 'c1/voice'. Remove"):
        make(vectors=vectors)


def test_finite_vectors_pass() -> None:
    check_finite(np.ones((2, 2)), ["a", "b"], what="face embedding")


def test_a_key_twice_is_refused() -> None:
    with pytest.raises(DataError, match=r"must be unique. Got 'a' 2 times"):
        make(keys=("a", "b", "a"))


@pytest.mark.parametrize("column", ["keys", "clips", "identities", "videos"])
def test_a_short_column_is_refused_by_name(column: str) -> None:
    with pytest.raises(DataError, match=f"`{column}` must have one entry a row. Got 1 for 3 vectors"):
        make(**{column: ("a",)})


def test_a_short_attribute_is_refused_by_name() -> None:
    with pytest.raises(DataError, match=r"`attributes\['age'\]` must have one entry a row"):
        make(attributes={"age": ("1",)})


@pytest.mark.parametrize("shape", [(3,), (3, 4, 1)])
def test_vectors_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataError, match=r"must have the shape \(n, dim\)"):
        make(vectors=np.ones(shape))


def test_an_unknown_modality_is_refused() -> None:
    with pytest.raises(DataError, match="Got 'audio'"):
        make(modality="audio")


def test_selecting_takes_rows_in_the_given_order() -> None:
    table = make(4)
    chosen = table.select([2, 0])
    assert chosen.keys == ("c2/voice", "c0/voice")
    assert chosen.clips == ("c2", "c0")
    assert chosen.identities == ("p1", "p0")
    assert chosen.videos == ("v2", None)
    assert chosen.attributes == {"gender": (None, None)}
    np.testing.assert_array_equal(chosen.vectors, table.vectors[[2, 0]])


def test_selecting_by_mask_equals_selecting_by_rows() -> None:
    table = make(4)
    mask = np.array([True, False, False, True])
    assert_same(table.select(mask), table.select([0, 3]))


def test_selecting_nothing_keeps_the_dimension() -> None:
    for nothing in ([], np.zeros(3, dtype=bool), np.empty(0, dtype=int)):
        empty = make(3, 4).select(nothing)
        assert (len(empty), empty.dim) == (0, 4)
        assert empty.attributes == {"gender": ()}


def test_a_mask_of_another_length_is_refused() -> None:
    with pytest.raises(DataError, match=r"must have the shape \(3,\). Got \(2,\)"):
        make(3).select(np.array([True, False]))


def test_a_row_chosen_twice_is_refused() -> None:
    with pytest.raises(DataError, match="must be unique"):
        make(3).select([1, 1])


def test_replacing_vectors_keeps_the_rest() -> None:
    table = make(3, 4)
    other = table.replace_vectors(np.zeros((3, 2)), "cca-1")
    assert (other.dim, other.encoder, other.keys) == (2, "cca-1", table.keys)
    assert table.dim == 4
    with pytest.raises(DataError, match="Got 3 for 2 vectors"):
        table.replace_vectors(np.zeros((2, 2)), "cca-1")


def test_links_hold_person_video_and_gender() -> None:
    assert make(2).links() == [ClipLink("c0", "p0", None, None), ClipLink("c1", "p0", "v1", "m")]
    assert make(1, attributes={}).links() == [ClipLink("c0", "p0", None, None)]


def test_an_attribute_that_is_not_there_is_unknown_for_all() -> None:
    assert make(2).attribute("age") == (None, None)
    assert make(2).attribute("gender") == (None, "m")


@pytest.mark.parametrize("n_rows", [0, 1, 3])
def test_saving_and_loading_changes_nothing(n_rows: int, tmp_path: Path) -> None:
    table = make(n_rows, 5)
    table.save(tmp_path / "new" / "voice.parquet")
    assert_same(EmbeddingTable.load(tmp_path / "new" / "voice.parquet"), table)
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["voice.parquet"]


def test_a_table_of_no_dimension_survives(tmp_path: Path) -> None:
    table = make(2, 0)
    table.save(tmp_path / "x.parquet")
    assert_same(EmbeddingTable.load(tmp_path / "x.parquet"), table)


def test_odd_names_survive(tmp_path: Path) -> None:
    names = ("-rf", "a b\n\"'", "名前\x00")
    table = make(3, keys=names, clips=names, identities=names, attributes={"attribute:x": names, "": names})
    table.save(tmp_path / "x.parquet")
    assert_same(EmbeddingTable.load(tmp_path / "x.parquet"), table)


def test_a_table_of_many_rows_in_several_row_groups_survives(tmp_path: Path) -> None:
    table = make(5000, 8)
    table.save(tmp_path / "x.parquet")
    assert_same(EmbeddingTable.load(tmp_path / "x.parquet"), table)


def test_the_file_may_be_overwritten_while_its_table_is_in_use(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    make(3).save(path)
    loaded = EmbeddingTable.load(path)
    before = loaded.vectors.copy()
    make(3, vectors=np.zeros((3, 4))).save(path)
    np.testing.assert_array_equal(loaded.vectors, before)


def test_loaded_vectors_can_be_written_to(tmp_path: Path) -> None:
    """torch.from_numpy warns about read-only arrays."""
    make(3).save(tmp_path / "x.parquet")
    assert EmbeddingTable.load(tmp_path / "x.parquet").vectors.flags.writeable


def test_a_missing_file_names_the_command(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no embedding table at .*visavox embed"):
        EmbeddingTable.load(tmp_path / "x.parquet")


@pytest.mark.parametrize("content", [b"", b"PAR1", b"nonsense" * 100])
def test_a_damaged_file_is_one_line(content: bytes, tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match="no readable Parquet file"):
        EmbeddingTable.load(path)


def test_a_truncated_file_is_one_line(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    make(100).save(path)
    path.write_bytes(path.read_bytes()[:-200])
    with pytest.raises(DataError, match="no readable Parquet file"):
        EmbeddingTable.load(path)


def test_another_parquet_file_is_refused(tmp_path: Path) -> None:
    pq.write_table(pa.table({"x": [1]}), tmp_path / "x.parquet")
    with pytest.raises(DataError, match="not an embedding table of this version: its format is None"):
        EmbeddingTable.load(tmp_path / "x.parquet")


def test_a_full_disk_leaves_the_old_table(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    old = make(3)
    old.save(path)
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, limits[1]))
    try:
        with pytest.raises(DataError, match="Cannot write the embedding table"):
            make(3000).save(path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert_same(EmbeddingTable.load(path), old)
    assert [entry.name for entry in tmp_path.iterdir()] == ["x.parquet"]


def test_a_table_crosses_a_process_pool() -> None:
    assert_same(pickle.loads(pickle.dumps(make(3))), make(3))


def test_a_table_is_made_of_items() -> None:
    items = [
        MediaItem(item_key("a", "face"), "a", "face", person="Ann", attributes={"gender": Attribute("f")}),
        MediaItem(item_key("b", "face"), "b", "face", video="v", attributes={"age": Attribute("31")}),
    ]
    table = table_from_items(items, np.eye(2), encoder="dlib")
    assert table.modality == "face"
    assert table.keys == ("a/face", "b/face")
    assert table.identities == ("Ann", "video:v")
    assert table.videos == (None, "v")
    assert table.attributes == {"age": (None, "31"), "gender": ("f", None)}


def test_items_of_both_modalities_or_none_make_no_table() -> None:
    items = [MediaItem("a/face", "a", "face"), MediaItem("a/voice", "a", "voice")]
    with pytest.raises(DataError, match=r"one modality. Got \['face', 'voice'\]"):
        table_from_items(items, np.eye(2), encoder="x")
    with pytest.raises(DataError, match="Got no item"):
        table_from_items([], np.empty((0, 2)), encoder="x")


@pytest.mark.skipif(not Path("/proc/self/task").is_dir(), reason="counts threads where the system lists them")
def test_reading_a_table_leaves_no_thread_behind(tmp_path: Path) -> None:
    """A command that failed right after reading a table ended by "terminate called", exit code 134, now and then:
    the reader had started threads, and the process left before they did."""
    make(3).save(tmp_path / "x.parquet")
    code = (
        "import os, sys; import pyarrow.parquet; from visavox.corpus.embeddings import EmbeddingTable;"
        "count = lambda: len(os.listdir('/proc/self/task')); before = count();"
        "EmbeddingTable.load(sys.argv[1]); print(count() - before)"
    )
    words = [sys.executable, "-c", code, str(tmp_path / "x.parquet")]
    assert subprocess.run(words, capture_output=True, text=True, check=True).stdout.strip() == "0"


@pytest.mark.parametrize("column", ["key", "clip", "identity", "video", "vector"])
def test_a_missing_column_is_one_line(tmp_path: Path, column: str) -> None:
    """A table edited by other tools met the user as a KeyError of pyarrow."""
    make(3).save(tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    pq.write_table(table.drop_columns([column]), tmp_path / "x.parquet")
    with pytest.raises(DataError, match=rf"x.parquet is damaged.*{column}.*Embed again"):
        EmbeddingTable.load(tmp_path / "x.parquet")


def test_empty_cells_and_short_vectors_are_one_line(tmp_path: Path) -> None:
    """A null clip went through and broke the training; vectors of another length broke the reader."""
    make(3).save(tmp_path / "x.parquet")
    table = pq.read_table(tmp_path / "x.parquet")
    for column, values in (("clip", pa.array([None] * 3, pa.string())), ("vector", pa.array([[1.0]] * 3))):
        changed = table.set_column(table.column_names.index(column), column, values)
        pq.write_table(changed.replace_schema_metadata(table.schema.metadata), tmp_path / "x.parquet")
        with pytest.raises(DataError, match=r"x.parquet is damaged.*Embed again"):
            EmbeddingTable.load(tmp_path / "x.parquet")


def test_a_table_shows_itself_on_one_line() -> None:
    table = make(3, 4)
    n_people = len(set(table.identities))
    assert repr(table) == f"EmbeddingTable(3 {table.modality}s x 4 of {n_people} people by {table.encoder})"
