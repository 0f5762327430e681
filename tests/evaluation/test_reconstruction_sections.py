"""Sections on drawn faces: who stands in which row, what is undefined, which sentence warns."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import numpy as np
import pytest
from tests.evaluation.drawn_faces import JUDGE, OWN, contestant, drawn_faces, true_faces

from visavox.errors import DataError
from visavox.evaluation.protocols.reconstruction import ALL, PAIR, Reconstruction, ReconstructionResult
from visavox.evaluation.reconstruction_record import DrawnFaces, Redrawn
from visavox.evaluation.reconstruction_sections import (
    attribute_section,
    collection_section,
    difference_section,
    diversity_section,
    judge_section,
    leak_sentences,
    memory_section,
    pixel_section,
)
from visavox.evaluation.record import Section
from visavox.metrics.kernel_distance import kernel_distance
from visavox.metrics.memorisation import memorisation
from visavox.metrics.sample_diversity import sample_diversity


def evaluate(drawn: DrawnFaces) -> ReconstructionResult:
    return Reconstruction(n_resamples=100, n_shuffles=3).evaluate(drawn, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def result() -> ReconstructionResult:
    return evaluate(drawn_faces())


def row(section: Section, name: str) -> dict[str, Any]:
    found = next(each for each in section.rows if str(each[0]).split(":")[0] == name)
    return dict(zip(section.columns, found, strict=True))


def test_drawers_come_first_then_the_own_face_the_controls_and_chance(result: ReconstructionResult) -> None:
    section = judge_section(result, JUDGE)
    assert [str(each[0]).split(":")[0] for each in section.rows] == [
        "ours",
        "Speech2Face",
        "face to face",
        "ours, shuffled voices",
        "Speech2Face, shuffled voices",
        "the average face",
        "guessing",
    ]
    found = result.find("ours", "dlib", ALL, PAIR)
    assert found is not None
    assert row(section, "ours")["1:2, all pairs %"] == (found.value, found.low, found.high)
    assert row(section, "guessing")["R@2 %"] == pytest.approx(2 / 8)


def test_a_judge_says_whether_the_model_learned_from_it(result: ReconstructionResult) -> None:
    assert judge_section(result, JUDGE).text.startswith("Not seen in training")
    assert judge_section(result, OWN).text.startswith("Seen in training")


def test_every_row_carries_what_it_was_drawn_from(result: ReconstructionResult) -> None:
    names = [each[0] for each in judge_section(result, JUDGE).rows]
    assert names[0] == "ours: voice (from voice)"
    assert "face to face: face (from the true face)" in names
    assert "ours, shuffled voices: the voice of another person" in names


def test_drawers_are_compared_in_pairs_or_with_one(result: ReconstructionResult) -> None:
    section = difference_section(result)
    assert section is not None and [each[0] for each in section.rows] == ["ours less Speech2Face"]
    value = row(section, "ours less Speech2Face")["1:2, all pairs %"][0]
    one, two = (result.find(name, "dlib", ALL, PAIR) for name in ("ours", "Speech2Face"))
    assert one is not None and two is not None and value == pytest.approx(one.value - two.value)
    turned = difference_section(result, against="ours")
    assert turned is not None and [each[0] for each in turned.rows] == ["Speech2Face less ours"]
    with pytest.raises(DataError, match="no contestant 'nobody'"):
        difference_section(result, against="nobody")


def test_one_drawer_is_compared_with_nobody() -> None:
    true = true_faces()
    assert difference_section(evaluate(DrawnFaces(true, (JUDGE,), (contestant(true),)))) is None


def test_attributes_stand_beside_those_of_the_true_faces(result: ReconstructionResult) -> None:
    section = attribute_section(result)
    assert row(section, "the true faces")["gender as given %"] == 1.0
    assert row(section, "ours")["age off by, years"][0] == pytest.approx(5.0)
    assert (
        "900 held-out faces the classifier gets 95.0 % of genders right, and its ages are off by 6.0"
        in section.notes[0]
    )


def test_genders_that_nobody_gave_are_said_to_be_guesses() -> None:
    drawn = drawn_faces()
    guessed = dataclasses.replace(drawn, true=dataclasses.replace(drawn.true, genders_given=False), classifier={})
    section = attribute_section(evaluate(guessed))
    assert "Nobody said which gender" in section.notes[-1]
    assert math.isnan(row(section, "ours")["gender as given %"])
    assert not any(each[0] == "the true faces" for each in section.rows)


def test_collections_are_compared_by_a_distance_with_its_extractor_in_its_name() -> None:
    drawn = drawn_faces()
    section = collection_section(drawn, seed=0)
    assert section.columns[:3] == ("faces", "1000 kid_dlib", "1000 kid_face_look")
    ours = drawn.find("ours").features["dlib"], drawn.true.features["dlib"]
    wanted = kernel_distance(*ours, rng=np.random.default_rng([0, 2])).value
    assert row(section, "ours")["1000 kid_dlib"] == pytest.approx(1000 * wanted)
    assert "No FID: it needs given Inception features and 2,000 pictures" in section.notes[0]


def test_pixels_are_compared_of_the_own_face_and_the_controls_alone() -> None:
    drawn = drawn_faces()
    own = dataclasses.replace(drawn.find("face to face"), pictures=drawn.true.pictures)
    with_own = dataclasses.replace(drawn, contestants=(drawn.contestants[0], own, drawn.contestants[3]))
    section = pixel_section(with_own)
    assert section is not None
    assert [each[0] for each in section.rows] == ["face to face", "the average face"]
    assert row(section, "face to face")["SSIM"] == pytest.approx(1.0)
    assert row(section, "face to face")["MSE, squared grey levels"] == 0
    assert pixel_section(dataclasses.replace(drawn, contestants=drawn.contestants[:2])) is None


def test_samples_are_told_apart_where_there_are_several() -> None:
    drawn = drawn_faces()
    section = diversity_section(drawn)
    assert section is not None
    wanted = sample_diversity(drawn.find("ours").samples["dlib"][:, 1:])  # the expected face is no sample
    assert row(section, "ours")["ratio"] == pytest.approx(wanted.ratio)
    assert not any(each[0] == "Speech2Face" for each in section.rows)
    assert diversity_section(dataclasses.replace(drawn, contestants=drawn.contestants[1:2])) is None


def test_copies_are_looked_for_where_the_training_faces_are_known() -> None:
    drawn = drawn_faces()
    section = memory_section(drawn)
    assert section is not None and drawn.training is not None
    samples = drawn.find("ours").samples["dlib"].reshape(-1, 6)
    wanted = memorisation(samples, drawn.true.features["dlib"], drawn.training.features["dlib"])
    assert row(section, "ours")["drawn is nearer %"] == pytest.approx(wanted.share_nearer)
    first = drawn.find("Speech2Face").features["dlib"]
    of_first = memorisation(first, drawn.true.features["dlib"], drawn.training.features["dlib"])
    assert row(section, "Speech2Face")["drawn is nearer %"] == pytest.approx(of_first.share_nearer)
    assert memory_section(drawn_faces(with_training=False)) is None


def test_missing_pictures_are_left_out_of_what_looks_at_pictures() -> None:
    drawn = drawn_faces()
    ours = drawn.contestants[0]
    there = np.arange(24) > 2
    gaps = {j: np.where(there[:, None], f, np.nan) for j, f in ours.features.items()}
    fewer = dataclasses.replace(drawn, contestants=(dataclasses.replace(ours, features=gaps, drawn=there),))
    assert row(collection_section(fewer, seed=0), "ours")["pictures"] == 21
    assert memory_section(fewer) is not None


def test_a_leak_is_said_and_honest_drawers_are_not_accused() -> None:
    true = true_faces()
    codes = np.unique(true.people, return_inverse=True)[1]
    heard = (np.arange(24) + 3) % 24
    assert (codes[heard] != codes).all()
    peeking = contestant(true, noise=0.1, redrawn=Redrawn(heard, true.features))
    honest = contestant(true, noise=1.0)
    said = leak_sentences(evaluate(DrawnFaces(true, (JUDGE,), (peeking,))))
    assert said and said[0].startswith("ours with shuffled voices is right")
    assert not leak_sentences(evaluate(DrawnFaces(true, (JUDGE,), (honest,))))
