"""One clip: from the files of a source to its rows and its files for the corpus.

Where one video holds the face and the voice of a clip it is decoded once, and either can fail without the other: then
it is a row with a reason. Files are written into a folder of work in
progress; giving them their final names is the affair of `visavox.pipeline.corpus_building`.

Example:
    preparer = ClipPreparer(ClipSettings(), Path("corpus/.unfinished"))
    prepared = preparer.prepare(ClipJob(record))
    prepared.items     # face rows and a voice row, status "ok" or a code with a reason
"""

from __future__ import annotations

import dataclasses
import hashlib
import logging
import os
import uuid
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from visavox.corpus.items import MODALITIES, OK, MediaItem, item_key, stored_name
from visavox.corpus.sources.base import ClipRecord, problem_items, record_item
from visavox.errors import MediaError
from visavox.media.face_crop import FaceCrop, crop_face
from visavox.media.face_settings import FaceSettings
from visavox.media.fetching.addresses import shown_url
from visavox.media.images import read_image, write_face
from visavox.media.speaker_search import SpeakerSearch
from visavox.media.talk_scan import TalkScan, scan_talk
from visavox.media.video import is_video
from visavox.media.voice_recording import RecordedVoice, VoiceRecorder, record_voice_file
from visavox.media.voice_settings import VoiceSettings
from visavox.pipeline.clip_failures import named_failure
from visavox.registry import DETECTORS

logger = logging.getLogger(__name__)

OPTIONS_FOR_VIDEO: Mapping[str, Mapping[str, object]] = {"mtcnn": {"max_overlap": 0.6}}
"""Fewer boxes a face for the last network: the same 252 faces in 16 videos in three quarters of the time. Stills keep
the 0.7 that the encoders' crops were made with."""


@dataclass(frozen=True)
class ClipSettings:
    """What decides how a clip is prepared; stored with the catalog, so that a corpus is of one making."""

    face: FaceSettings = field(default_factory=FaceSettings)
    """Which face is kept and how it is cut."""
    voice: VoiceSettings = field(default_factory=VoiceSettings)
    """What a voice must hold."""

    def stored(self) -> dict[str, object]:
        """Return what decides the rows, as JSON values by name."""
        values = {**dataclasses.asdict(self.face), **dataclasses.asdict(self.voice)}
        values["margin"] = self.face.resolved_margin
        del values["max_batch"]  # changes the speed alone
        return values


@dataclass(frozen=True, slots=True)
class ClipJob:
    """A clip to prepare, its video at hand."""

    record: ClipRecord
    """What the source says."""
    fetched: Path | None = None
    """The file that its address gave; None where it has no address."""
    begin_s: float = 0.0
    """Second of the video at which that file begins."""
    is_temporary: bool = False
    """Whether that file is to be removed when the clip is done."""
    problem: tuple[str, str] | None = None
    """(status, reason) of a fetch that failed."""


@dataclass(frozen=True, slots=True)
class PreparedClip:
    """What came of a clip."""

    job: ClipJob
    """What it was made from."""
    items: tuple[MediaItem, ...]
    """Its rows, those that failed included."""
    files: tuple[tuple[str, str], ...]
    """(name in the folder of work in progress, final path in the corpus) of each file that a row names."""


