"""Requests to a real server: what comes back, and what every failure is called."""

from __future__ import annotations

import http.cookiejar
import socket
import ssl
import threading
import time
from typing import Any

import pytest

from visavox.errors import MediaError
from visavox.media.fetching.stop_signal import Stopped, StopSignal
from visavox.media.fetching.web_client import RangeError, Reply, WebClient, looks_like_text
from visavox.media.fetching.web_errors import PassingError

BODY = bytes(range(256)) * 1000


def all_of(reply: Reply) -> bytes:
    with reply:
        return b"".join(iter(reply.read, b""))


def test_a_file_comes_as_it_is(server: Any, client: WebClient) -> None:
    reply = client.get(server.give("/v", BODY, etag='"1"'), shown="v")
    assert (reply.first, reply.total, reply.has_ranges, reply.validator) == (0, len(BODY), False, '"1"')
    assert reply.head() == BODY[:512]
    assert all_of(reply) == BODY


@pytest.mark.parametrize(("first", "last"), [(0, 99), (1000, 1999), (255_000, None), (255_900, 10**9)])
def test_a_part_comes_with_its_place(server: Any, client: WebClient, first: int, last: int | None) -> None:
    reply = client.get(server.give("/v", BODY), shown="v", first=first, last=last)
    assert (reply.first, reply.total, reply.has_ranges) == (first, len(BODY), True)
    assert all_of(reply) == BODY[first : None if last is None else last + 1]


def test_a_server_without_ranges_is_recognised(server: Any, client: WebClient) -> None:
    reply = client.get(server.give("/v", BODY, has_ranges=False), shown="v", first=1000)
    assert (reply.first, reply.has_ranges) == (0, False)
    assert all_of(reply) == BODY


def test_a_part_behind_the_end_tells_the_length(server: Any, client: WebClient) -> None:
    with pytest.raises(RangeError) as caught:
        client.get(server.give("/v", BODY), shown="v", first=len(BODY))
    assert caught.value.total == len(BODY)


def test_a_weak_tag_is_no_promise_of_equal_bytes(server: Any, client: WebClient) -> None:
    with client.get(server.give("/v", BODY, etag='W/"1"', headers={"Last-Modified": "today"}), shown="v") as reply:
        assert reply.validator == "today"


@pytest.mark.parametrize(("code", "status"), [(404, "removed"), (403, "private"), (451, "region"), (503, "network")])
def test_refusals_have_their_status(server: Any, client: WebClient, code: int, status: str) -> None:
    with pytest.raises(MediaError, match=f"the video: the server answered {code}") as caught:
        client.get(server.give("/v", codes=[code]), shown="the video")
    assert caught.value.status == status


def test_a_wait_that_the_server_asks_for_is_heard(server: Any, client: WebClient) -> None:
    with pytest.raises(PassingError) as caught:
        client.get(server.give("/v", codes=[429], headers={"Retry-After": "17"}), shown="v")
    assert caught.value.wait_s == 17


def test_redirects_are_followed_on_the_web_and_nowhere_else(server: Any, client: WebClient) -> None:
    server.give("/v", BODY)
    assert all_of(client.get(server.give("/moved", redirect="/v"), shown="v")) == BODY
    for place in ("file:///etc/passwd", "ftp://127.0.0.1/v", "data:,x", "/around"):
        with pytest.raises(MediaError) as caught:
            client.get(server.give("/around", redirect=place), shown="v")
        assert caught.value.status == "unsupported_address"


@pytest.mark.parametrize("cut_after", [0, 1, 1000])
def test_a_cut_is_not_taken_for_the_end(server: Any, client: WebClient, cut_after: int) -> None:
    with pytest.raises(PassingError, match=f"cut after {cut_after} of {len(BODY)} bytes"):
        all_of(client.get(server.give("/v", BODY, cut_after=cut_after), shown="v"))


def test_without_a_length_the_end_is_where_it_ends(server: Any, client: WebClient) -> None:
    reply = client.get(server.give("/v", BODY, claimed_length=-1), shown="v")
    assert reply.total is None
    assert all_of(reply) == BODY


