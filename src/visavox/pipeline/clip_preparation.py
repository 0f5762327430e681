"""One clip: from the files of a source to its rows and its files in the corpus.

This is the one place where a failure of any kind becomes a row with a reason. A full disk is not the clip's fault
and stops the run.

Example:
    preparer = ClipPreparer(ClipSettings(), Path("corpus"))
    items = preparer.prepare(record)     # a face row and a voice row, status "ok" or a code with a reason
"""

from __future__ import annotations

import errno
import hashlib
import logging
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visavox.corpus.items import MODALITIES, MediaItem, stored_name
from visavox.corpus.sources.base import ClipRecord, problem_items, record_item
from visavox.errors import ConfigError, MediaError, MissingDependencyError
from visavox.media.audio import read_voice, voice_quality, write_voice
from visavox.media.face_crop import crop_face
from visavox.media.images import read_image, write_face
from visavox.media.speech import SpeechDetector, check_speech, speech_seconds
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
        rows = problem_items(record)
        for modality in MODALITIES:
            path = record.path(modality)
            if path is not None:
                rows.append(self._prepare_item(record_item(record, modality), path))
        return rows

    def _prepare_item(self, row: MediaItem, path: Path) -> MediaItem:
        try:
            stored, quality = self._voice(row, path) if row.modality == "voice" else self._face(row, path)
        except MediaError as error:
            return replace(row, status=error.status, reason=str(error))
        except (MissingDependencyError, ConfigError):
            raise  # the machine's or the user's fault, not the clip's: every clip would fail alike
        except Exception as error:
            if isinstance(error, OSError) and error.errno in DISK_ERRORS:
                raise
            logger.info("unexpected failure at %s", row.key, exc_info=True)
            reason = " ".join(f"{path.name}: {type(error).__name__}: {error}".split())
            return replace(row, status="unexpected_error", reason=reason[:500])
        return replace(row, path=stored, digest=file_digest(self.corpus / stored), quality=quality)

    def _voice(self, row: MediaItem, path: Path) -> tuple[str, Mapping[str, float]]:
        voice = read_voice(path)
        segments = self._speech.segments(voice)
        check_speech(voice, segments, min_speech_s=self.settings.min_speech_s)
        stored = f"voices/{stored_name(row.clip, '.flac')}"
        write_voice(self.corpus / stored, voice)
        return stored, {**voice_quality(voice), "speech_s": speech_seconds(segments)}

    def _face(self, row: MediaItem, path: Path) -> tuple[str, Mapping[str, float]]:
        if self._detector is None:
            self._detector = DETECTORS.build(self.settings.detector)
        crop = crop_face(read_image(path), self._detector)
        if not crop.found and not self.settings.face_fallback:
            raise MediaError(
                f"No face found in {path.name} by {self.settings.detector}. "
                "Give a clearer image, or let --face-fallback keep its centre.",
                status="no_face",
            )
        stored = f"faces/{stored_name(row.clip, '.jpg')}"
        write_face(self.corpus / stored, crop.image)
        return stored, {
            "face_found": float(crop.found),
            "n_faces": float(crop.n_faces),
            "detector_score": float(crop.score),
            "face_width_px": float(crop.width_px),
            "sharpness": float(crop.sharpness),
            "brightness": float(crop.brightness),
        }


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
