"""The voices of clips as a predictor of face features takes them: vectors of a frozen encoder, or spectrograms.

Vectors are of the whole voice and of windows of it; all are embedded once and kept beside the run. Spectrograms are
made when a batch asks for them, from samples that stay in memory where they are few.

Example:
    voices = read_voice_inputs(paired.voices, "light", voice_encoder="ge2e", cache=run / "cache")
    voices.batch(np.arange(8)).shape      # (8, 256)
"""

from __future__ import annotations

import hashlib
import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.errors import ConfigError, DataError, MediaError
from visavox.media.audio import SAMPLE_RATE, read_voice
from visavox.models.speech_image import MAX_S, PUBLISHED_S, SpeechForm, speech_image
from visavox.pipeline.drawing.clip_embedding import EmbeddingRequest, Progress, Vectors, embed_files
from visavox.pipeline.frozen_encoder import Compute, Spec
from visavox.registry import PREDICTORS

GE2E: Mapping[str, Any] = {"name": "ge2e"}
WINDOW_S = 1.6
"""Length of the windows that GE2E was trained on."""
KEPT_SAMPLES = 500_000_000
"""Samples of voices that are kept in memory as 16-bit numbers, 1 GB; of more, files are read again."""
_FULL_SCALE = 32767


@dataclass(frozen=True, eq=False)
class VoiceEmbeddings:
    """Vectors of n voices."""

    whole: Vectors
    """(n, dim) of the whole voices."""
    windows: Vectors
    """(m, dim) of windows, voice by voice, in order; every voice has one at least."""
    window_rows: NDArray[np.int64]
    """(m,) which voice each window is of."""

    def windows_of(self, row: int) -> Vectors:
        """Return (n_windows, dim), the windows of one voice."""
        first, last = np.searchsorted(self.window_rows, [row, row + 1])
        return self.windows[first:last]

    def select(self, rows: NDArray[np.integer]) -> VoiceEmbeddings:
        """Return some voices, rows being (k,) int in the wanted order."""
        parts = [self.windows_of(int(row)) for row in rows]
        empty = self.windows[:0]
        return VoiceEmbeddings(
            self.whole[rows],
            np.concatenate(parts) if parts else empty,
            np.repeat(np.arange(len(rows)), [len(part) for part in parts]).astype(np.int64),
        )


class VoicePictures:
    """Spectrograms of n voices, made when they are asked for.

    Args:
        paths: n sound files.
        form: of `visavox.models.speech_image`.
        seconds: length that is looked at, above 0 to 60, so that voices make one batch.
    """

    def __init__(
        self, paths: Sequence[Path], *, form: SpeechForm = "real_imaginary", seconds: float = PUBLISHED_S
    ) -> None:
        """Store the arguments; nothing is read yet.

        Raises:
            ConfigError: `seconds` is out of its range.
        """
        if not 0 < seconds <= MAX_S:
            raise ConfigError(f"`seconds` of voices in one batch must be above 0 and at most {MAX_S:g}. Got {seconds}.")
        self.paths = tuple(paths)
        self.form: SpeechForm = form
        self.seconds = seconds
        self._kept: dict[Path, NDArray[np.int16]] = {}

    def read(self, rows: NDArray[np.integer]) -> NDArray[np.float32]:
        """Return (k, 2, n_frames, 257) float32 of k voices.

        Raises:
            DataError: a file cannot be read, or holds less than 25 ms.
        """
        return np.stack([self._picture(self.paths[int(row)]) for row in rows])

    def select(self, rows: NDArray[np.integer]) -> VoicePictures:
        """Return some voices, rows being (k,) int in the wanted order; what is in memory is shared."""
        some = VoicePictures([self.paths[int(row)] for row in rows], form=self.form, seconds=self.seconds)
        some._kept = self._kept
        return some

    def _picture(self, path: Path) -> NDArray[np.float32]:
        samples = self._kept.get(path)
        if samples is None:
            try:
                voice = read_voice(path, end_s=self.seconds)
            except MediaError as error:
                raise DataError(
                    f"A file of the corpus cannot be read: {error} Put it back, or prepare the corpus again."
                ) from error
            samples = np.round(voice * _FULL_SCALE).astype(np.int16)  # the corpus holds 16 bits anyway
            if len(self.paths) * self.seconds * SAMPLE_RATE <= KEPT_SAMPLES:
                self._kept[path] = samples
        try:
            return speech_image(samples.astype(np.float32) / _FULL_SCALE, form=self.form, seconds=self.seconds)
        except DataError as error:
            raise DataError(f"{path}: {error}") from error


