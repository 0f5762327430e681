"""Files in place first, rows then; a full disk; what a kill leaves; one writer at a time."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.corpus.sources.base import ClipRecord
from visavox.errors import DataError
from visavox.pipeline import corpus_writing
from visavox.pipeline.clip_preparation import ClipJob, PreparedClip
from visavox.pipeline.corpus_writing import CorpusWriter, clear_unfinished, sole_writer


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    folder = tmp_path / "corpus"
    for name in ("faces", "voices"):
        (folder / name).mkdir(parents=True)
    clear_unfinished(folder)
    return folder


def open_catalog(corpus: Path) -> Catalog:
    return Catalog.create(corpus / CATALOG, {})


def prepared_clip(corpus: Path, clip: str, data: bytes = b"face", n_faces: int = 1) -> PreparedClip:
    """Return a clip whose files lie among the unfinished."""
    items, files = [], []
    for index in range(n_faces):
        (corpus / ".unfinished" / f"{clip}-{index}").write_bytes(data)
        path = f"faces/{clip}-{index}.jpg"
        items.append(MediaItem(f"{clip}/face/{index}", clip, "face", path=path, digest="00"))
        files.append((f"{clip}-{index}", path))
    items.append(MediaItem(f"{clip}/voice", clip, "voice", status="silent", reason="silence"))
    return PreparedClip(ClipJob(ClipRecord(clip)), tuple(items), tuple(files))


def test_a_clip_has_its_files_under_their_names_and_its_rows(corpus: Path) -> None:
    with open_catalog(corpus) as catalog:
        CorpusWriter(corpus, catalog).add(prepared_clip(corpus, "a", n_faces=2))
        assert [item.status for item in catalog.find("a")] == ["ok", "ok", "silent"]
    assert sorted(path.name for path in (corpus / "faces").iterdir()) == ["a-0.jpg", "a-1.jpg"]
    assert not list((corpus / ".unfinished").iterdir())


def test_files_are_in_place_before_the_rows(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A kill between the two must never leave a row without its file."""
    seen = []

    def look(self: Catalog, items: tuple[MediaItem, ...], *, replace: bool) -> None:
        seen.extend((corpus / str(item.path)).is_file() for item in items if item.path)

    monkeypatch.setattr(Catalog, "add_clip", look)
    with open_catalog(corpus) as catalog:
        CorpusWriter(corpus, catalog).add(prepared_clip(corpus, "a"))
    assert seen == [True]


def test_a_clip_that_is_done_again_replaces_its_rows_and_loses_files_it_has_no_more(corpus: Path) -> None:
    with open_catalog(corpus) as catalog:
        CorpusWriter(corpus, catalog).add(prepared_clip(corpus, "a", b"old", n_faces=2))
        CorpusWriter(corpus, catalog).add(prepared_clip(corpus, "b", b"other"))
        CorpusWriter(corpus, catalog, frozenset({"a"})).add(prepared_clip(corpus, "a", b"new"))
        assert [item.key for item in catalog.find("a")] == ["a/face/0", "a/voice"]
    assert {path.name: path.read_bytes() for path in (corpus / "faces").iterdir()} == {
        "a-0.jpg": b"new",
        "b-0.jpg": b"other",
    }


