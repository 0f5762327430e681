"""The protocol against the metrics it is made of, on a made-up experiment."""

from __future__ import annotations

import dataclasses
import itertools
import math
from collections.abc import Callable

import numpy as np
import pytest

from visavox.errors import ConfigError, DataError
from visavox.evaluation.identification_record import STRANGERS, Experiment
from visavox.evaluation.protocols.identification import (
    CURVE_RATES,
    Identification,
    IdentificationResult,
    asked_rows,
    group_name,
)
from visavox.metrics.bootstrap import paired_difference, percentile_interval, resample_people
from visavox.metrics.identification import log_loss_cost, mean_credit, top_k_accuracy_score, top_k_credit
from visavox.metrics.mcnemar import mcnemar_test
from visavox.metrics.open_set import open_set_curve
from visavox.registry import PROTOCOLS

Build = Callable[..., Experiment]


def evaluated(experiment: Experiment, *, seed: int = 0, **options) -> IdentificationResult:
    protocol: Identification = PROTOCOLS.build({"name": "identification", "n_resamples": 200})
    return protocol.evaluate(experiment, rng=np.random.default_rng(seed), **options)


@pytest.fixture(scope="module")
def experiment(made_up_experiment: Build) -> Experiment:
    return made_up_experiment()


@pytest.fixture(scope="module")
def found(experiment: Experiment) -> IdentificationResult:
    return evaluated(experiment)


def with_test(experiment: Experiment, **tables: np.ndarray) -> Experiment:
    """The experiment with other probabilities of the test clips for some contenders."""
    contenders = [
        dataclasses.replace(c, probabilities={**c.probabilities, "test": tables[c.name.replace("-", "_")]})
        if c.name.replace("-", "_") in tables
        else c
        for c in experiment.contenders
    ]
    return dataclasses.replace(experiment, contenders=tuple(contenders))


def test_every_contender_has_every_measure_on_every_subset(found: IdentificationResult) -> None:
    names = [c.name for c in found.experiment.contenders]
    for name in names:
        for subset in ("train", "validation", "test"):
            for measure in ("top_1", "top_5", "top_1_by_person", "log_loss_cost"):
                assert found.find(name, measure, subset) is not None
        assert [found.find(name, f"dir_at_far_{rate}") is not None for rate in (1, 5, 10)] == [True] * 3
        assert found.find(name, "dir_at_far_1", "train") is None
    assert len(found.measures) == len(names) * (3 * 4 + 3)
    assert {m.protocol for m in found.measures} == {"identification"}
    assert PROTOCOLS.build("identification").measure_names[:2] == ["top_1", "top_5"]


@pytest.mark.parametrize("subset", ["train", "validation", "test"])
def test_values_are_those_of_the_metrics(found: IdentificationResult, subset: str) -> None:
    labels = found.experiment.labels[subset]
    for contender in found.experiment.contenders:
        table = contender.probabilities[subset]
        wanted = {
            "top_1": top_k_accuracy_score(table, labels, k=1),
            "top_5": top_k_accuracy_score(table, labels, k=5),
            "top_1_by_person": top_k_accuracy_score(table, labels, k=1, weighting="person"),
            "log_loss_cost": log_loss_cost(table, labels),
        }
        for name, value in wanted.items():
            row = found.find(contender.name, name, subset)
            assert row is not None
            assert row.value == pytest.approx(value)
            assert row.low <= row.value <= row.high
            assert (row.count, row.n_people) == (len(labels), 7)
            assert row.group == f"{subset}_by_session"


def test_chance_is_k_of_n_and_the_logarithm_of_n(found: IdentificationResult) -> None:
    chances = {m.measure: m.chance for m in found.measures if m.direction == "sum"}
    assert chances["top_1"] == chances["top_1_by_person"] == 1 / 7
    assert chances["top_5"] == 5 / 7
    assert chances["log_loss_cost"] == math.log(7)
    assert chances["dir_at_far_5"] == 0.05 / 7


