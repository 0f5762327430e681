"""Lists of the published sizes: right, at any size."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.published_lists.full_size import full_size_lists, write_full_size
from visavox.corpus.published_lists.reading import read_published


def test_small_ones_are_read_back(tmp_path: Path) -> None:
    write_full_size(tmp_path, np.random.default_rng(0), share=0.02)
    records = {record.name: record for record in read_published("sss", tmp_path, None)}
    assert {name: len(record) for name, record in records.items()} == {
        "match_v2f_2_test": 850,
        "verify_v2f_test": 1311,
        "reterival_v2f_test": 437,
    }
    assert len(records["reterival_v2f_test"].gallery_names) == 401  # type: ignore[union-attr]
    assert records["verify_v2f_test"].labels.mean() == pytest.approx(0.5, abs=0.001)  # type: ignore[union-attr]


def test_the_sizes_are_those_that_were_published() -> None:
    verification, matching, retrieval = full_size_lists(np.random.default_rng(0))
    assert (len(verification), len(matching), len(retrieval)) == (65_550, 42_546, 21_850)
    assert len(retrieval.gallery_names) == 20_076  # type: ignore[union-attr]
    assert len(set(verification.probe_names)) == 21_850
