"""Finds the speaker's face in the frames of a video as they come, and keeps the best pictures of it.

Which face: of all that are linked over time (`visavox.media.face_tracks`) the one nearest to the place that a list
gives; without a list the one person who fills at least twice as much of the video, by area and time, as the next.
Which pictures: those of the highest `quality_score` (`visavox.media.face_quality`) in that person's strongest track;
never from two tracks, which could be two people. It knows nothing of what is said.

An interview that is cut between two people has two faces that are never seen together: several faces, unless one has
twice the other's presence. The same person after a cut, in the same place and size, is one. A person who walks up
close counts as two, since nobody is recognised.

Faces are looked for in small pictures, 160 px high, where one of an eighth of that is found; pictures in which none is
found, or none near the given place, are looked at again at 480 px. The whole picture is made only for the frames that
are kept. The memory does not grow with the length: at most 64 MB of undecoded pictures wait, besides 8 tracks' crops.

Example (needs a video):
    search = SpeakerSearch(FaceSettings(n_faces=3), MtcnnDetector())
    scan_talk(path, frames_per_s=2.0, on_frame=search.look, recorder=None)
    best = search.finish()[0]
    best.crop.image.shape, best.time_s, best.quality["quality_score"]       # (256, 256, 3), 1.5, 0.41
"""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass

from visavox.errors import MediaError
from visavox.media.detectors.base import DetectedFace, Detector, detect_all, rescaled
from visavox.media.face_crop import UNIT_PX, UNITS_PER_SIDE, FaceCrop, crop_place, cut_face, face_square
from visavox.media.face_quality import frontality_score, luma_patch, quality_score, sharpness
from visavox.media.face_settings import FaceSettings
from visavox.media.face_tracks import DOMINANCE, MIN_SEEN, FaceTracker, Track, dominant, group_people, most_at_once
from visavox.media.sampled_frame import SampledFrame

FIRST_LOOK_PX = 160  # shorter side of the pictures in which faces are looked for
SECOND_LOOK_PX = 480
MAX_WAITING_BYTES = 64_000_000  # of decoded pictures, in the buffer and among the best; each at most half
BYTES_PER_PIXEL = 1.5  # of yuv420p
KEPT_TRACKS = 8
MAX_PLACE_DISTANCE = 1.0  # of a face from the place that a list gives for it, in widths of the face

Speaker = Callable[..., tuple[float, float] | None]


@dataclass(frozen=True, eq=False)
class ChosenFace:
    """A picture of the speaker's face."""

    crop: FaceCrop
    """As the settings ask for."""
    time_s: float
    """When it is shown, seconds from the beginning of the clip."""
    quality: Mapping[str, float]
    """Figures of the picture and of the search, by name."""


@dataclass(eq=False)
class _Candidate:
    """A picture that may be kept: waiting as a frame, or cut already."""

    frame: SampledFrame | None
    face: DetectedFace
    time_s: float
    n_faces: int
    frontality: float
    score: float
    is_passable: bool
    is_damaged: bool = False
    crop: FaceCrop | None = None

    @property
    def rank(self) -> tuple[bool, bool, float, float]:
        """Grows with what is preferred: within the limits, then whole, then good, then early."""
        return (self.is_passable, not self.is_damaged, self.score, -self.time_s)


