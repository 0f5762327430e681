"""What each command can be told: one frozen dataclass a command.

The text under each field is the `--help` of its flag, and the same names are the keys of a YAML recipe: a recipe
and a flag are the same thing. The dataclasses hold no logic but their ranges; a command's work lives in
`visavox.pipeline`.

Example:
    >>> MatchConfig(voice=Path("voice.wav"), faces=(Path("a.jpg"), Path("b.jpg"))).model
    'base'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.errors import ConfigError

VOICE_ENCODER: Mapping[str, Any] = {"name": "ge2e"}
FACE_ENCODER: Mapping[str, Any] = {
    "name": "dlib",
    "output": "pooled",
    "flip": True,
    "views": ["chip", "mouth"],
    "attribute_gain": 4.0,
}
# Both chosen inside the training people of the boxed model: docs/choosing-the-base-model.md.

Device = Literal["auto", "cpu", "cuda", "mps"]
Precision = Literal["auto", "float32", "bfloat16"]

AT_LEAST: Mapping[str, float] = {"workers": 0, "batch_size": 1, "limit": 0, "seed": 0, "min_speech_s": 0}
"""Smallest value of the numbers that mean the same in every command."""


@dataclass(frozen=True, kw_only=True)
class CommandConfig:
    """What every command takes."""

    quiet: bool = False
    """Print nothing but results and errors."""
    json: bool = False
    """Print the result as JSON instead of text."""

    def __post_init__(self) -> None:
        """Hold the numbers of `AT_LEAST` to their ranges.

        Raises:
            ConfigError: a value is too small, or not a number.
        """
        for name, least in AT_LEAST.items():
            value = getattr(self, name, least)
            if not value >= least:  # so that nan is refused too
                raise ConfigError(f"`{name}` must be at least {least:g}. Got {value}.")


@dataclass(frozen=True, kw_only=True)
class NetworkConfig(CommandConfig):
    """What every command takes that runs a network."""

    device: Device = "auto"
    """Where networks run; auto takes CUDA, then MPS, then the CPU."""
    precision: Precision = "auto"
    """Number format of the networks; auto is float32. float16 is not offered: it is slow on a CPU."""
    batch_size: int = 32
    """Items an encoder takes at once; 1 or more."""


@dataclass(frozen=True, kw_only=True)
class PooledConfig(NetworkConfig):
    """What every command takes that spreads many files over processes."""

    workers: int = 0
    """Processes that prepare or encode; 0 takes one a core."""


@dataclass(frozen=True, kw_only=True)
class SimulateConfig(CommandConfig):
    """Make a small set of drawn faces and synthesised voices in the layout that `prepare --source pairs` reads."""

    out: Path
    """Folder to write: faces/, voices/, clips.csv."""
    people: int = 80
    """Number of people; 2 or more."""
    clips: int = 3
    """Clips a person; 1 or more."""
    seed: int = 0
    """Everything drawn depends on this number alone."""
    overwrite: bool = False
    """Remove what another run left in `out`."""


@dataclass(frozen=True, kw_only=True)
class PrepareConfig(PooledConfig):
    """Turn a folder of faces and voices into a corpus: catalog, aligned face crops, 16 kHz voices."""

    root: Path
    """Folder to read."""
    out: Path
    """Folder of the corpus to write or to continue."""
    source: str = "pairs"
    """How `root` is laid out; `visavox --list sources` names the choices."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones, as in {person: speaker_id}."""
    detector: str = "mtcnn"
    """Face detector; `visavox --list detectors` names the choices."""
    face_fallback: bool = True
    """Where no face is found keep the centre of the image, marked so; otherwise the face is a row with a reason."""
    min_speech_s: float = 0.5
    """Seconds of speech that a voice must hold; 0 keeps every voice that is not silent."""
    limit: int = 0
    """Take the first so many clips of the source; 0 takes all."""
    overwrite: bool = False
    """Remove what another run left in `out`."""
    device: Device = "auto"
    """auto or cpu: the networks that find faces and speech are small, and run on the CPU of each process."""
    precision: Precision = "auto"
    """auto or float32."""
    batch_size: int = 32
    """Changes nothing here: faces and voices are found file by file."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored.

        Raises:
            ConfigError: a device or a number format that nothing here runs in, or a number out of range.
        """
        super().__post_init__()
        _hold_to("device", self.device, ("auto", "cpu"), "The detectors run on the CPU")
        _hold_to("precision", self.precision, ("auto", "float32"), "The detectors run in float32")


@dataclass(frozen=True, kw_only=True)
class EmbedConfig(PooledConfig):
    """Embed every face and voice of a corpus with frozen encoders, through a cache addressed by content."""

    corpus: Path
    """Folder that `prepare` wrote."""
    out: Path
    """Folder for voice.parquet and face.parquet."""
    voice_encoder: str | Mapping[str, Any] = field(default_factory=lambda: dict(VOICE_ENCODER))
    """Voice encoder: a name or {name: ..., option: ...}; `visavox --list encoders` names the choices; by default
    that of the boxed model."""
    face_encoder: str | Mapping[str, Any] = field(default_factory=lambda: dict(FACE_ENCODER))
    """Face encoder: a name or {name: ..., option: ...}; by default that of the boxed model."""
    cache: Path | None = None
    """Folder of the embedding cache; by default inside the corpus."""


