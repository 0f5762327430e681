"""A report and a ceiling brought together: shares, the ceiling's column, warnings, the pairs that were really met."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.knowable import Estimate
from visavox.evaluation.knowable_ceiling import read_ceiling
from visavox.evaluation.knowable_report import ceilings_here, same_gender_shares, with_knowable
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Baseline, Report

NAN = math.nan
HALF = {"voice_to_face": 0.5, "face_to_voice": 0.5}


def row(
    value: float = 0.8, measure: str = "accuracy_1_of_2", *, group: str = "all", protocol: str = "matching"
) -> Measure:
    return Measure(protocol, "voice_to_face", group, measure, value, value - 0.02, value + 0.02, 0.5, 90, 10)


def made(*measures: Measure) -> Report:
    gender = Baseline("gender alone", (row(0.75), row(0.5, group="same_gender")), "given labels")
    return Report("t", measures, (), {}, baselines=(gender, Baseline("random")))


def table(modality: str, people: str, genders: str) -> EmbeddingTable:
    n = len(people)
    keys = tuple(f"{i}/{modality}" for i in range(n))
    clips = tuple(map(str, range(n)))
    labels = {"gender": tuple(None if g == "-" else g for g in genders)}
    return EmbeddingTable(modality, "e", keys, clips, tuple(people), (None,) * n, labels, np.ones((n, 2)))


def tables(people: str, genders: str) -> tuple[EmbeddingTable, EmbeddingTable]:
    return table("voice", people, genders), table("face", people, genders)


def test_among_so_many_women_as_men_fewer_than_half_of_the_others_are_alike() -> None:
    found = same_gender_shares(*tables("ABCDEF", "fmfmfm"))
    assert found == {"voice_to_face": pytest.approx(2 / 5), "face_to_voice": pytest.approx(2 / 5)}


def test_the_share_weighs_people_and_not_clips() -> None:
    """A (f) has two clips and meets B (f) and C (m) once each; B meets A twice and C once; C meets nobody alike."""
    found = same_gender_shares(*tables("AABC", "fffm"))
    assert found["voice_to_face"] == pytest.approx((1 / 2 + 2 / 3 + 0) / 3)


def test_where_a_gender_is_not_given_the_share_is_unknown() -> None:
    assert math.isnan(same_gender_shares(*tables("ABC", "fm-"))["voice_to_face"])
    assert math.isnan(same_gender_shares(*tables("AA", "ff"))["voice_to_face"])


def test_the_ceiling_of_all_pairs_is_that_of_the_pairs_that_were_met(write_world: Callable[..., Path]) -> None:
    honest = read_ceiling(write_world(same=0.8, opposite=1.0)).honest
    assert ceilings_here(honest, HALF)["voice_to_face", "all"].value == pytest.approx(0.9)
    met = ceilings_here(honest, {"voice_to_face": 0.4, "face_to_voice": NAN})
    assert met["voice_to_face", "all"].value == pytest.approx(0.92)
    assert met["face_to_voice", "all"] == Estimate(0.9, 0.001)
    assert met["voice_to_face", "same_gender"] == Estimate(0.8, 0.001)


def test_a_report_gets_shares_a_column_of_ceilings_and_its_first_figure(write_world: Callable[..., Path]) -> None:
    measures = (row(0.8), row(0.65, group="same_gender"), row(0.9, "auc", protocol="verification"), row(0.3, "map"))
    found = with_knowable(made(*measures), read_ceiling(write_world(same=0.8, opposite=1.0)), HALF)
    assert found.measures[:4] == measures
    shares = {(m.protocol, m.group, m.measure): m.value for m in found.measures[4:]}
    assert shares == {
        ("knowable", "all", "share_of_knowable"): pytest.approx(0.75),
        ("knowable", "same_gender", "share_of_knowable"): pytest.approx(0.5),
    }
    ceiling = found.baseline("ceiling")
    assert ceiling is not None
    named = {(m.group, m.measure): m.value for m in ceiling.measures}
    assert named == {
        ("all", "accuracy_1_of_2"): pytest.approx(0.9), ("same_gender", "accuracy_1_of_2"): 0.8, ("all", "auc"): 0.97,
        ("all", "share_of_knowable"): pytest.approx(1.0), ("same_gender", "share_of_knowable"): pytest.approx(1.0),
    }  # fmt: skip
    gender = found.baseline("gender alone")
    assert gender is not None
    assert [m.value for m in gender.measures[2:]] == [pytest.approx(0.625), pytest.approx(0.0)]
    assert found.knowable is not None
    first = found.knowable.find("voice_to_face", "all")
    assert first is not None
    assert (first.chance, first.gender_alone, first.reached, first.share) == (0.5, 0.75, 0.8, pytest.approx(0.75))
    assert math.isnan(first.shortcut_ceiling)
    assert found.knowable.warnings == ()


def test_an_undefined_group_stays_undefined(write_world: Callable[..., Path]) -> None:
    undefined = Measure("matching", "voice_to_face", "same_gender", "accuracy_1_of_2", chance=0.5, note="one gender")
    found = with_knowable(made(row(0.8), undefined), read_ceiling(write_world()), HALF)
    assert found.knowable is not None
    last = found.knowable.find("voice_to_face", "same_gender")
    assert last is not None
    assert math.isnan(last.share)
    assert found.measures[-1].note == "one gender"


def test_a_model_above_the_ceiling_is_warned_of_and_one_near_it_is_not(write_world: Callable[..., Path]) -> None:
    world = read_ceiling(write_world(same=0.8, opposite=1.0))
    near = with_knowable(made(row(0.915)), world, HALF).knowable
    assert near is not None
    assert near.warnings == ()
    above = with_knowable(made(row(0.95)), world, HALF).knowable
    assert above is not None
    (warning,) = above.warnings
    assert "voice → face, all pairs: 95.0 % (93.0–97.0) against 90.0 %" in warning
    assert "nothing is planted in this world, so look for" in warning


def test_planted_shortcuts_are_named(write_world: Callable[..., Path]) -> None:
    world = read_ceiling(write_world(same=0.8, opposite=1.0, leaky=(0.94, 1.0)))
    found = with_knowable(made(row(0.95)), world, HALF).knowable
    assert found is not None
    assert found.rows[0].shortcut_ceiling == pytest.approx(0.97)
    assert "planted in this world (recording 0.5)" in found.warnings[0]


def test_a_model_that_was_told_the_gender_is_no_cheat(write_world: Callable[..., Path]) -> None:
    """Within one gender a model that leaves the shown sex aside may pass the ceiling of the one score."""
    measures = made(row(0.835, group="same_gender"))
    alone = with_knowable(measures, read_ceiling(write_world(same=0.8, opposite=1.0)), HALF).knowable
    told = with_knowable(measures, read_ceiling(write_world(same=0.8, opposite=1.0, told=0.83)), HALF).knowable
    assert alone is not None
    assert told is not None
    assert (len(alone.warnings), len(told.warnings)) == (1, 0)


def test_the_notes_say_what_gender_alone_knows_and_which_pairs_were_met(write_world: Callable[..., Path]) -> None:
    world = read_ceiling(write_world())
    found = with_knowable(made(row(), row(0.6, group="same_gender")), world, {"voice_to_face": 0.497}).knowable
    assert found is not None
    said = " ".join(found.notes)
    assert "Of the wrong candidates of a probe 49.7 % have its gender" in said
    assert "people's own gender, which their faces show in 99.0 % and their voices in 90.0 % of cases" in said
    unknown = with_knowable(made(row(), row(0.6, group="same_gender")), world, {}).knowable
    assert unknown is not None
    assert any("genders are not given" in note for note in unknown.notes)
