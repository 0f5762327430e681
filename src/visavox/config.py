"""What each command can be told: one frozen dataclass a command.

The text under each field is the `--help` of its flag, and the same names are the keys of a YAML recipe: a recipe
and a flag are the same thing. The dataclasses hold no logic but their ranges; a command's work lives in
`visavox.pipeline`.

Example:
    >>> MatchConfig(voice=Path("voice.wav"), faces=(Path("a.jpg"), Path("b.jpg"))).model
    'base'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

AT_LEAST: Mapping[str, float] = {
    **{"workers": 0, "batch_size": 1, "limit": 0, "seed": 0, "min_speech_s": 0},
    **{"people": 2, "clips": 1, "nuisance": 0, "dim": 0},
}
"""Smallest value of the numbers that mean the same in every command."""


OF_ASSOCIATION = (
    *("embeddings", "objective", "voice_encoder", "face_encoder", "end_to_end", "calibration"),
    *("subset", "associator", "patience_epochs", "checkpoint_every_epochs"),
)
"""Options of `train` that the task association alone has a use for."""


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
            if not isinstance(value, int | float):
                continue  # another thing of the same name: the folder of people of `identify`
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
    """Make a world of people whose faces and voices share exactly as much as you say: videos with a known ceiling."""

    out: Path
    """Folder to write: videos/, people.csv, truth.csv, world.json with the ceiling."""
    people: int = 300
    """Number of people, half of them female; 2 or more, and 4 or more for tests within one sex."""
    clips: int = 4
    """Clips a person; 1 or more."""
    clips_per_session: int = 2
    """Clips of one person that share room, light, wall and microphone; 1 or more."""
    wildness: float = 0.0
    """How unlike each other a person's recordings are, 0 to 1: walls, clothes, light, pose, cameras, rooms, noise."""
    seed: int = 0
    """Everything drawn depends on this number alone."""
    preset: str | None = None
    """How much face and voice share: default, or human, whose ceilings are what people reach; instead of the
    ceilings or the correlations."""
    ceiling_g: float | None = None
    """Best possible 1:2 accuracy within one sex, above 0.5 and below 1; together with ceiling_mixed."""
    ceiling_mixed: float | None = None
    """Best possible 1:2 accuracy between a woman and a man, at least ceiling_g; together with it."""
    correlations: tuple[float, ...] = ()
    """Canonical correlation of face and voice, one for each shared dimension; 0 to below 1."""
    face_reliability: float | None = None
    """Probability that a face shows the person's own sex; 0.5 to 1."""
    voice_reliability: float | None = None
    """Probability that a voice shows the person's own sex; 0.5 to 1."""
    leak_recording: float = 0.0
    """Shortcut: correlation of the light and the microphone of a session; 0 (none) to below 1."""
    leak_nationality: float = 0.0
    """Shortcut: how surely face and voice show the nationality; 0 (not at all) to 1."""
    leak_language: float = 0.0
    """Shortcut: how surely clothes, wall and speech show the language; 0 (not at all) to 1."""
    layout: Literal["videos", "pairs"] = "videos"
    """`videos` for `prepare --source videos`; `pairs` writes a face and a voice a clip, for --source pairs, faster."""
    clip_s: float = 4.0
    """Length of every video in seconds; 3 to 6."""
    frame_px: int = 256
    """Width and height of the videos, even; 128 to 512."""
    embeddings_only: bool = False
    """Write what faces and voices show as embeddings/ and catalog.sqlite, without videos, for large worlds."""
    nuisance: float = 0.0
    """With embeddings_only: standard deviation of what each clip adds to every number; 0 or more."""
    dim: int = 0
    """With embeddings_only: rotate the numbers into vectors of this length, the same in every world; 0 does not."""
    workers: int = 0
    """Processes that draw and speak; 0 takes one a core."""
    overwrite: bool = False
    """Remove the world that `out` holds first; other files stay."""


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
    """Split a corpus by person and video, or each person's clips by session; audit the split for leaks."""

    corpus: Path
    """Folder that `prepare` wrote."""
    out: Path
    """Folder for splits.json, trials/, audit.json."""
    by: Literal["person", "session", "clip"] = "person"
    """What is dealt out. person: nobody is in two subsets, for the association of strangers, with trial lists. session:
    everybody is in every subset, with sessions of their own, for the identification of known people. clip: as session,
    but clip by clip, which leaves one session on both sides and flatters, as the original experiment did."""
    validation: float = 0.15
    """Share for validation, of the people, or of each person's sessions or clips; 0 to 1."""
    test: float = 0.15
    """Share for the test; 0 to 1."""
    counts: tuple[int, ...] = ()
    """By session or clip: at most so many clips of train, validation and test, as even over the people as can be."""
    known: int = 0
    """By session or clip: at most so many known people, drawn; 0 takes all."""
    strangers: int = 0
    """By session or clip: people who are kept out of training, to ask as strangers."""
    published: Path | None = None
    """Folder of a published split of people (vox1_train.csv, vox1_val.csv, vox1_test.csv, or identity_splits.txt),
    instead of shares; people who are not in it are in no subset."""
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
    """Train an associator on embeddings or, end to end, on a corpus; networks that name known people; or what draws."""

    task: Literal["association", "identification", "reconstruction", "diffusion"] = "association"
    """association learns to match voices and faces of anybody; identification learns to name the people of a corpus,
    with the networks of `networks`; reconstruction learns to predict a face feature from a voice and to decode it to a
    picture; diffusion learns to draw faces step by step from the conditions of `drawing`."""
    drawing: str | Mapping[str, Any] = field(default_factory=dict)
    """With task reconstruction or diffusion: settings of the parts and their training, or a YAML file that holds them;
    docs/drawing.md explains all, an unknown name lists them."""
    networks: str | Mapping[str, Any] = field(default_factory=dict)
    """With task identification: name -> {network: ..., training: ...} of each network and ensemble, or a YAML file that
    holds it; docs/identification.md explains all, an unknown name lists them."""
    only: tuple[str, ...] = ()
    """With task identification: names of networks to train; by default all of `networks`."""
    embeddings: Path | None = None
    """Folder that `embed` wrote; or give a corpus."""
    corpus: Path | None = None
    """Folder that `prepare` wrote, instead of embeddings: encoders are then trained from pixels and samples."""
    out: Path
    """Folder of the run: config.yaml, metrics.jsonl, events, checkpoints, best/."""
    splits: Path | None = None
    """Folder that `split` wrote; without it every clip is trained on. With a corpus it must be given."""
    subset: Literal["train", "all", "folds"] = "train"
    """`train` uses that subset and stops on validation; `all` uses every clip; `folds` trains once a fold."""
    associator: str | Mapping[str, Any] = "base"
    """What to train: a name, {name: ..., option: ...}, or `base`, the recipe of the model in the box. With a corpus it
    is fitted on the vectors of the trained encoders: `heads` keeps those that were trained with them, alone or as a
    member of an ensemble, and `base` chooses between heads and CCA on validation."""
    objective: str | Mapping[str, Any] | None = None
    """With embeddings: what the networks of the associator minimise, a name or {name: ..., option: ...}; by default
    info_nce. With a corpus it is an entry of `end_to_end`."""
    voice_encoder: str | Mapping[str, Any] | None = None
    """With a corpus: the voice encoder to train, a name or {name: ..., option: ...}; by default voice_cnn."""
    face_encoder: str | Mapping[str, Any] | None = None
    """With a corpus: the face encoder to train; by default face_cnn."""
    end_to_end: Mapping[str, Any] = field(default_factory=dict)
    """With a corpus: settings of the training, as in {n_epochs: 60, people_a_batch: 15, clips_a_person: 2,
    learning_rate: 0.001, objective: info_nce, heads: linear, across_weight: 3, within_voice_weight: 1,
    within_face_weight: 1, window_s: 1.6, accumulate: 1}; docs/training.md explains all, an unknown name lists them."""
    patience_epochs: int = 0
    """With `subset` train only: stop after so many epochs without better matching on validation; 0 never stops."""
    batch_size: int = 400
    """Most pairs a batch of an associator's network, unless the associator says its own; 2 or more."""
    precision: Precision = "auto"
    """auto or float32: associators gain nothing from less; with a corpus bfloat16 too, which auto takes where it is
    faster."""
    calibration: Path | None = None
    """Run of `--subset folds` whose held-out pairs turn similarities into probabilities; by default validation
    pairs do, or folds inside the training pairs."""
    seed: int = 0
    """Initial weights, order and dropout depend on this number alone."""
    checkpoint_every_epochs: int = 0
    """Write a checkpoint every so many epochs, but not with `subset` folds; 0 keeps the last and the best only."""
    workers: int = 0
    """With a corpus: processes that read and prepare its files; 0 takes one a core."""
    overwrite: bool = False
    """Start anew instead of resuming what `out` holds."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored.

        Raises:
            ConfigError: neither or both of embeddings and corpus, an option that the subset or the source has no use
                for, a number format that nothing is trained in, or a number out of range.
        """
        super().__post_init__()
        if self.task in ("reconstruction", "diffusion"):
            self._check_drawing()
            return
        if self.drawing:
            raise ConfigError(
                f"`drawing` is of the tasks reconstruction and diffusion. Got the task {self.task}. Leave it out."
            )
        if self.task == "identification":
            self._check_identification()
            return
        for name in ("networks", "only"):
            if getattr(self, name):
                raise ConfigError(
                    f"`{name}` is of the task identification. Say --task identification, or leave it out."
                )
        if self.corpus is None:
            hold_to("precision", self.precision, ("auto", "float32"), "Associators are trained in float32")
            for name in ("voice_encoder", "face_encoder", "end_to_end"):
                if getattr(self, name):
                    raise ConfigError(f"`{name}` is of a training from a corpus. Give --corpus, or leave it out.")
        else:
            self._check_end_to_end()
            if self.objective is not None:
                raise ConfigError("`objective` is of a training on embeddings. Write it into --end-to-end instead.")
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
        if (self.embeddings is None) == (self.corpus is None):
            given = "neither" if self.corpus is None else "both"
            raise ConfigError(
                "Give either `embeddings`, a folder that `embed` wrote, or `corpus`, a folder that `prepare` wrote. "
                f"Got {given}."
            )

    def _check_identification(self) -> None:
        if self.corpus is None or self.splits is None:
            raise ConfigError(
                "The task identification needs --corpus, a folder that `prepare` wrote, and --splits, one that "
                "`visavox split --by session` wrote."
            )
        if not self.networks:
            raise ConfigError("The task identification needs --networks: which networks to train, or a file of them.")
        self._refuse(OF_ASSOCIATION, "is of the task association. Write it into the entry of a network instead")

    def _check_drawing(self) -> None:
        if self.corpus is None or self.splits is None:
            raise ConfigError(
                f"The task {self.task} needs --corpus, a folder that `prepare` wrote, and --splits, one that `split` "
                "wrote."
            )
        self._refuse(OF_ASSOCIATION, f"is of the task association. Got the task {self.task}. Leave it out")
        self._refuse(("networks", "only"), f"is of the task identification. Got the task {self.task}. Leave it out")

    def _refuse(self, names: Sequence[str], why: str) -> None:
        for name in names:
            default = {} if name in ("end_to_end", "networks") else getattr(TrainConfig, name)
            if getattr(self, name) != default:
                raise ConfigError(f"`{name}` {why}.")

    def _check_end_to_end(self) -> None:
        if self.splits is None:
            raise ConfigError("Training from a `corpus` needs --splits. Make them with: visavox split --corpus CORPUS")
        if self.subset != "train":
            raise ConfigError(f"`subset` must be train with a `corpus`. Got {self.subset!r}.")


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
    """Folder that {data} in the recipe stands for; one that makes its data itself then leaves that out."""
    source: str = ""
    """With data: how it is read, as of `prepare --source`; by default as the recipe says."""
    final: bool = False
    """Do the steps marked `final` too: tests on people kept aside, each appended to a dated log."""


@dataclass(frozen=True, kw_only=True)
class DoctorConfig(CommandConfig):
    """Say what is installed, what is broken, and how to mend it."""


def hold_to(name: str, value: str, accepted: tuple[str, ...], why: str) -> None:
    """Raise `ConfigError` unless `value` is one of `accepted`; `why` is the sentence that ends the message."""
    if value not in accepted:
        raise ConfigError(f"`{name}` must be {' or '.join(accepted)}. Got {value!r}. {why}.")
