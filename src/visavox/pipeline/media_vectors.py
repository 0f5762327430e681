"""Files of a voice or a face to vectors of frozen encoders: read, checked, detected, cropped, encoded.

This is the one way from a file to what a saved model or a folder of enrolled people was made of, so that a question is
put in the same terms. Encoders and detectors are loaded by the first file that needs them: who gives a face alone never
loads a network for voices. What a vector means is the caller's affair.

Example:
    media = MediaEncoder(MediaRecipe("ge2e", "dlib"))
    media.voice("voice.wav").vectors.shape      # (1, 256)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.media.face_crop import FaceCrop, crop_face
from visavox.media.images import read_image
from visavox.media.speech import SpeechDetector, SpeechSegment, check_speech, speech_seconds
from visavox.media.video import is_video, sample_frames
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.registry import DETECTORS

Voice = str | Path | np.ndarray
Face = str | Path | np.ndarray

FRAMES_OF_A_VIDEO = 7


@dataclass(frozen=True)
class MediaRecipe:
    """Everything that decides the vectors of a file."""

    voice_encoder: str | Mapping[str, Any]
    """Registered voice encoder with its options; `weights`, where it has them, as a path in full."""
    face_encoder: str | Mapping[str, Any]
    """Registered face encoder with its options; `weights`, where it has them, as a path in full."""
    detector: str = "mtcnn"
    """Registered face detector."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold; 0 or more."""
    voice_window_s: float = 0.0
    """Length of the windows that a voice is cut into, one vector each; 0 makes one vector of the whole."""


@dataclass(frozen=True, eq=False)
class CutVoice:
    """A voice that is ready for its encoder."""

    parts: list[NDArray[np.float32]]
    """(samples,) float32 at 16 kHz each: the whole, or its windows; one at least."""
    speech_s: float
    """Seconds of speech in it, above 0."""


@dataclass(frozen=True, eq=False)
class CutFace:
    """A face that is ready for its encoder."""

    crops: list[NDArray[np.uint8]]
    """(256, 256, 3) uint8 each; of a video one a frame in which a face was found, one at least."""
    n_faces: int
    """As in `SeenFace`."""
    note: str
    """As in `SeenFace`."""


@dataclass(frozen=True, eq=False)
class HeardVoice:
    """A voice as vectors."""

    vectors: NDArray[np.float32]
    """(n, dim) float32: one row, or one a window."""
    speech_s: float
    """Seconds of speech that were heard, above 0."""


@dataclass(frozen=True, eq=False)
class SeenFace:
    """A face as a vector."""

    vectors: NDArray[np.float32]
    """(1, dim) float32; of a video the mean over its frames."""
    n_faces: int
    """Most faces found in one picture, 1 or more; of several the largest was taken."""
    note: str
    """One line for the reader; empty where there is nothing to say."""


class MediaEncoder:
    """Turns voices and faces into vectors, by one recipe.

    Args:
        recipe: what decides the vectors.
        compute: where and how the encoders run.
    """

    def __init__(self, recipe: MediaRecipe, compute: Compute | None = None) -> None:
        """Store the arguments; networks are loaded when they are needed."""
        self.recipe = recipe
        self.compute = compute or Compute()
        self._voice_encoder: FrozenEncoder | None = None
        self._face_encoder: FrozenEncoder | None = None
        self._detector: Any = None
        self._speech: SpeechDetector | None = None

    def voice(self, voice: Voice) -> HeardVoice:
        """Return the vectors of a voice.

        Args:
            voice: a sound file, a video that stands for its voice, or (samples,) float32 at 16 kHz.

        Raises:
            MediaError: unreadable, silent, or too little speech; `status` says which.
        """
        return self.voices([self.cut_voice(voice)])[0]

    def cut_voice(self, voice: Voice) -> CutVoice:
        """Return a voice as its encoder takes it, with the arguments and errors of `voice`."""
        samples = voice if isinstance(voice, np.ndarray) else read_voice(voice)
        if self._speech is None:
            self._speech = SpeechDetector()
        segments = self._speech.segments(samples)
        check_named_speech(voice, samples, segments, min_speech_s=self.recipe.min_speech_s)
        parts = voice_windows(
            samples, segments, window_s=self.recipe.voice_window_s, min_speech_s=self.recipe.min_speech_s
        )
        return CutVoice(parts, speech_seconds(segments))

    def voices(self, cuts: Sequence[CutVoice]) -> list[HeardVoice]:
        """Return the vectors of several voices, encoded together: to rounding what each has alone."""
        if self._voice_encoder is None:
            self._voice_encoder = FrozenEncoder(self.recipe.voice_encoder, "voice", self.compute)
        rows = iter(self._voice_encoder.encode([part for cut in cuts for part in cut.parts]))
        return [HeardVoice(np.stack([next(rows) for _ in cut.parts]), cut.speech_s) for cut in cuts]

    def face(self, face: Face) -> SeenFace:
        """Return the vector of the largest face of an image.

        Args:
            face: an image, a video that stands for its face, or (height, width, 3) uint8 RGB.

        Raises:
            MediaError: unreadable, or no face found; `status` says which.
        """
        return self.faces([self.cut_face(face)])[0]

    def cut_face(self, face: Face | Sequence[NDArray[np.uint8]]) -> CutFace:
        """Return a face as its encoder takes it, with the arguments and errors of `face`.

        A sequence holds the frames of a video, (height, width, 3) uint8 RGB each.
        """
        if isinstance(face, np.ndarray):
            images = [face]
        elif isinstance(face, str | Path):
            images = sample_frames(face, FRAMES_OF_A_VIDEO) if is_video(face) else [read_image(face)]
        else:
            images = list(face)
        if self._detector is None:
            self._detector = DETECTORS.build(self.recipe.detector)
        crops = [crop for image in images if (crop := crop_face(image, self._detector)).found]
        if not crops:
            where = "any frame" if len(images) > 1 else "the image"
            shown = str(face) if isinstance(face, str | Path) else "the face"
            raise MediaError(
                f"No face found in {where} of {shown} by {self.recipe.detector}. "
                "Give a larger or clearer picture of the face.",
                status="no_face",
            )
        n_faces = max(crop.n_faces for crop in crops)
        return CutFace([crop.image for crop in crops], n_faces, _note(crops, len(images)))

    def faces(self, cuts: Sequence[CutFace]) -> list[SeenFace]:
        """Return the vectors of several faces, encoded together: to rounding what each has alone."""
        if self._face_encoder is None:
            self._face_encoder = FrozenEncoder(self.recipe.face_encoder, "face", self.compute)
        rows = iter(self._face_encoder.encode([crop for cut in cuts for crop in cut.crops]))
        vectors = [np.stack([next(rows) for _ in cut.crops]).mean(axis=0, keepdims=True) for cut in cuts]
        return [SeenFace(each, cut.n_faces, cut.note) for each, cut in zip(vectors, cuts, strict=True)]


