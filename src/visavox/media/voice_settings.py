"""What decides whether the voice of a clip is kept, and how much of it.

Example:
    >>> VoiceSettings().min_speech_s
    0.5
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class VoiceSettings:
    """Stored with the catalog, so that a corpus is of one making."""

    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold; 0 keeps every voice that is not silent."""
    unloop: bool = True
    """Of a recording that a source has repeated to fill a length keep one period."""
