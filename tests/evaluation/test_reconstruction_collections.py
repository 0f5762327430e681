"""Collections of drawn and true faces: figures against loops, and what is said where there is none."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from tests.evaluation.drawn_faces import JUDGE, contestant, control, drawn_faces, true_faces

from visavox.evaluation.reconstruction_collections import FID, SCORE, TRUE, collection_section
from visavox.evaluation.reconstruction_record import DrawnFaces
from visavox.evaluation.record import Section
from visavox.metrics.kernel_distance import kernel_distance


def row(section: Section, name: str) -> dict[str, Any]:
    found = next(each for each in section.rows if each[0] == name)
    return dict(zip(section.columns, found, strict=True))


def probabilities(n: int, n_classes: int = 7, *, seed: int = 0) -> np.ndarray:
    scores = np.exp(3 * np.random.default_rng(seed).normal(size=(n, n_classes)))
    return np.asarray(scores / scores.sum(axis=1, keepdims=True))


def slow_score(rows: np.ndarray) -> float:
    """exp of the mean divergence of each picture's names from those of the part."""
    mean = [sum(p[c] for p in rows) / len(rows) for c in range(rows.shape[1])]
    gaps = [sum(p[c] * math.log(p[c] / mean[c]) for c in range(len(mean))) for p in rows]
    return math.exp(sum(gaps) / len(gaps))


def test_a_distance_has_its_extractor_in_its_name() -> None:
    drawn = drawn_faces()
    section = collection_section(drawn, seed=0)
    assert section.columns == ("faces", "1000 kid_dlib", "1000 kid_face_look", "pictures", "faces found %")
    ours = drawn.find("ours").features["dlib"], drawn.true.features["dlib"]
    wanted = kernel_distance(*ours, rng=np.random.default_rng([0, 2])).value
    assert row(section, "ours")["1000 kid_dlib"] == pytest.approx(1000 * wanted)
    assert section.notes == ()


def test_what_cannot_be_had_is_said_once_each() -> None:
    drawn = dataclasses.replace(drawn_faces(), without_fid="No FID: why.", without_score="No VGGFace score: why.")
    section = collection_section(drawn, seed=0)
    assert section.notes == ("No FID: why.", "No VGGFace score: why.")
    assert not any(FID in column or SCORE in column for column in section.columns)


def test_missing_pictures_are_left_out() -> None:
    drawn = drawn_faces()
    ours = drawn.contestants[0]
    there = np.arange(24) > 2
    gaps = {j: np.where(there[:, None], f, np.nan) for j, f in ours.features.items()}
    fewer = dataclasses.replace(drawn, contestants=(dataclasses.replace(ours, features=gaps, drawn=there),))
    found = row(collection_section(fewer, seed=0), "ours")
    assert found["pictures"] == 21 and math.isfinite(found["1000 kid_dlib"])


def test_one_picture_has_no_distance() -> None:
    drawn = drawn_faces()
    ours = drawn.contestants[0]
    there = np.arange(24) == 4
    gaps = {j: np.where(there[:, None], f, np.nan) for j, f in ours.features.items()}
    alone = dataclasses.replace(drawn, contestants=(dataclasses.replace(ours, features=gaps, drawn=there),))
    assert math.isnan(row(collection_section(alone, seed=0), "ours")["1000 kid_dlib"])


def named(of_true: np.ndarray, of_ours: np.ndarray) -> DrawnFaces:
    true = dataclasses.replace(true_faces(), classes=of_true)
    return DrawnFaces(true, (JUDGE,), (contestant(true, classes=of_ours), control(true)), without_fid="No FID.")


def test_the_score_is_the_loop_over_five_random_parts() -> None:
    given = probabilities(24, seed=1)
    found = row(collection_section(named(probabilities(24), given), seed=3), "ours")
    order = np.random.default_rng([3, 4]).permutation(24)
    parts = [slow_score(part) for part in np.array_split(given[order], 5)]
    assert found[SCORE] == pytest.approx(np.mean(parts))
    assert found[f"{SCORE}, deviation"] == pytest.approx(np.std(parts))


def test_true_faces_stand_above_the_drawn_ones_and_the_classes_are_said() -> None:
    section = collection_section(named(probabilities(24), probabilities(24, seed=1)), seed=0)
    assert section.rows[0][0] == TRUE and math.isnan(row(section, TRUE)["1000 kid_dlib"])
    assert row(section, TRUE)[SCORE] > 1
    assert "By the 7 people of the given network" in section.notes[-1] and "8,631" in section.notes[-1]
    assert section.notes[0] == "No FID."


def test_people_who_lie_side_by_side_do_not_spoil_the_score() -> None:
    """In their own order each part would show a person or two, who are named alike: a score far too low."""
    sure = np.repeat(np.eye(8), 3, axis=0) * 0.99 + 0.01 / 8
    given = np.asarray(sure / sure.sum(axis=1, keepdims=True))
    found = row(collection_section(named(given, given), seed=0), "ours")[SCORE]
    in_order = np.mean([slow_score(part) for part in np.array_split(given, 5)])
    assert found > 1.2 * in_order


def test_clips_without_a_picture_have_no_names() -> None:
    given = probabilities(24, seed=1)
    gaps = np.where(np.arange(24)[:, None] < 6, np.nan, given)
    found = row(collection_section(named(probabilities(24), gaps), seed=0), "ours")
    assert 1 <= found[SCORE] <= 7
    few = np.where(np.arange(24)[:, None] < 20, np.nan, given)
    assert math.isnan(row(collection_section(named(probabilities(24), few), seed=0), "ours")[SCORE])


def test_a_contestant_without_names_has_an_empty_cell() -> None:
    drawn = named(probabilities(24), probabilities(24, seed=1))
    assert math.isnan(row(collection_section(drawn, seed=0), "the average face")[SCORE])


def pooled(n: int, shift: float, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(size=(n, 3)) * [1.0, 2.0, 0.5] + shift


def test_the_frechet_distance_is_that_of_the_gaussians() -> None:
    """Independent axes: the distance is the sum over axes of (difference of means)^2 + (of deviations)^2, nearly."""
    true = dataclasses.replace(true_faces(), inception=pooled(2500, 0.0, 1))
    ours = contestant(true, inception=pooled(2000, 2.0, 2))
    section = collection_section(DrawnFaces(true, (JUDGE,), (ours,)), seed=0)
    a, b = np.asarray(ours.inception), np.asarray(true.inception)
    wanted = sum((a[:, i].mean() - b[:, i].mean()) ** 2 + (a[:, i].std() - b[:, i].std()) ** 2 for i in range(3))
    assert row(section, "ours")[FID] == pytest.approx(wanted, rel=0.01)
    assert "never compared" in section.notes[0]


def test_too_few_drawn_pictures_and_controls_have_no_frechet_distance() -> None:
    true = dataclasses.replace(true_faces(), inception=pooled(2000, 0.0, 1))
    few = contestant(true, inception=pooled(1999, 2.0, 2))
    section = collection_section(DrawnFaces(true, (JUDGE,), (few, control(true))), seed=0)
    assert math.isnan(row(section, "ours")[FID]) and math.isnan(row(section, "the average face")[FID])


def test_one_seed_gives_one_section() -> None:
    drawn = named(probabilities(24), probabilities(24, seed=1))
    assert repr(collection_section(drawn, seed=1)) == repr(collection_section(drawn, seed=1))
