"""What matching a voice with faces came to, failures included.

Example:
    >>> a = FaceOutcome("a.jpg", status="ok", probability=0.7, similarity=0.4, n_faces=1, note="")
    >>> b = FaceOutcome("b.jpg", status="ok", probability=0.3, similarity=0.3, n_faces=1, note="")
    >>> MatchOutcome("v.wav", "ok", "", 3.1, (a, b), "base").best
    0
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

from visavox.errors import one_line

BAR_WIDTH = 20  # characters


@dataclass(frozen=True)
class FaceOutcome:
    """One candidate face."""

    name: str
    """The path as it was given, or "face 1" for an array."""
    status: str
    """"ok", or why it takes no part: "no_face", "unreadable_image", "missing_file" ..."""
    probability: float | None
    """That this face belongs to the voice, given that one of the usable candidates does; 0 to 1."""
    similarity: float | None
    """Cosine of voice and face in the common space; -1 to 1."""
    n_faces: int
    """Faces found in the image; with several the largest is taken, and `note` says so."""
    note: str
    """One line for the reader; empty where there is nothing to say."""


@dataclass(frozen=True)
class MatchOutcome:
    """A voice against its candidate faces."""

    voice: str
    """The path as it was given, or "voice" for an array."""
    voice_status: str
    """"ok", or why there is no answer: "silent", "too_little_speech", "unreadable_audio" ..."""
    voice_note: str
    """One line for the reader."""
    speech_s: float
    """Seconds of speech that were heard."""
    faces: tuple[FaceOutcome, ...]
    """One for each candidate, in the order given."""
    model: str
    """Name of the model."""

    @property
    def probabilities(self) -> tuple[float | None, ...]:
        """A probability for each face, None for those that take no part; the rest sum to 1."""
        return tuple(face.probability for face in self.faces)

    @property
    def best(self) -> int | None:
        """Index of the most probable face; None where there is no answer or two are equally probable."""
        known = [p for p in self.probabilities if p is not None]
        if not known or known.count(max(known)) > 1:
            return None
        return self.probabilities.index(max(known))

    @property
    def decided(self) -> bool:
        """Whether there was a usable voice and at least two usable faces."""
        return any(p is not None for p in self.probabilities)

    def __str__(self) -> str:
        """Return the lines that `visavox match` prints: a bar and a probability for each face, and how to read them."""
        names = [one_line(face.name) for face in self.faces]
        width = max(map(len, names), default=0)
        lines = []
        for index, (name, face) in enumerate(zip(names, self.faces, strict=True)):
            mark = ">" if index == self.best else " "
            lines.append(f"{mark} {name:<{width}}  {_face_words(face)}")
        if self.voice_status != "ok":
            lines.append(f"No answer: {one_line(self.voice_note)}")
        elif not self.decided:
            lines.append("No answer: at least two usable faces are needed.")
        else:
            lines.append(
                f"A guess by {self.model} from {self.speech_s:.1f} s of speech, "
                "given that one of these faces is the speaker's."
            )
        return "\n".join(lines)

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as a mapping that JSON can hold."""
        return {**dataclasses.asdict(self), "best": self.best, "decided": self.decided}


def _face_words(face: FaceOutcome) -> str:
    if face.probability is None:
        return one_line(face.note) or "not compared"
    bar = "#" * round(BAR_WIDTH * face.probability)
    return f"{bar:<{BAR_WIDTH}} {100 * face.probability:5.1f} %  {face.note}".rstrip()
