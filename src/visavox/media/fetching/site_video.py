"""A video of YouTube or another site: yt-dlp names its streams, and our own client fetches the section.

yt-dlp could fetch as well, but a section only by the ffmpeg program, which is not required here and whose errors are
texts; picture and sound it also joins by that program. Our client has one set of limits, errors and retries, the same
exact cut as for a plain URL, and can be ended from another thread. What it cannot fetch are streams in pieces (HLS,
DASH): a site that offers nothing else is refused by name.

Example (needs YouTube):
    video = SiteVideo(client, address, Path("unfinished"), settings, start_s=60.0, end_s=63.0)
    video.fetch().begin_s
"""

from __future__ import annotations

import contextlib
import io
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from visavox.errors import MediaError, MissingDependencyError
from visavox.media.fetching.addresses import Address
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.range_file import RangeFile
from visavox.media.fetching.section import Section
from visavox.media.fetching.site_errors import site_failure
from visavox.media.fetching.site_formats import Format, choose_formats
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import PassingError
from visavox.media.fetching.web_video import WebVideo, cut_to_file

logger = logging.getLogger(__name__)

MAX_CHOICES = 3  # streams of one video that are tried: a site may refuse one and give another


class SiteVideo:
    """One video of a site on its way.

    Args:
        client: makes the requests for the streams.
        address: of kind "site".
        path: file to write.
        settings: limits.
        cookies: text of a file of cookies; "" for none.
        start_s: start of the section, seconds; None is the beginning.
        end_s: its end; None is the end.
    """

    def __init__(
        self,
        client: WebClient,
        address: Address,
        path: Path,
        settings: FetchSettings,
        *,
        cookies: str = "",
        start_s: float | None = None,
        end_s: float | None = None,
    ) -> None:
        """Store the arguments."""
        self.client = client
        self.address = address
        self.path = path
        self.settings = settings
        self.cookies = cookies
        self.start_s = start_s
        self.end_s = end_s

    @property
    def n_bytes(self) -> int:
        """0: the streams have new addresses at the next try, and begin anew."""
        return 0

    def fetch(self) -> Section:
        """Ask the site, and fetch what is wanted.

        Raises:
            MediaError: the status says why; `PassingError` where another try may help.
            MissingDependencyError: yt-dlp is not installed.
            Stopped: the signal of the client was set.
            OSError: the disk is broken.
        """
        choices = self._choices()
        for number, choice in enumerate(choices, start=1):
            try:
                return self._fetch(choice)
            except MediaError as error:
                # The page showed us the video: a stream that is refused is an address that ran out, no private video.
                if error.status not in ("private", "removed", "unsupported_address", "not_a_video"):
                    raise
                if number == len(choices):
                    raise PassingError(
                        f"{self.address.shown}: the site refused the video's streams ({error}). Run prepare again."
                    ) from error
                logger.info("%s: next stream after: %s", self.address.shown, error)
        raise MediaError(
            f"{self.address.shown}: the site offers no stream that is a plain file. Drop the row.",
            status="unsupported_address",
        )

    def _choices(self) -> list[Sequence[Format]]:
        try:
            import yt_dlp
        except ImportError as error:
            raise MissingDependencyError(
                "Videos of YouTube and other sites need yt-dlp, which is not installed: pip install 'visavox[download]'"
            ) from error
        self.client.stop.check()
        options = {
            "quiet": True,
            "no_warnings": True,
            "noprogress": True,
            "noplaylist": True,
            "playlistend": 1,
            "logger": _SilentLogger(),
            "color": "never",
            "socket_timeout": self.settings.timeout_s,
            # Tries, waits and their number are ours.
            "extractor_retries": 0,
            "retries": 0,
            # Any at all: the choice among them is ours.
            "format": "b*/bv*/ba*",
            # As text, because yt-dlp writes the file anew at its end.
            "cookiefile": io.StringIO(self.cookies) if self.cookies else None,
        }
        try:
            with yt_dlp.YoutubeDL(options) as downloader:
                info = downloader.extract_info(self.address.target, download=False)
                info = _only_video(info, self.address.shown)
                formats = [_with_headers(f, downloader) for f in info.get("formats") or [info]]
        except yt_dlp.utils.YoutubeDLError as error:
            self.client.stop.check()
            raise site_failure(error, self.address.shown) from error
        # What an extractor for a page that has changed may raise.
        except (LookupError, TypeError, AttributeError, ValueError, OSError) as error:
            self.client.stop.check()
            raise site_failure(error, self.address.shown) from error
        return list(choose_formats(formats, max_height_px=self.settings.max_height_px)[:MAX_CHOICES])

    def _fetch(self, choice: Sequence[Format]) -> Section:
        if len(choice) == 1:
            return WebVideo(
                self.client,
                choice[0]["url"],
                self.path,
                shown=self.address.shown,
                max_bytes=self.settings.max_bytes,
                start_s=self.start_s,
                end_s=self.end_s,
                headers=choice[0]["http_headers"],
                in_parts=True,
            ).fetch()
        with contextlib.ExitStack() as stack:
            sources = [
                stack.enter_context(
                    RangeFile(
                        self.client,
                        stream["url"],
                        shown=self.address.shown,
                        max_bytes=self.settings.max_bytes,
                        headers=stream["http_headers"],
                    )
                )
                for stream in choice
            ]
            section = cut_to_file(sources, self.path, self.address.shown, start_s=self.start_s, end_s=self.end_s)
        if section is None:
            raise MediaError(
                f"{self.address.shown}: picture and sound could not be joined. Drop the row.", status="not_a_video"
            )
        return section


class _SilentLogger:
    """Takes what yt-dlp would print: its errors are raised as well."""

    def debug(self, message: str) -> None:
        logger.debug("%s", message)

    info = warning = error = debug


def _only_video(info: Mapping[str, Any] | None, shown: str) -> Mapping[str, Any]:
    """Return what is known of the video, the first where the page holds a list."""
    while info and info.get("_type") in ("playlist", "multi_video"):
        info = next((entry for entry in info.get("entries") or () if entry), None)
    if not info:
        raise MediaError(f"{shown}: the page holds no video. Drop the row.", status="not_a_video")
    if info.get("live_status") in ("is_live", "is_upcoming"):
        raise MediaError(
            f"{shown}: it is a live broadcast that has not ended. When it has: corpus retry.", status="not_a_video"
        )
    return info


def _with_headers(found: Format, downloader: Any) -> Format:
    """Return a format with the headers that its stream wants, cookies included."""
    headers = dict(found.get("http_headers") or {})
    cookie = downloader.cookiejar.get_cookie_header(found["url"]) if found.get("url") else None
    if cookie:
        headers["Cookie"] = cookie
    # A compressed stream could not be read in parts.
    return {**found, "http_headers": {**headers, "Accept-Encoding": "identity"}}
