"""Media files are checked before they are read, and written whole or not at all."""

from __future__ import annotations

import os
import resource
import stat
import threading
from pathlib import Path

import pytest

from visavox.errors import MediaError
from visavox.media.files import check_file, missing_bytes, unchanged, unreadable, write_whole


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


def test_a_file_that_stays_as_it_is_passes(tmp_path: Path) -> None:
    (tmp_path / "talk.mp4").write_bytes(b"whole")
    with unchanged(tmp_path / "talk.mp4"):
        pass
    with pytest.raises(MediaError, match="as it was") as caught, unchanged(tmp_path / "talk.mp4"):
        raise MediaError("as it was", status="no_face")
    assert caught.value.status == "no_face"


@pytest.mark.parametrize("also_fails", [False, True])
@pytest.mark.parametrize("change", ["grows", "is rewritten", "goes"])
def test_a_file_that_changes_meanwhile_is_growing(tmp_path: Path, change: str, also_fails: bool) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(b"half")

    def read() -> None:
        if change == "grows":
            path.write_bytes(b"half and more")
        elif change == "is rewritten":
            os.utime(path, ns=(0, 1))
        else:
            path.unlink()
        if also_fails:
            raise MediaError("cut", status="truncated")

    with pytest.raises(MediaError, match="while it was read") as caught, unchanged(path):
        read()
    assert caught.value.status == "growing_file"
    assert "\n" not in str(caught.value)


def box(kind: bytes, n_bytes: int) -> bytes:
    return n_bytes.to_bytes(4, "big") + kind + bytes(n_bytes - 8)


def test_missing_bytes_are_counted_in_mp4_alone(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    large = (1).to_bytes(4, "big") + b"mdat" + (500).to_bytes(8, "big") + bytes(484)
    for content, missing in [
        (box(b"ftyp", 32) + box(b"mdat", 100), 0),
        (box(b"ftyp", 32) + box(b"mdat", 100)[:40], 60),
        (box(b"ftyp", 32) + large, 0),
        (box(b"ftyp", 32) + large[:400], 100),
        (box(b"ftyp", 32) + (0).to_bytes(4, "big") + b"mdat", 0),
        (b"RIFF" + bytes(100), 0),
        (b"abc", 0),
    ]:
        path.write_bytes(content)
        assert missing_bytes(path) == missing


def test_what_cannot_be_decoded_is_cut_short_or_unreadable(tmp_path: Path) -> None:
    path = tmp_path / "talk.mp4"
    path.write_bytes(box(b"ftyp", 32) + box(b"mdat", 100)[:40])
    assert unreadable(path, "audio", "why").status == "truncated"
    path.write_bytes(b"text")
    assert unreadable(path, "audio", "why").status == "unreadable_audio"
    assert "no picture can be decoded (why)" in str(unreadable(path, "video", "why"))


def test_a_name_that_no_file_can_have_is_a_missing_file(tmp_path: Path) -> None:
    """A list with one long id and `media=file:///.../{video}.mp4` ended the run, and every one after it: the error of
    the system was taken for one of the folder that is written to.
    """
    with pytest.raises(MediaError, match="so long a name") as caught:
        check_file(tmp_path / ("x" * 300 + ".mp4"), "video")
    assert caught.value.status == "missing_file"
    assert len(str(caught.value)) < 300
