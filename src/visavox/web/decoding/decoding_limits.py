"""What one upload may be, and what decoding it may cost.

Not about requests: how large a body may be and how long it may take is `visavox.web.limits`.

Example:
    >>> DecodingLimits(max_voice_s=2.0).arena_bytes == DecodingLimits().max_film_pixels * 3
    True
"""

from __future__ import annotations

import json
import math
from dataclasses import asdict, dataclass

SAMPLE_RATE = 16_000
"""Rate of every voice inside the package, in Hz."""
GRACE_S = 0.1
"""Seconds beyond `max_voice_s` that are let pass: codecs put up to 60 ms of their own around a sound."""
BYTES_A_PIXEL = 40
"""Address space that decoding takes for each pixel at most: 16-bit grey passes through three arrays of doubles."""
FILM_PICTURES = 2
"""Largest pictures that all frames of a film may be together: seven frames of 3840 x 2160 are 1.5 of 40 megapixels."""
ROOM_BYTES = 512 << 20
"""Address space for decoders, their tables and their threads, beyond what the process has when it is ready."""


@dataclass(frozen=True, kw_only=True)
class DecodingLimits:
    """Limits of one upload and of the process that decodes it."""

    max_bytes: int = 32_000_000
    """Largest file, in bytes."""
    max_voice_s: float = 120.0
    """Longest voice, in seconds; counted while it is decoded."""
    max_pixels: int = 40_000_000
    """Largest picture, in pixels; read from its header before it is decoded."""
    timeout_s: float = 10.0
    """Seconds that decoding may take by the clock; the processor's seconds are held to the same."""
    start_s: float = 60.0
    """Seconds that a process may take to start; it needs 0.2 on a machine with nothing else to do."""
    items: int = 1000
    """Uploads after which a process is replaced, so that nothing can pile up in one."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges; these are set by the service and not by its users.

        Raises:
            ValueError: a number is not above 0, or is not finite.
        """
        for name, value in asdict(self).items():
            if not 0 < value < math.inf:
                raise ValueError(f"`{name}` must be above 0 and finite. Got {value}.")

    @property
    def max_samples(self) -> int:
        """Most samples of a voice at 16 kHz."""
        return math.ceil((self.max_voice_s + GRACE_S) * SAMPLE_RATE)

    @property
    def max_film_pixels(self) -> int:
        """Most pixels of all frames that are taken of a film together; each is held to `max_pixels`."""
        return FILM_PICTURES * self.max_pixels

    @property
    def arena_bytes(self) -> int:
        """Bytes of the largest result: 4 a sample, 3 a pixel."""
        return max(4 * self.max_samples, 3 * self.max_film_pixels)

    @property
    def memory_bytes(self) -> int:
        """Address space that a process may take beyond what it has when it is ready."""
        return ROOM_BYTES + BYTES_A_PIXEL * self.max_pixels + 2 * self.arena_bytes

    def to_json(self) -> str:
        """Return the limits as a line for the process that is held to them."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> DecodingLimits:
        """Return the limits that `to_json` wrote."""
        return DecodingLimits(**json.loads(text))
