"""Brings the video of an address to this machine: only the wanted section where that is possible.

What went wrong is a `MediaError` whose status tells a dead video (`removed`, `private`, `region`, `age`) from a passing
failure (`network`, `disk`). A file has its final name only when it is whole.

Example:
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     talk = Path(folder) / "-talk.mp4"
    ...     _ = talk.write_bytes(b"a video")
    ...     media = Fetcher(Path(folder) / "downloads", FetchSettings()).fetch(talk.as_uri())
    ...     media.path == talk, media.begin_s, media.is_temporary
    (True, 0.0, False)
"""

from __future__ import annotations

import contextlib
import hashlib
import http.cookiejar
import json
import math
import re
import threading
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from visavox.errors import ConfigError, MediaError
from visavox.media.fetching.addresses import Address, parse_address
from visavox.media.fetching.fetch_settings import FetchSettings
from visavox.media.fetching.rate_limiter import RateLimiter
from visavox.media.fetching.reachability import Reachability
from visavox.media.fetching.section import Section
from visavox.media.fetching.site_video import SiteVideo
from visavox.media.fetching.stop_signal import StopSignal
from visavox.media.fetching.tries import Tries
from visavox.media.fetching.web_client import WebClient
from visavox.media.fetching.web_errors import UnreachedError
from visavox.media.fetching.web_video import WebVideo
from visavox.media.files import check_file

__all__ = ["FetchSettings", "FetchedMedia", "Fetcher"]

UNFINISHED = ".part"
STORED = re.compile(r"([0-9a-f]{24})-from-(\d+)us(?:-\d+)?(?:\.\w+)?")
"""Names of fetched files: what was asked for, and the microsecond of the video at which the file begins."""


@dataclass(frozen=True)
class FetchedMedia:
    """A video at hand."""

    path: Path
    """The file."""
    begin_s: float
    """Second of the video at which the file begins; 0 where it is the whole video."""
    is_temporary: bool
    """It was fetched and may be removed; False for a file that was there."""


