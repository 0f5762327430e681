"""Parts of a contest measured as the protocols measure the whole."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.evaluation.contest import build_contest
from visavox.evaluation.subset_accuracy import Bench
from visavox.metrics.matching import all_pairs_accuracy_score
from visavox.metrics.verification import auc_score, equal_error_rate
from visavox.registry import PROTOCOLS

GENDERS = {"gender": ["f", "m", "m"] * 20}


def bench_of(two_tables, **more):
    voice, face = two_tables(60, attributes=GENDERS, clips_a_person=2, **more)
    contest = build_contest(voice, face, direction="voice_to_face")
    return voice, face, contest, Bench(contest, n_resamples=50, seed=3)


def test_accuracy_and_interval_are_those_of_the_protocol(two_tables) -> None:
    voice, face, contest, bench = bench_of(two_tables)
    protocol = PROTOCOLS.build({"name": "matching", "n_resamples": 50})
    result = protocol.evaluate(voice, face, direction="voice_to_face", rng=np.random.default_rng(3))
    for place, group in enumerate(("all", "same_gender")):
        expected = result.find("accuracy_1_of_2", group=group)
        found = bench.accuracy(contest.groups[place].negatives)
        assert found.cell == pytest.approx((expected.value, expected.low, expected.high), abs=1e-12)
        assert (found.n_probes, found.n_people) == (expected.count, expected.n_people)
    assert bench.whole.cell == bench.accuracy(contest.groups[0].negatives).cell


def test_parts_of_the_probes_are_measured_alone(two_tables) -> None:
    _, _, contest, bench = bench_of(two_tables)
    women = np.repeat(np.array(GENDERS["gender"]) == "f", 2)
    negatives = contest.groups[0].negatives
    found = bench.accuracies(negatives, [women, ~women])
    for figure, mask in zip(found, (women, ~women), strict=True):
        expected = all_pairs_accuracy_score(
            contest.scores[mask], contest.positives[mask], negatives[mask], people=contest.probe_people[mask]
        )
        assert figure.value == pytest.approx(expected, abs=1e-12)
        assert figure.low < figure.value < figure.high
    assert (found[0].n_probes, found[0].n_people) == (40, 20)


def test_curve_figures_are_those_of_the_pairs_of_the_probes(two_tables) -> None:
    _, _, contest, bench = bench_of(two_tables)
    women = np.repeat(np.array(GENDERS["gender"]) == "f", 2)
    negatives = contest.groups[1].negatives
    auc, eer = bench.curve_figures(negatives, probes=women)
    used = (contest.positives | negatives)[women]
    scores, labels = contest.scores[women][used], contest.positives[women][used]
    assert auc.value == pytest.approx(auc_score(scores, labels), abs=1e-12)
    assert eer.value == pytest.approx(equal_error_rate(scores, labels), abs=1e-9)
    assert (auc.n_probes, auc.n_people) == (40, 20)
    assert auc.low < auc.value < auc.high
    whole = bench.curve_figures(negatives)[0]
    used = contest.positives | negatives
    assert whole.value == pytest.approx(auc_score(contest.scores[used], contest.positives[used]), abs=1e-12)


def test_nobody_to_compare_with_is_undefined(two_tables) -> None:
    _, _, contest, bench = bench_of(two_tables)
    nobody = np.zeros_like(contest.positives)
    found = bench.accuracy(nobody)
    assert math.isnan(found.value)
    assert (found.n_probes, found.n_people) == (0, 0)
    assert math.isnan(bench.curve_figures(nobody)[0].value)
