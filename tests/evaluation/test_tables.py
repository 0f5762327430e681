"""Rows, remarks and Markdown."""

from __future__ import annotations

import math
import re
from typing import Any

from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Baseline, Report
from visavox.evaluation.tables import (
    block_heading,
    caveats,
    figure_lines,
    flat,
    is_main,
    knowable_summary,
    markdown,
    markdown_escaped,
    markdown_table,
    remarks,
    table_blocks,
)

NAN = math.nan


def row(
    measure: str = "accuracy_1_of_2",
    value: float = 0.8,
    *,
    protocol: str = "matching",
    direction: str = "voice_to_face",
    group: str = "all",
    low: float = 0.7,
    note: str = "",
) -> Measure:
    return Measure(protocol, direction, group, measure, value, low, 0.9, 0.5, 1234, 40, note)


def made(*measures: Measure, **more: Any) -> Report:
    return Report("A test", measures, (), more.pop("provenance", {}), **more)


def test_rows_stand_in_blocks_of_one_protocol_and_direction() -> None:
    rows = (row(), row("auc", protocol="verification"), row(group="same_gender"), row(direction="face_to_voice"))
    blocks = table_blocks(rows, ())
    assert [(b.heading, [r.label for r in b.rows]) for b in blocks] == [
        ("Matching, voice → face", ["1:2 accuracy, all pairs", "1:2 accuracy, same gender"]),
        ("Verification, voice → face", ["AUC, all pairs"]),
        ("Matching, face → voice", ["1:2 accuracy, all pairs"]),
    ]


def test_no_block_mixes_protocols() -> None:
    rows = [row(protocol=p, direction=d) for p in "abc" for d in ("voice_to_face", "face_to_voice")]
    for block in table_blocks(rows, ()):
        assert len({(r.model.protocol, r.model.direction) for r in block.rows}) == 1


def test_a_baseline_answers_only_the_very_same_question() -> None:
    gender = Baseline("gender alone", (row(value=0.75), row(value=0.5, group="same_gender")))
    other = Baseline("other", (row(value=0.1, protocol="listed"),))
    (block,) = table_blocks((row(), row("map")), (gender, other))
    assert [[m and m.value for m in r.baselines] for r in block.rows] == [[0.75, None], [None, None]]


def test_headings_are_words() -> None:
    assert block_heading("open_set", "face_to_voice") == "Open set, face → voice"


def test_the_short_table_leaves_out_the_in_between_n_only() -> None:
    assert [n for n in range(2, 12) if is_main(f"accuracy_1_of_{n}")] == [2, 3, 5, 10]
    assert is_main("map")
    assert is_main("recall_at_7")


def test_few_undefined_measures_are_named_with_their_reason() -> None:
    said = remarks(made(row(value=NAN, note="no gender labels."), row("auc", NAN, note="no gender labels.")))
    assert said == (
        "Undefined, no gender labels: 1:2 accuracy (voice → face, all pairs); AUC (voice → face, all pairs).",
    )


def test_many_undefined_measures_are_counted() -> None:
    rows = [row(f"accuracy_1_of_{n}", NAN, group="same_gender", note="no gender labels") for n in range(2, 7)]
    assert remarks(made(*rows, row("map"))) == ("Undefined, no gender labels: same gender, 5 measures.",)


def test_an_undefined_measure_without_a_note_still_has_a_reason() -> None:
    assert remarks(made(row(value=NAN)))[0].startswith("Undefined, it has no value on these trials:")


def test_a_note_on_a_defined_measure_is_said() -> None:
    assert remarks(made(row("map", note="sampled"))) == ("Mean average precision, all pairs: sampled.",)


def test_a_missing_interval_is_explained() -> None:
    assert "too few people" in remarks(made(row(low=NAN)))[0]
    assert remarks(made(row())) == ()


def test_baselines_say_where_they_come_from_and_why_they_have_gaps() -> None:
    whole = Baseline("random", (row(value=0.5),), "seed 0")
    holes = Baseline("gender alone", (row(value=NAN, note="no gender labels"),))
    silent = Baseline("other")
    assert remarks(made(row(), baselines=(whole, holes, silent))) == (
        "Random: seed 0.",
        "Gender alone: no gender labels. It is undefined where it has no figure.",
        "Other: not measured. It is undefined where it has no figure.",
    )


