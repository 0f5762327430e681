"""Media items: one face image or one voice segment each, the rows of the catalog.

A clip is a face item and a voice item with the same clip name; an unpaired corpus has clips of one item. What fails
is an item too, with a status other than "ok" and a reason. This module holds records only: how they are stored is
`visavox.corpus.catalog`, how they are made is `visavox.pipeline`.

Example:
    >>> item = MediaItem(item_key("a/b", "face"), "a/b", "face", video="v1")
    >>> item.key, item.identity, stored_name("a/b", ".jpg")
    ('a/b/face', 'video:v1', 'a%2Fb.jpg')
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal
from urllib.parse import quote

from visavox.errors import DataError

Modality = Literal["voice", "face"]

MODALITIES: tuple[Modality, ...] = ("voice", "face")

OK = "ok"
"""The status of an item that can be used."""

GIVEN = "given"
"""The origin of an attribute that came with the data; any other origin names the predictor."""

STRATIFIED = ("age", "language", "nationality")
"""Attributes that a link carries beside the gender."""

MAX_NAME_BYTES = 200  # file systems allow 255; the rest is for suffixes and temporary names


@dataclass(frozen=True, slots=True)
class Attribute:
    """A property of the person or the clip (gender, nationality, ...) and where it comes from."""

    value: str
    """The value as text; gender is "m" or "f" where the source could tell."""
    origin: str = GIVEN
    """"given" when it came with the data, else the name of its predictor."""


@dataclass(frozen=True, slots=True)
class ClipLink:
    """What decides whether two clips may be each other's negatives, and be in two subsets."""

    clip: str
    """Name of the clip."""
    identity: str
    """The person, else "video:" and the video, else "clip:" and the clip."""
    video: str | None = None
    """The video that the clip was cut from; None where unknown."""
    gender: str | None = None
    """Label of the same-gender lists; None where unknown."""
    attributes: tuple[tuple[str, str], ...] = ()
    """(name, label) of the other labels that trials are stratified by, those of `STRATIFIED` that are known, sorted."""

    def attribute(self, name: str) -> str | None:
        """Return a label by its name, None where unknown."""
        return self.gender if name == "gender" else dict(self.attributes).get(name)


@dataclass(frozen=True, slots=True)
class MediaItem:
    """One face image or one voice segment.

    Raises:
        DataError: `modality` is neither "voice" nor "face", or `key` or `clip` is empty.
    """

    key: str
    """Unique name: `item_key(clip, modality)`."""
    clip: str
    """Name of the clip; its face and its voice share it."""
    modality: Modality
    """"voice" or "face"."""
    person: str | None = None
    """Who it is; None where unknown."""
    video: str | None = None
    """The video it was cut from; None where unknown."""
    session: str | None = None
    """The recording session; None where unknown."""
    source: str = ""
    """Where it came from: a path relative to the source folder, or a URL."""
    start_s: float | None = None
    """Begin of the clip in its video, seconds; says nothing about positions inside `source`."""
    end_s: float | None = None
    """End of the clip in its video, seconds."""
    status: str = OK
    """"ok", or a short code of what failed."""
    reason: str = ""
    """One line for a person when the status is not "ok"."""
    path: str | None = None
    """The stored file, relative to the corpus folder; None when nothing was stored."""
    digest: str | None = None
    """SHA-256 of the stored media, hexadecimal: the key of the embedding cache."""
    quality: Mapping[str, float] = field(default_factory=dict)
    """Quality figures by name, the unit in the name: `duration_s`, `loudness_db`, `face_width_px`."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """Attributes by name."""

    def __post_init__(self) -> None:
        """Check what every reader relies on."""
        if self.modality not in MODALITIES:
            raise DataError(f"`modality` must be 'voice' or 'face'. Got {self.modality!r} for item {self.key!r}.")
        if not self.key or not self.clip:
            raise DataError(f"An item needs a key and a clip. Got key {self.key!r}, clip {self.clip!r}.")

    @property
    def identity(self) -> str:
        """The person; where unknown, each video counts as one; where that is unknown too, each clip."""
        return identity_of(self.clip, person=self.person, video=self.video)

    def link(self) -> ClipLink:
        """Return what splits and trials need to know of the clip."""
        gender = self.attributes.get("gender")
        known = self.attributes
        others = tuple((n, known[n].value) for n in STRATIFIED if n in known and known[n].origin == GIVEN)
        return ClipLink(self.clip, self.identity, self.video, gender.value if gender else None, others)


def identity_of(clip: str, *, person: str | None, video: str | None) -> str:
    """Return the name under which a clip counts as one person.

    Example:
        >>> identity_of("c", person=None, video=None)
        'clip:c'
    """
    if person:
        return person
    return f"video:{video}" if video else f"clip:{clip}"


def item_key(clip: str, modality: Modality, index: int = 0) -> str:
    """Return the unique key of an item.

    Args:
        clip: name of the clip.
        modality: "voice" or "face".
        index: 0 for the first item of this modality in the clip, then 1, 2, ...

    Example:
        >>> item_key("c", "voice"), item_key("c", "voice", 2)
        ('c/voice', 'c/voice/2')
    """
    return f"{clip}/{modality}/{index}" if index else f"{clip}/{modality}"


def stored_name(clip: str, suffix: str) -> str:
    """Return a file name for a clip that no name can turn into a path outside its folder.

    Everything but letters, digits and `_.-~` is percent-encoded, and so is a leading dot. Two clips never share a
    name on a file system that tells capitals apart. A name over 200 bytes is cut and ends in its SHA-256.

    Args:
        clip: any text.
        suffix: with its dot, ".jpg" for instance; it is taken as it is.

    Example:
        >>> stored_name("../x", ".jpg"), stored_name("-a b", ".flac")
        ('%2E.%2Fx.jpg', '-a%20b.flac')
    """
    name = quote(clip, safe="", errors="surrogatepass")
    if name.startswith("."):
        name = "%2E" + name[1:]
    if len(name) > MAX_NAME_BYTES:
        digest = hashlib.sha256(clip.encode("utf-8", "surrogatepass")).hexdigest()
        name = f"{name[: MAX_NAME_BYTES - 65]}%{digest}"
    return name + suffix
