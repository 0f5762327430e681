"""Rows of AVSpeech's lists in every layout, and what is wrong with bad ones."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.avspeech_rows import Layout, count_rows, find_layout, read_segments, segment_of
from visavox.errors import ConfigError, DataError

OFFICIAL = Layout({"video": 0, "start_s": 1, "end_s": 2, "x": 3, "y": 4}, 5, has_header=False)


def write(tmp_path: Path, text: str | bytes) -> Path:
    path = tmp_path / "avspeech.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return path


@pytest.mark.parametrize(
    "header",
    [
        "",
        "YouTube ID,start segment,end segment,X coordinate,Y coordinate",
        "YouTubeID,startSegment,endSegment,Xcoordinate,Ycoordinate",
        "id,start,end,x,y",
        "youtube_id,start_s,end_s,x,y",
    ],
)
@pytest.mark.parametrize("index", [False, True])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_layout_reads_alike(header: str, index: bool, bom: str, end: str, tmp_path: Path) -> None:
    lines = [header, "-abcdefghij,3.5,6.25,0.25,0.5", "12345678901,0,3,0,1"]
    if index:
        lines = [f"{number if number >= 0 else ''},{line}" for number, line in enumerate(lines, start=-1)]
    path = write(tmp_path, bom + end.join(lines if header else lines[1:]) + end)
    layout = find_layout(path, {})
    found = list(read_segments(path, layout))
    assert [(row.video, row.start_s, row.end_s, row.x, row.y, row.problem) for row in found] == [
        ("-abcdefghij", 3.5, 6.25, 0.25, 0.5, None),
        ("12345678901", 0.0, 3.0, 0.0, 1.0, None),
    ]
    assert count_rows(path, layout) == 2
    assert layout.has_header == bool(header)


def test_columns_may_come_in_any_order_and_others_become_attributes(tmp_path: Path) -> None:
    path = write(tmp_path, "y,Speaker,end,note,start,id,x,sex\n0.5,Ann,6,hi,3,v,0.25,F\n")
    (row,) = read_segments(path, find_layout(path, {}))
    assert (row.video, row.start_s, row.end_s, row.x, row.y) == ("v", 3.0, 6.0, 0.25, 0.5)
    assert row.fields is not None
    assert row.fields["person"] == "Ann"
    assert row.attributes == {"note": "hi", "gender": "f"}


def test_a_list_may_have_no_places(tmp_path: Path) -> None:
    path = write(tmp_path, "id,start,end\nv,3,6\n")
    (row,) = read_segments(path, find_layout(path, {}))
    assert (row.x, row.y, row.problem) == (None, None, None)


def test_columns_can_be_named_and_what_is_not_there_is_one_line(tmp_path: Path) -> None:
    path = write(tmp_path, "Film,von,bis\nv,3,6\n")
    named = {"video": "Film", "start_s": "von", "end_s": "bis"}
    assert [row.video for row in read_segments(path, find_layout(path, named))] == ["v"]
    with pytest.raises(
        ConfigError, match="has no column 'Filme', which `columns` gives for 'video'. It has: Film, von"
    ):
        find_layout(path, {"video": "Filme"})
    with pytest.raises(ConfigError, match="knows no field 'film'"):
        find_layout(path, {"film": "Film"})
    with pytest.raises(ConfigError, match="needs a list with a header"):
        find_layout(write(tmp_path, "v,3,6,0.5,0.5\n"), {"video": "id"})


@pytest.mark.parametrize(
    ("line", "status", "words"),
    [
        ("v,3,6,0.5", "malformed_row", "has 4 cells, not 5"),
        ("v,3,6,0.5,0.5,junk", "malformed_row", "has 6 cells, not 5"),
        (",3,6,0.5,0.5", "empty_clip_name", "the id is empty"),
        ("v,,6,0.5,0.5", "invalid_time", "must be seconds. Got '' and '6'"),
        ("v,1:20,6,0.5,0.5", "invalid_time", "must be seconds"),
        ("v,6,3,0.5,0.5", "invalid_time", "must end after it starts. Got 6 to 3"),
        ("v,3,3,0.5,0.5", "invalid_time", "must end after it starts"),
        ("v,-1,3,0.5,0.5", "invalid_time", "must start at 0 s or later and end some time"),
        ("v,3,inf,0.5,0.5", "invalid_time", "must start at 0 s or later and end some time"),
        ("v,nan,3,0.5,0.5", "invalid_time", "must start at 0 s or later and end some time"),
        ("v,3,6,1.01,0.5", "invalid_place", "parts of the picture, 0 to 1. Got '1.01' and '0.5'"),
        ("v,3,6,0.5,-0.1", "invalid_place", "parts of the picture"),
        ("v,3,6,nan,0.5", "invalid_place", "parts of the picture"),
        ("v,3,6,left,0.5", "invalid_place", "parts of the picture"),
        ("v\udcfc,3,6,0.5,0.5", "malformed_row", "no UTF-8 text (byte 0xfc)"),
    ],
)
def test_a_bad_row_says_what_is_wrong(line: str, status: str, words: str) -> None:
    row = segment_of(3, line, OFFICIAL)
    assert row.problem is not None
    assert row.problem[0] == status
    assert words in row.problem[1]
    row.video.encode("utf-8")


@pytest.mark.parametrize("video", ["-abc", "=1+1", "12345678901", "1e5", "@a", "+x", "a b"])
@pytest.mark.parametrize("quote", ["", '"'])
def test_ids_that_other_tools_trip_over_are_read(video: str, quote: str) -> None:
    row = segment_of(1, f"{quote}{video}{quote},3,6,0.5,0.5", OFFICIAL)
    assert (row.video, row.problem) == (video, None)


def test_empty_places_are_none() -> None:
    row = segment_of(1, "v,3,6,,", OFFICIAL)
    assert (row.x, row.problem) == (None, None)


@given(st.text(st.characters(blacklist_characters="\n\r", blacklist_categories=["Cs"]), max_size=30))
def test_no_line_is_too_odd(line: str) -> None:
    row = segment_of(1, line, OFFICIAL)
    assert row.problem is not None or 0 <= row.start_s < row.end_s


def test_a_broken_row_in_the_middle_hides_none(tmp_path: Path) -> None:
    path = write(tmp_path, b'a,1,2,0.5,0.5\n"b,1,2,0.5,0.5\n\nc,\xff,2\nd,1,2,0.5,0.5\n')
    layout = find_layout(path, {})
    found = list(read_segments(path, layout))
    assert [(row.line, row.problem is None) for row in found] == [(1, True), (2, False), (4, False), (5, True)]
    assert count_rows(path, layout) == 4


def test_a_broken_first_row_does_not_decide(tmp_path: Path) -> None:
    path = write(tmp_path, "a,1\nb,9,2,0.5,0.5\nc,1,2,0.5,0.5\n")
    assert find_layout(path, {}) == OFFICIAL


def test_what_is_no_list_is_one_line(tmp_path: Path) -> None:
    for text in ("", "hello\n", "a,b,c,d,e\n"):
        with pytest.raises(ConfigError, match="is no list of AVSpeech: none of its first lines is ID,START,END,X,Y"):
            find_layout(write(tmp_path, text), {})
    with pytest.raises(DataError, match="must be UTF-8 text. It holds zero bytes"):
        find_layout(write(tmp_path, "a,1,2,0.5,0.5\n".encode("utf-16")), {})
    with pytest.raises(DataError, match="cannot be read"):
        find_layout(tmp_path, {})


@pytest.mark.parametrize("index", ["", ","])
def test_the_numbers_that_a_data_frame_without_names_is_saved_with_are_a_header(tmp_path: Path, index: str) -> None:
    path = tmp_path / "list.csv"
    path.write_text(f"{index}0,1,2,3,4\n{index and '0,'}-abc,30.03,36.7,0.5,0.25\n")
    layout = find_layout(path, {})
    assert layout.has_header
    assert count_rows(path, layout) == 1
    assert list(read_segments(path, layout)) == [(2, "-abc", 30.03, 36.7, 0.5, 0.25, None, None, None)]
