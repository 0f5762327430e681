"""The catalog: round trips, resuming, settings, damaged files, full disks, readers beside a writer."""

from __future__ import annotations

import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.corpus.catalog import SCHEMA_VERSION, Catalog
from visavox.corpus.items import Attribute, MediaItem, item_key
from visavox.corpus.statuses import TRANSIENT
from visavox.errors import DataError

SETTINGS = {"source": "pairs", "detector": {"name": "mtcnn", "min_score": 0.5}}


def clip(name: str, **known: object) -> list[MediaItem]:
    """Return a face item and a failed voice item of a clip."""
    face = MediaItem(
        item_key(name, "face"),
        name,
        "face",
        person="Ann",
        video=f"v{name}",
        session="01",
        source=f"faces/{name}.jpg",
        start_s=1.5,
        end_s=2.5,
        path=f"faces/{name}.jpg",
        digest=f"{name}-digest",
        quality={"width_px": 100.0, "found": 1.0},
        attributes={"gender": Attribute("f"), "age": Attribute("31", "age-net")},
    )
    voice = MediaItem(item_key(name, "voice"), name, "voice", status="missing_file", reason=f"no file {name}.*")
    return [face, voice]


def fill(path: Path, names: list[str]) -> Catalog:
    catalog = Catalog.create(path, SETTINGS)
    for name in names:
        catalog.add_clip(clip(name))
    return catalog


