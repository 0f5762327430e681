"""What draws faces in a service: labelled guesses from a voice, a few at a time, one request after another.

Example:
    desk = DrawingDesk("portrait", Compute())
    desk.draw(samples, data, "v.wav", DrawingOrder(n_samples=4, seed=0), deadline).facts["label"]
"""

from __future__ import annotations

import dataclasses
import hashlib
import threading
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError, MediaError
from visavox.generation.picture_files import picture_bytes
from visavox.pipeline.drawing.generating import drawing_facts
from visavox.pipeline.drawing.generator_folder import Generator
from visavox.pipeline.drawing.voice_to_face import UNHEARD, VoiceToFacePipeline
from visavox.pipeline.frozen_encoder import Compute
from visavox.web.queueing import Deadline

MOST_DRAWN = 16
"""Pictures of one request; the command `generate` draws thousands."""
LEFT_OUT = ("contact_sheets", "pictures")
"""What a folder of `generate` lists of its files."""


@dataclass(frozen=True)
class DrawingOrder:
    """What is asked for."""

    n_samples: int = 4
    """How many, 1 to `MOST_DRAWN`."""
    seed: int = 0
    """The pictures depend on it, the voice and the model alone; 0 or more."""
    guidance: float | None = None
    """How far to follow the voice, 0 to 30; None takes what the model was chosen with."""
    method: str = ""
    """"decoder" or "diffusion"; empty takes the first that the generator has."""


@dataclass(frozen=True)
class Drawn:
    """Guesses of a face."""

    facts: dict[str, Any]
    """What they are, from what, with the provenance of everything: what faces.json of `generate` holds."""
    pictures: tuple[bytes, ...]
    """PNG files, each labelled inside."""


class DrawingDesk:
    """Draws by one generator.

    Args:
        name: a boxed name or a folder.
        compute: where and how networks run.
    """

    def __init__(self, name: str, compute: Compute) -> None:
        """Load the way that the generator draws by first; others are loaded when they are asked for.

        Raises:
            ConfigError, DataError: there is no such generator, or it is damaged.
        """
        self.name = name
        self.compute = compute
        self.generator = Generator.load(name)
        self._pipelines: dict[str, VoiceToFacePipeline] = {}
        self._one_at_a_time = threading.Lock()
        self._loading = threading.Lock()
        self.pipeline("")

    def pipeline(self, method: str) -> VoiceToFacePipeline:
        """Return what draws by a method.

        Raises:
            ConfigError: the generator does not draw so.
        """
        known = self.generator.methods
        if method and method not in known:
            raise ConfigError(f"`method` must be one that {self.name} draws by: {', '.join(known)}. Got {method!r}.")
        with self._loading:
            if method not in self._pipelines:
                self._pipelines[method] = VoiceToFacePipeline.from_pretrained(self.name, method or None, self.compute)
            return self._pipelines[method]

    def draw(
        self, samples: NDArray[np.float32], data: bytes, name: str, order: DrawingOrder, deadline: Deadline
    ) -> Drawn:
        """Return guesses of what a speaker looks like; the same for the same voice, order and generator.

        Args:
            samples: (n,) float32 at 16 kHz: the voice.
            data: the file that it was read from, for its digest.
            name: of that file.
            order: what is asked for.
            deadline: drawing is given up when it is over.

        Raises:
            ConfigError: a number is out of range.
            MediaError: the voice cannot be used; `status` says why.
            TimeLimitError: it took too long.
        """
        pipeline = self.pipeline(order.method)
        if not 1 <= order.n_samples <= MOST_DRAWN:
            raise ConfigError(f"`samples` must be 1 to {MOST_DRAWN}. Got {order.n_samples}.")
        request = pipeline.request(UNHEARD, order.n_samples, order.seed, order.guidance)
        if not self._one_at_a_time.acquire(timeout=deadline.left_s):
            raise deadline.over()
        try:
            try:
                speaker = pipeline.hear(samples)
            except MediaError as error:
                raise MediaError(f"{name}: {error}", status=error.status) from error
            speaker = dataclasses.replace(speaker, sha256=hashlib.sha256(data).hexdigest())
            request = dataclasses.replace(request, heard=speaker.heard)
            pieces = list(pipeline.pieces(request, lambda _done, _total: deadline.check()))
        finally:
            self._one_at_a_time.release()
        facts = drawing_facts(name, pipeline, speaker, request)
        facts["notes"] = [*speaker.notes, *pipeline.notes(request)]
        labels = pipeline.labels(request, speaker.sha256)
        pictures = (picture for piece in pieces for picture in piece)
        files = tuple(picture_bytes(picture, label) for picture, label in zip(pictures, labels, strict=True))
        return Drawn({key: value for key, value in facts.items() if key not in LEFT_OUT}, files)

    def facts(self) -> dict[str, Any]:
        """Return name, methods and size of the generator."""
        pipeline = self.pipeline("")
        return {
            "name": pipeline.name,
            "methods": list(self.generator.methods),
            "image_px": self.generator.image_px,
            "licence": pipeline.licence,
        }