class Fetcher:
    """Fetches into a folder. Thread-safe; one process a folder.

    Args:
        folder: where fetched files go; made when the first one comes.
        settings: how patiently, how much and how often.
    """

    def __init__(self, folder: Path, settings: FetchSettings) -> None:
        """Store the arguments, and read the cookies.

        Raises:
            ConfigError: the cookies cannot be read.
        """
        self.folder = folder
        self.settings = settings
        self._cookies = _read_cookies(settings.cookies)
        self._jar = _jar(settings.cookies)
        self._limiter = RateLimiter(settings.requests_per_minute)
        self._reachability = Reachability()
        self._lock = threading.Lock()
        self._left: dict[str, str] | None = None
        """What earlier runs left in the folder, file by beginning of its name; None before the folder was looked at."""

    def fetch(
        self,
        address: str,
        *,
        start_s: float | None = None,
        end_s: float | None = None,
        stop: StopSignal | None = None,
    ) -> FetchedMedia:
        """Return the video of an address as a file.

        Args:
            address: https://, http://, youtube:ID, ytdlp:URL (a page of a site that yt-dlp knows), file:// or a path.
            start_s: start of what is wanted, seconds, 0 or more; None is the beginning.
            end_s: its end, seconds; None is the end.
            stop: ends the fetch from another thread.

        Returns:
            A file that holds what is wanted, and usually more: a section begins at a key frame before its start, and
            the whole video comes where the server or the container allows no section. What an earlier run fetched
            and left in the folder is not fetched again.

        Raises:
            MediaError: status `network`, `private`, `removed`, `region`, `age`, `disk`, `not_a_video`, `too_large`,
                `unsupported_address`, `invalid_time`, or those of `check_file` for a file at hand.
            MissingDependencyError: yt-dlp is needed and not installed.
            Stopped: `stop` was set.
            OSError: the folder cannot be written.
        """
        place = parse_address(address)
        if place.kind == "file":
            check_file(place.path, "video")
            return FetchedMedia(place.path, 0.0, is_temporary=False)
        _check_times(place, start_s, end_s)
        stop = stop or StopSignal()
        stop.check()
        name = self._name(place, start_s, end_s)
        found = self._found(name)
        if found is not None:
            return found
        with self._unfinished() as part:
            section = self._fetch(place, part, start_s, end_s, stop)
            return self._finish(part, name, section)

    def _fetch(
        self, place: Address, part: Path, start_s: float | None, end_s: float | None, stop: StopSignal
    ) -> Section:
        settings = self.settings
        client = WebClient(timeout_s=settings.timeout_s, stop=stop, jar=self._jar)
        video: WebVideo | SiteVideo
        if place.kind == "site":
            video = SiteVideo(client, place, part, settings, cookies=self._cookies, start_s=start_s, end_s=end_s)
        else:
            video = WebVideo(
                client,
                place.target,
                part,
                shown=place.shown,
                max_bytes=settings.max_bytes,
                start_s=start_s,
                end_s=end_s,
            )

        def once() -> Section:
            self._limiter.wait(place.host, stop.sleep)
            return self._once(video, place.host)

        tries = Tries(
            attempts=settings.attempts,
            first_wait_s=settings.first_wait_s,
            max_wait_s=settings.max_wait_s,
            sleep=stop.sleep,
            progress=lambda: video.n_bytes,
        )
        return tries.run(once)

    def _once(self, video: WebVideo | SiteVideo, host: str) -> Section:
        """Fetch, and note whether the host was reached: clips of one that is lost are not tried again in this run."""
        try:
            section = video.fetch()
        except UnreachedError as error:
            self._reachability.note(host, is_reached=False)
            if self._reachability.is_lost(host):
                raise MediaError(f"{error} Nor was {host} reached for the clips before.", status="network") from error
            raise
        except MediaError:
            self._reachability.note(host, is_reached=True)
            raise
        self._reachability.note(host, is_reached=True)
        return section

    def _name(self, place: Address, start_s: float | None, end_s: float | None) -> str:
        """Return what the name of the file begins with: a digest, since an address may hold anything."""
        wanted = [place.kind, place.target, start_s, end_s]
        if place.kind == "site":
            wanted.append(self.settings.max_height_px)
        return hashlib.sha256(json.dumps(wanted).encode()).hexdigest()[:24]

    def _found(self, name: str) -> FetchedMedia | None:
        """Return what an earlier run left, once: its new owner may remove it any moment."""
        with self._lock:
            if self._left is None:
                self._left = self._look()
            file = self._left.pop(name, None)
        if file is None or not (self.folder / file).exists():
            return None
        found = STORED.fullmatch(file)
        assert found is not None
        return FetchedMedia(self.folder / file, int(found[2]) / 1e6, is_temporary=True)

    def _look(self) -> dict[str, str]:
        """Make the folder, remove what a killed run had not finished, and list the rest."""
        self.folder.mkdir(parents=True, exist_ok=True)
        left = {}
        for path in self.folder.iterdir():
            found = STORED.fullmatch(path.name)
            if found is not None:
                left[found[1]] = path.name
            elif path.name.endswith(UNFINISHED):
                path.unlink(missing_ok=True)
        return left

    @contextlib.contextmanager
    def _unfinished(self) -> Iterator[Path]:
        """Give the name of a file to write, and remove what is left of it, also on Ctrl-C."""
        part = self.folder / f"{uuid.uuid4().hex}{UNFINISHED}"
        try:
            yield part
        finally:
            part.unlink(missing_ok=True)

    def _finish(self, part: Path, name: str, section: Section) -> FetchedMedia:
        """Give a whole file its final name, which no other clip of this run has."""
        stem = f"{name}-from-{round(section.begin_s * 1e6)}us"
        with self._lock:
            path, number = self.folder / f"{stem}{section.suffix}", 1
            while path.exists():  # of another clip that wants the same, and that may still be read
                number += 1
                path = self.folder / f"{stem}-{number}{section.suffix}"
            part.replace(path)
        return FetchedMedia(path, section.begin_s, is_temporary=True)


def _check_times(place: Address, start_s: float | None, end_s: float | None) -> None:
    start = 0.0 if start_s is None else start_s
    end = math.inf if end_s is None else end_s
    if not (0 <= start < end and math.isfinite(start)):
        raise MediaError(
            f"{place.shown}: a section must have 0 <= start_s < end_s. Got {start_s} to {end_s}. Correct the list.",
            status="invalid_time",
        )


def _read_cookies(path: Path | None) -> str:
    if path is None:
        return ""
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"`cookies` must be a file that can be read. Got {path} ({error}).") from error


def _jar(path: Path | None) -> http.cookiejar.CookieJar | None:
    """Return the cookies of a file, to be sent and kept; the file itself is never written."""
    if path is None:
        return None
    jar = http.cookiejar.MozillaCookieJar()
    try:
        jar.load(str(path), ignore_discard=True, ignore_expires=True)
    except OSError as error:  # LoadError is one
        raise ConfigError(
            f"`cookies` must be a file in Netscape's format, as browsers' add-ons export it. Got {path} ({error})."
        ) from error
    for cookie in jar:
        if cookie.expires == 0:  # as browsers' add-ons write a cookie of the session; Python takes it for one of 1970
            cookie.expires, cookie.discard = None, True
    return jar
