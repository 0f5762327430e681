"""True faces, faces drawn in their place, and who judges them: what the protocol "reconstruction" measures.

Arrays and words only: no file is read and no network run here. Row i is clip i everywhere; what was not drawn is a row
of nan. The first sample of a drawer, its expected face, is the one that is judged; the others say how much samples
differ.

Example:
    >>> from visavox.evaluation.reconstruction_record import Judge
    >>> Judge("dlib", "dlib's descriptor").seen_in_training
    False
"""

from __future__ import annotations

from collections.abc import Mapping, Sized
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visavox.errors import DataError

Floats = NDArray[np.floating[Any]]
Kind = Literal["model", "folder", "own face", "control"]


@dataclass(frozen=True)
class Judge:
    """A face encoder that compares drawn and true faces."""

    name: str
    """Short: "dlib"."""
    about: str
    """What it is and what it learned from, a sentence."""
    seen_in_training: bool = False
    """Whether the model learned from it, as its target, in its loss or by what was chosen with it."""


@dataclass(frozen=True, eq=False)
class TrueFaces:
    """Who spoke, and the true face of each clip."""

    clips: tuple[str, ...]
    people: tuple[str, ...]
    """Who each clip shows."""
    videos: tuple[str, ...]
    """"" where unknown."""
    genders: tuple[str, ...]
    """"m", "f" or ""."""
    genders_given: bool
    """False: by the classifier, from the true faces."""
    features: Mapping[str, Floats]
    """Judge -> (n, dim)."""
    male: Floats
    """(n,) of the classifier on the true faces: above 0 for male."""
    age: Floats
    """(n,) years, of the classifier."""
    race: Floats
    """(n,) number of the classifier's class, from 0."""
    pictures: NDArray[np.uint8]
    """(n, px, px, 3) RGB, the drawn square."""
    classes: Floats | None = None
    """(n, n_classes) probabilities of a face network's people; None where no such network judges."""
    inception: Floats | None = None
    """(n, 2048) of Inception's last pooling; None where it is not given."""


@dataclass(frozen=True, eq=False)
class Redrawn:
    """The faces that a drawer drew in the place of each clip when it heard another person's voice."""

    heard: NDArray[np.integer[Any]]
    """(n,) number of the clip whose voice was heard; of another person."""
    features: Mapping[str, Floats]
    """Judge -> (n, dim)."""


@dataclass(frozen=True, eq=False)
class Contestant:
    """What one drawer drew, or a control."""

    name: str
    kind: Kind
    told: str
    """The conditions with their provenance, one line."""
    leaks: bool
    """Whether anything it was told comes from the true face."""
    features: Mapping[str, Floats]
    """Judge -> (n, dim) of the first sample; nan where nothing was drawn."""
    pictures: NDArray[np.uint8]
    """(n, px, px, 3) RGB of the first sample, the drawn square; black where nothing was drawn."""
    drawn: NDArray[np.bool_]
    """(n,) whether there is a picture."""
    found: NDArray[np.bool_]
    """(n,) whether the detector found a face in it."""
    male: Floats
    """(n,) of the classifier; nan where nothing was drawn."""
    age: Floats
    """(n,) years, of the classifier; nan likewise."""
    race: Floats
    """(n,) number of the classifier's class; nan likewise."""
    samples: Mapping[str, Floats] = field(default_factory=dict)
    """Judge -> (n, n_samples, dim), the first sample included; empty where there is one only."""
    redrawn: Redrawn | None = None
    """Drawn anew with voices shuffled; None where the pictures depend on the voice alone, so that they can be dealt."""
    note: str = ""
    """What must be known with it."""
    classes: Floats | None = None
    """(n, n_classes) probabilities, as of `TrueFaces`, of the first sample; nan where nothing was drawn."""
    inception: Floats | None = None
    """(k, 2048) of all samples of all clips; None where it is not given."""


@dataclass(frozen=True, eq=False)
class TrainingFaces:
    """The faces that the model learned from."""

    clips: tuple[str, ...]
    features: Mapping[str, Floats]
    """Judge -> (k, dim)."""
    pictures: NDArray[np.uint8]
    """(k, px, px, 3) RGB, the drawn square."""


@dataclass(frozen=True, eq=False)
class DrawnFaces:
    """Everything that is judged."""

    true: TrueFaces
    judges: tuple[Judge, ...]
    """The first one leads."""
    contestants: tuple[Contestant, ...]
    """Models first, then folders, own faces, controls."""
    training: TrainingFaces | None = None
    classifier: Mapping[str, Any] = field(default_factory=dict)
    """What is known of the attribute classifier: "name", "n_held_out", "gender_accuracy_score", "age_error_years",
    "race_accuracy_score", "race_other_accuracy_score"."""
    without_fid: str = ""
    """Why there is no FID, a sentence; "" where there is one."""
    without_score: str = ""
    """Why there is no VGGFace score, a sentence; "" where there is one."""

    def find(self, name: str) -> Contestant:
        """Return the contestant of this name.

        Raises:
            DataError: there is none; the message lists them.
        """
        for contestant in self.contestants:
            if contestant.name == name:
                return contestant
        known = ", ".join(contestant.name for contestant in self.contestants)
        raise DataError(f"There is no contestant {name!r}. Known: {known}.")

    def check(self) -> None:
        """Hold every array to the number of clips.

        Raises:
            DataError: nobody is judged or judges, two people are not there, a name occurs twice, or an array is short.
        """
        n = len(self.true.clips)
        names = [contestant.name for contestant in self.contestants]
        if not names or not self.judges or len(set(names)) < len(names):
            raise DataError(f"A judgement needs contestants of different names and a judge. Got {names}.")
        if len(set(self.true.people)) < 2:
            raise DataError(f"Faces are told apart among two people or more. Got {len(set(self.true.people))}.")
        arrays: dict[str, Sized] = {
            "people": self.true.people,
            "videos": self.true.videos,
            "genders": self.true.genders,
        }
        arrays.update({"the classifier": self.true.male, "true pictures": self.true.pictures})
        for judge in self.judges:
            arrays[f"{judge.name} of the true faces"] = self.true.features[judge.name]
            for contestant in self.contestants:
                arrays[f"{judge.name} of {contestant.name}"] = contestant.features[judge.name]
        for name, array in arrays.items():
            if len(array) != n:
                raise DataError(f"There must be one row a clip, {n}. Got {len(array)} of {name}.")
