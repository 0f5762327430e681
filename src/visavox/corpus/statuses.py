"""What each status of an item means, and what a user can do about it.

A status is a short code in a row of the catalog; the row's reason is the whole sentence. A status that is not listed
here would be a mistake of ours: a test looks for it.

Example:
    >>> STATUSES["network"].is_transient, STATUSES["removed"].is_transient
    (True, False)
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Status:
    """One status."""

    meaning: str
    """What is the case, in a few words."""
    remedy: str = ""
    """What a user can do; "" where there is nothing to do."""
    is_transient: bool = False
    """The next `prepare` tries such a clip again by itself."""


_FETCH_AGAIN = "fetch the file again, then: corpus retry"
_LOWER = "lower the limit of prepare to keep such clips"

STATUSES: Mapping[str, Status] = {
    "ok": Status("can be used"),
    # fetching
    "network": Status("the server was not reached, or failed", "run prepare again", is_transient=True),
    "disk": Status("no room on the disk", "free space and run prepare again", is_transient=True),
    "private": Status("the video is private", "give --cookies of an account that may see it"),
    "removed": Status("the video does not exist any more"),
    "region": Status("the video is not shown in this country"),
    "age": Status("the video asks for the age of an account", "give --cookies of an account of age"),
    "not_a_video": Status("what the address gives is no video"),
    "too_large": Status("larger than --max-video-mb", "raise the limit, then: corpus retry"),
    "unsupported_address": Status("an address that nothing here can fetch", "correct the list"),
    # lists and files
    "missing_file": Status("the file does not exist", "put it there, then: corpus retry"),
    "ambiguous_file": Status("several files could be meant", "rename one, then: corpus retry"),
    "duplicate_key": Status("the clip is listed twice"),
    "malformed_row": Status("the row of the list is broken", "correct the list"),
    "empty_clip_name": Status("the row names no clip", "correct the list"),
    "invalid_time": Status("a time that is none, or an end before its start", "correct the list"),
    "invalid_place": Status("a speaker's place outside the picture", "correct the list"),
    "past_the_end": Status("the segment lies behind the end of the video"),
    "empty_file": Status("the file has no bytes", _FETCH_AGAIN),
    "truncated": Status("the file is cut short", _FETCH_AGAIN),
    "growing_file": Status("the file was being written", "run prepare again", is_transient=True),
    "unexpected_error": Status("a failure that has no name yet", "please report it with the file"),
    # picture
    "unreadable_video": Status("no picture can be decoded", "convert the file, or let it be read, then: corpus retry"),
    "unreadable_image": Status("no image can be decoded", "convert the file, or let it be read, then: corpus retry"),
    "no_video_stream": Status("the file holds no moving picture"),
    "image_too_large": Status("a picture larger than anything sensible"),
    "no_face": Status("no face was found"),
    "several_faces": Status("more than one face could be the speaker", "give the speaker's place in a list"),
    "speaker_not_found": Status("no face where the list says that the speaker is"),
    "small_face": Status("the face is too small", _LOWER),
    "blurred_face": Status("the face is too blurred", _LOWER),
    "turned_face": Status("the face is turned away", _LOWER),
    # sound
    "unreadable_audio": Status("no sound can be decoded", "convert the file, or let it be read, then: corpus retry"),
    "no_audio_stream": Status("the file holds no sound"),
    "empty_audio": Status("the sound holds no samples"),
    "silent": Status("silence"),
    "no_speech": Status("sound without speech: music or noise"),
    "too_little_speech": Status("less speech than --min-speech-s", _LOWER),
}
"""Every status that a row can have."""

TRANSIENT = frozenset(name for name, status in STATUSES.items() if status.is_transient)
"""Statuses that the next `prepare` tries again."""
