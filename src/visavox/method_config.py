"""What the commands that compare methods can be told: trial lists, comparisons, conversions, exports, robustness.

As in `visavox.config`, the text under each field is the `--help` of its flag.

Example:
    >>> CompareConfig(recipe=Path("recipes/compare-small.yaml")).overwrite
    False
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from visavox.config import CommandConfig, NetworkConfig, PooledConfig

Checkpoint = Literal["auto", "sss", "fop", "facetones", "voxceleb_trainer", "speechbrain"]
ListFormat = Literal["visavox", "sss", "pins", "fame"]


@dataclass(frozen=True, kw_only=True)
class TrialsConfig(CommandConfig):
    """Draw seeded, balanced, stratified trial lists for a corpus, in our format or a published one."""

    corpus: Path
    """Folder that `prepare` wrote."""
    out: Path
    """Folder for the lists and manifest.json."""
    splits: Path | None = None
    """Folder that `split` wrote; without it every clip may be drawn."""
    subset: Literal["train", "validation", "test", "all"] | None = None
    """Which clips of the splits; by default test, and without splits all."""
    strata: tuple[str, ...] = ("all", "gender")
    """What probe and negatives share: all (nothing), gender, nationality, age, language, or several joined by +, as in
    gender+nationality."""
    candidates: tuple[int, ...] = (2, 4, 6, 8, 10)
    """Candidates of the matching lists; 2 or more each."""
    per_probe: int = 3
    """Trials a probe in matching, and pairs of each label in verification; 1 or more."""
    hard_negatives: Path | None = None
    """Folder that `embed` wrote: negatives are then drawn among the people whose vectors are nearest the positive's."""
    format: ListFormat = "visavox"
    """Whose files to write."""
    seed: int = 0
    """What is drawn depends on this number alone."""
    overwrite: bool = False
    """Replace lists of another seed or corpus in `out`."""


@dataclass(frozen=True, kw_only=True)
class CompareConfig(NetworkConfig):
    """Train every method of a recipe under one budget, on the same data and seeds, and lay them side by side."""

    recipe: Path
    """YAML file: data, budget, seeds, methods; recipes/compare-small.yaml is one."""
    out: Path | None = None
    """Folder of the leaderboard; by default runs/ and the recipe's name."""
    data: Path | None = None
    """Folder that {data} in the recipe stands for."""
    only: tuple[str, ...] = ()
    """Names of methods to run; by default all of the recipe."""
    workers: int = 0
    """Processes that train; 0 takes one a core."""
    overwrite: bool = False
    """Start anew instead of resuming what `out` holds."""


@dataclass(frozen=True, kw_only=True)
class ConvertConfig(CommandConfig):
    """Read a published checkpoint and write it as a model of ours; code in it is never run."""

    checkpoint: Path
    """The published file: .pth, .pth.tar, .model, .ckpt, .pt."""
    out: Path
    """Model folder to write."""
    kind: Checkpoint = "auto"
    """Which system wrote it; auto looks at the names and shapes in it."""
    overwrite: bool = False
    """Replace a model in `out`."""


@dataclass(frozen=True, kw_only=True)
class ExportConfig(CommandConfig):
    """Write a model for another runtime: both towers and the encoders that can be, checked against it."""

    model: str
    """A boxed name, a folder, a run of `train`, or a hub id."""
    out: Path
    """Folder for the files and export.json with what was checked."""
    to: Literal["onnx"] = "onnx"
    """The format."""
    overwrite: bool = False
    """Replace an export in `out`."""


@dataclass(frozen=True, kw_only=True)
class RobustnessConfig(PooledConfig):
    """Measure how a model fares as voices and faces get worse: noise, codec, telephone, length, blur, pose, size."""

    out: Path
    """Folder for report.json, report.md, report.html with the curves, and degraded/, from which a run resumes."""
    corpus: Path
    """Folder that `prepare` wrote."""
    model: str = "base"
    """A boxed name, a folder, a run of `train`, or a hub id."""
    splits: Path | None = None
    """Folder that `split` wrote; without it every clip is measured."""
    subset: Literal["train", "validation", "test", "all"] = "test"
    """Which clips of the splits."""
    conditions: tuple[str, ...] = ()
    """Names of conditions, or of single degradations in them; by default all: noise, codec, telephone, reverberation,
    length, loudness, blur, resolution, pose, occlusion, jpeg, brightness."""
    resamples: int = 1000
    """Bootstrap resamples of people behind each interval; 100 or more."""
    seed: int = 0
    """Noise and resamples depend on this number alone."""