def test_the_resamples_are_of_people(found: IdentificationResult) -> None:
    counts = resample_people(7, n_resamples=200, rng=np.random.default_rng(0))
    labels = found.experiment.labels["test"]
    credit = top_k_credit(found.contender("fused").probabilities["test"], labels, k=1)
    np.testing.assert_allclose(found.resamples["fused", "test", "top_1"], mean_credit(credit, labels, counts=counts))
    assert found.resamples["fused", "test", "top_1"].std() > 0


def test_the_best_is_chosen_on_validation_clips(experiment: Experiment, found: IdentificationResult) -> None:
    values = {c.name: found.find(c.name, "top_1", "validation") for c in experiment.contenders}
    assert found.best == max(values, key=lambda name: values[name].value if values[name] else -1)
    labels = experiment.labels["test"]
    perfect = np.eye(7, dtype=np.float32)[labels]
    assert evaluated(with_test(experiment, net_voice=perfect)).best == found.best
    contenders = tuple(
        dataclasses.replace(c, probabilities={"test": c.probabilities["test"]}) for c in experiment.contenders
    )
    bare = dataclasses.replace(experiment, contenders=contenders)
    without = evaluated(with_test(bare, net_voice=perfect))
    assert without.best == "net-voice"
    assert without.ranked()[0] == "net-voice"


def test_open_set_rates_are_those_of_the_curve(found: IdentificationResult) -> None:
    for contender in found.experiment.contenders:
        labels = found.experiment.labels["test"]
        own = np.arange(7) == labels[:, np.newaxis]
        curve = open_set_curve(contender.probabilities["test"], own, contender.probabilities[STRANGERS])
        for rate in (1, 5, 10):
            row = found.find(contender.name, f"dir_at_far_{rate}")
            assert row is not None
            assert row.value == pytest.approx(curve.rate_at(rate / 100))
            assert row.low <= row.value <= row.high
        drawn = next(c for c in found.curves if c.direction == contender.name)
        assert drawn.x == CURVE_RATES and drawn.y == pytest.approx([curve.rate_at(rate) for rate in CURVE_RATES])
        assert (drawn.name, drawn.y[-1]) == ("open set", pytest.approx(curve.closed_set))


def test_a_confidence_takes_the_place_of_the_largest_probability(experiment: Experiment) -> None:
    n_clips, n_strangers = len(experiment.clips["test"]), len(experiment.clips[STRANGERS])
    sure = {("sum", "test"): np.ones(n_clips), ("sum", STRANGERS): np.zeros(n_strangers)}
    found = evaluated(experiment, confidence=sure)
    closed, opened = found.find("sum", "top_1"), found.find("sum", "dir_at_far_1")
    assert closed is not None and opened is not None
    assert opened.value == pytest.approx(closed.value)
    turned = {("sum", "test"): np.zeros(n_clips), ("sum", STRANGERS): np.ones(n_strangers)}
    worst = evaluated(experiment, confidence=turned).find("sum", "dir_at_far_10")
    assert worst is not None and worst.value == 0
    plain, other = evaluated(experiment).find("fused", "dir_at_far_5"), found.find("fused", "dir_at_far_5")
    assert plain == other


def test_without_strangers_there_is_no_open_set(made_up_experiment: Build) -> None:
    found = evaluated(made_up_experiment(strangers=0))
    assert not found.curves
    assert not [m for m in found.measures if m.measure.startswith("dir")]


def test_differences_are_paired_over_people_and_by_mcnemar(found: IdentificationResult) -> None:
    assert len(found.differences) == 6
    pair = found.difference("net-face", "sum")
    assert pair is not None
    labels = found.experiment.labels["test"]
    a, b = (top_k_credit(found.contender(n).probabilities["test"], labels, k=1) for n in ("net-face", "sum"))
    drawn = [found.resamples[name, "test", "top_1"] for name in ("net-face", "sum")]
    assert pair.found == paired_difference(float(a.mean()), float(b.mean()), *drawn)
    assert pair.table == mcnemar_test(a, b)
    assert pair.found.value < 0 and pair.n_tied == 0


