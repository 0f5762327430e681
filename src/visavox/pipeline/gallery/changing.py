"""What `gallery build`, `gallery add` and `gallery remove` do, and what they answer.

Example:
    outcome = build_gallery(GalleryBuildConfig(pairs=Path("clips"), out=Path("gallery")))
    outcome.n_rows, outcome.notes
"""

from __future__ import annotations

import contextlib
import dataclasses
import hashlib
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from visavox.errors import ConfigError, DataError, one_line
from visavox.pipeline.frozen_encoder import Compute
from visavox.pipeline.gallery.gathering import BadClip, Gathered, gather_rows
from visavox.pipeline.gallery.model_fingerprint import about_model, refuse_another_model
from visavox.pipeline.gallery.telling import counted
from visavox.pipeline.voice_face_model import VoiceFaceModel
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_file import GALLERY_FILE
from visavox.retrieval.gallery_opening import check_place, create_gallery, open_gallery
from visavox.retrieval.gallery_snapshot import SEGMENTS
from visavox.retrieval.gallery_writing import check_index
from visavox.retrieval.local_gallery import LocalGallery
from visavox.retrieval.writer_lock import LOCK_FILE, writer_lock
from visavox.retrieval_config import GalleryAddConfig, GalleryBuildConfig, GalleryRemoveConfig, GallerySourceConfig

Progress = Callable[[int, int], None]

UNFINISHED = ".unfinished"
OURS = {UNFINISHED, SEGMENTS, LOCK_FILE, ".DS_Store"}  # what a build that was stopped leaves
LEFT_BEHIND = (
    "What was removed is found no more, but its bytes stay in the files of the gallery until they are written anew: "
    "leave --erase false out to have that done at once."
)


LEFT_IN_MILVUS = "What was removed is found no more; Milvus erases its bytes when it next compacts its files."


