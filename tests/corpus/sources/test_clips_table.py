"""clips.csv as people write it: encodings, line ends, delimiters, aliases, and rows that are wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.corpus.sources.clips_table import ClipRow, count_rows, read_rows, read_table
from visavox.errors import ConfigError, DataError


def write(tmp_path: Path, content: str | bytes) -> Path:
    path = tmp_path / "clips.csv"
    path.write_bytes(content.encode("utf-8") if isinstance(content, str) else content)
    return path


def rows(tmp_path: Path, content: str | bytes, columns: dict[str, str] | None = None) -> list[ClipRow]:
    table = read_table(write(tmp_path, content), columns)
    found = list(read_rows(table))
    assert count_rows(table) == len(found)
    return found


@pytest.mark.parametrize("bom", ["", "\ufeff"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("last", ["", "END", "ENDEND"])
def test_every_dialect_reads_alike(bom: str, end: str, delimiter: str, last: str, tmp_path: Path) -> None:
    lines = [["clip", "person", "age"], ["a", "Ann", "31"], ["b", "Bob", ""]]
    content = bom + end.join(delimiter.join(cells) for cells in lines) + last.replace("END", end)
    first, second = rows(tmp_path, content)
    assert first == ClipRow(2, "a", person="Ann", attributes={"age": "31"})
    assert second == ClipRow(3, "b", person="Bob")


def test_known_columns_are_found_whatever_their_capitals(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "Clip_ID,SPEAKER,youtube_id,Session,start,End_Time,Sex,country,lang\na,A,v,1,2,3,M,NZ,en\n")
    assert row == ClipRow(
        2,
        "a",
        person="A",
        video="v",
        session="1",
        start_s=2.0,
        end_s=3.0,
        attributes={"gender": "m", "nationality": "NZ", "language": "en"},
    )


def test_of_two_columns_for_one_field_the_first_alias_counts_and_the_other_is_an_attribute(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "clip,speaker,person\na,S,P\n")
    assert row.person == "P"
    assert row.attributes == {"speaker": "S"}


def test_other_columns_become_attributes_and_empty_cells_none(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "clip,shot,voice_s,Note\na,f16,7.0,  \n")
    assert row.attributes == {"shot": "f16", "voice_s": "7.0"}


@pytest.mark.parametrize(
    ("given", "expected"),
    [("m", "m"), ("Male", "m"), ("MAN", "m"), ("f", "f"), ("female", "f"), ("Woman", "f"), ("nonbinary", "nonbinary")],
)
def test_genders_are_written_one_way(given: str, expected: str, tmp_path: Path) -> None:
    (row,) = rows(tmp_path, f"clip,gender\na,{given}\n")
    assert row.attributes["gender"] == expected


def test_columns_can_be_named(tmp_path: Path) -> None:
    content = "Datei,Wer,clip\na,Ann,x\n"
    (row,) = rows(tmp_path, content, {"clip": "Datei", "person": "Wer"})
    assert (row.clip, row.person, row.attributes) == ("a", "Ann", {})


def test_a_named_column_is_not_used_twice(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, "clip,person\na,Ann\n", {"video": "person"})
    assert (row.video, row.person) == ("Ann", None)


def test_a_missing_clip_column_names_file_columns_and_remedy(tmp_path: Path) -> None:
    path = write(tmp_path, "name,person\na,Ann\n")
    with pytest.raises(
        ConfigError, match=r"has no column 'clip', .* It has: name, person. .*columns=\{'clip'"
    ) as caught:
        read_table(path)
    assert str(path) in str(caught.value)


def test_a_named_column_that_is_missing_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "clip,person\na,Ann\n")
    with pytest.raises(ConfigError, match=r"no column 'who', which `columns` gives for 'person'. It has: clip, person"):
        read_table(path, {"person": "who"})


def test_an_unknown_field_is_an_error_with_the_nearest(tmp_path: Path) -> None:
    path = write(tmp_path, "clip,person\na,Ann\n")
    with pytest.raises(ConfigError, match=r"knows no field 'persn'. Did you mean 'person'\? Fields: clip, person"):
        read_table(path, {"persn": "person"})


def test_a_column_twice_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="has the column 'person' twice"):
        read_table(write(tmp_path, "clip,person,person\n"))


@pytest.mark.parametrize("content", ["", "\n\n", "\ufeff"])
def test_an_empty_table_is_an_error(content: str, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"is empty. Its first line must name the columns"):
        read_table(write(tmp_path, content))


def test_a_header_alone_has_no_rows(tmp_path: Path) -> None:
    assert rows(tmp_path, "clip,person\n") == []


@pytest.mark.parametrize(
    ("line", "status", "said"),
    [
        ("a,1", "malformed_row", "line 2: has 2 cells, the header has 3 columns"),
        ("a,1,2,3", "malformed_row", "line 2: has 4 cells"),
        (",1,2", "empty_clip_name", "line 2: the cell of the clip name is empty"),
        ("  ,1,2", "empty_clip_name", "is empty"),
        ("a,soon,2", "invalid_time", "start_s of 'a' must be a number of seconds. Got 'soon'"),
        ("a,1,nan", "invalid_time", "end_s of 'a' must be a number of seconds. Got 'nan'"),
        ("a,1,inf", "invalid_time", "Got 'inf'"),
        ("a,3,2", "invalid_time", "'a' ends before it starts (3 s to 2 s)"),
    ],
)
def test_a_wrong_row_is_a_row_with_a_reason(line: str, status: str, said: str, tmp_path: Path) -> None:
    wrong, good = rows(tmp_path, f"clip,start_s,end_s\n{line}\nb,1,1\n")
    assert wrong.problem is not None
    assert wrong.problem[0] == status
    assert said in wrong.problem[1]
    assert good == ClipRow(3, "b", start_s=1.0, end_s=1.0)


def test_line_numbers_count_line_breaks_inside_quotes_and_blank_lines(tmp_path: Path) -> None:
    found = rows(tmp_path, 'clip,note\n"a","two\nlines"\n\n\nb,x\n')
    assert [(row.clip, row.line) for row in found] == [("a", 2), ("b", 6)]
    assert found[0].attributes == {"note": "two\nlines"}


def test_names_that_other_tools_trip_over_are_read(tmp_path: Path) -> None:
    names = ["-rf", "two words", "a,b", "../x", "名前", "x\x00y"]
    content = "clip\n" + "".join(f'"{name}"\n' for name in names)
    assert [row.clip for row in rows(tmp_path, content)] == names


def test_a_header_in_another_encoding_is_an_error_with_the_byte(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"must be UTF-8 text. Got byte 0xfc. Save it as UTF-8"):
        read_table(write(tmp_path, b"clip,\xfc\n"))


def test_a_row_in_another_encoding_is_a_row_with_a_problem(tmp_path: Path) -> None:
    bad, good = rows(tmp_path, b"clip,person\n\xfc,M\xfcller\nb,Bob\n")
    assert bad.problem == ("malformed_row", "clips.csv line 2: is no UTF-8 text (byte 0xfc)")
    assert bad.clip == "\\udcfc"
    assert good == ClipRow(3, "b", person="Bob")


@pytest.mark.parametrize("broken", ['x,"Ann', '"x,Ann', 'x,"A"nn"', '"' + "x" * 1_100_000])
@pytest.mark.parametrize("after", [0, 1, 3])
def test_a_broken_quote_is_one_row_and_hides_none(broken: str, after: int, tmp_path: Path) -> None:
    good = [f"g{i},Bob" for i in range(after)]
    found = rows(tmp_path, "\n".join(["clip,person", "a,Ann", broken, *good]) + "\n")
    assert [(row.clip, row.line) for row in found if not row.problem] == [
        ("a", 2), *((f"g{i}", 4 + i) for i in range(after))
    ]  # fmt: skip
    (bad,) = [row for row in found if row.problem]
    assert (bad.line, bad.problem and bad.problem[0]) == (3, "malformed_row")


def test_two_stray_quotes_do_not_join_their_rows(tmp_path: Path) -> None:
    """A reader that is not strict takes these four rows for one, with the right number of cells."""
    found = rows(tmp_path, 'clip,person\na,"Ann\nb,Bob\nc,Cid\nd,"Dan\n')
    assert [row.clip for row in found] == ["a", "b", "c", "d"]
    assert [row.problem is None for row in found] == [False, True, True, False]


def test_a_quote_in_the_middle_of_a_cell_stays(tmp_path: Path) -> None:
    (row,) = rows(tmp_path, 'clip,note\na,5" screen\n')
    assert row.attributes == {"note": '5" screen'}


def test_a_header_with_a_broken_quote_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"line 1 is no CSV: it has a quote that never ends. Check its quotes"):
        read_table(write(tmp_path, 'clip,"person\na,Ann\n'))


def test_a_table_that_cannot_be_opened_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "clips.csv").mkdir()
    with pytest.raises(DataError, match="cannot be read"):
        read_table(tmp_path / "clips.csv")
