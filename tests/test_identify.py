"""The command `identify`: what it prints and what it exits with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from visavox.__main__ import main


@pytest.fixture(scope="module")
def people(small_embeddings: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("made") / "people"
    words = ["enroll", "--embeddings", str(small_embeddings), "--out", str(out), "--false-accept", "0.2", "--quiet"]
    assert main(words) == 0
    return out


@pytest.fixture
def words(people: Path, small_world: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.chdir(tmp_path)
    faces, voices = (sorted((small_world / name).iterdir()) for name in ("faces", "voices"))
    shutil.copy(faces[0], "-a.jpg")
    shutil.copy(voices[0], f"a{voices[0].suffix}")
    return ["identify", str(people), "--face", "-a.jpg", "--voice", f"a{voices[0].suffix}"]


def test_somebody_is_named_and_the_exit_code_is_0(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--false-accept", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("w0-person-0000, by face and voice (p = ")
    assert lines[1].startswith("> w0-person-0000  #")
    assert sum(line.endswith(" %") for line in lines) == 6
    assert any(line.startswith("Face alone: w0-person-0000") for line in lines)


def test_json_is_complete(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json", "--top", "2", "--false-accept", "1"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert set(told) >= {"name", "ranked", "is_stranger", "p_stranger", "p_value", "false_accept", "asked", "notes"}
    assert len(told["ranked"]) == 2
    assert [one["modality"] for one in told["asked"]] == ["face", "voice"]


def test_nothing_usable_is_exit_code_1_with_the_reason(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.mp4").write_text("x", encoding="utf-8")
    assert main([*words[:2], "--face", "text.mp4"]) == 1
    said = capsys.readouterr().out
    assert said.startswith("No answer: the file could not be used.\nNot used: ")
    assert "text.mp4" in said


def test_a_stranger_is_exit_code_1(words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    shutil.copytree(words[1], tmp_path / "without")
    assert main(["enroll", "--out", str(tmp_path / "without"), "--remove", "w0-person-0000", "--quiet"]) == 0
    assert main(["identify", str(tmp_path / "without"), "--face", "-a.jpg"]) == 1
    assert capsys.readouterr().out.startswith("A stranger, by face: nobody of the 7 enrolled is convincing")


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ([], "Give --face, --voice or both"),
        (["--face", "-a.jpg", "--top", "0"], "`top` must be at least 1"),
        (["--face", "-a.jpg", "--combine", "product"], "`combine` must be one of scores, sum, max"),
    ],
)
def test_bad_use_is_exit_code_2(
    words: list[str], capsys: pytest.CaptureFixture[str], more: list[str], said: str
) -> None:
    assert main([*words[:2], *more]) == 2
    assert said in capsys.readouterr().err


def test_a_folder_that_is_none_is_one_line(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["identify", "absent", *words[2:]]) == 1
    said = capsys.readouterr().err
    assert said.count("\n") == 1
    assert "Make one with: visavox enroll" in said
