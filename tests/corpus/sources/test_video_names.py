"""Names of videos and the ways to give them."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.sources.video_names import NamedVideos, is_video_name


@pytest.mark.parametrize("name", ["a.mp4", "x/A.MOV", "-b.webm", "a b'\".mkv", "名.m2ts", "a\nb.avi"])
def test_videos_are_told_by_their_ending(name: str) -> None:
    assert is_video_name(name)


@pytest.mark.parametrize("name", ["a.jpg", "mp4", ".a.mp4", ".git/a.mp4", "x/.y/a.mp4", "a.mp4.part", ""])
def test_other_and_hidden_files_are_none(name: str) -> None:
    assert not is_video_name(name)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ("a/1", ["a/1.mp4"]),
        ("./a/1.mp4", ["a/1.mp4"]),
        ("r/a/1.mp4", ["a/1.mp4"]),
        ("1", ["a/1.mp4", "b/1.mp4"]),
        ("b/2", ["b/2.mov", "b/2.mp4"]),
        ("c/1", []),
    ],
)
def test_a_video_is_found_by_path_or_by_bare_name(given: str, expected: list[str]) -> None:
    videos = NamedVideos(Path("/x/r"), ["a/1.mp4", "b/1.mp4", "b/2.mov", "b/2.mp4"])
    assert videos.find(given) == expected