def test_a_difference_turned_round_says_the_same(found: IdentificationResult) -> None:
    one, other = found.difference("net-face", "sum"), found.difference("sum", "net-face")
    assert one is not None and other is not None
    assert (other.first, other.second) == ("sum", "net-face")
    assert (other.found.value, other.found.low, other.found.high) == (-one.found.value, -one.found.high, -one.found.low)
    assert (other.table.only_a, other.table.only_b) == (one.table.only_b, one.table.only_a)
    assert (other.table.both, other.table.neither) == (one.table.both, one.table.neither)
    assert other.found.p_value == one.found.p_value
    assert found.difference("sum", "nobody") is None


def test_clips_tied_for_the_best_name_are_left_out_of_mcnemar(experiment: Experiment) -> None:
    table = np.array(experiment.contenders[0].probabilities["test"])
    table[:4] = 1 / 7
    pair = evaluated(with_test(experiment, net_voice=table)).difference("net-voice", "sum")
    assert pair is not None
    assert pair.n_tied == 4
    assert pair.table.n_trials == len(table) - 4


def test_a_row_of_nan_is_a_clip_that_was_not_shown(experiment: Experiment) -> None:
    table = np.array(experiment.contenders[0].probabilities["test"])
    table[:6] = np.nan
    other = with_test(experiment, net_voice=table)
    kept, labels = asked_rows(other, other.contenders[0], "test")
    assert kept.shape == (len(table) - 6, 7) and len(labels) == len(kept)
    found = evaluated(other)
    row = found.find("net-voice", "top_1")
    assert row is not None
    assert (row.count, row.n_people) == (len(table) - 6, 5)
    assert row.value == pytest.approx(top_k_accuracy_score(table[6:], experiment.labels["test"][6:]))
    assert found.difference("net-voice", "sum") is None
    assert found.difference("fused", "sum") is not None


def test_the_same_people_in_another_order_are_drawn_alike(experiment: Experiment) -> None:
    order = np.array([3, 0, 6, 2, 1, 5, 4])
    places = np.argsort(order)
    turned = dataclasses.replace(
        experiment,
        people=tuple(experiment.people[i] for i in order),
        labels={name: np.where(own < 0, own, places[own]) for name, own in experiment.labels.items()},
        contenders=tuple(
            dataclasses.replace(c, probabilities={n: p[:, order] for n, p in c.probabilities.items()})
            for c in experiment.contenders
        ),
    )
    one, other = evaluated(experiment), evaluated(turned)
    for key, values in one.resamples.items():
        np.testing.assert_allclose(other.resamples[key], values)


def test_the_groups_say_how_clips_were_dealt_out(experiment: Experiment, made_up_experiment: Build) -> None:
    assert (group_name("test", "clip"), group_name("test", "")) == ("test_by_clip", "test")
    plain = evaluated(experiment, by="")
    assert {m.group for m in plain.measures} == {"train", "validation", "test"}
    assert plain.find("sum", "top_1") is not None
    assert ("sum", "test", "top_1") in plain.resamples
    assert evaluated(made_up_experiment("clip")).group_of("train") == "train_by_clip"


def test_what_does_not_fit_is_refused(experiment: Experiment) -> None:
    with pytest.raises(DataError, match="needs contenders and test clips. Got 0 and 21"):
        evaluated(dataclasses.replace(experiment, contenders=()))
    with pytest.raises(DataError, match=r"sum must have one probability a clip and person, \(21, 7\) for test"):
        evaluated(with_test(experiment, sum=np.ones((3, 7))))
    with pytest.raises(ConfigError, match=r"`ks` must be numbers from 1. Got \[0\]"):
        Identification(ks=[0])
    with pytest.raises(ConfigError, match=r"`false_alarm_rates` must lie between 0 and 1. Got \[2\]"):
        Identification(false_alarm_rates=[2])


def test_lists_and_rates_of_ones_own(experiment: Experiment) -> None:
    protocol = Identification(ks=(1, 3), false_alarm_rates=(0.2,), n_resamples=50)
    assert protocol.measure_names == ["top_1", "top_3", "top_1_by_person", "log_loss_cost", "dir_at_far_20"]
    found = protocol.evaluate(experiment, rng=np.random.default_rng(0))
    assert {m.measure for m in found.measures} == set(protocol.measure_names)
    row, labels = found.find("net-voice", "top_3"), experiment.labels["test"]
    assert row is not None and row.chance == pytest.approx(3 / 7)
    assert row.value == pytest.approx(top_k_accuracy_score(experiment.contenders[0].probabilities["test"], labels, k=3))
    assert found.resamples["net-voice", "test", "top_3"].shape == (50,)


