"""The folder of a run: whose it is, what is done, and what stays when it is started anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.errors import ConfigError, DataError
from visavox.pipeline.drawing.reconstruction_folder import CONFIG, PICTURES, STAGES, VOICES, claim_run, plain

WANTED = {
    "task": "reconstruction",
    "seed": 0,
    "drawing": {"image_px": 64, "decoder": {"name": "small"}, "path": Path("a")},
}


def test_a_run_is_resumed_with_the_same_settings(tmp_path: Path) -> None:
    folder = claim_run(tmp_path / "run", WANTED, overwrite=False)
    assert folder.path == tmp_path / "run" and (tmp_path / "run" / CONFIG).is_file()
    folder.done("faces", {"data": "x"}, {"loss": 0.5})
    again = claim_run(tmp_path / "run", WANTED, overwrite=False)
    assert again.figures("faces", {"data": "x"}) == {"loss": 0.5}
    assert again.figures("predictor", {"data": "x"}) is None


def test_other_settings_are_refused_by_name(tmp_path: Path) -> None:
    claim_run(tmp_path, WANTED, overwrite=False)
    other = {**WANTED, "seed": 1, "drawing": {"image_px": 32, "decoder": {"name": "transposed"}, "path": Path("a")}}
    with pytest.raises(DataError, match="other settings: drawing.decoder.name, drawing.image_px, seed. Choose another"):
        claim_run(tmp_path, other, overwrite=False)


def test_a_stage_that_was_done_with_something_else_is_refused(tmp_path: Path) -> None:
    folder = claim_run(tmp_path, WANTED, overwrite=False)
    folder.done("faces", {"pictures": "a", "precision": "auto"}, {})
    with pytest.raises(DataError, match="stage faces of .* was done with another pictures. Choose"):
        folder.figures("faces", {"pictures": "b", "precision": "auto"})


def test_a_folder_of_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine", encoding="utf-8")
    for overwrite in (False, True):
        with pytest.raises(ConfigError, match="must be a new or empty folder, or a run"):
            claim_run(tmp_path, WANTED, overwrite=overwrite)
    assert (tmp_path / "thesis.txt").is_file()


def test_starting_anew_removes_what_was_learned_and_keeps_what_was_read(tmp_path: Path) -> None:
    folder = claim_run(tmp_path, WANTED, overwrite=False)
    folder.done("faces", {}, {})
    for name in ("generator", "member-faces", "tensorboard", PICTURES, VOICES):
        (tmp_path / name).mkdir()
    for name in ("metrics.jsonl", "notes.txt"):
        (tmp_path / name).write_text("{}", encoding="utf-8")
    claim_run(tmp_path, {**WANTED, "seed": 3}, overwrite=True)
    assert sorted(path.name for path in tmp_path.iterdir()) == [CONFIG, "notes.txt", PICTURES, VOICES]
    assert claim_run(tmp_path, {**WANTED, "seed": 3}, overwrite=False).figures("faces", {}) is None


@pytest.mark.parametrize("content", ["a: [1", "- 1", ""])
def test_damaged_settings_are_said(tmp_path: Path, content: str) -> None:
    (tmp_path / CONFIG).write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="is damaged"):
        claim_run(tmp_path, WANTED, overwrite=False)
    claim_run(tmp_path, WANTED, overwrite=True)


@pytest.mark.parametrize("content", ["{", "[]", '{"identity": {}}', '{"identity": 3, "figures": {}}'])
def test_a_damaged_mark_is_said_with_its_remedy(tmp_path: Path, content: str) -> None:
    folder = claim_run(tmp_path, WANTED, overwrite=False)
    (tmp_path / STAGES).mkdir()
    (tmp_path / STAGES / "faces.json").write_text(content, encoding="utf-8")
    with pytest.raises(DataError, match="faces.json is damaged. Remove it to do the stage faces again"):
        folder.figures("faces", {})


def test_values_are_as_json_gives_them_back() -> None:
    assert plain({"a": Path("b"), "c": (1, 2)}) == {"a": "b", "c": [1, 2]}


def test_a_file_is_no_place_for_a_run(tmp_path: Path) -> None:
    (tmp_path / "f").write_text("mine", encoding="utf-8")
    with pytest.raises(ConfigError, match="`out` must be a folder. .* is a file. Choose another name"):
        claim_run(tmp_path / "f", {}, overwrite=True)
    assert (tmp_path / "f").read_text(encoding="utf-8") == "mine"
