"""The source "mavceleb" on small folders with and without lists."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.sources.base import ClipRecord
from visavox.corpus.sources.mavceleb import MavcelebSource
from visavox.errors import ConfigError, DataError

TRAIN = [
    *(f"voices/id0001/English/v1/{i:05d}.wav" for i in range(2)),
    "voices/id0001/Urdu/v2/00000.wav",
    *(f"faces/id0001/English/v1/{i:07d}.jpg" for i in range(6)),
]
TEST = ["voices/English/00000.wav", "faces/English/00000.jpg", "voices/English/00001.wav", "faces/English/00001.jpg"]


def make(root: Path, *names: str, **lists: str) -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"")
    for name, text in lists.items():
        (root / f"{name}.txt").write_text(text, encoding="utf-8")
    return root


def records(root: Path, **options: Any) -> dict[str, ClipRecord]:
    source = MavcelebSource(root, **options)
    found = list(source)
    assert len(source) == len(found) == source.stats()["n_records"]
    assert list(source) == found
    by_name = {record.clip: record for record in found}
    assert len(by_name) == len(found)
    return by_name


def test_without_a_list_every_file_is_a_clip_of_its_person_and_language(tmp_path: Path) -> None:
    make(tmp_path, *TRAIN, *TEST)
    (tmp_path / "v1_meta.csv").write_text("ids,name,gender\nid0001,Ann Lee,Female\nid0002,Bob Ray,Male\n")
    found = records(tmp_path)
    assert sorted(found) == sorted([*TRAIN, *TEST])
    voice = found["voices/id0001/Urdu/v2/00000.wav"]
    assert (voice.person, voice.video, voice.face_path) == ("id0001", "v2", None)
    values = {name: attribute.value for name, attribute in voice.attributes.items()}
    assert values == {"name": "Ann Lee", "gender": "f", "language": "Urdu"}
    test = found["faces/English/00000.jpg"]
    assert (test.person, test.video, test.voice_path) == (None, None, None)
    assert test.attributes["language"].value == "English"
    source = MavcelebSource(tmp_path)
    list(source)
    assert source.stats()["n_people_without_files"] == 1


def test_pairs_are_of_one_video_and_others_stay_alone(tmp_path: Path) -> None:
    found = records(make(tmp_path, *TRAIN, *TEST), pair=True)
    assert {name: record.face_source[-11:] for name, record in found.items()} == {
        "voices/English/00000.wav": "",
        "voices/English/00001.wav": "",
        "voices/id0001/English/v1/00000.wav": "0000001.jpg",
        "voices/id0001/English/v1/00001.wav": "0000004.jpg",
        "voices/id0001/Urdu/v2/00000.wav": "",
    }


def test_a_version_tells_its_ids_from_those_of_another(tmp_path: Path) -> None:
    found = records(make(tmp_path, *TRAIN), version="v1")
    assert {record.person for record in found.values()} == {"v1/id0001"}


def test_rows_of_a_training_list_are_pairs(tmp_path: Path) -> None:
    face = "id0001/English/v1/0000003.jpg"
    rows = f"id0001/English/v1/00000.wav {face}\nid0001/Urdu/v2/00000.wav {face}\n"
    found = records(make(tmp_path, *TRAIN, Train=rows), table="Train.txt")
    first, second = found.values()
    assert first.clip == "id0001/English/v1/00000.wav+id0001/English/v1/0000003.jpg"
    assert first.voice_path == tmp_path / "voices/id0001/English/v1/00000.wav"
    assert first.face_path == second.face_path == tmp_path / "faces/id0001/English/v1/0000003.jpg"
    assert (first.person, first.video, first.attributes["language"].value) == ("id0001", "v1", "English")
    assert (second.person, second.video, second.attributes["language"].value) == ("id0001", None, "Urdu")


def test_rows_of_a_test_list_are_questions_and_no_pairs(tmp_path: Path) -> None:
    rows = "k1 voices/English/00000.wav faces/English/00000.jpg\nk2 voices/English/00000.wav faces/English/00001.jpg\n"
    source = MavcelebSource(make(tmp_path, *TEST, English_test=rows), table="English_test.txt")
    found = list(source)
    assert [(r.clip, r.face_path is None, r.voice_path is None, r.person) for r in found] == [
        ("voices/English/00000.wav", True, False, None),
        ("faces/English/00000.jpg", False, True, None),
        ("faces/English/00001.jpg", False, True, None),
    ]
    assert (source.stats()["n_questions"], source.stats()["n_repeated"]) == (2, 1)
    records(tmp_path, table="English_test.txt")


def test_version_three_keeps_the_files_of_a_test_in_its_folder(tmp_path: Path) -> None:
    names = ("German_test/voices/00000.wav", "German_test/faces/00000.jpg")
    found = records(make(tmp_path, *names, German_test="k voices/00000.wav faces/00000.jpg\n"), table="German_test.txt")
    assert [record.problem for record in found.values()] == [None, None]


def test_bad_rows_and_missing_files_are_rows(tmp_path: Path) -> None:
    rows = (
        "k1 1 voices/id001/0.wav faces/id001/0.jpg id001 5\nk1 1 voices/id001/0.wav faces/id001/0.jpg id001 5\n"
        "nonsense\nk2 1 voices/id001/9.wav faces/id001/0.jpg id001 5\nk3 voices/English/9.wav faces/English/9.jpg\n"
    )
    make(tmp_path, "voices/id001/0.wav", "faces/id001/0.jpg", train_English=rows)
    found = records(tmp_path / "train_English.txt")
    assert {name: record.problem and record.problem[0] for name, record in found.items()} == {
        "k1": None,
        "k1#line2": "duplicate_key",
        "train_English.txt#line3": "malformed_row",
        "k2": "missing_file",
        "voices/English/9.wav": "missing_file",
        "faces/English/9.jpg": "missing_file",
    }
    assert found["k2"].problem == ("missing_file", "train_English.txt line 4: no file 'voices/id001/9.wav'")
    assert found["k2"].face_path is not None


def test_what_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere does not exist"):
        list(MavcelebSource(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="There is no folder voices"):
        list(MavcelebSource(tmp_path))
    (tmp_path / "voices").mkdir()
    (tmp_path / "faces").mkdir()
    with pytest.raises(DataError, match="holds no clips"):
        list(MavcelebSource(tmp_path))
    with pytest.raises(ConfigError, match="There is no list gone.txt"):
        list(MavcelebSource(tmp_path, table="gone.txt"))
    with pytest.raises(ConfigError, match="There is no table gone.csv .* Correct `metadata`"):
        next(iter(MavcelebSource(tmp_path, metadata="gone.csv")))


def test_a_name_longer_than_any_file_is_a_missing_file(tmp_path: Path) -> None:
    """The system's "File name too long" ended the run."""
    make(tmp_path, *TEST, test=f"k1 voices/English/{'x' * 300}.wav faces/English/00000.jpg\n")
    problems = [record.problem and record.problem[0] for record in records(tmp_path, table="test.txt").values()]
    assert problems == ["missing_file", None]
