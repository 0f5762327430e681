"""One clip: from the files of a source to its rows and its files in the corpus.

A face comes from an image, or from the best of a few frames of a video. Where one video holds the face and the voice
of a clip it is read once, and either can fail without the other. This is the one place where a failure of any kind
becomes a row with a reason. A full disk is not the clip's fault and stops the run.

Example:
    preparer = ClipPreparer(ClipSettings(), Path("corpus"))
    items = preparer.prepare(record)     # a face row and a voice row, status "ok" or a code with a reason
"""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from visavox.corpus.items import MODALITIES, MediaItem, stored_name
from visavox.corpus.sources.base import ClipRecord, problem_items, record_item
from visavox.errors import ConfigError, MediaError, MissingDependencyError
from visavox.media.audio import Voice, read_voice, voice_quality, write_voice
from visavox.media.detectors.base import DetectedFace
from visavox.media.face_crop import FaceCrop, crop_face
from visavox.media.images import read_image, write_face
from visavox.media.speech import SpeechDetector, check_speech, speech_seconds
from visavox.media.talks import read_talk
from visavox.media.video import Frame, is_video
from visavox.registry import DETECTORS

logger = logging.getLogger(__name__)

DISK_ERRORS = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EIO})


@dataclass(frozen=True)
class ClipSettings:
    """What decides how a clip is prepared; stored with the catalog, so that a corpus is of one making."""

    detector: str = "mtcnn"
    """Registered name of the face detector."""
    face_fallback: bool = True
    """Keep the centre of an image without a face, marked so."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold."""
    frames: int = 5
    """Frames of a video in which the face is looked for."""


@dataclass(frozen=True, eq=False)
class FrameFace:
    """The largest face in one frame of a video."""

    crop: FaceCrop
    """Its crop; `crop.found` is True."""
    frontality: float
    """0 (profile) to 1 (looking at us)."""
    time_s: float
    """When the frame is shown."""


class ClipPreparer:
    """Prepares clips into the folder of a corpus; holds the detector and the speech detector of one process."""

    def __init__(self, settings: ClipSettings, corpus: Path) -> None:
        self.settings = settings
        self.corpus = corpus
        self._detector: Any = None
        self._speech = SpeechDetector()

    def prepare(self, record: ClipRecord) -> list[MediaItem]:
        """Return the rows of a clip, having written the files of those whose status is "ok".

        Raises:
            OSError: the disk is full or read-only; nothing half-written is left under a final name.
            MissingDependencyError: a network's weights are not installed.
        """
        failed = problem_items(record)
        if record.face_path is not None and record.face_path == record.voice_path:
            rows = [record_item(record, modality) for modality in MODALITIES]
            return failed + _guarded(rows, record.face_path, partial(self._talk, rows, record.face_path))
        for modality in MODALITIES:
            path = record.path(modality)
            if path is not None:
                row = record_item(record, modality)
                make = self._voice if modality == "voice" else self._face
                failed += _guarded([row], path, partial(make, row, path))
        return failed

    def _talk(self, rows: Sequence[MediaItem], path: Path) -> list[MediaItem]:
        """Return the rows of a video that holds both, either with a problem of its own."""
        talk = read_talk(path, n_frames=self.settings.frames)
        done: list[MediaItem] = []
        for row in rows:
            problem = talk.sound_problem if row.modality == "voice" else talk.picture_problem
            if problem is not None:
                done.append(replace(row, status=problem.status, reason=str(problem)))
            elif row.modality == "voice":
                done += _guarded([row], path, partial(self._store_voice, row, talk.voice))
            else:
                done += _guarded([row], path, partial(self._store_best, row, path, talk.frames, talk.times_s))
        return done

    def _voice(self, row: MediaItem, path: Path) -> list[MediaItem]:
        return self._store_voice(row, read_voice(path))

    def _store_voice(self, row: MediaItem, voice: Voice) -> list[MediaItem]:
        segments = self._speech.segments(voice)
        check_speech(voice, segments, min_speech_s=self.settings.min_speech_s)
        stored = f"voices/{stored_name(row.clip, '.flac')}"
        write_voice(self.corpus / stored, voice)
        return [self._stored(row, stored, {**voice_quality(voice), "speech_s": speech_seconds(segments)})]

    def _face(self, row: MediaItem, path: Path) -> list[MediaItem]:
        try:
            image = read_image(path)
        except MediaError:
            if not is_video(path):
                raise
            talk = read_talk(path, n_frames=self.settings.frames)
            return self._store_best(row, path, talk.frames, talk.times_s)
        return [self._store_face(row, path, crop_face(image, self._face_detector), {})]

    def _store_best(
        self, row: MediaItem, path: Path, frames: Sequence[Frame], times_s: Sequence[float]
    ) -> list[MediaItem]:
        """Store the face of the best frame, or the centre of the middle one."""
        seen = []
        for frame, time_s in zip(frames, times_s, strict=True):
            faces = self._face_detector.detect(frame)
            if faces:
                seen.append(FrameFace(crop_face(frame, _Found(faces)), frontality_score(faces[0]), time_s))
        quality = {"frames_read": float(len(frames)), "frames_with_face": float(len(seen))}
        if not seen:
            middle = len(frames) // 2
            quality |= {"best_frame_s": times_s[middle], "frontality": 0.0}
            return [self._store_face(row, path, crop_face(frames[middle], _Found([])), quality)]
        best = seen[best_frame(seen)]
        quality |= {"best_frame_s": best.time_s, "frontality": best.frontality}
        return [self._store_face(row, path, best.crop, quality)]

    def _store_face(self, row: MediaItem, path: Path, crop: FaceCrop, quality: Mapping[str, float]) -> MediaItem:
        if not crop.found and not self.settings.face_fallback:
            raise MediaError(
                f"No face found in {path.name} by {self.settings.detector}. "
                "Give a clearer image, or let --face-fallback keep its centre.",
                status="no_face",
            )
        stored = f"faces/{stored_name(row.clip, '.jpg')}"
        write_face(self.corpus / stored, crop.image)
        figures = {
            "face_found": float(crop.found),
            "n_faces": float(crop.n_faces),
            "detector_score": float(crop.score),
            "face_width_px": float(crop.width_px),
            "sharpness": float(crop.sharpness),
            "brightness": float(crop.brightness),
        }
        return self._stored(row, stored, {**figures, **quality})

    def _stored(self, row: MediaItem, stored: str, quality: Mapping[str, float]) -> MediaItem:
        return replace(row, path=stored, digest=file_digest(self.corpus / stored), quality=quality)

    @property
    def _face_detector(self) -> Any:
        """The detector, made when the first face is looked for."""
        if self._detector is None:
            self._detector = DETECTORS.build(self.settings.detector)
        return self._detector


