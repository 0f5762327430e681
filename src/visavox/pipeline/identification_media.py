"""Which clips of a corpus an identification experiment uses, and their voices and faces, read once.

People are told apart by their names in the catalog; a split says which clips teach and which test. Every clip has all
modalities that the experiment needs, so that all of its networks are measured on the same clips.

Example:
    chosen = choose_clips(Path("corpus"), Path("splits"), ("voice", "face"))
    media = read_media(chosen, face_sizes_px=[72, 256])
    media.clips("train", "face", face_px=72).faces.shape
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.batches.identification_batches import IdentificationClips
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import OK, MediaItem
from visavox.corpus.splits import Splits
from visavox.errors import DataError
from visavox.evaluation.identification_record import STRANGERS, SUBSETS
from visavox.media.audio import SAMPLE_RATE, read_voice, to_pcm
from visavox.media.images import read_image
from visavox.media.voice_lengths import fixed_length
from visavox.models.mel_image import VOICE_SAMPLES
from visavox.pipeline.splitting import SPLITS
from visavox.worker_pool import n_processes, stream

FEW_CLIPS = 1000  # below this, starting worker processes costs more than it saves
CLIPS_A_JOB = 16
MEMORY_GB = 4.0  # of arrays in memory; what is above lies in files of the run

Progress = Callable[[int, int], None]
Number = TypeVar("Number", np.int16, np.uint8)


@dataclass(frozen=True)
class ChosenClips:
    """The clips of an experiment."""

    corpus: Path
    people: tuple[str, ...]
    """Who is known, sorted."""
    clips: Mapping[str, tuple[str, ...]]
    """Subset -> names, sorted; "strangers" is there where the split has any."""
    labels: Mapping[str, NDArray[np.intp]]
    """Subset -> (n,) index into `people`; -1 for strangers."""
    paths: Mapping[str, Mapping[str, str]]
    """Modality -> clip -> stored file, relative to the corpus."""
    split_by: str
    """"clip" or "session"."""
    catalog_hash: str
    left_out: Mapping[str, int]
    """Why clips of the split are not used -> how many, "face: no_face" for instance."""
    stranger_people: tuple[str, ...] = ()
    """Who is on each clip of "strangers", in their order."""

    @property
    def subsets(self) -> tuple[str, ...]:
        """Names of the subsets, in the order in which clips are read."""
        return tuple(self.clips)


@dataclass(frozen=True, eq=False)
class ExperimentMedia:
    """Voices and faces of all clips, subset after subset."""

    labels: Mapping[str, NDArray[np.intp]]
    voices: NDArray[np.int16] | None
    """(n, 56000), or None where no network takes voices."""
    faces: Mapping[int, NDArray[np.uint8]]
    """Side in pixels -> (n, side, side, 3)."""

    def clips(self, subset: str, *modalities: str, face_px: int | None = None) -> IdentificationClips:
        """Return the clips of a subset, as views."""
        before = 0
        for name, labels in self.labels.items():
            if name == subset:
                break
            before += len(labels)
        rows = slice(before, before + len(self.labels[subset]))
        voices = self.voices[rows] if self.voices is not None and "voice" in modalities else None
        faces = self.faces[face_px][rows] if face_px is not None and "face" in modalities else None
        return IdentificationClips(self.labels[subset], voices, faces)


def choose_clips(corpus: Path, splits: Path, modalities: Collection[str]) -> ChosenClips:
    """Return the clips of a split that have all modalities, and whose each is.

    Args:
        corpus: folder that `prepare` wrote.
        splits: folder that `split` wrote, with the subsets train, validation and test, and perhaps strangers.
        modalities: what the networks of the experiment need between them.

    Raises:
        DataError: no corpus or split, or one by person; a modality that no clip has; a subset that is empty; fewer than
            two people; a person who is tested and not trained on; a stranger who is trained on.
    """
    with Catalog.open(corpus / CATALOG) as catalog:
        items = list(catalog.items(status=None))
        catalog_hash = catalog.content_hash()
    split = Splits.load(splits / SPLITS, catalog_hash=catalog_hash)
    if split.by not in ("clip", "session"):
        raise DataError(
            f"Networks name people whom they have seen, and {splits} is split by {split.by}, so that nobody who is "
            "tested was. Split it with: visavox split --by session"
        )
    found: dict[str, dict[str, MediaItem]] = {modality: {} for modality in modalities}
    for item in items:
        if item.modality in found and item.status == OK and item.path:
            found[item.modality].setdefault(item.clip, item)  # of several faces of a clip the first is the best
    for modality, of_clips in found.items():
        if not of_clips:
            raise DataError(
                f"A network needs a {modality}, and no clip of {corpus} has a usable one. Prepare clips with both, or "
                f"take networks of the other modality."
            )
    usable = set.intersection(*(set(of_clips) for of_clips in found.values()))
    clips = {
        subset: tuple(clip for clip in sorted(split.subsets) if split.subsets[clip] == subset and clip in usable)
        for subset in (*SUBSETS, STRANGERS)
    }
    if not clips[STRANGERS]:
        del clips[STRANGERS]
    person = {clip: item.identity for clip, item in next(iter(found.values())).items()}
    people = tuple(sorted({person[clip] for clip in clips["train"]}))
    _check_people(clips, person, people, splits)
    number = {name: index for index, name in enumerate(people)}
    labels = {
        subset: np.array([-1 if subset == STRANGERS else number[person[clip]] for clip in names], dtype=np.intp)
        for subset, names in clips.items()
    }
    paths = {
        m: {clip: str(item.path) for clip, item in of_clips.items() if clip in usable} for m, of_clips in found.items()
    }
    left_out = _left_out(items, {c for c, s in split.subsets.items() if s in (*SUBSETS, STRANGERS)} - usable, found)
    strangers = tuple(person[clip] for clip in clips.get(STRANGERS, ()))
    return ChosenClips(corpus, people, clips, labels, paths, split.by, catalog_hash, left_out, strangers)


def read_media(
    chosen: ChosenClips,
    *,
    face_sizes_px: Sequence[int] = (),
    voices: bool = True,
    workers: int = 0,
    spill: Path | None = None,
    progress: Progress | None = None,
    beside: ExperimentMedia | None = None,
) -> ExperimentMedia:
    """Read the voices and faces of all clips: voices repeated or cut to 3.5 s, faces resized to what networks take.

    Args:
        chosen: of `choose_clips`.
        face_sizes_px: sides of the faces; empty reads none.
        voices: whether voices are read.
        workers: processes; 0 takes one a core. Few clips are read in this process.
        spill: folder for what does not fit into 4 GB; None keeps everything in memory.
        progress: called as progress(clips done, clips).
        beside: what of these clips is read already; it counts towards the 4 GB.

    Returns:
        What was read, and what was beside it.

    Raises:
        MediaError: a file is missing or damaged.
    """
    names = [clip for subset in chosen.subsets for clip in chosen.clips[subset]]
    sizes = tuple(sorted(set(face_sizes_px)))
    before = beside or ExperimentMedia(chosen.labels, None, {})
    in_memory = [array for array in (before.voices, *before.faces.values()) if not isinstance(array, np.memmap)]
    room = _Room(spill, sum(array.nbytes for array in in_memory if array is not None))
    kept_voices = room.array((len(names), VOICE_SAMPLES), np.int16, "voices") if voices else None
    kept = {px: room.array((len(names), px, px, 3), np.uint8, f"faces-{px}") for px in sizes}
    done = 0
    n_workers = 1 if len(names) < FEW_CLIPS else n_processes(workers)
    for job, sounds, pictures in stream(_read, _jobs(chosen, names, voices, sizes), n_workers=n_workers):
        rows = slice(job.first, job.first + job.n_clips)
        if kept_voices is not None:
            kept_voices[rows] = sounds
        for px, faces in pictures.items():
            kept[px][rows] = faces
        done += job.n_clips
        if progress:
            progress(done, len(names))
    return ExperimentMedia(
        chosen.labels, before.voices if kept_voices is None else kept_voices, {**before.faces, **kept}
    )


@dataclass(frozen=True)
class _Job:
    """Some clips for one worker."""

    first: int
    n_clips: int
    voices: tuple[Path, ...]
    faces: tuple[Path, ...]
    sizes_px: tuple[int, ...]


def _jobs(chosen: ChosenClips, names: Sequence[str], voices: bool, sizes: tuple[int, ...]) -> Iterable[_Job]:
    for first in range(0, len(names), CLIPS_A_JOB):
        some = names[first : first + CLIPS_A_JOB]
        sounds = tuple(chosen.corpus / chosen.paths["voice"][clip] for clip in some) if voices else ()
        pictures = tuple(chosen.corpus / chosen.paths["face"][clip] for clip in some) if sizes else ()
        yield _Job(first, len(some), sounds, pictures, sizes)


def _read(job: _Job) -> tuple[_Job, NDArray[np.int16], dict[int, NDArray[np.uint8]]]:
    sounds = [to_pcm(fixed_length(read_voice(path), VOICE_SAMPLES / SAMPLE_RATE)) for path in job.voices]
    pictures: dict[int, list[NDArray[np.uint8]]] = {px: [] for px in job.sizes_px}
    for path in job.faces:
        image = read_image(path)
        for px, faces in pictures.items():
            faces.append(_resized(image, px))
    stacked = np.stack(sounds) if sounds else np.empty((0, VOICE_SAMPLES), dtype=np.int16)
    return job, stacked, {px: np.stack(faces) for px, faces in pictures.items()}


def _resized(image: NDArray[np.uint8], px: int) -> NDArray[np.uint8]:
    """Return a picture (height, width, 3) as (px, px, 3): averaged over areas where it shrinks, linear where not."""
    if image.shape[:2] == (px, px):
        return image
    how = cv2.INTER_AREA if px <= min(image.shape[:2]) else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(image, (px, px), interpolation=how), dtype=np.uint8)


class _Room:
    """Makes room for arrays: in memory while there is some, then in files."""

    def __init__(self, spill: Path | None, n_bytes: int) -> None:
        self.spill, self.n_bytes = spill, n_bytes

    def array(self, shape: tuple[int, ...], dtype: type[Number], name: str) -> NDArray[Number]:
        n_bytes = math.prod(shape) * np.dtype(dtype).itemsize
        if self.spill is None or self.n_bytes + n_bytes <= MEMORY_GB * 1e9:
            self.n_bytes += n_bytes
            return np.empty(shape, dtype=dtype)
        self.spill.mkdir(parents=True, exist_ok=True)
        return np.memmap(self.spill / f"{name}.bin", dtype=dtype, mode="w+", shape=shape)


def _check_people(
    clips: Mapping[str, Sequence[str]], person: Mapping[str, str], people: Sequence[str], splits: Path
) -> None:
    for subset in SUBSETS:
        if not clips[subset]:
            raise DataError(
                f"The split {splits} has no usable clip in the subset {subset}. Split again with: "
                "visavox split --by session"
            )
    if len(people) < 2:
        raise DataError(
            f"Identification needs at least 2 people to tell apart. The split {splits} trains {len(people)}."
        )
    known = set(people)
    for subset in SUBSETS[1:]:
        unknown = sorted({person[clip] for clip in clips[subset]} - known)
        if unknown:
            raise DataError(
                f"Everybody in the subset {subset} must be in train too, since networks name the people they have "
                f"seen. {len(unknown)} are not, {unknown[0]!r} for instance. Split with: visavox split --by session"
            )
    both = sorted({person[clip] for clip in clips.get(STRANGERS, ())} & known)
    if both:
        raise DataError(f"Strangers must not be trained on. {both[0]!r} is in both subsets. Split again.")


def _left_out(items: Sequence[MediaItem], missing: Collection[str], found: Mapping[str, object]) -> dict[str, int]:
    """Return why clips are not used: the status of their first item that fails, or that there is none."""
    reasons: dict[str, str] = {}
    for item in items:
        if item.clip in missing and item.modality in found and item.status != OK:
            reasons.setdefault(item.clip, f"{item.modality}: {item.status}")
    counted = Counter(reasons.get(clip, "a modality is missing") for clip in missing)
    return dict(sorted(counted.items()))
