from __future__ import annotations

import math

import numpy as np

from visavox.evaluation.findings import Findings
from visavox.evaluation.measures import ProbeOutcome


def test_a_measure_gets_its_interval_from_the_resamples() -> None:
    findings = Findings("retrieval", "face_to_voice")
    resampled = np.linspace(0.4, 0.6, 201)
    findings.add("all", "map", 0.5, resampled, chance=0.1, count=20, n_people=8)
    result = findings.result()
    found = result.find("map")
    assert found.key == ("retrieval", "face_to_voice", "all", "map")
    assert (round(found.low, 3), round(found.high, 3)) == (0.405, 0.595)
    assert (found.value, found.chance, found.count, found.n_people, found.note) == (0.5, 0.1, 20, 8, "")
    np.testing.assert_array_equal(result.resamples["all", "map"], resampled)


def test_intervals_are_cut_to_what_is_possible() -> None:
    findings = Findings("retrieval", "voice_to_face")
    findings.add("all", "recall_at_1", 0.02, np.linspace(-0.1, 0.14, 99), chance=0.1, count=3, n_people=3)
    findings.add("all", "median_rank", 2.0, np.linspace(0, 4, 99), chance=5.0, count=3, n_people=3, bounds=(1.0, 9.0))
    assert findings.result().find("recall_at_1").low == 0.0
    assert findings.result().find("median_rank").low == 1.0
    assert findings.result().find("median_rank").high > 3.5


def test_what_cannot_be_measured_is_nan_with_its_reason() -> None:
    findings = Findings("matching", "voice_to_face")
    findings.add_undefined("same_gender", {"accuracy_1_of_2": 0.5, "accuracy_1_of_3": 1 / 3}, "no gender labels")
    rows = findings.result().measures
    assert [row.measure for row in rows] == ["accuracy_1_of_2", "accuracy_1_of_3"]
    assert all(math.isnan(row.value) and math.isnan(row.low) and row.note == "no gender labels" for row in rows)
    assert rows[0].chance == 0.5
    assert not findings.result().resamples


def test_a_note_stays_with_its_row() -> None:
    findings = Findings("matching", "voice_to_face")
    findings.add("all", "x", math.nan, np.array([]), chance=0.5, count=0, n_people=0, note="too few")
    assert findings.result().find("x").note == "too few"


def test_curves_and_outcomes_are_handed_on() -> None:
    findings = Findings("verification", "voice_to_face")
    findings.draw("roc", "all", np.array([0.0, 1.0]), [0.0, 1.0], ("false", "true"))
    outcome = ProbeOutcome("a", "b", "c", 0.1, 0.2, 0.5)
    result = findings.result([outcome])
    assert result.curves[0].direction == "voice_to_face"
    assert (result.curves[0].x_label, result.curves[0].y_label) == ("false", "true")
    assert result.trials_table == (outcome,)
