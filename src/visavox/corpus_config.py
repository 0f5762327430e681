"""What `prepare` and the commands `corpus ...` can be told: one frozen dataclass a command.

The text under each field is the `--help` of its flag, as in `visavox.config`, which holds the other commands.

Example:
    >>> PrepareConfig(root=Path("videos"), out=Path("corpus"), source="videos").frames_per_s
    2.0
    >>> PrepareConfig(root=Path("videos"), out=Path("corpus"), shard="3/2")
    Traceback (most recent call last):
    ...
    visavox.errors.ConfigError: `shard` must be NUMBER/COUNT with 1 <= NUMBER <= COUNT, as in 3/16. Got '3/2'.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.config import CommandConfig, Device, PooledConfig, Precision, hold_to
from visavox.errors import ConfigError

SHARD = re.compile(r"([1-9]\d*)/([1-9]\d*)")


@dataclass(frozen=True, kw_only=True)
class PrepareConfig(PooledConfig):
    """Turn videos, listed clips, or folders of faces and voices into a corpus: catalog, face crops, 16 kHz voices."""

    root: Path
    """Folder to read, or the list of a source that is a list (avspeech)."""
    out: Path
    """Folder of the corpus to write or to continue."""
    source: str | Mapping[str, Any] = "pairs"
    """How `root` is laid out: pairs (faces/, voices/, clips.csv), videos, avspeech, voxceleb, mavceleb; a name or
    {name: ..., option: ...}; `visavox --list sources` names all."""
    media: str = ""
    """Where the videos of a list lie: a folder, or an address with {video} in it; by default YouTube."""
    table: str = ""
    """Table that says who is in which file; by default clips.csv (pairs) or people.csv (videos) in `root`."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the columns of that table where they are not the usual ones, as in {person: speaker_id}."""
    metadata: tuple[Path, ...] = ()
    """Tables with more attributes (gender, nationality, age, language), joined by person, video or clip."""
    person_part: int = 1
    """Folder that names the person of a video without a table: 1 the first below `root`, -1 the one that holds the
    video, 0 none."""
    frames_per_s: float = 2.0
    """Frames a second of video in which faces are searched; above 0."""
    faces: int = 1
    """Faces kept of each clip, the best first; 1 or more."""
    crop: Literal["aligned", "box", "first_frame"] = "aligned"
    """How a face is cut: aligned and upright; the detector's box; or, of the first frame and without any detector,
    the largest square about the place that the source gives."""
    margin: float | None = None
    """Room around the face, in parts of its square (aligned, by default 0.5) or of its box (box, by default 0)."""
    detector: str = "mtcnn"
    """Face detector; `visavox --list detectors` names the choices."""
    min_face_px: float = 40.0
    """Width of the smallest face in a video that is kept, in its pixels."""
    min_sharpness: float = 3.0
    """Sharpness of the most blurred face in a video that is kept; a compressed video has about 30."""
    min_frontality: float = 0.1
    """From 0 (profile) to 1 (looking at us): the most turned face in a video that is kept."""
    face_fallback: bool = True
    """Where no face is found in a still image keep its centre, marked so; a video without a face is a row with a
    reason either way."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold; 0 keeps every voice that is not silent."""
    one_clip_a_video: bool = False
    """Of the clips of a video take the first only."""
    from_row: int = 0
    """Take the clips of the source from this one on, counted from 0."""
    to_row: int = 0
    """Take the clips of the source up to this one, not included; 0 goes to the end."""
    limit: int = 0
    """Take so many clips at most; 0 takes all."""
    shard: str = ""
    """Take one part of the videos, as in 3/16, so that 16 machines can share a corpus; `corpus merge` joins them."""
    engine: Literal["local", "ray"] = "local"
    """What spreads the work: processes of this machine, or a Ray cluster (RAY_ADDRESS, else a local one)."""
    downloads: int = 4
    """Videos fetched at a time; 1 or more."""
    attempts: int = 4
    """Times that a fetch is tried before its clip becomes a row; 1 or more."""
    requests_per_minute: float = 60.0
    """Fetches a minute at most from one host; 0 sets no limit."""
    timeout_s: float = 30.0
    """Seconds without a byte after which an attempt counts as failed."""
    max_video_mb: float = 2000.0
    """Largest file that is fetched, in megabytes."""
    max_height_px: int = 720
    """Height of the pictures that are fetched where a site offers several."""
    cookies: Path | None = None
    """File of cookies in Netscape's format for sites that want them."""
    keep_downloads: bool = False
    """Keep what was fetched, in downloads/ of the corpus; otherwise it is removed clip by clip."""
    overwrite: bool = False
    """Remove what another run left in `out`."""
    device: Device = "auto"
    """auto or cpu: the networks that find faces and speech are small, and run on the CPU of each process."""
    precision: Precision = "auto"
    """auto or float32."""
    batch_size: int = 32
    """Frames of a video that the face detector takes at once, at most."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored or cannot be.

        Raises:
            ConfigError: a device or a number format that nothing here runs in, or a number out of range.
        """
        super().__post_init__()
        hold_to("device", self.device, ("auto", "cpu"), "The detectors run on the CPU")
        hold_to("precision", self.precision, ("auto", "float32"), "The detectors run in float32")
        for name, least in {"faces": 1, "downloads": 1, "attempts": 1, "max_height_px": 16, "batch_size": 1}.items():
            if getattr(self, name) < least:
                raise ConfigError(f"`{name}` must be at least {least}. Got {getattr(self, name)}.")
        for name in ("frames_per_s", "timeout_s", "max_video_mb"):
            if not 0 < getattr(self, name) < math.inf:
                raise ConfigError(f"`{name}` must be above 0. Got {getattr(self, name)}.")
        for name in ("from_row", "to_row", "min_face_px", "min_sharpness", "requests_per_minute"):
            if not getattr(self, name) >= 0:
                raise ConfigError(f"`{name}` must be at least 0. Got {getattr(self, name)}.")
        if not 0 <= self.min_frontality <= 1:
            raise ConfigError(f"`min_frontality` must be from 0 to 1. Got {self.min_frontality}.")
        if self.margin is not None and not 0 <= self.margin <= 2:
            raise ConfigError(f"`margin` must be from 0 to 2. Got {self.margin}.")
        if self.to_row and self.to_row <= self.from_row:
            raise ConfigError(f"`to_row` must be greater than `from_row`. Got {self.from_row} to {self.to_row}.")
        if self.crop == "first_frame" and (self.margin is not None or self.faces > 1):
            raise ConfigError(
                "`crop` first_frame is one square of the first frame: it takes no --margin and no --faces above 1. "
                f"Got margin {self.margin}, faces {self.faces}."
            )
        if not isinstance(self.source, str) and not isinstance(self.source.get("name"), str):
            raise ConfigError(f"`source` needs a name, as in {{name: videos}}. Got {dict(self.source)}.")
        shard_of(self.shard)

    def source_spec(self) -> dict[str, Any]:
        """Return the source as a mapping with its name."""
        return {"name": self.source} if isinstance(self.source, str) else dict(self.source)


