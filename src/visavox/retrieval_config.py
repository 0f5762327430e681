"""What the commands `gallery ...` and `search` can be told.

As in `visavox.config`, the text under each field is the `--help` of its flag.

Example:
    >>> SearchConfig(query=Path("voice.wav"), gallery=Path("gallery")).k
    10
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.config import CommandConfig, NetworkConfig, PooledConfig
from visavox.errors import ConfigError

Modalities = Literal["both", "face", "voice"]
MOST_NEIGHBOURS = 10_000


@dataclass(frozen=True, kw_only=True)
class GallerySourceConfig(PooledConfig):
    """What goes into a gallery."""

    pairs: Path | None = None
    """Folder with faces/, voices/ and clips.csv; or faces/PERSON/ and voices/PERSON/; one modality may be missing."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones."""
    corpus: Path | None = None
    """Folder that `prepare` wrote, instead of `pairs`; with `embeddings`, where their pictures and sounds are."""
    embeddings: Path | None = None
    """Folder that `embed` wrote with the encoders of the gallery's model, instead of `pairs`."""
    modalities: Modalities = "both"
    """Take faces, voices, or both."""
    media: bool = True
    """Keep a small picture of each face and a few seconds of each voice beside the vectors, to be shown and played."""

    def __post_init__(self) -> None:
        """Refuse a request without a source, or with two.

        Raises:
            ConfigError: nothing to take, or `pairs` beside a corpus or embeddings.
        """
        super().__post_init__()
        if self.pairs is not None and (self.corpus is not None or self.embeddings is not None):
            raise ConfigError("`pairs` is taken alone. Leave out --corpus and --embeddings, or --pairs.")
        if self.pairs is None and self.corpus is None and self.embeddings is None:
            raise ConfigError("A gallery is made of clips. Give --pairs, --corpus or --embeddings.")


@dataclass(frozen=True, kw_only=True)
class GalleryBuildConfig(GallerySourceConfig):
    """Make a gallery of faces and voices that `search` and `serve` look things up in."""

    out: Path
    """Folder of the gallery; of a Milvus gallery, the small folder that says where it is."""
    model: str = "base"
    """What brings voices and faces into one space: a boxed name, a folder, a run of `train`, or a hub id."""
    index: str | Mapping[str, Any] = "auto"
    """How vectors are looked up: a name or {name: ..., option: ...}; auto is exact up to a million, then hnsw.
    `visavox --list indexes` names the choices."""
    backend: Literal["local", "milvus"] = "local"
    """Where it is kept: files of its own, or Milvus, for many writers and machines."""
    uri: str = ""
    """With milvus: a file for the embedded one, or the address of a server, http://HOST:19530, whose token is read from
    the environment variable MILVUS_TOKEN."""
    collection: str = "visavox"
    """With milvus: name that its collections begin with."""
    overwrite: bool = False
    """Replace the gallery that `out` holds."""


@dataclass(frozen=True, kw_only=True)
class GalleryAddConfig(GallerySourceConfig):
    """Add clips to a gallery; those that it holds already, by their keys, are replaced."""

    gallery: Path
    """Folder of the gallery."""


@dataclass(frozen=True, kw_only=True)
class GalleryRemoveConfig(CommandConfig):
    """Remove people or clips from a gallery, with their pictures and sounds."""

    gallery: Path
    """Folder of the gallery."""
    people: tuple[str, ...] = ()
    """Names of people who go with all their clips."""
    clips: tuple[str, ...] = ()
    """Names of clips that go."""
    erase: bool = True
    """Write the files anew that hold them, so that nothing of them stays on the disk; false leaves that to the next
    time that these files are written, which is quicker in a large gallery."""


@dataclass(frozen=True, kw_only=True)
class GalleryInfoConfig(CommandConfig):
    """Tell what a gallery holds: model, index, people, clips, attributes, bytes."""

    gallery: Path
    """Folder of the gallery."""
    verify: bool = False
    """Read everything and compare it with its checksums."""


@dataclass(frozen=True, kw_only=True)
class GalleryExportConfig(CommandConfig):
    """Write a gallery as tables and media that other tools open."""

    gallery: Path
    """Folder of the gallery."""
    out: Path
    """Folder to write: voice.parquet and face.parquet as `embed` writes them, clips.csv, faces/ and voices/."""
    overwrite: bool = False
    """Replace what `out` holds."""


@dataclass(frozen=True, kw_only=True)
class SearchConfig(NetworkConfig):
    """Look up whose face belongs to a voice, or whose voice to a face, among all of a gallery."""

    query: Path
    """A voice or a face: a sound, a picture, or a video, for which --query-modality says what is meant."""
    gallery: Path
    """Folder of the gallery."""
    k: int = 10
    """How many to show, 1 to 10000; fewer where the gallery holds fewer."""
    query_modality: Literal["auto", "face", "voice"] = "auto"
    """What the query is; auto looks at the content, and refuses a video, which is both."""
    against: Literal["auto", "face", "voice"] = "auto"
    """What is looked through; auto takes the other modality than that of the query."""
    by: Literal["person", "clip"] = "person"
    """Show each person once, weighed by all clips and shown by the best, or every clip."""
    where: Mapping[str, Any] = field(default_factory=dict)
    """Look only through clips with these attributes: '{gender: f, nationality: [uk, ireland]}'."""
    p_nobody: float = 0.5
    """How often the one asked for is not in the gallery at all, above 0 and below 1; probabilities rest on it."""
    effort: int = 0
    """With an approximate index: how much of it is visited; 0 takes the index's own."""
    sheet: Path | None = None
    """Write a contact sheet of what was found: .png or .html; HTML plays voices."""
    overwrite: bool = False
    """Replace the sheet."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges.

        Raises:
            ConfigError: a number is out of range.
        """
        super().__post_init__()
        if not 1 <= self.k <= MOST_NEIGHBOURS:
            raise ConfigError(f"`k` must be 1 to {MOST_NEIGHBOURS}. Got {self.k}.")
        if not 0 < self.p_nobody < 1:
            raise ConfigError(f"`p_nobody` must lie between 0 and 1. Got {self.p_nobody}.")
        if self.effort < 0:
            raise ConfigError(f"`effort` must be at least 0. Got {self.effort}.")
