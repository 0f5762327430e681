"""Requests over HTTP and HTTPS whose every failure is a `MediaError` with a status, and that another thread can end.

Certificates are checked, redirects stay on http and https, and proxies are those of the environment.

Example (needs a server):
    with WebClient(timeout_s=30.0, stop=StopSignal()).get(url, shown=url, first=1000) as reply:
        reply.first, reply.total, reply.read()      # 1000 where the server has ranges, else 0
"""

from __future__ import annotations

import functools
import http.client
import http.cookiejar
import re
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, TypeVar

from visavox.errors import MediaError
from visavox.media.fetching.stop_signal import StopSignal
from visavox.media.fetching.web_errors import PassingError, connection_failure, refusal

HEADERS = {
    # Some servers turn Python's own name away.
    "User-Agent": "Mozilla/5.0 (compatible; visavox)",
    "Accept": "*/*",
    "Accept-Encoding": "identity",
}
BLOCK_BYTES = 64 * 1024
SNIFFED_BYTES = 512
CONTENT_RANGE = re.compile(r"bytes (\d+)-\d+/(\d+|\*)")
CONTROL_CODES = frozenset(range(32)) - {9, 10, 12, 13, 27}

Result = TypeVar("Result")


class WebClient:
    """Makes requests. One for each fetch: it is not thread-safe, `stop` and `jar` are.

    Args:
        timeout_s: seconds without a byte after which a request fails.
        stop: ends every connection of this client.
        jar: cookies to send and to keep; None sends none.
    """

    def __init__(self, *, timeout_s: float, stop: StopSignal, jar: http.cookiejar.CookieJar | None = None) -> None:
        """Store the arguments."""
        self.timeout_s = timeout_s
        self.stop = stop
        self.jar = jar

    def get(
        self,
        url: str,
        *,
        shown: str,
        first: int | None = None,
        last: int | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Reply:
        """Ask for a file or a part of it.

        Args:
            url: http or https.
            shown: what messages call it.
            first: first byte of a range; None asks for the whole file.
            last: last byte of a range; None is the end of the file.
            headers: sent beside the usual ones, or instead of them.

        Raises:
            MediaError: the status says why; `PassingError` where another try may help.
            RangeError: the file has no such range.
            Stopped: the signal was set.
        """
        self.stop.check()
        wanted = {} if first is None else {"Range": f"bytes={first}-{'' if last is None else last}"}
        request = urllib.request.Request(url, headers={**HEADERS, **(headers or {}), **wanted})
        return Reply(guarded(lambda: self._open(request, shown), self.stop, shown), self.stop, shown)

    def _open(self, request: urllib.request.Request, shown: str) -> http.client.HTTPResponse:
        try:
            response: http.client.HTTPResponse = self._opener().open(request, timeout=self.timeout_s)
            return response
        except urllib.error.HTTPError as error:
            error.close()
            if error.code == http.client.REQUESTED_RANGE_NOT_SATISFIABLE:
                raise RangeError(shown, total=_total_of(error.headers.get("Content-Range", ""))) from error
            raise refusal(error.code, shown, retry_after=error.headers.get("Retry-After", "")) from error

    def _opener(self) -> urllib.request.OpenerDirector:
        """Return what urllib calls an opener, with http and https alone: no ftp, no file, no data."""
        opener = urllib.request.OpenerDirector()
        handlers: list[urllib.request.BaseHandler] = [
            urllib.request.ProxyHandler(),
            urllib.request.UnknownHandler(),
            _PlainHandler(self.stop),
            _SecureHandler(self.stop),
            urllib.request.HTTPDefaultErrorHandler(),
            urllib.request.HTTPRedirectHandler(),
            urllib.request.HTTPErrorProcessor(),
        ]
        if self.jar is not None:
            handlers.append(urllib.request.HTTPCookieProcessor(self.jar))
        for handler in handlers:
            opener.add_handler(handler)
        return opener


class RangeError(MediaError):
    """The server has no such part of the file."""

    def __init__(self, shown: str, *, total: int | None) -> None:
        """Store the length of the file, bytes, where the server said it."""
        super().__init__(f"{shown}: the server has no such part of the file. Run prepare again.", status="network")
        self.total = total


class Reply:
    """The body of an answer, read once from front to back.

    Attributes:
        first: position of its first byte in the file.
        total: length of the whole file in bytes; None where the server does not say.
        has_ranges: the server gave the part that was asked for, not the whole file.
        validator: names this version of the file, for If-Range; "" where the server gives no name.
    """

    def __init__(self, response: http.client.HTTPResponse, stop: StopSignal, shown: str) -> None:
        """Read the header."""
        self.shown = shown
        self._response = response
        self._stop = stop
        self._n_read = 0
        headers = response.headers
        length = headers.get("Content-Length", "")
        self._n_bytes = int(length) if length.isdecimal() else None
        found = CONTENT_RANGE.match(headers.get("Content-Range", ""))
        self.has_ranges = response.status == http.client.PARTIAL_CONTENT and found is not None
        self.first = int(found[1]) if found and self.has_ranges else 0
        self.total = _total_of(headers.get("Content-Range", "")) if self.has_ranges else self._n_bytes
        tag = headers.get("ETag", "")
        # A weak tag does not promise equal bytes.
        self.validator = headers.get("Last-Modified", "") if not tag or tag.startswith("W/") else tag
        self._is_packed = headers.get("Content-Encoding", "identity").lower() not in ("", "identity")
        self._head = b""

    def __enter__(self) -> Reply:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Drop the connection."""
        self._response.close()

    def read(self, n_bytes: int = BLOCK_BYTES) -> bytes:
        """Return the next bytes, `n_bytes` at most; b"" at the end.

        Raises:
            PassingError: the connection broke, or ended before the length that the server had said.
            Stopped: the signal was set.
        """
        if self._head:
            block, self._head = self._head[:n_bytes], self._head[n_bytes:]
            return block
        return self._receive(n_bytes)

    def head(self) -> bytes:
        """Return the first bytes, which `read` gives again; to be called before it."""
        while len(self._head) < SNIFFED_BYTES:
            block = self._receive(SNIFFED_BYTES - len(self._head))
            if not block:
                break
            self._head += block
        return self._head

    def check_is_video(self) -> None:
        """Raise where the server sends a page, a message or anything else that is text; to be called before `read`.

        What the server calls it does not count: videos go out as text/plain, and error pages as video/mp4.

        Raises:
            MediaError: status `not_a_video`.
            PassingError: the connection broke.
        """
        head = self.head()
        kind = self._response.headers.get_content_type()
        if not head:
            raise MediaError(f"{self.shown}: the server sent nothing. Correct the list.", status="not_a_video")
        if looks_like_text(head) or self._is_packed:
            raise MediaError(
                f"{self.shown}: what the server sent is no video but text ({kind}). Correct the list; for the page of "
                "a site that yt-dlp knows write ytdlp: before the address.",
                status="not_a_video",
            )

    def _receive(self, n_bytes: int) -> bytes:
        block = guarded(lambda: self._response.read1(n_bytes), self._stop, self.shown)
        self._n_read += len(block)
        if not block and n_bytes and self._n_bytes is not None and self._n_read < self._n_bytes:
            self._stop.check()
            raise PassingError(
                f"{self.shown}: the connection was cut after {self._n_read} of {self._n_bytes} bytes. "
                "Run prepare again."
            )
        return block


def guarded(act: Callable[[], Result], stop: StopSignal, shown: str) -> Result:
    """Return what `act` does with a connection; its failures become errors with a status.

    Raises:
        MediaError: what went wrong; `PassingError` where another try may help.
        Stopped: the signal was set, which is why it went wrong.
    """
    try:
        return act()
    except MediaError:
        raise
    except (OSError, http.client.HTTPException, ValueError) as error:  # ValueError: closed from another thread
        stop.check()
        raise connection_failure(error, shown) from error


def looks_like_text(head: bytes) -> bool:
    r"""Return whether the first bytes of a file are text: HTML, JSON, a playlist, a message.

    Example:
        >>> looks_like_text(b"  <!doctype html>"), looks_like_text(b"\0\0\0\x20ftypisom")
        (True, False)
    """
    return head.startswith((b"\xff\xfe", b"\xfe\xff")) or not CONTROL_CODES.intersection(head)


def _total_of(content_range: str) -> int | None:
    total = content_range.rpartition("/")[2]
    return int(total) if total.isdecimal() else None


class _Connection(http.client.HTTPConnection):
    """A connection that a signal can end."""

    def __init__(self, *arguments: Any, stop: StopSignal, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stop = stop

    def connect(self) -> None:
        super().connect()
        self.stop.watch(self.sock)


class _SecureConnection(http.client.HTTPSConnection):
    def __init__(self, *arguments: Any, stop: StopSignal, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.stop = stop

    def connect(self) -> None:
        super().connect()
        self.stop.watch(self.sock)


class _PlainHandler(urllib.request.HTTPHandler):
    def __init__(self, stop: StopSignal) -> None:
        super().__init__()
        self.stop = stop

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_Connection, stop=self.stop), req)


class _SecureHandler(urllib.request.HTTPSHandler):
    def __init__(self, stop: StopSignal) -> None:
        super().__init__()
        self.stop = stop

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        return self.do_open(functools.partial(_SecureConnection, stop=self.stop), req)
