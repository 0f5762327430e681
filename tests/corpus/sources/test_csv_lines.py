"""Rows of CSV files, broken ones among them, against the csv module where nothing is broken."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.csv_lines import UNENDING, read_lines, wrong_byte
from visavox.errors import DataError

CELLS = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\x00"), min_size=1, max_size=5)


@given(st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=6), st.sampled_from(",;\t"))
def test_what_the_csv_module_writes_is_read_back(
    tmp_path_factory: pytest.TempPathFactory, rows: list[tuple[str, str]], delimiter: str
) -> None:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL).writerows(rows)
    path = tmp_path_factory.mktemp("csv") / "t.csv"
    path.write_bytes(text.getvalue().encode("utf-8"))
    found = list(read_lines(path, delimiter, 2))
    assert [tuple(cells) for _, cells, _ in found] == [row for row in rows if any(cell.strip() for cell in row)]
    assert not any(wrong for _, _, wrong in found)


def test_an_unending_quote_hides_no_row_whatever_comes_after(tmp_path: Path) -> None:
    path = tmp_path / "t.csv"
    path.write_text('h,i\na,"b\n"c\nd",e\nf,"g\nj,k\n')
    found = list(read_lines(path, ",", 2))
    # The quote of the second line ends at that of the third, which is not at the end of a cell.
    assert [(line, wrong) for line, _, wrong in found] == [(1, ""), (2, UNENDING), (3, ""), (5, UNENDING), (6, "")]
    assert found[2][1] == ["c\nd", "e"]


def test_without_a_number_of_cells_a_broken_quote_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.csv").write_text('a,"b\nc,d\n')
    with pytest.raises(DataError, match="line 1 is no CSV: it has a quote that never ends"):
        list(read_lines(tmp_path / "t.csv", ","))


def test_bytes_that_are_no_utf_8_are_told() -> None:
    assert wrong_byte([b"a\xfc".decode("utf-8", "surrogateescape"), "ü"]) == "0xfc"
    assert wrong_byte(["ü", ""]) == ""
