"""The record of what is judged: found by name, held to its shape."""

from __future__ import annotations

import dataclasses

import pytest
from tests.evaluation.drawn_faces import contestant, drawn_faces, true_faces

from visavox.errors import DataError


def test_a_contestant_is_found_by_name() -> None:
    drawn = drawn_faces()
    assert drawn.find("Speech2Face").kind == "folder"
    with pytest.raises(DataError, match="no contestant 'nobody'. Known: ours, Speech2Face, face to face"):
        drawn.find("nobody")


def test_what_fits_passes() -> None:
    drawn_faces().check()


def test_names_must_differ() -> None:
    drawn = drawn_faces()
    with pytest.raises(DataError, match="different names"):
        dataclasses.replace(drawn, contestants=drawn.contestants[:1] * 2).check()


def test_somebody_must_judge_two_people() -> None:
    with pytest.raises(DataError, match="and a judge"):
        dataclasses.replace(drawn_faces(), judges=()).check()
    alone = true_faces(n_people=1)
    with pytest.raises(DataError, match="two people or more. Got 1"):
        dataclasses.replace(drawn_faces(), true=alone, contestants=(contestant(alone),)).check()


def test_every_array_has_one_row_a_clip() -> None:
    drawn = drawn_faces()
    short = dataclasses.replace(drawn.true, videos=("v",))
    with pytest.raises(DataError, match="one row a clip, 24. Got 1 of videos"):
        dataclasses.replace(drawn, true=short).check()


def test_true_pictures_and_features_are_held_to_the_clips() -> None:
    drawn = drawn_faces()
    few = dataclasses.replace(drawn.true, pictures=drawn.true.pictures[:5])
    with pytest.raises(DataError, match="Got 5 of true pictures"):
        dataclasses.replace(drawn, true=few).check()
    short = {judge: rows[:7] for judge, rows in drawn.true.features.items()}
    with pytest.raises(DataError, match="Got 7 of dlib of the true faces"):
        dataclasses.replace(drawn, true=dataclasses.replace(drawn.true, features=short)).check()


def test_what_is_not_given_is_none() -> None:
    drawn = drawn_faces()
    assert drawn.true.classes is None and drawn.true.inception is None
    assert all(c.classes is None and c.inception is None and c.redrawn is None for c in drawn.contestants)
    assert drawn.without_fid == drawn.without_score == ""
