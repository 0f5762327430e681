"""A file behind a URL, read like one at hand: each part is asked for when it is read (Range requests).

So the demuxer of ffmpeg can look into a video without fetching it whole, while certificates, cookies, redirects,
errors and limits stay those of `web_client`.

An error must not pass through ffmpeg, which would swallow or rename it: reading then ends, and `failure` says why.

Example (needs a server):
    file = RangeFile(client, url, shown=url, max_bytes=10**9)
    with av.open(file) as container: ...
    file.check()
"""

from __future__ import annotations

import io
from collections import OrderedDict
from collections.abc import Mapping

from visavox.errors import MediaError
from visavox.media.fetching.stop_signal import Stopped
from visavox.media.fetching.web_client import Reply, WebClient
from visavox.media.fetching.web_errors import PassingError

BLOCK_BYTES = 128 * 1024
MAX_BLOCKS = 64  # 8 MB: a file whose sound lies far from its picture is read at two places by turns
FIRST_WINDOW_BYTES = 256 * 1024  # asked for at once at a new place, and twice as many each time that reading goes on
MAX_WINDOW_BYTES = 8 * 1024 * 1024  # video sites slow down a request for more than 10 MB
MAX_REQUESTS = 300  # more only happens in a file that is better fetched whole


class RangeFile(io.RawIOBase):
    """A seekable file whose bytes come from a server with ranges.

    Args:
        client: makes the requests.
        url: of the file.
        shown: what messages call it.
        max_bytes: bytes that may be fetched in all.
        headers: sent with every request.
        reply: an answer for the beginning of the file that is at hand already; it is used up.
    """

    def __init__(
        self,
        client: WebClient,
        url: str,
        *,
        shown: str,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
        reply: Reply | None = None,
    ) -> None:
        """Store the arguments; nothing is requested."""
        super().__init__()
        self.client = client
        self.url = url
        self.shown = shown
        self.max_bytes = max_bytes
        self.headers = dict(headers or {})
        self.failure: MediaError | Stopped | KeyboardInterrupt | None = None
        """Why reading ended, where it was not the end of the file."""
        self.n_bytes = 0
        """Bytes fetched so far."""
        self.n_requests = 0
        self.total = reply.total if reply is not None else None
        self._validator = reply.validator if reply is not None else ""
        self._reply = reply
        self._reply_at = 0
        self._window = FIRST_WINDOW_BYTES
        self._position = 0
        self._blocks: OrderedDict[int, bytes] = OrderedDict()

    def check(self) -> None:
        """Raise what went wrong since the file was opened.

        Raises:
            MediaError: as `WebClient.get`, or `too_large`.
            Stopped: the signal was set.
        """
        if self.failure is not None:
            raise self.failure

    def readable(self) -> bool:
        """Return True."""
        return True

    def seekable(self) -> bool:
        """Return True."""
        return True

    def tell(self) -> int:
        """Return the position."""
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Move; a request is made only where the length is not known yet and matters."""
        if whence == io.SEEK_END and self.total is None:
            self._block(0)
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self.total or 0}[whence]
        self._position = max(0, start + offset)
        return self._position

    def read(self, size: int = -1) -> bytes:
        """Return bytes from here on, `size` at most; b"" at the end, and after a failure."""
        number, skipped = divmod(self._position, BLOCK_BYTES)
        block = self._block(number)[skipped:]
        data = block if size is None or size < 0 else block[:size]
        self._position += len(data)
        return data

    def close(self) -> None:
        """Drop the connection and what was kept."""
        if self._reply is not None:
            self._reply.close()
            self._reply = None
        self._blocks.clear()
        super().close()

    def _block(self, number: int) -> bytes:
        """Return a block of the file; b"" behind the end, and after a failure."""
        if self.failure is not None:
            return b""
        if number not in self._blocks:
            try:
                self._blocks[number] = self._fetch(number * BLOCK_BYTES)
            # Also Ctrl-C, which ffmpeg would drop: the caller raises it again by `check`.
            except (MediaError, Stopped, KeyboardInterrupt) as error:
                self.failure = error
                return b""
            if len(self._blocks) > MAX_BLOCKS:
                self._blocks.popitem(last=False)
        self._blocks.move_to_end(number)
        return self._blocks[number]

    def _fetch(self, start: int) -> bytes:
        """Return the block that begins at a byte; shorter, or empty, at the end of the file."""
        if self.total is None:
            self._request(start)
        assert self.total is not None
        wanted = min(BLOCK_BYTES, self.total - start)
        data = b""
        while len(data) < wanted:
            if self._reply is None or self._reply_at != start + len(data):
                self._request(start + len(data))
            part = self._receive(wanted - len(data))
            data += part
            self._reply_at += len(part)
            self.n_bytes += len(part)
            if self.n_bytes > self.max_bytes:
                raise MediaError(
                    f"{self.shown}: more than {self.max_bytes / 1e6:g} MB would be fetched. Raise the limit of "
                    "prepare, then: corpus retry.",
                    status="too_large",
                )
        return data

    def _receive(self, n_bytes: int) -> bytes:
        """Return the next bytes of the answer; b"" where it is over and another has to be asked for."""
        assert self._reply is not None
        try:
            part = self._reply.read(n_bytes)
        except PassingError:
            # A connection that was cut on the way is made again; one that gave nothing is a failure.
            if self._reply_at == self._reply.first:
                raise
            part = b""
        if not part:
            self._reply.close()
            self._reply = None
        return part

    def _request(self, first: int) -> None:
        if self._reply is not None:
            self._reply.close()
            self._reply = None
        self.n_requests += 1
        goes_on = 0 < first == self._reply_at
        self._window = min(2 * self._window, MAX_WINDOW_BYTES) if goes_on else FIRST_WINDOW_BYTES
        if self.n_requests > MAX_REQUESTS:
            raise ScatteredError(f"{self.shown}: it can only be fetched whole.", status="network")
        reply = self.client.get(
            self.url, shown=self.shown, first=first, last=first + self._window - 1, headers=self.headers
        )
        is_same = self.total in (None, reply.total) and self._validator in ("", reply.validator)
        if not reply.has_ranges or reply.first != first or reply.total is None or not is_same:
            reply.close()
            raise PassingError(f"{self.shown}: the server changed the file while it was read. Run prepare again.")
        self.total, self._validator = reply.total, reply.validator
        self._reply, self._reply_at = reply, first


class ScatteredError(MediaError):
    """What is wanted lies in too many places of the file."""
