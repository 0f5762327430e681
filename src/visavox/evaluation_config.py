"""What the command `evaluate` can be told.

As in `visavox.config`, the text under each field is the `--help` of its flag.

Example:
    >>> EvaluateConfig(out=Path("report"), pairs=Path("data/people")).protocol
    'visavox'
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.config import PooledConfig
from visavox.errors import ConfigError

LEAST_RESAMPLES = 100  # behind an interval; fewer make its ends a matter of luck


@dataclass(frozen=True, kw_only=True)
class EvaluateConfig(PooledConfig):
    """Measure a model on people it was not trained on, and write the report."""

    out: Path
    """Folder for report.json, report.md, report.html."""
    model: str = "base"
    """A boxed name, a folder, a run of `train`, or a hub id; `identity` compares embeddings as they are, by cosine."""
    pairs: Path | None = None
    """Folder with faces/, voices/ and clips.csv: the whole way from files to report in one command."""
    columns: Mapping[str, str] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones."""
    embeddings: Path | None = None
    """Folder that `embed` wrote, instead of `pairs`."""
    splits: Path | None = None
    """Folder that `split` wrote; with `corpus` or `embeddings`."""
    subset: Literal["train", "validation", "test", "folds", "all"] = "test"
    """Which clips of the splits; `folds` measures each fold's model on its own held-out people."""
    corpus: Path | None = None
    """Folder that `prepare` wrote: embedded with the model's encoders where `embeddings` are not given, else only for
    the strips of the best and worst matches."""
    trials: Path | None = None
    """Folder of trial lists that `split` or `trials` wrote; without it every pair counts."""
    protocol: Literal["visavox", "sss", "pins", "fame", "sbs", "identification", "reconstruction"] = "visavox"
    """Whose protocol: ours, Seeking the Shape of Sound (sss), Learnable PINs and CMPC (pins), FAME (fame), or the
    side-by-side test of FaceTones (sbs), or who of the known people it is (identification, whose model is a folder of
    `enroll` or a run of `train --task identification`), or how much of the true face is in the faces drawn from a voice
    (reconstruction, whose model draws); published numbers of two protocols are never comparable."""
    drawn: Mapping[str, Path] = field(default_factory=dict)
    """With reconstruction: name -> folder of pictures that another system drew, named by clip, judged beside the
    model's."""
    methods: tuple[str, ...] = ()
    """With reconstruction: which of the model's ways of drawing to judge; by default all it has."""
    samples: int = 4
    """With reconstruction: faces drawn for each voice."""
    training: Path | None = None
    """With reconstruction: corpus that the model was trained on, for the training face nearest to each drawn one."""
    judges: Mapping[str, str | Mapping[str, Any]] = field(default_factory=dict)
    """With reconstruction: name -> face encoder that judges beside dlib, as in {vgg_face: {name: vgg_face, source:
    FOLDER}}; `seen_in_training: true` marks one that a drawer learned from."""
    inception: Path | None = None
    """With reconstruction: ONNX file of Inception's last pooling, for the FID of 2,000 pictures or more. It takes
    (n, 3, 299, 299) float32 RGB from 0 to 1 and gives (n, 2048); onnxruntime comes with pip install visavox[export]."""
    lists: Path | None = None
    """With sss, pins or fame: folder of the published list files."""
    identities: Path | None = None
    """With sss or pins: CSV or TSV of identities that labels the lists; by default looked for beside them."""
    against: str = ""
    """Another model to compare with on the same trials: paired differences, DeLong, McNemar."""
    analysis: bool = True
    """Add to the report what shortcuts reach, errors by group, calibration, abstention and open-set identification;
    left out for published lists and above 4 million pairs."""
    checkpoints: bool = False
    """Evaluate every checkpoint of the run and draw the curve."""
    world: Path | None = None
    """Folder that `simulate` wrote and the people come from, or its world.json: the report then begins with how much
    of what could be known was learned."""
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
    next_steps: str = ""
    """Lines for the end of the page: what to type next."""

    def __post_init__(self) -> None:
        """Refuse what would be ignored.

        Raises:
            ConfigError: lists without a protocol of published lists, an option that published lists have no use for,
                or a number out of range.
        """
        super().__post_init__()
        for name in ("drawn", "methods", "training", "judges", "inception"):
            if getattr(self, name) and self.protocol != "reconstruction":
                raise ConfigError(f"`{name}` is of the protocol reconstruction. Got {self.protocol!r}. Leave it out.")
        if self.protocol in ("visavox", "sbs", "identification", "reconstruction"):
            for name in ("lists", "identities"):
                if getattr(self, name) is not None:
                    raise ConfigError(
                        f"`{name}` is of published lists. Got the protocol {self.protocol!r}. "
                        "Say whose they are with --protocol sss, pins or fame."
                    )
            return
        for name in ("pairs", "trials", "splits", "world"):
            if getattr(self, name) is not None:
                raise ConfigError(
                    f"`{name}` cannot be combined with `protocol` {self.protocol}, whose lists say who is measured on "
                    f"what. Leave --{name} out."
                )
        if self.subset != EvaluateConfig.subset:
            raise ConfigError(
                f"`subset` cannot be combined with `protocol` {self.protocol}, whose lists say who is measured. "
                "Leave --subset out."
            )
        if self.resamples < LEAST_RESAMPLES:
            raise ConfigError(f"`resamples` must be at least {LEAST_RESAMPLES}. Got {self.resamples}.")
        if self.checkpoints:
            raise ConfigError(f"`checkpoints` cannot be combined with `protocol` {self.protocol}. Leave it out.")