@dataclass(frozen=True, kw_only=True)
class CorpusConfig(CommandConfig):
    """What every command `corpus ...` takes."""

    corpus: Path = Path("corpus")
    """Folder that `prepare` wrote."""


@dataclass(frozen=True, kw_only=True)
class CorpusStatusConfig(CorpusConfig):
    """Say how many clips a corpus holds, how many failed, and why."""


@dataclass(frozen=True, kw_only=True)
class CorpusShowConfig(CorpusConfig):
    """Show all that is known of a clip or an item."""

    key: str
    """Name of a clip, or key of an item."""


@dataclass(frozen=True, kw_only=True)
class CorpusRetryConfig(CorpusConfig):
    """Mark the clips of some statuses to be prepared anew by the next `prepare`."""

    status: tuple[str, ...] = ()
    """Statuses to try again, as in network no_face; `corpus status` lists those that there are."""


@dataclass(frozen=True, kw_only=True)
class CorpusExportConfig(CorpusConfig):
    """Write a corpus in the form of another tool: Parquet, WebDataset shards, or a Hugging Face dataset folder."""

    to: Literal["parquet", "webdataset", "hf"] = "parquet"
    """The form."""
    out: Path
    """New folder to write."""
    shard_mb: float = 256.0
    """Size of each file, in megabytes; above 0."""
    voice_s: float = 0.0
    """Length of every voice in seconds, trimmed or looped, as in 3, 6, 12 or 24; 0 leaves each as it is."""
    fit: Literal["loop", "pad"] = "loop"
    """How a voice that is too short gets its length: repeated, or followed by silence."""
    spectrogram: Literal["none", "real_imaginary", "magnitude_phase", "magnitude", "log_mel"] = "none"
    """Write spectrograms beside the voices: power-law compressed real and imaginary parts (as the paper of
    Speech2Face), compressed magnitude and phase (as its code), compressed magnitude, or log-mel bands."""
    window: int = 400
    """Samples of a frame of the spectrogram, at 16 kHz."""
    stride: int = 160
    """Samples from one frame to the next."""
    n_fft: int = 512
    """Length of the Fourier transform, samples; at least `window`."""
    power: float = 0.3
    """Exponent of the compression; above 0, 1 compresses nothing."""
    bands: int = 64
    """Bands of log_mel."""
    overwrite: bool = False
    """Replace the export that `out` holds."""


