"""Where the videos of a list lie: at YouTube, at addresses made by a template, or in a folder.

It makes addresses and finds files; fetching is the affair of `visavox.media.fetching`.

Example:
    >>> VideoPlaces("").place("-abc")
    VideoPlace(address='youtube:-abc', path=None, source='youtube:-abc', problem=None)
    >>> VideoPlaces("http://127.0.0.1/{video}.mp4").place("a b").address
    'http://127.0.0.1/a%20b.mp4'
"""

from __future__ import annotations

from functools import cached_property
from pathlib import Path
from typing import NamedTuple
from urllib.parse import quote

from visavox.corpus.sources.file_index import FileIndex, readable_name
from visavox.corpus.sources.video_names import is_video_name
from visavox.errors import ConfigError

SLOT = "{video}"
"""What stands for the name of the video in a template."""


class VideoPlace(NamedTuple):
    """Where one video is: an address, or a file; neither comes with a problem."""

    address: str
    """Where to fetch it from; "" where the file lies at hand."""
    path: Path | None
    """The file at hand."""
    source: str
    """The same for the catalog: the address, or the path from the folder's own name on."""
    problem: tuple[str, str] | None
    """(status, reason) where it is nowhere."""


class VideoPlaces:
    """Where videos are, by name.

    Args:
        media: "" for YouTube; an address with `{video}` in it, which the name replaces, percent-encoded; or a folder,
            in which the video is the file of that name with any ending of videos, at any depth where the name is
            unique.
        root: the list or folder of the source; a relative folder is looked for beside it too.
    """

    def __init__(self, media: str, root: Path | None = None) -> None:
        """Store the arguments; the folder is searched when the first video is asked for."""
        self.media = media
        self.root = root
        self._files: dict[str, list[Path]] | None = None
        self._prefix, _, self._suffix = media.partition(SLOT)
        self._is_folder = bool(media) and SLOT not in media

    def check(self) -> None:
        """Raise if `media` is neither an address nor a folder.

        Raises:
            ConfigError: an address without `{video}`, or a folder that does not exist.
        """
        if not self._is_folder:
            return
        if "://" in self.media:
            raise ConfigError(
                f"`media` must hold {SLOT} where the name of each video goes, as in http://host/{SLOT}.mp4. "
                f"Got {self.media!r}."
            )
        if self._folder is None:
            raise ConfigError(f"`media` names no folder: {self.media!r}. Give a folder, or an address with {SLOT}.")

    def address(self, video: str) -> str:
        """Return where to fetch a video from; "" where videos lie in a folder."""
        if not self.media:
            return "youtube:" + video
        return "" if self._is_folder else f"{self._prefix}{quote(video, safe='')}{self._suffix}"

    def place(self, video: str) -> VideoPlace:
        """Return where a video is.

        Raises:
            ConfigError: as `check`.
        """
        if not self._is_folder:
            address = self.address(video)
            return VideoPlace(address, None, address, None)
        if self._files is None:
            self.check()
            self._files = self._videos()
        found = self._files.get(video, [])
        folder = Path(self._folder or "").name
        if not found:
            return VideoPlace("", None, "", ("missing_file", f"no video {video!r} in {folder}/"))
        if len(found) > 1:
            names = ", ".join(readable_name(path.name) for path in found)
            return VideoPlace("", None, "", ("ambiguous_file", f"several videos for {video!r} in {folder}/: {names}"))
        return VideoPlace("", found[0], self._source(found[0]), None)

    def setting(self) -> str:
        """Return `media` for the settings of a corpus: of a folder its name alone, so that it may be moved."""
        if self._is_folder or self.media.startswith("file:"):
            return Path(self.media).name
        return self.media

    @cached_property
    def _folder(self) -> Path | None:
        """The folder, looked for once: a list has millions of videos."""
        beside = [] if self.root is None else [self.root / self.media, self.root.parent / self.media]
        return next((folder for folder in (Path(self.media), *beside) if folder.is_dir()), None)

    def _videos(self) -> dict[str, list[Path]]:
        """Return the videos of the folder by path without ending, and by bare name."""
        folder = self._folder
        files: dict[str, list[Path]] = {}
        for path in [] if folder is None else FileIndex(folder).paths():
            inside = path.relative_to(folder or "").as_posix()
            if is_video_name(inside):
                for name in {inside.rsplit(".", 1)[0], path.stem}:
                    files.setdefault(name, []).append(path)
        return files

    def _source(self, path: Path) -> str:
        folder = self._folder or Path()
        return readable_name(f"{folder.name}/{path.relative_to(folder).as_posix()}")
