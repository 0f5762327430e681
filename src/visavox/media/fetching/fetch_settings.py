"""How patiently, how much and how often videos are fetched.

Example:
    >>> FetchSettings(max_height_px=480).attempts
    4
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class FetchSettings:
    """Ranges are those of `PrepareConfig`."""

    attempts: int = 4
    """Times that a fetch is tried, 1 or more; a try that brought another megabyte is not counted."""
    requests_per_minute: float = 60.0
    """Tries a minute at most at one host, over all threads; 0 sets no limit."""
    timeout_s: float = 30.0
    """Seconds without a byte after which a try counts as failed."""
    max_bytes: int = 2_000_000_000
    """Most bytes that are fetched for one clip."""
    max_height_px: int = 720
    """Height of the pictures where a site offers several."""
    cookies: Path | None = None
    """File of cookies in Netscape's format."""
    first_wait_s: float = 1.0
    """Wait before the second try, on average; it doubles with each further one."""
    max_wait_s: float = 120.0
    """Longest wait before a try, also where a server asks for more."""
