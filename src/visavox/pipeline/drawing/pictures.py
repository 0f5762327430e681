"""The faces that a drawer learns from: those of a corpus, with voices, and labelled ones without.

Pictures are the drawn squares of canonical crops (`visavox.media.drawn_frame`). Those of a corpus are read from its
crops; those of a table are found, placed and kept beside the run once (`pictures/`), since that takes minutes.

Example:
    media = read_drawing_media(corpus, splits, tables=(Path("faces.parquet"),), px=64, cache=out / "pictures")
    media.paired["train"].pictures.shape   # (n_clips, 64, 64, 3)
"""

from __future__ import annotations

import hashlib
import math
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import GIVEN, MediaItem
from visavox.corpus.labelled_faces import LabelledFaces, read_labelled_faces
from visavox.corpus.splits import Splits
from visavox.errors import DataError
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.drawn_frame import drawn_picture
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image
from visavox.persistence import read_tensors, write_tensors
from visavox.pipeline.splitting import SPLITS
from visavox.worker_pool import stream

Progress = Callable[[int, int], None]

YOUNGEST = 16.0
"""Years: of the labelled faces, those of children are left out."""
SUBSETS = ("train", "validation", "test")
_STORED_PX, _BORDER_PX, _CHUNK = 128, 16, 64
_detector: MtcnnDetector | None = None


@dataclass(frozen=True, eq=False)
class PairedPictures:
    """Clips that have a face and a voice."""

    clips: tuple[str, ...]
    people: tuple[str, ...]
    """Who each clip shows: the person, or the video where nobody is named."""
    pictures: NDArray[np.uint8]
    """(n, px, px, 3) RGB, the best face of each clip."""
    crops: tuple[Path, ...]
    """Files of the canonical crops."""
    voices: tuple[Path, ...]
    """Files of the voices."""
    genders: tuple[str, ...]
    """"m", "f" or "" where the corpus does not say."""
    ages: tuple[float, ...] = ()
    """Years, nan where the corpus does not say; empty: it says nothing of anybody."""
    languages: tuple[str, ...] = ()
    """Small letters, "" where neither the corpus nor a predictor of voices says; empty: of nobody."""

    def __len__(self) -> int:
        return len(self.clips)


@dataclass(frozen=True, eq=False)
class LabelledPictures:
    """Faces without voices."""

    pictures: NDArray[np.uint8]
    """(n, px, px, 3) RGB."""
    age: NDArray[np.float32]
    """(n,) years."""
    male: NDArray[np.bool_]
    """(n,)."""
    race: NDArray[np.int64]
    """(n,) index into `visavox.corpus.labelled_faces.RACES`."""
    held_out: NDArray[np.bool_]
    """(n,) the tenth that is never learned from, by the digest of its key."""


@dataclass(frozen=True, eq=False)
class DrawingMedia:
    """What a drawer learns from."""

    paired: Mapping[str, PairedPictures]
    """Subset of the splits -> its clips; a subset may be empty."""
    labelled: LabelledPictures
    """Of all tables; may be empty."""
    px: int
    digest: str
    """What the pictures are: of the catalog, the splits and the tables."""


def read_drawing_media(
    corpus: Path,
    splits: Path,
    *,
    tables: Sequence[Path] = (),
    px: int = 64,
    cache: Path | None = None,
    limit: int = 0,
    progress: Progress | None = None,
) -> DrawingMedia:
    """Read the pictures of a corpus and of tables of labelled faces.

    Args:
        corpus: folder that `prepare` wrote.
        splits: folder that `split` wrote.
        tables: Parquet files of `visavox.corpus.labelled_faces`.
        px: side of a picture.
        cache: folder that keeps the placed faces of the tables; None places them every time.
        limit: labelled faces to draw from each table; 0 takes all.
        progress: called as progress(done, total) over all pictures.

    Raises:
        DataError: there is no corpus or split, a file is damaged, or no clip to train on has both a face and a voice.
    """
    with Catalog.open(corpus / CATALOG) as catalog:
        faces, voices = (list(catalog.items(modality=modality)) for modality in ("face", "voice"))
        catalog_hash = catalog.content_hash()
    split = Splits.load(splits / SPLITS, catalog_hash=catalog_hash)
    labelled = [read_labelled_faces(path, youngest=YOUNGEST, limit=limit) for path in tables]
    chosen = {subset: _pairs(faces, voices, split, subset) for subset in SUBSETS}
    if not chosen["train"]:
        raise DataError(f"No clip of the subset train of {splits} has both a face and a voice that can be used.")
    total = sum(map(len, chosen.values())) + sum(len(table.keys) for table in labelled)
    done = 0

    def tick(n: int) -> None:
        nonlocal done
        done += n
        if progress is not None:
            progress(done, total)

    paired = {subset: _read_paired(corpus, pairs, px, tick) for subset, pairs in chosen.items()}
    parts = [_placed(table, px, cache, tick) for table in labelled]
    digest = hashlib.sha256(
        "\n".join([catalog_hash, repr(sorted(split.subsets.items())), str(px), str(limit)]).encode()
    )
    for table in labelled:
        digest.update(_table_digest(table).encode())
    return DrawingMedia(paired, _joined(parts, px), px, digest.hexdigest()[:16])


