"""The small pictures and short sounds that a gallery keeps beside its vectors, to be shown and played.

They are made from the stored crops and voices of a corpus, by several processes, into a file that has no name: it
goes by itself, however the process ends. A file that cannot be read is a reason, not an error.

Example:
    >>> len(thumbnail(np.zeros((256, 200, 3), np.uint8))) > 0
    True
"""

from __future__ import annotations

import io
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import numpy as np
import soundfile
from numpy.typing import NDArray
from PIL import Image

from visavox.corpus.items import MediaItem, Modality
from visavox.errors import MediaError
from visavox.media.audio import SAMPLE_RATE, read_voice, to_pcm
from visavox.media.images import read_image
from visavox.worker_pool import n_processes, stream

THUMBNAIL_PX = 128
JPEG_QUALITY = 85
EXCERPT_S = 6.0
OPUS = "libopus"
OPUS_BITS_A_S = 24_000
BATCH = 16  # files a job
FEW_FILES = 400  # below this, starting processes costs more than it saves

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class MediaJob:
    """Some files of one modality."""

    modality: Modality
    places: tuple[int, ...]
    """Rows that they belong to."""
    paths: tuple[Path, ...]
    """The files."""


@dataclass(frozen=True)
class MadeMedia:
    """What became of a job."""

    places: tuple[int, ...]
    """Rows."""
    media: tuple[bytes | None, ...]
    """One a row; None where the file could not be used."""
    reasons: tuple[str, ...]
    """One a row; empty where it could."""


class SpooledMedia:
    """Bytes of many rows in a nameless file, read when they are asked for.

    Args:
        folder: on the disk where there is room; the file never shows in it.
        n_rows: how many rows there are; each has no bytes until `put`.
    """

    def __init__(self, folder: Path, n_rows: int) -> None:
        """Make the file."""
        self._file = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115 - lives as long as this object
        self._spans: list[tuple[int, int]] = [(0, 0)] * n_rows

    def put(self, place: int, media: bytes) -> None:
        """Store the bytes of a row."""
        begin = self._file.seek(0, io.SEEK_END)
        self._file.write(media)
        self._spans[place] = (begin, len(media))

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self._spans)

    def __getitem__(self, place: int, /) -> bytes | None:
        """Return the bytes of a row; None where there are none."""
        begin, n_bytes = self._spans[place]
        self._file.seek(begin)
        return self._file.read(n_bytes) if n_bytes else None


def thumbnail(image: NDArray[np.uint8]) -> bytes:
    """Return a picture as JPEG, its longer side 128 px at most.

    Args:
        image: (height, width, 3) uint8 RGB.
    """
    small = Image.fromarray(image)
    small.thumbnail((THUMBNAIL_PX, THUMBNAIL_PX), Image.Resampling.LANCZOS)
    buffer = io.BytesIO()
    small.save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return buffer.getvalue()


def excerpt(voice: NDArray[np.float32]) -> bytes:
    """Return the first 6 s of a voice as Ogg Opus, about 3 kB a second; as FLAC where nothing here writes Opus.

    Args:
        voice: (samples,) float32, 16 kHz, one sample or more.
    """
    short = np.clip(voice[: round(EXCERPT_S * SAMPLE_RATE)], -1.0, 1.0)
    buffer = io.BytesIO()
    if OPUS not in av.codecs_available:
        soundfile.write(buffer, short, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
        return buffer.getvalue()
    with av.open(buffer, "w", format="ogg") as container:
        # By PyAV, since libsndfile spends ten times as long on the last per cent of size.
        stream = container.add_stream(OPUS, rate=SAMPLE_RATE, options={"compression_level": "5"})
        stream.layout, stream.bit_rate = "mono", OPUS_BITS_A_S
        frame = av.AudioFrame.from_ndarray(to_pcm(short)[np.newaxis], format="s16", layout="mono")
        frame.rate, frame.pts = SAMPLE_RATE, 0
        for packet in (*stream.encode(frame), *stream.encode(None)):
            container.mux(packet)
    return buffer.getvalue()


def media_type(media: bytes) -> str:
    """Return the MIME type of stored bytes.

    Example:
        >>> media_type(b"OggS..."), media_type(b"fLaC")
        ('audio/ogg', 'audio/flac')
    """
    if media.startswith(b"OggS"):
        return "audio/ogg"
    return "audio/flac" if media.startswith(b"fLaC") else "image/jpeg"


def make_media(job: MediaJob) -> MadeMedia:
    """Return small pictures or short sounds of some files."""
    media: list[bytes | None] = []
    reasons = []
    for path in job.paths:
        try:
            if job.modality == "face":
                media.append(thumbnail(read_image(path)))
            else:
                media.append(excerpt(read_voice(path, end_s=EXCERPT_S)))
            reasons.append("")
        except MediaError as error:
            media.append(None)
            reasons.append(str(error))
    return MadeMedia(job.places, tuple(media), tuple(reasons))


def media_of_items(
    items: Sequence[MediaItem], corpus: Path, folder: Path, *, workers: int = 0, progress: Progress | None = None
) -> tuple[SpooledMedia, list[str]]:
    """Return the media of the items of one modality, and why some have none.

    Args:
        items: n items of one modality.
        corpus: folder that their paths are relative to.
        folder: where the nameless file is made.
        workers: processes; 0 takes one a core.
        progress: called with (files done, files to do).
    """
    spooled, reasons, n_done = SpooledMedia(folder, len(items)), [], 0
    n_workers = n_processes(workers) if len(items) > FEW_FILES else 1
    for made in stream(make_media, _jobs(items, corpus), n_workers=n_workers):
        for place, media, reason in zip(made.places, made.media, made.reasons, strict=True):
            if media is None:
                reasons.append(reason)
            else:
                spooled.put(place, media)
        n_done += len(made.places)
        if progress is not None:
            progress(n_done, len(items))
    return spooled, reasons


def _jobs(items: Sequence[MediaItem], corpus: Path) -> Iterator[MediaJob]:
    for begin in range(0, len(items), BATCH):
        some = items[begin : begin + BATCH]
        places = tuple(range(begin, begin + len(some)))
        yield MediaJob(some[0].modality, places, tuple(corpus / str(item.path) for item in some))
