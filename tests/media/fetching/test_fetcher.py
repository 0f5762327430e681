"""An address becomes a file, whole and under a name of its own, or an error with a status and no file."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import ConfigError, MediaError
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.fetcher import Fetcher
from visavox.media.fetching.stop_signal import Stopped, StopSignal


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "downloads"


@pytest.fixture
def fetcher(folder: Path, quick: FetchSettings) -> Fetcher:
    return Fetcher(folder, quick)


def files(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


@pytest.mark.parametrize("name", ["-abc", "a b.mp4", 'Zoë\'s "film".mp4', "a:b.mp4"])
def test_a_file_at_hand_is_not_copied(fetcher: Fetcher, folder: Path, tmp_path: Path, film: Any, name: str) -> None:
    path = tmp_path / name
    path.write_bytes(film.data)
    for address in (str(path), path.as_uri()):
        media = fetcher.fetch(address, start_s=1.0, end_s=2.0)
        assert (media.path, media.begin_s, media.is_temporary) == (path, 0.0, False)
    assert files(folder) == []


def test_files_that_are_not_there_or_empty_have_their_status(fetcher: Fetcher, tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").touch()
    for name, status in (("nowhere.mp4", "missing_file"), ("empty.mp4", "empty_file"), (".", "missing_file")):
        with pytest.raises(MediaError) as caught:
            fetcher.fetch((tmp_path / name).as_uri())
        assert caught.value.status == status


def test_a_section_is_the_video_at_that_time(
    fetcher: Fetcher, folder: Path, server: Any, film: Any, frames_of: Any
) -> None:
    media = fetcher.fetch(server.give("/v", film.data), start_s=4.0, end_s=4.5)
    assert media.is_temporary
    assert 2.8 < media.begin_s <= 3.5
    assert files(folder) == [media.path.name]
    referee = {round(time_s, 2): image for time_s, image in frames_of(film.path)}
    frames = frames_of(media.path)
    assert frames[-1][0] + media.begin_s > 4.5
    for time_s, image in frames:
        np.testing.assert_array_equal(image, referee[round(time_s + media.begin_s, 2)])


def test_the_whole_comes_without_a_section(fetcher: Fetcher, server: Any, film: Any) -> None:
    server.give("/my%20film.mp4", film.data)
    media = fetcher.fetch(server.url("/my film.mp4"))
    assert media.begin_s == 0.0
    assert media.path.read_bytes() == film.data


@pytest.mark.parametrize(
    ("page", "status", "n_requests"),
    [
        ({"codes": [404] * 9}, "removed", 1),
        ({"codes": [410] * 9}, "removed", 1),
        ({"codes": [401] * 9}, "private", 1),
        ({"codes": [403] * 9}, "private", 1),
        ({"codes": [451] * 9}, "region", 1),
        ({"codes": [429] * 9, "headers": {"Retry-After": "100"}}, "network", 3),
        ({"codes": [500] * 9}, "network", 3),
        ({"cut_after": 0}, "network", 3),
        ({"body": b"<html></html>"}, "not_a_video", 1),
        ({"body": b"{}", "kind": "application/json"}, "not_a_video", 1),
        ({"redirect": "file:///etc/passwd"}, "unsupported_address", 1),
    ],
)
@pytest.mark.parametrize("section", [(None, None), (1.0, 2.0)])
def test_failures_have_a_status_and_leave_nothing(
    fetcher: Fetcher, folder: Path, server: Any, film: Any, page: dict[str, Any], status: str, n_requests: int,
    section: tuple[float | None, float | None],
) -> None:  # fmt: skip
    url = server.give("/v", **{"body": film.data, **page, "codes": list(page.get("codes", []))})
    with pytest.raises(MediaError) as caught:
        fetcher.fetch(url, start_s=section[0], end_s=section[1])
    assert caught.value.status == status
    assert str(caught.value).isprintable()
    assert len(server.asked) == n_requests
    assert files(folder) == []


@pytest.mark.parametrize("n_failures", [1, 2])
def test_a_failure_that_passes_is_no_failure(fetcher: Fetcher, server: Any, film: Any, n_failures: int) -> None:
    url = server.give("/v", film.data, codes=[503, 429][:n_failures])
    assert fetcher.fetch(url).path.read_bytes() == film.data


def test_a_long_file_over_a_bad_line_comes_in_the_end(folder: Path, quick: FetchSettings, server: Any) -> None:
    """Each connection is cut after 1.1 MB, more often than `attempts`."""
    body = np.random.default_rng(0).bytes(6_000_000)
    media = Fetcher(folder, quick).fetch(server.give("/v", body, cut_after=1_100_000))
    assert media.path.read_bytes() == body
    assert server.n_sent == len(body)


@pytest.mark.parametrize("times", [(2.0, 1.0), (1.0, 1.0), (-1.0, 2.0), (float("nan"), 2.0), (0.0, float("nan"))])
def test_impossible_times_are_a_status(fetcher: Fetcher, times: tuple[float, float]) -> None:
    with pytest.raises(MediaError, match="0 <= start_s < end_s") as caught:
        fetcher.fetch("http://127.0.0.1:9/v", start_s=times[0], end_s=times[1])
    assert caught.value.status == "invalid_time"


def test_addresses_of_any_shape_give_names_of_our_own(fetcher: Fetcher, folder: Path, server: Any, film: Any) -> None:
    for path in ("/-abc", "/a/b", "/..%2f..%2fescaped", "/" + "x" * 300):
        media = fetcher.fetch(server.give(path, film.data))
        assert media.path.parent == folder
        assert len(media.path.name) < 60
        assert not media.path.name.startswith("-")
    assert len(files(folder)) == 4


def test_clips_that_want_the_same_get_files_of_their_own(fetcher: Fetcher, server: Any, film: Any) -> None:
    """One may be removed while the other is still read."""
    url = server.give("/v", film.data)
    with ThreadPoolExecutor(4) as pool:
        media = list(pool.map(lambda _: fetcher.fetch(url, start_s=4.0, end_s=4.5), range(8)))
    assert len({one.path for one in media}) == 8
    assert len({one.path.read_bytes() for one in media}) == 1


def test_what_an_earlier_run_left_is_used_once(folder: Path, quick: FetchSettings, server: Any, film: Any) -> None:
    url = server.give("/v", film.data)
    before = Fetcher(folder, quick).fetch(url, start_s=4.0, end_s=4.5)
    server.asked.clear()
    fetcher = Fetcher(folder, quick)
    again = fetcher.fetch(url, start_s=4.0, end_s=4.5)
    assert again.path == before.path
    assert again.begin_s == pytest.approx(before.begin_s, abs=1e-6)
    assert server.asked == []
    assert fetcher.fetch(url, start_s=4.0, end_s=4.5).path != before.path
    assert fetcher.fetch(url, start_s=4.0, end_s=4.6).path != before.path
    assert server.asked


def test_what_a_killed_run_had_not_finished_is_removed(fetcher: Fetcher, folder: Path, server: Any, film: Any) -> None:
    folder.mkdir()
    (folder / "half.part").write_bytes(b"half")
    (folder / "notes.txt").write_bytes(b"of the user")
    media = fetcher.fetch(server.give("/v", film.data))
    assert files(folder) == sorted(["notes.txt", media.path.name])


@pytest.mark.parametrize("section", [(None, None), (1.0, 2.0)])
def test_ctrl_c_and_a_signal_leave_nothing(
    folder: Path, quick: FetchSettings, server: Any, film: Any, monkeypatch: pytest.MonkeyPatch,
    section: tuple[float | None, float | None],
) -> None:  # fmt: skip
    url, stop = server.give("/v", film.data), StopSignal()

    def interrupt(*_: Any) -> bytes:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("visavox.media.fetching.web_client.Reply.read", interrupt)
        with pytest.raises(KeyboardInterrupt):
            Fetcher(folder, quick).fetch(url, start_s=section[0], end_s=section[1])
    assert files(folder) == []
    server.give("/v", film.data, on_request=lambda *_: stop.set(), wait_s=5)
    with pytest.raises(Stopped):
        Fetcher(folder, quick).fetch(url, start_s=section[0], end_s=section[1], stop=stop)
    assert files(folder) == []


def test_a_signal_ends_the_wait_for_the_next_try(folder: Path, quick: FetchSettings, server: Any) -> None:
    stop = StopSignal()
    patient = replace(quick, first_wait_s=60, max_wait_s=60)
    url = server.give("/v", codes=[503], on_request=lambda *_: threading.Timer(0.03, stop.set).start())
    with pytest.raises(Stopped):
        Fetcher(folder, patient).fetch(url, stop=stop)


def test_without_a_network_clips_are_tried_once_each_and_with_one_as_often_as_ever(
    folder: Path, quick: FetchSettings, server: Any, film: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody listens at the first address. A list of thousands must not wait out every wait of every clip."""
    fetcher = Fetcher(folder, quick)

    def reason(url: str) -> str:
        with pytest.raises(MediaError) as caught:
            fetcher.fetch(url)
        assert caught.value.status == "network"
        return str(caught.value)

    reasons = [reason(f"http://localhost:9/{number}") for number in range(6)]  # three tries each, eight in all
    assert ["tried 3 times" in words for words in reasons] == [True, True, False, False, False, False]
    assert ["Nor was localhost" in words for words in reasons] == [False, False, True, True, True, True]
    assert len([record for record in caplog.records if "not reached in 8 tries" in record.message]) == 1
    assert "tried 3 times" in reason(server.give("/v", codes=[503] * 3))  # another host
    assert fetcher.fetch(server.give("/v", film.data)).path.read_bytes() == film.data


