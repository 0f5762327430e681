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
    difference_section,
    diversity_section,
    judge_section,
    leak_sentences,
    memory_section,
    pixel_section,
)
from visavox.evaluation.record import Section
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


def test_without_a_model_nothing_is_said_of_its_training() -> None:
    drawn = drawn_faces()
    theirs = evaluate(dataclasses.replace(drawn, contestants=drawn.contestants[1:2]))
    assert judge_section(theirs, JUDGE).text.startswith("What the drawers learned from is not known here.")


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
    assert "Nobody said which gender" in section.notes[0]
    assert math.isnan(row(section, "ours")["gender as given %"])
    assert not any(each[0] == "the true faces" for each in section.rows)


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
    assert row(attribute_section(evaluate(fewer)), "ours")["count"] == 21
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


def test_races_are_compared_and_called_guesses_from_looks() -> None:
    true = true_faces()
    wrong = np.where(np.arange(24) < 3, 1 - np.asarray(true.race), true.race)  # the first of eight people
    section = attribute_section(evaluate(dataclasses.replace(drawn_faces(), true=true, contestants=(
        contestant(true, race=wrong),
    ))))  # fmt: skip
    assert row(section, "ours")["race as of the true face %"][0] == pytest.approx(7 / 8)
    assert row(section, "always the commonest")["race as of the true face %"] == pytest.approx(0.5)
    said = section.notes[-1]
    assert "nobody's identity" in said and "five classes of annotators" in said
    assert "on 85.0 %, of those labelled other 4.0 %." in said


def test_without_a_card_the_races_keep_their_caveat(result: ReconstructionResult) -> None:
    bare = dataclasses.replace(result, drawn=dataclasses.replace(result.drawn, classifier={}))
    assert attribute_section(bare).notes == (attribute_section(bare).notes[-1],)
    assert attribute_section(bare).notes[0].endswith("errs unevenly.")


def test_guessing_genders_is_counted_by_people_and_not_by_clips() -> None:
    """One man of five clips and two women of one: two thirds of the people are women, most clips show a man."""
    true = true_faces(n_people=3, n_clips=1)
    rows = np.array([0, 0, 0, 0, 0, 1, 2])
    picked = dataclasses.replace(
        true,
        clips=tuple(f"clip{i}" for i in range(7)),
        people=tuple(true.people[i] for i in rows),
        videos=tuple(f"video{i}" for i in range(7)),
        genders=tuple("mffffff"[i] for i in rows),
        features={j: f[rows] + 0.01 * np.arange(7)[:, None] for j, f in true.features.items()},
        male=np.array([1.0, -1.0, -1.0])[rows],
        age=np.asarray(true.age)[rows],
        race=np.array([0.0, 1.0, 2.0])[rows],
        pictures=true.pictures[rows],
    )
    section = attribute_section(evaluate(DrawnFaces(picked, (JUDGE,), (contestant(picked),))))
    guess = row(section, "always the commonest")
    assert guess["gender as of the true face %"] == guess["gender as given %"] == pytest.approx(2 / 3)
    assert guess["race as of the true face %"] == pytest.approx(1 / 3)


def test_a_reader_is_told_what_the_controls_are_for(result: ReconstructionResult) -> None:
    section = judge_section(result, JUDGE)
    assert "With shuffled voices" in section.notes[0] and "one face for everybody" in section.notes[0]
    assert "95 % intervals" in section.text


def slow_ratio(samples: np.ndarray) -> float:
    """Mean distance of two samples of a voice over that of two voices, every pair by itself."""
    within, between = [], []
    n, k, _ = samples.shape
    for i in range(n):
        for a in range(k):
            for j in range(n):
                for b in range(k):
                    gap = math.sqrt(sum((samples[i, a] - samples[j, b]) ** 2))
                    if i == j and a < b:
                        within.append(gap)
                    elif i < j:
                        between.append(gap)
    return float(np.mean(within) / np.mean(between))


def test_variety_is_the_loop_nought_for_one_face_and_one_without_a_voice() -> None:
    true = true_faces()
    rng = np.random.default_rng(5)
    expected = rng.normal(size=(24, 1, 6))
    wild = np.concatenate([expected, rng.normal(size=(24, 3, 6))], axis=1)
    deaf = np.concatenate([expected, np.tile(rng.normal(size=(1, 40, 6)), (24, 1, 1))], axis=1)
    stiff = np.tile(expected, (1, 4, 1))
    ratios = []
    for samples in (wild, deaf, stiff):
        drawn = DrawnFaces(true, (JUDGE,), (contestant(true, samples={"dlib": samples}),))
        section = diversity_section(drawn)
        assert section is not None
        ratios.append(row(section, "ours")["ratio"])
    assert ratios[0] == pytest.approx(slow_ratio(wild[:, 1:]))
    assert ratios[1] == pytest.approx(1.0, abs=0.05)
    assert ratios[2] == pytest.approx(0.0, abs=1e-9)


def test_two_samples_are_too_few_for_variety() -> None:
    """The expected face is no sample, which leaves one."""
    true = true_faces()
    ours = contestant(true)
    two = dataclasses.replace(ours, samples={j: s[:, :2] for j, s in ours.samples.items()})
    assert diversity_section(DrawnFaces(true, (JUDGE,), (two,))) is None


def test_a_drawer_that_copies_training_faces_is_seen_by_every_figure() -> None:
    drawn = drawn_faces()
    assert drawn.training is not None
    copied = {j: np.asarray(f)[np.arange(24) % 20] for j, f in drawn.training.features.items()}
    copying = contestant(drawn.true, features=copied, samples={})
    section = memory_section(dataclasses.replace(drawn, contestants=(copying, drawn.contestants[0])))
    assert section is not None and "20 training faces" in section.text
    found = next(each for each in section.rows if each[:2] == ("ours", "dlib"))
    cells = dict(zip(section.columns, found, strict=True))
    assert cells["drawn, median"] == pytest.approx(0.0, abs=1e-9)
    assert cells["drawn is nearer %"] == 1.0 and cells["nearer than any true %"] == 1.0


def test_copies_are_looked_for_among_drawers_alone() -> None:
    section = memory_section(drawn_faces())
    assert section is not None
    assert {each[0] for each in section.rows} == {"ours", "Speech2Face"}


def test_a_missing_folder_picture_leaves_memory_and_pixels_finite() -> None:
    drawn = drawn_faces()
    there = np.arange(24) != 5
    own = dataclasses.replace(drawn.find("face to face"), drawn=there)
    section = pixel_section(dataclasses.replace(drawn, contestants=(drawn.contestants[0], own)))
    assert section is not None
    assert all(math.isfinite(value) for value in section.rows[0][1:])  # type: ignore[arg-type]


def test_leaks_are_looked_for_by_every_judge_and_within_a_gender() -> None:
    true = true_faces(n_people=12)
    heard = (np.arange(36) + 6) % 36  # two people on: of the same gender
    peeking = contestant(true, noise=0.0, redrawn=Redrawn(heard, true.features))
    said = leak_sentences(evaluate(DrawnFaces(true, (JUDGE, OWN), (peeking,))))
    assert {sentence.split(" by ")[1].split(" (")[0] for sentence in said} == {"dlib", "face_look"}
    assert len(said) == 4 and all("Find it before you believe any figure here." in each for each in said)
