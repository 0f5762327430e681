"""A corpus and its vectors to what is enrolled: whose clip it is, of which session, and how much it counts.

What cannot be enrolled is left out and counted: clips of nobody, of other sessions, pictures without a face, the same
file twice. Nothing is embedded here, and nobody is fitted.

Example:
    gathered = gather_samples(CorpusEmbeddings.load(Path("embeddings")), Path("corpus"), sessions=("01", "02"))
    gathered.samples["voice"].names, gathered.notes
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, MediaItem, Modality, identity_of
from visavox.errors import ConfigError, DataError
from visavox.identification.samples import Samples
from visavox.media.face_quality import quality_score
from visavox.pipeline.embedding import CorpusEmbeddings
from visavox.pipeline.media_vectors import MediaEncoder

LEAST_WEIGHT = 0.05  # of the worst clip beside the best, so that who has no other is still enrolled
FULL_SPEECH_S = 8.0  # more speech does not make a vector of one clip steadier
FULL_SNR_DB = 20.0  # of a quiet room
MAX_NAMED = 3  # clips that a note names
FACES_UNKNOWN = (
    "Pictures without a face, if there are any, are enrolled by their centre: embeddings do not say which they are. "
    "Give --corpus too to leave them out."
)


@dataclass(frozen=True)
class Gathered:
    """What can be enrolled."""

    samples: Mapping[Modality, Samples]
    """Rows of each modality that has any."""
    notes: tuple[str, ...]
    """What was left out or is to be known, one line each."""


@dataclass(frozen=True)
class _Row:
    """A vector, what is known of its clip, and the file that it came from."""

    item: MediaItem
    key: str
    weight: float
    vectors: np.ndarray


def gather_samples(
    embedded: CorpusEmbeddings,
    corpus: Path | None,
    *,
    sessions: Sequence[str] = (),
    windows: MediaEncoder | None = None,
) -> Gathered:
    """Return the clips of known people as samples.

    Args:
        embedded: vectors of the whole corpus.
        corpus: its folder, which knows sessions, qualities and files; None where there are vectors alone: every clip
            then counts the same.
        sessions: take clips of these alone; empty takes all.
        windows: cuts voices into windows and makes their vectors, instead of those of `embedded`.

    Raises:
        ConfigError: nobody is named, or no clip is of the sessions.
        DataError: the vectors are not of the corpus.
    """
    items = _items(embedded, corpus)
    notes: list[str] = []
    known = {key: item for key, item in items.items() if item.person}
    if not known:
        raise ConfigError(
            "Every clip must name its person to be enrolled. Got none that does. Give clips.csv a column `person`, or "
            "say with --columns which column it is."
        )
    if len(known) < len(items):
        nameless = sorted({item.clip for item in items.values() if not item.person})
        notes.append(f"{_clips(nameless)} without a person left out")
    if corpus is None and len(embedded.face) and embedded.about.get("clip", {}).get("keep_faceless", True):
        notes.append(FACES_UNKNOWN)
    wanted = _of_sessions(known, sessions)
    found: dict[Modality, list[_Row]] = {}
    for modality in MODALITIES:
        table = embedded.voice if modality == "voice" else embedded.face
        rows = [
            _Row(wanted[key], wanted[key].digest or _vector_digest(vector), _weight(wanted[key]), vector[None])
            for key, vector in zip(table.keys, table.vectors, strict=True)
            if key in wanted
        ]
        rows = _without_repeats(_with_faces(rows, notes), notes)
        if windows is not None and modality == "voice" and corpus is not None:
            rows = [replace(row, vectors=windows.voice(corpus / str(row.item.path)).vectors) for row in rows]
        found[modality] = rows
    names = _clip_names([row for rows in found.values() for row in rows])
    samples = {modality: _samples(modality, rows, names) for modality, rows in found.items() if rows}
    return Gathered(samples, tuple(notes))


def face_weight(figures: Mapping[str, float]) -> float:
    """Return how much a picture of a face counts, 0.05 to 1.

    Args:
        figures: of the catalog: `quality_score` of a video, or the parts of it that a still image has; what is
            missing counts as good.

    Example:
        >>> face_weight({"face_width_px": 75.0, "sharpness": 25.0, "brightness": 120.0, "detector_score": 1.0})
        0.25
    """
    score = figures.get("quality_score")
    if score is None:
        score = quality_score(
            face_width_px=figures.get("face_width_px", np.inf),
            sharpness=figures.get("sharpness", np.inf),
            brightness=figures.get("brightness", 128.0),
            frontality=1.0,
            detector_score=figures.get("detector_score", 1.0),
        )
    return float(np.clip(score, LEAST_WEIGHT, 1.0))


def voice_weight(figures: Mapping[str, float]) -> float:
    """Return how much a recording of a voice counts, 0.05 to 1.

    The product of: the square root of the speech as a part of 8 s, since the error of a mean shrinks so; the
    signal-to-noise ratio as a part of 20 dB; and what is left after ten times the share of clipped samples.

    Args:
        figures: of the catalog: `speech_s`, `snr_db`, `clipped_rate`; what is missing counts as good.

    Example:
        >>> voice_weight({"speech_s": 2.0, "snr_db": 10.0, "clipped_rate": 0.0})
        0.25
    """
    length = float(np.sqrt(np.clip(figures.get("speech_s", FULL_SPEECH_S) / FULL_SPEECH_S, 0.0, 1.0)))
    clean = float(np.clip(figures.get("snr_db", FULL_SNR_DB) / FULL_SNR_DB, 0.0, 1.0))
    whole = float(np.clip(1.0 - 10.0 * figures.get("clipped_rate", 0.0), 0.0, 1.0))
    return max(LEAST_WEIGHT, length * clean * whole)


def session_of(item: MediaItem) -> str:
    """Return what a clip was recorded with: its session, else its video, else "" for unknown."""
    return item.session or item.video or ""


def _items(embedded: CorpusEmbeddings, corpus: Path | None) -> dict[str, MediaItem]:
    """Return key -> item of every vector."""
    tables = (embedded.voice, embedded.face)
    if corpus is None:
        return {key: item for table in tables for key, item in _items_of_table(table)}
    with Catalog.open(corpus / CATALOG) as catalog:
        items = {item.key: item for item in catalog.items()}
    missing = [key for table in tables for key in table.keys if key not in items]
    if missing:
        raise DataError(
            f"The vectors must be of the corpus {corpus}. Got {len(missing)} that it does not hold, {missing[0]!r} for "
            "one. Embed it again, or name its own folder."
        )
    return {key: items[key] for table in tables for key in table.keys}


def _items_of_table(table: EmbeddingTable) -> list[tuple[str, MediaItem]]:
    rows = zip(table.keys, table.clips, table.identities, table.videos, strict=True)
    found = []
    for key, clip, identity, video in rows:
        is_named = identity != identity_of(clip, person=None, video=video)
        found.append((key, MediaItem(key, clip, table.modality, person=identity if is_named else None, video=video)))
    return found


def _of_sessions(items: Mapping[str, MediaItem], sessions: Sequence[str]) -> dict[str, MediaItem]:
    if not sessions:
        return dict(items)
    there = sorted({session_of(item) for item in items.values()} - {""})
    lacking = [session for session in sessions if session not in there]
    if lacking:
        named = f"{', '.join(there[:10])}{', ...' if len(there) > 10 else ''}" if there else "no session at all"
        remedy = "Correct --sessions." if there else "Give --corpus, which knows sessions, or leave --sessions out."
        raise ConfigError(f"`sessions` must be sessions of the clips: {named}. Got {lacking[0]!r}. {remedy}")
    return {key: item for key, item in items.items() if session_of(item) in sessions}


def _with_faces(rows: Sequence[_Row], notes: list[str]) -> list[_Row]:
    """Leave pictures without a face out, and say where there were several."""
    faceless = [row.item.clip for row in rows if row.item.quality.get("face_found") == 0]
    several = [row.item.clip for row in rows if row.item.quality.get("n_faces", 1) > 1]
    if faceless:
        notes.append(f"{_clips(faceless)} without a face: only the voice is enrolled")
    if several:
        notes.append(f"{_clips(several)} with several faces: the largest is enrolled")
    return [row for row in rows if row.item.quality.get("face_found") != 0]


def _without_repeats(rows: Sequence[_Row], notes: list[str]) -> list[_Row]:
    """Leave files out that are there already."""
    first: dict[str, _Row] = {}
    for row in rows:
        before = first.setdefault(row.key, row)
        if before is not row:
            what = f"{row.item.clip} and {before.item.clip} have the same {row.item.modality}"
            mine, theirs = row.item.person, before.item.person
            if mine == theirs:
                notes.append(f"{what}: enrolled once")
            else:
                notes.append(f"{what}, but are said to be {mine} and {theirs}: enrolled for {theirs} alone")
    return list(first.values())


def _samples(modality: Modality, rows: Sequence[_Row], names: Mapping[str, str]) -> Samples:
    counts = [len(row.vectors) for row in rows]
    keys = [
        f"{row.key}#{number}" if count > 1 else row.key
        for row, count in zip(rows, counts, strict=True)
        for number in range(count)
    ]
    each = [row.item for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    weights = [row.weight for row, count in zip(rows, counts, strict=True) for _ in range(count)]
    return Samples(
        modality=modality,
        keys=tuple(keys),
        clips=tuple(names[item.clip] for item in each),
        people=tuple(str(item.person) for item in each),
        sessions=tuple(session_of(item) for item in each),
        qualities=np.asarray(weights, dtype=np.float32),
        vectors=np.concatenate([row.vectors for row in rows]),
    )


def _clip_names(rows: Sequence[_Row]) -> dict[str, str]:
    """Return clip -> a name that it shares with no clip of another folder, unless their files are the same."""
    digests: dict[str, list[str]] = {}
    for row in rows:
        digests.setdefault(row.item.clip, []).append(row.key)
    joined = {clip: "".join(sorted(keys)).encode() for clip, keys in digests.items()}
    return {clip: f"{clip}@{hashlib.sha256(keys).hexdigest()[:12]}" for clip, keys in joined.items()}


def _weight(item: MediaItem) -> float:
    return voice_weight(item.quality) if item.modality == "voice" else face_weight(item.quality)


def _vector_digest(vector: np.ndarray) -> str:
    return hashlib.sha256(np.ascontiguousarray(vector, dtype=np.float32).tobytes()).hexdigest()


def _clips(clips: Sequence[str]) -> str:
    shown = f"{', '.join(clips[:MAX_NAMED])}{', ...' if len(clips) > MAX_NAMED else ''}"
    return f"{len(clips)} {'clip' if len(clips) == 1 else 'clips'} ({shown})"