def test_a_host_that_comes_back_is_tried_as_often_as_before(
    folder: Path, quick: FetchSettings, server: Any, film: Any
) -> None:
    fetcher, lost = Fetcher(folder, replace(quick, attempts=20)), "http://127.0.0.1:9/v"
    with pytest.raises(MediaError, match=r"Nor was 127\.0\.0\.1 reached"):
        fetcher.fetch(lost)
    with pytest.raises(MediaError, match="404"):  # an answer is an answer
        fetcher.fetch(server.give("/gone", codes=[404]))
    assert fetcher.fetch(server.give("/v", film.data, codes=[503, 503])).path.read_bytes() == film.data


def test_requests_are_spaced(folder: Path, quick: FetchSettings, server: Any, film: Any) -> None:
    waits: list[float] = []

    class Recorder(StopSignal):
        def sleep(self, seconds: float) -> None:
            waits.append(seconds)

    fetcher, url = Fetcher(folder, replace(quick, requests_per_minute=6)), server.give("/v", film.data, codes=[503])
    for _ in range(2):
        fetcher.fetch(url, stop=Recorder())
    # Two tries of the first, one of the second; between them the wait after the failure.
    assert [round(wait) for wait in waits if wait > 1] == [10, 20]


def test_cookies_are_sent_to_their_site(folder: Path, quick: FetchSettings, server: Any, film: Any) -> None:
    path = folder.parent / "cookies.txt"
    path.write_text(
        "# Netscape HTTP Cookie File\n127.0.0.1\tFALSE\t/\tFALSE\t0\tsession\t42\n"
        "example.org\tFALSE\t/\tFALSE\t0\tother\t1\n",
        encoding="utf-8",
    )
    before = path.read_bytes()
    Fetcher(folder, replace(quick, cookies=path)).fetch(server.give("/v", film.data, headers={"Set-Cookie": "a=b"}))
    assert server.asked[0].headers["Cookie"] == "session=42"
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, b"session=42", b"\xff\xfe\x00"])
def test_cookies_that_cannot_be_read_are_the_users_mistake(
    folder: Path, quick: FetchSettings, content: bytes | None
) -> None:
    path = folder.parent / "cookies.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(ConfigError, match="`cookies` must be a file"):
        Fetcher(folder, replace(quick, cookies=path))


def test_a_folder_that_cannot_be_made_stops_the_run(tmp_path: Path, quick: FetchSettings) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OSError, match="file"):
        Fetcher(tmp_path / "file" / "downloads", quick).fetch("http://127.0.0.1:9/v")