def test_intervals_are_those_of_the_resamples(found: IdentificationResult) -> None:
    for name, bounds in (("top_1", (0.0, 1.0)), ("top_1_by_person", (0.0, 1.0)), ("log_loss_cost", (0.0, math.inf))):
        row = found.find("net-voice", name)
        assert row is not None
        wanted = percentile_interval(row.value, found.resamples["net-voice", "test", name], bounds=bounds)
        assert (row.low, row.high) == (wanted.low, wanted.high)
        assert row.low < row.value < row.high


def test_of_equal_contenders_the_first_is_the_best_and_ranks_first(experiment: Experiment) -> None:
    said = experiment.contenders[2].probabilities
    equal = tuple(dataclasses.replace(c, probabilities=said) for c in experiment.contenders)
    found = evaluated(dataclasses.replace(experiment, contenders=equal))
    assert found.best == "net-voice"
    assert found.ranked() == [c.name for c in experiment.contenders]
    pair = found.difference("net-voice", "sum")
    assert pair is not None and (pair.found.value, pair.table.only_a, pair.table.only_b) == (0.0, 0, 0)


def test_strangers_that_were_not_shown_raise_no_alarm(experiment: Experiment) -> None:
    (*others, last) = experiment.contenders
    strangers = np.array(last.probabilities[STRANGERS])
    strangers[:5] = np.nan
    said = {**last.probabilities, STRANGERS: strangers}
    fewer = dataclasses.replace(experiment, contenders=(*others, dataclasses.replace(last, probabilities=said)))
    own = np.arange(7) == experiment.labels["test"][:, np.newaxis]
    curve = open_set_curve(last.probabilities["test"], own, strangers[5:])
    row = evaluated(fewer).find("sum", "dir_at_far_10")
    assert row is not None and row.value == pytest.approx(curve.rate_at(0.1))


def test_an_open_set_curve_rises_from_no_alarm_to_every_alarm(found: IdentificationResult) -> None:
    assert (CURVE_RATES[0], CURVE_RATES[-1]) == (0.0, 1.0)
    assert all(a < b for a, b in itertools.pairwise(CURVE_RATES))
    for curve in found.curves:
        assert all(a <= b + 1e-12 for a, b in itertools.pairwise(curve.y))
        closed = found.find(curve.direction, "top_1")
        assert closed is not None and curve.y[-1] == pytest.approx(closed.value)


def test_strangers_are_drawn_as_people_where_it_is_known_who_they_are(experiment: Experiment) -> None:
    """Twelve clips of three strangers are three draws: one of them decides who is let in, and is drawn or is not."""
    people = tuple(f"s{i // 4}" for i in range(12))
    table = np.full((12, 7), 0.1)
    table[:4, 0] = 0.99  # the first stranger is always surer than anybody
    (*others, last) = experiment.contenders
    said = {**last.probabilities, STRANGERS: table}
    changed = dataclasses.replace(experiment, contenders=(*others, dataclasses.replace(last, probabilities=said)))
    known = dataclasses.replace(changed, stranger_people=people)
    by_clip, by_person = (evaluated(each).resamples["sum", "test", "dir_at_far_10"] for each in (changed, known))
    closed = evaluated(known).resamples["sum", "test", "top_1"]
    without = np.isclose(by_person, closed)  # nobody like the first stranger was drawn: everybody gets in
    assert np.mean(without) == pytest.approx((2 / 3) ** 3, abs=0.1)
    assert np.mean(np.isclose(by_clip, closed)) < 0.1
    with pytest.raises(DataError, match="Every stranger's clip needs its person, or none. Got 2 people for 12 clips."):
        evaluated(dataclasses.replace(experiment, stranger_people=("a", "b")))