def test_a_server_that_does_not_answer_is_left(server: Any) -> None:
    client, began_s = WebClient(timeout_s=0.05, stop=StopSignal()), time.monotonic()
    with pytest.raises(PassingError, match="did not answer in time"):
        client.get(server.give("/v", BODY, wait_s=2), shown="v")
    assert time.monotonic() - began_s < 1


def test_nobody_there_and_no_such_name() -> None:
    client = WebClient(timeout_s=0.5, stop=StopSignal())
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with pytest.raises(PassingError, match="refused the connection"):
        client.get(f"http://127.0.0.1:{port}/v", shown="v")
    with pytest.raises(MediaError) as caught:
        client.get("http://a b/v", shown="v")
    assert caught.value.status == "unsupported_address"


def test_a_server_that_speaks_no_tls_is_a_failed_connection(server: Any, client: WebClient) -> None:
    with pytest.raises(PassingError, match="connection failed"):
        client.get(server.url("/v").replace("http:", "https:"), shown="v")


def test_certificates_are_checked() -> None:
    """The handler uses Python's default context, which checks the certificate and the name."""
    context = ssl._create_default_https_context()
    assert context.verify_mode == ssl.CERT_REQUIRED
    assert context.check_hostname


def test_cookies_are_sent_and_kept(server: Any) -> None:
    jar = http.cookiejar.CookieJar()
    client = WebClient(timeout_s=2, stop=StopSignal(), jar=jar)
    url = server.give("/v", BODY, headers={"Set-Cookie": "seen=yes"})
    client.get(url, shown="v").close()
    client.get(url, shown="v", headers={"X-Extra": "1"}).close()
    assert "Cookie" not in server.asked[0].headers
    assert server.asked[1].headers["Cookie"] == "seen=yes"
    assert server.asked[1].headers["X-Extra"] == "1"
    assert server.asked[1].headers["Accept-Encoding"] == "identity"


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<!DOCTYPE html><html>Please sign in</html>", "text/html"),
        (b"<html>403</html>", "video/mp4"),
        (b'{"error": "gone"}', "application/json"),
        ("\ufeff<p>Zoë</p>".encode(), "text/html"),
        ("page".encode("utf-16"), "text/html"),
        (b"#EXTM3U\n", "application/vnd.apple.mpegurl"),
        (b"", "video/mp4"),
    ],
)
def test_what_is_text_or_nothing_is_no_video(server: Any, client: WebClient, body: bytes, kind: str) -> None:
    with (
        client.get(server.give("/v", body, kind=kind), shown="v") as reply,
        pytest.raises(MediaError, match="v: ") as caught,
    ):
        reply.check_is_video()
    assert caught.value.status == "not_a_video"


def test_a_packed_page_is_no_video_and_a_film_called_text_is_one(server: Any, client: WebClient, film: Any) -> None:
    with client.get(server.give("/v", film.data, kind="text/html"), shown="v") as reply:
        reply.check_is_video()
        assert reply.read(100) == film.data[:100]
    page = server.give("/page", b"\x1f\x8b\x08\0packed", headers={"Content-Encoding": "gzip"})
    with client.get(page, shown="v") as reply, pytest.raises(MediaError, match="no video"):
        reply.check_is_video()


def test_media_do_not_look_like_text(film: Any) -> None:
    assert not looks_like_text(film.data[:512])
    assert not looks_like_text(b"\x1a\x45\xdf\xa3" + bytes(100))
    assert not looks_like_text(b"RIFF\x10\x00\x00\x00AVI LIST")
    assert not looks_like_text(b"\x00\x00\x01\xba!")
    assert looks_like_text("Zoë 顔".encode())


def test_a_signal_ends_a_request_that_waits(server: Any) -> None:
    stop = StopSignal()
    client, ended = WebClient(timeout_s=60, stop=stop), threading.Event()
    url = server.give("/v", BODY, wait_s=30, on_request=lambda *_: threading.Timer(0.02, stop.set).start())

    def ask() -> None:
        with pytest.raises(Stopped):
            client.get(url, shown="v")
        ended.set()

    threading.Thread(target=ask, daemon=True).start()
    assert ended.wait(2)
    with pytest.raises(Stopped):
        client.get(url, shown="v")
    assert len(server.asked) == 1
