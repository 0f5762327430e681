"""A file behind a URL reads like one at hand."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest

from visavox.errors import MediaError
from visavox.media.fetching import range_file
from visavox.media.fetching.range_file import BLOCK_BYTES, RangeFile, ScatteredError
from visavox.media.fetching.stop_signal import Stopped
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import PassingError

BODY = np.random.default_rng(0).bytes(1_500_001)


def open_file(server: Any, client: WebClient, max_bytes: int = 10**8, **page: Any) -> RangeFile:
    return RangeFile(client, server.give("/v", BODY, **page), shown="v", max_bytes=max_bytes)


def read_all(file: RangeFile, size: int) -> bytes:
    return b"".join(iter(lambda: file.read(size), b""))


@pytest.mark.parametrize("size", [1000, 32_768, BLOCK_BYTES + 1, -1])
def test_it_reads_from_front_to_back_in_few_requests(server: Any, client: WebClient, size: int) -> None:
    with open_file(server, client) as file:
        assert read_all(file, size) == BODY
        file.check()
        assert file.n_bytes == len(BODY)
    assert [asked.range for asked in server.asked] == [
        "bytes=0-262143", "bytes=262144-786431", "bytes=786432-1835007"
    ]  # fmt: skip


def test_any_order_of_seeks_and_reads_is_that_of_a_file(server: Any, client: WebClient) -> None:
    rng, referee = np.random.default_rng(1), io.BytesIO(BODY)
    with open_file(server, client) as file:
        assert file.read(10) == referee.read(10)
        for _ in range(60):
            place, whence = [
                (int(rng.integers(0, len(BODY) + 1000)), io.SEEK_SET),
                (int(rng.integers(0, 300_000)), io.SEEK_CUR),
                (-int(rng.integers(0, len(BODY))), io.SEEK_END),
            ][rng.integers(3)]
            assert file.seek(place, whence) == referee.seek(place, whence)
            wanted = int(rng.integers(1, 50_000))
            got = file.read(wanted)
            assert got == referee.read(wanted)[: len(got)]

            referee.seek(file.tell())
        file.check()


def test_what_was_read_is_not_asked_for_again(server: Any, client: WebClient) -> None:
    with open_file(server, client) as file:
        for _ in range(5):
            for place in (0, 1_000_000):
                file.seek(place)
                assert file.read(100) == BODY[place : place + 100]
    assert len(server.asked) == 2


def test_kept_blocks_are_few(server: Any, client: WebClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(range_file, "MAX_BLOCKS", 3)
    with open_file(server, client) as file:
        assert read_all(file, 50_000) == BODY
        assert len(file._blocks) == 3


def test_a_connection_that_is_cut_on_the_way_is_made_again(server: Any, client: WebClient) -> None:
    with open_file(server, client, cut_after=200_000) as file:
        assert read_all(file, 10_000) == BODY
        file.check()
    assert len(server.asked) == 8


@pytest.mark.parametrize(
    ("page", "max_bytes", "error", "words"),
    [
        ({"cut_after": 0}, 10**8, PassingError, "cut after 0"),
        ({"codes": [206, 404]}, 10**8, PassingError, "changed the file"),
        ({"has_ranges": False}, 10**8, PassingError, "changed the file"),
        ({"codes": [503]}, 10**8, PassingError, "503"),
        ({"codes": [404]}, 10**8, MediaError, "404"),
        ({}, 300_000, MediaError, "more than 0.3 MB"),
    ],
)
def test_a_failure_ends_the_file_and_is_kept(
    server: Any, client: WebClient, page: dict[str, Any], max_bytes: int, error: type[Exception], words: str
) -> None:
    with open_file(server, client, max_bytes, **page) as file:
        assert len(read_all(file, 10_000)) < len(BODY)
        assert file.read(1) == b""
        with pytest.raises(error, match=words):
            file.check()


def test_another_file_under_the_same_url_is_noticed(server: Any, client: WebClient) -> None:
    with open_file(server, client, etag='"1"') as file:
        assert file.read(10) == BODY[:10]
        server.give("/v", BODY[::-1], etag='"2"')
        file.seek(1_000_000)
        assert file.read(10) == b""
        with pytest.raises(PassingError, match="changed the file"):
            file.check()


def test_a_file_that_needs_too_many_requests_is_better_fetched_whole(
    server: Any, client: WebClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(range_file, "MAX_REQUESTS", 3)
    monkeypatch.setattr(range_file, "MAX_BLOCKS", 1)
    with open_file(server, client) as file:
        for place in (0, 1_000_000, 0, 1_000_000):
            file.seek(place)
            file.read(10)
        with pytest.raises(ScatteredError):
            file.check()


def test_ctrl_c_and_a_signal_pass_through_ffmpeg(server: Any, client: WebClient, film: Any) -> None:
    def interrupt(*_: Any, **__: Any) -> Any:
        raise KeyboardInterrupt

    url = server.give("/f", film.data)
    with RangeFile(client, url, shown="v", max_bytes=10**8) as file:
        file._request = interrupt  # type: ignore[method-assign]
        with pytest.raises(av.FFmpegError):
            av.open(file)
        with pytest.raises(KeyboardInterrupt):
            file.check()
    client.stop.set()
    with RangeFile(client, url, shown="v", max_bytes=10**8) as file:
        assert file.read(1) == b""
        with pytest.raises(Stopped):
            file.check()


def test_the_demuxer_sees_the_same_packets(server: Any, client: WebClient, film: Any) -> None:
    def packets(source: Any) -> list[tuple[int, bytes]]:
        with av.open(source) as container:
            return [(packet.stream.index, bytes(packet)) for packet in container.demux()]

    with RangeFile(client, server.give("/f", film.data), shown="v", max_bytes=10**8) as file:
        assert packets(file) == packets(str(Path(film.path)))
