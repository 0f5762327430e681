"""yt-dlp reads the page, our client fetches the section: here with a page and streams of our own server."""

from __future__ import annotations

import importlib
import io
import sys
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import yt_dlp

from visavox.errors import MediaError, MissingDependencyError
from visavox.media.fetching.addresses import parse_address
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.site_video import SiteVideo, _only_video
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import PassingError


def page_of(url: str) -> bytes:
    return f'<html><head><title>Talk</title></head><body><video src="{url}"></video></body></html>'.encode()


def site(
    client: WebClient, url: str, path: Path, quick: FetchSettings, start_s: float | None = 4.0, **more: Any
) -> SiteVideo:
    end_s = None if start_s is None else start_s + 0.5
    address = parse_address(url if url.startswith("youtube:") else f"ytdlp:{url}")
    return SiteVideo(client, address, path, quick, start_s=start_s, end_s=end_s, **more)


@pytest.fixture(scope="module", autouse=True)
def extractors() -> None:
    """Loading 1,800 of them takes two seconds, once."""
    importlib.import_module("yt_dlp.extractor._extractors")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unfinished"


def offer(monkeypatch: pytest.MonkeyPatch, *formats: dict[str, Any], **info: Any) -> None:
    """Have yt-dlp name these streams for any page."""
    found = {"id": "x", "formats": [{"protocol": "http", **one} for one in formats], **info}
    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", lambda *_, **__: found)


def test_the_section_of_a_film_in_a_page_is_fetched(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, film: Any, frames_of: Any
) -> None:
    page = server.give("/page", page_of(server.give("/film.mp4", film.data)), kind="text/html")
    section = site(client, page, path, quick).fetch()
    assert 2.8 < section.begin_s <= 3.5
    referee = {round(time_s, 2): image for time_s, image in frames_of(film.path)}
    for time_s, image in frames_of(path):
        np.testing.assert_array_equal(image, referee[round(time_s + section.begin_s, 2)])
    assert all(asked.range for asked in server.asked if asked.path == "/film.mp4")


def test_a_whole_film_of_a_page_is_fetched_in_parts(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, film: Any, frames_of: Any
) -> None:
    page = server.give("/page", page_of(server.give("/film.mp4", film.data)), kind="text/html")
    assert site(client, page, path, quick, start_s=None).fetch().begin_s == 0.0
    assert len(frames_of(path)) == len(frames_of(film.path))


@pytest.mark.parametrize(
    ("page", "status"),
    [
        ({"body": b"<html><body>no film here</body></html>"}, "unsupported_address"),
        ({"codes": [404]}, "removed"),
        ({"codes": [403] * 3}, "private"),
        ({"codes": [451]}, "region"),
        ({"codes": [503]}, "network"),
        ({"body": b"#EXTM3U\n#EXTINF:6,\nfilm.ts\n#EXT-X-ENDLIST\n"}, "unsupported_address"),
    ],
)
def test_pages_without_a_film_have_their_status(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, page: dict[str, Any], status: str
) -> None:
    kind = "application/vnd.apple.mpegurl" if page.get("body", b"").startswith(b"#") else "text/html"
    with pytest.raises(MediaError) as caught:
        site(client, server.give("/page", **{"kind": kind, **page}), path, quick).fetch()
    assert caught.value.status == status
    assert isinstance(caught.value, PassingError) == (status == "network")
    assert str(caught.value).isprintable()


