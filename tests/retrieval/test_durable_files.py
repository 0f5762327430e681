"""Files that are on the disk when a call returns."""

from __future__ import annotations

import errno
import hashlib
import os
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.retrieval.durable_files import (
    disk_errors,
    file_sum,
    replace_synced,
    sync_file,
    sync_folder,
    write_synced,
)


def test_the_sum_is_that_of_the_content(tmp_path: Path) -> None:
    written = write_synced(tmp_path / "x", [b"ab", b"", b"c"])
    assert (written.n_bytes, written.sha256) == (3, hashlib.sha256(b"abc").hexdigest())
    assert file_sum(tmp_path / "x") == written


def test_a_file_is_replaced_and_nothing_is_left(tmp_path: Path) -> None:
    replace_synced(tmp_path / "x", b"old")
    replace_synced(tmp_path / "x", b"new")
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert (tmp_path / "x").read_bytes() == b"new"


def test_everything_is_synced_before_it_gets_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    sync, replace = os.fsync, os.replace
    monkeypatch.setattr(os, "fsync", lambda handle: (steps.append("sync"), sync(handle)))
    monkeypatch.setattr(os, "replace", lambda *paths: (steps.append("replace"), replace(*paths)))
    replace_synced(tmp_path / "x", b"new")
    assert steps == ["sync", "replace", "sync"]
    sync_file(tmp_path / "x")
    sync_folder(tmp_path)
    assert steps[3:] == ["sync", "sync"]


def test_a_full_disk_leaves_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    replace_synced(tmp_path / "x", b"old")

    def full(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    said = r"Cannot write the thing .*: No space left on device. Free space"
    with pytest.raises(DataError, match=said), disk_errors("thing", tmp_path / "x"):
        replace_synced(tmp_path / "x", b"new")
    assert [(path.name, path.read_bytes()) for path in tmp_path.iterdir()] == [("x", b"old")]
