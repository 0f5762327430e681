"""Pairs of clips that look or sound like one, whatever a split says: one person or one video under two names.

Identical bytes are certain. The rest are suspicions, each with all that is known of the pair: bits of the pictures'
hashes that differ, cosines of the faces' and of the voices' embeddings. The sides of a split are the affair of
`visavox.corpus.audit`, whose thresholds are used here too; nothing is read from disk.

Example:
    >>> items = [MediaItem(f"{c}/face", c, "face", person=c, digest="00") for c in ("Ann", "Anna")]
    >>> [(pair.verdict, pair.a, pair.b) for pair in find_alike_pairs(items).pairs]
    [('two_names', 'Ann', 'Anna')]
"""

from __future__ import annotations

import itertools
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.audit import AuditThresholds
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, MediaItem, Modality
from visavox.corpus.near_duplicates import MAX_PAIRS, close_by_cosine, close_by_hash

NO_EMBEDDINGS = "no embeddings were given"
# All measured with the default encoders. One face, saved again smaller and at a lower quality, kept a cosine of 0.96
# or more in 11 of 11 tries, and the faces of 931 videos came up to 0.80: below this a pair of like hashes is two
# people before the same wall.
MIN_COSINE_OF_ONE_PICTURE = 0.7
# Two clips with one picture are one recording where the voices are alike too; noise and compression cost some likeness,
# and the voices of different videos were below 0.57 in all but 1 of 10,000 pairs.
MIN_VOICE_OF_ONE_PICTURE = 0.6
# Mean of the cosines of faces and voices: 3 of 461,243 pairs of different AVSpeech videos came above it, two of which
# show one person, and none of 16,740 pairs of 31 studio speakers; of pairs of one person 26 of 37 and 171 of 465 did.
MIN_MEAN_COSINE = 0.65


@dataclass(frozen=True)
class AlikePair:
    """Two clips and what they have in common."""

    verdict: str
    """A key of `visavox.corpus.corpus_audit.VERDICTS`."""
    a: str
    """One clip."""
    b: str
    """The other clip."""
    person_a: str | None
    """Whose clip `a` is said to be; None where unknown."""
    person_b: str | None
    video_a: str | None
    """The video `a` was cut from; None where unknown."""
    video_b: str | None
    same_bytes: tuple[Modality, ...] = ()
    """What is identical byte by byte."""
    hash_distance: int | None = None
    """Bits of 64 in which the difference hashes of the two crops differ; None where there is none."""
    face_cosine: float | None = None
    """Cosine of the face embeddings, the table's mean removed; None without embeddings."""
    voice_cosine: float | None = None
    """The same of the voice embeddings."""


@dataclass(frozen=True)
class AlikePairs:
    """What `find_alike_pairs` found."""

    pairs: tuple[AlikePair, ...]
    """The gravest first; of each kind of closeness the closest 1000."""
    counts: Mapping[str, int]
    """Pairs of each kind that was looked for, those not listed included: same_face, same_voice, near_face_hash,
    near_face, near_voice, near_both."""
    not_checked: Mapping[str, str]
    """Kinds that could not be looked for, and why."""
    n_dismissed: int
    """Pairs of like hashes whose face embeddings are far apart: two people before one wall; they are not listed."""


def find_alike_pairs(
    items: Sequence[MediaItem],
    *,
    face_hashes: Mapping[str, int] | None = None,
    face: EmbeddingTable | None = None,
    voice: EmbeddingTable | None = None,
    thresholds: AuditThresholds | None = None,
) -> AlikePairs:
    """Return the pairs of clips that may be of one person under two names, or of one video under two names.

    Clips of one person in two videos count too where both picture and voice are nearly the same. Clips of one
    identity (`MediaItem.identity`) in one video never count, except where their bytes are identical.

    Args:
        items: usable items.
        face_hashes: from the key of a face to its `difference_hash`.
        face: embeddings of the faces.
        voice: embeddings of the voices.
        thresholds: from where on pairs are close; None for the default.
    """
    limits = thresholds or AuditThresholds()
    finder = _Finder(items, face_hashes or {}, {"face": face, "voice": voice}, limits)
    counts, found = {}, dict.fromkeys(itertools.islice(finder.same_bytes, MAX_PAIRS))
    for modality in MODALITIES:
        counts[f"same_{modality}"] = sum(modality in kinds for kinds in finder.same_bytes.values())
    if face_hashes is not None:
        counts["near_face_hash"] = finder.add_close_hashes(found)
    for modality, table in finder.tables.items():
        if table is not None:
            counts[f"near_{modality}"] = finder.add_close_vectors(found, modality, table)
    if face is not None and voice is not None:
        counts["near_both"] = finder.add_close_in_both(found)
    missing = {
        "near_face_hash": "no difference hashes of the face crops were given" if face_hashes is None else "",
        "near_face": NO_EMBEDDINGS if face is None else "",
        "near_voice": NO_EMBEDDINGS if voice is None else "",
        "near_both": NO_EMBEDDINGS if face is None or voice is None else "",
        "one_recording": NO_EMBEDDINGS if voice is None else "",
    }
    pairs = [pair for clips in found if (pair := finder.judged(*clips)) is not None]
    pairs.sort(key=_gravity)
    not_checked = {kind: reason for kind, reason in missing.items() if reason}
    return AlikePairs(tuple(pairs), counts, not_checked, finder.n_dismissed)