@dataclass(frozen=True, eq=False)
class VoiceInputs:
    """The voices of n clips, in one form or both."""

    paths: tuple[Path, ...]
    embeddings: VoiceEmbeddings | None = None
    pictures: VoicePictures | None = None

    def __len__(self) -> int:
        return len(self.paths)

    @property
    def dim(self) -> int:
        """Length of an embedding; 0 where there is none."""
        return 0 if self.embeddings is None else self.embeddings.whole.shape[1]

    @property
    def digest(self) -> str:
        """A hash of what is heard: of embeddings their numbers, of spectrograms the names of files and how they are
        made.
        """
        found = hashlib.sha256()
        if self.embeddings is not None:
            for array in (self.embeddings.whole, self.embeddings.windows, self.embeddings.window_rows):
                found.update(f"{array.shape}".encode() + np.ascontiguousarray(array).tobytes())
        if self.pictures is not None:
            about = f"{self.pictures.form} {self.pictures.seconds:g}"
            found.update("\n".join([about, *(path.name for path in self.paths)]).encode())
        return found.hexdigest()[:16]

    def batch(self, rows: NDArray[np.integer], *, device: str | torch.device = "cpu") -> Tensor:
        """Return what a predictor takes of some clips: embeddings of whole voices where there are any, or spectrograms.

        Raises:
            DataError: there is neither, or a file cannot be read.
        """
        if self.embeddings is not None:
            return torch.from_numpy(self.embeddings.whole[rows]).to(device)
        if self.pictures is None:
            raise DataError("These voices were read in no form. Read them with read_voice_inputs.")
        return torch.from_numpy(self.pictures.read(rows)).to(device)

    def select(self, rows: NDArray[np.integer]) -> VoiceInputs:
        """Return some clips, rows being (k,) int in the wanted order."""
        return replace(
            self,
            paths=tuple(self.paths[int(row)] for row in rows),
            embeddings=None if self.embeddings is None else self.embeddings.select(rows),
            pictures=None if self.pictures is None else self.pictures.select(rows),
        )


def read_voice_inputs(
    voices: Sequence[Path],
    predictor: str | Mapping[str, Any],
    *,
    voice_encoder: Spec = GE2E,
    window_s: float = WINDOW_S,
    min_speech_s: float = 0.5,
    cache: Path | None = None,
    compute: Compute | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> VoiceInputs:
    """Return the voices in the form that a predictor takes.

    Args:
        voices: sound files.
        predictor: registered name, or a mapping with `name` and options, of which `form` decides the spectrogram.
        voice_encoder: frozen encoder of embeddings.
        window_s: length of windows, above 0.
        min_speech_s: seconds of speech that a window must hold.
        cache: folder that keeps embeddings.
        compute: where the encoder runs.
        workers: processes; 0 is one a core.
        progress: called as progress(voices done, voices); spectrograms are made later and are not counted.

    Raises:
        UnknownNameError: there is no such predictor.
        ConfigError: an option is wrong.
        DataError: a voice cannot be read.
    """
    spec = {"name": predictor} if isinstance(predictor, str) else dict(predictor)
    factory = PREDICTORS.get(str(spec.get("name")))
    if getattr(factory, "takes", None) == "spectrogram":
        form = spec.get("form", inspect.signature(factory).parameters["form"].default)
        return VoiceInputs(tuple(voices), pictures=VoicePictures(voices, form=form))
    embeddings = embed_voices(
        voices,
        voice_encoder,
        window_s=window_s,
        min_speech_s=min_speech_s,
        cache=cache,
        compute=compute,
        workers=workers,
        progress=progress,
    )
    return VoiceInputs(tuple(voices), embeddings=embeddings)


def embed_voices(
    voices: Sequence[Path],
    voice_encoder: Spec = GE2E,
    *,
    window_s: float = WINDOW_S,
    min_speech_s: float = 0.5,
    cache: Path | None = None,
    compute: Compute | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> VoiceEmbeddings:
    """Return vectors of whole voices and of their windows; arguments as of `read_voice_inputs`.

    Raises:
        ConfigError: `window_s` is not above 0, or the encoder is none of voices.
        DataError: there is no voice, or one cannot be read.
    """
    if not window_s > 0:
        raise ConfigError(f"`window_s` must be above 0. Got {window_s}.")
    if not voices:
        raise DataError("No voice to embed. Give clips with a voice.")
    request = EmbeddingRequest(voice_encoder, "voice", cache, window_s, min_speech_s, compute or Compute())
    vectors = embed_files(voices, request, workers=workers, progress=progress)
    counts = [len(rows) - 1 for rows in vectors]
    return VoiceEmbeddings(
        np.stack([rows[0] for rows in vectors]),
        np.concatenate([rows[1:] for rows in vectors]),
        np.repeat(np.arange(len(voices)), counts).astype(np.int64),
    )


def embed_faces(
    crops: Sequence[Path],
    face_encoder: Spec,
    *,
    cache: Path | None = None,
    compute: Compute | None = None,
    workers: int = 0,
    progress: Progress | None = None,
) -> Vectors:
    """Return (n, dim) float32 features of the files of n canonical crops.

    Raises:
        ConfigError: the encoder is none of faces.
        DataError: there is no crop, or one cannot be read.
    """
    if not crops:
        raise DataError("No face to embed. Give clips with a face.")
    request = EmbeddingRequest(face_encoder, "face", cache, compute=compute or Compute())
    return np.concatenate(embed_files(crops, request, workers=workers, progress=progress))
