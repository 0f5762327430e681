"""Files and filters of faiss."""

from __future__ import annotations

from pathlib import Path

import faiss
import numpy as np
import pytest

from visavox.retrieval.faiss_files import FAISS_FILE, read_index, selector_of, write_index


def test_a_filter_takes_the_rows_of_the_mask_and_no_other() -> None:
    allowed = np.random.default_rng(0).random(77) < 0.3
    selector = selector_of(allowed)
    assert [selector.is_member(row) for row in range(77)] == allowed.tolist()


def test_a_filter_outlives_the_mask() -> None:
    selector = selector_of(np.arange(1000) == 7)
    _ = [np.ones(125, dtype=np.uint8) for _ in range(100)]
    assert [row for row in range(1000) if selector.is_member(row)] == [7]


def test_what_is_written_reads_back(tmp_path: Path) -> None:
    index = faiss.IndexFlatIP(3)
    index.add(np.eye(3, dtype=np.float32))
    write_index(index, tmp_path)
    assert read_index(tmp_path, 0).ntotal == 3


def test_a_folder_that_is_not_there_and_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="could not open"):
        write_index(faiss.IndexFlatIP(3), tmp_path / "no")
    with pytest.raises(FileNotFoundError, match=FAISS_FILE):
        read_index(tmp_path, 0)
