"""Two models on the same trials as one section."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.evaluation import paired_comparison
from visavox.evaluation.contest import build_contest
from visavox.evaluation.findings import Findings
from visavox.evaluation.paired_comparison import Answers, Tests, comparison_section, contest_answers, paired_tests
from visavox.metrics.delong import delong_test
from visavox.metrics.verification import auc_score


def answers(measure: str, **columns) -> Answers:
    return Answers("voice_to_face", "all", measure, **columns)


def result(value: float, resampled, measure: str = "accuracy_1_of_2", count: int = 9):
    findings = Findings("matching", "voice_to_face")
    findings.add("all", measure, value, np.array(resampled), chance=0.5, count=count, n_people=5)
    return findings.result()


def test_scores_of_pairs_go_to_delong() -> None:
    rng = np.random.default_rng(0)
    labels = rng.random(60) < 0.5
    a, b = rng.random(60) + labels, rng.random(60) + 0.5 * labels
    found = paired_tests([answers("auc", scores=a, labels=labels)], [answers("auc", scores=b, labels=labels)])
    assert found == {("voice_to_face", "all", "auc"): Tests(p_delong=delong_test(a, b, labels).p_value)}


def test_choices_go_to_mcnemar_and_ties_are_left_out() -> None:
    a, b = np.array([1, 1, 0, 1, 0.5, 0, 1]), np.array([1, 0, 1, 0, 1, 0, 0.5])
    found = paired_tests([answers("accuracy_1_of_2", outcomes=a)], [answers("accuracy_1_of_2", outcomes=b)])
    test = found["voice_to_face", "all", "accuracy_1_of_2"]
    assert test.mcnemar is not None
    assert (test.mcnemar.both, test.mcnemar.only_a, test.mcnemar.only_b, test.mcnemar.neither) == (1, 2, 1, 1)
    assert test.n_tied == 2


def test_questions_that_one_model_did_not_answer_are_left_out() -> None:
    assert paired_tests([answers("auc")], []) == {}
    other = replace(answers("auc", scores=np.ones(2), labels=np.array([True, False])), group="same_gender")
    assert paired_tests([answers("auc", scores=np.ones(2), labels=np.array([True, False]))], [other]) == {}


def test_other_trials_are_refused() -> None:
    labels = np.array([True, False])
    ours = answers("auc", scores=np.ones(2), labels=labels)
    message = r"Paired tests need the same trials for both models \(voice_to_face/all/auc\)"
    with pytest.raises(DataError, match=message):
        paired_tests([ours], [replace(ours, labels=~labels)])
    with pytest.raises(DataError, match=message):
        paired_tests([answers("auc", outcomes=np.ones(2))], [answers("auc", outcomes=np.ones(3))])


def test_the_section_says_differences_and_tests() -> None:
    a, b = result(0.8, [0.7, 0.8, 0.9]), result(0.6, [0.5, 0.6, 0.7])
    outcomes = np.array([1.0] * 8 + [0.0] * 2), np.array([1.0] * 6 + [0.0] * 4)
    sides = tuple([answers("accuracy_1_of_2", outcomes=one)] for one in outcomes)
    section = comparison_section(("good", "poor"), ([a], [b]), (sides[0], sides[1]))
    assert section.title == "Compared with poor"
    assert section.columns == (
        "question", "model good", "model poor", "difference", "p bootstrap", "p DeLong", "right alone", "p McNemar"
    )  # fmt: skip
    (row,) = section.rows
    assert row[:3] == ("1:2 accuracy, all pairs, voice → face", 0.8, 0.6)
    assert row[3] == pytest.approx((0.2, 0.2, 0.2))
    assert row[4] == pytest.approx(0.5)  # three resamples cannot say more
    assert row[5:7] == ("", "2 : 0")
    assert row[7] == pytest.approx(0.25)  # mid-p of two heads in two throws
    assert section.notes == ()
    assert "same resamples of the same people" in section.text


def test_models_of_one_name_get_two_columns() -> None:
    section = comparison_section(("m", "m"), ([result(0.8, [0.7, 0.8])], [result(0.8, [0.7, 0.8])]), ([], []))
    assert section.columns[1:3] == ("model m", "model m (other)")
    assert section.rows[0][5:] == ("", "", "")


def test_choices_without_a_measure_get_a_row_and_ties_a_note() -> None:
    a, b = np.array([1, 1, 0, 0.5]), np.array([1, 0, 0, 1.0])
    sides = ([answers("first_choice", outcomes=a)], [answers("first_choice", outcomes=b)])
    section = comparison_section(("a", "b"), ([], []), sides)
    (row,) = section.rows
    assert row[0] == "own face or voice before every wrong one, all pairs, voice → face"
    assert row[1:3] == pytest.approx((2 / 3, 1 / 3))
    assert row[3][0] == pytest.approx(1 / 3)
    assert math.isnan(row[3][1])
    assert (row[4], row[6]) == ("", "1 : 0")
    assert section.notes == ("1 trials that one of the two answered with a tie are left out of McNemar's test.",)


def test_in_between_sizes_and_undefined_measures_are_left_out() -> None:
    undefined = Findings("matching", "voice_to_face")
    undefined.add_undefined("all", {"auc": 0.5}, "why")
    pairs = [result(0.5, [0.5, 0.5], "accuracy_1_of_7"), undefined.result()]
    assert comparison_section(("a", "b"), (pairs, pairs), ([], [])).rows == ()


def test_results_on_other_trials_are_refused() -> None:
    with pytest.raises(DataError, match="Paired results must rest on the same probes"):
        comparison_section(("a", "b"), ([result(0.5, [0.5])], [result(0.5, [0.5], count=8)]), ([], []))


def test_answers_of_all_pairs_are_the_auc_and_the_first_choice() -> None:
    rng = np.random.default_rng(2)
    people = ("a", "a", "b", "c", "d")
    sides = []
    for modality in ("voice", "face"):
        vectors = rng.normal(size=(5, 4))
        keys = tuple(f"{i}/{modality}" for i in range(5))
        attributes = {"gender": ("f", "f", "f", "m", None)}
        sides.append(
            EmbeddingTable(modality, "e", keys, tuple("01234"), people, (None,) * 5, attributes, vectors)  # type: ignore[arg-type]
        )
    found = list(contest_answers(build_contest(sides[0], sides[1], direction="voice_to_face")))
    assert [(one.group, one.measure) for one in found] == [
        ("all", "auc"), ("all", "first_choice"), ("same_gender", "auc"), ("same_gender", "first_choice")
    ]  # fmt: skip
    scores = np.round(sides[0].vectors.astype(float) @ sides[1].vectors.astype(float).T, 7)
    owner = np.array(people)
    negative = owner[:, None] != owner
    own = np.eye(5, dtype=bool)
    assert auc_score(found[0].scores, found[0].labels) == pytest.approx(
        auc_score(np.r_[scores[own], scores[negative]], np.r_[np.ones(5), np.zeros(int(negative.sum()))].astype(int))
    )
    right = [scores[i, i] > max(scores[i, j] for j in range(5) if negative[i, j]) for i in range(5)]
    assert found[1].outcomes.tolist() == [float(r) for r in right]
    assert len(found[3].outcomes) == 3  # of one gender are a, a and b alone
    assert found[2].labels.sum() == 3


def test_a_tie_for_the_first_place_is_neither_right_nor_wrong() -> None:
    flat = np.ones((3, 2))
    tables = [
        EmbeddingTable(m, "e", tuple(f"{i}/{m}" for i in range(3)), tuple("abc"), tuple("ABC"), (None,) * 3, {}, flat)
        for m in ("voice", "face")
    ]
    found = list(contest_answers(build_contest(tables[0], tables[1], direction="face_to_voice")))
    assert [one.direction for one in found] == ["face_to_voice"] * 2  # no genders: the second group says nothing
    assert found[1].outcomes.tolist() == [0.5, 0.5, 0.5]


def test_two_iterators_are_followed_side_by_side() -> None:
    """All answers of both models lay in memory before the first test."""
    labels, order = np.array([True, False, True]), []

    def said(name: str, groups: str):
        for group in groups:
            order.append(name + group)
            yield replace(answers("auc", scores=np.arange(3.0), labels=labels), group=group)

    found = paired_tests(said("a", "xyz"), said("b", "xyz"))
    assert order == ["ax", "bx", "ay", "by", "az", "bz"]
    assert [question[1] for question in found] == ["x", "y", "z"]
    assert [question[1] for question in paired_tests(said("a", "wxyz"), said("b", "zyx"))] == ["x", "y", "z"]


def test_above_the_cap_no_scores_are_kept_and_a_note_says_so(two_tables, monkeypatch: pytest.MonkeyPatch) -> None:
    contest = build_contest(*two_tables(10, attributes={"gender": ["f", "m"] * 5}), direction="voice_to_face")
    few = list(contest_answers(contest))
    monkeypatch.setattr(paired_comparison, "MOST_ANALYSED", 99)  # all are 100 pairs, of one gender 50
    monkeypatch.setattr(paired_comparison, "BLOCK", 3)
    many = list(contest_answers(contest))
    assert (many[0].scores, many[0].labels, many[0].n_untested) == (None, None, 100)
    assert many[2].scores.tolist() == few[2].scores.tolist()
    assert [one.n_untested for one in few] == [0, 0, 0, 0]
    for row in (1, 3):
        assert many[row].outcomes.tolist() == few[row].outcomes.tolist()
    tests = paired_tests(many, iter(many))
    assert tests["voice_to_face", "all", "auc"] == Tests(n_untested=100)
    assert tests["voice_to_face", "same_gender", "auc"].p_delong == 1.0
    section = comparison_section(("a", "b"), ([], []), (many, many))
    assert section.notes == ("DeLong's test is left out above 99 pairs (all pairs, voice → face: 100).",)
