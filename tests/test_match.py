"""The command `match`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from visavox.__main__ import main


@pytest.fixture
def words(small_world: Path, small_run: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """A command on files of the current folder, one of which begins with a dash."""
    monkeypatch.chdir(tmp_path)
    faces, voices = (sorted((small_world / name).iterdir()) for name in ("faces", "voices"))
    shutil.copy(voices[0], tmp_path / f"v{voices[0].suffix}")
    shutil.copy(faces[0], tmp_path / "-first.jpg")
    shutil.copy(faces[2], tmp_path / "second one.jpg")
    return ["match", "--model", str(small_run), f"v{voices[0].suffix}", "-first.jpg", "second one.jpg"]


def test_each_face_gets_a_probability(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words) == 0
    said = capsys.readouterr().out.splitlines()
    assert len(said) == 3
    assert sum("%" in line for line in said) == 2
    assert sum(line.startswith(">") for line in said) == 1
    assert "A guess" in said[-1]


def test_the_same_as_json(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main([*words, "--json"]) == 0
    outcome = json.loads(capsys.readouterr().out)
    assert sum(face["probability"] for face in outcome["faces"]) == pytest.approx(1)


def test_one_candidate_is_bad_use(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words[:-1]) == 2
    assert "at least 2" in capsys.readouterr().err


def test_no_answer_is_exit_code_1_with_the_reason(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    Path("text.jpg").write_text("x", encoding="utf-8")
    assert main([*words[:-1], "text.jpg"]) == 1
    said = capsys.readouterr().out
    assert "text.jpg" in said
    assert "No answer: at least two usable faces are needed." in said
    assert main([*words[:3], "absent.wav", *words[4:]]) == 1
    assert "No answer: " in capsys.readouterr().out


def test_names_that_no_terminal_can_show_are_written_as_escapes(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A line end in a name tore its row in two."""
    odd = ["new\nline.jpg", "\x1b[31m.jpg"]
    for name, given in zip(odd, words[-2:], strict=True):
        shutil.copy(tmp_path / given, tmp_path / name)
    assert main([*words[:-2], *odd]) == 0
    said = capsys.readouterr().out
    assert len(said.splitlines()) == 3
    assert "new\\nline.jpg" in said
    assert "\\x1b[31m.jpg" in said
