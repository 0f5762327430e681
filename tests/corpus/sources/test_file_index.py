"""Finding files by stem, whatever their names."""

from __future__ import annotations

import os
import unicodedata
from pathlib import Path

import pytest

from visavox.corpus.sources.file_index import FileIndex, readable_name


def make(folder: Path, *names: str) -> FileIndex:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"x")
    return FileIndex(folder)


def found(index: FileIndex, clip: str) -> list[str]:
    return [path.relative_to(index.folder).as_posix() for path in index.find(clip)]


@pytest.mark.parametrize(
    "clip",
    ["a", "-1nRm4tQL0A_024.760000-029.960000", "two words", "Steven_R._McQueen", "名前", ".hidden", "a'b\"c", "[x]*"],
)
@pytest.mark.parametrize("suffix", [".jpg", ".PNG", ".opus"])
def test_a_file_is_found_by_its_name_without_extension(clip: str, suffix: str, tmp_path: Path) -> None:
    index = make(tmp_path, clip + suffix, "other.jpg")
    assert found(index, clip) == [clip + suffix]


def test_a_file_without_extension_is_found_by_its_whole_name(tmp_path: Path) -> None:
    index = make(tmp_path, "a", "b.5", "c.jpg")
    assert found(index, "a") == ["a"]
    assert found(index, "b.5") == ["b.5"]
    assert found(index, "c.jpg") == ["c.jpg"]


@pytest.mark.parametrize("clip", ["../secret", "/etc/passwd", "", ".", "..", "x\x00", "*", "faces/../../secret"])
def test_no_clip_name_reaches_outside_the_folder(clip: str, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"x")
    assert make(tmp_path / "faces", "a.jpg").find(clip) == []


def test_a_clip_may_lie_in_a_folder(tmp_path: Path) -> None:
    index = make(tmp_path, "id1/vid/00001.wav", "id2/vid/00001.wav")
    assert found(index, "id1/vid/00001") == ["id1/vid/00001.wav"]
    assert index.find("00001") == []


def test_composed_and_decomposed_accents_are_one_name(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "Zoë") for form in ("NFC", "NFD"))
    assert composed != decomposed
    assert len(make(tmp_path / "1", f"{decomposed}.jpg").find(composed)) == 1
    assert len(make(tmp_path / "2", f"{composed}.jpg").find(decomposed)) == 1


def test_two_media_files_of_one_name_are_both_returned(tmp_path: Path) -> None:
    assert found(make(tmp_path, "a.jpg", "a.png"), "a") == ["a.jpg", "a.png"]


def test_a_file_that_describes_another_does_not_make_it_ambiguous(tmp_path: Path) -> None:
    assert found(make(tmp_path, "a.jpg", "a.json", "a.TXT"), "a") == ["a.jpg"]
    assert found(make(tmp_path, "b.txt"), "b") == ["b.txt"]


def test_unused_files_are_listed_and_system_files_are_not(tmp_path: Path) -> None:
    index = make(tmp_path / "faces", "a.jpg", "b.jpg", "sub/c.jpg", ".DS_Store", "Thumbs.db")
    index.find("a")
    assert index.unused() == ["faces/b.jpg", "faces/sub/c.jpg"]


def test_sources_begin_with_the_folders_name(tmp_path: Path) -> None:
    index = make(tmp_path / "faces", "sub/a.jpg")
    assert index.source(index.paths()[0]) == "faces/sub/a.jpg"
    assert index.source(None) == ""


def test_links_are_followed_and_loops_of_links_end(tmp_path: Path) -> None:
    make(tmp_path / "elsewhere", "a.jpg")
    folder = tmp_path / "faces"
    folder.mkdir()
    (folder / "linked").symlink_to(tmp_path / "elsewhere")
    (folder / "loop").symlink_to(folder)
    (folder / "file.jpg").symlink_to(tmp_path / "elsewhere" / "a.jpg")
    index = FileIndex(folder)
    assert len(index.find("linked/a")) == 1
    assert len(index.find("file")) == 1
    assert len(index.paths()) == 2


def test_a_name_that_is_no_unicode_is_readable(tmp_path: Path) -> None:
    raw = os.fsencode(tmp_path) + b"/a\xff.jpg"
    with open(raw, "wb") as file:  # noqa: PTH123 - a name that no str spells
        file.write(b"x")
    index = FileIndex(tmp_path)
    (path,) = index.paths()
    assert path.read_bytes() == b"x"
    index.source(path).encode("utf-8")
    assert readable_name(path.name) == "a\\udcff.jpg"
    assert readable_name("plain ü.jpg") == "plain ü.jpg"


def test_an_empty_folder_has_no_files(tmp_path: Path) -> None:
    index = FileIndex(tmp_path)
    assert (index.paths(), index.unused(), index.find("a")) == ([], [], [])


def test_names_that_differ_in_their_accents_form_alone_are_two_files(tmp_path: Path) -> None:
    names = [unicodedata.normalize(form, "Zoë.jpg") for form in ("NFC", "NFD")]
    index = make(tmp_path, *names)
    assert sorted(path.name for path in index.paths()) == sorted(names)
    assert len(index.find("Zoë")) == 2


def test_a_folder_is_known_by_its_own_name_rather_than_by_a_link_to_it(tmp_path: Path) -> None:
    make(tmp_path, "z/a.jpg")
    (tmp_path / "link").symlink_to(tmp_path / "z")
    index = FileIndex(tmp_path)
    assert [path.relative_to(tmp_path).as_posix() for path in index.paths()] == ["z/a.jpg"]


def test_folders_that_cannot_be_read_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "r", "a/1.jpg", "b/2.jpg")
    scandir = os.scandir

    def locked(path: str) -> object:
        if str(path).endswith("/a"):
            raise PermissionError(13, "Permission denied", str(path))
        return scandir(path)

    monkeypatch.setattr(os, "scandir", locked)
    index = FileIndex(tmp_path / "r")
    assert ([path.name for path in index.paths()], index.unreadable) == (["2.jpg"], ["r/a"])
