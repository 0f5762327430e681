"""The head of the page: the figure to remember, in words, with where it stands."""

from __future__ import annotations

import dataclasses
import html
import math
import re
from typing import Any

import pytest

from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.measures import Measure
from visavox.evaluation.page_header import page_header, pair_measure
from visavox.evaluation.record import Baseline, Report

NAN = math.nan


def row(
    value: float = 0.845, measure: str = "accuracy_1_of_2", *, group: str = "all", direction: str = "voice_to_face"
) -> Measure:
    ends = (NAN, NAN) if math.isnan(value) else (value - 0.03, value + 0.03)
    return Measure("matching", direction, group, measure, value, *ends, 0.5, 115, 40)


def made(*measures: Measure, **more: Any) -> Report:
    parts = {"title": "base on voxceleb", "curves": (), "provenance": {}, **more}
    return Report(measures=measures, **parts)


def text(report: Report) -> str:
    """The head as a reader sees it."""
    return " ".join(html.unescape(re.sub("<[^>]+>", " ", page_header(report))).split()).replace("\xa0", " ")


def known(group: str = "all", **more: Any) -> KnowableRow:
    found = KnowableRow("voice_to_face", group, 0.5, 0.745, 0.845, 0.815, 0.875, 0.95, 0, NAN, 0.77, 0.7, 0.83, 115, 40)
    return dataclasses.replace(found, **more)


def test_the_headline_says_what_was_measured_on_how_many_people() -> None:
    said = text(made(row(), row(0.698, group="same_gender")))
    assert "Given a voice and two faces, the model picks the right face 84.5 % of the time." in said
    assert "40 people and 115 probes" in said
    assert "81.5–87.5" in said
    assert "guessing gives 50.0 %" in said
    assert "69.8 %" in said


def test_without_a_defined_main_measure_the_title_is_the_headline() -> None:
    for report in (made(row(NAN)), made(row(0.3, "map"))):
        assert "Given a voice" not in text(report)
        assert "40 people" in text(report)


def test_the_lead_says_what_gender_alone_reaches() -> None:
    gender = Baseline("gender alone", (row(0.745),), "given labels")
    assert "guessing gives 50.0 %, gender alone 74.5 % ." in text(made(row(), baselines=(gender,)))
    undefined = made(row(), baselines=(Baseline("gender alone", (row(NAN),)),))
    assert "guessing gives 50.0 %." in text(undefined)
    assert "guessing gives 50.0 %." in text(made(row()))


@pytest.mark.parametrize(
    ("corpus", "date", "said"),
    [
        ("voxceleb", "2026-11-20T17:48:21+00:00", "base on voxceleb · 2026-11-20"),
        ("celeb", "", "base on voxceleb · celeb"),
        ("", "last week", "base on voxceleb · last week"),
    ],
)
def test_the_line_above_the_title_says_nothing_twice(corpus: str, date: str, said: str) -> None:
    report = made(row(), provenance={"corpus": corpus, "date": date})
    assert page_header(report).startswith(f'<p class="kicker">{said}</p>')


def test_the_1_2_measure_is_found_by_direction_and_group() -> None:
    measures = (row(0.1, "accuracy_1_of_3"), row(0.2, group="same_gender"), row(0.3))
    found = pair_measure(measures, "voice_to_face", "all")
    assert found is not None
    assert found.value == 0.3
    assert pair_measure(measures, "face_to_voice", "all") is None


def test_on_a_known_world_the_headline_is_the_share_of_the_knowable() -> None:
    same = known("same_gender", reached=0.7, ceiling=0.9, share=0.5, share_low=0.4, share_high=0.6)
    said = text(made(row(), knowable=Knowable("w", (known(), same))))
    assert "The model learned 77 % of what a voice can tell about a face here." in said
    assert "95 % interval 70–83 % , measured on 40 people and 115 probes." in said
    assert "picks the right face 84.5 % of the time; guessing gives 50.0 %, gender alone 74.5 %" in said
    assert "the best possible answer 95.0 % ." in said
    assert (
        "it is 70.0 % , where the best possible answer reaches 90.0 %: 50 % of what is left to know (40–60 %)." in said
    )


def test_a_model_above_the_ceiling_is_not_praised() -> None:
    beyond = known(share=1.1, share_low=1.05, share_high=1.15, shortcut_ceiling=0.97)
    said = text(made(row(), knowable=Knowable("w", (beyond,))))
    assert "The model knows more than a voice can tell about a face here." in said
    assert "uses shortcuts, or something leaks: it scores 110 % (105–115 %) of what can be known" in said
    assert "the best possible answer without shortcuts 95.0 %" in said


def test_without_an_interval_or_a_gender_the_head_says_less() -> None:
    bare = known(low=NAN, high=NAN, share_low=NAN, share_high=NAN, gender_alone=NAN)
    said = text(made(row(), knowable=Knowable("w", (bare,))))
    assert "Without interval, measured on 40 people" in said
    assert "gender alone" not in said


def test_where_the_share_is_undefined_the_accuracy_is_the_headline() -> None:
    said = text(made(row(), knowable=Knowable("w", (known(share=NAN),))))
    assert "the model picks the right face 84.5 % of the time" in said


def test_a_report_on_lists_has_a_headline_and_counts_trials() -> None:
    said = text(made(row(0.6, group="all_validation"), provenance={"trials": ["match: 115"]}))
    assert "picks the right face 60.0 % of the time" in said
    assert "40 people and 115 trials" in said


def test_people_are_those_of_the_whole_report() -> None:
    assert "Measured on 300 people" in text(made(row(NAN), provenance={"counts": {"people": 300}}))


def test_an_identification_opens_with_how_often_the_right_one_is_named() -> None:
    found = Measure("identification", "<vit>", "test_by_clip", "top_1", 0.946, 0.92, 0.96, 1 / 49, 950, 49)
    told = {"best": "<vit>", "kind": "network", "shown": ["voice", "face"], "n_known": 49, "split_by": "clip"}
    said = text(made(found, provenance={"identification": told}))
    assert "Shown a face and a voice, the best network names the right one of 49 people 94.6 % of the time." in said
    assert "950 test clips of 49 people (95 % interval 92.0–96.0)" in said and "guessing gives 2.0 %" in said
    assert "<vit>" not in page_header(made(found, provenance={"identification": told}))
    assert "Measured on" in text(made(found))  # without knowing which is the best
