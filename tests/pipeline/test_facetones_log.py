"""FaceTones' log and its lists: what is read, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.pipeline.facetones_log import COLUMNS, read_facetones, read_genders, read_turns

HEAD = ",".join(COLUMNS)
GOOD = ["p,a,b,a,a,2024-08-16 14:02:01", "p,a,b,a,b,2024-08-16 14:02:05", "q,c,a,a,c,2024-08-16 9:00:00"]


@pytest.fixture
def game(tmp_path: Path):
    """Writes a game folder and returns it."""

    def write(*rows: str, head: str = HEAD, females: str = "a\nb\n\na\n", males: str = "c\n") -> Path:
        folder = tmp_path / "game"
        folder.mkdir(exist_ok=True)
        (folder / "FaceTones_game_log.csv").write_text("\n".join([head, *rows]) + "\n", encoding="utf-8-sig")
        (folder / "females.txt").write_text(females, encoding="utf-8")
        (folder / "male.txt").write_text(males, encoding="utf-8")
        return folder

    return write


def test_turns_and_genders_are_read(game) -> None:
    turns, genders = read_facetones(game(*GOOD))
    assert [(t.player, t.true_item, t.player_choice) for t in turns] == [
        ("p", "a", "a"),
        ("p", "a", "b"),
        ("q", "c", "c"),
    ]
    assert (turns[0].time.isoformat(), turns[0].reaction_ms, turns[0].planned) == ("2024-08-16T14:02:01", None, False)
    assert genders == {"a": "f", "b": "f", "c": "m"}


def test_the_list_of_men_may_be_called_males(game) -> None:
    folder = game(*GOOD)
    (folder / "male.txt").rename(folder / "males.txt")
    assert read_facetones(folder)[1]["c"] == "m"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ("p,a,z,a,a,2024-08-16 14:02:01", "line 5: unknown id 'z', in neither gender list"),
        ("p,z,a,a,a,2024-08-16 14:02:01", "line 5: unknown id 'z', in neither gender list"),
        ("p,a,b,a,a,16.08.2024", "line 5: unreadable DateTime '16.08.2024', not like 2024-08-16 14:02:01"),
        ("p,a,b,c,a,2024-08-16 14:02:01", "line 5: Model choice 'c' is neither of the two images"),
        ("p,a,b,a,c,2024-08-16 14:02:01", "line 5: User choice 'c' is neither of the two images"),
        ("p,a,a,a,a,2024-08-16 14:02:01", "line 5: true and false image are both 'a'"),
        (",a,b,a,,2024-08-16 14:02:01", "line 5: no USER ID, User choice"),
        ("p,a", "line 5: no False image id, Model choice, User choice, DateTime"),
    ],
)
def test_a_bad_row_is_named(game, row: str, said: str) -> None:
    with pytest.raises(DataError) as caught:
        read_facetones(game(*GOOD, row))
    assert f"has 1 rows of 4 that cannot be used: {said}. Mend or delete them." in str(caught.value)


def test_of_many_bad_rows_five_are_named(game) -> None:
    with pytest.raises(DataError, match=r"has 7 rows of 7 .* line 6: [^;]*; and 2 more\. Mend or delete them\.$"):
        read_turns(game(*["p,a,b,a,a,now"] * 7) / "FaceTones_game_log.csv", {"a": "f", "b": "f"})


def test_files_that_are_no_log_are_refused(game, tmp_path: Path) -> None:
    folder = game(*GOOD, head=HEAD.replace("User choice", "Choice"))
    with pytest.raises(DataError, match=r"It lacks User choice\. Export the log with its first line\.$"):
        read_facetones(folder)
    with pytest.raises(DataError, match="holds no turn. Export the log again"):
        read_facetones(game())
    with pytest.raises(
        DataError, match=r"^A game log must be a CSV file\. .* \(No such file or directory\)\. Name Face"
    ):
        read_turns(tmp_path / "none.csv", {})
    (tmp_path / "binary.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match="cannot be read"):
        read_turns(tmp_path / "binary.csv", {})


def test_what_is_no_log_is_told_before_its_lists_are_missed(tmp_path: Path) -> None:
    """`game report notes.txt` asked for a list of females beside it."""
    (tmp_path / "notes.txt").write_text("no log")
    with pytest.raises(DataError, match=r"notes\.txt must have the columns USER ID.*It lacks"):
        read_facetones(tmp_path / "notes.txt")
    with pytest.raises(DataError, match="A game log must be a CSV file.*cannot be read"):
        read_facetones(tmp_path)


def test_gender_lists_are_checked(game, tmp_path: Path) -> None:
    with pytest.raises(DataError, match="^An id must be in one gender list only. 'a' is in both. Mend "):
        read_facetones(game(*GOOD, males="c\na"))
    with pytest.raises(DataError, match=r"^The list of males must be a text file .* Name it with --males\.$"):
        read_genders({"m": tmp_path / "none.txt"})
