"""Enrolled people as a report: who is named, who is let in, who is refused."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path

import numpy as np
import pytest

from visavox.errors import DataError
from visavox.evaluation.enrolled_report import (
    EnrolledAnswers,
    as_experiment,
    enrolled_report,
    rows_section,
    threshold_section,
)
from visavox.evaluation.identification_record import STRANGERS
from visavox.evaluation.identification_report import ReportSettings
from visavox.evaluation.protocols.identification import Identification
from visavox.evaluation.report import read_report, write_report
from visavox.metrics.proportions import wilson_interval

SETTINGS = ReportSettings(n_resamples=100, provenance={"version": "9.9"})
PEOPLE = ("ann", "ben", "cem")


@pytest.fixture
def answers() -> EnrolledAnswers:
    """Nine clips of three people, one wrong by voice, and four of two strangers, one of whom gets in."""
    true = ("ann",) * 3 + ("ben",) * 3 + ("cem",) * 3 + ("dee", "dee", "eva", "eva")
    right = np.array([PEOPLE.index(name) if name in PEOPLE else 0 for name in true])
    face = np.eye(3)[right] * 0.7 + 0.1
    voice = face.copy()
    voice[4] = [0.1, 0.2, 0.7]  # a clip of ben, named cem
    voice[8] = np.nan  # has no voice
    both = face.copy()
    both[8] = np.nan
    is_known = np.array([name in PEOPLE for name in true])
    accepted = is_known.copy()
    accepted[[0, 12]] = [False, True]
    tables = {"voice": voice, "face": face, "both": both}
    asked = {name: ~np.isnan(table).any(axis=1) for name, table in tables.items()}
    return EnrolledAnswers(
        people=PEOPLE,
        clips=tuple(f"c{i}" for i in range(13)),
        true_names=true,
        probabilities=tables,
        accepted={name: accepted & asked[name] for name in tables},
        scores={name: np.where(asked[name], np.where(accepted, 3.0, -1.0), np.nan) for name in tables},
        false_accept=0.05,
        title="people asked about clips",
    )


def test_known_clips_are_tested_and_the_others_are_strangers(answers: EnrolledAnswers) -> None:
    found = as_experiment(answers)
    assert (len(found.clips["test"]), len(found.clips[STRANGERS])) == (9, 4)
    assert found.clips[STRANGERS] == ("c9", "c10", "c11", "c12")
    assert found.labels["test"].tolist() == [0, 0, 0, 1, 1, 1, 2, 2, 2]
    assert found.labels[STRANGERS].tolist() == [-1] * 4
    assert [c.name for c in found.contenders] == ["voice", "face", "both"]
    assert found.contenders[2].modalities == ("voice", "face")
    assert found.contenders[0].probabilities["test"].shape == (9, 3)


def test_without_strangers_there_are_test_clips_alone(answers: EnrolledAnswers) -> None:
    table = {"face": np.full((13, 5), 0.2)}
    everybody = dataclasses.replace(answers, people=(*PEOPLE, "dee", "eva"), probabilities=table)
    found = as_experiment(everybody)
    assert set(found.clips) == {"test"}
    assert [c.name for c in found.contenders] == ["face"]


def test_nobody_known_is_refused(answers: EnrolledAnswers) -> None:
    with pytest.raises(DataError, match="None of the 13 clips is of anybody enrolled"):
        as_experiment(dataclasses.replace(answers, true_names=("zoe",) * 13))


def test_rows_are_voice_face_and_both(answers: EnrolledAnswers) -> None:
    result = Identification(n_resamples=50).evaluate(as_experiment(answers), rng=np.random.default_rng(0), by="")
    rows = {row[0]: row for row in rows_section(result).rows}
    assert list(rows) == ["voice", "face", "both"]
    assert rows["voice"][1][0] == pytest.approx(7 / 8)
    assert rows["voice"][3][0] == pytest.approx((1 + 2 / 3 + 1) / 3)
    assert (rows["voice"][4], rows["face"][4], rows["both"][4]) == (8, 9, 8)
    assert rows["face"][1][0] == rows["face"][2][0] == 1.0


def test_the_threshold_of_the_enrolment_is_held_against_what_was_asked(answers: EnrolledAnswers) -> None:
    result = Identification(n_resamples=50).evaluate(as_experiment(answers), rng=np.random.default_rng(0), by="")
    rows = {row[0]: row for row in threshold_section(answers, result, SETTINGS).rows}
    voice = rows["voice"]
    assert [share[0] for share in voice[1:4]] == pytest.approx([6 / 8, 1 / 8, 1 / 8])
    assert [share[0] for share in rows["face"][1:4]] == pytest.approx([8 / 9, 0, 1 / 9])
    for row in rows.values():
        assert sum(share[0] for share in row[1:4]) == pytest.approx(1)
        assert all(low <= value <= high for value, low, high in row[1:4])
        assert row[4] == 0.05 and row[6] == 4
        interval = wilson_interval(1, 4)
        assert row[5] == (0.25, interval.low, interval.high)


def test_without_strangers_the_share_let_in_is_undefined(answers: EnrolledAnswers) -> None:
    known = answers.is_known
    fewer = dataclasses.replace(
        answers,
        clips=answers.clips[:9],
        true_names=answers.true_names[:9],
        probabilities={name: table[known] for name, table in answers.probabilities.items()},
        accepted={name: table[known] for name, table in answers.accepted.items()},
        scores={name: table[known] for name, table in answers.scores.items()},
    )
    report = enrolled_report(fewer, settings=SETTINGS, paths={})
    section = next(s for s in report.sections if s.title == "At the threshold of the enrolment")
    assert section.rows[0][6] == 0 and math.isnan(section.rows[0][5][0])  # type: ignore[index]
    assert not [s for s in report.sections if s.title.startswith("Open set")]


def test_the_report_is_about_both_and_reads_back(answers: EnrolledAnswers, tmp_path: Path) -> None:
    report = enrolled_report(answers, settings=SETTINGS, paths={})
    assert report.title == "people asked about clips"
    assert [s.title for s in report.sections] == [
        "Named by voice, by face, by both", "At the threshold of the enrolment", "Differences",
        "Confusion between people", "Open set: strangers ask too",
    ]  # fmt: skip
    assert report.provenance["identification"]["best"] == "both"
    assert report.provenance["counts"]["clips"] == {"test": 9, STRANGERS: 4}
    write_report(report, tmp_path)
    assert read_report(tmp_path) == report
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Shown a face and a voice, the enrolment names the right one of 3 people <strong>100.0&nbsp;%" in page
    assert "split by" not in page


def test_the_open_set_goes_by_how_convincing_the_best_name_is(answers: EnrolledAnswers) -> None:
    report = enrolled_report(answers, settings=SETTINGS, paths={})
    row = next(m for m in report.measures if (m.direction, m.measure) == ("face", "dir_at_far_5"))
    # One of four strangers scores as high as the eight clips that are let in: 5 % of strangers admit a fifth of them.
    assert row.value == pytest.approx(8 / 9 * 0.05 / 0.25)
    section = next(s for s in report.sections if s.title.startswith("Open set"))
    assert "how convincing the best name is" in section.text


def test_the_hardest_clips_are_those_of_both(answers: EnrolledAnswers) -> None:
    assert enrolled_report(answers, settings=SETTINGS, paths={}).hard_clips == ()
    by_voice = dataclasses.replace(
        answers,
        probabilities={"voice": answers.probabilities["voice"]},
        accepted={"voice": answers.accepted["voice"]},
        scores={"voice": answers.scores["voice"]},
    )
    (clip,) = enrolled_report(by_voice, settings=SETTINGS, paths={"c4/voice": "v.wav"}).hard_clips
    assert (clip.clip, clip.true_name, clip.named, clip.voice_path) == ("c4", "ben", "cem", "v.wav")


def test_the_headline_is_about_who_is_asked_with_the_most_and_not_the_luckiest(answers: EnrolledAnswers) -> None:
    def only(names: tuple[str, ...]) -> EnrolledAnswers:
        tables = {
            field: {name: getattr(answers, field)[name] for name in names}
            for field in ("probabilities", "accepted", "scores")
        }
        return dataclasses.replace(answers, **tables)

    for names, best, shown in (
        (("voice", "face"), "voice", ["voice"]), (("face", "both"), "both", ["voice", "face"]),
    ):  # fmt: skip
        about = enrolled_report(only(names), settings=SETTINGS, paths={}).provenance["identification"]
        assert (about["best"], about["shown"], about["kind"], about["n_known"]) == (best, shown, "enrolment", 3)


def test_one_seed_gives_one_report_of_answers(answers: EnrolledAnswers) -> None:
    one, two = (enrolled_report(answers, settings=SETTINGS, paths={}) for _ in range(2))
    assert one == two
    moved = enrolled_report(answers, settings=dataclasses.replace(SETTINGS, seed=5), paths={})
    assert [m.value for m in moved.measures] == [m.value for m in one.measures]
    assert moved.sections[1].rows != one.sections[1].rows
