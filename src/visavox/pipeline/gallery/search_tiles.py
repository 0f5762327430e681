"""What a contact sheet shows of a search: the query and each hit with picture, sound and figures, nobody among them.

How a tile is drawn is `visavox.pipeline.gallery.search_page` and `visavox.pipeline.gallery.search_sheet`.

Example:
    write_sheet(Path("found.html"), outcome, gallery, Path("voice.wav"))
"""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from visavox.corpus.items import Modality, item_key
from visavox.errors import MediaError
from visavox.media.audio import read_voice
from visavox.media.images import read_image
from visavox.media.video import is_video, sample_frames
from visavox.pipeline.gallery.row_media import EXCERPT_S, excerpt, thumbnail
from visavox.pipeline.gallery.search_outcome import NOBODY, SearchHit, SearchOutcome
from visavox.pipeline.gallery_tiles import outline
from visavox.retrieval.gallery import Gallery

MOST_TILES = 200
"""Hits on a sheet; the rest is in the text and the JSON."""


@dataclass(frozen=True, eq=False)
class SearchTile:
    """One place on the sheet."""

    title: str
    """The person, the clip, or nobody here."""
    about: str
    """The clip and what is known of it; "" where there is nothing to say."""
    probability: float | None
    """0 to 1; None where nothing is calibrated, and of the query."""
    similarity: float | None
    """Cosine with the query; None of the query and of nobody."""
    picture: bytes | None = None
    """JPEG."""
    sound: bytes | None = None
    """Ogg or FLAC."""
    is_nobody: bool = False
    """Whether this is the place of nobody."""


@dataclass(frozen=True, eq=False)
class SheetContent:
    """Everything on a sheet."""

    query: SearchTile
    """What was asked with."""
    tiles: tuple[SearchTile, ...]
    """Best first, nobody in its place."""
    outcome: SearchOutcome
    """The answer."""


def sheet_content(outcome: SearchOutcome, gallery: Gallery, query: Path) -> SheetContent:
    """Return what a sheet shows; media that cannot be read are left out.

    Args:
        outcome: the answer.
        gallery: that it is of, open.
        query: the file that was asked with.
    """
    tiles = [_tile(hit, outcome, gallery) for hit in outcome.hits[:MOST_TILES]]
    if outcome.p_nobody is not None:
        place = sum((tile.probability or 0.0) > outcome.p_nobody for tile in tiles)
        tiles.insert(place, SearchTile(NOBODY, "", outcome.p_nobody, None, is_nobody=True))
    picture, sound = _query_media(query, outcome.query_modality)
    asked = SearchTile(Path(outcome.query).name, outcome.note, None, None, picture, sound)
    return SheetContent(asked, tuple(tiles), outcome)


def sound_bars(sound: bytes) -> NDArray[np.float32]:
    """Return the outline of a stored sound, (64,) float32, 0 to 1."""
    samples, _ = soundfile.read(io.BytesIO(sound), dtype="float32")
    return outline(samples if len(samples) else np.zeros(1, dtype=np.float32))


def _tile(hit: SearchHit, outcome: SearchOutcome, gallery: Gallery) -> SearchTile:
    """Of a clip that has both, both are shown, whatever was looked through."""
    face = hit.key if outcome.against == "face" else item_key(hit.clip, "face")
    voice = hit.key if outcome.against == "voice" else item_key(hit.clip, "voice")
    known = ", ".join(f"{name} {value}" for name, value in sorted(hit.attributes.items()))
    title, other = (hit.person, hit.clip) if outcome.by == "person" else (hit.clip, hit.person)
    about = ", ".join(part for part in ("" if other == title else other, known) if part)
    picture, sound = gallery.thumbnail(face), gallery.excerpt(voice)
    return SearchTile(title, about, hit.probability, hit.similarity, picture, sound)


def _query_media(query: Path, modality: Modality) -> tuple[bytes | None, bytes | None]:
    try:
        if modality == "voice":
            return None, excerpt(read_voice(query, end_s=EXCERPT_S))
        return thumbnail(sample_frames(query, 1)[0] if is_video(query) else read_image(query)), None
    except MediaError:
        return None, None