def test_picture_and_sound_of_two_streams_are_joined(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, film: Any, tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    urls = {}
    for kind in ("video", "audio"):
        with av.open(str(film.path)) as source, av.open(str(tmp_path / kind), "w", format="mp4") as target:
            stream = getattr(source.streams, kind)[0]
            copy = target.add_stream_from_template(stream, opaque=True)
            for packet in source.demux(stream):
                if packet.size:
                    packet.stream = copy
                    target.mux(packet)
        urls[kind] = server.give(f"/{kind}", (tmp_path / kind).read_bytes())
    headers = {"X-Token": "7"}
    offer(
        monkeypatch,
        {"url": urls["video"], "vcodec": "avc1", "acodec": "none", "height": 480, "http_headers": headers},
        {"url": urls["audio"], "vcodec": "none", "acodec": "mp4a"},
    )
    section = site(client, "youtube:-abcdefghij", path, quick).fetch()
    assert 2.8 < section.begin_s <= 3.5
    with av.open(str(path)) as container:
        assert [stream.type for stream in container.streams] == ["video", "audio"]
    assert {asked.path: asked.headers.get("X-Token") for asked in server.asked} == {"/video": "7", "/audio": None}


def test_a_refused_stream_is_followed_by_the_next(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    refused, good = server.give("/refused", codes=[403] * 9), server.give("/good", film.data)
    offer(monkeypatch, {"url": refused, "height": 720}, {"url": good, "height": 360})
    assert site(client, "youtube:-abcdefghij", path, quick).fetch().begin_s > 2.8
    assert [asked.path for asked in server.asked][:2] == ["/refused", "/good"]


def test_refused_streams_of_a_page_that_is_shown_are_tried_again_later(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their addresses run out: 403 does not mean that the video is private."""
    offer(monkeypatch, {"url": server.give("/refused", codes=[403] * 9)})
    with pytest.raises(PassingError, match="403"):
        site(client, "youtube:-abcdefghij", path, quick).fetch()


@pytest.mark.parametrize("live_status", ["is_live", "is_upcoming"])
def test_a_broadcast_that_has_not_ended_is_no_video_yet(
    client: WebClient, path: Path, quick: FetchSettings, monkeypatch: pytest.MonkeyPatch, live_status: str
) -> None:
    offer(monkeypatch, {"url": "http://127.0.0.1:9/v"}, live_status=live_status)
    with pytest.raises(MediaError, match="live broadcast") as caught:
        site(client, "youtube:-abcdefghij", path, quick).fetch()
    assert caught.value.status == "not_a_video"


def test_of_a_list_the_first_video_is_taken() -> None:
    video = {"id": "1", "url": "u"}
    nested = {"_type": "playlist", "entries": iter([None, {"_type": "multi_video", "entries": [video]}])}
    assert _only_video(nested, "v") == video
    for nothing in (None, {"_type": "playlist", "entries": []}):
        with pytest.raises(MediaError, match="no video"):
            _only_video(nothing, "v")


def test_an_extractor_that_breaks_is_a_status(
    client: WebClient, path: Path, quick: FetchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any, **__: Any) -> None:
        raise KeyError("videoDetails")

    monkeypatch.setattr(yt_dlp.YoutubeDL, "extract_info", broken)
    with pytest.raises(MediaError, match="Update it") as caught:
        site(client, "youtube:-abcdefghij", path, quick).fetch()
    assert caught.value.status == "network"


def test_cookies_reach_the_page_and_the_stream_and_their_file_is_not_touched(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, film: Any
) -> None:
    cookies = "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t42\n"
    page = server.give("/page", page_of(server.give("/film.mp4", film.data)), kind="text/html")
    site(client, page, path, quick, cookies=cookies).fetch()
    assert {asked.headers.get("Cookie") for asked in server.asked} == {"session=42"}
    assert list(path.parent.iterdir()) == [path]


def test_nothing_is_printed(
    server: Any, client: WebClient, path: Path, quick: FetchSettings, capfd: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(MediaError):
        site(client, server.give("/page", codes=[404]), path, quick).fetch()
    assert capfd.readouterr() == ("", "")


def test_without_yt_dlp_the_extra_is_named(
    client: WebClient, path: Path, quick: FetchSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "yt_dlp", None)
    with pytest.raises(MissingDependencyError, match=r"pip install 'visavox\[download\]'"):
        site(client, "youtube:-abcdefghij", path, quick).fetch()


def test_this_yt_dlp_takes_cookies_as_text() -> None:
    text = io.StringIO("# Netscape HTTP Cookie File\na.org\tFALSE\t/\tFALSE\t0\tsession\t42\n")
    with yt_dlp.YoutubeDL({"cookiefile": text, "quiet": True}) as downloader:
        assert downloader.cookiejar.get_cookie_header("http://a.org/") == "session=42"
