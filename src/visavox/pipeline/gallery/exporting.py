"""A gallery as tables and media that other tools open, and that `gallery build --pairs` reads again.

    voice.parquet, face.parquet   vectors in the common space of the model, as embedding tables
    clips.csv                     clip, person, video and attributes
    faces/, voices/               the small pictures and short sounds

Example:
    export_gallery(GalleryExportConfig(gallery=Path("gallery"), out=Path("exported"))).n_clips
"""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import Modality, identity_of, stored_name
from visavox.errors import ConfigError, DataError
from visavox.persistence import writing
from visavox.pipeline.gallery.model_fingerprint import SHOWN
from visavox.pipeline.gallery.row_media import media_type
from visavox.pipeline.gallery.telling import counted
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_opening import open_gallery
from visavox.retrieval.gallery_rows import GalleryRows
from visavox.retrieval_config import GalleryExportConfig

Progress = Callable[[int, int], None]
FOLDERS: dict[Modality, str] = {"voice": "voices", "face": "faces"}
SUFFIXES = {"image/jpeg": ".jpg", "audio/ogg": ".ogg", "audio/flac": ".flac"}


@dataclass(frozen=True)
class ExportOutcome:
    """What was written."""

    out: Path
    """The folder."""
    n_clips: int
    """Rows of clips.csv."""
    n_rows: dict[str, int]
    """Modality -> rows of its table."""
    n_media: dict[str, int]
    """Modality -> files."""
    notes: tuple[str, ...] = ()
    """Sentences to be read."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        tables = " and ".join(counted(n, modality) for modality, n in self.n_rows.items())
        files = " and ".join(f"{n:,} in {FOLDERS[m]}/" for m, n in self.n_media.items())  # type: ignore[index]
        lines = [f"{self.out}: {counted(self.n_clips, 'clip')}, vectors of {tables}, files: {files}"]
        return "\n".join([*lines, *(f"  {note}" for note in self.notes)]) + "\n"


@dataclass
class _Written:
    """What has been written so far."""

    clips: dict[str, dict[str, str]] = field(default_factory=dict)
    columns: dict[str, None] = field(default_factory=dict)
    n_media: dict[str, int] = field(default_factory=dict)
    n_further: int = 0


def export_gallery(config: GalleryExportConfig, progress: Progress | None = None) -> ExportOutcome:
    """Write a gallery as tables and media, whole or not at all.

    Raises:
        ConfigError: `out` holds something and `overwrite` is False, or is the gallery itself.
        DataError: there is no gallery, it is damaged, or `out` cannot be written.
    """
    out = config.out
    if out.resolve() == config.gallery.resolve() or config.gallery.resolve().is_relative_to(out.resolve()):
        raise ConfigError(f"`out` must not be the gallery or a folder around it. Got {out}. Choose another folder.")
    if out.exists() and (not out.is_dir() or any(out.iterdir())) and not config.overwrite:
        raise ConfigError(f"{out} exists and is not empty. Choose another folder, or replace it with --overwrite.")
    with open_gallery(config.gallery) as gallery, writing(out.absolute()) as fresh:
        fresh.mkdir()
        written = _Written()
        n_rows: dict[str, int] = {}
        total = sum(gallery.count(modality, by="clip") for modality in gallery.modalities)
        for modality in gallery.modalities:
            (fresh / FOLDERS[modality]).mkdir()
            parts = []
            for part in gallery.tables(modality):
                _write_media(fresh, part, written)
                parts.append(part)
                if progress is not None:
                    progress(sum(n_rows.values()) + sum(map(len, parts)), total)
            table = _joined(gallery, modality, parts)
            table.save(fresh / f"{modality}.parquet")
            n_rows[modality] = len(table)
        _write_clips(fresh / "clips.csv", written)
    notes = []
    if written.n_further == 1:
        notes.append("1 further face or voice of a clip has a vector but no file of its own")
    elif written.n_further:
        notes.append(f"{written.n_further:,} further faces or voices of clips have vectors but no files of their own")
    return ExportOutcome(out, len(written.clips), n_rows, written.n_media, tuple(notes))


def _write_media(folder: Path, part: GalleryRows, written: _Written) -> None:
    """Write the media of some rows, the first of a clip each, and note what is known of their clips."""
    kind = FOLDERS[part.modality]
    for row, clip in enumerate(part.clips):
        known = written.clips.setdefault(clip, {})
        person, video = part.people[row], part.videos[row]
        if person != identity_of(clip, person=None, video=video):
            known["person"] = person
        if video is not None:
            known["video"] = video
        for name, values in part.attributes.items():
            value = values[row]
            if value is not None and name not in ("clip", "person", "video"):
                written.columns[name] = None
                known[name] = value
        media = part.media[row] if len(part.media) else None
        if media is None:
            continue
        if f"{kind} " in known:
            written.n_further += 1
            continue
        known[f"{kind} "] = "written"
        path = folder / kind / stored_name(clip, SUFFIXES[media_type(media)])
        path.write_bytes(media)
        written.n_media[part.modality] = written.n_media.get(part.modality, 0) + 1


def _write_clips(path: Path, written: _Written) -> None:
    with path.open("w", encoding="utf-8", newline="", errors="surrogatepass") as file:
        table = csv.writer(file)
        columns = ("person", "video", *written.columns)
        table.writerow(("clip", *columns))
        for clip in sorted(written.clips):
            table.writerow((clip, *(written.clips[clip].get(name, "") for name in columns)))


def _joined(gallery: Gallery, modality: Modality, parts: list[GalleryRows]) -> EmbeddingTable:
    names = sorted({name for part in parts for name in part.attributes})
    if not parts:
        raise DataError(f"{gallery.folder} holds no {modality}s any more. Run the same command again.")
    return EmbeddingTable(
        modality=modality,
        encoder=f"{gallery.about.model} {gallery.about.fingerprint[:SHOWN]}",
        keys=tuple(key for part in parts for key in part.keys),
        clips=tuple(clip for part in parts for clip in part.clips),
        identities=tuple(person for part in parts for person in part.people),
        videos=tuple(video for part in parts for video in part.videos),
        attributes={
            name: tuple(v for part in parts for v in part.attributes.get(name, (None,) * len(part))) for name in names
        },
        vectors=np.concatenate([part.vectors for part in parts]),
    )
