"""Uploads are read as bytes, and their files go."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest

from visavox.errors import ConfigError
from visavox.web.pages.uploads import GRADIO_FOLDER, Visits, read_upload, upload_folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    inside = tmp_path / "uploads"
    inside.mkdir()
    for name in "abc":
        (inside / name).write_bytes(name.encode())
    (tmp_path / "own").write_bytes(b"of the server")
    return inside


def there(folder: Path) -> str:
    return "".join(sorted(path.name for path in folder.iterdir()))


def test_the_folder_is_private_and_gradio_knows_it() -> None:
    folder = upload_folder()
    assert folder.stat().st_mode & 0o777 == 0o700
    assert os.environ[GRADIO_FOLDER] == str(folder) and upload_folder() is folder
    assert folder.parent == Path(tempfile.gettempdir())


def test_another_file_in_its_place_ends_the_first(folder: Path) -> None:
    visits = Visits(folder)
    visits.give("ann", "voice", [str(folder / "a")])
    visits.give("ann", "face", [str(folder / "b")])
    visits.give("ann", "voice", [str(folder / "c")])
    assert there(folder) == "bc"
    visits.give("ann", "voice", [])
    assert there(folder) == "b"


def test_all_files_go_with_the_visitor_and_nobody_elses(folder: Path) -> None:
    visits = Visits(folder)
    visits.give("ann", "faces", [str(folder / "a"), str(folder / "b")])
    visits.give("bob", "faces", [str(folder / "c")])
    visits.leave("ann")
    assert there(folder) == "c"
    visits.leave("ann")
    visits.leave("nobody")
    assert there(folder) == "c"


def test_a_file_that_two_hold_stays_until_both_are_gone(folder: Path) -> None:
    visits = Visits(folder)
    for visitor in ("ann", "bob"):
        visits.give(visitor, "faces", [str(folder / "a")])
    visits.leave("ann")
    assert "a" in there(folder)
    visits.leave("bob")
    assert "a" not in there(folder)


def test_nothing_outside_of_the_folder_is_removed(folder: Path) -> None:
    visits = Visits(folder)
    visits.give("eve", "voice", [str(folder.parent / "own"), str(folder / ".." / "own"), str(folder)])
    visits.leave("eve")
    assert (folder.parent / "own").exists() and there(folder) == "abc"


def test_an_upload_is_read_with_a_name_that_can_be_shown(own_uploads: Path, folder: Path) -> None:
    (folder / "v\n.wav").write_bytes(b"RIFF")
    assert read_upload(str(folder / "v\n.wav"), what="voice") == (b"RIFF", "v\\n.wav")


@pytest.mark.parametrize("given", [None, ""])
def test_nothing_given_is_said(given: str | None) -> None:
    with pytest.raises(ConfigError, match=r"There is no voice yet. Record or drop one."):
        read_upload(given, what="voice")


def test_a_file_that_went_is_said(own_uploads: Path, folder: Path) -> None:
    with pytest.raises(ConfigError, match=r"The face gone.jpg is not kept any more. Give it once more."):
        read_upload(str(folder / "gone.jpg"), what="face")


@pytest.mark.parametrize("name", ["/etc/passwd", "../own", "link"])
def test_a_file_that_is_no_upload_is_not_read(
    name: str, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gradio let a request without a browser name a file of the server below /tmp, and handed its path to the page."""
    monkeypatch.setattr("visavox.web.pages.uploads.upload_folder", lambda: folder)
    (folder / "link").symlink_to(tmp_path / "own")
    with pytest.raises(ConfigError, match="is not kept any more"):
        read_upload(str(folder / name), what="voice")
