"""Records and the rows of what they cannot supply."""

from __future__ import annotations

import pickle
from pathlib import Path

from visavox.corpus.items import Attribute
from visavox.corpus.sources.base import ClipRecord, problem_items, record_item

MISSING = ("missing_file", "no file for 'c' in faces/")


def test_a_record_without_a_problem_has_no_failed_rows() -> None:
    assert problem_items(ClipRecord("c", face_path=Path("c.jpg"))) == []


def test_only_the_item_without_a_path_fails() -> None:
    (row,) = problem_items(ClipRecord("c", voice_path=Path("c.wav"), problem=MISSING))
    assert (row.key, row.status, row.reason, row.path) == ("c/face", *MISSING, None)
    (row,) = problem_items(ClipRecord("c", face_path=Path("c.jpg"), problem=MISSING))
    assert row.key == "c/voice"


def test_a_clip_with_neither_has_two_failed_rows() -> None:
    rows = problem_items(ClipRecord("c", problem=MISSING))
    assert [row.key for row in rows] == ["c/voice", "c/face"]


def test_a_failed_row_keeps_what_is_known() -> None:
    attributes = {"gender": Attribute("f")}
    record = ClipRecord(
        "c",
        voice_path=Path("c.wav"),
        person="Ann",
        video="v",
        session="01",
        start_s=1.0,
        end_s=2.0,
        attributes=attributes,
        problem=MISSING,
        voice_source="voices/c.wav",
    )
    (row,) = problem_items(record)
    assert (row.person, row.video, row.session, row.start_s, row.end_s) == ("Ann", "v", "01", 1.0, 2.0)
    assert row.attributes == attributes
    assert row.source == ""


def test_paths_and_sources_are_found_by_modality() -> None:
    record = ClipRecord("c", Path("f"), Path("v"), face_source="faces/f", voice_source="voices/v")
    assert (record.path("face"), record.path("voice")) == (Path("f"), Path("v"))
    assert (record.source("face"), record.source("voice")) == ("faces/f", "voices/v")


def test_a_record_crosses_a_process_pool() -> None:
    record = ClipRecord("c", face_path=Path("c.jpg"), attributes={"gender": Attribute("f")}, problem=MISSING)
    assert pickle.loads(pickle.dumps(record)) == record


def test_a_row_before_its_file_was_looked_at_is_whole_and_without_a_path() -> None:
    record = ClipRecord("c", Path("f"), Path("v"), person="Ann", video="v1", face_source="faces/f", start_s=1.0)
    item = record_item(record, "face")
    assert (item.key, item.person, item.video, item.source, item.start_s) == ("c/face", "Ann", "v1", "faces/f", 1.0)
    assert (item.status, item.path) == ("ok", None)