def voice_windows(
    samples: NDArray[np.float32], segments: Sequence[SpeechSegment], *, window_s: float, min_speech_s: float
) -> list[NDArray[np.float32]]:
    """Return the parts of a voice that get a vector each, in order; one at least.

    The windows lie evenly from the beginning to the end, as many as fill the voice without a gap; they overlap where
    its length is no multiple of theirs. A window with less speech than `min_speech_s` is left out.

    Args:
        samples: (samples,) float32, 16 kHz.
        segments: where there is speech.
        window_s: length of a window in seconds; 0 takes the whole voice.
        min_speech_s: seconds of speech that a window must hold, 0 or more.

    Returns:
        (round(16000 * window_s),) float32 each, or the whole voice where it is no longer, or no window holds enough.

    Example:
        >>> speech = [SpeechSegment(0.0, 4.0)]
        >>> voice = np.arange(4 * 16_000, dtype=np.float32)
        >>> [round(float(part[0]) / 16_000, 3) for part in voice_windows(voice, speech, window_s=1.6, min_speech_s=0.5)]
        [0.0, 1.2, 2.4]
    """
    length = round(window_s * SAMPLE_RATE)
    if not 0 < length < len(samples):
        return [samples]
    n_windows = math.ceil(len(samples) / length)
    kept = []
    for start in np.linspace(0, len(samples) - length, n_windows).round().astype(int):
        begin_s, end_s = start / SAMPLE_RATE, (start + length) / SAMPLE_RATE
        spoken = sum(max(0.0, min(end_s, part.end_s) - max(begin_s, part.start_s)) for part in segments)
        if spoken >= min_speech_s:
            kept.append(samples[start : start + length])
    return kept or [samples]


def check_named_speech(
    voice: Voice, samples: NDArray[np.float32], segments: Sequence[SpeechSegment], *, min_speech_s: float
) -> None:
    """Raise unless a recording holds enough speech, as `check_speech`; the message begins with the file's name.

    Raises:
        MediaError: silent, no speech, or too little of it; `status` says which.
    """
    try:
        check_speech(samples, segments, min_speech_s=min_speech_s)
    except MediaError as error:
        where = "" if isinstance(voice, np.ndarray) else f"{voice}: "
        raise MediaError(f"{where}{error}", status=error.status) from error


def shown_name(media: Voice | Face, fallback: str) -> str:
    """Return the path of a file as it was given, or the fallback for an array."""
    return fallback if isinstance(media, np.ndarray) else str(media)


def _note(crops: Sequence[FaceCrop], n_images: int) -> str:
    several = max(crop.n_faces for crop in crops)
    notes = [f"{several} faces found; the largest was taken"] if several > 1 else []
    if n_images > 1:
        notes.append(f"mean of {len(crops)} of {n_images} frames")
    return "; ".join(notes)
