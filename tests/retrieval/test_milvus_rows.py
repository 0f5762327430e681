"""Rows on the way to Milvus and back."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from tests.retrieval.milvus_servers import made_rows

from visavox.errors import ConfigError, DataError
from visavox.retrieval.milvus_rows import (
    MOST_TEXT,
    PART_CHARS,
    both,
    index_kind,
    joined_media,
    media_entities,
    part_id,
    row_entities,
    row_id,
    to_hit,
    to_rows,
    where_expression,
)


@pytest.mark.parametrize("n_bytes", [1, 44_999, 45_000, 45_001, 200_000])
def test_media_come_back_from_parts_that_fit(n_bytes: int) -> None:
    data = np.random.default_rng(0).bytes(n_bytes)
    parts = media_entities("voice", "k", data)
    assert len(parts) == -(-len(data) // 45_000)
    assert all(len(part["data"]) <= PART_CHARS < MOST_TEXT for part in parts)
    assert [part["id"] for part in parts] == [part_id("voice", "k", number) for number in range(len(parts))]
    assert joined_media(part["data"] for part in parts) == data


def test_ids_need_no_escape_and_tell_keys_and_modalities_apart() -> None:
    keys = ['a"', "a'", "a\\", "a#0", "a"]
    assert len({row_id(key) for key in keys}) == 5
    assert all(row_id(key).isalnum() for key in keys)
    assert part_id("voice", "a", 0) != part_id("face", "a", 0)


def test_rows_come_back_as_they_went() -> None:
    rows = made_rows(7)
    entities = list(row_entities(rows, [1] * 7))
    back = to_rows("face", entities, [rows.media[i] for i in range(7)])
    for name in ("keys", "clips", "people", "videos", "attributes"):
        assert getattr(back, name) == getattr(rows, name)
    np.testing.assert_array_equal(back.vectors, rows.vectors)
    assert [entity["id"] for entity in entities] == [row_id(key) for key in rows.keys]


def test_a_name_that_is_too_long_is_one_line() -> None:
    rows = dataclasses.replace(made_rows(1), people=("ë" * 600,))
    with pytest.raises(DataError, match="The person of a row in Milvus must have at most 1024 bytes"):
        list(row_entities(rows, [0]))


def test_a_hit_is_read_from_a_search() -> None:
    row = next(row_entities(made_rows(1), [0]))
    hit = to_hit("face", {"id": row["id"], "distance": 0.5, "entity": row})
    assert (hit.key, hit.person, hit.similarity) == (row["key"], row["person"], 0.5)
    assert hit.attributes == {"gender": "f"}


def test_expressions_by_hand() -> None:
    assert where_expression({}) == ""
    assert where_expression({'a"b': ('x"y',)}) == '(attributes["a\\"b"] == "x\\"y")'
    assert both("", "a > 1", "b or c") == "(a > 1) and (b or c)"
    assert both("", "") == ""


def test_indexes_by_our_names() -> None:
    assert [index_kind(name) for name in ("auto", "exact", "hnsw", "ivf_pq")] == ["FLAT", "FLAT", "HNSW", "IVF_PQ"]
    assert index_kind({"name": "hnsw", "links": 8}) == "HNSW"
    with pytest.raises(ConfigError, match="must be one of auto, exact, hnsw, ivf_pq. Got 'annoy'"):
        index_kind("annoy")
