"""An address says where a video lies, whatever characters it is made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.errors import MediaError
from visavox.media.fetching.addresses import parse_address, shown_url


@pytest.mark.parametrize("name", ["talk.mp4", "-abc.mp4", "a b'\"c.mp4", "Zoë 顔.mp4", "a?b#c%20.mp4", "a:b.mp4"])
def test_a_path_and_its_uri_are_the_same_file(tmp_path: Path, name: str) -> None:
    path = tmp_path / name
    assert parse_address(str(path)).path == path
    assert parse_address(path.as_uri()).path == path
    assert parse_address(path.as_uri()).kind == "file"


def test_a_relative_path_with_a_colon_is_a_path() -> None:
    assert parse_address("a:b.mp4").path == Path("a:b.mp4")
    assert parse_address("-abc").path == Path("-abc")


def test_a_file_uri_may_name_this_machine_and_no_other() -> None:
    assert parse_address("FILE://localhost/a/b.mp4").path == Path("/a/b.mp4")
    assert parse_address("file:/a/b.mp4").path == Path("/a/b.mp4")
    with pytest.raises(MediaError, match="of this machine"):
        parse_address("file://other/a.mp4")


@pytest.mark.parametrize("name", ["dQw4w9WgXcQ", "-abcdefghi_", "___________", "-----------"])
def test_youtube_ids_may_begin_with_a_dash(name: str) -> None:
    address = parse_address(f"youtube:{name}")
    assert address.kind == "site"
    assert address.target == f"https://www.youtube.com/watch?v={name}"
    assert address.host == "www.youtube.com"
    assert address.shown == f"youtube:{name}"


@pytest.mark.parametrize(
    "name", ["", "short", "twelve_chars", "has space  ", "a/b/c/d/e/f", "$(rm -rf ~)", "a&list=abcd"]
)
def test_what_is_no_youtube_id_never_reaches_a_url(name: str) -> None:
    with pytest.raises(MediaError, match="11 letters") as caught:
        parse_address(f"youtube:{name}")
    assert caught.value.status == "unsupported_address"


def test_urls_are_written_as_a_server_can_read_them() -> None:
    address = parse_address("HTTP://Example.ORG:8080/my talk/Zoë.mp4?a=1&b=%20#part")
    assert address.target == "http://example.org:8080/my%20talk/Zo%C3%AB.mp4?a=1&b=%20"
    assert address.host == "example.org"
    assert parse_address("https://bücher.de").target == "https://xn--bcher-kva.de/"
    assert parse_address("http://[::1]:80/v.mp4").target == "http://[::1]:80/v.mp4"


def test_a_page_for_yt_dlp_is_marked() -> None:
    address = parse_address("ytdlp:https://vimeo.com/1")
    assert (address.kind, address.target, address.host) == ("site", "https://vimeo.com/1", "vimeo.com")


@pytest.mark.parametrize(
    "address",
    [
        "", "ftp://a.org/v.mp4", "rtmp://a.org/v", "data://x", "http://", "https:///v.mp4", "http:v.mp4", "ytdlp:abc",
        "ytdlp:file:///etc/passwd", "http://a.org:port/v", "http://[::1/v", "http://" + "a" * 70 + ".ü/v",
    ],
)  # fmt: skip
def test_other_addresses_are_refused_in_one_line(address: str) -> None:
    with pytest.raises(MediaError) as caught:
        parse_address(address)
    assert caught.value.status == "unsupported_address"
    assert "\n" not in str(caught.value)


def test_a_password_is_neither_sent_nor_shown() -> None:
    with pytest.raises(MediaError, match="no user and password") as caught:
        parse_address("https://me:secret@a.org/v.mp4")
    assert "secret" not in str(caught.value)


def test_what_is_shown_is_short_and_keeps_no_key() -> None:
    assert shown_url("http://a.org/v.mp4?token=secret") == "http://a.org/v.mp4?..."
    assert len(shown_url("http://a.org/" + "x" * 10_000)) < 300
    assert shown_url("http://a.org/a\nb") == "http://a.org/a\\nb"


@given(st.text(max_size=60))
def test_any_text_is_an_address_or_refused(text: str) -> None:
    for address in (text, f"http://a.org/{text}", f"file:///{text}", f"youtube:{text}"):
        try:
            found = parse_address(address)
        except MediaError as error:
            assert error.status == "unsupported_address"
            assert str(error).isprintable()
        else:
            assert found.shown.isprintable()
            if found.kind != "file":
                assert found.target.isascii()
                assert " " not in found.target and "\n" not in found.target
