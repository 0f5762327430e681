"""Media files are checked before they are read, and written whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from visavox.errors import MediaError
from visavox.media.files import check_file, write_whole


def test_a_file_with_bytes_passes(tmp_path: Path) -> None:
    path = tmp_path / "-a file with spaces.wav"
    path.write_bytes(b"x")
    check_file(path, "audio")


@pytest.mark.parametrize("what", ["audio", "image", "video"])
def test_missing_files_folders_and_empty_files_have_their_status(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").touch()
    for name, status, words in [
        ("nowhere", "missing_file", "does not exist"),
        (".", "missing_file", "is a folder"),
        ("empty", "empty_file", r"empty \(0 bytes\)"),
    ]:
        with pytest.raises(MediaError, match=words) as caught:
            check_file(tmp_path / name, what)
        assert caught.value.status == status
        assert what in str(caught.value)
        assert "\n" not in str(caught.value)


def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(MediaError, match="pipe"):
        check_file(tmp_path / "pipe", "audio")


def test_a_name_with_a_null_byte_is_an_error_of_one_line() -> None:
    with pytest.raises(MediaError) as caught:
        check_file(Path("a\0b.wav"), "audio")
    assert caught.value.status in ("missing_file", "unreadable_audio")
    assert "\n" not in str(caught.value)


def test_permission_is_asked_of_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "locked.jpg"
    path.write_bytes(b"x")
    monkeypatch.setattr(os, "access", lambda *_: False)
    with pytest.raises(MediaError, match="may not be read") as caught:
        check_file(path, "image")
    assert caught.value.status == "unreadable_image"


def test_writing_makes_and_replaces_and_leaves_nothing_else(tmp_path: Path) -> None:
    path = tmp_path / "face.jpg"
    write_whole(path, b"first")
    write_whole(path, b"second")
    assert path.read_bytes() == b"second"
    assert list(tmp_path.iterdir()) == [path]


def test_the_longest_name_that_a_disk_allows_can_be_written(tmp_path: Path) -> None:
    path = tmp_path / ("n" * 255)
    write_whole(path, b"x")
    assert path.read_bytes() == b"x"


def test_a_written_file_has_the_usual_permissions(tmp_path: Path) -> None:
    usual = tmp_path / "usual"
    usual.write_bytes(b"x")
    write_whole(tmp_path / "ours", b"x")
    assert stat.S_IMODE((tmp_path / "ours").stat().st_mode) == stat.S_IMODE(usual.stat().st_mode)


def test_a_full_disk_leaves_the_old_file_and_no_half_file(tmp_path: Path) -> None:
    path = tmp_path / "voice.flac"
    path.write_bytes(b"old")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            write_whole(path, bytes(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_an_error_of_the_disk(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "nowhere" / "face.jpg", b"x")


def test_readers_never_see_a_half_file(tmp_path: Path) -> None:
    path, contents = tmp_path / "shared", [bytes([i]) * 200_000 for i in range(4)]
    write_whole(path, contents[0])
    seen: set[bytes] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            seen.add(path.read_bytes())

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        for content in contents:
            write_whole(path, content)
    done.set()
    reader.join()
    assert seen
    assert seen <= set(contents)


def test_a_pipe_is_called_a_pipe(tmp_path: Path) -> None:
    """The message said that it does not exist, and `ls` showed it."""
    os.mkfifo(tmp_path / "pipe.wav")
    with pytest.raises(MediaError, match="is a device or pipe, not a file"):
        check_file(tmp_path / "pipe.wav", "audio")