@dataclass(frozen=True, kw_only=True)
class CorpusGalleryConfig(CorpusConfig):
    """Draw a contact sheet: the face, the sound wave and the status of each clip on one page."""

    out: Path | None = None
    """File to write, .html or .png; by default gallery.html in the corpus."""
    status: tuple[str, ...] = ()
    """Only clips with one of these statuses; without it all."""
    person: str = ""
    """Only clips of this person."""
    limit: int = 500
    """Clips shown at most, spread over the corpus; 0 shows all."""


@dataclass(frozen=True, kw_only=True)
class CorpusLabelConfig(CorpusConfig, PooledConfig):
    """Predict gender and age from faces, gender from voices, language with a hub model; marked as predicted."""

    attributes: tuple[str, ...] = ("gender", "age")
    """What to predict: gender, age, language."""
    language_model: str = "facebook/mms-lid-126"
    """Hub id or folder of a transformers model that classifies the language of 16 kHz speech."""
    overwrite: bool = False
    """Predict anew what was predicted before."""


@dataclass(frozen=True, kw_only=True)
class CorpusAuditConfig(CorpusConfig):
    """Look for one person under two names, one video twice, near-identical media, and people of given lists."""

    out: Path | None = None
    """Folder for audit.json, audit.md and audit.html; by default audit/ in the corpus."""
    embeddings: Path | None = None
    """Folder that `embed` wrote: the audit then looks for alike faces and voices under different names too."""
    splits: Path | None = None
    """Folder that `split` wrote: the audit then says what stands on two sides."""
    against: tuple[Path, ...] = ()
    """Lists of people or videos that the corpus should not share: a test list, an encoder's training list; CSV, TSV
    or text, one name a line, or the catalog.sqlite of another corpus."""


@dataclass(frozen=True, kw_only=True)
class CorpusMergeConfig(CommandConfig):
    """Join corpora that were prepared in shards with the same settings."""

    corpora: tuple[Path, ...]
    """Two or more folders that `prepare` wrote."""
    out: Path
    """Folder of the corpus to write or to continue."""


def shard_of(text: str) -> tuple[int, int]:
    """Return number (from 0) and count of a shard; "" is the one of one.

    Raises:
        ConfigError: it is not NUMBER/COUNT.

    Example:
        >>> shard_of("3/16"), shard_of("")
        ((2, 16), (0, 1))
    """
    if not text:
        return 0, 1
    found = SHARD.fullmatch(text)
    if found is None or int(found[1]) > int(found[2]):
        raise ConfigError(f"`shard` must be NUMBER/COUNT with 1 <= NUMBER <= COUNT, as in 3/16. Got {text!r}.")
    return int(found[1]) - 1, int(found[2])
