"""The records of galleries check themselves."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.retrieval.gallery_rows import GalleryRows

MakeRows = Callable[..., GalleryRows]


def test_whole_rows_are_taken(rows: MakeRows) -> None:
    table = rows(6)
    assert len(table) == 6
    assert table.media[0] is None
    assert table.media[1] == b"face c1 0"
    assert "vectors" not in repr(table)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"clips": ("a",)}, "`clips` must have one entry a row. Got 1 for 6 keys"),
        ({"attributes": {"age": ("1",)}}, r"`attributes\['age'\]` must have one entry"),
        ({"media": (b"x",)}, "`media` must have one entry"),
        ({"keys": ("a",) * 6}, "must be unique. Got 5 repeated"),
        ({"vectors": np.zeros((5, 8), np.float32)}, r"float32 of the shape \(6, dim\)"),
        ({"vectors": np.zeros((6, 8))}, "Got float64"),
        ({"vectors": np.full((6, 8), np.nan, np.float32)}, "must be finite"),
    ],
)
def test_rows_that_do_not_fit_each_other_are_refused(rows: MakeRows, change: dict[str, Any], said: str) -> None:
    with pytest.raises(DataError, match=said):
        dataclasses.replace(rows(6), **change)


def test_media_may_be_left_out(rows: MakeRows) -> None:
    assert len(dataclasses.replace(rows(6), media=()).media) == 0
