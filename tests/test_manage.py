"""Tests of the commands `corpus ...` as a user types them: text, JSON, silence, one line for a mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from visavox import manage
from visavox.__main__ import COMMANDS, config_class, main
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.items import MediaItem
from visavox.media.audio import write_voice
from visavox.media.images import write_face


@pytest.fixture
def corpus(tmp_path: Path) -> Path:
    corpus = tmp_path / "corpus"
    with Catalog.create(corpus / CATALOG, {"source": {"name": "videos"}}) as catalog:
        (corpus / "faces").mkdir()
        (corpus / "voices").mkdir()
        write_face(corpus / "faces" / "a.jpg", np.zeros((9, 9, 3), np.uint8))
        write_voice(corpus / "voices" / "a.flac", np.ones(8000, np.float32) / 2)
        face = MediaItem("a/face", "a", "face", person="p", path="faces/a.jpg")
        catalog.add_clip([face, MediaItem("a/voice", "a", "voice", person="p", path="voices/a.flac")])
        catalog.add_clip([MediaItem("b/face", "b", "face", status="no_face", reason="b.mp4: none.")])
    return corpus


def test_status_prints_text_or_json_or_nothing(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "status", "--corpus", str(corpus)]) == 0
    assert "2 clips, 1 person" in capsys.readouterr().out
    assert main(["corpus", "status", "--corpus", str(corpus), "--json"]) == 0
    said = json.loads(capsys.readouterr().out)
    assert (said["n_clips"], said["settings"], said["counts"][0]["status"]) == (2, {"source": {"name": "videos"}}, "ok")
    assert main(["corpus", "status", "--corpus", str(corpus), "--quiet"]) == 0
    assert capsys.readouterr().out == ""


def test_show_takes_its_key_by_place(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "show", "b", "--corpus", str(corpus)]) == 0
    assert "b/face: no_face, no face was found" in capsys.readouterr().out
    assert main(["corpus", "show", "c", "--corpus", str(corpus)]) == 2
    assert capsys.readouterr().err.count("\n") == 1


def test_retry_takes_several_statuses(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "retry", "--status", "network", "no_face", "--corpus", str(corpus)]) == 0
    assert "1 clip with status network, no_face marked" in capsys.readouterr().out
    assert main(["corpus", "retry", "--corpus", str(corpus)]) == 2
    assert "This corpus has: no_face." in capsys.readouterr().err


def test_gallery_export_and_merge_say_what_they_wrote(corpus: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["corpus", "gallery", "--corpus", str(corpus)]) == 0
    assert (corpus / "gallery.html").is_file()
    out = corpus.parent / "out"
    assert main(["corpus", "export", "--to", "webdataset", "--out", str(out), "--corpus", str(corpus)]) == 0
    assert (out / "corpus-000000.tar").is_file()
    other = corpus.parent / "other"
    Catalog.create(other / CATALOG, {"source": {"name": "videos"}}).close()
    assert main(["corpus", "merge", str(corpus), str(other), "--out", str(corpus.parent / "joined")]) == 0
    said = capsys.readouterr().out
    for words in ("2 clips (1 ok, 1 no_face)", "1 clip (1 face, 1 voice; 1 with both) in 1 file", "2 of them new"):
        assert words in said


def test_a_folder_that_is_no_corpus_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for command in (["status"], ["show", "x"], ["retry", "--status", "network"], ["gallery"]):
        assert main(["corpus", *command, "--corpus", str(tmp_path)]) == 1
        assert capsys.readouterr().err.startswith("visavox: There is no catalog at")


def test_every_command_of_a_corpus_has_its_work() -> None:
    configs = {config_class(name) for command, (name, _) in COMMANDS.items() if command.startswith("corpus ")}
    assert configs == set(manage.WORK)


def test_status_brings_no_networks(corpus: Path) -> None:
    """It must answer in a moment; importing torch alone takes longer than that."""
    code = (
        "import sys; from visavox.__main__ import main\n"
        f"assert main(['corpus', 'status', '--corpus', {str(corpus)!r}]) == 0\n"
        "assert not {'torch', 'cv2', 'av', 'pyarrow', 'numpy'} & sys.modules.keys()\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


def test_outcomes_become_json_whatever_they_hold(corpus: Path) -> None:
    status = manage.as_json(
        manage.importlib.import_module("visavox.pipeline.corpus_status").RetryAsked("c", ("x",), 1, 2)
    )
    assert status == {"corpus": "c", "statuses": ["x"], "n_marked": 1, "n_to_redo": 2}
