"""The share of the knowable, said."""

from __future__ import annotations

import dataclasses
import math
from typing import Any

import pytest

from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.knowable_words import share_sentences, share_words, whole_percent

NAN = math.nan


def row(direction: str = "voice_to_face", group: str = "all", **more: Any) -> KnowableRow:
    known = KnowableRow(direction, group, 0.5, 0.75, 0.86, 0.82, 0.9, 0.95, 0.001, NAN, 0.8, 0.71, 0.89, 300, 100)
    return dataclasses.replace(known, **more)


@pytest.mark.parametrize(
    ("share", "text"), [(0.873, "87 %"), (1.215, "122 %"), (-0.051, "−5 %"), (-0.001, "0 %"), (0.0, "0 %")]
)
def test_shares_are_whole_percent(share: float, text: str) -> None:
    assert whole_percent(share) == text


def test_the_interval_stands_in_brackets_where_there_is_one() -> None:
    assert share_words(row()) == "80 % (71–89 %)"
    assert share_words(row(share_low=NAN, share_high=NAN)) == "80 %"
    assert share_words(row(share=-0.02, share_low=-0.1, share_high=0.06)) == "−2 % (−10 to 6 %)"
    assert share_words(row(share=NAN)) == share_words(None) == ""


def test_a_sentence_for_each_direction() -> None:
    known = Knowable("w", (row(), row(group="same_gender", share=0.6, share_low=0.5, share_high=0.7)))
    assert share_sentences(known) == (
        "The model learned 80 % (71–89 %) of what a voice can tell about a face here, "
        "and 60 % (50–70 %) of what is left to tell within one gender.",
    )
    both = dataclasses.replace(known, rows=(*known.rows, row("face_to_voice", share=0.7)))
    assert "70 % (71–89 %) of what a face can tell about a voice here." in share_sentences(both)[1]
    assert share_sentences(Knowable("w", ())) == ()


def test_what_is_undefined_says_why() -> None:
    (nothing,) = share_sentences(Knowable("w", (row(ceiling=0.5, share=NAN),)))
    assert nothing.endswith("is undefined: there is nothing that a voice can tell about a face here.")
    (unknown,) = share_sentences(Knowable("w", (row(reached=NAN, share=NAN),)))
    assert unknown.endswith("is undefined: its accuracy is undefined.")


def test_nobody_is_said_to_have_learned_more_than_there_is() -> None:
    (said,) = share_sentences(Knowable("w", (row(share=1.2, share_low=1.1, share_high=1.3),)))
    assert (
        said == "The model scores 120 % (110–130 %) of what a voice can tell about a face here: more than can be known."
    )
    (within,) = share_sentences(Knowable("w", (row(share=1.02, share_low=0.95, share_high=1.1),)))
    assert "learned 102 %" in within
