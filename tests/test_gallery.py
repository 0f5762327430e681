"""The commands `gallery ...`."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from visavox.__main__ import main


def test_a_gallery_from_its_making_to_its_export(
    small_embeddings: Path, small_corpus: Path, small_run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    gallery, source = str(tmp_path / "g"), ["--embeddings", str(small_embeddings), "--corpus", str(small_corpus)]
    assert main(["gallery", "build", *source, "--model", str(small_run), "--out", gallery, "--workers", "1"]) == 0
    assert "16 voices of 8 people and 16 faces of 8 people" in capsys.readouterr().out
    assert main(["gallery", "add", gallery, *source, "--workers", "1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["n_replaced"] == 32
    assert main(["gallery", "info", gallery, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)["info"]
    assert (told["backend"], told["modalities"]["face"]["n_rows"], told["generation"]) == ("local", 16, 2)
    assert main(["gallery", "remove", gallery, "--people", "nobody"]) == 2
    said = capsys.readouterr().err
    assert said.startswith("visavox: No person of the 8 in")
    assert said.count("\n") == 1
    assert main(["gallery", "info", gallery, "--verify", "--quiet"]) == 0
    assert "fits its checksums" in capsys.readouterr().out
    assert main(["gallery", "export", gallery, "--out", str(tmp_path / "exported"), "--quiet"]) == 0
    assert capsys.readouterr().out == ""
    assert sorted(path.name for path in (tmp_path / "exported").iterdir()) == [
        "clips.csv",
        "face.parquet",
        "faces",
        "voice.parquet",
        "voices",
    ]


@pytest.mark.parametrize(
    "words", [["info"], ["add", "--pairs", "p"], ["remove", "--people", "x"], ["export", "--out", "o"]]
)
def test_a_folder_without_a_gallery_is_one_line(
    words: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["gallery", words[0], str(tmp_path / "none"), *words[1:]]) == 1
    said = capsys.readouterr().err
    assert "holds no gallery. Make one with: visavox gallery build" in said
    assert said.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


@pytest.mark.slow
def test_a_gallery_in_milvus_from_its_making_to_its_export(
    small_world: Path,
    small_embeddings: Path,
    small_corpus: Path,
    small_run: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("milvus_lite")
    gallery, uri = str(tmp_path / "g"), str(tmp_path / "m.db")
    source = ["--embeddings", str(small_embeddings), "--corpus", str(small_corpus), "--workers", "1"]
    in_milvus = ["--model", str(small_run), "--backend", "milvus", "--uri", uri]

    def said(*words: str, code: int = 0) -> str:
        assert main(list(words)) == code
        told = capsys.readouterr()
        return told.err if code == 2 else told.out

    assert "16 voices of 8 people and 16 faces of 8 people" in said(
        "gallery", "build", *source, *in_milvus, "--out", gallery
    )
    assert [path.name for path in (tmp_path / "g").iterdir()] == ["gallery.json"]
    line = said("gallery", "build", *source, *in_milvus, "--out", str(tmp_path / "second"), code=2)
    assert "are of another gallery. Choose another `collection`" in line
    assert line.count("\n") == 1
    told = said("gallery", "info", gallery, "--verify").splitlines()
    assert told[0] == f"{gallery}: a gallery in Milvus, {uri}, collections visavox_*"
    assert "state" not in told[4]
    assert told[4].split()[0] == "size"
    assert told[4].split()[1] != "0"
    assert told[-1].strip() == "Everything was read and is whole."
    assert json.loads(said("gallery", "add", gallery, *source, "--json"))["n_replaced"] == 32

    voice, sheet = str(sorted((small_world / "voices").iterdir())[0]), tmp_path / "found.html"
    local = str(tmp_path / "local")
    said("gallery", "build", *source, "--model", str(small_run), "--out", local, "--quiet")
    asked = ["-k", "3", "--where", "{gender: f}", "--json"]
    answers = []
    for where, more in ((gallery, ["--sheet", str(sheet)]), (local, [])):
        main(["search", voice, "--gallery", where, *asked, *more])
        answers.append(json.loads(capsys.readouterr().out))
    of_milvus, of_files = answers
    assert [hit["key"] for hit in of_milvus["hits"]] == [hit["key"] for hit in of_files["hits"]]
    assert of_milvus["p_nobody"] == (of_files["p_nobody"] and pytest.approx(of_files["p_nobody"], abs=1e-4))
    assert of_milvus["n_candidates"] == of_files["n_candidates"]
    assert {hit["attributes"]["gender"] for hit in of_milvus["hits"]} == {"f"}
    assert sheet.read_text(encoding="utf-8").count('class="face"') == len(of_milvus["hits"])

    person = of_milvus["hits"][0]["person"]
    removed = said("gallery", "remove", gallery, "--people", person)
    assert "4 removed" in removed
    assert "Milvus erases its bytes when it next compacts" in removed
    assert "is called" in said("gallery", "remove", gallery, "--people", person, code=2)
    exported = said("gallery", "export", gallery, "--out", str(tmp_path / "exported"))
    assert "14 clips, vectors of 14 voices and 14 faces, files: 14 in voices/ and 14 in faces/" in exported
    said("gallery", "build", *source, *in_milvus, "--out", gallery, "--overwrite")
    assert "16 voices of 8 people" in said("gallery", "add", gallery, *source)


def test_a_milvus_that_nobody_runs_is_one_line_before_anything_is_embedded(
    small_corpus: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pymilvus")
    monkeypatch.setattr("visavox.retrieval.milvus_connection.CONNECT_S", 1.0)
    words = ["gallery", "build", "--corpus", str(small_corpus), "--out", str(tmp_path / "g"), "--backend", "milvus"]
    for uri, code, line in (("http://127.0.0.1:9", 1, "failed while connecting"), ("", 2, "`uri` must be the address")):
        assert main([*words, "--uri", uri]) == code
        said = capsys.readouterr().err
        assert line in said
        assert said.count("\n") == 1
    assert not (tmp_path / "g").exists()
