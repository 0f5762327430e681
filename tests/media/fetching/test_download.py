"""A file comes whole, in one piece or in several, or not at all."""

from __future__ import annotations

import errno
import os
import resource
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from visavox.errors import MediaError
from visavox.media.fetching.download import Download
from visavox.media.fetching.stop_signal import Stopped
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import PassingError

BODY = np.random.default_rng(0).bytes(500_000)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "unfinished"


def start(client: WebClient, url: str, path: Path, max_bytes: int = 10**7) -> Download:
    return Download(client, url, path, shown="v", max_bytes=max_bytes)


def run_to_the_end(download: Download, max_runs: int = 20) -> int:
    """Return the number of runs."""
    for number in range(1, max_runs):
        try:
            download.run()
        except PassingError:
            continue
        return number
    raise AssertionError("it never ends")


def test_one_request_brings_all(server: Any, client: WebClient, path: Path) -> None:
    start(client, server.give("/v", BODY), path).run()
    assert path.read_bytes() == BODY
    assert [asked.range for asked in server.asked] == [""]


@pytest.mark.parametrize("etag", ["", '"1"'])
def test_after_a_cut_it_asks_for_what_is_missing(server: Any, client: WebClient, path: Path, etag: str) -> None:
    download = start(client, server.give("/v", BODY, cut_after=150_000, etag=etag), path)
    assert run_to_the_end(download) == 4
    assert path.read_bytes() == BODY
    assert [asked.range for asked in server.asked] == ["", "bytes=150000-", "bytes=300000-", "bytes=450000-"]
    assert [asked.headers.get("If-Range", "") for asked in server.asked] == ["", etag, etag, etag]
    assert server.n_sent == len(BODY)


def test_without_ranges_it_begins_anew(server: Any, client: WebClient, path: Path) -> None:
    download = start(client, server.give("/v", BODY, cut_after=150_000, n_cuts=2, has_ranges=False), path)
    assert run_to_the_end(download) == 3
    assert path.read_bytes() == BODY


def test_a_file_that_changed_meanwhile_is_not_mixed(server: Any, client: WebClient, path: Path) -> None:
    other = BODY[::-1]
    for etags in (('"1"', '"2"'), ("", "")):
        download = start(client, server.give("/v", BODY, cut_after=150_000, etag=etags[0]), path)
        with pytest.raises(PassingError):
            download.run()
        # Without a tag another length gives it away.
        server.give("/v", other if etags[0] else other[:-1], etag=etags[1])
        run_to_the_end(download)
        assert path.read_bytes() == (other if etags[0] else other[:-1])


def test_a_shorter_new_file_is_fetched_from_its_beginning(server: Any, client: WebClient, path: Path) -> None:
    download = start(client, server.give("/v", BODY, cut_after=150_000), path)
    with pytest.raises(PassingError):
        download.run()
    server.give("/v", BODY[:1000])
    run_to_the_end(download)
    assert path.read_bytes() == BODY[:1000]


@pytest.mark.parametrize("claimed", [None, -1, 1000])
def test_no_file_is_larger_than_allowed(server: Any, client: WebClient, path: Path, claimed: int | None) -> None:
    """With a true length before the first byte, without one as it grows; a length that is too small ends the file."""
    download = start(client, server.give("/v", BODY, claimed_length=claimed), path, max_bytes=200_000)
    if claimed == 1000:
        download.run()
        assert path.read_bytes() == BODY[:1000]
        return
    with pytest.raises(MediaError, match=r"at most 0\.2 MB") as caught:
        download.run()
    assert caught.value.status == "too_large"
    assert not path.exists() or path.stat().st_size <= 200_000


def test_a_length_that_is_too_great_is_a_cut(server: Any, client: WebClient, path: Path) -> None:
    download = start(client, server.give("/v", BODY, claimed_length=len(BODY) + 5, has_ranges=False), path)
    for _ in range(3):
        with pytest.raises(PassingError, match="cut after"):
            download.run()


def test_a_file_as_large_as_allowed_comes(server: Any, client: WebClient, path: Path) -> None:
    start(client, server.give("/v", BODY), path, max_bytes=len(BODY)).run()
    assert path.read_bytes() == BODY


def test_a_page_is_no_video(server: Any, client: WebClient, path: Path) -> None:
    with pytest.raises(MediaError, match="text") as caught:
        start(client, server.give("/v", b"<html>moved</html>", kind="text/html"), path).run()
    assert caught.value.status == "not_a_video"
    assert not path.exists()


def test_a_full_disk_is_a_status(server: Any, client: WebClient, path: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    url = server.give("/v", BODY)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        with pytest.raises(MediaError, match="no room on the disk") as caught:
            start(client, url, path).run()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert caught.value.status == "disk"


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="only Linux has a disk that is always full")  # noqa: PTH110
def test_the_disk_that_is_always_full(server: Any, client: WebClient) -> None:
    with pytest.raises(MediaError, match="No space left") as caught:
        start(client, server.give("/v", BODY), Path("/dev/full")).run()
    assert caught.value.status == "disk"


def test_a_folder_that_is_gone_stops_the_run(server: Any, client: WebClient, path: Path) -> None:
    with pytest.raises(FileNotFoundError) as caught:
        start(client, server.give("/v", BODY), path / "nowhere").run()
    assert caught.value.errno == errno.ENOENT


def test_a_signal_ends_it(server: Any, client: WebClient, path: Path) -> None:
    download = start(client, server.give("/v", BODY, on_request=lambda *_: client.stop.set()), path)
    with pytest.raises(Stopped):
        download.run()
