"""From the file of a voice to pictures of what its speaker may look like.

    voice -> the stretch that is listened to -> frozen voice encoder, whole and window by window -> drawer -> pictures

What comes out are guesses, labelled as such, with the provenance of everything that the drawer was told. Nothing is
written here: `visavox.pipeline.drawing.generating` does that.

Example:
    pipeline = VoiceToFacePipeline.from_pretrained("portrait")
    drawn = pipeline.draw("voice.wav", n_samples=8, seed=0)
    drawn.pictures.shape, drawn.labels[0].method        # ((8, 64, 64, 3), 'decoder')
"""

from __future__ import annotations

import hashlib
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, DataError
from visavox.generation.drawers.base import DrawingRequest, HeardForDrawing, Progress
from visavox.generation.given_conditions import everything_told
from visavox.generation.heard_voice import Listened, Voice, listen
from visavox.generation.picture_files import LEAKED, PictureLabel
from visavox.generation.provenance import Condition, may_leak
from visavox.generation.speaker_agreement import MEASURED_FOR, two_voices_note
from visavox.generation_config import MOST_GUIDANCE, MOST_SAMPLES
from visavox.pipeline.drawing.drawer_loading import load_drawer
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
from visavox.pipeline.media_vectors import voice_windows

__all__ = ["DrawnFaces", "HeardSpeaker", "VoiceToFacePipeline", "load_drawer"]

MIN_SPEECH_S = 0.5
"""Seconds of speech that a voice must hold, and each of its windows."""
EXAGGERATED = 6.0
"""From this guidance on it is said that faces are exaggerated."""
UNKNOWN_LICENCE = "that of the model and of the data that it was trained on"
UNHEARD = HeardForDrawing(np.zeros(1, np.float32), np.zeros((1, 1), np.float32), np.zeros(1, np.float32))
"""Stands for a voice while a request is checked that is heard later."""


@dataclass(frozen=True, eq=False)
class HeardSpeaker:
    """A voice as it was listened to."""

    heard: HeardForDrawing
    """What a drawer takes."""
    listened: Listened
    """Which stretch it is."""
    sha256: str
    """Digest of the file, or of the samples where they were given as an array."""
    notes: tuple[str, ...]
    """What a user must be told, a line each."""


@dataclass(frozen=True, eq=False)
class DrawnFaces:
    """Guesses of a face."""

    pictures: NDArray[np.uint8]
    """(n, px, px, 3) uint8 RGB, in the frame of `visavox.media.drawn_frame`."""
    told: tuple[Condition, ...]
    """All that the drawer was told, with its provenance."""
    labels: tuple[PictureLabel, ...]
    """What each picture says of itself."""
    notes: tuple[str, ...]
    """What a user must be told, a line each."""

    @property
    def rows(self) -> list[dict[str, Any]]:
        """The labels as rows of a report, JSON values."""
        return [label.as_json() for label in self.labels]


