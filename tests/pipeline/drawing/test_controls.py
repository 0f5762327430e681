"""The controls: means of faces, one for everybody and one for each gender that is heard."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from tests.pipeline.drawing.stand_in_judges import StandInJudges

from visavox.pipeline.drawing.controls import (
    AVERAGE,
    GENDER_ONLY,
    control_contestants,
    control_faces,
    heard_genders,
    mean_face,
)
from visavox.pipeline.drawing.tested_clips import read_tested_clips

LEVELS = (10, 30, 101, 200)


def pictures() -> np.ndarray:
    return np.stack([np.full((16, 16, 3), level, np.uint8) for level in LEVELS])


def judges() -> Any:
    return StandInJudges()


def test_a_mean_is_that_of_the_pixels() -> None:
    assert mean_face(pictures())[3, 4].tolist() == [round(sum(LEVELS) / 4)] * 3


def test_each_gender_has_its_mean() -> None:
    faces = control_faces(pictures(), np.array([False, False, True, True]), source="four faces")
    assert faces.female[0, 0, 0] == 20 and faces.male[0, 0, 0] == 150 and faces.source == "four faces"


def test_a_gender_that_is_missing_gets_the_mean_of_all() -> None:
    faces = control_faces(pictures(), np.zeros(4, dtype=bool), source="")
    assert np.array_equal(faces.male, faces.average)


def test_controls_repeat_what_was_looked_at_once() -> None:
    faces = control_faces(pictures(), np.array([False, False, True, True]), source="four faces")
    looked = judges()
    heard = np.array([True, False, True])
    gender, average = control_contestants(faces, heard, looked)
    assert looked.n_looked == 3
    assert (gender.name, average.name) == (GENDER_ONLY, AVERAGE)
    assert gender.told == "gender (from voice)" and average.told == "nothing"
    assert gender.features["dlib"][:, 0] == pytest.approx(np.array([150, 20, 150]) / 255, abs=1e-3)
    assert len(np.unique(average.features["dlib"], axis=0)) == 1
    assert gender.note == "Means of four faces." and gender.kind == average.kind == "control"
    assert gender.pictures.shape[0] == 3 and gender.drawn.all()


@pytest.mark.slow
def test_voices_are_heard_as_men_or_women(small_corpus: Path) -> None:
    clips = read_tested_clips(small_corpus)
    done: list[int] = []
    heard = heard_genders(clips, step=done.append)
    assert heard.shape == (16,) and heard.dtype == np.bool_ and sum(done) == 16
    assert np.array_equal(heard, heard_genders(clips))
