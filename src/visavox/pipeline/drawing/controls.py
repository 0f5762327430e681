"""What a drawer must beat: one average face for everybody, and one for each gender that a voice model hears.

The third control, shuffled voices, needs no pictures of its own: the protocol deals those of every drawer.

Example:
    faces = control_faces(first, clips, training=training)
    [c.name for c in control_contestants(faces, heard_genders(clips), judges)]     # gender only, the average face
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from visavox.evaluation.reconstruction_record import Contestant
from visavox.media.audio import read_voice
from visavox.models.voice_gender import boxed_voice_gender
from visavox.pipeline.drawing.contestants import scaled, spread_rows
from visavox.pipeline.drawing.judges import FaceJudges
from visavox.pipeline.drawing.tested_clips import TestedClips
from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder

GENDER_ONLY, AVERAGE = "gender only", "the average face"
CHUNK = 16  # voices that are read before they are encoded together

Pictures = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class ControlFaces:
    """The faces of the controls, and what they are the means of."""

    average: Pictures
    """(px, px, 3) uint8 RGB."""
    female: Pictures
    male: Pictures
    source: str
    """"300 training faces", "the faces that decoder drew"."""


def mean_face(pictures: Pictures) -> Pictures:
    """Return the mean of pictures (n, px, px, 3) uint8, n at least 1, as (px, px, 3) uint8."""
    return np.asarray(np.round(pictures.astype(np.float64).mean(axis=0)), dtype=np.uint8)


def control_faces(pictures: Pictures, male: NDArray[np.bool_], *, source: str) -> ControlFaces:
    """Return the mean of all pictures and that of either gender; of a gender that is missing, the mean of all.

    Args:
        pictures: (n, px, px, 3) uint8 RGB, at least one.
        male: (n,) bool.
        source: what they are, for the report.
    """
    average = mean_face(pictures)
    female, man = (mean_face(pictures[rows]) if rows.any() else average for rows in (~male, male))
    return ControlFaces(average, female, man, source)


def heard_genders(
    clips: TestedClips, *, compute: Compute | None = None, step: Callable[[int], None] | None = None
) -> NDArray[np.bool_]:
    """Return (n,) bool whether the boxed voice model hears a man.

    Args:
        clips: whose voices are heard.
        compute: where and how GE2E runs.
        step: called with the number of voices that are done.

    Raises:
        MissingDependencyError: the weights of GE2E are not installed.
        MediaError: a voice cannot be read.
    """
    encoder = FrozenEncoder("ge2e", "voice", compute)
    scores = []
    for at in range(0, len(clips), CHUNK):
        voices = [read_voice(path) for path in clips.voices[at : at + CHUNK]]
        scores.append(boxed_voice_gender().scores(encoder.encode(voices)))
        if step is not None:
            step(len(voices))
    return np.asarray(np.concatenate(scores) > 0)


def control_contestants(faces: ControlFaces, male: NDArray[np.bool_], judges: FaceJudges) -> tuple[Contestant, ...]:
    """Return the controls; each face is looked at once and stands for all clips that get it.

    Args:
        faces: of the controls.
        male: (n,) whether a man is heard.
        judges: who looks.
    """
    given = np.stack([faces.female, faces.male, faces.average])
    cuts = [judges.cut(face, is_drawn_square=True) for face in given]
    looked = judges.look([cut.image for cut in cuts])
    found = np.array([cut.found for cut in cuts])
    shown = np.stack([scaled(face) for face in given])
    rows = {GENDER_ONLY: male.astype(np.intp), AVERAGE: np.full(len(male), 2, dtype=np.intp)}
    told = {GENDER_ONLY: "gender (from voice)", AVERAGE: "nothing"}
    there = np.ones(len(male), dtype=np.bool_)
    return tuple(
        Contestant(
            name, "control", told[name], leaks=False,
            features={judge: values[which] for judge, values in looked.features.items()},
            pictures=shown[which], drawn=there, found=found[which],
            male=spread_rows(looked.male[which], there), age=spread_rows(looked.age[which], there),
            race=spread_rows(looked.race[which], there),
            classes=looked.classes[which] if looked.classes is not None else None,
            note=f"Means of {faces.source}.",
        )
        for name, which in rows.items()
    )  # fmt: skip
