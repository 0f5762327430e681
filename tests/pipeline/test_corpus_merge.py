"""Tests of `corpus merge`: shards give the undivided corpus, whatever stops a merge midway."""

from __future__ import annotations

import hashlib
import itertools
import os
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.corpus_config import CorpusMergeConfig
from visavox.errors import ConfigError, DataError
from visavox.pipeline import corpus_merge
from visavox.pipeline.corpus_merge import CorporaMerged, differences, link_or_copy, merge_corpora

MakeCorpus = Callable[..., Path]
CLIPS = [f"p{n % 3}/{n}" for n in range(7)]
FAILED = {"p0/0/face": "no_face", "p1/4/voice": "silent"}


def contents(corpus: Path) -> tuple[str, dict[str, str]]:
    """Content hash of the catalog, and the digest of each media file."""
    with Catalog.open(corpus / CATALOG) as catalog:
        said = catalog.content_hash()
    media = itertools.chain(*(sorted((corpus / name).iterdir()) for name in ("faces", "voices")))
    return said, {str(path.relative_to(corpus)): hashlib.sha256(path.read_bytes()).hexdigest() for path in media}


def merge(tmp_path: Path, *corpora: Path, **values: Any) -> CorporaMerged:
    return merge_corpora(CorpusMergeConfig(corpora=corpora, out=values.pop("out", tmp_path / "out")), **values)


@pytest.fixture
def shards(tmp_path: Path, make_corpus: MakeCorpus) -> list[Path]:
    return [make_corpus(tmp_path / f"shard{k}", CLIPS[k::3], FAILED, n_faces=2) for k in range(3)]


@pytest.fixture
def whole(tmp_path: Path, make_corpus: MakeCorpus) -> Path:
    return make_corpus(tmp_path / "whole", CLIPS, FAILED, n_faces=2)


def test_shards_give_the_undivided_corpus(tmp_path: Path, shards: list[Path], whole: Path) -> None:
    steps: list[tuple[int, int]] = []
    merged = merge(tmp_path, *shards, progress=lambda done, total: steps.append((done, total)))
    assert contents(tmp_path / "out") == contents(whole)
    assert (merged.n_clips, merged.n_taken, merged.n_there, merged.n_copied) == (7, 7, 0, 0)
    assert merged.n_linked == 7 * 3 - 2
    assert steps == [(n, 7) for n in range(8)]
    with Catalog.open(whole / CATALOG) as catalog, Catalog.open(tmp_path / "out" / CATALOG) as target:
        assert target.settings == catalog.settings
        assert list(target.items(status=None)) == list(catalog.items(status=None))


def test_the_order_of_the_shards_does_not_matter(tmp_path: Path, shards: list[Path]) -> None:
    merge(tmp_path, *shards)
    merge(tmp_path, *reversed(shards), out=tmp_path / "other")
    assert contents(tmp_path / "out") == contents(tmp_path / "other")


def test_a_second_merge_does_nothing(tmp_path: Path, shards: list[Path]) -> None:
    merge(tmp_path, *shards)
    again = merge(tmp_path, *shards)
    assert (again.n_clips, again.n_taken, again.n_there, again.n_linked) == (7, 0, 7, 0)
    assert "0 of them new, 7 there already" in again.describe()


@pytest.mark.parametrize("n_before", [0, 1, 3, 6])
def test_a_merge_that_was_stopped_goes_on(
    tmp_path: Path, shards: list[Path], whole: Path, n_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_clip, n_added = Catalog.add_clip, itertools.count()

    def stop(self: Catalog, items: list[MediaItem], *, replace: bool = False) -> None:
        if next(n_added) == n_before:  # the files of this clip are in place already
            raise KeyboardInterrupt
        add_clip(self, items, replace=replace)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(Catalog, "add_clip", stop)
        merge(tmp_path, *shards)
    assert merge(tmp_path, *shards).n_taken == 7 - n_before
    assert contents(tmp_path / "out") == contents(whole)


def test_files_are_linked_and_copied_where_they_cannot_be(
    tmp_path: Path, shards: list[Path], whole: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    merge(tmp_path, *shards)
    face = next((shards[0] / "faces").iterdir())
    assert (tmp_path / "out" / "faces" / face.name).samefile(face)

    def refuse(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    merged = merge(tmp_path, *shards, out=tmp_path / "copied")
    assert (merged.n_linked, merged.n_copied) == (0, 19)
    assert contents(tmp_path / "copied") == contents(whole)
    assert not (tmp_path / "copied" / "faces" / face.name).samefile(face)


def test_a_link_replaces_what_is_there_and_leaves_nothing_else(tmp_path: Path) -> None:
    source, target = tmp_path / "a", tmp_path / "deep" / "b"
    source.write_text("new")
    assert link_or_copy(source, target)
    assert link_or_copy(source, target)  # both names are of one file already
    target.unlink()
    target.write_text("half")
    assert link_or_copy(source, target)
    assert target.read_text() == "new"
    assert [path.name for path in target.parent.iterdir()] == ["b"]


def test_a_clip_in_two_corpora_is_taken_once(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    one, other = make_corpus(tmp_path / "1", ["p/a", "p/b"]), make_corpus(tmp_path / "2", ["p/b", "p/c"])
    merged = merge(tmp_path, one, other)
    assert (merged.n_clips, merged.n_taken, merged.n_there) == (3, 3, 1)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"person": "q"}, "the person of 'p/a/face' is 'p' and 'q'"),
        ({"digest": "00"}, "the digest of 'p/a/face' is"),
        ({"status": "no_face", "path": None}, "the status of 'p/a/face' is 'ok' and 'no_face'"),
        ({"key": "p/a/face/1"}, "it has other items"),
    ],
)
def test_a_clip_of_two_contents_is_named(
    tmp_path: Path, make_corpus: MakeCorpus, change: dict[str, Any], words: str
) -> None:
    one, other = make_corpus(tmp_path / "1", ["p/a"]), make_corpus(tmp_path / "2", ["p/a"])
    with Catalog.open(other / CATALOG, readonly=False) as catalog:
        face, voice = catalog.find("p/a")
        catalog.add_clip([replace(face, **change), voice], replace=True)
    with pytest.raises(DataError, match="The clip 'p/a' of .* with other content") as caught:
        merge(tmp_path, one, other)
    assert words in str(caught.value)


