"""What a source is: something that lists clips, each with its files and what is known about it.

A source reads tables and folder listings; it opens no image and no sound. What it cannot supply is a record with a
problem, so that every clip that was asked for ends as rows of the catalog.

Example:
    >>> record = ClipRecord("c", voice_path=Path("c.wav"), problem=("missing_file", "no file for 'c' in faces/"))
    >>> [(item.key, item.status) for item in problem_items(record)]
    [('c/face', 'missing_file')]
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from visavox.corpus.items import MODALITIES, Attribute, MediaItem, Modality, item_key
from visavox.corpus.sources.speaker_path import SpeakerPath


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One clip of a source: its files and what the source knows about it.

    A path that is None together with a `problem` is a row that failed, for that reason; a path that is None without
    a problem means that the clip never had such an item (an unpaired corpus). A path that is given can be used,
    whatever the problem says. With an `address` both paths are None until it was fetched.
    """

    clip: str
    """Name of the clip, unique in the source."""
    face_path: Path | None = None
    """The image or video to read the face from."""
    voice_path: Path | None = None
    """The sound or video to read the voice from."""
    person: str | None = None
    """Who it is; None where unknown."""
    video: str | None = None
    """The video it was cut from; None where unknown."""
    session: str | None = None
    """The recording session; None where unknown."""
    start_s: float | None = None
    """Begin of the clip in its video, seconds; no position inside the files unless `is_whole_video`."""
    end_s: float | None = None
    """End of the clip in its video, seconds; None is the end of the video."""
    is_whole_video: bool = False
    """The file, or what the address gives, is the whole video: the clip is its part from `start_s` to `end_s`. False:
    the files are already cut."""
    address: str = ""
    """Where the video is to be fetched from: youtube:ID, http(s)://, file://. "" where the files lie at hand."""
    speaker: SpeakerPath | None = None
    """Where in the picture the speaker's face is, by seconds from the beginning of the clip; None where unknown."""
    attributes: Mapping[str, Attribute] = field(default_factory=dict)
    """Attributes by name."""
    problem: tuple[str, str] | None = None
    """(status, reason) of the items whose path is None."""
    face_source: str = ""
    """Where the face comes from, relative to the source: "faces/a.jpg"."""
    voice_source: str = ""
    """Where the voice comes from, relative to the source: "voices/a.wav"."""

    def path(self, modality: Modality) -> Path | None:
        """Return the file of one modality."""
        return self.face_path if modality == "face" else self.voice_path

    def source(self, modality: Modality) -> str:
        """Return where the item of one modality comes from, relative to the source."""
        return self.face_source if modality == "face" else self.voice_source


class Source(ABC):
    """A list of clips; iterate over it for `ClipRecord`s. `len()` is the number of records, for progress.

    Iterating twice gives the same records in the same order, which is what makes `prepare` resumable.
    """

    @abstractmethod
    def __iter__(self) -> Iterator[ClipRecord]:
        """Iterate over the clips, in the order of the source."""

    def fresh(self, done: Container[str]) -> Iterator[ClipRecord]:
        """Iterate over the clips that are not done; a source of millions may pass over those without making them.

        Args:
            done: names of clips.
        """
        return (record for record in self if record.clip not in done)

    @abstractmethod
    def __len__(self) -> int:
        """Return the number of records that iterating gives."""

    @abstractmethod
    def settings(self) -> dict[str, object]:
        """Return what decides the records, as JSON values, to be kept in the catalog."""

    @abstractmethod
    def stats(self) -> dict[str, object]:
        """Return the figures of the last complete iteration, as JSON values: counts by kind of problem."""


def problem_items(record: ClipRecord) -> list[MediaItem]:
    """Return the failed rows of a record: one for each modality it should have and has not.

    Returns:
        Items with the status and the reason of `record.problem`; an empty list when there is no problem.
    """
    if record.problem is None:
        return []
    status, reason = record.problem
    blank = [record_item(record, modality) for modality in MODALITIES if record.path(modality) is None]
    return [replace(item, status=status, reason=reason) for item in blank]


def record_item(record: ClipRecord, modality: Modality) -> MediaItem:
    """Return the row of one modality with all that the source knows, before its file was looked at."""
    return MediaItem(
        item_key(record.clip, modality),
        record.clip,
        modality,
        person=record.person,
        video=record.video,
        session=record.session,
        source=record.source(modality),
        start_s=record.start_s,
        end_s=record.end_s,
        attributes=record.attributes,
    )