@dataclass(frozen=True)
class GalleryOutcome:
    """What building, adding or removing did."""

    gallery: Path
    """Folder of the gallery."""
    model: str
    """What it is made with."""
    n_rows: Mapping[str, int]
    """Modality -> rows it holds now."""
    n_people: Mapping[str, int]
    """Modality -> people among them."""
    n_new: int = 0
    """Rows that came."""
    n_replaced: int = 0
    """Rows that took the place of one with their key."""
    n_removed: int = 0
    """Rows that went."""
    unusable: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    """Modality -> status -> how many clips could not be used."""
    bad_clips: tuple[BadClip, ...] = ()
    """The first of each status, with their reasons."""
    notes: tuple[str, ...] = ()
    """Sentences to be read."""
    seconds: float = 0.0
    """Wall time."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        held = " and ".join(
            f"{counted(n, modality)} of {counted(self.n_people[modality], 'person', 'people')}"
            for modality, n in self.n_rows.items()
        )
        lines = [f"{self.gallery}: {held or 'nothing'}, model {self.model}, {self.seconds:.1f} s"]
        if self.n_new or self.n_replaced:
            again = f", {self.n_replaced:,} replaced" if self.n_replaced else ""
            lines.append(f"  {self.n_new:,} added{again}")
        if self.n_removed:
            lines.append(f"  {self.n_removed:,} removed")
        for modality, statuses in self.unusable.items():
            said = ", ".join(f"{n:,} {status}" for status, n in statuses.items())
            lines.append(f"  {modality}s that could not be used: {said}")
        lines += [f"    {one_line(bad.clip)}: {one_line(bad.reason)}" for bad in self.bad_clips]
        lines += [f"  {one_line(note)}" for note in self.notes]
        return "\n".join(lines) + "\n"


def build_gallery(config: GalleryBuildConfig, progress: Progress | None = None) -> GalleryOutcome:
    """Make a gallery; nothing of it is seen before it is whole.

    A build that was stopped goes on where it was: prepared clips are kept inside `out`, embeddings in the cache of
    their corpus.

    Raises:
        ConfigError: `out` holds something else, or a gallery and `overwrite` is False; an index that nobody knows.
        DataError: nothing can be used, the embeddings are of other encoders, or it cannot be written.
    """
    started = time.monotonic()
    _check_out(config)
    check_index(config.index)
    check_place(config.out, backend=config.backend, uri=config.uri, collection=config.collection)
    model = VoiceFaceModel.from_pretrained(config.model, compute=Compute.of(config))
    about = about_model(model, index=config.index)
    with _work_in_progress(config.out, config) as work:
        gathered = gather_rows(config, model, work, progress)
        with create_gallery(
            config.out,
            about,
            gathered.tables,
            backend=config.backend,
            uri=config.uri,
            collection=config.collection,
        ) as gallery:
            outcome = _outcome(gallery, gathered, n_new=sum(map(len, gathered.tables)))
    return dataclasses.replace(outcome, seconds=round(time.monotonic() - started, 1))


def add_to_gallery(config: GalleryAddConfig, progress: Progress | None = None) -> GalleryOutcome:
    """Add clips to a gallery, all or none; those whose keys it holds are replaced.

    Raises:
        DataError: there is no gallery, its model is another one now, nothing can be used, or somebody else is writing.
    """
    started = time.monotonic()
    with open_gallery(config.gallery) as gallery:
        model = gallery_model(gallery, Compute.of(config))
        with _work_in_progress(config.gallery, config) as work:
            gathered = gather_rows(config, model, work, progress)
            added = gallery.add(*gathered.tables)
            outcome = _outcome(gallery, gathered, n_new=added.n_new, n_replaced=added.n_replaced)
    return dataclasses.replace(outcome, seconds=round(time.monotonic() - started, 1))


def remove_from_gallery(config: GalleryRemoveConfig) -> GalleryOutcome:
    """Remove people and clips, all or none.

    Raises:
        ConfigError: nobody is named, or a name is not in the gallery.
    """
    if not config.people and not config.clips:
        raise ConfigError("Say who is to go: give --people or --clips.")
    started = time.monotonic()
    with open_gallery(config.gallery) as gallery:
        removed = gallery.remove(people=config.people, clips=config.clips, erase=config.erase)
        left = LEFT_BEHIND if isinstance(gallery, LocalGallery) else LEFT_IN_MILVUS
        notes = () if removed.is_erased else (left,)
        outcome = dataclasses.replace(_outcome(gallery, Gathered(())), n_removed=removed.n_rows, notes=notes)
    return dataclasses.replace(outcome, seconds=round(time.monotonic() - started, 1))


def gallery_model(gallery: Gallery, compute: Compute | None = None) -> VoiceFaceModel:
    """Return the model of a gallery, held to its fingerprint.

    Raises:
        ConfigError: no model has its name any more.
        DataError: the model is another one now; the message names both.
    """
    model = VoiceFaceModel.from_pretrained(gallery.about.model, compute=compute)
    refuse_another_model(gallery.about, model, gallery.folder)
    return model


def _outcome(gallery: Gallery, gathered: Gathered, *, n_new: int = 0, n_replaced: int = 0) -> GalleryOutcome:
    modalities = gallery.modalities
    return GalleryOutcome(
        gallery.folder,
        gallery.about.model,
        {modality: gallery.count(modality, by="clip") for modality in modalities},
        {modality: gallery.count(modality, by="person") for modality in modalities},
        n_new,
        n_replaced,
        unusable=gathered.unusable,
        bad_clips=gathered.bad_clips,
        notes=gathered.notes,
    )


def _check_out(config: GalleryBuildConfig) -> None:
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(f"`out` must be a folder. {config.out} is a file. Choose another name.")
    if (config.out / GALLERY_FILE).is_file():
        if not config.overwrite:
            raise ConfigError(
                f"{config.out} holds a gallery. Add to it with `visavox gallery add`, or replace it with --overwrite."
            )
        return
    others = {path.name for path in config.out.iterdir()} - OURS if config.out.is_dir() else set()
    if others:
        raise ConfigError(
            f"`out` must be a new or empty folder, or a gallery. {config.out} holds {sorted(others)[0]!r}. "
            "Choose another folder."
        )


@contextmanager
def _work_in_progress(folder: Path, config: GallerySourceConfig) -> Iterator[Path]:
    """Give the folder in which the work on one source goes on; it goes when it is done or cannot be done."""
    source = config.pairs or config.corpus or config.embeddings
    assert source is not None
    name = hashlib.sha256(str(source.resolve()).encode("utf-8", "surrogatepass")).hexdigest()[:12]
    work = folder / UNFINISHED / name
    made_folder = not folder.exists()
    try:
        with writer_lock(work):
            try:
                yield work
            except (ConfigError, DataError):
                shutil.rmtree(work, ignore_errors=True)
                raise
            shutil.rmtree(work, ignore_errors=True)
    finally:
        with contextlib.suppress(OSError):
            work.parent.rmdir()
        if made_folder:
            with contextlib.suppress(OSError):
                folder.rmdir()