class _Found:
    """A detector that has looked already."""

    name = "found"

    def __init__(self, faces: list[DetectedFace]) -> None:
        self.faces = faces

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        """Return the faces that were found, whatever the image (height, width, 3) uint8 is."""
        del image
        return self.faces


def frontality_score(face: DetectedFace) -> float:
    """Return how far a face looks at us, by the place of its nose between its eyes.

    Args:
        face: a detected face.

    Returns:
        1 where the nose stands over the middle between the eyes, whatever the tilt of the head; 0 where it stands
        over or beyond an eye, as in a profile; 1 without landmarks.

    Example:
        >>> points = np.array([[0, 0], [8, 0], [6, 5], [1, 9], [7, 9]], dtype=np.float32)
        >>> frontality_score(DetectedFace(0, 0, 9, 9, score=1.0, landmarks_px=points))
        0.5
    """
    if face.landmarks_px is None:
        return 1.0
    left, right, nose = face.landmarks_px[:3].astype(np.float64)
    eyes = right - left
    length = float(eyes @ eyes)
    place = float((nose - left) @ eyes) / length if length > 0 else 0.0  # 0 at the left eye, 1 at the right one
    return max(0.0, 2 * min(place, 1 - place))


def best_frame(faces: Sequence[FrameFace]) -> int:
    """Return which of several frames shows its face best; of equal ones the first.

    The greatest product of the detector's score, the width, the square root of the sharpness (both as parts of
    the greatest, since a frame counts against its neighbours only) and the frontality raised by a third, so that a
    video of profiles has a best frame as well.

    Args:
        faces: one or more.
    """
    width = np.array([max(face.crop.width_px, 1.0) for face in faces])
    sharpness = np.array([face.crop.sharpness for face in faces])
    score = np.array([face.crop.score for face in faces])
    frontality = np.array([face.frontality for face in faces])
    sharp = np.sqrt(sharpness / max(float(sharpness.max()), 1e-9))
    # dlib_hog gives margins, which may be negative and then weigh nothing.
    certain = score if score.min() > 0 else np.ones(len(faces))
    return int(np.argmax(certain * (width / width.max()) * sharp * (frontality + 1 / 3)))


def _guarded(rows: Sequence[MediaItem], path: Path, make: Callable[[], list[MediaItem]]) -> list[MediaItem]:
    """Return the rows that `make` gives, or the given ones with what went wrong at their file."""
    try:
        return make()
    except MediaError as error:
        return [replace(row, status=error.status, reason=str(error)) for row in rows]
    except (MissingDependencyError, ConfigError):
        raise  # the machine's or the user's fault, not the clip's: every clip would fail alike
    except Exception as error:
        if isinstance(error, OSError) and error.errno in DISK_ERRORS:
            raise
        logger.info("unexpected failure at %s", rows[0].key, exc_info=True)
        reason = " ".join(f"{path.name}: {type(error).__name__}: {error}".split())
        return [replace(row, status="unexpected_error", reason=reason[:500]) for row in rows]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
