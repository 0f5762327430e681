"""The manifest of a local gallery: which segments hold its rows now, and which of their rows are dead.

It is the one file that changes, and it is replaced in one step: whoever reads it sees the gallery before a change or
after it. Segments that it does not name are left-overs.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> Manifest(1, GalleryAbout("base", "00", 64), ()).write(folder)
    >>> Manifest.read(folder).about.model
    'base'
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visavox.corpus.items import MODALITIES, Modality
from visavox.errors import DataError
from visavox.retrieval.durable_files import FileSum, disk_errors, replace_synced
from visavox.retrieval.gallery_file import FORMAT, about_from_json
from visavox.retrieval.gallery_rows import GalleryAbout

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class SegmentEntry:
    """What a manifest says of one segment; its files never change."""

    name: str
    """Its folder inside `segments`."""
    modality: Modality
    """Of all its rows."""
    n_rows: int
    """Rows, dead ones included; 1 or more."""
    index: str
    """Name of the index that looks through it."""
    files: Mapping[str, FileSum]
    """Path inside its folder -> size and checksum."""
    dead: tuple[int, ...] = field(default=(), repr=False)
    """Numbers of rows that are replaced or removed, rising."""

    @property
    def n_alive(self) -> int:
        """Rows that can be found."""
        return self.n_rows - len(self.dead)


@dataclass(frozen=True)
class Manifest:
    """One state of a local gallery."""

    generation: int
    """Counts the changes, from 1."""
    about: GalleryAbout
    """What the gallery is made with."""
    segments: tuple[SegmentEntry, ...]
    """In the order in which they were added."""

    def followed_by(self, segments: tuple[SegmentEntry, ...]) -> Manifest:
        """Return the next state; segments without a row that can be found are left out."""
        alive = tuple(segment for segment in segments if segment.n_alive)
        return dataclasses.replace(self, generation=self.generation + 1, segments=alive)

    def write(self, folder: Path) -> None:
        """Make this the state of a gallery, in one step.

        Raises:
            DataError: it cannot be written; the state is as it was.
        """
        body = {
            "format": FORMAT,
            "generation": self.generation,
            "about": dataclasses.asdict(self.about),
            "segments": [dataclasses.asdict(segment) for segment in self.segments],
        }
        text = json.dumps({**body, "checksum": _checksum(body)}, ensure_ascii=False, separators=(",", ":"))
        with disk_errors("manifest of the gallery", folder):
            replace_synced(folder / MANIFEST, text.encode("utf-8", "surrogatepass"))

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Return the state of a gallery.

        Raises:
            DataError: there is none, or it is damaged.
        """
        path = folder / MANIFEST
        try:
            found = json.loads(path.read_bytes().decode("utf-8", "surrogatepass"))
        except FileNotFoundError as error:
            raise DataError(f"{path} is missing. Copy the whole gallery again, or build it again.") from error
        except OSError as error:
            raise DataError(f"{path} cannot be read: {error.strerror}. Mend its permissions.") from error
        except ValueError as error:
            raise DataError(f"{path} is damaged: it is no JSON. Copy the gallery again, or build it again.") from error
        body = {name: value for name, value in found.items() if name != "checksum"} if isinstance(found, dict) else {}
        if not body or found.get("checksum") != _checksum(body):
            raise DataError(f"{path} is damaged: its checksum does not fit. Copy the gallery again, or build it again.")
        try:
            segments = tuple(_entry(values) for values in body["segments"])
            return cls(int(body["generation"]), about_from_json(body["about"], path), segments)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise DataError(f"{path} is damaged ({error}). Copy the gallery again, or build it again.") from error


def _entry(values: Mapping[str, Any]) -> SegmentEntry:
    name = str(values["name"])
    if values["modality"] not in MODALITIES or "/" in name or name.startswith("."):
        raise ValueError(f"a segment {name!r} of {values['modality']!r}")
    return SegmentEntry(
        name=name,
        modality=values["modality"],
        n_rows=int(values["n_rows"]),
        index=str(values["index"]),
        files={str(path): FileSum(int(sum_["n_bytes"]), str(sum_["sha256"])) for path, sum_ in values["files"].items()},
        dead=tuple(int(row) for row in values["dead"]),
    )


def _checksum(body: Mapping[str, Any]) -> str:
    text = json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()