def _pairs(
    faces: Sequence[MediaItem], voices: Sequence[MediaItem], split: Splits, subset: str
) -> list[tuple[MediaItem, MediaItem]]:
    """Return the first face and the first voice of each clip of a subset that has both, by clip."""
    first: list[dict[str, MediaItem]] = [{}, {}]
    for found, items in zip(first, (faces, voices), strict=True):
        for item in items:
            if item.path and split.subsets.get(item.clip) == subset:
                found.setdefault(item.clip, item)
    return [(first[0][clip], first[1][clip]) for clip in sorted(first[0].keys() & first[1].keys())]


def _read_paired(
    corpus: Path, pairs: Sequence[tuple[MediaItem, MediaItem]], px: int, tick: Callable[[int], None]
) -> PairedPictures:
    pictures = np.zeros((len(pairs), px, px, 3), np.uint8)
    for row, (face, _) in enumerate(pairs):
        pictures[row] = drawn_picture(read_image(corpus / str(face.path)), px)
        tick(1)
    return PairedPictures(
        tuple(face.clip for face, _ in pairs),
        tuple(face.identity for face, _ in pairs),
        pictures,
        tuple(corpus / str(face.path) for face, _ in pairs),
        tuple(corpus / str(voice.path) for _, voice in pairs),
        tuple(_gender(face) or _gender(voice) for face, voice in pairs),
        tuple(_age(face, voice) for face, voice in pairs),
        tuple(_language(face, voice) for face, voice in pairs),
    )


def _gender(item: MediaItem) -> str:
    attribute = item.attributes.get("gender")
    return str(attribute.value).lower()[:1] if attribute is not None and attribute.origin == GIVEN else ""


def _age(*items: MediaItem) -> float:
    """Return the given age; one that was predicted from the face would tell what is to be guessed."""
    for item in items:
        attribute = item.attributes.get("age")
        if attribute is not None and attribute.origin == GIVEN:
            try:
                return float(attribute.value)
            except ValueError:
                continue
    return math.nan


def _language(*items: MediaItem) -> str:
    """Return the given language, or else the one that was predicted from the voice."""
    for name in ("language", "predicted_language"):
        for item in items:
            if name in item.attributes:
                return str(item.attributes[name].value).lower()
    return ""


def _placed(
    table: LabelledFaces, px: int, cache: Path | None, tick: Callable[[int], None]
) -> tuple[LabelledPictures, NDArray[np.bool_]]:
    """Return the pictures of a table and which of its faces were found, from the cache where it has them."""
    file = None if cache is None else cache / f"{_table_digest(table)}-{px}.safetensors"
    if file is not None and file.is_file():
        tensors, _ = read_tensors(file)
        pictures, found = tensors["pictures"], tensors["found"]
        tick(len(table.keys))
    else:
        pictures = np.zeros((len(table.keys), px, px, 3), np.uint8)
        found = np.zeros(len(table.keys), np.bool_)
        starts = range(0, len(table.keys), _CHUNK)
        jobs = ((at, px, table.images[at : at + _CHUNK]) for at in starts)
        for at, placed, seen in stream(_place, jobs, n_workers=min(os.cpu_count() or 1, len(starts))):
            pictures[at : at + len(seen)], found[at : at + len(seen)] = placed, seen
            tick(len(seen))
        if file is not None:
            write_tensors(file, {"pictures": pictures, "found": found}, {})
    held_out = np.array([_is_held_out(key) for key in table.keys], dtype=np.bool_)
    return LabelledPictures(pictures, table.age, table.male, table.race, held_out), found


def _place(job: tuple[int, int, tuple[bytes, ...]]) -> tuple[int, NDArray[np.uint8], NDArray[np.bool_]]:
    """Return where a chunk begins, its drawn pictures and which of them show a face."""
    global _detector
    if _detector is None:
        _detector = MtcnnDetector()
    at, px, images = job
    crops = [crop_face(enlarged(data), _detector) for data in images]
    pictures = np.stack([drawn_picture(crop.image, px) for crop in crops])
    return at, pictures, np.array([crop.found for crop in crops], dtype=np.bool_)


def enlarged(data: bytes) -> NDArray[np.uint8]:
    """Return a stored picture at 128 px with its border repeated outwards: (160, 160, 3) uint8 RGB.

    A face that fills its picture is found better with some room about it.

    Raises:
        DataError: the bytes are no picture.
    """
    decoded = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if decoded is None:
        raise DataError("A labelled face must be a JPEG or PNG. Got bytes that are neither. Mend or drop the row.")
    large = cv2.resize(
        cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), (_STORED_PX, _STORED_PX), interpolation=cv2.INTER_CUBIC
    )
    return np.asarray(cv2.copyMakeBorder(large, *(_BORDER_PX,) * 4, cv2.BORDER_REPLICATE), dtype=np.uint8)


def _joined(parts: Sequence[tuple[LabelledPictures, NDArray[np.bool_]]], px: int) -> LabelledPictures:
    """Return the faces of all tables that were found."""
    if not parts:
        none = np.zeros(0)
        nobody = np.zeros((0, px, px, 3), np.uint8)
        return LabelledPictures(
            nobody, none.astype(np.float32), none.astype(bool), none.astype(np.int64), none.astype(bool)
        )
    names = ("pictures", "age", "male", "race", "held_out")
    return LabelledPictures(*(np.concatenate([getattr(p, name)[seen] for p, seen in parts]) for name in names))


def _table_digest(table: LabelledFaces) -> str:
    found = hashlib.sha256()
    for key, data in zip(table.keys, table.images, strict=True):
        found.update(f"{key} {len(data)} ".encode() + data)
    return found.hexdigest()[:16]


def _is_held_out(key: str) -> bool:
    return hashlib.sha256(key.encode()).digest()[0] < 26
