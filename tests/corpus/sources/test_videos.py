"""Folders of videos and tables of who is in them, as people have them."""

from __future__ import annotations

import time
import unicodedata
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.base import ClipRecord
from visavox.corpus.sources.video_names import clip_names
from visavox.corpus.sources.videos import VideosSource
from visavox.errors import ConfigError, DataError
from visavox.registry import SOURCES


def make(root: Path, *names: str, table: str | None = None, table_name: str = "people.csv") -> Path:
    for name in names:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"not looked at")
    if table is not None:
        (root / table_name).write_text(table, encoding="utf-8")
    return root


def records(root: Path, **options: object) -> dict[str, ClipRecord]:
    source = VideosSource(root, **options)  # type: ignore[arg-type]
    found = list(source)
    assert len(source) == len(found)
    assert found == list(source)
    by_name = {record.clip: record for record in found}
    assert len(by_name) == len(found)
    return by_name


def test_videos_are_found_to_any_depth_in_order_and_other_files_are_not(tmp_path: Path) -> None:
    names = ["b.MP4", "a/z.mov", "a/deep/er/1.mkv", "-dash.webm", "two words.mpg", "x.MpEg", "y.avi", "q.m4v"]
    others = ["a/z.jpg", "truth.csv", ".hidden.mp4", ".git/a.mp4", "a/._z.mov", "mp4", "a/.DS_Store"]
    make(tmp_path, *names, *others)
    assert list(records(tmp_path)) == sorted(name.rsplit(".", 1)[0] for name in names)


def test_a_record_is_one_file_for_face_and_voice(tmp_path: Path) -> None:
    (record,) = records(make(tmp_path / "r", "ann/1.mp4")).values()
    assert record == ClipRecord(
        "ann/1",
        face_path=tmp_path / "r/ann/1.mp4",
        voice_path=tmp_path / "r/ann/1.mp4",
        person="ann",
        video="ann/1.mp4",
        face_source="ann/1.mp4",
        voice_source="ann/1.mp4",
    )


def test_equal_names_of_different_kinds_keep_their_endings(tmp_path: Path) -> None:
    make(tmp_path, "p/a.mp4", "p/a.mov", "p/b.mp4", "p/a.mp4.mkv")
    assert sorted(records(tmp_path)) == ["p/a.mov", "p/a.mp4", "p/a.mp4.mkv", "p/b"]


@given(st.sets(st.text("ab./", min_size=1, max_size=4).map(lambda s: f"x{s}".replace("//", "/") + ".mp4"), max_size=8))
def test_clip_names_are_always_unique(names: set[str]) -> None:
    mixed = sorted(names | {name.replace(".mp4", ".mov") for name in names if len(name) % 2})
    named = clip_names(mixed)
    assert list(named) == mixed
    assert len(set(named.values())) == len(mixed)


@pytest.mark.parametrize(
    ("part", "expected"),
    [(1, "world"), (2, "ann"), (-1, "c1"), (-2, "ann"), (0, None), (3, "c1"), (4, None), (-4, None)],
)
def test_a_folder_names_the_person(tmp_path: Path, part: int, expected: str | None) -> None:
    (record,) = records(make(tmp_path, "world/ann/c1/v.mp4"), person_part=part).values()
    assert record.person == expected


def test_a_video_that_lies_in_no_folder_has_no_person(tmp_path: Path) -> None:
    source = VideosSource(make(tmp_path, "a.mp4", "ann/b.mp4"))
    assert [record.person for record in source] == [None, "ann"]
    assert source.stats()["n_people"] == 1
    assert source.stats()["people_from"] == "the first folder below the root"


