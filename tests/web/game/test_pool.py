"""The default pool: drawn once, by whoever comes first."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.game_config import GamePoolConfig
from visavox.pipeline import game_pool as making
from visavox.pipeline.game_pool_folder import GamePool
from visavox.web.game.pool import default_pool_folder, open_pool


@pytest.fixture
def drawn(monkeypatch: pytest.MonkeyPatch, game_pool: GamePool, tmp_path: Path) -> list[Path]:
    """The default pool goes to a cache of its own and is the small one; the list tells how often it was drawn."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    calls: list[Path] = []

    def draw(config: GamePoolConfig, progress: object) -> None:
        calls.append(config.out)
        shutil.copytree(game_pool.folder, config.out)

    monkeypatch.setattr(making, "make_pool", draw)
    return calls


def test_the_default_pool_is_drawn_once(drawn: list[Path]) -> None:
    first, second = open_pool(), open_pool()
    assert len(drawn) == 1
    assert first.folder == second.folder == default_pool_folder()
    assert [item.name for item in first.folder.parent.iterdir()] == [first.folder.name]


def test_a_process_that_was_faster_wins(
    drawn: list[Path], game_pool: GamePool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(config: GamePoolConfig, progress: object) -> None:
        shutil.copytree(game_pool.folder, config.out)
        shutil.copytree(game_pool.folder, default_pool_folder())  # meanwhile the other one is done

    monkeypatch.setattr(making, "make_pool", slow)
    pool = open_pool()
    assert len(pool.items) == 8
    assert [item.name for item in pool.folder.parent.iterdir()] == [pool.folder.name]


def test_a_start_that_failed_leaves_nothing(drawn: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(config: GamePoolConfig, progress: object) -> None:
        config.out.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(making, "make_pool", broken)
    with pytest.raises(KeyboardInterrupt):
        open_pool()
    assert list(default_pool_folder().parent.iterdir()) == []


def test_a_cache_that_cannot_be_written_is_one_line(
    drawn: list[Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "file").write_text("x")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "file"))
    with pytest.raises(DataError, match=r"default pool must be kept in .*Set XDG_CACHE_HOME"):
        open_pool()


def test_a_named_pool_is_opened_and_nothing_is_drawn(drawn: list[Path], game_pool: GamePool, tmp_path: Path) -> None:
    assert open_pool(game_pool.folder).items == game_pool.items
    with pytest.raises(DataError, match=r"is no pool of a game: pool.json is missing"):
        open_pool(tmp_path / "none")
    assert drawn == []


def test_the_name_in_the_cache_is_stable_and_below_the_users_cache(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    folder = default_pool_folder()
    assert folder == default_pool_folder()
    assert folder.parent == tmp_path / "visavox"
    assert folder.name.startswith("game-")
