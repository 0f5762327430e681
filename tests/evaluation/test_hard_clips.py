"""The clips that are named most wrongly, chosen and shown."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from PIL import Image

from visavox.errors import ConfigError
from visavox.evaluation.hard_clips import HardClip, hard_clips_html, pick_hard_clips
from visavox.evaluation.identification_record import Experiment

Build = Callable[..., Experiment]


@pytest.fixture
def experiment(made_up_experiment: Build) -> Experiment:
    """Three people and nine test clips, one network whose answers are written by hand."""
    built = made_up_experiment(people=3, rows=("net-face",), strangers=0)
    table = np.eye(3)[np.repeat(np.arange(3), 3)] * 0.8 + 0.1
    table[0] = [0.2, 0.7, 0.1]  # p00 named p01
    table[1] = [0.05, 0.0, 0.95]  # p00 named p02, surest
    table[2] = [0.3, 0.35, 0.35]  # p00 named, tied
    table[4] = [0.6, 0.35, 0.05]  # p01 named p00
    (row,) = built.contenders
    row = dataclasses.replace(row, probabilities={**row.probabilities, "test": table})
    return dataclasses.replace(built, contenders=(row,))


def test_the_surest_wrong_names_come_first_and_two_of_a_person(experiment: Experiment) -> None:
    found = pick_hard_clips(experiment, "net-face", paths={})
    assert [(c.clip, c.true_name, c.named) for c in found] == [
        ("test-1", "p00", "p02"),
        ("test-0", "p00", "p01"),
        ("test-4", "p01", "p00"),
    ]
    worst = found[0]
    assert (worst.p_named, worst.p_true, worst.rank) == (0.95, 0.05, 2)
    assert found[1].rank == 2
    assert [c.clip for c in pick_hard_clips(experiment, "net-face", paths={}, n_clips=1)] == ["test-1"]
    assert pick_hard_clips(experiment, "net-face", paths={}, n_clips=0) == ()


def test_a_clip_shows_itself_and_a_clip_of_the_one_named(experiment: Experiment, tmp_path: Path) -> None:
    paths = {"test-1/face": tmp_path / "a.png", "train-8/face": "b.png", "test-1/voice": "c.wav"}
    worst, second, _ = pick_hard_clips(experiment, "net-face", paths=paths)
    assert worst.named_clip == "train-8"  # the first of the third person's four
    assert (worst.face_path, worst.named_face_path, worst.voice_path) == (str(tmp_path / "a.png"), "b.png", "c.wav")
    assert (second.face_path, second.voice_path, second.named_face_path) == (None, None, None)


def test_right_clips_and_clips_not_shown_are_not_chosen(experiment: Experiment) -> None:
    (row,) = experiment.contenders
    table = np.array(row.probabilities["test"])
    table[[0, 1]] = np.nan
    other = dataclasses.replace(
        experiment, contenders=(dataclasses.replace(row, probabilities={**row.probabilities, "test": table}),)
    )
    assert [c.clip for c in pick_hard_clips(other, "net-face", paths={})] == ["test-4", "test-2"]
    bare = dataclasses.replace(other, clips={"test": other.clips["test"]}, labels={"test": other.labels["test"]})
    assert [c.named_clip for c in pick_hard_clips(bare, "net-face", paths={})] == ["", ""]


def test_more_than_twelve_are_refused(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match="`n_clips` must lie between 0 and 12. Got 13"):
        pick_hard_clips(experiment, "net-face", paths={}, n_clips=13)


def test_a_card_shows_faces_plays_the_voice_and_says_both_names(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    Image.fromarray(rng.integers(0, 255, (40, 40, 3), dtype=np.uint8)).save(tmp_path / "a.png")
    soundfile.write(tmp_path / "a.wav", 0.1 * rng.normal(size=8000), 16000)
    clip = HardClip("c7", "<ann>", "ben", 0.9, 0.051, 3, "c2", str(tmp_path / "a.png"), str(tmp_path / "a.wav"), None)
    html = hard_clips_html([clip])
    assert html.count('src="data:image/jpeg;base64,') == 1
    assert html.count('src="data:audio/mpeg;base64,') == 1
    assert "&lt;ann&gt;" in html and "<ann>" not in html
    assert "this clip; 5.1 %, place 3" in html
    assert "90.0 %; as in c2" in html
    assert "No image: no file was named" in html


def test_missing_media_are_said(tmp_path: Path) -> None:
    html = hard_clips_html([HardClip("c7", "ann", "ben", 0.9, 0.05, 2, voice_path=str(tmp_path / "none.wav"))])
    assert html.count("No image: no file was named") == 2
    assert "No voice: " in html
    assert "<img" not in html and "<audio" not in html
    assert "as in" not in html
    assert hard_clips_html([]) == ""


def test_a_place_counts_everybody_who_is_more_likely_and_nobody_is_shown_three_times(experiment: Experiment) -> None:
    (row,) = experiment.contenders
    table = np.array(row.probabilities["test"])
    table[3:6] = [[0.5, 0.1, 0.4], [0.45, 0.1, 0.45], [0.6, 0.3, 0.1]]  # all three of p01
    said = {**row.probabilities, "test": table}
    other = dataclasses.replace(experiment, contenders=(dataclasses.replace(row, probabilities=said),))
    found = pick_hard_clips(other, "net-face", paths={})
    assert [(c.clip, c.rank, c.named) for c in found] == [
        ("test-1", 2, "p02"), ("test-0", 2, "p01"), ("test-3", 3, "p00"), ("test-4", 3, "p00"),
    ]  # fmt: skip
    assert [round(c.p_named - c.p_true, 2) for c in found] == [0.9, 0.5, 0.4, 0.35]
