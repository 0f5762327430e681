"""Places that nobody named."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.web.game.user_folders import cache_folder, data_folder, default_log


def test_named_folders_win() -> None:
    assert cache_folder({"XDG_CACHE_HOME": "/c", "HOME": "/h"}) == Path("/c/visavox")
    assert data_folder({"XDG_DATA_HOME": "/d", "HOME": "/h"}) == Path("/d/visavox")


@pytest.mark.parametrize("named", ["", "relative/path"])
def test_without_a_full_path_the_home_counts(named: str) -> None:
    assert cache_folder({"XDG_CACHE_HOME": named, "HOME": "/h"}) == Path("/h/.cache/visavox")
    assert data_folder({"XDG_DATA_HOME": named, "HOME": "/h"}) == Path("/h/.local/share/visavox")


def test_without_anything_there_is_a_home_all_the_same() -> None:
    assert cache_folder({}) == Path.home() / ".cache" / "visavox"


def test_turns_are_data_of_the_user(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert default_log() == tmp_path / "visavox" / "game.sqlite"
