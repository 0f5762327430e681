from __future__ import annotations

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.evaluation.baselines import GenderAlone, GenderPredictor, random_scores
from visavox.evaluation.scoring import UndefinedScoresError
from visavox.registry import PROTOCOLS


def tables(genders: tuple[str | None, ...] | None, predicted: tuple[str | None, ...] | None = None):
    n = len(genders or predicted or ("",) * 6)
    names = tuple(f"p{i:03d}" for i in range(n))
    attributes = {k: v for k, v in (("gender", genders), ("predicted_gender", predicted)) if v is not None}
    return tuple(
        EmbeddingTable(m, "e", tuple(f"{x}/{m}" for x in names), names, names, (None,) * n, attributes, np.ones((n, 2)))
        for m in ("voice", "face")
    )


def evaluate(name: str, voice, face, scorer):
    return PROTOCOLS.build(name).evaluate(
        voice, face, direction="voice_to_face", rng=np.random.default_rng(0), scorer=scorer
    )


def test_scores_say_whether_the_genders_agree() -> None:
    voice, face = tables(("f", "m", None))
    assert GenderAlone()(voice, face).tolist() == [[1.0, 0.0, 0.5], [0.0, 1.0, 0.5], [0.5, 0.5, 0.5]]


def test_perfect_labels_reach_three_quarters_on_all_pairs() -> None:
    voice, face = tables(("f", "m") * 30)
    found = evaluate("matching", voice, face, GenderAlone())
    # Of the 59 negatives 30 are of the other gender and beaten, 29 tie.
    assert found.find("accuracy_1_of_2").value == pytest.approx((30 + 29 / 2) / 59)


@pytest.mark.parametrize("protocol", ["matching", "verification"])
def test_within_a_gender_it_scores_exactly_chance(protocol: str) -> None:
    voice, face = tables(("f", "m", "m") * 8)
    for row in evaluate(protocol, voice, face, GenderAlone()).measures:
        if row.group == "same_gender":
            assert row.value == pytest.approx(row.chance, abs=1e-12)
            assert row.low == pytest.approx(row.high, abs=1e-12)


@pytest.mark.parametrize("protocol", ["matching", "verification", "retrieval"])
def test_without_labels_every_measure_is_undefined(protocol: str) -> None:
    voice, face = tables(None)
    rows = evaluate(protocol, voice, face, GenderAlone()).measures
    assert rows
    assert all(np.isnan(row.value) and row.note == "no gender labels" for row in rows)
    assert all("undefined (no gender labels)" in str(row) for row in rows)


def test_given_labels_go_before_predicted_ones() -> None:
    voice, face = tables(("f", "m"), predicted=("m", "m"))
    scorer = GenderAlone(GenderPredictor("pitch", 0.9, 0.8))
    assert scorer(voice, face).tolist() == [[1.0, 0.0], [0.0, 1.0]]
    assert scorer.note(voice, face) == "given labels"


def test_predicted_labels_need_a_named_predictor() -> None:
    voice, face = tables(None, predicted=("m", "m", "f"))
    with pytest.raises(UndefinedScoresError, match=r"^no gender labels$"):
        GenderAlone()(voice, face)
    scorer = GenderAlone(GenderPredictor("pitch and chin", voice_accuracy_score=0.951))
    assert scorer(voice, face)[0].tolist() == [1.0, 1.0, 0.0]
    assert scorer.note(voice, face) == ("labels predicted by pitch and chin (voices 95.1 % right, faces not measured)")


def test_a_predictor_that_said_nothing_leaves_it_undefined() -> None:
    voice, face = tables(None)
    scorer = GenderAlone(GenderPredictor("pitch"))
    assert scorer.note(voice, face) == "no gender labels, neither given nor predicted"


def test_labels_of_one_side_are_never_copied_to_the_other() -> None:
    voice, _ = tables(None)
    _, face = tables(("f", "m", "f", "m", "f", "m"))
    with pytest.raises(UndefinedScoresError):
        GenderAlone()(voice, face)


def test_random_scores_are_at_chance_and_repeatable() -> None:
    voice, face = tables(("f", "m") * 100)
    first, again = (evaluate("matching", voice, face, random_scores(np.random.default_rng(5))) for _ in range(2))
    assert first == again
    found = first.find("accuracy_1_of_2")
    assert found.low < 0.5 < found.high
    assert found.value != 0.5


def test_random_scores_go_on_from_call_to_call() -> None:
    voice, face = tables(("f", "m"))
    scorer = random_scores(np.random.default_rng(0))
    assert (scorer(voice, face) != scorer(voice, face)).all()