@dataclass(frozen=True, kw_only=True)
class SplitConfig(CommandConfig):
    """Split a corpus by person and video, write trial lists, and audit both for leaks."""

    corpus: Path
    """Folder that `prepare` wrote."""
    out: Path
    """Folder for splits.json, trials/, audit.json."""
    validation: float = 0.15
    """Share of the people for validation; 0 to 1."""
    test: float = 0.15
    """Share of the people for the test; 0 to 1."""
    folds: int = 5
    """Number of folds over all people; 0 for none."""
    candidates: int = 10
    """Candidates of the 1:N matching lists, beside 1:2; 2 or more."""
    seed: int = 0
    """Which people go where depends on this number alone."""
    embeddings: Path | None = None
    """Folder that `embed` wrote: the audit then looks for near-identical faces and voices too."""
    overwrite: bool = False
    """Replace splits of another seed or corpus in `out`."""


@dataclass(frozen=True, kw_only=True)
class TrainConfig(NetworkConfig):
    """Train an associator of voices and faces on embeddings."""

    embeddings: Path
    """Folder that `embed` wrote."""
    out: Path
    """Folder of the run: config.yaml, metrics.jsonl, events, checkpoints, best/."""
    splits: Path | None = None
    """Folder that `split` wrote; without it every clip is trained on."""
    subset: Literal["train", "all", "folds"] = "train"
    """`train` uses that subset and stops on validation; `all` uses every clip; `folds` trains once a fold."""
    associator: str | Mapping[str, Any] = "base"
    """What to train: a name, {name: ..., option: ...}, or `base`, the recipe of the model in the box."""
    patience_epochs: int = 0
    """With `subset` train only: stop after so many epochs without better matching on validation; 0 never stops."""
    batch_size: int = 400
    """Most pairs a batch of a network, unless the associator says its own; 2 or more."""
    precision: Precision = "auto"
    """auto or float32: networks of this size gain nothing from less."""
    calibration: Path | None = None
    """Run of `--subset folds` whose held-out pairs turn similarities into probabilities; by default validation
    pairs do, or folds inside the training pairs."""
    seed: int = 0
    """Initial weights, order and dropout depend on this number alone."""
    checkpoint_every_epochs: int = 0
    """Write a checkpoint every so many epochs, but not with `subset` folds; 0 keeps the last and the best only."""
    overwrite: bool = False
    """Start anew instead of resuming what `out` holds."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored.

        Raises:
            ConfigError: an option that the subset has no use for, a number format that nothing is trained in, or a
                number out of range.
        """
        super().__post_init__()
        _hold_to("precision", self.precision, ("auto", "float32"), "Associators are trained in float32")
        if self.patience_epochs and self.subset != "train":
            raise ConfigError(
                f"`patience_epochs` must be 0 with `subset` {self.subset}, which leaves nobody to validate on. "
                f"Got {self.patience_epochs}. Use --subset train."
            )
        if self.checkpoint_every_epochs and self.subset == "folds":
            raise ConfigError(
                "`checkpoint_every_epochs` must be 0 with `subset` folds, which keeps held-out vectors and no model. "
                f"Got {self.checkpoint_every_epochs}."
            )


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(PooledConfig):
    """Measure a model on people it was not trained on, and write the report."""

    out: Path
    """Folder for report.json, report.md, report.html."""
    model: str = "base"
    """A boxed name, a folder, a run of `train`, or a hub id."""
    pairs: Path | None = None
    """Folder with faces/, voices/ and clips.csv: the whole way from files to report in one command."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones."""
    embeddings: Path | None = None
    """Folder that `embed` wrote, instead of `pairs`."""
    splits: Path | None = None
    """Folder that `split` wrote; with `embeddings`."""
    subset: Literal["train", "validation", "test", "folds", "all"] = "test"
    """Which clips of the splits; `folds` measures each fold's model on its own held-out people."""
    corpus: Path | None = None
    """Folder that `prepare` wrote, for the strips of the best and worst matches."""
    trials: Path | None = None
    """Folder of trial lists; without it every pair counts."""
    checkpoints: bool = False
    """Evaluate every checkpoint of the run and draw the curve."""
    compare: tuple[Path, ...] = ()
    """Folders of earlier reports to show beside this one, in comparison.html."""
    resamples: int = 1000
    """Bootstrap resamples of people behind each interval; 100 or more."""
    seed: int = 0
    """Resamples and random baselines depend on this number alone."""
    final: bool = False
    """This is a test on people kept aside: append it to the dated log of final tests."""
    final_log: Path = Path("final-tests.jsonl")
    """The dated log that `--final` appends to."""


@dataclass(frozen=True, kw_only=True)
class MatchConfig(NetworkConfig):
    """Say which of several faces belongs to a voice."""

    voice: Path
    """A sound file, or a video that stands for its voice."""
    faces: tuple[Path, ...]
    """Two or more images, or videos that stand for their faces."""
    model: str = "base"
    """A boxed name, a folder, a run of `train`, or a hub id."""


@dataclass(frozen=True, kw_only=True)
class RunConfig(CommandConfig):
    """Do all the steps of a recipe in one folder; a step that is done already is skipped."""

    recipe: Path
    """YAML file with the steps."""
    out: Path | None = None
    """Folder of the run; by default runs/ and the recipe's name."""
    data: Path | None = None
    """Folder that {data} in the recipe stands for."""
    final: bool = False
    """Do the steps marked `final` too: tests on people kept aside, each appended to a dated log."""


@dataclass(frozen=True, kw_only=True)
class DoctorConfig(CommandConfig):
    """Say what is installed, what is broken, and how to mend it."""


def _hold_to(name: str, value: str, accepted: tuple[str, ...], why: str) -> None:
    if value not in accepted:
        raise ConfigError(f"`{name}` must be {' or '.join(accepted)}. Got {value!r}. {why}.")