class SpeakerSearch:
    """Takes the sampled frames of one clip; one object a clip.

    Args:
        settings: which faces are kept, and how they are cut.
        detector: finds the faces; not asked for the crop "first_frame".
        speaker: gives x and y in pixels of the speaker's face at a time, or None where it is not known; called as
            speaker(time_s, width_px=, height_px=).
    """

    def __init__(self, settings: FaceSettings, detector: Detector, *, speaker: Speaker | None = None) -> None:
        """Store the arguments."""
        self.settings = settings
        self.detector = detector
        self.speaker = speaker
        self._waiting: list[SampledFrame] = []
        self._tracker = FaceTracker()
        self._best: dict[Track, list[_Candidate]] = {}
        self._nearest = math.inf  # distance of the nearest face from the given place, in widths
        self._n_placed = 0  # frames for which the place is known
        self._first: tuple[SampledFrame, tuple[float, float] | None] | None = None

    def look(self, frame: SampledFrame) -> None:
        """Take the next frame; most are looked at later, several at once."""
        if self.settings.crop == "first_frame":
            if self._first is None:
                self._first = (frame, self._place(frame))
            return
        self._waiting.append(frame)
        if len(self._waiting) >= self.settings.max_batch or _n_bytes(self._waiting) >= MAX_WAITING_BYTES / 2:
            self._look_at_waiting()

    def finish(self) -> tuple[ChosenFace, ...]:
        """Return the best pictures of the speaker's face, the best first, at most `settings.n_faces`.

        Raises:
            MediaError: status `no_face`, `several_faces`, `speaker_not_found`; or `small_face`, `blurred_face`,
                `turned_face` where even the best picture is beyond the limit.
            MissingDependencyError: see `cut_face`.
        """
        if self.settings.crop == "first_frame":
            return self._first_frame()
        self._look_at_waiting()
        plausible = self._tracker.plausible()
        track = self._chosen_track(plausible)
        figures = {
            "frames_read": float(self._tracker.n_frames),
            "frames_with_face": float(self._tracker.n_with_face),
            "n_faces": float(max(1, most_at_once(plausible))),
            "n_tracks": float(max(1, len(plausible))),
            "track_share": track.n_seen / self._tracker.n_frames,
        }
        cut = [(candidate, self._cut(candidate)) for candidate in self._best[track]]
        failures = [
            shortcoming(self.settings, crop.width_px, crop.sharpness, candidate.frontality) for candidate, crop in cut
        ]
        good = [pair for pair, failure in zip(cut, failures, strict=True) if failure is None]
        if not good:
            status, words = failures[0] or ("no_face", "")
            raise MediaError(f"The best of {track.n_seen} pictures of the face is {words}", status=status)
        return tuple(_chosen(candidate, crop, figures) for candidate, crop in good)

    def _look_at_waiting(self) -> None:
        frames, self._waiting = self._waiting, []
        for frame, faces in zip(frames, self._detected(frames), strict=True):
            tracks = self._tracker.add(frame.index, faces, after_cut=frame.after_cut)
            self._note_place(frame, faces, tracks)
            for face, track in zip(faces, tracks, strict=True):
                self._offer(track, frame, face, len(faces))
        self._tidy()

    def _detected(self, frames: Sequence[SampledFrame]) -> list[list[DetectedFace]]:
        """Return the faces of each frame in its own pixels."""
        found = self._seen_at(frames, FIRST_LOOK_PX)
        again = [i for i, (frame, faces) in enumerate(zip(frames, found, strict=True)) if self._is_lost(frame, faces)]
        for i, faces in zip(again, self._seen_at([frames[i] for i in again], SECOND_LOOK_PX), strict=True):
            found[i] = faces or found[i]
        return found

    def _seen_at(self, frames: Sequence[SampledFrame], max_shorter_px: int) -> list[list[DetectedFace]]:
        pictures = [frame.small(max_shorter_px) for frame in frames]
        factors = [picture.shape[1] / frame.width_px for picture, frame in zip(pictures, frames, strict=True)]
        found = detect_all(self.detector, pictures)
        return [[rescaled(face, factor) for face in faces] for faces, factor in zip(found, factors, strict=True)]

    def _is_lost(self, frame: SampledFrame, faces: Sequence[DetectedFace]) -> bool:
        """Whether a first look has found too little, and a closer one could find more."""
        if min(frame.width_px, frame.height_px) <= FIRST_LOOK_PX:
            return False
        place = self._place(frame)
        return not faces or (place is not None and min(_apart(face, place) for face in faces) > MAX_PLACE_DISTANCE)

    def _place(self, frame: SampledFrame) -> tuple[float, float] | None:
        if self.speaker is None:
            return None
        return self.speaker(frame.time_s, width_px=frame.width_px, height_px=frame.height_px)

    def _note_place(self, frame: SampledFrame, faces: Sequence[DetectedFace], tracks: Sequence[Track]) -> None:
        place = self._place(frame)
        if place is None:
            return
        self._n_placed += 1
        if not faces:
            return
        distance, row = min((_apart(face, place), row) for row, face in enumerate(faces))
        self._nearest = min(self._nearest, distance)
        if distance <= MAX_PLACE_DISTANCE:
            tracks[row].n_near += 1
            tracks[row].near_sum += distance

    def _offer(self, track: Track, frame: SampledFrame, face: DetectedFace, n_faces: int) -> None:
        """Put a picture among the best of its track if it is one of them."""
        square = face_square(face)
        half = square.side_px * UNITS_PER_SIDE / 2
        x0, x1 = ((square.x_px + side) / frame.width_px for side in (-half, half))
        y0, y1 = ((square.y_px + side) / frame.height_px for side in (-half, half))
        grey = luma_patch(frame.frame, box=(x0, y0, x1, y1), size_px=UNIT_PX)
        sharp, frontality = sharpness(grey), frontality_score(face)
        score = quality_score(
            face_width_px=face.width_px,
            sharpness=sharp,
            brightness=float(grey.mean()),
            frontality=frontality,
            detector_score=face.score,
        )
        passable = shortcoming(self.settings, face.width_px, sharp, frontality) is None
        # The blocks of a damaged picture are sharper than any face.
        damaged = frame.is_damaged
        new = _Candidate(frame, face, frame.time_s, n_faces, frontality, score, passable, damaged)
        ranked = sorted([*self._best.get(track, []), new], key=lambda candidate: candidate.rank, reverse=True)
        self._best[track] = ranked[: self.settings.n_faces]

    def _tidy(self) -> None:
        """Forget tracks that cannot count any more; cut what waits where the waiting pictures take too much room."""
        alive = set(self._tracker.tracks())
        # What was seen once may still turn out to be the speaker, but rarely.
        ordered = sorted(
            (track for track in self._best if track in alive),
            key=lambda track: (-track.n_near, track.n_seen < MIN_SEEN, -track.strength_px2),
        )
        self._best = {track: self._best[track] for track in ordered}
        waiting = {id(c.frame): c.frame for best in self._best.values() for c in best if c.frame is not None}
        if _n_bytes(waiting.values()) < MAX_WAITING_BYTES / 2:
            return
        people = group_people(ordered)  # of somebody who is seen often and briefly no track may be strong
        strength = {track: person.strength_px2 for person in people for track in person.tracks}
        ordered.sort(key=lambda t: (-t.n_near, t.n_seen < MIN_SEEN, -strength.get(t, 0.0), -t.strength_px2))
        self._best = {track: self._best[track] for track in ordered[:KEPT_TRACKS]}
        for best in self._best.values():
            for candidate in best:
                self._cut(candidate)

    def _cut(self, candidate: _Candidate) -> FaceCrop:
        if candidate.crop is None:
            assert candidate.frame is not None
            candidate.crop = cut_face(
                candidate.frame.full(),
                candidate.face,
                n_faces=candidate.n_faces,
                crop=self.settings.crop,
                margin=self.settings.resolved_margin,
            )
            candidate.frame = None
        return candidate.crop

    def _chosen_track(self, plausible: Sequence[Track]) -> Track:
        """Return the speaker's track."""
        if not plausible and not any(track.n_near for track in self._best):
            found, lasting = self._tracker.n_with_face, ""
            if found:
                lasting = f" that stays for {MIN_SEEN}; {found} of them {'shows' if found == 1 else 'show'} one"
            raise MediaError(
                f"No face was found in {self._tracker.n_frames} frames{lasting}. "
                "Give a video that shows the speaker's face.",
                status="no_face",
            )
        if self._n_placed:
            return self._placed_track(plausible)
        people = group_people(plausible)
        person = dominant(people)
        if person is None:
            rivals = [p for p in people if p.strength_px2 * DOMINANCE > people[0].strength_px2]
            share = rivals[1].strength_px2 / people[0].strength_px2
            raise MediaError(
                f"{len(rivals)} people could be the speaker: the second fills {share:.0%} as much of the video as the "
                f"first, the limit is {1 / DOMINANCE:.0%}. Give the speaker's place in a list.",
                status="several_faces",
            )
        kept = [track for track in person.tracks if track in self._best]
        if not kept:  # so many short appearances that none of this person's pictures could be held
            raise MediaError(
                f"The speaker appears {len(person.tracks)} times among {len(plausible)} faces, each too briefly to be "
                "kept. Cut the video into segments.",
                status="several_faces",
            )
        return kept[0]

    def _placed_track(self, plausible: Sequence[Track]) -> Track:
        """Return the track that was most often the nearest to the given place."""
        near = [track for track in self._best if track.n_near]
        if not near:
            nearest = f"the nearest is {self._nearest:.1f} face widths away" if self._nearest < math.inf else "none"
            raise MediaError(
                f"No face stands where the list says that the speaker is: {nearest}, the limit is "
                f"{MAX_PLACE_DISTANCE:g} face width. Correct the list, or leave the place out.",
                status="speaker_not_found",
            )
        lasting = set(plausible).intersection(near)
        return min(lasting or near, key=lambda track: (-track.n_near, track.near_sum, -track.strength_px2))

    def _first_frame(self) -> tuple[ChosenFace, ...]:
        if self._first is None:
            raise MediaError("The clip has no frame. Give a longer one.", status="no_face")
        frame, place = self._first
        crop = crop_place(frame.full(), place)
        candidate = _Candidate(None, DetectedFace(0, 0, 0, 0, score=0.0), frame.time_s, 0, 0.0, 0.0, True)
        return (_chosen(candidate, crop, {"frames_read": 1.0, "frames_with_face": 0.0, "n_faces": 0.0}),)


