"""A video behind a URL: the section that is wanted, where server and container allow it, or the whole file.

Example (needs a server):
    video = WebVideo(client, url, Path("unfinished"), shown=url, max_bytes=10**9, start_s=60.0, end_s=63.0)
    video.fetch().begin_s       # again after a PassingError
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path

from visavox.errors import MediaError
from visavox.media.fetching.download import Download
from visavox.media.fetching.range_file import FIRST_WINDOW_BYTES, RangeFile, ScatteredError
from visavox.media.fetching.section import Section, UncutError, container_format, cut_section
from visavox.media.fetching.web_client import RangeError, Reply, WebClient
from visavox.media.fetching.web_errors import disk_failure

logger = logging.getLogger(__name__)

SUFFIXES: Mapping[str | None, str] = {"mov": ".mp4", "matroska": ".mkv", None: ""}


class WebVideo:
    """One file behind a URL on its way.

    Args:
        client: makes the requests.
        url: of the file.
        path: file to write.
        shown: what messages call it.
        max_bytes: bytes that may be fetched.
        start_s: start of the section, seconds; None is the beginning.
        end_s: its end; None is the end.
        headers: sent with every request.
        in_parts: take a whole video as the section from its beginning to its end, by requests of some megabytes each,
            where that is possible; video sites are slow with greater ones.
    """

    def __init__(
        self,
        client: WebClient,
        url: str,
        path: Path,
        *,
        shown: str,
        max_bytes: int,
        start_s: float | None = None,
        end_s: float | None = None,
        headers: Mapping[str, str] | None = None,
        in_parts: bool = False,
    ) -> None:
        """Store the arguments."""
        self.client = client
        self.url = url
        self.path = path
        self.shown = shown
        self.max_bytes = max_bytes
        self.start_s = start_s
        self.end_s = end_s
        self.headers = dict(headers or {})
        self.in_parts = in_parts
        self._download = Download(client, url, path, shown=shown, max_bytes=max_bytes, headers=headers)
        self._is_whole = not start_s and end_s is None and not in_parts

    @property
    def n_bytes(self) -> int:
        """Bytes of the whole file that are here, which the next try need not fetch."""
        return self._download.n_bytes

    def fetch(self) -> Section:
        """Fetch what is wanted, or what is missing of it.

        Returns:
            What lies in the file; `begin_s` is 0 where it is the whole video.

        Raises:
            MediaError: the status says why; `PassingError` where another try may help.
            Stopped: the signal of the client was set.
            OSError: the disk is broken.
        """
        if not self._is_whole:
            reply = self._begin()
            # A server without ranges is sending the whole file already.
            if not reply.has_ranges:
                self._is_whole = True
                return self._all(reply)
            section = self._section(reply)
            if section is not None:
                return section
            self._is_whole = True
        return self._all(None)

    def _begin(self) -> Reply:
        """Ask for the beginning of the file."""
        try:
            reply = self.client.get(
                self.url, shown=self.shown, first=0, last=FIRST_WINDOW_BYTES - 1, headers=self.headers
            )
        except RangeError as error:
            raise MediaError(
                f"{self.shown}: the file of the server is empty. Correct the list.", status="not_a_video"
            ) from error
        if reply.has_ranges:
            reply.check_is_video()
        return reply

    def _section(self, reply: Reply) -> Section | None:
        """Fetch the section; None where the file has to be taken whole."""
        if reply.first != 0 or reply.total is None or container_format(reply.head()) is None:
            reply.close()
            return None
        with RangeFile(
            self.client, self.url, shown=self.shown, max_bytes=self.max_bytes, headers=self.headers, reply=reply
        ) as source:
            return cut_to_file([source], self.path, self.shown, start_s=self.start_s, end_s=self.end_s)

    def _all(self, reply: Reply | None) -> Section:
        self._download.run(reply)
        with self.path.open("rb") as file:
            return Section(0.0, SUFFIXES[container_format(file.read(12))])


def cut_to_file(
    sources: Sequence[RangeFile], path: Path, shown: str, *, start_s: float | None, end_s: float | None
) -> Section | None:
    """Cut a section of a video behind URLs into a file.

    Args:
        sources: one file with picture, sound or both; or two, picture and sound.
        path: file to write or to replace.
        shown: what messages call the video.
        start_s: start of the section, seconds; None is the beginning.
        end_s: its end; None is the end.

    Returns:
        What was cut; None where the file can only be taken whole.

    Raises:
        MediaError: a request failed, or the disk is full.
        Stopped: the signal was set.
        OSError: the disk is broken.
    """
    section = None
    try:
        with path.open("wb") as out:
            section = cut_section(sources, out, start_s=start_s, end_s=end_s)
    except UncutError as error:
        logger.info("%s: %s", shown, error)
    except OSError as error:
        raise disk_failure(error, shown) from error
    for source in sources:
        if isinstance(source.failure, ScatteredError):
            return None
        source.check()  # where reading ended early, ffmpeg saw the end of a short file
    return section
