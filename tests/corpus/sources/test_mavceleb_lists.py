"""Lists of MAV-Celeb in the forms of each challenge."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from visavox.corpus.sources.mavceleb_lists import ListRow, parse_line, place_of, read_list
from visavox.errors import ConfigError, DataError


def rows(tmp_path: Path, text: str | bytes) -> list[ListRow]:
    path = tmp_path / "list.txt"
    path.write_bytes(text if isinstance(text, bytes) else text.encode("utf-8"))
    return list(read_list(path))


@pytest.mark.parametrize(
    ("text", "key", "person", "is_one_person"),
    [
        ("id01/English/v/0.wav id01/English/v/1.jpg", "", None, False),
        ("id0001/English/v/0.wav id0001/English/v/1.jpg", "", "id0001", True),
        ("id0001/English/v/0.wav id0002/English/v/1.jpg", "", None, False),
        ("k voices/English/0.wav faces/English/0.jpg", "k", None, False),
        ("k 1 voices/English/id028/0.wav faces/English/id028/0.jpg id028 61", "k", "id028", True),
        ("k 0 voices/English/id028/0.wav faces/English/id028/0.jpg id028 61", "k", "id028", False),
        ("k,1,voices/0.wav,faces/0.jpg,id028,61", "k", "id028", True),
        ("key,voices,faces\nk,voices/0.wav,faces/0.jpg", "k", None, False),
        ("audio_path,face_path,identity\nv/a b/0.wav,f/0.jpg,id0001", "", "id0001", True),
        ("voices,faces,label,person\nv/0.wav,f/0.jpg,0,id0001", "", "id0001", False),
    ],
)
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_every_form_is_told_apart(
    text: str, key: str, person: str | None, is_one_person: bool, end: str, tmp_path: Path
) -> None:
    (row,) = rows(tmp_path, "\ufeff" + text.replace("\n", end) + end)
    assert (row.key, row.person, row.is_one_person, row.problem) == (key, person, is_one_person, None)
    assert row.voice.endswith("0.wav")
    assert row.face.endswith(".jpg")


@pytest.mark.parametrize(
    "line",
    [
        "k voices/0.wav",
        "k faces/0.jpg",
        "k voices/0.wav voices/1.wav faces/0.jpg",
        "k ../0.wav faces/0.jpg",
        "k /etc/0.wav a/0.jpg",
    ],
)
def test_a_broken_row_in_the_middle_is_one_row(line: str, tmp_path: Path) -> None:
    good = "k voices/0.wav faces/0.jpg\n"
    found = rows(tmp_path, good + line + "\n\n" + good)
    assert [(row.line, row.problem is None) for row in found] == [(1, True), (2, False), (4, True)]
    assert found[1].problem is not None
    assert found[1].problem[0] == "malformed_row"


def test_bytes_that_are_no_text_are_one_row(tmp_path: Path) -> None:
    bad, good = rows(tmp_path, b"k voices/\xff.wav faces/0.jpg\nk voices/0.wav faces/0.jpg\n")
    assert bad.problem is not None
    bad.problem[1].encode("utf-8")
    assert good.problem is None


@given(st.text(max_size=40))
def test_no_line_is_too_odd(line: str) -> None:
    row = parse_line(1, line)
    assert (row.problem is None) == bool(row.voice and row.face)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("voices/id0001/Urdu/v/0.wav", ("id0001", "Urdu", "v")),
        ("id0001/hindi/v/0.wav", ("id0001", "Hindi", "v")),
        ("voices/English/id028/0.wav", ("id028", "English", None)),
        ("faces/English/0.jpg", (None, "English", None)),
        ("German_test/voices/0.wav", (None, "German", None)),
        ("0.wav", (None, None, None)),
    ],
)
def test_paths_say_who_and_in_which_language(path: str, expected: tuple[str | None, ...]) -> None:
    place = place_of(path)
    assert (place.person, place.language, place.video) == expected


def test_a_header_without_files_and_a_missing_list_are_one_line(tmp_path: Path) -> None:
    with pytest.raises(
        ConfigError, match="must have a column of voices and one of faces, or rows VOICE FACE. It has: a, b"
    ):
        rows(tmp_path, "a,b\n1,2\n")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_list(tmp_path))
