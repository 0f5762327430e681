"""Strips of single matches: the voice that asked, the face that is its own, and the wrong face nearest to it.

`pick_strips` chooses the best and the worst among the outcomes of a matching protocol; `embed_face` and `embed_voice`
read their media and make them small enough to lie inside a page. A file that is missing or cannot be read becomes
a reason, never a failure. The page itself is laid out in `visavox.evaluation.page`.

Example:
    >>> outcomes = [
    ...     ProbeOutcome("a/voice", "a/face", "b/face", 0.9, 0.2, 1.0),
    ...     ProbeOutcome("b/voice", "b/face", "a/face", 0.1, 0.8, 0.0),
    ... ]
    >>> [(s.voice, s.kind, round(s.margin, 1)) for s in pick_strips(outcomes, paths={})]
    [('a/voice', 'best', 0.7), ('b/voice', 'worst', -0.7)]
"""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import soundfile
from PIL import Image

from visavox.errors import ConfigError, MediaError
from visavox.evaluation.measures import ProbeOutcome
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.images import read_image

MAX_STRIPS = 12  # of each kind in a report: with voices of 6 s the page stays under 2 MB
FACE_PX = 160  # side of an embedded face
VOICE_S = 6.0  # longest embedded voice
JPEG_QUALITY = 80
# libsndfile's ladder for 16 kHz MP3: 0.9 at a constant rate is 24 kbit/s, 3 kB a second, clear for speech. MP3 and
# not Opus, because not every telephone plays Opus inside Ogg.
MP3_COMPRESSION = 0.9


@dataclass(frozen=True)
class Strip:
    """One voice, its own face and the hardest wrong face; files may be missing."""

    kind: Literal["best", "worst"]
    voice: str
    """Key of the voice."""
    face: str
    """Key of the face that is its own."""
    wrong_face: str
    """Key of the wrong face with the highest score."""
    score: float
    """Score of the true face."""
    wrong_score: float
    """Score of the wrong face."""
    share_beaten: float
    """Share of all wrong faces that the true one beats, 0 to 1."""
    voice_path: str | None = None
    face_path: str | None = None
    wrong_face_path: str | None = None

    @property
    def margin(self) -> float:
        """Score of the true face less that of the hardest wrong one: above 0 the match is right."""
        return self.score - self.wrong_score


@dataclass(frozen=True)
class Embedded:
    """A file turned into a data URI, or the reason why it could not be."""

    uri: str | None
    reason: str = ""


def pick_strips(
    outcomes: Sequence[ProbeOutcome],
    *,
    paths: Mapping[str, str | Path],
    people: Mapping[str, str] | None = None,
    n_strips: int = MAX_STRIPS,
) -> tuple[Strip, ...]:
    """Chooses the matches with the largest and the smallest margin over the hardest wrong face.

    A person appears once among the best and once among the worst, and no voice is in both; the best come first
    in falling order, then the worst, the very worst first.

    Args:
        outcomes: rows of a protocol in the direction voice to face, one a voice.
        paths: key of a voice or a face -> its file; one that is absent is shown as a grey box.
        people: key of a voice -> its person; None, or a voice that is absent, counts as a person of its own.
        n_strips: most strips of each kind, 0 to 12.

    Raises:
        ConfigError: `n_strips` outside its range.

    Ties and edges: outcomes with a nan score are never chosen; equal margins keep their order; with fewer people
    than twice `n_strips` the best get half of them, rounded up, and the worst the other half.
    """
    if not 0 <= n_strips <= MAX_STRIPS:
        raise ConfigError(f"`n_strips` must lie between 0 and {MAX_STRIPS}. Got {n_strips}.")
    usable = sorted((o for o in outcomes if math.isfinite(o.margin)), key=lambda o: -o.margin)
    one_each = _first_of_each(usable, people or {})
    best = one_each[: min(n_strips, (len(one_each) + 1) // 2)]
    worst = _first_of_each(usable[::-1], people or {})[: min(n_strips, len(one_each) // 2)]
    return tuple([_strip(o, "best", paths) for o in best] + [_strip(o, "worst", paths) for o in worst])


def _first_of_each(ordered: Sequence[ProbeOutcome], people: Mapping[str, str]) -> list[ProbeOutcome]:
    """The outcomes whose person has not come before."""
    first: dict[tuple[str, bool], ProbeOutcome] = {}
    for outcome in ordered:
        named = outcome.probe in people
        first.setdefault((people[outcome.probe] if named else outcome.probe, named), outcome)
    return list(first.values())


def _strip(outcome: ProbeOutcome, kind: Literal["best", "worst"], paths: Mapping[str, str | Path]) -> Strip:
    def path(key: str) -> str | None:
        return str(paths[key]) if key in paths else None

    return Strip(
        kind=kind,
        voice=outcome.probe,
        face=outcome.positive,
        wrong_face=outcome.hardest_negative,
        score=outcome.positive_score,
        wrong_score=outcome.negative_score,
        share_beaten=outcome.share_beaten,
        voice_path=path(outcome.probe),
        face_path=path(outcome.positive),
        wrong_face_path=path(outcome.hardest_negative),
    )


def embed_face(path: str | Path | None, *, side_px: int = FACE_PX) -> Embedded:
    """Returns a face as a square JPEG in a data URI; a long image is cut to its centre.

    Args:
        path: an image file of any kind that `visavox.media.images.read_image` reads; None has its own reason.
        side_px: side of the square, 16 or more.
    """
    if path is None:
        return Embedded(None, "no file was named")
    try:
        pixels = read_image(Path(path))
    except MediaError as error:
        return Embedded(None, _reason(error))
    height, width = pixels.shape[:2]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    square = Image.fromarray(np.ascontiguousarray(pixels[top : top + side, left : left + side]))
    small = square.resize((side_px, side_px), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=JPEG_QUALITY, optimize=True)
    return Embedded(_uri("image/jpeg", buffer.getvalue()))


def embed_voice(path: str | Path | None, *, max_s: float = VOICE_S) -> Embedded:
    """Returns the first seconds of a voice as mono 16 kHz MP3 in a data URI, about 3 kB a second.

    Args:
        path: any file that `visavox.media.audio.read_voice` reads; None has its own reason.
        max_s: longest piece kept, seconds, above 0.
    """
    if path is None:
        return Embedded(None, "no file was named")
    try:
        voice = read_voice(Path(path))
    except MediaError as error:
        return Embedded(None, _reason(error))
    buffer = io.BytesIO()
    soundfile.write(
        buffer,
        voice[: int(max_s * SAMPLE_RATE)],
        SAMPLE_RATE,
        format="MP3",
        subtype="MPEG_LAYER_III",
        compression_level=MP3_COMPRESSION,
        bitrate_mode="CONSTANT",
    )
    return Embedded(_uri("audio/mpeg", buffer.getvalue()))


def _reason(error: MediaError) -> str:
    """The status in words: the page has no room for the path, and a report may leave the machine."""
    return error.status.replace("_", " ")


def _uri(kind: str, data: bytes) -> str:
    return f"data:{kind};base64,{base64.b64encode(data).decode('ascii')}"