def test_a_simulated_world_is_read_as_its_table_says(tmp_path: Path) -> None:
    make(
        tmp_path / "world",
        *(f"videos/person-000{i}/person-000{i}-c{c}.mp4" for i in range(2) for c in range(2)),
        "truth.csv",
        "world.json",
        table="video,person,gender,session,nationality,language\n"
        + "".join(
            f"videos/person-000{i}/person-000{i}-c{c}.mp4,person-000{i},{'fm'[i]},s{i},n1,l2\n"
            for i in range(2)
            for c in range(2)
        ),
    )
    source = VideosSource(tmp_path / "world")
    found = list(source)
    assert [r.clip for r in found][:2] == ["videos/person-0000/person-0000-c0", "videos/person-0000/person-0000-c1"]
    assert [r.video for r in found] == [f"{r.clip}.mp4" for r in found]
    assert [r.person for r in found] == ["person-0000"] * 2 + ["person-0001"] * 2
    assert [r.session for r in found] == ["s0", "s0", "s1", "s1"]
    values = {name: attribute.value for name, attribute in found[3].attributes.items()}
    assert values == {"gender": "m", "nationality": "n1", "language": "l2"}
    assert source.stats() == {
        "n_records": 4,
        "n_problems": {},
        "n_people": 2,
        "people_from": "people.csv",
        "n_extra_videos": 0,
        "extra_examples": [],
        "n_links_left_out": 0,
        "unreadable_folders": [],
    }


@pytest.mark.parametrize("column", ["file", "path", "Filename", "clip", "key", "video"])
@pytest.mark.parametrize(
    "cell", ["ann/x/1.mp4", "ann/x/1", "./ann/x/1.mp4", "ann\\x\\1.mp4", "1", "1.mp4", "r/ann/x/1"]
)
def test_a_row_names_its_video_in_many_ways(tmp_path: Path, column: str, cell: str) -> None:
    make(tmp_path / "r", "ann/x/1.mp4", table=f"{column},speaker,Sex\n{cell},Ann,Female\n")
    record = records(tmp_path / "r")["ann/x/1"]
    assert (record.person, record.video, record.problem) == ("Ann", "ann/x/1.mp4", None)
    assert record.attributes["gender"].value == "f"


def test_the_column_of_a_file_can_be_named(tmp_path: Path) -> None:
    make(tmp_path, "1.mp4", table="Datei,Wer\n1.mp4,Ann\n")
    assert records(tmp_path, columns={"clip": "Datei", "person": "Wer"})["1"].person == "Ann"
    with pytest.raises(ConfigError, match=r"has no column 'file', .* It has: Datei, Wer. .*columns=\{'clip': \.\.\.\}"):
        list(VideosSource(tmp_path))


def test_beside_a_file_the_video_is_what_it_was_cut_from(tmp_path: Path) -> None:
    make(tmp_path, "1.mp4", "2.mp4", table="file,video,start\n1.mp4,yt1,3\n2.mp4,yt1,9.5\n")
    found = records(tmp_path)
    assert [(r.video, r.start_s) for r in found.values()] == [("yt1", 3.0), ("yt1", 9.5)]


def test_accents_composed_and_decomposed_are_one_name(tmp_path: Path) -> None:
    decomposed = unicodedata.normalize("NFD", "zoë.mp4")
    make(tmp_path, decomposed, table="file,person\nzoë.mp4,Zoë\n")
    (record,) = records(tmp_path).values()
    assert record.person == "Zoë"
    assert record.problem is None


def test_rows_and_files_without_each_other_are_reported(tmp_path: Path) -> None:
    table = "file,person\nann/1.mp4,Ann\nann/2.mp4,Ann\n"
    source = VideosSource(make(tmp_path / "r", "ann/1.mp4", "bob/3.mp4", "bob/4.mov", table=table))
    good, missing = source
    assert good.problem is None
    assert (missing.clip, missing.person, missing.face_path) == ("ann/2", "Ann", None)
    assert missing.problem == ("missing_file", "people.csv line 3: no video 'ann/2.mp4' in r/")
    assert source.stats()["n_problems"] == {"missing_file": 1}
    assert source.stats()["n_extra_videos"] == 2
    assert source.stats()["extra_examples"] == ["bob/3.mp4", "bob/4.mov"]


