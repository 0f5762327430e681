"""The command `search`."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from visavox.__main__ import main


@pytest.fixture(scope="module")
def gallery(
    small_embeddings: Path, small_corpus: Path, small_run: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A gallery of the small world by the small run. Read only."""
    folder = tmp_path_factory.mktemp("search") / "gallery"
    words = ["--embeddings", str(small_embeddings), "--corpus", str(small_corpus), "--model", str(small_run)]
    assert main(["gallery", "build", *words, "--out", str(folder), "--quiet", "--workers", "1"]) == 0
    return folder


def test_a_voice_finds_faces_and_the_sheet_shows_them(
    gallery: Path, small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice, sheet = sorted((small_world / "voices").iterdir())[0], tmp_path / "found.html"
    words = ["search", str(voice), "--gallery", str(gallery), "-k", "3", "--sheet", str(sheet)]
    code = main(words)
    said = capsys.readouterr().out.splitlines()
    assert sum("cosine" in line for line in said) == 3
    assert said[0].startswith("> ")
    assert code == (1 if said[0].startswith("> nobody here") else 0)
    assert sheet.read_text(encoding="utf-8").count('class="face"') == 3
    assert main(words) == 2
    assert "exists. Choose another name" in capsys.readouterr().err
    assert main([*words, "--overwrite", "--json", "--by", "clip"]) == code
    told = json.loads(capsys.readouterr().out)
    assert (told["query_modality"], told["against"], told["n_candidates"], len(told["hits"])) == (
        "voice",
        "face",
        16,
        3,
    )


def test_a_face_finds_itself_among_faces(
    gallery: Path, small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    face = sorted((small_world / "faces").iterdir())[2]
    shutil.copy(face, tmp_path / "picture.wav")  # the name does not count
    words = ["search", str(tmp_path / "picture.wav"), "--gallery", str(gallery), "--against", "face", "--json"]
    assert main([*words, "--by", "clip"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["hits"][0]["clip"] == face.stem
    assert told["hits"][0]["similarity"] == pytest.approx(1, abs=0.01)  # the stored crop is a JPEG of it
    assert told["hits"][0]["probability"] is None


def test_a_query_of_no_use_is_exit_code_1(gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "words.txt").write_text("words", encoding="utf-8")
    for name, said in (("words.txt", "must be a sound or a picture"), ("absent.wav", "absent.wav")):
        assert main(["search", str(tmp_path / name), "--gallery", str(gallery)]) == 1
        printed = capsys.readouterr().out
        assert printed.startswith("No answer: ")
        assert said in printed


def test_bad_use_is_one_line(
    gallery: Path, small_world: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    voice = str(sorted((small_world / "voices").iterdir())[0])
    for words, said in (
        (["--where", "{shoe: 38}"], "`where` must name attributes of the gallery"),
        (["--sheet", str(tmp_path / "x.pdf")], "must end in .png or .html"),
        (["-k", "0"], "`k` must be 1 to 10000"),
    ):
        assert main(["search", voice, "--gallery", str(gallery), *words]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1
    assert main(["search", voice, "--gallery", str(tmp_path)]) == 1
    assert "holds no gallery" in capsys.readouterr().err