def test_items_come_back_as_they_were(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert list(catalog.items(status=None)) == [*clip("a"), *clip("b")]


def test_items_come_back_from_the_file(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    with Catalog.open(tmp_path / "c.sqlite") as catalog:
        assert list(catalog.items(status=None)) == clip("a")
        assert catalog.settings == SETTINGS


def test_items_are_filtered_by_modality_and_status(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert [item.key for item in catalog.items()] == ["a/face", "b/face"]
        assert [item.key for item in catalog.items("voice", status=None)] == ["a/voice", "b/voice"]
        assert [item.key for item in catalog.items("voice")] == []
        assert [item.key for item in catalog.items(status="missing_file")] == ["a/voice", "b/voice"]


def test_items_come_in_the_order_of_keys_whatever_the_order_of_adding(tmp_path: Path) -> None:
    names = ["zebra", "äpfel", "a b", "-x", "10", "9", "Z"]
    with fill(tmp_path / "c.sqlite", names) as catalog:
        assert [item.key for item in catalog.items()] == sorted(f"{name}/face" for name in names)


def test_counts_are_by_modality_and_status(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert catalog.counts() == {"face": {"ok": 2}, "voice": {"missing_file": 2}}
        assert catalog.done_clips() == {"a", "b"}


def test_an_empty_catalog_has_nothing_done(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c.sqlite", {}) as catalog:
        assert catalog.counts() == {}
        assert catalog.done_clips() == set()
        assert list(catalog.items()) == []
        assert catalog.settings == {}


def test_the_same_settings_take_up_what_is_there(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    with Catalog.create(tmp_path / "c.sqlite", json.loads(json.dumps(SETTINGS))) as catalog:
        assert catalog.done_clips() == {"a"}
        catalog.add_clip(clip("b"))
        assert catalog.done_clips() == {"a", "b"}


def test_a_tuple_and_a_path_in_the_settings_are_their_json(tmp_path: Path) -> None:
    settings = {"sizes": (1, 2), "folder": Path("x")}
    Catalog.create(tmp_path / "c.sqlite", settings).close()
    with Catalog.create(tmp_path / "c.sqlite", settings) as catalog:
        assert catalog.settings == {"sizes": [1, 2], "folder": "x"}


def test_other_settings_are_refused_with_what_differs_and_the_remedy(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    other = {"source": "pairs", "detector": {"name": "haar", "min_score": 0.5}, "n_faces": 3}
    with pytest.raises(DataError, match=r'detector.name was "mtcnn", is "haar"; n_faces was absent, is 3.*--overwrite'):
        Catalog.create(tmp_path / "c.sqlite", other)
    with Catalog.open(tmp_path / "c.sqlite") as catalog:
        assert catalog.done_clips() == {"a"}


def test_overwriting_starts_anew(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    with Catalog.create(tmp_path / "c.sqlite", {"other": 1}, overwrite=True) as catalog:
        assert catalog.done_clips() == set()
        assert catalog.settings == {"other": 1}


def test_overwriting_replaces_a_damaged_file(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").write_bytes(b"not a database at all, but long enough to be looked at" * 10)
    with Catalog.create(tmp_path / "c.sqlite", {}, overwrite=True) as catalog:
        assert catalog.done_clips() == set()


@pytest.mark.parametrize("readonly", [True, False])
def test_a_damaged_file_is_refused_and_left_alone(readonly: bool, tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    path.write_bytes(b"not a database at all, but long enough to be looked at" * 10)
    before = path.read_bytes()
    with pytest.raises(DataError, match=r"is damaged .*--overwrite"):
        Catalog.open(path, readonly=readonly)
    with pytest.raises(DataError, match=r"is damaged .*--overwrite"):
        Catalog.create(path, {})
    assert path.read_bytes() == before


def test_damage_inside_the_file_is_an_error_not_missing_rows(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    fill(path, [f"clip{i}" for i in range(300)]).close()
    content = bytearray(path.read_bytes())
    content[8192:40960] = os.urandom(40960 - 8192)
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"damaged|cannot be used"), Catalog.open(path) as catalog:
        list(catalog.items(status=None))


def test_a_database_of_somebody_else_is_refused(tmp_path: Path) -> None:
    connection = sqlite3.connect(tmp_path / "c.sqlite")
    connection.execute("CREATE TABLE cookies (x)")
    connection.close()
    with pytest.raises(DataError, match="no catalog of Visavox"):
        Catalog.open(tmp_path / "c.sqlite")
    with pytest.raises(DataError, match="no catalog of Visavox"):
        Catalog.create(tmp_path / "c.sqlite", {})


def test_another_schema_version_is_refused(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    connection = sqlite3.connect(tmp_path / "c.sqlite")
    connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION + 1}")
    connection.commit()
    connection.close()
    with pytest.raises(DataError, match=f"schema version {SCHEMA_VERSION + 1}; .* reads {SCHEMA_VERSION}"):
        Catalog.open(tmp_path / "c.sqlite")


def test_a_missing_catalog_names_the_command_that_makes_one(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"There is no catalog at .*visavox prepare"):
        Catalog.open(tmp_path / "c.sqlite")
    assert list(tmp_path.iterdir()) == []


def test_a_clip_twice_is_refused_and_changes_nothing(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        before = catalog.content_hash()
        with pytest.raises(DataError, match=r"The clip 'a' is in .* already"):
            catalog.add_clip(clip("a"))
        assert catalog.content_hash() == before
        catalog.add_clip(clip("b"))


def test_a_clip_is_added_whole_or_not_at_all(tmp_path: Path) -> None:
    """Two items of one key: the first must not stay behind, or the clip would count as done."""
    face, voice = clip("a")
    with Catalog.create(tmp_path / "c.sqlite", {}) as catalog:
        with pytest.raises(DataError, match="already"):
            catalog.add_clip([voice, face, face])
        assert catalog.done_clips() == set()


def test_items_of_two_clips_or_none_are_refused(tmp_path: Path) -> None:
    with Catalog.create(tmp_path / "c.sqlite", {}) as catalog:
        with pytest.raises(DataError, match=r"items of one clip. Got \['a', 'b'\]"):
            catalog.add_clip([*clip("a"), *clip("b")])
        with pytest.raises(DataError, match="Got no item"):
            catalog.add_clip([])


def test_the_content_hash_does_not_depend_on_order_or_folder(tmp_path: Path) -> None:
    names = [f"clip{i}" for i in range(20)]
    with fill(tmp_path / "c.sqlite", names) as catalog:
        expected = catalog.content_hash()
    random.Random(0).shuffle(names)
    with fill(tmp_path / "elsewhere" / "c.sqlite", names) as catalog:
        assert catalog.content_hash() == expected
    assert len(expected) == 64


@pytest.mark.parametrize(
    ("name", "value", "changes"),
    [
        ("person", "Bob", True),
        ("video", None, True),
        ("digest", "other", True),
        ("status", "no_face", True),
        ("start_s", 1.25, True),
        ("attributes", {"gender": Attribute("m")}, True),
        ("attributes", {}, True),
        ("path", "elsewhere/a.jpg", False),
        ("source", "/mnt/faces/a.jpg", False),
        ("reason", "in other words", False),
        ("quality", {"width_px": 101.0}, False),
    ],
)
def test_the_content_hash_covers_what_decides_a_split(name: str, value: object, changes: bool, tmp_path: Path) -> None:
    face, voice = clip("a")
    known = {field: getattr(face, field) for field in face.__dataclass_fields__}
    with Catalog.create(tmp_path / "1.sqlite", {}) as first, Catalog.create(tmp_path / "2.sqlite", {}) as second:
        first.add_clip([face, voice])
        second.add_clip([MediaItem(**{**known, name: value}), voice])
        assert (first.content_hash() != second.content_hash()) is changes


@settings(max_examples=25, deadline=None)
@given(st.text(min_size=1).filter(lambda text: text.isprintable() or "\x00" in text), st.text(max_size=30))
def test_any_text_survives(name: str, value: str) -> None:
    with Catalog(Path(":memory:"), sqlite3.connect(":memory:", isolation_level=None)) as catalog:
        catalog._begin({})
        item = MediaItem(item_key(name, "face"), name, "face", person=name, attributes={name: Attribute(value)})
        catalog.add_clip([item])
        assert list(catalog.items()) == [item]
        assert catalog.done_clips() == {name}


def test_a_reader_works_while_a_writer_writes(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a"]) as writer, Catalog.open(tmp_path / "c.sqlite") as reader:
        assert reader.done_clips() == {"a"}
        writer.add_clip(clip("b"))
        assert reader.done_clips() == {"a", "b"}
        reading = reader.items(status=None)
        next(reading)
        writer.add_clip(clip("c"))
        assert [item.clip for item in reading] == ["a", "b", "b"]


def test_a_reader_refuses_to_write(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    with Catalog.open(tmp_path / "c.sqlite") as reader, pytest.raises(DataError, match="cannot be opened"):
        reader.add_clip(clip("b"))


def test_a_catalog_opened_for_writing_takes_clips(tmp_path: Path) -> None:
    fill(tmp_path / "c.sqlite", ["a"]).close()
    with Catalog.open(tmp_path / "c.sqlite", readonly=False) as catalog:
        catalog.add_clip(clip("b"))
        assert catalog.done_clips() == {"a", "b"}


def test_a_folder_in_the_way_is_named(tmp_path: Path) -> None:
    (tmp_path / "c.sqlite").mkdir()
    with pytest.raises(DataError, match=r"c.sqlite cannot be opened"):
        Catalog.create(tmp_path / "c.sqlite", {})


def test_a_file_in_place_of_the_folder_is_named(tmp_path: Path) -> None:
    (tmp_path / "corpus").write_text("")
    with pytest.raises(DataError, match=r"cannot be used .*Choose a folder"):
        Catalog.create(tmp_path / "corpus" / "c.sqlite", {})


WRITER = """
import os, resource, sys
from pathlib import Path
from visavox.corpus.catalog import Catalog
from visavox.corpus.items import MediaItem, item_key
from visavox.errors import DataError

path, limit = Path(sys.argv[1]), int(sys.argv[2])
with Catalog.create(path, {}) as catalog:
    if limit:
        resource.setrlimit(resource.RLIMIT_FSIZE, (limit, limit))
    try:
        for i in range(100_000):
            name = f"clip{i:06d}"
            items = [MediaItem(item_key(name, m), name, m, reason="x" * 2000) for m in ("face", "voice")]
            catalog.add_clip(items)
            print(i + 1, flush=True)
    except DataError as error:
        print("DataError", error, flush=True)
        os._exit(3)  # no clean-up: a full disk may well be followed by a kill
"""


def test_a_full_disk_is_one_line_and_loses_nothing(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), str(600_000)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    *counts, last = done.stdout.splitlines()
    assert done.returncode == 3, done.stderr
    assert "No room to write" in last
    assert "what was done is kept" in last
    n_done = int(counts[-1])
    assert n_done > 10
    with Catalog.create(path, {}) as catalog:
        assert catalog.done_clips() == {f"clip{i:06d}" for i in range(n_done)}
        catalog.add_clip(clip("after"))
        assert catalog.counts()["face"] == {"ok": n_done + 1}


def test_a_kill_leaves_whole_clips(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    command = [sys.executable, "-c", textwrap.dedent(WRITER), str(path), "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        n_said = 0
        while n_said < 200:
            n_said = int(process.stdout.readline())
        process.send_signal(signal.SIGKILL)
        process.wait()
    with Catalog.create(path, {}) as catalog:
        counts = catalog.counts()
        assert counts["face"] == counts["voice"]
        assert len(catalog.done_clips()) == counts["face"]["ok"] >= n_said


def test_lookups_use_indices(tmp_path: Path) -> None:
    """A million rows stay usable only if no query that a command repeats walks over the table."""
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        for query in (
            "SELECT DISTINCT clip FROM items",
            "SELECT modality, status, count(*) FROM items GROUP BY modality, status",
            "SELECT * FROM items WHERE modality = 'face' AND status = 'ok'",
            "SELECT * FROM items WHERE person = 'Ann'",
            "SELECT * FROM items WHERE digest = '00'",
        ):
            plan = " ".join(row[3] for row in catalog._connection.execute(f"EXPLAIN QUERY PLAN {query}"))
            assert "INDEX items_by" in plan, (query, plan)


def test_a_clip_may_take_the_place_of_its_former_self(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        face = MediaItem(item_key("a", "face"), "a", "face", status="no_face", reason="none")
        catalog.add_clip([face], replace=True)
        assert catalog.find("a") == [face]
        assert catalog.find("b") == clip("b")
        assert catalog.n_clips() == 2


def test_replacing_is_all_or_nothing(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        twice = clip("a")[0]
        with pytest.raises(DataError, match="already"):
            catalog.add_clip([twice, twice], replace=True)
        assert catalog.find("a") == clip("a")


def test_what_failed_for_a_reason_that_passes_is_to_be_done_again(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        for status in sorted(TRANSIENT):
            catalog.add_clip([MediaItem(f"{status}/face", status, "face", status=status)])
        assert catalog.clips_to_redo() == TRANSIENT
        assert catalog.done_clips() == TRANSIENT | {"a"}
        catalog.add_clip([MediaItem("network/face", "network", "face")], replace=True)
        assert catalog.clips_to_redo() == TRANSIENT - {"network"}


def test_a_status_may_be_asked_for_again_until_it_was_done(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert catalog.ask_again(["missing_file", "no_face"]) == 2
        assert catalog.ask_again(["missing_file"]) == 0
        assert catalog.clips_to_redo() == {"a", "b"}
        assert catalog.find("a") == clip("a")  # nothing is lost before the new rows are there
        catalog.add_clip(clip("a"), replace=True)
        assert catalog.clips_to_redo() == {"b"}


def test_items_are_found_by_clip_and_by_key(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert catalog.find("a") == clip("a")
        assert catalog.find("b/voice") == clip("b")[1:]
        assert catalog.find("nobody") == []


def test_attributes_are_set_and_replaced_for_items_that_are_there(tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        catalog.set_attributes("predicted_age", {"a/face": Attribute("40", "net"), "gone/face": Attribute("1", "net")})
        catalog.set_attributes("predicted_age", {"a/face": Attribute("41", "net 2")})
        face, voice = catalog.find("a")
        assert face.attributes == {**clip("a")[0].attributes, "predicted_age": Attribute("41", "net 2")}
        assert voice == clip("a")[1]


def test_predictions_leave_the_content_hash_alone(tmp_path: Path) -> None:
    """A split made before `corpus label` must fit the corpus after it."""
    with fill(tmp_path / "c.sqlite", ["a"]) as catalog:
        before = catalog.content_hash()
        catalog.set_attributes("predicted_age", {"a/face": Attribute("40", "net")})
        assert catalog.content_hash() == before
        catalog.set_attributes("age", {"a/face": Attribute("40")})
        assert catalog.content_hash() != before


@pytest.mark.parametrize(("value", "expected"), [(100.0, 2), (10.0, 0), (1.0, 0)])
def test_items_are_counted_by_a_figure(value: float, expected: int, tmp_path: Path) -> None:
    with fill(tmp_path / "c.sqlite", ["a", "b"]) as catalog:
        assert catalog.n_with_figure("width_px", value) == expected
        assert catalog.n_with_figure("found", 1.0) == 2


def test_settings_bind_only_once_there_is_a_clip(tmp_path: Path) -> None:
    path = tmp_path / "c.sqlite"
    Catalog.create(path, {"a": 1}).close()
    with Catalog.create(path, {"a": 2}) as catalog:
        assert catalog.settings == {"a": 2}
        catalog.add_clip(clip("x"))
    with pytest.raises(DataError, match="a was 2, is 3"):
        Catalog.create(path, {"a": 3})


@pytest.mark.parametrize("path", ["/etc/passwd", "../secret.jpg", "faces/../../secret.jpg"])
def test_a_catalog_that_names_files_outside_its_corpus_is_refused(path: str, tmp_path: Path) -> None:
    """A catalog of somebody else could have put any picture of the reader's into a page."""
    with fill(tmp_path / "c.sqlite", []) as catalog:
        catalog.add_clip([MediaItem("a/face", "a", "face", path=path)])
        with pytest.raises(DataError, match="names a file outside its corpus"):
            list(catalog.items())