def test_a_path_that_is_not_there_is_not_replaced_by_another_of_its_bare_name(tmp_path: Path) -> None:
    make(tmp_path, "test/1.mp4", table="file,person\ntrain/1.mp4,Ann\n")
    (record,) = records(tmp_path).values()
    assert record.problem is not None
    assert record.problem[0] == "missing_file"


@pytest.mark.parametrize("cell", ["1", "1.mp4", "b/1"])
def test_a_name_of_several_videos_is_not_decided(tmp_path: Path, cell: str) -> None:
    make(tmp_path, "a/1.mp4", "b/1.mp4", "b/1.mov", table=f"file,person\n{cell},Ann\n")
    (record,) = records(tmp_path).values()
    assert record.problem is not None
    assert record.problem[0] == "ambiguous_file"
    assert "b/1.mp4" in record.problem[1]


def test_bad_and_doubled_rows_are_rows_with_names_of_their_own(tmp_path: Path) -> None:
    table = "file,person\n1.mp4,Ann\n1,Bob\n,Cid\n2.mp4\n9.mp4,D\n9.mp4,E\n"
    found = records(make(tmp_path, "1.mp4", "2.mp4", table=table))
    problems = {name: record.problem[0] for name, record in found.items() if record.problem}
    assert found["1"].person == "Ann"
    assert problems == {
        "1#line3": "duplicate_key",
        "#line4": "empty_clip_name",
        "2#line5": "malformed_row",
        "9": "missing_file",
        "9#line7": "missing_file",
    }


def test_a_table_without_people_leaves_them_to_the_folders(tmp_path: Path) -> None:
    source = VideosSource(make(tmp_path, "ann/1.mp4", table="file,gender\nann/1.mp4,f\n"))
    (record,) = source
    assert record.person == "ann"
    assert source.stats()["people_from"] == "the first folder below the root"


def test_an_empty_cell_is_a_person_unknown(tmp_path: Path) -> None:
    make(tmp_path, "ann/1.mp4", "ann/2.mp4", table="file,person\nann/1.mp4,\nann/2.mp4,Ann\n")
    assert [record.person for record in records(tmp_path).values()] == [None, "Ann"]


def test_a_table_may_have_another_name_or_lie_elsewhere(tmp_path: Path) -> None:
    root = make(tmp_path / "r", "1.mp4", table="file,person\n1.mp4,Ann\n", table_name="labels.csv")
    make(tmp_path, table="file,person\n1.mp4,Bob\n", table_name="other.csv")
    assert records(root)["1"].person is None
    assert records(root, table="labels.csv")["1"].person == "Ann"
    assert records(root, table=str(tmp_path / "other.csv"))["1"].person == "Bob"
    with pytest.raises(ConfigError, match="There is no table lables.csv in .*r or here"):
        list(VideosSource(root, table="lables.csv"))


def test_a_missing_folder_and_one_without_videos_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="nowhere does not exist. Give a folder with videos"):
        list(VideosSource(tmp_path / "nowhere"))
    make(tmp_path / "r", "a.jpg")
    with pytest.raises(ConfigError, match=r"a\.jpg is no folder but a file\. Give a folder with videos"):
        list(VideosSource(tmp_path / "r" / "a.jpg"))
    with pytest.raises(DataError, match=r"holds no clips: no file in it is named like a video .*another --source") as e:
        list(VideosSource(tmp_path / "r"))
    assert "\n" not in str(e.value)


def test_names_that_are_no_text_can_be_stored(tmp_path: Path) -> None:
    try:
        (tmp_path / "a\udcff.mp4").write_bytes(b"")
    except OSError:
        pytest.skip("this file system takes no such name")
    (record,) = records(tmp_path).values()
    assert record.clip == "a\\udcff"
    assert record.face_path is not None
    assert record.face_path.is_file()


