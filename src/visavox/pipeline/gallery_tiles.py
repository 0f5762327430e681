"""What a contact sheet shows of each clip: its faces made small, the outline of its voice, its figures, its problems.

It reads media; how a tile is drawn is `visavox.pipeline.gallery_page` and `visavox.pipeline.gallery_sheet`.

Example:
    >>> shown_counts({"ok": 900, "no_face": 90, "silent": 10}, limit=100)
    {'ok': 50, 'no_face': 40, 'silent': 10}
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from visavox.corpus.items import OK, Attribute, MediaItem
from visavox.errors import DataError, MediaError
from visavox.media.audio import Voice, read_voice
from visavox.media.images import Pixels, read_image
from visavox.pipeline.export_clips import stored_file

FACE_PX = 160
"""Longer side of a face on the sheet."""
MAX_FACES = 5
N_BARS = 64
"""Bars of the outline of a voice."""
QUIETEST_DB = -60.0
"""Peak at which a bar has no height."""


@dataclass(frozen=True)
class Problem:
    """Why an item cannot be used."""

    modality: str
    """"face" or "voice"."""
    status: str
    """The code."""
    reason: str
    """The sentence."""


@dataclass(frozen=True, eq=False)
class Tile:
    """One clip on the sheet."""

    clip: str
    """Its name."""
    person: str
    """Who it is; "" where unknown."""
    faces: tuple[Pixels, ...]
    """Faces, each (height, width, 3) uint8 of at most 160 px, the best first."""
    bars: npt.NDArray[np.float32] | None
    """Outline of the voice, (64,), 0 (quiet) to 1 (full scale); None where there is no voice."""
    face_quality: Mapping[str, float]
    """Figures of the first face."""
    voice_quality: Mapping[str, float]
    """Figures of the voice."""
    attributes: Mapping[str, Attribute]
    """Attributes of the clip, those of the face before those of the voice."""
    problems: tuple[Problem, ...]
    """Why items of it cannot be used."""


def read_tile(corpus: Path, items: Sequence[MediaItem]) -> Tile:
    """Return the tile of a clip; a file that cannot be read is a problem of the tile.

    Args:
        corpus: folder.
        items: all items of the clip, one or more.
    """
    faces: list[Pixels] = []
    bars = None
    problems = [Problem(item.modality, item.status, item.reason) for item in items if item.status != OK]
    quality: dict[str, Mapping[str, float]] = {}
    for item in (item for item in items if item.status == OK):
        quality.setdefault(item.modality, item.quality)
        try:
            if item.modality == "voice":
                bars = outline(read_voice(stored_file(corpus, item))) if bars is None else bars
            elif len(faces) < MAX_FACES:
                faces.append(small(read_image(stored_file(corpus, item))))
        except MediaError as error:
            problems.append(Problem(item.modality, error.status, str(error)))
        except DataError as error:
            problems.append(Problem(item.modality, "missing_file", str(error)))
    attributes: dict[str, Attribute] = {}
    for item in items:
        attributes |= {name: found for name, found in item.attributes.items() if name not in attributes}
    return Tile(
        clip=items[0].clip,
        person=next((item.person for item in items if item.person), ""),
        faces=tuple(faces),
        bars=bars,
        face_quality=quality.get("face", {}),
        voice_quality=quality.get("voice", {}),
        attributes=attributes,
        problems=tuple(problems),
    )


def small(image: Pixels) -> Pixels:
    """Return a picture (height, width, 3) uint8 with its longer side at 160 px at most."""
    scale = FACE_PX / max(image.shape[:2])
    if scale >= 1:
        return image
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


def outline(voice: Voice) -> npt.NDArray[np.float32]:
    """Return the peaks of 64 equal parts of a voice on a scale of decibels.

    Args:
        voice: (samples,) float32, 16 kHz, one sample or more.

    Returns:
        (64,) float32: 0 at -60 dB below full scale and less, 1 at full scale. One scale for all clips, so that a quiet
        recording looks quiet.
    """
    edges = np.linspace(0, len(voice), N_BARS + 1)
    first = np.floor(edges[:-1]).astype(int)
    last = np.maximum(np.ceil(edges[1:]).astype(int), first + 1)
    level = np.abs(voice)
    peaks = np.array([level[begin:end].max() for begin, end in zip(first, last, strict=True)])
    decibels = 20 * np.log10(np.maximum(peaks, 1e-6))
    bars: npt.NDArray[np.float32] = np.clip(1 - decibels / QUIETEST_DB, 0, 1).astype(np.float32)
    return bars


def shown_counts(counts: Mapping[str, int], *, limit: int) -> dict[str, int]:
    """Return how many clips of each status a sheet shows.

    Where there are more than `limit`, what failed gets up to half of the places and more where the good ones do not
    fill theirs; each failure as many as the others, until it has no more.

    Args:
        counts: clips by status.
        limit: places, 1 or more; 0 shows all.
    """
    if not limit or sum(counts.values()) <= limit:
        return dict(counts)
    shown = {OK: 0} if OK in counts else {}
    failed = sorted((status for status in counts if status != OK), key=lambda status: counts[status])
    left = min(sum(counts[status] for status in failed), max(limit // 2, limit - counts.get(OK, 0)))
    for place, status in enumerate(failed):
        shown[status] = min(counts[status], left // (len(failed) - place))
        left -= shown[status]
    if OK in counts:
        shown[OK] = min(counts[OK], limit - sum(shown.values()))
    return {status: shown[status] for status in counts}


def spread(n_all: int, n_shown: int) -> list[int]:
    """Return `n_shown` of the places 0 to `n_all - 1`, evenly spread, in their order.

    Example:
        >>> spread(10, 3)
        [0, 3, 6]
    """
    return [place * n_all // n_shown for place in range(min(n_all, n_shown))]