class _Finder:
    """The clips of a corpus with everything that is compared."""

    def __init__(
        self,
        items: Sequence[MediaItem],
        hashes: Mapping[str, int],
        tables: Mapping[Modality, EmbeddingTable | None],
        limits: AuditThresholds,
    ) -> None:
        self.item_of = {item.key: item for item in items}
        self.first_of: dict[str, MediaItem] = {}
        self.hashes_of: dict[str, list[int]] = defaultdict(list)
        for item in items:
            self.first_of.setdefault(item.clip, item)
            if item.key in hashes:
                self.hashes_of[item.clip].append(hashes[item.key])
        self.hashes, self.tables, self.limits = hashes, tables, limits
        self.vectors = {modality: _unit_rows(table) for modality, table in tables.items() if table is not None}
        self.rows_of: dict[Modality, dict[str, list[int]]] = {modality: defaultdict(list) for modality in MODALITIES}
        for modality, table in tables.items():
            for row, clip in enumerate(table.clips if table is not None else ()):
                self.rows_of[modality][clip].append(row)
        self.same_bytes = _same_bytes(items)
        self.n_dismissed = 0

    def add_close_hashes(self, found: dict[tuple[str, str], None]) -> int:
        """Add the clips of different identities whose pictures are nearly the same, and those of one identity in
        different videos for `judged` to look at; return how many pairs of different identities there are.
        """
        faces = [self.item_of[key] for key in sorted(self.hashes) if key in self.item_of]
        hashes = np.array([self.hashes[item.key] for item in faces], dtype=np.uint64)
        close = close_by_hash(
            hashes, [_codes(item.identity for item in faces), self._digests(faces)],
            max_distance=self.limits.max_hash_distance,
        )  # fmt: skip
        found.update(dict.fromkeys(_pair(faces[i].clip, faces[j].clip) for i, j in close.rows.tolist()))
        if self.tables["voice"] is not None:
            found.update(dict.fromkeys(self._one_identity_in_two_videos(faces, hashes)))
        return close.n_pairs

    def _one_identity_in_two_videos(
        self, faces: Sequence[MediaItem], hashes: NDArray[np.uint64]
    ) -> Iterator[tuple[str, str]]:
        places: dict[str, list[int]] = defaultdict(list)
        for place, item in enumerate(faces):
            if item.video:
                places[item.identity].append(place)
        for some in places.values():
            mine = [faces[place] for place in some]
            if len({item.video for item in mine}) > 1:
                codes = [_codes(str(item.video) for item in mine), self._digests(mine)]
                close = close_by_hash(hashes[some], codes, max_distance=self.limits.max_hash_distance)
                yield from (_pair(mine[i].clip, mine[j].clip) for i, j in close.rows.tolist())

    def add_close_vectors(self, found: dict[tuple[str, str], None], modality: Modality, table: EmbeddingTable) -> int:
        """Add the clips of different identities whose embeddings are close; return how many there are."""
        least = self.limits.min_face_cosine if modality == "face" else self.limits.min_voice_cosine
        rows = [row for row, key in enumerate(table.keys) if key in self.item_of]
        mine = [self.item_of[table.keys[row]] for row in rows]
        codes = [_codes(item.identity for item in mine), self._digests(mine)]
        close = close_by_cosine(self.vectors[modality][rows], codes, min_cosine=least)
        found.update(dict.fromkeys(_pair(mine[i].clip, mine[j].clip) for i, j in close.rows.tolist()))
        return close.n_pairs

    def add_close_in_both(self, found: dict[tuple[str, str], None]) -> int:
        """Add the clips of different identities whose faces and voices are close in the mean; return how many."""
        faces, voices = self.rows_of["face"], self.rows_of["voice"]
        clips = [clip for clip in self.first_of if faces[clip] and voices[clip]]
        mine = [self.first_of[clip] for clip in clips]
        sides = [
            self.vectors["face"][[faces[clip][0] for clip in clips]],
            self.vectors["voice"][[voices[clip][0] for clip in clips]],
        ]
        both = np.concatenate(sides, axis=1)  # (clips, dim of faces + dim of voices); its cosine is the mean of both
        close = close_by_cosine(both, [_codes(item.identity for item in mine)], min_cosine=MIN_MEAN_COSINE)
        found.update(dict.fromkeys(_pair(clips[i], clips[j]) for i, j in close.rows.tolist()))
        return close.n_pairs

    def judged(self, a: str, b: str) -> AlikePair | None:
        """Return the pair with all that is known of it; None for one that says nothing."""
        one, other = self.first_of[a], self.first_of[b]
        same = self.same_bytes.get((a, b), ())
        distances = [(x ^ y).bit_count() for x in self.hashes_of[a] for y in self.hashes_of[b]]
        distance = min(distances, default=None)
        face, voice = self._cosine("face", a, b), self._cosine("voice", a, b)
        if same:
            verdict = _verdict_of_same_bytes(one, other)
        else:
            verdict = self._verdict(distance, face, voice, one_identity=one.identity == other.identity)
        if not verdict:
            self.n_dismissed += one.identity != other.identity
            return None
        return AlikePair(
            verdict, a, b, one.person, other.person, one.video, other.video, same, distance, face, voice
        )  # fmt: skip

    def _verdict(self, distance: int | None, face: float | None, voice: float | None, *, one_identity: bool) -> str:
        """Return the verdict on clips of different bytes; "" where they have too little in common."""
        limits = self.limits
        near_hash = distance is not None and distance <= limits.max_hash_distance
        one_picture = near_hash and (face is None or face >= MIN_COSINE_OF_ONE_PICTURE)
        near_voice = voice is not None and voice >= limits.min_voice_cosine
        if one_picture and (near_voice or (not one_identity and (voice or 0) >= MIN_VOICE_OF_ONE_PICTURE)):
            return "one_recording"
        if one_identity:
            return ""
        if face is not None and voice is not None and (face + voice) / 2 >= MIN_MEAN_COSINE:
            return "alike_both"
        if one_picture or (face is not None and face >= limits.min_face_cosine):
            return "alike_face"
        return "alike_voice" if near_voice else ""

    def _cosine(self, modality: Modality, a: str, b: str) -> float | None:
        rows, vectors = self.rows_of[modality], self.vectors.get(modality)
        if vectors is None or not rows[a] or not rows[b]:
            return None
        return float((vectors[rows[a]] @ vectors[rows[b]].T).max())

    def _digests(self, items: Sequence[MediaItem]) -> NDArray[np.intp]:
        """Return codes of the bytes: identical ones are found by digest and are no near pair."""
        return _codes(item.digest or item.key for item in items)


