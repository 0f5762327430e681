"""What every source promises, held against each name of the registry."""

from __future__ import annotations

import inspect
import json
import os
import pickle
import time
from collections.abc import Callable
from itertools import islice
from pathlib import Path

import pytest

from visavox.corpus.sources.base import ClipRecord, Source
from visavox.corpus.statuses import STATUSES
from visavox.errors import ConfigError
from visavox.registry import SOURCES

NAMES = ["-rf", "two words", 'it\'s "so"', "two\nlines", "Zoë 名前", "$(x);&", "a.b.c"]
"""Names of people and files that shells and parsers trip over."""


def make(root: Path, *names: str, text: str = "not looked at") -> None:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text, encoding="utf-8")


def quoted(*cells: str) -> str:
    return ",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\n"


def pairs(root: Path) -> int:
    make(root, *(f"faces/{name}.jpg" for name in NAMES), *(f"voices/{name}.wav" for name in NAMES))
    rows = "".join(quoted(name, "Ann") for name in NAMES) + "gone,Bob\n,Cid\nshort\n" + quoted(NAMES[0], "Bob")
    (root / "clips.csv").write_text("clip,person\n" + rows, encoding="utf-8")
    return len(NAMES) + 4


def videos(root: Path) -> int:
    make(root, *(f"{name}/{name}.mp4" for name in NAMES))
    rows = "".join(quoted(f"{name}/{name}.mp4", name, "1", "2") for name in NAMES)
    rows += "gone,Bob,1,2\n,,,\n,Bob,1,2\nshort\n" + quoted(f"{NAMES[0]}/{NAMES[0]}.mp4", "x", "5", "4")
    (root / "people.csv").write_text("file,person,start,end\n" + rows, encoding="utf-8")
    return len(NAMES) + 4


def avspeech(root: Path) -> int:
    one_line = [name.replace("\n", " ") for name in NAMES]
    rows = "".join(f"{quoted(name).strip()},1,2.5,0.5,0.25\n" for name in one_line)
    rows += f"short,1\nv,5,4,0.5,0.5\nv,1,2,3,4\n,1,2,0.5,0.5\n{one_line[0]},1,2.5,0.5,0.25\n"
    make(root, "avspeech_test.csv", text=rows)
    return len(NAMES) + 5


def voxceleb(root: Path) -> int:
    make(root, *(f"dev/wav/id10001/{name}/{name}.wav" for name in NAMES), *(f"faces/{name}/1.jpg" for name in NAMES))
    make(root, "mp4/id00012/v/1.mp4", "dev/wav/id10001/empty/readme.md")
    make(root, "vox1_meta.csv", text="VoxCeleb1 ID\tVGGFace1 ID\tGender\nid10001\t-rf\tf\nid10002\tNobody\tm\nbroken\n")
    return 2 * len(NAMES) + 1


def mavceleb(root: Path) -> int:
    names = [f"id0001/Urdu/{name}" for name in NAMES]
    make(root, *(f"voices/{name}/{i}.wav" for i, name in enumerate(names)), *(f"faces/{name}/0.jpg" for name in names))
    make(root, "v1_meta.csv", text="ids,name,gender\nid0001,Ann Lee,Female\nbroken\n")
    return 2 * len(NAMES)


BUILDERS: dict[str, Callable[[Path], int]] = {
    "pairs": pairs, "videos": videos, "avspeech": avspeech, "voxceleb": voxceleb, "mavceleb": mavceleb,
}  # fmt: skip
"""Each makes a small root and returns the number of records that it should give."""

ALL = pytest.mark.parametrize("name", SOURCES.names())


def build(name: str, root: Path) -> tuple[Source, int]:
    assert name in BUILDERS, f"the source {name} needs a small root here, so that it is held to what all promise"
    root.mkdir()
    n = BUILDERS[name](root)
    source: Source = SOURCES.build({"name": name, "root": root, "columns": {}})
    return source, n


@ALL
def test_records_are_the_same_again_unique_and_counted(name: str, tmp_path: Path) -> None:
    source, n = build(name, tmp_path / "root")
    found = list(source)
    assert len(found) == n
    assert list(source) == found
    assert list(SOURCES.build({"name": name, "root": tmp_path / "root", "columns": {}})) == found
    assert len(source) == n
    assert len({record.clip for record in found}) == n
    assert source.stats()["n_records"] == n


