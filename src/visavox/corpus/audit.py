"""The audit of a split: who and what is on both sides that should not be.

People, videos and identical bytes on two sides are errors: such a split measures memory. Close faces and voices of
different names are suspicions: they may be one person under two names, the same picture saved twice, or two people
who look or sound alike. The audit is given tables and arrays; it reads no media and runs no encoder.

Example:
    >>> links = [ClipLink("a", "Ann"), ClipLink("b", "Ann"), ClipLink("c", "Cy")]
    >>> splits = Splits(0, "", {}, {"a": "train", "b": "test", "c": "test"})
    >>> [(f.kind, f.level, f.about, f.a, f.b) for f in audit(splits, links).findings]
    [('person', 'error', 'Ann', 'b', 'a')]
"""

from __future__ import annotations

import itertools
import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import MODALITIES, ClipLink, MediaItem
from visavox.corpus.near_duplicates import ClosePairs, close_by_cosine, close_by_hash
from visavox.corpus.splits import Splits

FORMAT = "visavox-audit-1"

Level = Literal["error", "suspicion"]


@dataclass(frozen=True)
class AuditThresholds:
    """From where on two faces or voices count as close.

    Cosines are taken after the mean vector of the table is removed, so that they mean much the same for every encoder.
    Among 968 AVSpeech clips the most alike pairs of different videos had 0.858 (faces, dlib's pooled vectors) and 0.844
    (voices, GE2E), where clips of one video had a median of 0.82 and 0.71. For the hashes of aligned crops, 2 bits gave
    no pair in 250 AVSpeech faces and 9 of 16,600 pairs of 31 studio speakers.
    """

    max_hash_distance: int = 2
    """Bits of 64 in which the difference hashes of two face crops may differ."""
    min_face_cosine: float = 0.92
    """Cosine of two centred face embeddings of different people."""
    min_voice_cosine: float = 0.9
    """Cosine of two centred voice embeddings of different people."""


@dataclass(frozen=True)
class Finding:
    """Two clips on two sides that have something in common."""

    kind: str
    """person, video, same_face, same_voice, near_face_hash, near_face or near_voice."""
    level: Level
    """"error" where it is certain, "suspicion" where a person should look."""
    a: str
    """A clip on one side; the first of several."""
    b: str
    """A clip on the other side; the first of several."""
    value: float
    """Clips concerned (person, video, same_*), bits that differ (near_face_hash), or cosine (near_*)."""
    side_a: str
    """Where a is: "train" or "fold 0"."""
    side_b: str
    """Where b is."""
    about: str = ""
    """The person, the video or the digest in common."""


@dataclass(frozen=True)
class Audit:
    """What an audit found; `save` writes it as `audit.json`."""

    findings: tuple[Finding, ...]
    """Errors first; at most 1000 close pairs of each kind, the closest."""
    counts: Mapping[str, int]
    """How many there are of each kind that was looked for, those not listed included."""
    not_checked: Mapping[str, str]
    """Kinds that could not be looked for, and why."""
    n_clips: int
    """Clips of the split that were looked at."""
    n_unassigned: int
    """Clips given that the split does not name."""
    thresholds: AuditThresholds
    """From where on pairs counted as close."""

    @property
    def n_errors(self) -> int:
        """Findings of the level "error"."""
        return sum(finding.level == "error" for finding in self.findings)

    def summary(self) -> str:
        """Return one line: what was found, or that nothing was."""
        found = [f"{count} {kind}" for kind, count in self.counts.items() if count]
        text = f"{self.n_errors} errors in {self.n_clips} clips: {', '.join(found) or 'nothing is on two sides'}"
        return text if not self.not_checked else f"{text}; not checked: {', '.join(self.not_checked)}"

    def save(self, path: str | Path) -> None:
        """Write the audit as JSON, atomically.

        Raises:
            DataError: the file cannot be written.
        """
        written = {"format": FORMAT, "summary": self.summary(), "n_errors": self.n_errors, **asdict(self)}
        with atomic_file(Path(path), what="audit") as temporary:
            temporary.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def audit(
    splits: Splits,
    links: Iterable[ClipLink],
    *,
    items: Iterable[MediaItem] = (),
    face_hashes: Mapping[str, int] | None = None,
    voice: EmbeddingTable | None = None,
    face: EmbeddingTable | None = None,
    thresholds: AuditThresholds | None = None,
) -> Audit:
    """Look for what the subsets, and the folds, of a split have in common.

    Args:
        splits: subsets and folds; perhaps edited by hand.
        links: person and video of each clip: `item.link()` or `table.links()`.
        items: for identical bytes: items with a digest.
        face_hashes: for near-identical pictures: from clip to `difference_hash` of its crop.
        voice: for voices that sound alike: embeddings.
        face: for faces that look alike: embeddings.
        thresholds: from where on pairs are close; None for the default.
    """
    thresholds = thresholds or AuditThresholds()
    known = {link.clip: link for link in links}
    assigned = {clip: link for clip, link in sorted(known.items()) if clip in splits.subsets or clip in splits.folds}
    digests = [item for item in items if item.digest is not None]
    counts: Counter[str] = Counter({"person": 0, "video": 0})
    not_checked: dict[str, str] = {}
    if digests:
        counts.update({"same_face": 0, "same_voice": 0})
    else:
        not_checked.update(dict.fromkeys(("same_face", "same_voice"), "no digests were given"))
    missing = {
        "near_face_hash": "no difference hashes of the face crops were given" if face_hashes is None else "",
        "near_face": "no face embeddings were given" if face is None else "",
        "near_voice": "no voice embeddings were given" if voice is None else "",
    }
    not_checked.update({kind: reason for kind, reason in missing.items() if reason})
    errors: list[Finding] = []
    suspicions: list[Finding] = []
    for side in (dict(splits.subsets), {clip: f"fold {fold}" for clip, fold in splits.folds.items()}):
        errors += _shared("person", side, ((c, name) for c, link in assigned.items() if (name := _person(link))))
        errors += _shared("video", side, ((c, link.video) for c, link in assigned.items() if link.video))
        for modality in MODALITIES:
            same = ((item.clip, str(item.digest)) for item in digests if item.modality == modality)
            errors += _shared(f"same_{modality}", side, same)
        within = {clip: side[clip] for clip in assigned if clip in side}
        for kind, found, n_pairs in _close(within, assigned, face_hashes, face, voice, thresholds):
            suspicions += found
            counts[kind] += n_pairs
    counts.update(finding.kind for finding in errors)
    n_unassigned = len(known) - len(assigned)
    return Audit((*errors, *suspicions), dict(counts), not_checked, len(assigned), n_unassigned, thresholds)


