"""Faces over time: which detections in the frames of a video are one person's, and which person it is about.

Detections are linked from frame to frame by place and size alone; nobody is recognised. A track ends at a scene cut
and after a few frames without its face. Tracks that stand in the same place, with the same size, and never at one
time, count as one person who came back after a cut: two people framed alike, one after the other, would be taken for
one, which is why faces are only ever kept from one track. A face seen once among many frames is a false positive.

Example:
    >>> tracker = FaceTracker()
    >>> for index in range(4):
    ...     _ = tracker.add(index, [DetectedFace(10, 10, 50, 50, score=1.0)])
    >>> [(track.n_seen, track.strength_px2) for track in tracker.plausible()]
    [(4, 6400.0)]
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import numpy as np

from visavox.media.detectors.base import DetectedFace

MAX_DISTANCE = 0.75  # of two boxes of one face half a second apart, in sides: half a side is a quick lean
MAX_GROWTH = 1.6  # of the side
MAX_MISSED = 3  # sampled frames in a row in which a face may be overlooked, or turned away
MIN_SEEN = 2  # sampled frames, in videos of more than three
FEW_FRAMES = 3
MIN_STRENGTH = 0.01  # of the strongest track's; the rest is not held together
DOMINANCE = 2.0  # how much more there must be of one person than of the next


@dataclass(eq=False)
class Track:
    """One face over the frames of one shot."""

    last: DetectedFace
    """The face where it was seen last, pixels of the picture."""
    first_index: int
    """Sampled frame in which it was seen first."""
    last_index: int
    """Sampled frame in which it was seen last."""
    n_seen: int = 0
    """Sampled frames in which it was found."""
    strength_px2: float = 0.0
    """Area of the box summed over these frames: how much of the video it fills."""
    n_near: int = 0
    """Frames in which it was the nearest face to the place that a list gives for the speaker."""
    near_sum: float = 0.0
    """Sum over these frames of the distance to that place, in widths of the face."""
    _sums: np.ndarray = field(default_factory=lambda: np.zeros(3))

    def see(self, face: DetectedFace, index: int) -> None:
        """Add the face as it is in a later frame."""
        self.last = face
        self.last_index = index
        self.n_seen += 1
        self.strength_px2 += face.width_px * face.height_px
        self._sums += _place(face)

    @property
    def place(self) -> np.ndarray:
        """Mean x and y of the centre and mean side in pixels, of shape (3,) float64."""
        return self._sums / max(self.n_seen, 1)


@dataclass(frozen=True, eq=False)
class Person:
    """Tracks that can be one person's."""

    tracks: tuple[Track, ...]
    """The strongest first."""

    @property
    def strength_px2(self) -> float:
        """Sum over the tracks."""
        return sum(track.strength_px2 for track in self.tracks)


class FaceTracker:
    """Links the faces of one frame after the other; keeps of a track no more than a few figures."""

    def __init__(self) -> None:
        """Begin before the first frame."""
        self._live: list[Track] = []
        self._ended: list[Track] = []
        self.n_frames = 0
        """Frames taken so far."""
        self.n_with_face = 0
        """Frames with a face."""

    def add(self, index: int, faces: Sequence[DetectedFace], *, after_cut: bool = False) -> list[Track]:
        """Return the track that each face of a frame belongs to, a new one where it fits none.

        Args:
            index: of the frame, greater than that of the frame before.
            faces: in pixels of the picture.
            after_cut: a new shot began; no face goes on.
        """
        self.n_frames += 1
        self.n_with_face += bool(faces)
        gone = [t for t in self._live if after_cut or index - t.last_index > MAX_MISSED + 1]
        self._end(gone)
        fitting = link([track.last for track in self._live], faces)
        tracks = []
        for j, face in enumerate(faces):
            track = self._live[fitting[j]] if j in fitting else Track(face, first_index=index, last_index=index)
            tracks.append(track)
        for face, track in zip(faces, tracks, strict=True):
            track.see(face, index)
        self._live += [track for track in tracks if track.n_seen == 1]
        return tracks

    def plausible(self) -> list[Track]:
        """Return the tracks that are faces and not slips of the detector, the strongest first."""
        seen = [track for track in [*self._ended, *self._live] if self._is_plausible(track)]
        return sorted(seen, key=lambda track: (-track.strength_px2, track.first_index))

    def tracks(self) -> list[Track]:
        """Return all tracks that may still count, in the order of time."""
        return sorted([*self._ended, *self._live], key=lambda track: track.first_index)

    def _is_plausible(self, track: Track) -> bool:
        return track.n_seen >= MIN_SEEN or self.n_frames <= FEW_FRAMES

    def _end(self, gone: list[Track]) -> None:
        # Slips are forgotten, so that the memory stays small; not early, when few frames may be all there are, and
        # not where a list says that the speaker is.
        self._ended += [t for t in gone if t.n_seen >= MIN_SEEN or t.n_near or self.n_frames <= FEW_FRAMES]
        self._live = [track for track in self._live if track not in gone]


