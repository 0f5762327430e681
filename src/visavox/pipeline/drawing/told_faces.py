"""What the denoiser is told of each face in training, drawn anew every time it is shown.

Rows are the paired clips first, the labelled faces after them. A clip is heard by a random choice of its windows; a
labelled face has no voice, unless one is imagined for it (`visavox.pipeline.drawing.imagined_voices`). Then things are
forgotten at random, so that the denoiser knows how to do without each, and without all.

Example:
    faces = ToldFaces(kinds=("voice", "windows"), heard=heard, n_unpaired=0)
    told = faces.told(torch.tensor([0, 5]), torch.Generator().manual_seed(0))
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from visavox.corpus.labelled_faces import RACES
from visavox.errors import DataError
from visavox.models.diffusion.condition_tokens import KINDS
from visavox.models.diffusion.conditions import ATTRIBUTES, ETHNICITIES, GENDERS, LANGUAGES, Told, nothing_told
from visavox.models.diffusion.guides import blurred, low_resolution
from visavox.pipeline.drawing.heard_clips import HeardClips
from visavox.pipeline.drawing.imagined_voices import ImaginedVoices
from visavox.pipeline.drawing.pictures import LabelledPictures, PairedPictures

OF_VOICE = ("voice", "windows", "mel")
MEAN_OF_WINDOWS = 0.5  # how often a clip's vector is the mean of the windows that are shown, not of the whole voice


@dataclass(frozen=True, eq=False)
class Labels:
    """What is known of n faces beside voices."""

    age: Tensor
    """(n,) float32, years; nan where it is not known."""
    gender: Tensor
    """(n,) int64 index into `GENDERS`; -1 where it is not known."""
    ethnicity: Tensor
    """(n,) int64 index into `ETHNICITIES`; -1 where it is not known."""
    language: Tensor | None = None
    """(n,) int64 index into `LANGUAGES`; -1 where it is not known; None: of nobody."""

    def known(self, kind: str) -> Tensor:
        """Return (n,) bool; nothing is known of other kinds than the four."""
        value = getattr(self, kind, None)
        if value is None:
            return torch.zeros(len(self.age), dtype=torch.bool)
        known: Tensor = ~value.isnan() if kind == "age" else value >= 0
        return known


def read_labels(clips: PairedPictures, labelled: LabelledPictures, rows: NDArray[np.int64]) -> Labels:
    """Return what is known of paired clips and, after them, of some rows of the labelled faces."""
    of_race = np.array([ETHNICITIES.index(name) for name in RACES])
    letters = {name[0]: index for index, name in enumerate(GENDERS)}
    n = len(clips)
    ages = clips.ages or (float("nan"),) * n
    speech = [LANGUAGES.index(name) if name in LANGUAGES else -1 for name in clips.languages or ("",) * n]
    return Labels(
        torch.cat([torch.tensor(ages, dtype=torch.float32), torch.from_numpy(labelled.age[rows]).float()]),
        torch.tensor(
            [letters.get(letter, -1) for letter in clips.genders]
            + [letters["m" if male else "f"] for male in labelled.male[rows]],
            dtype=torch.int64,
        ),
        torch.from_numpy(np.concatenate([np.full(n, -1), of_race[labelled.race[rows]]]).astype(np.int64)),
        torch.tensor(speech + [-1] * len(rows), dtype=torch.int64),
    )


@dataclass(frozen=True, eq=False)
class Forgetting:
    """How often conditions are forgotten in training; each 0 to 1."""

    attribute: float = 0.2
    voice: float = 0.1
    everything: float = 0.1


@dataclass(frozen=True, eq=False)
class ToldFaces:
    """What is told of the faces that are learned from."""

    kinds: Sequence[str]
    heard: HeardClips
    """Of the paired clips, which are the first rows."""
    labels: Labels
    """Of all rows."""
    pictures: NDArray[np.uint8]
    """(n, px, px, 3) of all rows; guides are made of them."""
    forgetting: Forgetting = field(default_factory=Forgetting)
    imagined: ImaginedVoices | None = None
    """Draws voices for the rows without one; None leaves them unheard."""

    def __post_init__(self) -> None:
        """Hold every condition to being known of somebody.

        Raises:
            DataError: a condition is asked for that nobody has.
        """
        for kind in self.kinds:
            if kind not in OF_VOICE and "guide" not in kind and not self.labels.known(kind).any():
                raise DataError(
                    f"`conditions` names {kind}, which neither the corpus nor a table says of anybody. Leave it out, "
                    "or give `faces` with it."
                )

    @property
    def n_paired(self) -> int:
        """Rows that have a voice."""
        return len(self.heard)

    def __len__(self) -> int:
        return len(self.pictures)

    def of_others(self, heard: HeardClips, labels: Labels, pictures: NDArray[np.uint8]) -> ToldFaces:
        """Return the same for clips of other people, all of them paired; nothing need be known of them."""
        others = copy.copy(self)
        for name, value in (("heard", heard), ("labels", labels), ("pictures", pictures), ("imagined", None)):
            object.__setattr__(others, name, value)
        return others

    def told(self, rows: Tensor, draws: torch.Generator | None) -> Told:
        """Return what is told of some rows.

        Args:
            rows: (n,) int64.
            draws: of windows, blurs and what is forgotten; None tells all that is known, the same every time.
        """
        told = self._voices(rows, draws)
        for kind in ATTRIBUTES:
            labels = getattr(self.labels, kind)
            if labels is None:
                continue
            known = self.labels.known(kind)[rows]
            value = torch.where(known, labels[rows], 0)
            told = told.with_values(**{kind: value, f"{kind}_known": known})
        told = self._guides(told, rows, draws).only(self.kinds)
        return told if draws is None else self._forget(told, draws)

    def _voices(self, rows: Tensor, draws: torch.Generator | None) -> Told:
        heard, n = self.heard, len(rows)
        told = nothing_told(n, voice_dim=heard.whole.shape[1])
        paired = rows < self.n_paired
        at = rows.clamp_max(self.n_paired - 1)
        known = heard.windows_known[at] & paired[:, None]
        whole, windows = heard.whole[at], heard.windows[at]
        if draws is not None:
            known = _some(known, draws)
            weight = known.float()[..., None]
            mean = torch.nn.functional.normalize((windows * weight).sum(dim=1), dim=1) * whole.norm(dim=1, keepdim=True)
            swap = (torch.rand(n, generator=draws) < MEAN_OF_WINDOWS) & paired
            whole = torch.where(swap[:, None], mean, whole)
        told = told.with_values(
            voice=whole,
            voice_known=paired,
            windows=windows,
            windows_known=known,
            mel=heard.mel[at],
            mel_known=heard.mel_known[at] & paired[:, None],
        )
        if self.imagined is None or draws is None or bool(paired.all()):
            return told
        return self.imagined.fill(told, rows, ~paired, draws)

    def _guides(self, told: Told, rows: Tensor, draws: torch.Generator | None) -> Told:
        if not any("guide" in kind for kind in self.kinds):
            return told
        pictures = as_tensor(self.pictures[rows.numpy()])
        all_known = torch.ones(len(rows), dtype=torch.bool)
        return told.with_values(
            guide=low_resolution(pictures),
            guide_known=all_known,
            blurred_guide=blurred(pictures, draws),
            blurred_guide_known=all_known,
        )

    def _forget(self, told: Told, draws: torch.Generator) -> Told:
        n = len(told)
        everything = torch.rand(n, generator=draws) < self.forgetting.everything
        dropped = {}
        for kind in KINDS:
            share = self.forgetting.voice if kind in OF_VOICE else self.forgetting.attribute
            dropped[kind] = (torch.rand(n, generator=draws) < share) | everything
        return told.without(dropped)


def _some(known: Tensor, draws: torch.Generator) -> Tensor:
    """Return which windows are shown: of each row a random number of the known ones, one at least where one is."""
    n_known = known.sum(dim=1)
    kept = (torch.rand(len(known), generator=draws) * n_known).long() + 1  # 1 to n_known
    order = torch.rand(known.shape, generator=draws).masked_fill(~known, 2.0).argsort(dim=1).argsort(dim=1)
    return known & (order < kept[:, None])


def as_tensor(pictures: NDArray[np.uint8]) -> Tensor:
    """Return (n, 3, px, px) float32 in 0..1 of (n, px, px, 3) uint8 pictures."""
    return torch.from_numpy(np.ascontiguousarray(pictures)).permute(0, 3, 1, 2).float() / 255
