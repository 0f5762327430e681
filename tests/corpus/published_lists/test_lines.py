"""List files as rows of words: what is accepted, and what is wrong by line."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from visavox.corpus.published_lists.lines import coded, read_rows, read_text
from visavox.errors import DataError

Put = Callable[[str, str | bytes], Path]


@pytest.mark.parametrize(
    "content",
    [
        b"a b\nc d\n",
        b"a b\nc d",
        b"a b\r\nc d\r\n",
        b"\xef\xbb\xbfa b\nc d\n",
        b"a b  \t\nc\td \n",
        b"  a b\nc d\n\n  \n",
    ],
)
def test_line_ends_marks_and_blanks_make_no_difference(content: bytes, put: Put) -> None:
    rows = read_rows(put("x.txt", content))
    assert rows.words == [["a", "b"], ["c", "d"]]
    assert rows.lines.tolist() == [1, 2]


def test_lines_after_blank_ones_keep_their_numbers(put: Put) -> None:
    """Editors count blank lines, so the messages must."""
    assert read_rows(put("x.txt", "\n\na b\r\n\r\nc d\n")).lines.tolist() == [3, 5]


def test_a_separator_keeps_blanks_and_empty_cells(put: Put) -> None:
    rows = read_rows(put("x.csv", "a b, c,\n\nd,,e\r\n"), ",")
    assert rows.words == [["a b", "c", ""], ["d", "", "e"]]
    assert rows.lines.tolist() == [1, 3]


def test_only_line_feeds_end_a_line(put: Put) -> None:
    """`str.splitlines` would also cut at U+2028, which a file name may hold."""
    rows = read_rows(put("x.csv", "a\u2028b,c\n"), ",")
    assert rows.words == [["a\u2028b", "c"]]


def test_rows_of_another_width_are_named(put: Put) -> None:
    rows = read_rows(put("x.txt", "a b\n\nc d e\n"))
    message = r"x.txt line 3: must have 2 words, like the first line: P C. Got 3: 'c d e'. Mend the line."
    with pytest.raises(DataError, match=message):
        rows.check_widths([2], "P C")
    assert read_rows(put("x.txt", "a b c\nd e f\n")).check_widths([2, 3], "P C") == 3


def test_a_first_line_of_a_wrong_width_says_what_is_allowed(put: Put) -> None:
    with pytest.raises(DataError, match=r"line 1: must have 3 or 4 words: K V F. Got 2: 'a b'"):
        read_rows(put("x.txt", "a b\nc d e\n")).check_widths([3, 4], "K V F")


def test_control_codes_and_long_lines_stay_one_short_line(put: Put) -> None:
    with pytest.raises(DataError) as caught:
        read_rows(put("x.txt", "a\x07" + "b" * 500 + "\n")).check_widths([2], "P C")
    assert "\x07" not in str(caught.value)
    assert "\\\\x07" in str(caught.value)
    assert len(str(caught.value)) < 250 + len(str(put("x.txt", "")))


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", r"x.txt line 1: the file is empty. Fetch the list again, or remove"),
        (b" \r\n\n", r"x.txt line 1: the file is empty"),
        (b"\xef\xbb\xbf", r"x.txt line 1: the file is empty"),
        (b"a b\nc\0d\n", r"x.txt line 2: holds a zero byte, so this is no text. Give the list as UTF-8 text"),
        (b"a b\nc d\n\xff e\n", r"x.txt line 3: byte 0xff is not UTF-8. Save the list as UTF-8 text"),
    ],
)
def test_what_is_no_text_is_refused_by_its_line(content: bytes, message: str, put: Put) -> None:
    with pytest.raises(DataError, match=message):
        read_text(put("x.txt", content))


def test_a_file_that_cannot_be_read_is_one_line(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"cannot be read \(Is a directory\). Give a list that can."):
        read_text(tmp_path)
    with pytest.raises(DataError, match="No such file"):
        read_text(tmp_path / "none.txt")


def test_codes_follow_the_first_appearance() -> None:
    names, rows = coded(iter(["b", "a", "b", "c"]))
    assert names == ("b", "a", "c")
    assert rows.tolist() == [0, 1, 0, 2]
    assert rows.dtype == "int64"
    assert coded([])[0] == ()
