"""The source "pairs" on small folders with everything that goes wrong, and on the real ones."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.items import Attribute
from visavox.corpus.sources.base import ClipRecord, Source, problem_items
from visavox.corpus.sources.pairs import PairsSource
from visavox.errors import ConfigError, DataError, UnknownNameError
from visavox.registry import SOURCES


def folder(tmp_path: Path, table: str | None, faces: list[str], voices: list[str]) -> Path:
    root = tmp_path / "data"
    for name, files in (("faces", faces), ("voices", voices)):
        (root / name).mkdir(parents=True, exist_ok=True)
        for file in files:
            (root / name / file).parent.mkdir(parents=True, exist_ok=True)
            (root / name / file).write_bytes(b"x")
    if table is not None:
        (root / "clips.csv").write_text(table, encoding="utf-8")
    return root


def records(root: Path, **options: Any) -> list[ClipRecord]:
    source = PairsSource(root, **options)
    found = list(source)
    assert len(source) == len(found)
    assert list(source) == found
    assert len({record.clip for record in found}) == len(found)
    return found


def test_a_clip_has_its_files_and_what_the_table_says(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip,person,youtube_id,gender,shot\na,Ann,v1,F,x\n", ["a.jpg"], ["a.opus"])
    assert records(root) == [
        ClipRecord(
            "a",
            face_path=root / "faces" / "a.jpg",
            voice_path=root / "voices" / "a.opus",
            person="Ann",
            video="v1",
            attributes={"gender": Attribute("f"), "shot": Attribute("x")},
            face_source="faces/a.jpg",
            voice_source="voices/a.opus",
        )
    ]


def test_records_come_in_the_order_of_the_table(tmp_path: Path) -> None:
    names = ["z", "-b", "a b", "a.b.c"]
    root = folder(
        tmp_path, "clip\n" + "\n".join(names), [f"{name}.jpg" for name in names], [f"{name}.wav" for name in names]
    )
    found = records(root)
    assert [record.clip for record in found] == names
    assert all(record.problem is None and record.face_path and record.voice_path for record in found)


def test_a_voice_without_a_face_keeps_the_voice(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip,person\na,Ann\n", [], ["a.wav"])
    (record,) = records(root)
    assert record.voice_path == root / "voices" / "a.wav"
    assert record.problem == ("missing_file", "clips.csv line 2: no file 'a'.* in faces/")
    assert [(row.key, row.status) for row in problem_items(record)] == [("a/face", "missing_file")]


def test_a_clip_without_any_file_names_both_folders(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip\na\n", [], [])
    (record,) = records(root)
    assert record.problem is not None
    assert "in faces/; no file 'a'.* in voices/" in record.problem[1]
    assert len(problem_items(record)) == 2


def test_two_faces_of_one_name_are_not_chosen_from(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip\na\n", ["a.jpg", "a.png"], ["a.wav"])
    (record,) = records(root)
    assert record.face_path is None
    assert record.problem is not None
    assert record.problem[0] == "ambiguous_file"
    assert "several files for 'a' in faces/: a.jpg, a.png" in record.problem[1]


def test_a_clip_twice_is_a_row_of_its_own_and_leaves_the_first_alone(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip,person\na,Ann\na,Bob\na,Cy\n", ["a.jpg"], ["a.wav"])
    first, second, third = records(root)
    assert (first.clip, first.person, first.problem) == ("a", "Ann", None)
    assert second == ClipRecord("a#line3", problem=("duplicate_key", "clips.csv line 3: clip 'a' is in line 2 too"))
    assert third.clip == "a#line4"


def test_a_clip_that_has_the_name_of_such_a_row_does_not_clash(tmp_path: Path) -> None:
    for table in ("clip\na#line4\na\na\n", "clip\na\na\na#line3\n"):
        found = records(folder(tmp_path, table, ["a.jpg", "a#line3.jpg"], ["a.wav"]))
        assert len({record.clip for record in found}) == 3


def test_wrong_rows_are_records_with_their_reason(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip,start_s\n,1\na,soon\nb\nc,1\n", ["c.jpg"], ["c.wav"])
    found = records(root)
    assert [record.problem[0] if record.problem else "ok" for record in found] == [
        "empty_clip_name",
        "invalid_time",
        "malformed_row",
        "ok",
    ]
    assert [record.clip for record in found] == ["#line2", "a#line3", "b#line4", "c"]


@pytest.mark.parametrize("clip", ["../secret", "/etc/hostname", "..", "a\x00b"])
def test_a_clip_name_cannot_reach_a_file_outside(clip: str, tmp_path: Path) -> None:
    root = folder(tmp_path, f'clip\n"{clip}"\n', ["a.jpg"], ["a.wav"])
    (root / "secret.jpg").write_bytes(b"x")
    (record,) = records(root)
    assert record.face_path is None
    assert record.voice_path is None


def test_stats_count_problems_and_files_that_no_row_names(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    root = folder(tmp_path, "clip\na\na\nb\n", ["a.jpg", "x.jpg", "y.jpg"], ["a.wav", "b.wav", "z.wav"])
    source = PairsSource(root)
    assert source.stats() == {}
    with caplog.at_level(logging.INFO):
        list(source)
    assert source.stats() == {
        "n_records": 3,
        "n_problems": {"duplicate_key": 1, "missing_file": 1},
        "n_extra_faces": 2,
        "n_extra_voices": 1,
        "extra_examples": ["faces/x.jpg", "faces/y.jpg", "voices/z.wav"],
    }
    assert "2 faces and 1 voices that no clip names" in caplog.text


def test_unpaired_folders_are_joined_by_person_only(tmp_path: Path) -> None:
    root = folder(
        tmp_path, None, ["Ann/1.jpg", "Ann/2.png", "Bob B./1.jpg"], ["Ann/1.wav", "Ann/vid/2.flac", ".x/y.wav"]
    )
    (root / "faces" / "Ann" / ".hidden.jpg").write_bytes(b"x")
    found = records(root)
    assert [(record.clip, record.person) for record in found] == [
        ("faces/Ann/1.jpg", "Ann"),
        ("faces/Ann/2.png", "Ann"),
        ("faces/Bob B./1.jpg", "Bob B."),
        ("voices/.x/y.wav", ".x"),
        ("voices/Ann/1.wav", "Ann"),
        ("voices/Ann/vid/2.flac", "Ann"),
    ]
    assert all(record.problem is None and problem_items(record) == [] for record in found)
    assert all((record.face_path is None) != (record.voice_path is None) for record in found)


def test_a_person_whose_name_is_no_unicode_can_be_stored(tmp_path: Path) -> None:
    root = folder(tmp_path, None, ["Ann/1.jpg"], ["Ann/1.wav"])
    person = root / "faces" / os.fsdecode(b"M\xfcller")
    person.mkdir()
    (person / "1.jpg").write_bytes(b"x")
    for record in records(root):
        record.clip.encode("utf-8")
        assert record.person is not None
        record.person.encode("utf-8")


def test_columns_and_folders_can_be_named(tmp_path: Path) -> None:
    root = folder(tmp_path, None, ["a.jpg"], ["a.wav"])
    (root / "meta.csv").write_text("id,who\na,Ann\n")
    (root / "voices").rename(root / "sound")
    (record,) = records(root, columns={"clip": "id", "person": "who"}, voices="sound", table="meta.csv")
    assert (record.clip, record.person, record.voice_source) == ("a", "Ann", "sound/a.wav")


def test_a_missing_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"source folder .*nowhere does not exist"):
        list(PairsSource(tmp_path / "nowhere"))
    root = folder(tmp_path, "clip\na\n", ["a.jpg"], [])
    (root / "voices").rmdir()
    with pytest.raises(ConfigError, match=r"There is no voices/. Create it, or name it with faces= or voices="):
        list(PairsSource(root))
    (tmp_path / "empty").mkdir()
    with pytest.raises(ConfigError, match="There is no faces/ and no voices/"):
        len(PairsSource(tmp_path / "empty"))


def test_a_missing_table_says_both_remedies(tmp_path: Path) -> None:
    root = folder(tmp_path, None, ["a.jpg"], ["a.wav"])
    with pytest.raises(ConfigError, match=r"has no clips.csv, .*column 'clip', or sort the files into faces/PERSON/"):
        list(PairsSource(root))


def test_errors_of_the_table_come_through(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has no column 'clip'"):
        list(PairsSource(folder(tmp_path, "name\na\n", [], [])))
    (tmp_path / "data" / "clips.csv").write_bytes(b"clip,\xff\n")
    with pytest.raises(DataError, match="must be UTF-8"):
        list(PairsSource(tmp_path / "data"))


def test_settings_do_not_hold_where_the_folder_lies(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip\n", [], [])
    settings = PairsSource(root, columns={"clip": "clip"}).settings()
    assert settings["folder"] == "data"
    assert str(tmp_path) not in str(settings)


def test_the_registry_builds_the_source_from_its_name(tmp_path: Path) -> None:
    root = folder(tmp_path, "clip\na\n", ["a.jpg"], ["a.wav"])
    source = SOURCES.build({"name": "pairs", "root": root, "columns": {}})
    assert isinstance(source, Source)
    assert len(list(source)) == 1
    assert "pairs" in SOURCES.names()
    with pytest.raises(UnknownNameError, match="Did you mean 'pairs'"):
        SOURCES.build("pair")


@pytest.mark.parametrize(
    ("name", "n_clips", "n_videos", "n_people"),
    [("avspeech", 968, 931, 0), ("voxceleb", 115, 100, 40), ("ikr", 186, 0, 31)],
)
def test_real_folders_are_complete(name: str, n_clips: int, n_videos: int, n_people: int, real_data: Path) -> None:
    found = records(real_data / name)
    assert len(found) == n_clips
    assert all(record.problem is None and record.face_path and record.voice_path for record in found)
    assert len({record.video for record in found if record.video}) == n_videos
    assert len({record.person for record in found if record.person}) == n_people
