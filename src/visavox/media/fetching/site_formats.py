"""Which of the streams that a site offers for a video are fetched.

Wanted are pictures as high as asked for and not higher, with sound, as plain files that can be read in parts. At equal
height one file comes before two (one connection, and picture and sound cannot drift), H.264 before other codecs (it is
decoded several times faster), and fewer bits before more.

Example:
    >>> def offer(name, vcodec, acodec, height=None):
    ...     url = f"https://a.org/{name}"
    ...     return {"format_id": name, "url": url, "vcodec": vcodec, "acodec": acodec, "height": height}
    >>> offers = [offer("18", "avc1", "mp4a", 360), offer("136", "avc1", "none", 720), offer("140", "none", "mp4a")]
    >>> [[f["format_id"] for f in choice] for choice in choose_formats(offers, max_height_px=720)]
    [['136', '140'], ['18']]
    >>> [[f["format_id"] for f in choice] for choice in choose_formats(offers, max_height_px=480)]
    [['18'], ['136', '140']]
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Format = Mapping[str, Any]
"""What yt-dlp knows of one stream."""

SOUND_BITS = 100.0
"""Thousand bits a second of sound that are enough for speech; above it fewer are better."""


def choose_formats(formats: Sequence[Format], *, max_height_px: int) -> list[tuple[Format, ...]]:
    """Return what could be fetched, the best first.

    Args:
        formats: as in yt-dlp's `info["formats"]`.
        max_height_px: height of the pictures that is wanted, pixels.

    Returns:
        Each one format with picture and sound, or two, picture and sound. Where nothing has sound the picture alone,
        and where nothing has a picture the sound alone. Empty where nothing is a plain file.
    """
    plain = [f for f in formats if _is_plain(f)]
    # A format that says nothing of its codecs, as a bare link, is one file with both.
    whole: list[tuple[Format, ...]] = [(f,) for f in plain if _has(f, "vcodec") and _has(f, "acodec")]
    pictures = [f for f in plain if _has(f, "vcodec") and not _has(f, "acodec")]
    sounds = sorted((f for f in plain if _has(f, "acodec") and not _has(f, "vcodec")), key=_sound_rank)
    if sounds:
        whole += [(f, sounds[0]) for f in pictures]
    if not whole:
        whole = [(f,) for f in pictures] or [(f,) for f in sounds]
    return sorted(whole, key=lambda choice: _rank(choice, max_height_px))


def _is_plain(found: Format) -> bool:
    """Whether a format is one file behind a URL, not a list of pieces, a page of pictures or locked."""
    return (
        str(found.get("url", "")).lower().startswith(("http://", "https://"))
        and (found.get("protocol") or "https") in ("http", "https")
        and not found.get("has_drm")
        and not found.get("fragments")
        and (_has(found, "vcodec") or _has(found, "acodec"))
    )


def _has(found: Format, what: str) -> bool:
    return found.get(what) != "none"


def _rank(choice: tuple[Format, ...], max_height_px: int) -> tuple[float, ...]:
    picture = choice[0]
    # yt-dlp counts the shorter side of an upright phone video as its height only now and then.
    sides = [side for side in (picture.get("height"), picture.get("width")) if side]
    height = min(sides) if sides else 0
    return (
        height if height > max_height_px else -height,  # all that are not too high come first
        -(picture.get("language_preference") or 0),
        len(choice),
        not str(picture.get("vcodec") or "avc1").startswith(("avc1", "h264")),
        picture.get("tbr") or 0.0,
    )


def _sound_rank(sound: Format) -> tuple[float, ...]:
    bits = sound.get("abr") or sound.get("tbr") or 0.0
    # The language of the speakers before a dubbed one, which no face belongs to.
    return (-(sound.get("language_preference") or 0), bits < SOUND_BITS, abs(bits - SOUND_BITS))
