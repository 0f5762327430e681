"""What the commands that name people can be told: enrolment and identification.

As in `visavox.config`, the text under each field is the `--help` of its flag.

Example:
    >>> IdentifyConfig(people=Path("people"), face=Path("a.jpg")).top
    5
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.config import FACE_ENCODER, VOICE_ENCODER, NetworkConfig, PooledConfig
from visavox.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class EnrollConfig(PooledConfig):
    """Enrol people from a few clips each, add more, remove or rename them: what `identify` knows."""

    out: Path
    """Folder of the people: made, or added to."""
    pairs: Path | None = None
    """Folder with faces/, voices/ and clips.csv with a column of persons; or faces/PERSON/ and voices/PERSON/."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones."""
    corpus: Path | None = None
    """Folder that `prepare` wrote, instead of `pairs`; with `embeddings`, where they come from."""
    embeddings: Path | None = None
    """Folder that `embed` wrote, instead of `pairs`; later clips are then embedded with the same encoders. Sessions and
    qualities of clips are known where `corpus` is given too."""
    sessions: tuple[str, ...] = ()
    """Enrol clips of these sessions only; by default of all."""
    remove: tuple[str, ...] = ()
    """Names of people to forget: their vectors, clips and names go. What was learned from everybody together, means and
    projections, still rests on them until --refit, which may be given in the same command."""
    rename: Mapping[str, Any] = field(default_factory=dict)
    """Old name -> new name; a name that is there already takes both people's clips. A name that YAML would change
    stands in quotes: '{"007": "No"}'."""
    backend: str | Mapping[str, Any] = "auto"
    """How a probe is compared with the enrolled: a name or {name: ..., option: ...}; auto chooses for each modality
    inside the enrolled clips, across their sessions. `visavox --list backends` names the choices."""
    false_accept: float = 0.01
    """Share of strangers' probes that may be taken for somebody enrolled, above 0 to 1; sets the threshold. With n
    clips to stand in for strangers 1 / (n + 1) is the least: less than that is raised to it, and said."""
    refit: bool = False
    """Choose, learn, calibrate and set the threshold anew on the clips of everybody enrolled now; by default what the
    first enrolment learned stays, and people are added to it."""
    voice_encoder: str | Mapping[str, Any] = field(default_factory=lambda: dict(VOICE_ENCODER))
    """Voice encoder of a new folder: a name or {name: ..., option: ...}; ge2e_views names more people
    rightly, and takes ten times as long a voice."""
    face_encoder: str | Mapping[str, Any] = field(default_factory=lambda: dict(FACE_ENCODER))
    """Face encoder of a new folder: a name or {name: ..., option: ...}."""
    detector: str = "mtcnn"
    """Face detector of a new folder; `visavox --list detectors` names the choices."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold, in a new folder; 0 keeps every voice that is not silent."""
    voice_window_s: float = 0.0
    """Cut voices into windows of so many seconds, one vector each, in a new folder; 0 makes one of the whole voice."""
    seed: int = 0
    """How clips are dealt out for choosing and calibrating depends on this number alone."""
    overwrite: bool = False
    """Forget whom `out` holds first."""

    def __post_init__(self) -> None:
        """Refuse what cannot be, and a request that changes nothing.

        Raises:
            ConfigError: nobody to enrol, remove or rename; two kinds of people to enrol; an option of what is not
                given; a number out of range; or a name that is none.
        """
        super().__post_init__()
        for name in ("columns", "rename"):
            object.__setattr__(self, name, _names(name, getattr(self, name)))
        object.__setattr__(self, "remove", tuple(dict.fromkeys(self.remove)))
        if not 0 < self.false_accept <= 1:
            raise ConfigError(f"`false_accept` must be above 0 and at most 1. Got {self.false_accept}.")
        if not 0 <= self.voice_window_s < math.inf:
            raise ConfigError(f"`voice_window_s` must be 0 or more. Got {self.voice_window_s}.")
        sources = [name for name in ("pairs", "corpus", "embeddings") if getattr(self, name) is not None]
        if "pairs" in sources and len(sources) > 1:
            raise ConfigError(
                f"Give either `pairs`, a folder of faces and voices, or `corpus` and `embeddings`, or one of these. "
                f"Got {' and '.join(sources)}."
            )
        if not (sources or self.remove or self.rename or self.refit):
            raise ConfigError(
                "Say whom to enrol: either --pairs, a folder of faces and voices, or --corpus, or --embeddings; or "
                "whom to --remove or to --rename."
            )
        for name in ("sessions", "columns"):
            if getattr(self, name) and not (sources if name == "sessions" else self.pairs):
                raise ConfigError(f"`{name}` is of clips to enrol. Give --pairs, or leave --{name} out.")
        if self.voice_window_s and self.embeddings is not None:
            raise ConfigError("`voice_window_s` needs the sound of the voices. Give --pairs or --corpus alone.")


@dataclass(frozen=True, kw_only=True)
class IdentifyConfig(NetworkConfig):
    """Name the person of a face, a voice, or both, among the enrolled, or say that it is a stranger."""

    people: Path
    """Folder that `enroll` wrote, or a network of a run of `train --task identification`."""
    face: Path | None = None
    """An image, or a video that stands for its face."""
    voice: Path | None = None
    """A sound file, or a video that stands for its voice."""
    top: int = 5
    """How many people to name; 1 or more."""
    false_accept: float | None = None
    """Share of strangers that may be taken for somebody enrolled; by default what `enroll` was told. Less than the
    enrolled clips can promise is raised to that, and said."""
    combine: Literal["scores", "sum", "max"] = "scores"
    """With a face and a voice: add calibrated scores, or rank by the sum or the largest of both probabilities; whether
    it is a stranger is decided by the calibrated scores either way."""

    def __post_init__(self) -> None:
        """Refuse a request that names nothing.

        Raises:
            ConfigError: neither a face nor a voice, or a number out of range.
        """
        super().__post_init__()
        if self.face is None and self.voice is None:
            raise ConfigError("Give --face, --voice or both. Got neither.")
        if self.top < 1:
            raise ConfigError(f"`top` must be at least 1. Got {self.top}.")
        if self.false_accept is not None and not 0 < self.false_accept <= 1:
            raise ConfigError(f"`false_accept` must be above 0 and at most 1. Got {self.false_accept}.")


def _names(option: str, names: Mapping[Any, Any]) -> dict[str, str]:
    """Return names as text: YAML takes one like 3 for a number.

    Raises:
        ConfigError: one is no name: nothing but spaces, or what YAML takes for something else.
    """
    for name, (old, new) in ((name, entry) for entry in names.items() for name in entry):
        if isinstance(name, bool) or not isinstance(name, str | int | float):
            raise ConfigError(
                f"`{option}` maps names to names. Got {name!r} for a name, in { {old: new} }: YAML takes a bare "
                f'Null, No, ~ or date for something else. Put names in quotes, as in --{option} \'{{"No": "Null"}}\'.'
            )
        if not str(name).strip():
            raise ConfigError(f"`{option}` takes names, which hold more than spaces. Got {name!r}. Give a name.")
    return {str(old): str(new) for old, new in names.items()}
