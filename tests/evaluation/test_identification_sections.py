"""The tables of a report on identification, row by row."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Callable

import numpy as np
import pytest

from visavox.evaluation.identification_record import Experiment, Published
from visavox.evaluation.identification_sections import (
    cell,
    cost_front,
    cost_section,
    difference_section,
    leak_section,
    order_section,
    order_words,
    original_section,
    published_order,
    shown,
    train_test_section,
)
from visavox.evaluation.protocols.identification import Identification, IdentificationResult
from visavox.metrics.bootstrap import paired_difference
from visavox.metrics.order_agreement import OrderAgreement
from visavox.metrics.pareto import pareto_front

Build = Callable[..., Experiment]


def evaluated(experiment: Experiment) -> IdentificationResult:
    return Identification(n_resamples=200).evaluate(experiment, rng=np.random.default_rng(0))


@pytest.fixture(scope="module")
def by_session(made_up_experiment: Build) -> IdentificationResult:
    return evaluated(made_up_experiment("session"))


@pytest.fixture(scope="module")
def by_clip(made_up_experiment: Build) -> IdentificationResult:
    return evaluated(made_up_experiment("clip", shift=1.5, seed=5))


def published(experiment: Experiment, values: dict[str, float | None]) -> Experiment:
    contenders = [dataclasses.replace(c, published=Published(values.get(c.name))) for c in experiment.contenders]
    return dataclasses.replace(experiment, contenders=tuple(contenders))


def test_the_originals_table_has_ours_beside_it_for_both_splits(
    by_clip: IdentificationResult, by_session: IdentificationResult
) -> None:
    section = original_section([by_clip, by_session], 1)
    assert section.title == "The table of the original and ours, top-1"
    assert section.columns[2:] == ("published top-1 %", "ours, split by clip %", "ours, split by session %")
    rows = {row[0]: row for row in section.rows}
    assert list(rows) == ["net-voice", "net-face", "fused", "sum"]
    assert rows["fused"][1:3] == ("voice, face", 0.9137)
    for result, column in ((by_clip, 3), (by_session, 4)):
        assert rows["sum"][column] == cell(result.find("sum", "top_1"))
    assert "guessing gives 14.3 %" in section.text


def test_a_figure_that_was_not_published_is_a_dash(by_session: IdentificationResult) -> None:
    section = original_section([by_session], 5)
    assert [row[2] for row in section.rows] == ["–", 0.9442, "–", "–"]
    assert "among the first 5" in section.text and "guessing gives 71.4 %" in section.text


def test_the_leak_is_the_difference_of_the_splits_on_the_same_resamples(
    by_clip: IdentificationResult, by_session: IdentificationResult
) -> None:
    section = leak_section(by_clip, by_session)
    assert [row[0] for row in section.rows] == ["net-voice", "net-face", "fused", "sum", "mean of the rows"]
    one, two = by_clip.find("net-face", "top_1"), by_session.find("net-face", "top_1")
    assert one is not None and two is not None
    drawn = [result.resamples["net-face", "test", "top_1"] for result in (by_clip, by_session)]
    wanted = paired_difference(one.value, two.value, *drawn)
    assert section.rows[1][1:3] == (cell(one), cell(two))
    assert section.rows[1][3:] == ((wanted.value, wanted.low, wanted.high), wanted.p_value)
    mean = section.rows[-1]
    assert mean[1] - mean[2] == pytest.approx(mean[3][0])
    assert mean[1] == pytest.approx(np.mean([row[1][0] for row in section.rows[:-1]]))
    assert mean[3][0] > 0 and "the same resamples" in section.notes[0]


def test_of_other_people_the_sides_are_drawn_alone(made_up_experiment: Build, by_session: IdentificationResult) -> None:
    other = evaluated(made_up_experiment("clip", people=8))
    assert "people drawn for each side alone" in leak_section(other, by_session).notes[0]


def test_the_leak_is_of_the_rows_that_both_have(made_up_experiment: Build, by_session: IdentificationResult) -> None:
    section = leak_section(evaluated(made_up_experiment("clip", rows=("sum",))), by_session)
    assert [row[0] for row in section.rows] == ["sum"]


def test_train_stands_beside_test_with_the_gap(by_session: IdentificationResult) -> None:
    section = train_test_section(by_session)
    assert section.title == "Train beside test, split by session"
    rows = {row[0]: row for row in section.rows}
    train, test = (by_session.find("net-voice", "top_1", subset) for subset in ("train", "test"))
    assert train is not None and test is not None
    assert rows["net-voice"][1] == cell(train) and rows["net-voice"][3] == cell(test)
    gap = rows["net-voice"][4]
    assert gap[0] == pytest.approx(train.value - test.value)
    assert gap[1] < gap[0] < gap[2]
    assert [row[5] for row in section.rows] == [8, 8, 8, "–"]


def test_cost_stands_beside_its_budget(by_session: IdentificationResult) -> None:
    rows = {row[0]: row for row in cost_section(by_session).rows}
    assert rows["net-voice"][2:] == (2_930_000, "–", "3,000,000 kept", "41.0", "6.1", "11.8")
    assert rows["fused"][4] == "5,000,000 exceeded"
    assert rows["net-face"][3:5] == (2_470_000, "–")


def test_the_front_is_that_of_the_costs(by_session: IdentificationResult) -> None:
    contenders = by_session.experiment.contenders
    on_front, shares = cost_front(by_session, contenders, "macs")
    costs = np.array([c.cost.macs for c in contenders])
    values = np.array([by_session.find(c.name, "top_1").value for c in contenders])  # type: ignore[union-attr]
    np.testing.assert_array_equal(on_front, pareto_front(costs, values))
    assert shares[1] == 1.0  # the cheapest
    assert ((shares >= 0) & (shares <= 1)).all() and shares[0] < 1


def test_a_cost_of_nothing_is_unknown_and_pushes_nobody_from_the_front(made_up_experiment: Build) -> None:
    """A row without a cost, the cheapest of all, beat every other row and was not drawn itself."""
    experiment = made_up_experiment()
    (*others, last) = experiment.contenders
    free = dataclasses.replace(last, cost=dataclasses.replace(last.cost, macs=0.0))
    found = evaluated(dataclasses.replace(experiment, contenders=(*others, free)))
    on_front, shares = cost_front(found, found.experiment.contenders, "macs")
    assert not on_front[3] and shares[3] == 0
    alone, of_others = cost_front(found, others, "macs")
    assert on_front[:3].tolist() == alone.tolist() and alone.any()
    np.testing.assert_array_equal(shares[:3], of_others)


def test_whether_the_order_holds_is_said_for_each_split(
    by_clip: IdentificationResult, by_session: IdentificationResult
) -> None:
    section = order_section([by_clip, by_session])
    assert section is not None
    found = published_order(by_session)
    assert section.rows[1] == (
        "split by session", 4, (found.spearman, found.low, found.high), found.kendall, found.p_value,
        f"{found.n_swapped} of 6",
    )  # fmt: skip
    assert f"Split by session, {order_words(found)}." in section.text


def test_rows_without_a_published_figure_have_no_order(made_up_experiment: Build) -> None:
    experiment = made_up_experiment()
    assert order_section([evaluated(published(experiment, {}))]) is None
    assert order_section([evaluated(published(experiment, {"sum": 0.9}))]) is None
    found = published_order(evaluated(published(experiment, {"sum": 0.9, "net-voice": 0.5})))
    assert (found.n_rows, found.n_swapped) == (2, 0)


@pytest.mark.parametrize(
    ("swapped", "tau", "p_value", "said"),
    [
        (0, 1.0, 0.33, "the order of the rows holds: no pair is turned round"),
        (3, 0.8, 0.01, "the order holds by and large: 3 of 45 pairs are turned round"),
        (42, -0.8, 0.01, "the order is the opposite: 42 of 45 pairs are turned round"),
        (20, 0.1, 0.7, "whether the order holds cannot be told from so few rows: 20 of 45 pairs are turned round"),
        (20, 0.1, 0.05, "whether the order holds cannot be told from so few rows: 20 of 45 pairs are turned round"),
    ],
)
def test_the_order_in_words(swapped: int, tau: float, p_value: float, said: str) -> None:
    assert order_words(OrderAgreement(10, tau, -1, 1, tau, p_value, swapped, 45)) == said


def test_differences_are_to_the_best_and_to_the_next(by_session: IdentificationResult) -> None:
    section = difference_section(by_session)
    assert section is not None
    ranked = by_session.ranked()
    assert [row[0] for row in section.rows] == ranked
    values = [row[1][0] for row in section.rows]
    assert values == sorted(values, reverse=True)
    rows = {row[0]: row for row in section.rows}
    assert rows[by_session.best][2:6] == ("the best", "", "", "")
    pair = by_session.difference("net-voice", by_session.best)
    assert pair is not None
    assert rows["net-voice"][2:4] == ((pair.found.value, pair.found.low, pair.found.high), pair.found.p_value)
    assert rows["net-voice"][4:6] == (f"{pair.table.only_a} : {pair.table.only_b}", pair.table.p_value)
    below = by_session.difference(ranked[0], ranked[1])
    assert below is not None and section.rows[0][6][0] == below.found.value
    assert section.rows[-1][6:] == ("–", "")
    assert "the best on the validation clips" in section.text
    assert "Of the 6 pairs" in section.notes[0]


def test_a_contender_alone_has_no_difference(made_up_experiment: Build) -> None:
    assert difference_section(evaluated(made_up_experiment(rows=("sum",)))) is None


def test_a_missing_measure_is_an_undefined_cell(by_session: IdentificationResult) -> None:
    assert math.isnan(cell(None))  # type: ignore[arg-type]
    assert shown(by_session.contender("fused")) == "voice, face"


def test_rows_that_are_unlike_the_original_say_how(made_up_experiment: Build) -> None:
    experiment = made_up_experiment()
    assert original_section([evaluated(experiment)], 1).notes == ()
    contenders = [
        dataclasses.replace(c, about={**c.about, "unlike": "random weights"} if c.name == "fused" else c.about)
        for c in experiment.contenders
    ]
    result = evaluated(dataclasses.replace(experiment, contenders=tuple(contenders)))
    for k in (1, 5):
        section = original_section([result], k)
        assert [row[0] for row in section.rows] == ["net-voice", "net-face", "fused *", "sum"]
        assert section.notes == ("* fused, unlike the original: random weights.",)
    order, plain = order_section([result]), order_section([evaluated(experiment)])
    assert order is not None and plain is not None and len(plain.notes) == 1
    assert order.notes[1:] == ("Rows marked * in the table of the original count with their differences from it.",)
    assert order.rows == plain.rows


def test_the_leak_is_not_all_of_the_split(by_clip: IdentificationResult, by_session: IdentificationResult) -> None:
    section = leak_section(by_clip, by_session)
    assert "have met fewer sessions of each person as well" in section.text
    assert section.notes[1].endswith("accuracy that the split gives away, or that fewer sessions to learn from take.")