def _close(
    side: Mapping[str, str],
    links: Mapping[str, ClipLink],
    face_hashes: Mapping[str, int] | None,
    face: EmbeddingTable | None,
    voice: EmbeddingTable | None,
    thresholds: AuditThresholds,
) -> Iterator[tuple[str, list[Finding], int]]:
    """Yield (kind, suspicions listed, pairs in all) for each kind that there is something to compare for."""
    if face_hashes is not None:
        clips = [clip for clip in sorted(face_hashes) if clip in side]
        hashes = [face_hashes[clip] for clip in clips]
        close = close_by_hash(hashes, _codes(clips, links, side), max_distance=thresholds.max_hash_distance)
        yield "near_face_hash", _suspicions("near_face_hash", clips, close, side), close.n_pairs
    for kind, table, min_cosine in (
        ("near_face", face, thresholds.min_face_cosine),
        ("near_voice", voice, thresholds.min_voice_cosine),
    ):
        if table is not None:
            rows = [row for row, clip in enumerate(table.clips) if clip in side]
            clips = [table.clips[row] for row in rows]
            vectors = table.vectors[np.asarray(rows, dtype=np.intp)]
            close = close_by_cosine(
                vectors - table.vectors.mean(axis=0), _codes(clips, links, side), min_cosine=min_cosine
            )
            yield kind, _suspicions(kind, clips, close, side), close.n_pairs


def _suspicions(kind: str, clips: Sequence[str], close: ClosePairs, side: Mapping[str, str]) -> list[Finding]:
    return [
        Finding(kind, "suspicion", clips[i], clips[j], value, side[clips[i]], side[clips[j]])
        for (i, j), value in zip(close.rows.tolist(), close.values.tolist(), strict=True)
    ]


def _person(link: ClipLink) -> str | None:
    """Return the person, None where the identity only stands for the video or the clip."""
    stands_for_video = link.video is not None and link.identity == f"video:{link.video}"
    return None if stands_for_video or link.identity == f"clip:{link.clip}" else link.identity


def _shared(kind: str, side: Mapping[str, str], named: Iterable[tuple[str, str]]) -> Iterator[Finding]:
    """Yield an error for each name that has clips on two sides, and each such pair of sides."""
    clips_of: dict[str, dict[str, set[str]]] = defaultdict(lambda: defaultdict(set))
    for clip, name in named:
        if clip in side:
            clips_of[name][side[clip]].add(clip)
    for name, by_side in sorted(clips_of.items()):
        for (side_a, a), (side_b, b) in itertools.combinations(sorted(by_side.items()), 2):
            yield Finding(kind, "error", min(a), min(b), float(len(a | b)), side_a, side_b, name)


def _codes(
    clips: Sequence[str], links: Mapping[str, ClipLink], side: Mapping[str, str]
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Return codes of the sides and of the identities of clips, (n,) int each; close pairs differ in both.

    One person on two sides is an error that is found by name; listing all pairs of that person's clips would hide
    the rest.
    """
    numbers: tuple[dict[str, int], dict[str, int]] = ({}, {})
    sides = [numbers[0].setdefault(side[clip], len(numbers[0])) for clip in clips]
    people = [numbers[1].setdefault(links[clip].identity, len(numbers[1])) for clip in clips]
    return np.asarray(sides, dtype=np.intp), np.asarray(people, dtype=np.intp)
