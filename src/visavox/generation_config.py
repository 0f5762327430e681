"""What the command `generate` can be told.

Example:
    >>> GenerateConfig(voice=Path("voice.wav"), out=Path("faces")).samples
    8
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.config import NetworkConfig
from visavox.errors import ConfigError

MOST_SAMPLES = 4096
MOST_GUIDANCE = 30.0


@dataclass(frozen=True, kw_only=True)
class GenerateConfig(NetworkConfig):
    """Draw what the speaker may look like: guesses from a voice, each labelled as one."""

    voice: Path
    """A sound file, or a video that stands for its voice."""
    out: Path
    """Folder for the pictures, a contact sheet and what was done as JSON."""
    model: str = "portrait"
    """A boxed name, a folder that `train --task reconstruction` or `--task diffusion` wrote, or a hub id."""
    method: Literal["decoder", "diffusion"] = "decoder"
    """decoder draws the expected face and its scatter in one pass; diffusion draws in many steps."""
    samples: int = 8
    """How many faces to draw; 1 to 4096."""
    seed: int = 0
    """The pictures depend on it, the voice and the model alone; sample i is the same however many are drawn."""
    guidance: float | None = None
    """How far to follow the voice: 0 ignores it, 1 follows it, more exaggerates, 30 at most; by default what the
    model was chosen with."""
    steps: int = 0
    """With diffusion: steps of the sampler, 1 to 1000; 0 takes the model's own."""
    sampler: Literal["auto", "ddpm", "ddim", "dpm"] = "auto"
    """With diffusion: DDPM, DDIM or DPM-Solver++; auto takes the model's own."""
    px: int = 0
    """Side of a picture in pixels, one that the model can draw; 0 takes its own."""
    start_s: float | None = None
    """Where the speech begins that is listened to; by default the stretch with most speech is chosen, and said."""
    age: float | None = None
    """Given by you, in years, 0 to 120; only a model that was trained with ages takes it."""
    gender: Literal["", "female", "male"] = ""
    """Given by you; only a model that was trained with genders takes it."""
    ethnicity: str = ""
    """Given by you; only a model that was trained with it takes it; a wrong name lists the right ones."""
    language: str = ""
    """Given by you; only a model that was trained with it takes it; a wrong name lists the right ones."""
    guide: Path | None = None
    """A picture of a face, used at low resolution: what is drawn then shows what you gave, not what the voice tells."""
    guide_is_true: bool = False
    """The guide, or the attributes above, come from the true face of the speaker: every picture is marked so."""
    overwrite: bool = False
    """Replace pictures that `out` holds."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges.

        Raises:
            ConfigError: a number is out of range, or an option of diffusion is given to the decoder.
        """
        super().__post_init__()
        if not 1 <= self.samples <= MOST_SAMPLES:
            raise ConfigError(f"`samples` must be 1 to {MOST_SAMPLES}. Got {self.samples}.")
        if self.guidance is not None and not 0 <= self.guidance <= MOST_GUIDANCE:
            raise ConfigError(
                f"`guidance` must be 0 to {MOST_GUIDANCE:g}: 0 ignores the voice, 1 follows it. Got {self.guidance}."
            )
        if not 0 <= self.steps <= 1000:
            raise ConfigError(f"`steps` must be 1 to 1000, or 0 for the model's own. Got {self.steps}.")
        if self.age is not None and not 0 <= self.age <= 120:
            raise ConfigError(f"`age` must be 0 to 120 years. Got {self.age}.")
        if self.start_s is not None and not self.start_s >= 0:
            raise ConfigError(f"`start_s` must be 0 or more seconds. Got {self.start_s}.")
        if self.method == "decoder":
            for name in ("steps", "sampler"):
                if getattr(self, name) != getattr(GenerateConfig, name):
                    raise ConfigError(f"`{name}` is of the method diffusion. Say --method diffusion, or leave it out.")