def test_remarks_are_not_repeated() -> None:
    assert remarks(made(notes=("same", "same"))) == ("same",)


def test_caveats_may_be_a_list_a_sentence_or_absent() -> None:
    assert caveats(made(provenance={"caveats": ["a", "b"]})) == ("a", "b")
    assert caveats(made(provenance={"caveats": "a sentence"})) == ("a sentence",)
    assert caveats(made()) == ()
    assert caveats(made(provenance={"caveats": None})) == ()


def test_nested_provenance_becomes_lines() -> None:
    values = {"seed": 1, "encoders": {"voice": {"training_data": ["a", "b"]}}, "caveats": ["x"], "none": None}
    assert flat(values) == [("seed", "1"), ("encoders, voice, training data", "a, b")]


def test_markdown_of_data_stays_text() -> None:
    assert markdown_escaped("a|b*c_d`e[f]<g>&\n#h") == "a\\|b\\*c\\_d\\`e\\[f\\]&lt;g>&amp; \\#h"


def test_a_markdown_table_has_a_rule_of_its_width() -> None:
    assert markdown_table(["a", "b", "c"], [["1", "2", "3"]]) == ["| a | b | c |", "|---|---:|---:|", "| 1 | 2 | 3 |"]


def test_the_markdown_report_has_values_intervals_chance_and_counts() -> None:
    report = made(row(), baselines=(Baseline("gender alone", (row(value=0.75, low=NAN),)),))
    lines = markdown(report).splitlines()
    assert "| measure | model | gender alone | chance | count | people |" in lines
    assert "| 1:2 accuracy, all pairs | 80.0 % (70.0–90.0) | 75.0 % | 50.0 % | 1,234 | 40 |" in lines


def test_undefined_is_a_word_in_markdown_and_nan_is_nowhere() -> None:
    report = made(row(value=NAN, low=NAN), baselines=(Baseline("gender alone"),))
    text = markdown(report)
    assert "| 1:2 accuracy, all pairs | undefined | undefined |" in text
    assert re.search(r"\bnan\b", text) is None


def test_all_n_stand_in_markdown() -> None:
    text = markdown(made(*(row(f"accuracy_1_of_{n}") for n in range(2, 8))))
    assert all(f"| 1:{n} accuracy" in text for n in range(2, 8))


def test_every_table_of_the_markdown_has_rows_of_one_width() -> None:
    report = made(row(), row("map", protocol="retrieval"), baselines=(Baseline("odd | name"),))
    tables = [line.replace("\\|", "") for line in markdown(report).splitlines() if line.startswith("|")]
    assert {line.count("|") for line in tables} == {7}


def test_caveats_and_provenance_stand_below() -> None:
    text = markdown(made(row(), provenance={"seed": 5, "caveats": ["Few people."]}, notes=("Three faces.",)))
    assert "## What the figures do not say\n\n- Few people.\n" in text
    assert "## Remarks\n\n- Three faces.\n" in text
    assert "## Provenance\n\n- seed: 5\n" in text


def test_lines_for_a_terminal_hold_value_interval_chance_and_gender_alone() -> None:
    report = made(
        row(),
        row("accuracy_1_of_3", 0.7),
        row("eer", 0.3, protocol="verification", group="same_gender"),
        baselines=(Baseline("gender alone", (row(value=0.75),)),),
    )
    lines = figure_lines(report)
    assert [" ".join(line.split()) for line in lines] == [
        "1:2 matching, voice to face, all: 80.0 % (70.0–90.0) chance 50.0, gender alone 75.0",
        "verification EER, voice to face, same gender: 30.0 % (70.0–90.0) chance 50.0",
    ]
    assert len({line.index("%") for line in lines}) == 1  # the values stand below each other
    assert figure_lines(report, only=("accuracy_1_of_2",))[0].lstrip().startswith("1:2 matching")
    assert len(figure_lines(report, only=("accuracy_1_of_2",))) == 1


