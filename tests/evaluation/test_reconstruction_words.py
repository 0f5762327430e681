"""The figure to remember of a report on drawn faces."""

from __future__ import annotations

import dataclasses
import math

from visavox.evaluation.measures import Measure
from visavox.evaluation.protocols.reconstruction import shuffled_name
from visavox.evaluation.reconstruction_words import (
    LEADING,
    SHUFFLED,
    beside_others,
    drawing_headline,
    drawing_lines,
    is_reconstruction,
)
from visavox.evaluation.record import Report


def measure(who: str, group: str, value: float) -> Measure:
    return Measure("reconstruction", who, group, "accuracy_1_of_2", value, value - 0.05, value + 0.05, 0.5, 115, 40)


def report(*measures: Measure) -> Report:
    about = {"judge": "dlib", "leading": "decoder"}
    return Report("t", measures, (), {"reconstruction": about})


def test_it_says_who_judges_and_what_guessing_and_gender_reach() -> None:
    found = drawing_headline(
        report(
            measure("decoder", "dlib_all", 0.82),
            measure("decoder", "dlib_same_gender", 0.68),
            measure("gender only", "dlib_all", 0.74),
        )
    )
    assert found is not None and found.value == "82.0 %"
    assert (
        found.question == "Shown a face drawn from a voice and two photographs, the face network dlib picks the speaker"
    )
    assert "Drawn by decoder from 115 voices of 40 people, 95 % interval 77.0–87.0" in found.lead
    assert "guessing gives 50.0 %, one face for each gender that is heard 74.0 %." in found.lead
    assert found.lead.endswith("When both photographs show one gender it is 68.0 % (63.0–73.0).")


def test_without_a_figure_it_says_nothing() -> None:
    assert drawing_headline(report(measure("decoder", "dlib_all", math.nan))) is None
    assert drawing_headline(report(measure("other", "dlib_all", 0.8))) is None
    assert drawing_headline(Report("t", (), (), {})) is None


def test_other_reports_have_no_such_lines() -> None:
    other = Report("t", (Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.8),), (), {})
    assert not is_reconstruction(other) and drawing_lines(other) == []
    ours = report(measure("decoder", "dlib_all", 0.82))
    assert is_reconstruction(ours)
    assert drawing_lines(ours)[0].endswith("dlib picks the speaker 82.0 % of the time.")


def test_the_leader_bears_a_common_name_beside_other_runs() -> None:
    shuffled = shuffled_name("decoder")
    given = report(
        measure("decoder", "dlib_all", 0.8), measure(shuffled, "dlib_all", 0.5), measure("gender only", "dlib_all", 0.7)
    )
    found = beside_others(given)
    assert [m.direction for m in found.measures] == [LEADING, f"{LEADING}, {SHUFFLED}", "gender only"]
    assert [m.value for m in found.measures] == [m.value for m in given.measures]
    assert drawing_headline(given) is not None  # the report itself is as it was


def test_reports_without_a_leader_are_left_alone() -> None:
    given = report(measure("decoder", "dlib_all", 0.8))
    bare = dataclasses.replace(given, provenance={})
    other = Report("t", (Measure("matching", "voice_to_face", "all", "accuracy_1_of_2", 0.8),), (), {})
    assert beside_others(bare) is bare and beside_others(other) is other


def test_an_interval_that_is_undefined_is_left_out() -> None:
    bare = dataclasses.replace(measure("decoder", "dlib_all", 0.8), low=math.nan, high=math.nan)
    found = drawing_headline(report(bare))
    assert found is not None and "interval" not in found.lead and found.lead.endswith("guessing gives 50.0 %.")
