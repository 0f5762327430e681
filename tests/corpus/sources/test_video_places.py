"""Where the videos of a list lie."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.video_places import VideoPlaces
from visavox.errors import ConfigError


@pytest.mark.parametrize("video", ["-abc", "=1+1", "12345", "a b", "a/../b"])
def test_youtube_takes_the_id_as_it_is(video: str) -> None:
    assert VideoPlaces("").place(video) == (f"youtube:{video}", None, f"youtube:{video}", None)


@given(st.text(min_size=1).filter(lambda text: text.isprintable()))
def test_a_template_takes_the_id_encoded_so_that_it_can_be_read_back(video: str) -> None:
    address = VideoPlaces("http://host:1/v/{video}.mp4?x={y}").address(video)
    middle = address.removeprefix("http://host:1/v/").removesuffix(".mp4?x={y}")
    assert "/" not in middle
    assert "?" not in middle
    assert unquote(middle) == video


def test_a_folder_is_searched_by_id_with_any_ending_of_videos(tmp_path: Path) -> None:
    for name in (
        "m/-abc.webm",
        "m/deep/x y.MP4",
        "m/-abc.jpg",
        "m/-abc.txt",
        "m/1.mp4",
        "m/b/1.mp4",
        "m/2.mp4",
        "m/2.mov",
    ):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    places = VideoPlaces(str(tmp_path / "m"))
    assert places.address("-abc") == ""
    assert places.place("-abc") == ("", tmp_path / "m/-abc.webm", "m/-abc.webm", None)
    assert places.place("x y").path == tmp_path / "m/deep/x y.MP4"
    assert places.place("b/1").path == tmp_path / "m/b/1.mp4"
    for video, status in (("nothing", "missing_file"), ("../m/-abc", "missing_file"), ("2", "ambiguous_file")):
        place = places.place(video)
        assert (place.path, place.problem and place.problem[0]) == (None, status)


def test_a_relative_folder_may_lie_beside_the_list(tmp_path: Path) -> None:
    (tmp_path / "videos").mkdir()
    (tmp_path / "videos" / "a.mp4").write_bytes(b"")
    assert VideoPlaces("videos", tmp_path / "list.csv").place("a").path == tmp_path / "videos/a.mp4"
    assert VideoPlaces("videos", tmp_path).place("a").source == "videos/a.mp4"


def test_what_is_neither_address_nor_folder_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"must hold \{video\} where the name of each video goes"):
        VideoPlaces("http://host/").check()
    with pytest.raises(ConfigError, match="`media` names no folder: 'nowhere'"):
        VideoPlaces("nowhere", tmp_path).check()
    VideoPlaces("").check()


def test_the_setting_holds_no_place_of_this_machine(tmp_path: Path) -> None:
    assert VideoPlaces(str(tmp_path / "m")).setting() == "m"
    assert VideoPlaces(f"file://{tmp_path}/{{video}}.mp4").setting() == "{video}.mp4"
    assert VideoPlaces("http://h/{video}").setting() == "http://h/{video}"
