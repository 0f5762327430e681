"""Walking trees of media."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.media_trees import (
    MOVIES,
    SOUNDS,
    STILLS,
    Tree,
    first_file,
    inside,
    named_folder,
    walk_together,
)
from visavox.errors import ConfigError


def make(root: Path, *names: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    return root


def keys(tree: Tree) -> list[str]:
    return ["/".join(key) for key, _ in tree.walk()]


def test_files_of_a_kind_come_in_order_and_hidden_ones_do_not(tmp_path: Path) -> None:
    make(tmp_path, "b/2.wav", "b/10.WAV", "a/x.flac", "a/x.txt", ".h/1.wav", "a/.y.wav", "c.m4a", "-d e/'q\".wav")
    assert keys(Tree(tmp_path, SOUNDS)) == ["-d e/'q\"", "a/x", "b/10", "b/2", "c"]


@given(st.sets(st.text("ab.", min_size=1, max_size=3).filter(lambda s: s.strip(".") and s[0] != "."), max_size=5))
def test_keys_are_sorted_so_that_trees_can_be_merged(tmp_path_factory: pytest.TempPathFactory, names: set[str]) -> None:
    root = tmp_path_factory.mktemp("tree")
    for name in names:
        make(root / "1", f"{name}/x.wav")
        make(root / "2", f"{name}.wav", f"_{name}/x.mp4")
        make(root / "3", f"{name}/x.mp4")
    trees = [Tree(root / "1", SOUNDS), Tree(root / "2", SOUNDS + MOVIES), Tree(root / "3", MOVIES)]
    for tree in trees:
        found = [key for key, _ in tree.walk()]
        assert found == sorted(found)
    merged = dict(walk_together(trees))
    assert list(merged) == sorted({key for tree in trees for key, _ in tree.walk()})
    assert sorted(path for paths in merged.values() for path in paths) == sorted(
        path for tree in trees for _, path in tree.walk()
    )


def test_files_of_one_name_come_in_the_order_of_the_trees(tmp_path: Path) -> None:
    make(tmp_path, "z/id/1.wav", "a/id/1.mp4")
    ((_, paths),) = walk_together([Tree(tmp_path / "z", SOUNDS), Tree(tmp_path / "a", MOVIES)])
    assert [path.suffix for path in paths] == [".wav", ".mp4"]


def test_loops_of_links_end_and_links_elsewhere_are_followed(tmp_path: Path) -> None:
    make(tmp_path, "r/a/1.wav", "other/2.wav")
    (tmp_path / "r/a/loop").symlink_to(tmp_path / "r")
    (tmp_path / "r/b").symlink_to(tmp_path / "other")
    assert keys(Tree(tmp_path / "r", SOUNDS)) == ["a/1", "b/2"]


def test_folders_that_cannot_be_listed_are_named(tmp_path: Path) -> None:
    tree = Tree(tmp_path / "gone", SOUNDS)
    assert keys(tree) == []
    assert tree.unreadable == ["gone"]


def test_a_locked_folder_does_not_hide_the_others(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make(tmp_path / "r", "a/1.wav", "b/2.wav")
    scandir = os.scandir

    def locked(folder: str) -> object:
        if Path(folder).name == "a":  # chmod would not keep root out
            raise PermissionError(13, "Permission denied")
        return scandir(folder)

    monkeypatch.setattr(os, "scandir", locked)
    tree = Tree(tmp_path / "r", SOUNDS)
    assert (keys(tree), tree.unreadable) == (["b/2"], ["r/a"])


def test_some_file_of_a_kind_is_found(tmp_path: Path) -> None:
    make(tmp_path, "a/b/c/1.jpg", "a/2.txt")
    assert first_file(tmp_path, STILLS) == tmp_path / "a/b/c/1.jpg"
    assert first_file(tmp_path, SOUNDS) is None
    assert first_file(tmp_path, STILLS, depth=1) is None
    assert first_file(tmp_path / "gone", STILLS) is None


def test_names_of_files_and_folders(tmp_path: Path) -> None:
    assert inside(tmp_path / "a/1.wav", tmp_path) == "a/1.wav"
    assert inside(Path("/elsewhere/a/1.wav"), tmp_path) == "a/1.wav"
    (tmp_path / "wav").mkdir()
    assert named_folder(tmp_path, "wav", "voices") == tmp_path / "wav"
    with pytest.raises(ConfigError, match="There is no folder vaw in .* Correct `voices`"):
        named_folder(tmp_path, "vaw", "voices")