def test_a_fetched_file_is_removed_when_its_clip_is_in_place(corpus: Path, tmp_path: Path) -> None:
    kept, dropped = tmp_path / "kept.mp4", tmp_path / "dropped.mp4"
    with open_catalog(corpus) as catalog:
        for path, clip in ((kept, "a"), (dropped, "b")):
            path.write_bytes(b"video")
            prepared = prepared_clip(corpus, clip)
            job = replace(prepared.job, fetched=path, is_temporary=path is dropped)
            CorpusWriter(corpus, catalog).add(replace(prepared, job=job))
    assert kept.exists()
    assert not dropped.exists()


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT, errno.EFBIG])
def test_no_room_for_the_files_is_a_row_that_is_tried_again(
    corpus: Path, monkeypatch: pytest.MonkeyPatch, code: int
) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(code, os.strerror(code))

    prepared = prepared_clip(corpus, "a")
    monkeypatch.setattr(Path, "replace", refuse)
    with open_catalog(corpus) as catalog:
        CorpusWriter(corpus, catalog).add(prepared)
        face, voice = catalog.find("a")
        assert (face.status, face.path, face.digest) == ("disk", None, None)
        assert "no room on the disk" in face.reason
        assert voice.status == "silent"
        assert catalog.clips_to_redo() == {"a"}


def test_a_broken_disk_stops_the_run(corpus: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(self: Path, target: Path) -> None:
        raise OSError(errno.EIO, "input/output error")

    prepared = prepared_clip(corpus, "a")
    monkeypatch.setattr(Path, "replace", refuse)
    with open_catalog(corpus) as catalog, pytest.raises(OSError, match="input/output error"):
        CorpusWriter(corpus, catalog).add(prepared)


def without_room(clip: str) -> PreparedClip:
    item = MediaItem(f"{clip}/face", clip, "face", status="disk", reason="full")
    return PreparedClip(ClipJob(ClipRecord(clip)), (item,), ())


def test_clip_after_clip_without_room_ends_the_run_in_one_line(corpus: Path) -> None:
    n = corpus_writing.MAX_CLIPS_WITHOUT_ROOM
    with open_catalog(corpus) as catalog:
        writer = CorpusWriter(corpus, catalog)
        for i in range(n - 1):
            writer.add(without_room(f"a{i}"))
        writer.add(prepared_clip(corpus, "between"))  # there is room again: the count begins anew
        for i in range(n - 1):
            writer.add(without_room(f"b{i}"))
        with pytest.raises(DataError, match=f"{n} clips in a row found no room. Free space and run") as raised:
            writer.add(without_room("last"))
        assert "\n" not in str(raised.value)
        assert len(catalog.clips_to_redo()) == 2 * n - 1


def test_what_a_killed_run_left_half_done_is_cleared(corpus: Path) -> None:
    (corpus / ".unfinished" / "half.flac").write_bytes(b"")
    assert not list(clear_unfinished(corpus).iterdir())


def test_two_runs_never_write_one_corpus(corpus: Path) -> None:
    hold = (
        "import sys, time; from pathlib import Path; from visavox.pipeline.corpus_writing import sole_writer\n"
        f"with sole_writer(Path({str(corpus)!r})): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", hold], stdout=subprocess.PIPE, text=True) as other:
        assert other.stdout is not None
        assert other.stdout.readline() == "held\n"
        with pytest.raises(DataError, match="being written by another `prepare`"), sole_writer(corpus):
            pass
        other.kill()  # the system lets go
        other.wait()
    with sole_writer(corpus):
        pass


@pytest.mark.parametrize(
    ("status", "face_after"), [("removed", "ok"), ("missing_file", "ok"), ("several_faces", "several_faces")]
)
def test_what_was_good_stays_where_the_video_is_out_of_reach(corpus: Path, status: str, face_after: str) -> None:
    """`corpus retry --status silent` lost good faces of videos that were removed meanwhile."""
    with open_catalog(corpus) as catalog:
        CorpusWriter(corpus, catalog).add(prepared_clip(corpus, "a", b"good"))
        rows = tuple(MediaItem(f"a/{m}", "a", m, status=status, reason="now") for m in ("face", "voice"))
        again = PreparedClip(ClipJob(ClipRecord("a")), rows, ())
        CorpusWriter(corpus, catalog, frozenset({"a"})).add(again)
        face, voice = catalog.find("a")
    assert (face.status, voice.status) == (face_after, status)
    assert (corpus / "faces" / "a-0.jpg").exists() == (face_after == "ok")
