"""The source "avspeech" on small lists, on a long one, and on the real rows."""

from __future__ import annotations

import os
import tracemalloc
from itertools import islice
from pathlib import Path
from typing import Any

import pytest

from visavox.corpus.sources.avspeech import AvspeechSource
from visavox.corpus.sources.base import ClipRecord
from visavox.errors import ConfigError

ROW = "-abcdEFGH12,30.03,36.745,0.744531,0.211111\n"


def write(tmp_path: Path, text: str, name: str = "avspeech_test.csv") -> Path:
    (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path / name


def records(root: Path, **options: Any) -> list[ClipRecord]:
    source = AvspeechSource(root, **options)
    found = list(source)
    assert len(source) == len(found) == len({record.clip for record in found})
    assert list(source) == found
    return found


def test_a_row_is_a_part_of_a_video_at_youtube(tmp_path: Path) -> None:
    (record,) = records(write(tmp_path, ROW))
    assert record.speaker is not None
    assert record.speaker.at(0.5, width_px=1000, height_px=100) == pytest.approx((744.531, 21.1111))
    assert (record.clip, record.video, record.person) == ("-abcdEFGH12_30030_36745", "-abcdEFGH12", None)
    assert (record.address, record.face_path, record.voice_path) == ("youtube:-abcdEFGH12", None, None)
    assert (record.start_s, record.end_s, record.is_whole_video, record.problem) == (30.03, 36.745, True, None)


def test_the_name_of_a_clip_does_not_depend_on_where_its_row_stands(tmp_path: Path) -> None:
    first = {record.clip for record in records(write(tmp_path, "a,1,2,0.5,0.5\nb,1.001,4,0.5,0.5\n"))}
    second = {
        record.clip for record in records(write(tmp_path, "c,1,2,0.5,0.5\nb,1.0010,4.0,0.1,0.5\na,1,2,0.5,0.5\n"))
    }
    assert first == {"a_1000_2000", "b_1001_4000"}
    assert first < second


def test_the_same_segment_again_is_a_row_of_its_own(tmp_path: Path) -> None:
    found = records(write(tmp_path, "a,1,2,0.5,0.5\nb,1,2,0.5,0.5\na,1.0,2,0.4,0.5\na,1,3,0.5,0.5\n"))
    assert [record.clip for record in found] == ["a_1000_2000", "b_1000_2000", "a_1000_2000#line3", "a_1000_3000"]
    assert found[2].problem == (
        "duplicate_key",
        "avspeech_test.csv line 3: the segment 'a_1000_2000' is in an earlier line too",
    )
    assert (found[2].address, found[2].video) == ("", "a")


def test_bad_rows_are_rows_and_are_counted(tmp_path: Path) -> None:
    text = ROW + "\nbroken\nv,5,4,0.5,0.5\nv,5,4,0.5,0.5\nv,4,5,2,0.5\n"
    source = AvspeechSource(write(tmp_path, text))
    found = list(source)
    assert [record.clip for record in found[1:]] == ["broken#line3", "v#line4", "v#line5", "v#line6"]
    assert found[1].problem == ("malformed_row", "avspeech_test.csv line 3: has 1 cells, not 5")
    assert source.stats() == {
        "n_records": 5,
        "n_problems": {"invalid_place": 1, "invalid_time": 2, "malformed_row": 1},
        "list": "avspeech_test.csv",
        "layout": "no header, columns video, start_s, end_s, x, y of 5",
    }


def test_videos_may_lie_in_a_folder(tmp_path: Path) -> None:
    path = write(tmp_path, ROW + "gone,1,2,0.5,0.5\n")
    (tmp_path / "downloads").mkdir()
    (tmp_path / "downloads" / "-abcdEFGH12.mkv").write_bytes(b"")
    good, missing = records(path, media="downloads")
    assert good.face_path == good.voice_path == tmp_path / "downloads/-abcdEFGH12.mkv"
    assert (good.face_source, good.address, good.is_whole_video) == ("downloads/-abcdEFGH12.mkv", "", True)
    assert missing.problem == ("missing_file", "avspeech_test.csv line 2: no video 'gone' in downloads/")
    assert (missing.video, missing.start_s) == ("gone", 1.0)


def test_videos_may_lie_at_an_address(tmp_path: Path) -> None:
    (record,) = records(write(tmp_path, "a/b c,1,2,0.5,0.5\n"), media="http://127.0.0.1:8000/{video}.mp4")
    assert record.address == record.face_source == "http://127.0.0.1:8000/a%2Fb%20c.mp4"
    with pytest.raises(ConfigError, match="must hold {video}"):
        next(iter(AvspeechSource(tmp_path / "avspeech_test.csv", media="http://h/")))


def test_a_header_may_name_people_and_more(tmp_path: Path) -> None:
    (record,) = records(write(tmp_path, "id,start,end,x,y,speaker,session,lang\nv,1,2,0.5,0.5,Ann,s1,en\n"))
    assert (record.person, record.session, record.attributes["language"].value) == ("Ann", "s1", "en")


def test_the_list_is_found_in_its_folder_or_named(tmp_path: Path) -> None:
    write(tmp_path, ROW)
    write(tmp_path, "x,1,2,0.5,0.5\n", "other.csv")
    assert len(records(tmp_path)) == 1
    assert records(tmp_path, table="other.csv")[0].video == "x"
    assert records(tmp_path, table=str(tmp_path / "other.csv"))[0].video == "x"
    write(tmp_path, ROW, "AVSpeech_train.csv")
    with pytest.raises(
        ConfigError, match=r"must hold one list avspeech\*.csv. It holds: AVSpeech_train.csv, avspeech_t"
    ):
        list(AvspeechSource(tmp_path))
    with pytest.raises(ConfigError, match="There is no list .*nowhere"):
        list(AvspeechSource(tmp_path / "nowhere"))
    with pytest.raises(ConfigError, match="There is no list gone.csv in"):
        len(AvspeechSource(tmp_path, table="gone.csv"))


def test_a_long_list_is_read_lazily_in_flat_memory(tmp_path: Path) -> None:
    text = "".join(f"v{i:010d},{i % 300}.5,{i % 300 + 4}.25,0.5,0.25\n" for i in range(25_000))
    source = AvspeechSource(write(tmp_path, text))
    del text
    tracemalloc.start()
    iterator = iter(source)
    list(islice(iterator, 2_000))
    before, _ = tracemalloc.get_traced_memory()
    for record in islice(iterator, 20_000):
        assert record.problem is None
    after, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert after - before < 12 * 20_000 + 100_000  # the hashes of the names
    assert peak - before < 4_000_000


@pytest.mark.skipif("VISAVOX_DATA" not in os.environ, reason="needs VISAVOX_DATA")
def test_the_real_rows_are_read() -> None:
    found = records(Path(os.environ["VISAVOX_DATA"]) / "lists")
    assert len(found) == 500
    # One real row places the face outside the picture.
    assert [record.problem[0] for record in found if record.problem] == ["invalid_place"]
    assert sum(record.speaker is not None for record in found) == 499
    assert sum(record.clip.startswith("-") for record in found) > 0


def test_a_time_beyond_all_videos_is_a_row_and_ends_no_run(tmp_path: Path) -> None:
    """1e306 s is a finite number, and its milliseconds, which name the clip, are none: the OverflowError ended the
    run.
    """
    path = tmp_path / "avspeech.csv"
    path.write_text("abcdefghijk,1,2,0.5,0.5\nabcdefghijk,1e306,1e307,0.5,0.5\nabcdefghijl,1,2,0.5,0.5\n")
    problems = {record.clip: record.problem and record.problem[0] for record in AvspeechSource(path)}
    assert problems == {
        "abcdefghijk_1000_2000": None,
        "abcdefghijk#line2": "invalid_time",
        "abcdefghijl_1000_2000": None,
    }