def test_lines_for_a_terminal_say_what_is_undefined_and_why() -> None:
    report = made(
        row(value=NAN, note="no pairs"), row(low=NAN), baselines=(Baseline("gender alone", (row(value=NAN),)),)
    )
    said = [" ".join(line.split()) for line in figure_lines(report)]
    assert said == [
        "1:2 matching, voice to face, all: undefined (no pairs)",
        "1:2 matching, voice to face, all: 80.0 % chance 50.0",
    ]
    assert figure_lines(made()) == []


def on_a_known_world(**more: Any) -> Report:
    share = Measure("knowable", "voice_to_face", "all", "share_of_knowable", 0.77, 0.7, 0.83, 0.0, 1234, 40)
    known = KnowableRow("voice_to_face", "all", 0.5, NAN, 0.8, 0.7, 0.9, 0.89, 0, 0.93, 0.77, 0.7, 0.83, 1234, 40)
    ceiling = Baseline("ceiling", (row(value=0.89, low=NAN),), "the best possible answers")
    return made(
        row(), row("map"), share, baselines=(ceiling,), knowable=Knowable("w", (known,), **more), next_steps="a\n  b"
    )


def test_on_a_known_world_a_terminal_shows_the_share_first_and_the_ceiling_beside() -> None:
    lines = [" ".join(line.split()) for line in figure_lines(on_a_known_world())]
    assert lines == [
        "share of the knowable, voice to face, all: 77.0 % (70.0–83.0)",
        "1:2 matching, voice to face, all: 80.0 % (70.0–90.0) chance 50.0, ceiling 89.0",
        "retrieval mAP, voice to face, all: 80.0 % (70.0–90.0) chance 50.0",
    ]


def test_the_summary_is_sentences_and_warnings() -> None:
    assert knowable_summary(made(row())) == []
    said = knowable_summary(on_a_known_world(warnings=("It cheats.",)))
    assert said == [
        "The model learned 77 % (70–83 %) of what a voice can tell about a face here.",
        "Warning: It cheats.",
    ]


def test_markdown_begins_with_what_was_learned_and_ends_with_what_comes_next() -> None:
    text = markdown(on_a_known_world(warnings=("It cheats.",), notes=("How.",)))
    first, *_ = re.findall("^## (.*)$", text, flags=re.MULTILINE)
    assert first == "How much of what could be known was learned"
    assert "| voice → face, all pairs | 50.0 % | – | 80.0 % | 89.0 % | 93.0 % | 77 % (70–83 %) |" in text
    assert text.index("It cheats.") < text.index("How.") < text.index("| voice → face")
    assert text.endswith("## What to type next\n\n    a\n      b\n")
    assert re.search(r"1:2 accuracy, all pairs \| 80.0 % \(70.0–90.0\) \| 89.0 % \|", text)
    assert re.search(r"mean average precision, all pairs \| 80.0 % \(70.0–90.0\) \|  \|", text)


def test_of_an_identification_the_terminal_shows_test_rows_alone() -> None:
    rows = tuple(
        Measure("identification", "vit", group, "top_1", 0.9, 0.8, 1.0, 0.1, 20, 5)
        for group in ("train_by_clip", "validation_by_clip", "test_by_clip", "test")
    )
    lines = figure_lines(Report("Who", rows, (), {}))
    assert lines == [
        "  top-1, vit, test by clip:  90.0 % (80.0–100.0) chance 10.0",
        "  top-1, vit, test:          90.0 % (80.0–100.0) chance 10.0",
    ]


def test_of_an_identification_the_summary_is_its_headline() -> None:
    row = Measure("identification", "vit", "test", "top_1", 0.9, 0.8, 1.0, 0.1, 20, 5)
    told = {"best": "vit", "kind": "network", "shown": ["face"], "n_known": 5}
    lines = knowable_summary(Report("Who", (row,), (), {"identification": told}))
    assert lines[0] == "Shown a face, the best network names the right one of 5 people 90.0 % of the time."
    assert knowable_summary(Report("Who", (), (), {})) == []
