"""The section that is wanted where that can be had, else the whole file."""

from __future__ import annotations

import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import MediaError
from visavox.media.fetching.section import Section
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import PassingError
from visavox.media.fetching.web_video import WebVideo


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unfinished"


@pytest.fixture(scope="module")
def long_film(write_film: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A film of some megabytes: its index at the end, as a camera writes it."""
    short = write_film(tmp_path_factory.mktemp("film") / "f.mp4", seconds=20, options={"movflags": "faststart"})
    assert short.data.index(b"moov") < short.data.index(b"mdat")
    return short


def video(client: WebClient, url: str, path: Path, start_s: float | None, end_s: float | None, **more: Any) -> WebVideo:
    return WebVideo(client, url, path, **{"shown": "v", "max_bytes": 10**7, "start_s": start_s, "end_s": end_s, **more})


def test_a_section_is_fetched_by_parts(server: Any, client: WebClient, path: Path, film: Any, frames_of: Any) -> None:
    section = video(client, server.give("/v", film.data), path, 4.0, 4.5).fetch()
    assert 2.8 < section.begin_s <= 3.5
    assert section.suffix == ".mp4"
    assert path.stat().st_size < len(film.data) / 2
    referee = {round(time_s, 2): image for time_s, image in frames_of(film.path)}
    for time_s, image in frames_of(path):
        np.testing.assert_array_equal(image, referee[round(time_s + section.begin_s, 2)])


def test_of_a_long_film_only_a_part_is_sent(
    server: Any, client: WebClient, path: Path, long_film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in ("web_video", "range_file"):
        monkeypatch.setattr(f"visavox.media.fetching.{module}.FIRST_WINDOW_BYTES", 16_384)
    monkeypatch.setattr("visavox.media.fetching.range_file.BLOCK_BYTES", 8192)
    section = video(client, server.give("/v", long_film.data), path, 10.0, 10.2).fetch()
    assert section.begin_s > 8
    assert server.n_sent < len(long_film.data) / 3
    assert all(asked.range for asked in server.asked)


@pytest.mark.parametrize(("start_s", "end_s"), [(None, None), (0.0, None)])
def test_without_a_section_the_bytes_are_those_of_the_server(
    server: Any, client: WebClient, path: Path, film: Any, start_s: float | None, end_s: float | None
) -> None:
    assert video(client, server.give("/v", film.data), path, start_s, end_s).fetch() == Section(0.0, ".mp4")
    assert path.read_bytes() == film.data
    assert [asked.range for asked in server.asked] == [""]


def test_a_server_without_ranges_gives_the_whole_file_at_once(
    server: Any, client: WebClient, path: Path, film: Any
) -> None:
    assert video(client, server.give("/v", film.data, has_ranges=False), path, 4.0, 4.5).fetch().begin_s == 0.0
    assert path.read_bytes() == film.data
    assert len(server.asked) == 1


def test_a_container_that_cannot_be_cut_is_taken_whole(
    server: Any, client: WebClient, path: Path, write_film: Any, film: Any, tmp_path: Path
) -> None:
    avi = write_film(tmp_path / "a.avi", format="avi", sound=None, seconds=2, n_between=0).data
    for data, suffix in ((avi, ""), (film.data[: len(film.data) // 2], ".mp4")):  # the second has lost its index
        assert video(client, server.give("/v", data), path, 1.0, 1.5).fetch() == Section(0.0, suffix)
        assert path.read_bytes() == data


def test_a_whole_file_can_be_taken_in_parts(
    server: Any, client: WebClient, path: Path, film: Any, frames_of: Any
) -> None:
    assert video(client, server.give("/v", film.data), path, None, None, in_parts=True).fetch().begin_s == 0.0
    assert len(frames_of(path)) == len(frames_of(film.path))
    assert all(asked.range for asked in server.asked)


def test_a_connection_that_is_cut_again_and_again_still_gives_the_section(
    server: Any, client: WebClient, path: Path, film: Any, frames_of: Any
) -> None:
    section = video(client, server.give("/v", film.data, cut_after=20_000), path, 1.0, 5.5).fetch()
    assert section.begin_s <= 0.5
    assert frames_of(path)[-1][0] + section.begin_s > 5.5


def test_a_file_that_breaks_off_in_the_middle_is_no_short_section(
    server: Any, client: WebClient, path: Path, film: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("visavox.media.fetching.web_video.FIRST_WINDOW_BYTES", 20_000)

    def fall(there: Any, wanted: str) -> None:
        if len(there.asked) == 3:
            there.pages["/v"].codes = [503]

    with pytest.raises(PassingError, match="503"):
        video(client, server.give("/v", film.data, cut_after=20_000, on_request=fall), path, 1.0, 5.5).fetch()


def test_a_whole_file_goes_on_where_it_was_cut(server: Any, client: WebClient, path: Path, film: Any) -> None:
    fetched = video(client, server.give("/v", film.data, cut_after=len(film.data) // 2 + 1), path, None, None)
    with pytest.raises(PassingError):
        fetched.fetch()
    assert fetched.n_bytes == len(film.data) // 2 + 1
    fetched.fetch()
    assert path.read_bytes() == film.data
    assert server.n_sent == len(film.data)


@pytest.mark.parametrize("section", [(None, None), (1.0, 2.0)])
def test_pages_and_empty_files_are_no_videos(
    server: Any, client: WebClient, path: Path, section: tuple[float | None, float | None]
) -> None:
    for body in (b"<html>sign in</html>", b'{"error": 1}', b""):
        with pytest.raises(MediaError) as caught:
            video(client, server.give("/v", body), path, *section).fetch()
        assert caught.value.status == "not_a_video"


@pytest.mark.parametrize("section", [(None, None), (0.5, 5.5)])
def test_no_more_is_fetched_than_allowed(
    server: Any, client: WebClient, path: Path, film: Any, section: tuple[float | None, float | None]
) -> None:
    with pytest.raises(MediaError, match="MB") as caught:
        video(client, server.give("/v", film.data), path, *section, max_bytes=30_000).fetch()
    assert caught.value.status == "too_large"


def test_a_full_disk_is_a_status_for_a_section_too(server: Any, client: WebClient, path: Path, film: Any) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    url = server.give("/v", film.data)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, hard))
    try:
        with pytest.raises(MediaError, match="no room") as caught:
            video(client, url, path, 1.0, 5.0).fetch()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.status == "disk"