class ClipPreparer:
    """Prepares clips; holds the detector and the speech detector of one process.

    Args:
        settings: how clips are prepared.
        unfinished: folder for files that are not in place yet; it must exist.
    """

    def __init__(self, settings: ClipSettings, unfinished: Path) -> None:
        """Store the arguments; networks are loaded by the first clip that needs them."""
        self.settings = settings
        self.unfinished = unfinished
        self._detectors: dict[bool, Any] = {}
        self._files: dict[str, str] = {}

    def prepare(self, job: ClipJob) -> PreparedClip:
        """Return the rows of a clip, having written the files of those whose status is "ok".

        Raises:
            OSError: the disk is broken or read-only.
            MissingDependencyError: a network's weights are not installed.
        """
        self._files = {}
        items = tuple(_named_by_address(item, job) for item in self._rows(job))
        named = {item.path for item in items}
        files = []
        for name, final in self._files.items():
            if final in named:
                files.append((name, final))
            else:
                (self.unfinished / name).unlink(missing_ok=True)
        return PreparedClip(job, items, tuple(files))

    def _rows(self, job: ClipJob) -> list[MediaItem]:
        record = job.record
        if job.problem is not None:
            status, reason = job.problem
            return [replace(record_item(record, m), status=status, reason=reason) for m in MODALITIES]
        failed = problem_items(record)
        whole = job.fetched or (record.face_path if record.face_path == record.voice_path else None)
        if whole is not None:
            rows = [record_item(record, modality) for modality in MODALITIES]
            return failed + _guarded(rows, whole, partial(self._talk, rows, job, whole))
        for modality in MODALITIES:
            path = record.path(modality)
            if path is not None:
                row = record_item(record, modality)
                make = self._voice if modality == "voice" else self._face
                failed += _guarded([row], path, partial(make, row, job, path))
        return failed

    def _talk(self, rows: Sequence[MediaItem], job: ClipJob, path: Path) -> list[MediaItem]:
        """Return the rows of a video that holds both, either with a problem of its own."""
        search = self._search(job.record)
        done: list[MediaItem] = []
        with self._recorder() as recorder:
            scan = self._scan(job, path, search, recorder)
            for row in rows:
                problem = scan.sound_problem if row.modality == "voice" else scan.picture_problem
                if problem is not None:
                    done.append(replace(row, status=problem.status, reason=str(problem)))
                elif row.modality == "voice":
                    done += _guarded([row], path, partial(self._finish_voice, row, recorder))
                else:
                    done += _guarded([row], path, partial(self._store_best, row, search))
        if scan.n_damaged_packets:
            damage = {"damaged_packets": float(scan.n_damaged_packets)}
            done = [replace(row, quality={**row.quality, **damage}) if row.status == OK else row for row in done]
        return done

    def _scan(self, job: ClipJob, path: Path, search: SpeakerSearch, recorder: VoiceRecorder | None) -> TalkScan:
        start_s, end_s = _section(job)
        return scan_talk(
            path,
            frames_per_s=self.settings.face.frames_per_s,
            start_s=start_s,
            end_s=end_s,
            on_frame=search.look,
            recorder=recorder,
        )

    def _voice(self, row: MediaItem, job: ClipJob, path: Path) -> list[MediaItem]:
        recorder = self._recorder()
        start_s, end_s = _section(job)
        voice = record_voice_file(path, recorder, start_s=start_s, end_s=end_s)
        return self._store_voice(row, recorder, voice)

    def _finish_voice(self, row: MediaItem, recorder: VoiceRecorder) -> list[MediaItem]:
        return self._store_voice(row, recorder, recorder.finish())

    def _store_voice(self, row: MediaItem, recorder: VoiceRecorder, voice: RecordedVoice) -> list[MediaItem]:
        final = f"voices/{stored_name(row.clip, '.flac')}"
        self._files[recorder.path.name] = final
        return [replace(row, path=final, digest=voice.digest, quality=dict(voice.quality))]

    def _face(self, row: MediaItem, job: ClipJob, path: Path) -> list[MediaItem]:
        try:
            image = read_image(path)
        except MediaError:
            if not is_video(path):
                raise
            search = self._search(job.record)
            scan = self._scan(job, path, search, None)
            if scan.picture_problem is not None:
                raise scan.picture_problem from None
            return self._store_best(row, search)
        face = self.settings.face
        crop = crop_face(image, self._face_detector(), crop=face.crop, margin=face.resolved_margin)
        if not crop.found and face.crop != "first_frame" and not face.keep_faceless:
            raise MediaError(
                f"No face found in {path.name} by {face.detector}. "
                "Give a clearer image, or let --face-fallback keep its centre.",
                status="no_face",
            )
        return [self._store_face(row, 0, crop, _figures(crop))]

    def _store_best(self, row: MediaItem, search: SpeakerSearch) -> list[MediaItem]:
        return [self._store_face(row, index, face.crop, face.quality) for index, face in enumerate(search.finish())]

    def _store_face(self, row: MediaItem, index: int, crop: FaceCrop, quality: Mapping[str, float]) -> MediaItem:
        # "%." can be no part of a clip's quoted name, so that no two clips share a file.
        final = f"faces/{stored_name(row.clip, f'%.{index}.jpg' if index else '.jpg')}"
        path = self.unfinished / _fresh_name(".jpg")
        write_face(path, crop.image)
        self._files[path.name] = final
        key = item_key(row.clip, "face", index)
        return replace(row, key=key, path=final, digest=file_digest(path), quality=dict(quality))

    def _search(self, record: ClipRecord) -> SpeakerSearch:
        speaker = record.speaker.at if record.speaker is not None else None
        return SpeakerSearch(self.settings.face, self._face_detector(for_video=True), speaker=speaker)

    def _recorder(self) -> VoiceRecorder:
        return VoiceRecorder(self.unfinished / _fresh_name(".flac"), self.settings.voice)

    def _face_detector(self, *, for_video: bool = False) -> Any:
        """The detector, made when the first face is looked for."""
        if for_video not in self._detectors:
            name = self.settings.face.detector
            options = OPTIONS_FOR_VIDEO.get(name, {}) if for_video else {}
            self._detectors[for_video] = DETECTORS.build({"name": name, **options})
        return self._detectors[for_video]


def _named_by_address(item: MediaItem, job: ClipJob) -> MediaItem:
    """Return a row whose reason names where a video came from, and not the file that is removed with the clip.

    What follows a ? in the address may be a key, and pages show reasons.
    """
    if job.fetched is None or not item.reason:
        return item
    said = str(job.fetched) if str(job.fetched) in item.reason else job.fetched.name
    return replace(item, reason=item.reason.replace(said, shown_url(job.record.address)))


def _section(job: ClipJob) -> tuple[float | None, float | None]:
    """Return where the clip begins and ends in the file at hand, seconds; None: at its beginning, at its end."""
    record = job.record
    if not record.is_whole_video:
        return None, None
    start_s, end_s = record.start_s, record.end_s
    return (
        None if start_s is None else max(0.0, start_s - job.begin_s),
        None if end_s is None else end_s - job.begin_s,
    )


def _figures(crop: FaceCrop) -> dict[str, float]:
    return {
        "face_found": float(crop.found),
        "n_faces": float(crop.n_faces),
        "detector_score": float(crop.score),
        "face_width_px": float(crop.width_px),
        "sharpness": float(crop.sharpness),
        "brightness": float(crop.brightness),
    }


def _fresh_name(suffix: str) -> str:
    return f"{os.getpid()}-{uuid.uuid4().hex}{suffix}"


def _guarded(rows: Sequence[MediaItem], path: Path, make: Callable[[], list[MediaItem]]) -> list[MediaItem]:
    """Return the rows that `make` gives, or the given ones with what went wrong at their file."""
    try:
        return named_failure(make, at=path.name)
    except MediaError as error:
        return [replace(row, status=error.status, reason=str(error)) for row in rows]


def file_digest(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