def box_distance(first: DetectedFace, second: DetectedFace) -> float:
    """Return the distance of two boxes' centres in units of their mean side; infinite where the sizes differ much.

    The side of a box is the root of its area. Sizes differ much where one side is more than 1.6 times the other.

    Example:
        >>> box_distance(DetectedFace(0, 0, 10, 10, score=1), DetectedFace(5, 0, 15, 10, score=1))
        0.5
        >>> box_distance(DetectedFace(0, 0, 10, 10, score=1), DetectedFace(0, 0, 30, 30, score=1))
        inf
    """
    return _distance(_place(first), _place(second))


def link(before: Sequence[DetectedFace], now: Sequence[DetectedFace]) -> dict[int, int]:
    """Return for faces of a frame which earlier face each goes on from; a face that fits none is left out.

    The nearest pair of all is linked first, then the nearest of those that are left, up to 0.75 sides apart.

    Returns:
        Row of `now` to row of `before`, each at most once.

    Ties: the earlier row of `before`, then of `now`.
    """
    pairs = sorted(
        (box_distance(old, new), i, j) for i, old in enumerate(before) for j, new in enumerate(now)
    )  # a handful of faces
    linked: dict[int, int] = {}
    taken: set[int] = set()
    for distance, i, j in pairs:
        if distance <= MAX_DISTANCE and i not in taken and j not in linked:
            linked[j] = i
            taken.add(i)
    return linked


def group_people(tracks: Iterable[Track]) -> list[Person]:
    """Return the people that the tracks can be of, the one who fills most of the video first.

    A track joins the first person who was in the same place with the same size (their strongest track, as `link`
    measures it) and at no time together with it.

    Args:
        tracks: plausible ones; those below a hundredth of the strongest are left out.
    """
    ordered = sorted(tracks, key=lambda track: (-track.strength_px2, track.first_index))
    least = MIN_STRENGTH * ordered[0].strength_px2 if ordered else 0.0
    groups: list[list[Track]] = []
    for track in (t for t in ordered if t.strength_px2 >= least):
        for group in groups:
            is_there = _distance(group[0].place, track.place) <= MAX_DISTANCE
            if is_there and not any(are_together(track, other) for other in group):
                group.append(track)
                break
        else:
            groups.append([track])
    return sorted((Person(tuple(group)) for group in groups), key=lambda person: -person.strength_px2)


def are_together(first: Track, second: Track) -> bool:
    """Return whether two tracks were in the picture at one time."""
    return first.first_index <= second.last_index and second.first_index <= first.last_index


def most_at_once(tracks: Sequence[Track]) -> int:
    """Return how many of the tracks were in the picture at one time, at most; 0 without tracks."""
    steps = sorted([(t.first_index, 1) for t in tracks] + [(t.last_index + 1, -1) for t in tracks])
    return int(max(np.cumsum([step for _, step in steps]), default=0))


def dominant(people: Sequence[Person]) -> Person | None:
    """Return the person of whom there is at least twice as much as of the next; None where there is no such.

    Args:
        people: the one who fills most of the video first, as `group_people` gives them.

    Edges:
        Two people who speak in turn, each alone in the picture, are two: None, unless one has twice the presence.
    """
    if not people or (len(people) > 1 and people[0].strength_px2 < DOMINANCE * people[1].strength_px2):
        return None
    return people[0]


def _place(face: DetectedFace) -> np.ndarray:
    side = max(face.width_px * face.height_px, 1e-9) ** 0.5
    return np.array([(face.x0_px + face.x1_px) / 2, (face.y0_px + face.y1_px) / 2, side])


def _distance(first: np.ndarray, second: np.ndarray) -> float:
    sides = sorted([float(first[2]), float(second[2])])
    if sides[1] > MAX_GROWTH * sides[0]:
        return float("inf")
    return float(np.hypot(*(first[:2] - second[:2]))) / (sum(sides) / 2)
