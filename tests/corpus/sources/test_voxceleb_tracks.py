"""Utterance files of VoxCeleb, both versions."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.voxceleb_tracks import parse_track
from visavox.errors import MediaError

HEAD = (
    "Identity  : \tid10001\nReference : \tabcdEFGH123\n"
    "Offset    : \t-1\nFV Conf   : \t17.997\t(1)\nASD Conf  : \t6.338\n\n"
)
COLUMNS = "FRAME \tX \tY \tW \tH \n"


def text(*rows: str) -> str:
    return HEAD + COLUMNS + "".join(row.replace(" ", " \t") + "\n" for row in rows)


def test_version_two_gives_parts_of_the_picture() -> None:
    track = parse_track(text("000349 0.3 0.1 0.4 0.6", "000350 0.3 0.1 0.4 0.6"))
    assert (track.person, track.video) == ("id10001", "abcdEFGH123")
    assert (track.start_s, track.end_s) == (349 / 25, 351 / 25)
    assert track.speaker.at(0.0, width_px=200, height_px=100) == pytest.approx((100, 40))


@pytest.mark.parametrize(("height_px", "expected"), [(360, (288, 145)), (720, (576, 290)), (180, (144, 72.5))])
def test_version_one_gives_pixels_of_360_lines_whatever_the_video_has(
    height_px: int, expected: tuple[float, float]
) -> None:
    track = parse_track(text("002316 223 80 130 130", "002317 223 80 130 130"))
    found = track.speaker.at(0.0, width_px=height_px * 16 // 9, height_px=height_px)
    assert found == pytest.approx(expected)
    assert track.speaker.at(9.0, width_px=10, height_px=10) is None


@given(st.integers(0, 10_000), st.integers(1, 200))
def test_every_moment_has_the_place_of_a_frame_near_it(first: int, n: int) -> None:
    rows = [f"{first + i:06d} {i} 10 20 20" for i in range(n)]
    track = parse_track(text(*rows))
    assert track.end_s - track.start_s == pytest.approx(n / 25)
    for i in range(n):
        found = track.speaker.at(i / 25, width_px=640, height_px=360)
        assert found is not None
        assert abs(found[0] - (i + 10)) <= 2.5 + 1e-9
    assert len(track.speaker.times_s) <= n // 5 + 2


def test_frames_out_of_order_are_sorted_and_crlf_is_read() -> None:
    track = parse_track(text("000020 0.5 0.1 0.1 0.1", "000010 0.1 0.1 0.1 0.1").replace("\n", "\r\n"))
    assert (track.start_s, track.end_s) == (0.4, 0.84)
    assert track.speaker.at(0.0, width_px=100, height_px=100) == pytest.approx((15, 15))


@pytest.mark.parametrize(
    ("content", "status", "words"),
    [
        ("", "malformed_row", "names no frame"),
        (HEAD + COLUMNS, "malformed_row", "names no frame"),
        (text("000010 0.1 0.1 0.1"), "malformed_row", "must be FRAME X Y W H. Got '000010"),
        (text("ten 0.1 0.1 0.1 0.1"), "malformed_row", "must be FRAME X Y W H"),
        (text("000010 0.1 0.1 0 0.1"), "invalid_place", "a box must have a size"),
        (text("000010 nan 0.1 0.1 0.1"), "invalid_place", "a box must have a size"),
        (text("-00010 0.1 0.1 0.1 0.1"), "invalid_place", "a box must have a size"),
        # A number that is no float ended the run.
        (text("9" * 400 + " 0.1 0.1 0.1 0.1"), "invalid_place", "a box must have a size"),
    ],
)
def test_what_is_no_track_says_why(content: str, status: str, words: str) -> None:
    with pytest.raises(MediaError) as error:
        parse_track(content)
    assert error.value.status == status
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_a_path_crosses_a_process_pool() -> None:
    path = parse_track(text("002316 223 80 130 130")).speaker
    again = pickle.loads(pickle.dumps(path))
    assert again == path
    assert again.at(0.0, width_px=1280, height_px=720) == path.at(0.0, width_px=1280, height_px=720)