@ALL
def test_every_row_is_a_record_with_files_or_with_a_known_reason(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    for record in source:
        if record.problem is not None:
            status, reason = record.problem
            assert status in STATUSES
            assert len(reason) > 5
            reason.encode("utf-8")
        else:
            assert record.face_path or record.voice_path or record.address
        for path in (record.face_path, record.voice_path):
            assert path is None or path.is_file()
        if record.start_s is not None and record.end_s is not None and record.problem is None:
            assert 0 <= record.start_s < record.end_s


@ALL
def test_odd_names_are_there_and_can_be_stored(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    good = [record for record in source if record.problem is None]
    for odd in NAMES:
        odd = odd.replace("\n", " ") if name == "avspeech" else odd
        assert any(odd in text(record) for record in good), odd
    for record in source:
        text(record).encode("utf-8")


def text(record: ClipRecord) -> str:
    parts = (record.clip, record.person, record.video, record.face_source, record.voice_source, record.address)
    return " | ".join(part or "" for part in parts)


@ALL
def test_settings_and_stats_are_json_and_hold_no_place_of_this_machine(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    list(source)
    for kept in (source.settings(), source.stats()):
        assert str(tmp_path) not in json.dumps(kept)
        assert json.loads(json.dumps(kept)) == kept
    assert source.settings()["name"] == name
    assert source.settings()["folder"] == "root"


@ALL
def test_sources_of_records_hold_no_place_of_this_machine(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    assert not any(str(tmp_path) in text(record) for record in source)


@ALL
def test_a_moved_root_gives_the_same_clips(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    before = [text(record) for record in source]
    settings = source.settings()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "root").rename(tmp_path / "elsewhere" / "root")
    moved: Source = SOURCES.build({"name": name, "root": tmp_path / "elsewhere" / "root", "columns": {}})
    assert [text(record) for record in moved] == before
    assert moved.settings() == settings


@ALL
@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_no_media_is_opened(name: str, tmp_path: Path) -> None:
    """A pipe that nobody writes to would hang whoever opens it."""
    source, n = build(name, tmp_path / "root")
    for path in list((tmp_path / "root").rglob("*")):
        if path.suffix in (".mp4", ".wav", ".jpg"):
            path.unlink()
            os.mkfifo(path)
    assert sum(1 for _ in source) == n


@ALL
def test_records_cross_a_process_pool(name: str, tmp_path: Path) -> None:
    source, _ = build(name, tmp_path / "root")
    for record in source:
        assert pickle.loads(pickle.dumps(record)) == record


@ALL
def test_building_reads_nothing_and_a_missing_root_is_one_line(name: str, tmp_path: Path) -> None:
    source: Source = SOURCES.build({"name": name, "root": tmp_path / "nowhere", "columns": {}})
    assert source.stats() == {}
    for read in (lambda: next(iter(source)), lambda: len(source)):
        with pytest.raises(ConfigError, match="nowhere") as error:
            read()
        assert "\n" not in str(error.value)


@ALL
def test_options_are_checked_and_documented(name: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=f"The source '{name}' takes no 'rooot'"):
        SOURCES.build({"name": name, "root": tmp_path, "rooot": 1})
    factory = SOURCES.get(name)
    for option in inspect.signature(factory).parameters:
        assert f"        {option}: " in (factory.__doc__ or ""), option


@pytest.mark.slow
def test_a_list_of_a_million_rows_begins_at_once_and_is_read_in_seconds(tmp_path: Path) -> None:
    with (tmp_path / "avspeech_train.csv").open("w", encoding="utf-8") as file:
        file.writelines(f"v{i:010d},{i % 300}.5,{i % 300 + 4}.25,0.5,0.25\n" for i in range(1_000_000))
    source: Source = SOURCES.build({"name": "avspeech", "root": tmp_path / "avspeech_train.csv"})
    begin_s = time.process_time()
    first = list(islice(source, 1))
    assert time.process_time() - begin_s < 0.5
    assert first[0].clip == "v0000000000_500_4250"
    begin_s = time.process_time()
    assert sum(record.problem is None for record in source) == 1_000_000
    assert time.process_time() - begin_s < 20  # some 5 where nothing else runs
    assert len(source) == 1_000_000
