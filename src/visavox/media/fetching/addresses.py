"""What an address of a video says: where it lies and how it can be fetched. Nothing is opened here.

Known are `https://...`, `http://...`, `youtube:ID`, `ytdlp:https://...` (a page of any site that yt-dlp knows),
`file:///...` and plain paths.

Example:
    >>> parse_address("youtube:-abcdefghi_").target
    'https://www.youtube.com/watch?v=-abcdefghi_'
    >>> parse_address("http://a.org/my video.mp4?key=1").target, parse_address("my:video.mp4").kind
    ('http://a.org/my%20video.mp4?key=1', 'file')
"""

from __future__ import annotations

import re
import urllib.parse
import urllib.request
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.errors import MediaError, one_line

YOUTUBE_ID = re.compile(r"[A-Za-z0-9_-]{11}")
SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://")
URL_CHARACTERS = "%/:=&?~#+!$,;'@()*[]|"
"""What stands for itself in a URL; the rest is written as %XX."""
MAX_SHOWN = 200  # characters of an address in a message


@dataclass(frozen=True)
class Address:
    """Where a video lies."""

    kind: Literal["file", "web", "site"]
    """A file at hand; a file behind a URL; a page that yt-dlp reads."""
    target: str
    """The path, or the URL ready to be requested."""
    host: str
    """The host that is asked, in lower case; "" for a file."""
    shown: str
    """The address as a message may show it: one line, without what may be secret."""

    @property
    def path(self) -> Path:
        """The file at hand."""
        return Path(self.target)


def parse_address(address: str) -> Address:
    """Return what an address says.

    Raises:
        MediaError: status `unsupported_address`: nothing here can fetch it.
    """
    scheme, _, rest = address.partition(":")
    scheme = scheme.lower()
    if scheme in ("http", "https"):
        return _web(address, "web")
    if scheme == "ytdlp":
        return _web(rest, "site")
    if scheme == "youtube":
        if not YOUTUBE_ID.fullmatch(rest):
            raise _unsupported(address, "A YouTube id has 11 letters, digits, - and _", "Correct the list.")
        url = f"https://www.youtube.com/watch?v={rest}"
        return Address("site", url, "www.youtube.com", shown=f"youtube:{rest}")
    if scheme == "file":
        return Address("file", _file_path(address), "", shown=one_line(address))
    if not address or SCHEME.match(address):
        raise _unsupported(
            address, "An address must be a path, file://, http(s)://, youtube:ID or ytdlp:URL", "Correct the list."
        )
    return Address("file", address, "", shown=one_line(address))


def _web(address: str, kind: Literal["web", "site"]) -> Address:
    url = address.strip()
    try:
        parts = urllib.parse.urlsplit(url)
        host, port = parts.hostname, parts.port
        name = host.encode("idna").decode("ascii") if host and not host.isascii() else host
    except ValueError as error:  # no IPv6 address, no port, no name: UnicodeError is a ValueError
        raise _unsupported(address, f"That is no URL ({error})", "Correct the list.") from error
    if parts.scheme.lower() not in ("http", "https") or not name:
        raise _unsupported(address, "A URL must be http://host/... or https://host/...", "Correct the list.")
    if "@" in parts.netloc:
        raise _unsupported(address, "A URL must hold no user and password", "Give them as cookies.")
    place = (f"[{name}]" if ":" in name else name) + ("" if port is None else f":{port}")
    target = urllib.parse.urlunsplit((parts.scheme.lower(), place, parts.path or "/", parts.query, ""))
    return Address(kind, urllib.parse.quote(target, safe=URL_CHARACTERS), name.lower(), shown=shown_url(url))


def shown_url(url: str) -> str:
    """Return a URL for a message: one line, without the query, which may hold a key, and not endless.

    Example:
        >>> shown_url("https://me:secret@a.org/v.mp4?key=1")
        'https://...@a.org/v.mp4?...'
    """
    start, question, _ = one_line(url).partition("?")
    start = re.sub(r"(//)[^/]*@", r"\1...@", start)
    return (start if len(start) <= MAX_SHOWN else start[:MAX_SHOWN] + "...") + ("?..." if question else "")


def _file_path(address: str) -> str:
    parts = urllib.parse.urlsplit(address)
    if parts.netloc.lower() not in ("", "localhost"):
        raise _unsupported(address, "A file:// address must be of this machine", "Write it as file:///folder/file.")
    # What follows ? or # is part of a file's name as well, and urlsplit leaves out line ends.
    return urllib.request.url2pathname(re.sub(r"^file:(//[^/]*)?", "", address, flags=re.IGNORECASE))


def _unsupported(address: str, rule: str, remedy: str) -> MediaError:
    return MediaError(f"{rule}. Got {shown_url(address)!r}. {remedy}", status="unsupported_address")