class VoiceToFacePipeline:
    """Draws what a speaker may look like.

    Args:
        generator: the folder of a generator.
        name: how it was asked for; labels repeat it without the folders above it.
        method: "decoder" or "diffusion"; None takes the first that the generator has.
        compute: where and how networks run; `batch_size` pictures are drawn at once.
    """

    def __init__(
        self,
        generator: Generator,
        *,
        name: str = "unnamed",
        method: str | None = None,
        compute: Compute | None = None,
    ) -> None:
        self.generator = generator
        self.name = name
        self.compute = compute or Compute()
        self.drawer = load_drawer(generator, method, device=self.compute.torch_device)

    def __repr__(self) -> str:
        """Return name, method and size."""
        return f"VoiceToFacePipeline({self.name!r} by {self.method}, {self.drawer.image_px} px)"

    @classmethod
    def from_pretrained(
        cls, name: str | Path = "portrait", method: str | None = None, compute: Compute | None = None
    ) -> VoiceToFacePipeline:
        """Return a pipeline from a boxed name, a folder, a run of `visavox train`, or a hub id.

        Raises:
            UnknownNameError: it is none of these, or there is no such method.
            DataError: the folder is incomplete, damaged, or of something else.
        """
        return cls(Generator.load(name), name=_shown_model(name), method=method, compute=compute)

    @property
    def method(self) -> str:
        """How it draws: "decoder" or "diffusion"."""
        return self.drawer.name

    @property
    def who(self) -> str:
        """Name and method, for messages and captions."""
        return f"{self.name} by {self.method}"

    @cached_property
    def licence(self) -> str:
        """Under which the pictures may be used: what the card of the model says."""
        card = self.generator.folder / "README.md"
        text = card.read_text(encoding="utf-8", errors="replace") if card.is_file() else ""
        found = re.search(r"^(?:.*\s)?licen[cs]e:\s*(.+?)(?:\.\s|\.?$)", text, flags=re.MULTILINE | re.IGNORECASE)
        return found[1] if found else UNKNOWN_LICENCE

    @cached_property
    def _voice_encoder(self) -> FrozenEncoder:
        return FrozenEncoder(self.generator.voice_encoder, "voice", self.compute)

    def hear(self, voice: Voice, *, start_s: float | None = None) -> HeardSpeaker:
        """Return a voice as drawers take it.

        Args:
            voice: a sound file, a video that stands for its voice, or (n_samples,) float32 at 16 kHz.
            start_s: where to begin, 0 or more seconds; of a long voice the stretch with most speech otherwise.

        Raises:
            MediaError: unreadable, silent, without speech, or too little of it; `status` says which.
        """
        listened = listen(voice, start_s=start_s, min_speech_s=MIN_SPEECH_S)
        parts = voice_windows(
            listened.samples, listened.segments, window_s=self.generator.window_s, min_speech_s=MIN_SPEECH_S
        )
        whole = len(parts) == 1 and len(parts[0]) == len(listened.samples)
        vectors = self._voice_encoder.encode(parts if whole else [listened.samples, *parts])
        windows = vectors if whole else vectors[1:]
        spec = self.generator.voice_encoder
        speaker_encoder = spec if isinstance(spec, str) else spec.get("name")
        two = two_voices_note(windows) if speaker_encoder == MEASURED_FOR else ""
        notes = (*listened.notes(), *([two] if two else []))
        return HeardSpeaker(HeardForDrawing(vectors[0], windows, listened.samples), listened, _digest(voice), notes)

    def draw(
        self,
        voice: Voice,
        n_samples: int = 8,
        *,
        seed: int = 0,
        guidance: float | None = None,
        conditions: Sequence[Condition] = (),
        start_s: float | None = None,
        px: int = 0,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
    ) -> DrawnFaces:
        """Return guesses of what a speaker looks like.

        Args:
            voice: as for `hear`.
            n_samples: how many, 1 to 4096.
            seed: the pictures depend on it, the voice and the model alone; 0 or more.
            guidance: how far to follow the voice: 0 ignores it, 1 follows it, more exaggerates, 30 at most; None takes
                what the model was chosen with.
            conditions: what you give beside the voice, from `visavox.generation.given_conditions`.
            start_s: as for `hear`.
            px: side of a picture, one that the model draws; 0 takes its own.
            options: of diffusion alone: sampler, n_steps.
            progress: called as progress(done, total).

        Raises:
            MediaError: the voice cannot be used; `status` says why.
            ConfigError: a number is out of range, or a condition is none that the model was trained with.
        """
        self.request(UNHEARD, n_samples, seed, guidance, conditions, px, options)  # before a long voice is heard
        speaker = self.hear(voice, start_s=start_s)
        return self.draw_heard(
            speaker.heard,
            n_samples,
            seed=seed,
            guidance=guidance,
            conditions=conditions,
            px=px,
            options=options,
            progress=progress,
            sha256=speaker.sha256,
            notes=speaker.notes,
        )

    def draw_heard(
        self,
        heard: HeardForDrawing,
        n_samples: int = 1,
        *,
        seed: int = 0,
        guidance: float | None = None,
        conditions: Sequence[Condition] = (),
        px: int = 0,
        options: Mapping[str, Any] | None = None,
        progress: Progress | None = None,
        sha256: str = "",
        notes: Sequence[str] = (),
    ) -> DrawnFaces:
        """Return guesses from a voice that was heard already, with the arguments and errors of `draw`.

        `heard` holds vectors of the generator's voice encoder; `sha256` is the digest of the voice for the labels, that
        of its samples otherwise; `notes` are put before those of the drawing.
        """
        request = self.request(heard, n_samples, seed, guidance, conditions, px, options)
        pieces = list(self.pieces(request, progress))
        labels = self.labels(request, sha256 or _digest(heard.samples))
        return DrawnFaces(np.concatenate(pieces), request.told, labels, (*notes, *self.notes(request)))

    def request(
        self,
        heard: HeardForDrawing,
        n_samples: int,
        seed: int,
        guidance: float | None,
        conditions: Sequence[Condition] = (),
        px: int = 0,
        options: Mapping[str, Any] | None = None,
    ) -> DrawingRequest:
        """Return what a drawer is asked for, with the guidance that is used; arguments and errors as for `draw`."""
        if not 1 <= n_samples <= MOST_SAMPLES:
            raise ConfigError(f"`n_samples` must be 1 to {MOST_SAMPLES}. Got {n_samples}.")
        if seed < 0:
            raise ConfigError(f"`seed` must be 0 or more. Got {seed}.")
        followed = self.drawer.guidance if guidance is None else guidance
        if not math.isfinite(followed) or not 0 <= followed <= MOST_GUIDANCE:
            raise ConfigError(
                f"`guidance` must be 0 to {MOST_GUIDANCE:g}: 0 ignores the voice, 1 follows it. Got {followed}."
            )
        sizes = self.drawer.sizes_px
        if px and px not in sizes:
            raise ConfigError(f"`px` must be one that {self.who} draws: {', '.join(map(str, sizes))}. Got {px}.")
        size = {"px": px} if px and px != self.drawer.image_px else {}
        told = everything_told(self.drawer.conditions, conditions, who=self.who, known_values=self.drawer.known_values)
        return DrawingRequest(heard, told, n_samples, seed=seed, guidance=followed, options={**(options or {}), **size})

    def pieces(self, request: DrawingRequest, progress: Progress | None = None) -> Iterator[NDArray[np.uint8]]:
        """Yield the pictures, `compute.batch_size` at a time, so that thousands pass in the memory of a few.

        Yields:
            (n, px, px, 3) uint8 RGB.

        Raises:
            DataError: the drawer gives pictures of another size than was asked for.
        """
        px = request.options.get("px", self.drawer.image_px)
        last = request.first_sample + request.n_samples
        for first in range(request.first_sample, last, self.compute.batch_size):
            n = min(self.compute.batch_size, last - first)
            piece = DrawingRequest(
                request.heard, request.told, n, first, request.seed, request.guidance, request.options
            )
            pictures = self.drawer.draw(piece, _of_all(progress, first - request.first_sample, n, request.n_samples))
            if pictures.shape != (n, px, px, 3):
                raise DataError(
                    f"{self.who} must draw ({n}, {px}, {px}, 3) and drew {pictures.shape}: its parts are of different "
                    "generators. Train or copy it again."
                )
            yield pictures

    def labels(self, request: DrawingRequest, sha256: str) -> tuple[PictureLabel, ...]:
        """Return what the pictures of a request say of themselves, in order."""
        guidance = self.drawer.guidance if request.guidance is None else request.guidance
        samples = range(request.first_sample, request.first_sample + request.n_samples)
        return tuple(
            PictureLabel(self.name, self.method, request.seed, i, float(guidance), sha256, request.told, self.licence)
            for i in samples
        )

    def notes(self, request: DrawingRequest) -> list[str]:
        """Return what a user must be told about a request, a line each."""
        notes = []
        if request.guidance == 0:
            notes.append("guidance 0 ignores the voice: these are faces of nobody in particular")
        elif request.guidance is not None and request.guidance > EXAGGERATED:
            notes.append(f"guidance {request.guidance:g} exaggerates; faces may fall apart above {EXAGGERATED:g}")
        if may_leak(request.told):
            notes.append(LEAKED)
        return notes


def _shown_model(name: str | Path) -> str:
    """Return how a model is named in labels, without the folders above it: "portrait", "run", "owner/model"."""
    folder = Path(name)
    if not folder.is_dir():
        return str(name)
    folder = folder.resolve()
    return folder.parent.name if folder.name in ("generator", "best") else folder.name


def _of_all(progress: Progress | None, done: int, n: int, total: int) -> Progress | None:
    """Return the progress of a piece as that of the whole: steps where there is one piece, else pictures."""
    if progress is None or n == total:
        return progress
    return lambda part, parts: progress(done + n * part // max(1, parts), total)


def _digest(voice: Voice) -> str:
    """Return the SHA-256 of a file's bytes, or of the samples of an array as float32."""
    if isinstance(voice, np.ndarray):
        return hashlib.sha256(np.ascontiguousarray(voice, np.float32).tobytes()).hexdigest()
    with Path(voice).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