@pytest.mark.parametrize("first_fails", [False, True])
def test_a_passing_failure_gives_way(tmp_path: Path, make_corpus: MakeCorpus, first_fails: bool) -> None:
    good = make_corpus(tmp_path / "good", ["p/a"])
    bad = make_corpus(tmp_path / "bad", ["p/a"], {"p/a/face": "network", "p/a/voice": "network"})
    merged = merge(tmp_path, *((bad, good) if first_fails else (good, bad)))
    assert contents(tmp_path / "out") == contents(good)
    assert (merged.n_clips, merged.n_taken, merged.n_replaced) == (1, 1, int(first_fails))


def test_two_passing_failures_stay_as_the_first(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    one = make_corpus(tmp_path / "1", ["p/a"], {"p/a/face": "network"})
    other = make_corpus(tmp_path / "2", ["p/a"], {"p/a/voice": "network"})
    merge(tmp_path, one, other)
    assert contents(tmp_path / "out") == contents(one)
    assert merge(tmp_path, one, other).n_there == 2


def test_other_settings_are_refused_with_their_difference(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    one = make_corpus(tmp_path / "1", ["p/a"])
    other = make_corpus(
        tmp_path / "2", ["p/b"], settings={"clip": {"detector": "haar", "crop": "aligned"}, "source": {}}
    )
    with pytest.raises(
        DataError, match="differ: clip.detector is 'mtcnn' and 'haar'; source.folder is 'talks' and 'absent'"
    ):
        merge(tmp_path, one, other)
    assert not (tmp_path / "out").exists()


def test_a_target_of_other_settings_is_refused(tmp_path: Path, shards: list[Path], make_corpus: MakeCorpus) -> None:
    make_corpus(tmp_path / "out", ["x/y"], settings={"clip": {"detector": "haar"}})
    with pytest.raises(
        DataError, match=r"out and .* differ: clip.crop is .absent. and .aligned.; clip.detector is .haar."
    ):
        merge(tmp_path, *shards)


def test_lists_and_folders_that_make_no_sense_are_refused(tmp_path: Path, shards: list[Path]) -> None:
    with pytest.raises(ConfigError, match="two corpora or more. Got 1"):
        merge(tmp_path, shards[0])
    with pytest.raises(ConfigError, match="each corpus once"):
        merge(tmp_path, shards[0], shards[0] / ".." / shards[0].name)
    with pytest.raises(ConfigError, match="must be none of the corpora"):
        merge(tmp_path, *shards, out=shards[0])
    (tmp_path / "file").touch()
    with pytest.raises(ConfigError, match="is a file"):
        merge(tmp_path, *shards, out=tmp_path / "file")
    with pytest.raises(ConfigError, match="holds other files"):
        merge(tmp_path, *shards, out=tmp_path)
    with pytest.raises(DataError, match="There is no catalog"):
        merge(tmp_path, shards[0], tmp_path / "nothing")


def test_a_missing_file_stops_the_merge_with_its_name(tmp_path: Path, shards: list[Path]) -> None:
    gone = max((shards[1] / "faces").iterdir())
    gone.unlink()
    with pytest.raises(DataError, match="is not there. Put it back"):
        merge(tmp_path, *shards)


def test_a_full_disk_says_what_is_kept(tmp_path: Path, shards: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> bool:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(corpus_merge, "link_or_copy", full)
    with pytest.raises(DataError, match="No space left on device. 0 clips of this run are done and kept"):
        merge(tmp_path, *shards)


def test_clips_whose_keys_are_mixed_are_kept_apart(tmp_path: Path, make_corpus: MakeCorpus) -> None:
    one, other = make_corpus(tmp_path / "1", ["p", "p/face"]), make_corpus(tmp_path / "2", ["p/g"])
    assert merge(tmp_path, one, other).n_clips == 3
    assert contents(tmp_path / "out") == contents(make_corpus(tmp_path / "3", ["p", "p/face", "p/g"]))


def test_differences_go_into_nested_settings() -> None:
    assert differences({"a": {"b": [1], "c": 2}}, {"a": {"b": [1], "c": 2}}) == []
    assert differences({"a": 1}, {"a": {"b": 1}}) == ["a is 1 and {'b': 1}"]