def _same_bytes(items: Iterable[MediaItem]) -> dict[tuple[str, str], tuple[Modality, ...]]:
    """Return the pairs of clips with identical files: the first clip of each digest with each of the others."""
    clips_of: dict[tuple[Modality, str], dict[str, None]] = defaultdict(dict)
    for item in items:
        if item.digest:
            clips_of[item.modality, item.digest][item.clip] = None
    pairs: dict[tuple[str, str], tuple[Modality, ...]] = {}
    for (modality, _), clips in sorted(clips_of.items(), key=lambda entry: entry[0]):
        first, *others = sorted(clips)
        for other in others:
            pairs[first, other] = (*pairs.get((first, other), ()), modality)
    return {pair: tuple(dict.fromkeys(kinds)) for pair, kinds in pairs.items()}


def _verdict_of_same_bytes(one: MediaItem, other: MediaItem) -> str:
    if one.person and other.person and one.person != other.person:
        return "two_names"
    return "video_twice" if one.video and other.video and one.video != other.video else "clip_twice"


def _unit_rows(table: EmbeddingTable) -> NDArray[np.float32]:
    """Return the vectors less their mean, (n, dim), of length 1; zeros where there is nothing left."""
    centred = table.vectors - table.vectors.mean(axis=0)
    lengths = np.linalg.norm(centred, axis=1, keepdims=True)
    # What is left of equal vectors is rounding.
    unit = np.divide(centred, lengths, out=np.zeros_like(centred), where=lengths > 1e-6)
    return np.asarray(unit, dtype=np.float32)


def _codes(names: Iterable[str]) -> NDArray[np.intp]:
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names], dtype=np.intp)


def _pair(a: str, b: str) -> tuple[str, str]:
    return (a, b) if a < b else (b, a)


def _gravity(pair: AlikePair) -> tuple[object, ...]:
    """Return a sort key: the verdicts in their order, the closest pairs first."""
    order = ("two_names", "video_twice", "one_recording", "alike_both", "alike_face", "alike_voice", "clip_twice")
    closeness = max(pair.face_cosine or 0.0, pair.voice_cosine or 0.0)
    hash_first = pair.hash_distance if pair.hash_distance is not None else 64
    if pair.verdict == "alike_voice":
        return (order.index(pair.verdict), -(pair.voice_cosine or 0.0), pair.a, pair.b)
    return (order.index(pair.verdict), -closeness, hash_first, pair.a, pair.b)
