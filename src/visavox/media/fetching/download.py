"""Fetches a file whole, in one request, and goes on where a connection was cut.

Example (needs a server):
    download = Download(client, url, Path("unfinished"), shown=url, max_bytes=10**9)
    download.run()          # again after a PassingError: it asks for what is missing
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from visavox.errors import MediaError
from visavox.media.fetching.web_client import RangeError, Reply, WebClient
from visavox.media.fetching.web_errors import PassingError, disk_failure


class Download:
    """One file on its way.

    Args:
        client: makes the requests.
        url: of the file.
        path: file to write; what it holds from an earlier run of this object is kept.
        shown: what messages call it.
        max_bytes: length of the largest file that is fetched.
        headers: sent with every request.
    """

    def __init__(
        self,
        client: WebClient,
        url: str,
        path: Path,
        *,
        shown: str,
        max_bytes: int,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Store the arguments."""
        self.client = client
        self.url = url
        self.path = path
        self.shown = shown
        self.max_bytes = max_bytes
        self.headers = dict(headers or {})
        self.n_bytes = 0
        """Bytes in the file so far."""
        self._total: int | None = None
        self._validator = ""

    def run(self, reply: Reply | None = None) -> None:
        """Fetch all, or what is missing.

        Args:
            reply: an answer that gives the whole file and is at hand already; it is used up.

        Raises:
            MediaError: the status says why: `too_large`, `not_a_video`, `disk`, or as `WebClient.get`.
            PassingError: another run may go on.
            Stopped: the signal was set.
            OSError: the disk is broken.
        """
        if reply is None:
            reply = self._request()
        if reply is None:
            return
        with reply:
            if reply.first != self.n_bytes:  # from the beginning, since the server cannot go on or has another file
                self.n_bytes = 0
            if self.n_bytes == 0:
                reply.check_is_video()
                self._total, self._validator = reply.total, reply.validator
            if reply.total is not None and reply.total > self.max_bytes:
                raise self._too_large(f"{reply.total / 1e6:.1f} MB")
            self._copy(reply)

    def _request(self) -> Reply | None:
        """Ask for what is missing; None where nothing is."""
        if self.n_bytes == 0:
            return self.client.get(self.url, shown=self.shown, headers=self.headers)
        # With If-Range the server sends a file that has changed from its beginning.
        condition = {"If-Range": self._validator} if self._validator else {}
        try:
            reply = self.client.get(
                self.url, shown=self.shown, first=self.n_bytes, headers={**self.headers, **condition}
            )
        except RangeError as error:
            if error.total == self.n_bytes:
                return None
            self.n_bytes = 0
            raise PassingError(f"{self.shown}: the server changed the file meanwhile. Run prepare again.") from error
        if reply.has_ranges and (reply.first != self.n_bytes or reply.total != self._total):
            reply.close()
            self.n_bytes = 0
            return self.client.get(self.url, shown=self.shown, headers=self.headers)
        return reply

    def _copy(self, reply: Reply) -> None:
        try:
            with self.path.open("r+b" if self.n_bytes else "wb") as file:
                if self.n_bytes:
                    file.seek(self.n_bytes)
                    file.truncate()
                while block := reply.read():
                    if self.n_bytes + len(block) > self.max_bytes:
                        raise self._too_large("more")
                    file.write(block)
                    self.n_bytes += len(block)
        except OSError as error:  # those of the connection are a MediaError by now
            raise disk_failure(error, self.shown) from error

    def _too_large(self, size: str) -> MediaError:
        return MediaError(
            f"{self.shown}: a video must have at most {self.max_bytes / 1e6:g} MB. Got {size}. Raise the limit of "
            "prepare, then: corpus retry.",
            status="too_large",
        )
