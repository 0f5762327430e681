"""The numbers of a run on disk tell one story, also after a kill."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from visavox.errors import DataError, MissingDependencyError
from visavox.pipeline.monitoring import PairFigures
from visavox.pipeline.training_log import METRICS_FILE, RunPlace, TrainingLog, read_metrics

FIGURES = {
    "train": PairFigures(0.5, 0.1, 0.9, 0.8),
    "validation": PairFigures(0.4, float("nan"), 0.7, 0.5),
}


def write(place: RunPlace, *epochs: int, after_epoch: int = 0) -> None:
    with TrainingLog(place, after_epoch=after_epoch) as log:
        for epoch in epochs:
            log.write_epoch({"epoch": epoch, "step": 2 * epoch, "loss": 1 / epoch}, FIGURES)


def test_a_line_holds_everything_under_plain_names(tmp_path: Path) -> None:
    place = RunPlace(tmp_path / "run", tensorboard=False, voice_ceiling_positive=0.9539, voice_ceiling_negative=0.899)
    write(place, 1)
    (line,) = (tmp_path / "run" / METRICS_FILE).read_text().splitlines()
    assert json.loads(line) == {
        "member": "0",
        "epoch": 1,
        "step": 2,
        "loss": 1.0,
        "train_positive_similarity": 0.5,
        "train_negative_similarity": 0.1,
        "train_voice_to_face_score": 0.9,
        "train_face_to_voice_score": 0.8,
        "train_matching_score": pytest.approx(0.85),
        "validation_positive_similarity": 0.4,
        "validation_negative_similarity": None,
        "validation_voice_to_face_score": 0.7,
        "validation_face_to_voice_score": 0.5,
        "validation_matching_score": pytest.approx(0.6),
        "voice_ceiling_positive": 0.9539,
        "voice_ceiling_negative": 0.899,
    }


def test_unknown_ceilings_are_left_out(tmp_path: Path) -> None:
    write(RunPlace(tmp_path, tensorboard=False), 1)
    assert not any("ceiling" in name for name in read_metrics(tmp_path)[0])


def test_a_resumed_run_drops_the_epochs_that_it_repeats(tmp_path: Path) -> None:
    place = RunPlace(tmp_path, tensorboard=False)
    write(place, 1, 2, 3)
    write(place, 3, 4, after_epoch=2)
    assert [record["epoch"] for record in read_metrics(tmp_path)] == [1, 2, 3, 4]


def test_a_fresh_run_starts_its_file_anew_but_keeps_other_members(tmp_path: Path) -> None:
    write(RunPlace(tmp_path, tensorboard=False), 1, 2)
    write(RunPlace(tmp_path, member="1", tensorboard=False), 1, 2)
    write(RunPlace(tmp_path, member="1", tensorboard=False), 1)
    assert [(r["member"], r["epoch"]) for r in read_metrics(tmp_path)] == [("0", 1), ("0", 2), ("1", 1)]


def test_a_last_line_cut_by_a_kill_is_dropped(tmp_path: Path) -> None:
    place = RunPlace(tmp_path, tensorboard=False)
    write(place, 1, 2)
    path = tmp_path / METRICS_FILE
    path.write_text(path.read_text()[:-20])
    assert [record["epoch"] for record in read_metrics(tmp_path)] == [1]
    write(place, 2, after_epoch=1)
    assert [record["epoch"] for record in read_metrics(tmp_path)] == [1, 2]


def test_a_damaged_line_in_the_middle_is_said(tmp_path: Path) -> None:
    (tmp_path / METRICS_FILE).write_text('{"epoch": 1}\nnonsense\n{"epoch": 2}\n')
    with pytest.raises(DataError, match=r"Line 2 of .*metrics\.jsonl is not JSON"):
        read_metrics(tmp_path)


def test_no_file_means_no_lines(tmp_path: Path) -> None:
    assert read_metrics(tmp_path) == []


def test_tensorboard_holds_train_and_validation_tags(tmp_path: Path) -> None:
    place = RunPlace(tmp_path, member="3", voice_ceiling_positive=0.9)
    write(place, 1, 2)
    events = EventAccumulator(str(tmp_path / "tensorboard" / "member-3")).Reload()
    tags = set(events.Tags()["scalars"])
    assert {"train/loss", "train/positive_similarity", "train/voice_ceiling_positive"} <= tags
    assert {"validation/matching_score", "validation/positive_similarity"} <= tags
    assert "validation/negative_similarity" not in tags  # it is nan
    assert "train/epoch" not in tags
    assert [(e.step, e.value) for e in events.Scalars("train/loss")] == [(1, 1.0), (2, 0.5)]


def test_tensorboard_that_is_not_installed_names_the_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    with pytest.raises(MissingDependencyError, match="pip install tensorboard"):
        TrainingLog(RunPlace(tmp_path), after_epoch=0)
    write(RunPlace(tmp_path, tensorboard=False), 1)


def test_a_place_that_cannot_be_written_to_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("a file")
    with pytest.raises(DataError, match="Cannot write") as error:
        TrainingLog(RunPlace(tmp_path / "run", tensorboard=False), after_epoch=0)
    assert "\n" not in str(error.value)


def test_a_metrics_file_that_cannot_be_appended_to_is_one_line(tmp_path: Path) -> None:
    with TrainingLog(RunPlace(tmp_path, tensorboard=False), after_epoch=0) as log:
        (tmp_path / METRICS_FILE).unlink()
        (tmp_path / METRICS_FILE).mkdir()
        with pytest.raises(DataError, match=r"Cannot write .*metrics\.jsonl: Is a directory"):
            log.write_epoch({"epoch": 1}, {})