def shortcoming(
    settings: FaceSettings, face_width_px: float, sharpness: float, frontality: float
) -> tuple[str, str] | None:
    """Return the status and the words for the first limit that a picture of a face fails, None if it fails none.

    Example:
        >>> shortcoming(FaceSettings(), 31.0, 20.0, 0.8)
        ('small_face', '31 px wide, the limit is 40. Lower --min-face-px to keep it.')
    """
    if face_width_px < settings.min_face_px:
        words = f"{face_width_px:.0f} px wide, the limit is {settings.min_face_px:g}. Lower --min-face-px to keep it."
        return "small_face", words
    if sharpness < settings.min_sharpness:
        limit = f"the limit is {settings.min_sharpness:g}. Lower --min-sharpness to keep it."
        return "blurred_face", f"blurred: its sharpness is {sharpness:.2g}, {limit}"
    if frontality < settings.min_frontality:
        limit = f"the limit is {settings.min_frontality:g}. Lower --min-frontality to keep it."
        return "turned_face", f"turned away: its frontality is {frontality:.2f}, {limit}"
    return None


def _chosen(candidate: _Candidate, crop: FaceCrop, figures: Mapping[str, float]) -> ChosenFace:
    quality = {
        "face_found": float(crop.found),
        "detector_score": float(crop.score),
        "face_width_px": float(crop.width_px),
        "sharpness": crop.sharpness,
        "brightness": crop.brightness,
        "frontality": candidate.frontality,
        "quality_score": candidate.score,
        "best_frame_s": candidate.time_s,
    }
    return ChosenFace(crop, candidate.time_s, {**quality, **figures})


def _apart(face: DetectedFace, place: tuple[float, float]) -> float:
    """Return the distance of a face's centre from a place in widths of the face."""
    x, y = (face.x0_px + face.x1_px) / 2 - place[0], (face.y0_px + face.y1_px) / 2 - place[1]
    return math.hypot(x, y) / max(face.width_px, 1.0)


def _n_bytes(frames: Collection[SampledFrame]) -> float:
    return sum(float(frame.frame.width * frame.frame.height) for frame in frames) * BYTES_PER_PIXEL
