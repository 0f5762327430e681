r"""Utterance files of VoxCeleb: which part of which video somebody speaks in, and where the face is in each frame.

    Identity  :     id10001
    Reference :     abcdEFGH123
    Offset    :     -1
    FV Conf   :     17.997  (1)
    ASD Conf  :     6.338

    FRAME   X       Y       W       H
    002316  223     80      130     130

X and Y are the upper left corner of the face, frames are counted from 0 at 25 a second. Version 2 gives parts of the
picture; version 1 gives pixels of a picture of 360 lines, whatever the video is fetched in.

Source: Nagrani et al. (2017), Chung et al. (2018), the archives vox1_dev_txt and vox2_dev_txt; the 360 lines as in
github.com/AliaksandrSiarohin/video-preprocessing (crop_vox.py, REF_FRAME_SIZE).

Example:
    >>> text = "Identity  : \tid1\nReference : \tv1\n\nFRAME \tX \tY \tW \tH \n000050 \t0.1 \t0.2 \t0.2 \t0.4 \n"
    >>> track = parse_track(text)
    >>> track.person, track.video, track.start_s, track.end_s
    ('id1', 'v1', 2.0, 2.04)
    >>> [round(place, 6) for place in track.speaker.at(0.0, width_px=100, height_px=100)]
    [20.0, 40.0]
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from visavox.corpus.sources.speaker_path import SpeakerPath
from visavox.errors import MediaError

FRAMES_PER_S = 25
LINES = 360  # of the pictures in whose pixels version 1 counts
KEPT_EVERY = 5  # frames: five places a second are enough to follow a face, and small enough to be sent around
MAX_FRAME = 10**9  # more than a year
MAX_FRACTION = 2.0  # boxes in parts of the picture may reach out of it a little; one of 2 pixels is no face


@dataclass(frozen=True, slots=True)
class PathIn360Lines(SpeakerPath):
    """A path in pixels of a picture of 360 lines, whatever the picture's real height is."""

    def at(self, time_s: float, *, width_px: int, height_px: int) -> tuple[float, float] | None:
        """Return x and y in pixels of the picture, as `SpeakerPath.at`."""
        place = SpeakerPath.at(self, time_s, width_px=width_px, height_px=height_px)
        return None if place is None else (place[0] * height_px / LINES, place[1] * height_px / LINES)


@dataclass(frozen=True, slots=True)
class Track:
    """What an utterance file says."""

    person: str
    """Identity; "" where the file does not say."""
    video: str
    """YouTube id; "" where the file does not say."""
    start_s: float
    """Begin of the first frame in the video."""
    end_s: float
    """End of the last frame."""
    speaker: SpeakerPath
    """Centres of the face, by seconds from the first frame."""


def parse_track(text: str) -> Track:
    """Return what an utterance file says.

    Args:
        text: the whole file.

    Raises:
        MediaError: malformed_row: no frame, or a line that is none; invalid_place: a box without size.
    """
    fields: dict[str, str] = {}
    rows: list[tuple[int, float, float, float, float]] = []
    for number, line in enumerate(text.splitlines(), start=1):
        if ":" in line and not rows:
            name, value = line.split(":", 1)
            fields[name.strip().lower()] = value.strip()
        elif line.strip() and not line.lstrip().upper().startswith("FRAME"):
            rows.append(_box(number, line))
    if not rows:
        raise MediaError("the file names no frame", status="malformed_row")
    rows.sort()
    first, last = rows[0][0], rows[-1][0]
    kept = [row for i, row in enumerate(rows) if i % KEPT_EVERY == 0 or i == len(rows) - 1]
    times_s = tuple((frame - first) / FRAMES_PER_S for frame, *_ in kept)
    centres = tuple((x + width / 2, y + height / 2) for _, x, y, width, height in kept)
    if max(max(width, height) for *_, width, height in rows) <= MAX_FRACTION:
        speaker = SpeakerPath(times_s, centres)
    else:
        speaker = PathIn360Lines(times_s, centres, unit="px")
    return Track(
        fields.get("identity", ""),
        fields.get("reference", ""),
        first / FRAMES_PER_S,
        (last + 1) / FRAMES_PER_S,
        speaker,
    )


def _box(number: int, line: str) -> tuple[int, float, float, float, float]:
    try:
        frame, x, y, width, height = line.split()
        box = int(frame), float(x), float(y), float(width), float(height)
    except ValueError:
        raise MediaError(
            f"line {number} must be FRAME X Y W H. Got {line.strip()[:80]!r}", status="malformed_row"
        ) from None
    if not 0 <= box[0] < MAX_FRAME or not all(map(math.isfinite, box)) or box[3] <= 0 or box[4] <= 0:
        raise MediaError(f"line {number}: a box must have a size. Got {line.strip()[:80]!r}", status="invalid_place")
    return box
