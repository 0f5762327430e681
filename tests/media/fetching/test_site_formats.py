"""Of the streams that a site offers the right ones are fetched."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.media.fetching.site_formats import choose_formats


def stream(name: str, height: int | None = None, sound: bool = True, **more: Any) -> dict[str, Any]:
    """One stream: with `height` None, sound alone."""
    return {
        "format_id": name,
        "url": f"https://a.org/{name}",
        "protocol": "https",
        "vcodec": "none" if height is None else "avc1.4d401f",
        "acodec": "mp4a.40.2" if sound else "none",
        "height": height,
        "width": None if height is None else height * 16 // 9,
        **more,
    }


# The streams of a usual video of YouTube.
YOUTUBE = [
    stream("sb0", 27, sound=False, protocol="mhtml", vcodec="none"),
    stream("139", abr=48.0),
    stream("140", abr=129.0),
    stream("251", abr=150.0, acodec="opus"),
    stream("160", 144, sound=False, tbr=80.0),
    stream("134", 360, sound=False, tbr=400.0),
    stream("135", 480, sound=False, tbr=800.0),
    stream("136", 720, sound=False, tbr=1500.0),
    stream("247", 720, sound=False, tbr=1200.0, vcodec="vp9"),
    stream("398", 720, sound=False, tbr=900.0, vcodec="av01.0.05M.08"),
    stream("137", 1080, sound=False, tbr=3000.0),
    stream("18", 360, tbr=500.0),
    stream("95", 720, protocol="m3u8_native"),
]


def names(formats: list[dict[str, Any]], max_height_px: int) -> list[list[str]]:
    return [[one["format_id"] for one in choice] for choice in choose_formats(formats, max_height_px=max_height_px)]


@pytest.mark.parametrize(
    ("max_height_px", "best"),
    [(720, ["136", "140"]), (1080, ["137", "140"]), (2160, ["137", "140"]), (480, ["135", "140"]), (360, ["18"]),
     (400, ["18"]), (144, ["160", "140"]), (100, ["160", "140"])],
)  # fmt: skip
def test_of_youtube_the_highest_that_is_not_too_high(max_height_px: int, best: list[str]) -> None:
    assert names(YOUTUBE, max_height_px)[0] == best


def test_one_file_comes_before_two_of_its_height_and_both_before_lower_ones() -> None:
    order = names(YOUTUBE, 360)
    assert order[:3] == [["18"], ["134", "140"], ["160", "140"]]
    assert order[3] == ["135", "140"]  # of those that are too high, the lowest


def test_h264_comes_before_codecs_that_are_slow_to_decode() -> None:
    order = [choice[0] for choice in names(YOUTUBE, 720)]
    assert order.index("136") < order.index("398") < order.index("247")


def test_the_speakers_own_language_comes_before_a_dubbed_one() -> None:
    dubbed = stream("140-0", abr=129.0, language_preference=-1)
    own = stream("140-1", abr=150.0, language_preference=10)
    assert names([dubbed, own, stream("136", 720, sound=False)], 720) == [["136", "140-1"]]


def test_what_comes_in_pieces_is_locked_or_is_no_file_is_left_out() -> None:
    offers = [
        stream("hls", 720, protocol="m3u8"),
        stream("dash", 720, protocol="http_dash_segments", fragments=[{}]),
        stream("locked", 720, has_drm=True),
        stream("rtmp", 720, url="rtmp://a.org/v"),
        stream("nowhere", 720, url=None),
        stream("local", 720, url="file:///etc/passwd"),
    ]
    assert names(offers, 720) == []
    assert names([*offers, stream("good", 360)], 720) == [["good"]]


def test_a_bare_link_is_one_file_with_both() -> None:
    assert names([{"format_id": "0", "url": "http://a.org/v.mp4"}], 720) == [["0"]]


def test_silent_films_and_sound_alone_are_better_than_nothing() -> None:
    assert names([stream("v", 360, sound=False)], 720) == [["v"]]
    assert names([stream("a"), stream("b", abr=128.0)], 720) == [["b"], ["a"]]
    assert names([], 720) == []


def test_an_upright_film_is_as_high_as_it_is_wide() -> None:
    upright = {"width": 720, "height": 1280}
    assert names([stream("tall", 1280, **{"width": 720}), stream("low", 360)], 720)[0] == ["tall"]
    assert upright["width"] == 720


@given(st.permutations(YOUTUBE), st.integers(16, 4000))
def test_the_order_of_the_offer_does_not_matter(formats: list[dict[str, Any]], max_height_px: int) -> None:
    assert names(formats, max_height_px) == names(YOUTUBE, max_height_px)
    for choice in choose_formats(formats, max_height_px=max_height_px):
        assert 1 <= len(choice) <= 2
        assert choice[0]["vcodec"] != "none"
        assert choice[-1]["acodec"] != "none"