def test_the_settings_name_what_decides_the_records(tmp_path: Path) -> None:
    source = SOURCES.build({"name": "videos", "root": make(tmp_path / "r", "1.mp4"), "person_part": -1})
    assert source.settings() == {"name": "videos", "folder": "r", "columns": {}, "table": "", "person_part": -1}
    assert source.stats() == {}


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        (r"(?P<person>[^_/]+)_", ["ann", "bob", None]),
        (r"(?P<person>[a-z]+)[^/]*$", ["ann", "bob", "cid"]),
        (r"^x/(?P<person>.*)_", ["ann", "bob", None]),
        (r"(?P<person>x*)$", [None, None, None]),
    ],
)
def test_a_pattern_names_the_people(tmp_path: Path, pattern: str, expected: list[str | None]) -> None:
    make(tmp_path, "x/ann_01.mp4", "x/bob_1_2.mp4", "x/cid.mp4")
    source = VideosSource(tmp_path, person_pattern=pattern)
    found = [record.person for record in source]
    assert [person and person.split("_")[0] for person in found] == expected
    assert source.stats()["people_from"] == f"the pattern {pattern}"


@pytest.mark.parametrize(
    ("pattern", "words"), [("(", "must be a regular expression. Got '\\('"), ("(.*)_", "must have a group `person`")]
)
def test_a_pattern_that_is_none_is_one_line(tmp_path: Path, pattern: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words) as error:
        list(VideosSource(make(tmp_path, "a.mp4"), person_pattern=pattern))
    assert "\n" not in str(error.value)


def test_rows_with_times_are_parts_of_their_video(tmp_path: Path) -> None:
    table = "file,person,start,end\na.mp4,Ann,0,2.5\na.mp4,Bob,2.5,4\na.mp4,Cid,,\nb.mp4,Dan,1,\nb.mp4,Eve,,2\n"
    found = records(make(tmp_path, "a.mp4", "b.mp4", table=table))
    assert {name: (r.person, r.start_s, r.end_s, r.is_whole_video, r.video) for name, r in found.items()} == {
        "a_0_2500": ("Ann", 0.0, 2.5, True, "a.mp4"),
        "a_2500_4000": ("Bob", 2.5, 4.0, True, "a.mp4"),
        "a": ("Cid", None, None, False, "a.mp4"),
        "b_1000_end": ("Dan", 1.0, None, True, "b.mp4"),
        "b_0_2000": ("Eve", None, 2.0, True, "b.mp4"),
    }


def test_only_an_equal_part_is_a_duplicate_and_an_empty_one_is_no_part(tmp_path: Path) -> None:
    table = "file,start,end\na.mp4,1,2\na.mp4,1.0,2\na,1,3\na,2,2\na,3,1\n"
    found = records(make(tmp_path, "a.mp4", table=table))
    assert {name: record.problem and record.problem[0] for name, record in found.items()} == {
        "a_1000_2000": None,
        "a#line3": "duplicate_key",
        "a_1000_3000": None,
        "a#line5": "invalid_time",
        "a#line6": "invalid_time",
    }


@pytest.mark.parametrize(
    ("rows", "times", "is_part"),
    [
        (["a.mp4,yt1,3,5", "b.mp4,yt1,9,12"], "", False),
        (["a.mp4,yt1,3,5", "b.mp4,yt1,9,12"], "file", True),
        (["a.mp4,yt1,3,5", "a.mp4,yt1,9,12"], "", True),
    ],
)
def test_beside_a_source_times_are_of_the_source_unless_a_file_is_there_twice(
    tmp_path: Path, rows: list[str], times: str, is_part: bool
) -> None:
    make(tmp_path, "a.mp4", "b.mp4", table="\n".join(["file,video,start,end", *rows]) + "\n")
    found = records(tmp_path, times=times)
    assert [record.is_whole_video for record in found.values()] == [is_part] * 2
    assert ["_" in name for name in found] == [is_part] * 2
    with pytest.raises(ConfigError, match="`times` must be 'file', 'source' or ''. Got 'x'"):
        list(VideosSource(tmp_path, times="x"))


