"""Which clips of a source a run takes."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.base import ClipRecord
from visavox.corpus_config import PrepareConfig
from visavox.pipeline.record_selection import Selection, selected, shard_number

RECORDS = [ClipRecord(f"c{i}", video=f"v{i // 3}") for i in range(12)]


def names(selection: Selection) -> list[str]:
    return [record.clip for record in selected(RECORDS, selection)]


def test_nothing_is_left_out_by_default() -> None:
    assert names(Selection()) == [record.clip for record in RECORDS]
    assert not Selection().counts_rows
    assert not Selection(shard=1, n_shards=3).counts_rows


def test_rows_are_counted_from_0_and_the_last_is_not_included() -> None:
    assert names(Selection(from_row=2, to_row=5)) == ["c2", "c3", "c4"]
    assert names(Selection(from_row=10)) == ["c10", "c11"]
    assert names(Selection(from_row=99)) == []


def test_one_clip_a_video_takes_the_first() -> None:
    assert names(Selection(one_clip_a_video=True)) == ["c0", "c3", "c6", "c9"]


def test_clips_of_unknown_video_are_all_taken() -> None:
    records = [ClipRecord("a"), ClipRecord("b")]
    assert len(list(selected(records, Selection(one_clip_a_video=True)))) == 2


def test_the_limit_comes_last() -> None:
    assert names(Selection(from_row=1, one_clip_a_video=True, limit=2)) == ["c1", "c3"]


@given(n_shards=st.integers(1, 7))
def test_shards_share_the_clips_and_keep_videos_together(n_shards: int) -> None:
    parts = [names(Selection(shard=i, n_shards=n_shards)) for i in range(n_shards)]
    assert sorted(itertools.chain(*parts)) == sorted(record.clip for record in RECORDS)
    for record in RECORDS:
        together = next(part for part in parts if record.clip in part)
        assert all(other.clip in together for other in RECORDS if other.video == record.video)


def test_shards_are_about_equal_and_the_same_everywhere() -> None:
    counts = [0] * 8
    for i in range(8000):
        counts[shard_number(ClipRecord(f"c{i}", video=f"video {i}"), 8)] += 1
    assert max(counts) < 1.15 * 1000
    assert min(counts) > 0.85 * 1000
    assert shard_number(ClipRecord("c", video="-abc"), 16) == 1


def test_a_long_source_is_read_no_farther_than_needed() -> None:
    def endless() -> Iterator[ClipRecord]:
        yield from (ClipRecord(str(i)) for i in itertools.count())

    assert [r.clip for r in selected(endless(), Selection(from_row=5, limit=2))] == ["5", "6"]


def test_options_become_a_selection(tmp_path: Path) -> None:
    config = PrepareConfig(root=tmp_path, out=tmp_path, from_row=1, to_row=9, limit=3, shard="2/4")
    assert Selection.of(config) == Selection(1, 9, False, 1, 4, 3)
    assert Selection.of(config).counts_rows


@pytest.mark.parametrize("clip", ["a\udcff", "", "-x"])
def test_any_name_has_a_shard(clip: str) -> None:
    assert 0 <= shard_number(ClipRecord(clip), 3) < 3
