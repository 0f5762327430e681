"""The controls: means of faces, one for everybody and one for each gender that is heard."""

from __future__ import annotations

import dataclasses
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


def test_means_are_those_of_a_loop_over_pixels() -> None:
    given = np.random.default_rng(0).integers(0, 256, size=(5, 4, 4, 3)).astype(np.uint8)
    male = np.array([True, False, True, True, False])
    faces = control_faces(given, male, source="")
    for y in range(4):
        for x in range(4):
            for c in range(3):
                of_men = [int(given[i, y, x, c]) for i in range(5) if male[i]]
                assert abs(int(faces.male[y, x, c]) - sum(of_men) / 3) <= 0.5
                assert abs(int(faces.average[y, x, c]) - sum(int(p[y, x, c]) for p in given) / 5) <= 0.5


def test_the_faces_of_two_genders_weigh_as_their_pictures_do() -> None:
    given = np.stack([np.full((2, 2, 3), level, np.uint8) for level in (0, 0, 0, 200)])
    faces = control_faces(given, np.array([False, False, False, True]), source="")
    assert (faces.average[0, 0, 0], faces.female[0, 0, 0], faces.male[0, 0, 0]) == (50, 0, 200)


def test_controls_have_the_race_and_the_names_of_their_faces() -> None:
    class Naming(StandInJudges):
        def look(self, crops: Any, progress: Any = None) -> Any:
            sure = np.eye(3, dtype=np.float32)
            return dataclasses.replace(super().look(crops), classes=sure)

    looked: Any = Naming()
    faces = control_faces(pictures(), np.array([False, False, True, True]), source="")
    gender, average = control_contestants(faces, np.array([True, False]), looked)
    assert gender.race.tolist() == [1, 0] and average.race.tolist() == [0, 0]
    assert gender.classes is not None and gender.classes.tolist() == [[0, 1, 0], [1, 0, 0]]
    assert average.classes is not None and average.classes.tolist() == [[0, 0, 1]] * 2
    plain = control_contestants(faces, np.array([True, False]), judges())[0]
    assert plain.classes is None and plain.inception is None


def test_controls_show_nobody_s_true_face() -> None:
    faces = control_faces(pictures(), np.array([False, False, True, True]), source="")
    for control in control_contestants(faces, np.array([True, False]), judges()):
        assert not control.leaks and control.samples == {} and control.redrawn is None
