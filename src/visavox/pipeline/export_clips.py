"""The usable clips of a corpus, one by one, with the bytes of their media, as every form of `corpus export` takes them.

Here a voice gets its length and its spectrogram. How a clip is laid down in files is the affair of
`visavox.pipeline.export_parquet` and `visavox.pipeline.export_webdataset`.

Example:
    for clip in read_clips(Path("corpus"), MediaOptions(voice_s=6.0)):
        clip.media["voice"].data      # FLAC of 6 s
"""

from __future__ import annotations

import hashlib
import io
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import numpy as np
import numpy.typing as npt
import soundfile

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures, item_index
from visavox.corpus.items import GIVEN, OK, Attribute, MediaItem
from visavox.errors import DataError
from visavox.media.audio import SAMPLE_RATE, Voice, read_voice
from visavox.media.voice_lengths import Fit, fixed_length
from visavox.models.spectrogram import SpectrogramSettings, spectrogram


@dataclass(frozen=True)
class MediaOptions:
    """What is made of the voices on their way out."""

    voice_s: float = 0.0
    """Length of every voice in seconds; 0 leaves each as it is, bytes and all."""
    fit: Fit = "loop"
    """How a voice that is too short gets its length."""
    spectrum: SpectrogramSettings | None = None
    """Spectrogram to be made of each voice."""


@dataclass(frozen=True, eq=False)
class ExportedMedia:
    """One face or voice."""

    item: MediaItem
    """Its row."""
    data: bytes
    """JPEG or FLAC."""
    suffix: str
    """Of its file, with the dot."""
    spectrum: npt.NDArray[np.float32] | None = None
    """Spectrogram, (n_frames, n_bins) or (n_frames, n_bins, 2); None for a face, or where none is wanted."""

    @property
    def n_bytes(self) -> int:
        """Size in an export, bytes."""
        return len(self.data) + (0 if self.spectrum is None else self.spectrum.nbytes)


@dataclass(frozen=True, eq=False)
class ExportedClip:
    """One clip with its usable media."""

    clip: str
    """Its name."""
    person: str | None
    """Who it is."""
    video: str | None
    """The video it was cut from."""
    session: str | None
    """The recording session."""
    start_s: float | None
    """Begin of the clip in its video."""
    end_s: float | None
    """End of the clip in its video."""
    media: Mapping[str, ExportedMedia]
    """By slot: "face", "face1" for a second face, "voice"."""

    @property
    def n_bytes(self) -> int:
        """Size in an export, bytes."""
        return sum(media.n_bytes for media in self.media.values())

    def attributes(self) -> dict[str, Attribute]:
        """Return one attribute a name: a given one before a predicted one, then of the face before of the voice."""
        found: dict[str, Attribute] = {}
        for media in self.media.values():
            for name, attribute in media.item.attributes.items():
                if name not in found or (attribute.origin == GIVEN and found[name].origin != GIVEN):
                    found[name] = attribute
        return found


def slot_of(item: MediaItem) -> str:
    """Return the short name of an item in its clip.

    Example:
        >>> slot_of(MediaItem("c/face", "c", "face")), slot_of(MediaItem("c/face/1", "c", "face"))
        ('face', 'face1')
    """
    return f"{item.modality}{item_index(item) or ''}"


def read_clips(corpus: Path, options: MediaOptions) -> Iterator[ExportedClip]:
    """Iterate over the clips that have an item of status "ok", in the order of their names.

    Raises:
        DataError: a file that the catalog names is not there, or holds other bytes than it says.
    """
    path = corpus / CATALOG
    with Catalog.open(path) as catalog, CatalogFigures(path) as figures:
        for name in figures.usable_clips():
            items = [item for item in catalog.find(name) if item.clip == name and item.status == OK]
            media = {slot_of(item): _read(corpus, item, options) for item in items}
            yield ExportedClip(
                clip=name,
                person=next((item.person for item in items if item.person), None),
                video=next((item.video for item in items if item.video), None),
                session=next((item.session for item in items if item.session), None),
                start_s=items[0].start_s,
                end_s=items[0].end_s,
                media=media,
            )


def stored_file(corpus: Path, item: MediaItem) -> Path:
    """Return where the file of an item lies.

    Raises:
        DataError: the row names no file, or one outside the corpus.
    """
    stored = PurePosixPath(item.path or "")
    if item.path is None or stored.is_absolute() or ".." in stored.parts:
        raise DataError(
            f"The item {item.key!r} of {corpus} must name a file inside the corpus. Got {item.path!r}. "
            "Prepare the corpus again with --overwrite."
        )
    return corpus / stored


def _read(corpus: Path, item: MediaItem, options: MediaOptions) -> ExportedMedia:
    path = stored_file(corpus, item)
    try:
        data = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"{path} of the item {item.key!r} is not there. Put it back, or prepare the corpus again with --overwrite."
        ) from error
    except OSError as error:
        raise DataError(
            f"{path} of the item {item.key!r} cannot be read: {error.strerror}. Mend its rights or its disk, and run "
            "again."
        ) from error
    if item.digest is not None and hashlib.sha256(data).hexdigest() != item.digest:
        raise DataError(
            f"{path} is not what the catalog says of {item.key!r}: its SHA-256 differs. Put the file back, or prepare "
            "the corpus again with --overwrite."
        )
    if item.modality == "face" or not (options.voice_s or options.spectrum):
        return ExportedMedia(item, data, path.suffix)
    voice = read_voice(path)
    suffix = path.suffix
    if options.voice_s:
        voice = fixed_length(voice, options.voice_s, fit=options.fit)
        data, suffix = flac_bytes(voice), ".flac"
    spectrum = spectrogram(voice, options.spectrum) if options.spectrum else None
    return ExportedMedia(item, data, suffix, spectrum)


def flac_bytes(voice: Voice) -> bytes:
    """Return a voice (samples,) float32, 16 kHz, as the bytes of a 16-bit FLAC file."""
    pcm = np.clip(np.round(voice * 32768.0), -32768, 32767).astype(np.int16)
    buffer = io.BytesIO()
    soundfile.write(buffer, pcm, SAMPLE_RATE, format="FLAC", subtype="PCM_16")
    return buffer.getvalue()
