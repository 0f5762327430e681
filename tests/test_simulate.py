"""The command `simulate`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main

pytestmark = pytest.mark.usefixtures("quick_ceiling")


def test_a_small_world_of_videos_is_made_and_described(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--people", "2", "--clips", "1", "--clip-s", "3", "--frame-px", "128"]
    words += ["--out", str(tmp_path / "w")]
    assert main(words) == 0
    said = capsys.readouterr().out
    assert "2 videos of 2 people" in said
    assert "With 2 people no two may be of one sex" in said
    assert "Best possible, 1:2, voice to face: 9" in said
    assert f"Next: visavox prepare --source videos --root {tmp_path / 'w'} --out corpus" in said
    files = {str(path.relative_to(tmp_path / "w")) for path in (tmp_path / "w").rglob("*") if path.is_file()}
    assert files == {
        "world.json", "people.csv", "truth.csv",
        "videos/w0-person-0000/w0-person-0000-c0.mp4", "videos/w0-person-0001/w0-person-0001-c0.mp4",
    }  # fmt: skip
    assert main([*words, "--json"]) == 0
    again = json.loads(capsys.readouterr().out)
    assert (again["clips"], again["people"]) == (2, 2)
    assert again["ceiling"]["honest"]["face_to_voice"]["matching"]["all"]["value"] > 0.9


def test_a_world_of_embeddings_names_the_next_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["simulate", "--embeddings-only", "--people", "20", "--clips", "3", "--leak-recording", "0.9"]
    assert main([*words, "--out", str(tmp_path / "w")]) == 0
    said = capsys.readouterr().out
    assert "60 clips as embeddings of 20 people" in said
    assert "With the planted shortcuts, 1:2, voice to face: 9" in said
    assert f"Next: visavox split --corpus {tmp_path / 'w'} --out splits" in said


def test_pairs_are_written_on_request(tmp_path: Path) -> None:
    words = ["simulate", "--layout", "pairs", "--people", "2", "--clips", "1", "--out", str(tmp_path / "w"), "--quiet"]
    assert main(words) == 0
    assert {path.name for path in (tmp_path / "w").iterdir()} == {
        "faces", "voices", "clips.csv", "truth.csv", "world.json"
    }  # fmt: skip


def test_another_seed_is_refused_in_one_line_until_overwritten(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["simulate", "--embeddings-only", "--people", "2", "--clips", "1", "--out", str(tmp_path / "w"), "--quiet"]
    assert main(words) == 0
    assert main([*words, "--seed", "5"]) == 1
    said = capsys.readouterr().err
    assert (
        said.count("\n") == 1
        and "seed 0 instead of 5. Choose another folder, replace this world with --overwrite" in said
    )
    assert main([*words, "--seed", "5", "--overwrite"]) == 0


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--people", "0"], "`people` must be at least 2. Got 0"),
        (["--ceiling-g", "0.8"], "give both or neither"),
        (["--ceiling-g", "0.3", "--ceiling-mixed", "0.9"], "0.3"),
        (["--correlations", "0.9", "0.9"], "`correlations` must have one number for each of"),
        (["--layout", "songs"], "videos"),
    ],
)
def test_bad_use_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str) -> None:
    assert main(["simulate", "--out", str(tmp_path / "w"), *words]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1
    assert not (tmp_path / "w").exists()
