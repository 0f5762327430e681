"""The command `prepare`: what it prints, and its exit codes."""

from __future__ import annotations

import dataclasses
import json
import shutil
from pathlib import Path

import numpy as np
import pytest

from visavox.__main__ import main
from visavox.corpus_config import PrepareConfig
from visavox.media.video_writing import write_video
from visavox.pipeline.corpus_building import PrepareSummary
from visavox.prepare import describe


@pytest.fixture
def strange(small_world: Path, tmp_path: Path) -> Path:
    """Names that begin with a dash or hold a space, a voice without a face, a broken image, a doubled row."""
    folder = tmp_path / "strange"
    for name in ("faces", "voices"):
        (folder / name).mkdir(parents=True)
    faces, voices = (sorted((small_world / name).iterdir()) for name in ("faces", "voices"))
    for i, clip in enumerate(["-dash", "a space", "no face", "broken"]):
        shutil.copy(voices[i], folder / "voices" / f"{clip}{voices[i].suffix}")
        if clip != "no face":
            shutil.copy(faces[i], folder / "faces" / f"{clip}{faces[i].suffix}")
    (folder / "faces" / f"broken{faces[0].suffix}").write_bytes(b"not an image")
    rows = ["clip,person,mood", "-dash,A,glad", "a space,B,sad", "no face,C,", "broken,D,", "-dash,A,again"]
    (folder / "clips.csv").write_text("\n".join(rows), encoding="utf-8")
    return folder


def test_strange_clips_become_rows_and_the_run_goes_on(
    strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "--root", str(strange), "--out", str(tmp_path / "c"), "--json"]) == 0
    counts = json.loads(capsys.readouterr().out)["n_items"]
    assert counts["face"] == {"ok": 2, "missing_file": 1, "unreadable_image": 1, "duplicate_key": 1}
    assert counts["voice"] == {"ok": 4, "duplicate_key": 1}
    assert len(list((tmp_path / "c" / "voices").iterdir())) == 4


def test_the_summary_is_for_a_reader(strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--root", str(strange), "--out", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "5 clips, 5 of them new" in said
    assert "1 unreadable_image" in said


def test_quiet_says_nothing(strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prepare", "--root", str(strange), "--out", str(tmp_path / "c"), "--quiet", "--limit", "1"]) == 0
    assert capsys.readouterr().out == ""


def test_a_missing_column_is_bad_use_in_one_line(
    strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (strange / "clips.csv").write_text("name,person\nx,A\n", encoding="utf-8")
    assert main(["prepare", "--root", str(strange), "--out", str(tmp_path / "c")]) == 2
    said = capsys.readouterr().err
    assert "clips.csv" in said
    assert "clip" in said
    assert said.count("\n") == 1
    words = ["prepare", "--root", str(strange), "--out", str(tmp_path / "c"), "--columns", "{clip: name}"]
    assert main(words) == 0


@pytest.mark.parametrize("root", ["absent", "clips.csv"])
def test_a_root_that_is_no_folder_is_one_line(
    strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], root: str
) -> None:
    assert main(["prepare", "--root", str(strange / root), "--out", str(tmp_path / "c")]) != 0
    assert capsys.readouterr().err.count("\n") == 1


def test_files_that_no_clip_names_are_counted_in_the_summary(
    strange: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """They were a log line on stderr, which doubled the one line of an error."""
    (strange / "clips.csv").write_text("clip,person\n-dash,A\n", encoding="utf-8")
    assert main(["prepare", "--root", str(strange), "--out", str(tmp_path / "c")]) == 0
    said = capsys.readouterr()
    assert "2 faces and 3 voices in" in said.out
    assert said.err == ""


@pytest.fixture
def films(tmp_path: Path) -> Path:
    """Two films of a grey wall and a file that is none; one of them in a table with a row too many."""
    for name in ("ann/1.mp4", "bob/2.mp4"):
        (tmp_path / "films" / name).parent.mkdir(parents=True)
        write_video(tmp_path / "films" / name, [np.full((32, 32, 3), 90, np.uint8)] * 25, np.zeros(16_000, np.float32))
    (tmp_path / "films" / "bob" / "3.mov").write_bytes(b"no video")
    return tmp_path / "films"


def test_a_folder_of_videos_is_prepared_and_says_who_named_the_people(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["prepare", "--root", str(films), "--source", "videos", "--out", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "3 clips, 3 of them new" in said
    assert "faces   2 no_face, 1 unreadable_video" in said
    assert "voices  2 silent, 1 unreadable_video" in said
    assert "2 people, named by the first folder below the root" in said
    assert f"what can be done about the rest: visavox corpus status --corpus {tmp_path / 'c'}" in said


def test_videos_that_the_table_does_not_name_are_left_out_and_counted(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (films / "people.csv").write_text("file,person\nann/1.mp4,Ann\nann/9.mp4,Ann\n", encoding="utf-8")
    assert main(["prepare", "--root", str(films), "--source", "videos", "--out", str(tmp_path / "c")]) == 0
    said = capsys.readouterr().out
    assert "2 clips" in said
    assert "faces   1 missing_file, 1 no_face" in said
    assert f"2 videos in {films} that no row names, left out" in said
    assert "1 person, named by people.csv" in said


def test_videos_without_people_say_so(films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--root", str(films), "--source", "videos", "--out", str(tmp_path / "c"), "--person-part", "0"]
    assert main(["prepare", *words]) == 0
    assert "nobody is known: each video counts as a person of its own" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--frames-per-s", "0"], "`frames_per_s` must be above 0. Got 0"),
        (["--table", "nobody.csv"], "There is no table nobody.csv"),
        (["--columns", "{clip: x}", "--table", "t.csv"], "no column 'x'"),
    ],
)
def test_wrong_options_for_videos_are_one_line(
    films: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], words: list[str], said: str
) -> None:
    (films / "t.csv").write_text("file\n", encoding="utf-8")
    assert main(["prepare", "--root", str(films), "--source", "videos", "--out", str(tmp_path / "c"), *words]) == 2
    errors = capsys.readouterr().err
    assert said in errors
    assert errors.count("\n") == 1
    assert not (tmp_path / "c").exists()


def test_the_summary_says_what_is_tried_again_and_which_table_knew_nobody(tmp_path: Path) -> None:
    config = PrepareConfig(root=tmp_path, out=tmp_path / "c", metadata=(tmp_path / "meta.csv",))
    items = {"face": {"network": 2, "ok": 1, "removed": 1}, "voice": {"network": 2, "ok": 2}}
    summary = PrepareSummary(4, 4, 0, items, 1, {}, 1.0)
    said = describe(summary, config)
    assert "meta.csv: none of its people, videos or clips is in the corpus" in said
    assert "what failed for a reason that passes (network) is tried again by the same command" in said
    assert "1 face not found; the centre of the image stands there" in said
    assert "meta.csv" not in describe(dataclasses.replace(summary, n_described=1), config)
    first_frame = PrepareConfig(root=tmp_path, out=tmp_path / "c", crop="first_frame")
    assert "not found" not in describe(summary, first_frame)