def test_a_table_of_people_tells_of_all_their_videos(tmp_path: Path) -> None:
    make(tmp_path, "ann/1.mp4", "ann/2.mp4", "bob/1.mp4", table="speaker,Sex,shoe\nann,Female,38\n")
    source = VideosSource(tmp_path)
    found = list(source)
    assert len(source) == 3
    assert [(r.clip, r.person, {k: a.value for k, a in r.attributes.items()}) for r in found] == [
        ("ann/1", "ann", {"gender": "f", "shoe": "38"}),
        ("ann/2", "ann", {"gender": "f", "shoe": "38"}),
        ("bob/1", "bob", {}),
    ]
    assert source.stats()["people_from"] == "the first folder below the root"
    assert source.stats()["n_extra_videos"] == 0


def test_a_link_to_a_video_that_is_there_is_left_out_and_counted(tmp_path: Path) -> None:
    make(tmp_path / "r", "b/1.mp4")
    make(tmp_path / "elsewhere", "2.mp4")
    (tmp_path / "r/a").mkdir()
    (tmp_path / "r/a/same.mp4").symlink_to(tmp_path / "r/b/1.mp4")
    (tmp_path / "r/a/other.mp4").symlink_to(tmp_path / "elsewhere/2.mp4")
    (tmp_path / "r/a/third.mp4").symlink_to(tmp_path / "elsewhere/2.mp4")
    (tmp_path / "r/a/dead.mp4").symlink_to(tmp_path / "nowhere.mp4")
    (tmp_path / "r/loop").symlink_to(tmp_path / "r")
    assert list(records(tmp_path / "r")) == ["a/dead", "a/other", "b/1"]
    source = VideosSource(tmp_path / "r")
    list(source)
    assert (source.stats()["n_links_left_out"], source.stats()["n_extra_videos"]) == (2, 0)
    make(tmp_path / "r", table="file,person\na/same.mp4,Ann\n")
    assert records(tmp_path / "r")["a/same"].person == "Ann"


def test_names_with_quotes_and_line_ends_are_names(tmp_path: Path) -> None:
    names = ['it\'s "so".mp4', "two\nlines.mp4", " lead.mp4", "名前/é ü.mov", "$(rm -rf x).mp4"]
    make(tmp_path, *names)
    assert sorted(records(tmp_path)) == sorted(name.rsplit(".", 1)[0] for name in names)


@pytest.mark.parametrize("seconds", ["1e306", "-1e306"])
def test_a_time_beyond_all_videos_is_a_row_and_ends_no_run(seconds: str, tmp_path: Path) -> None:
    """Its milliseconds, which name the clip, are no number: the OverflowError ended the run."""
    found = records(make(tmp_path, "a.mp4", table=f"file,start,end\na,{seconds},1e307\na,0,1\n"))
    assert [record.problem and record.problem[0] for record in found.values()] == ["invalid_time", None]


def test_a_row_that_failed_is_named_without_a_look_at_all_the_others(tmp_path: Path) -> None:
    """Each failed row made a set of all names before it: 20,000 took 3 s, a million would have taken two hours."""
    n_rows = 4_000
    root = make(tmp_path, "a.mp4", table="file\n" + "".join(f"{number}\n" for number in range(n_rows)))
    began = time.process_time()
    assert sum(record.problem is not None for record in VideosSource(root)) == n_rows
    few_s, began = time.process_time() - began, time.process_time()
    (root / "people.csv").write_text("file\n" + "".join(f"{number}\n" for number in range(8 * n_rows)))
    assert sum(record.problem is not None for record in VideosSource(root)) == 8 * n_rows
    assert time.process_time() - began < 16 * few_s
