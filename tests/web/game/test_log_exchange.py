"""Logs in the columns of FaceTones: there and back again."""

from __future__ import annotations

import csv
import sqlite3
from pathlib import Path

import pytest

from visavox.errors import DataError
from visavox.game_config import GameExportConfig, GameImportConfig
from visavox.pipeline.facetones_log import read_facetones
from visavox.web.game.log_exchange import LISTS, export_log, import_log
from visavox.web.game.turn_log import TurnLog

ROWS = [
    "p1,ann,eve,ann,eve,2024-08-16 14:02:01",
    "p2,bob,ann,ann,bob,2024-08-16 14:01:00",  # the second is earlier: the order is that of the file
    "p1,ann,eve,ann,eve,2024-08-16 14:02:01",  # a double click within a second is a row of its own
    "p1,eve,tom,eve,eve,2024-08-16 14:02:56",
]
HEADER = "USER ID,True image id,False image id,Model choice,User choice,DateTime"


def write_log(folder: Path, rows: list[str]) -> Path:
    folder.mkdir(exist_ok=True)
    path = folder / "FaceTones_game_log.csv"
    path.write_bytes("".join(f"{row}\r\n" for row in [HEADER, *rows]).encode())
    (folder / "females.txt").write_text("ann\neve\nann\n", encoding="utf-8")
    (folder / "male.txt").write_text("bob\ntom\n", encoding="utf-8")
    return path


@pytest.fixture
def logged(tmp_path: Path) -> Path:
    """SQLite file with the turns of ROWS."""
    path = write_log(tmp_path / "facetones", ROWS)
    import_log(GameImportConfig(log=path, out=tmp_path / "game.sqlite"))
    return tmp_path / "game.sqlite"


def test_there_and_back_gives_the_same_bytes(logged: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "log.csv"
    outcome = export_log(GameExportConfig(log=logged, out=out))
    assert out.read_bytes() == (tmp_path / "facetones" / "FaceTones_game_log.csv").read_bytes()
    assert (outcome.n_turns, outcome.n_players, outcome.n_ids, outcome.notes) == (4, 2, 4, ())
    assert (out.parent / "females.txt").read_text() == "ann\neve\n"
    assert (out.parent / "males.txt").read_text() == "bob\ntom\n"


def test_what_was_exported_is_read_by_the_report(logged: Path, tmp_path: Path) -> None:
    out = tmp_path / "out" / "log.csv"
    export_log(GameExportConfig(log=logged, out=out))
    assert read_facetones(out) == read_facetones(tmp_path / "facetones")


def test_importing_again_adds_nothing(logged: Path, tmp_path: Path) -> None:
    config = GameImportConfig(log=tmp_path / "facetones", out=logged)
    outcome = import_log(config)
    assert (outcome.n_read, outcome.n_added) == (4, 0)
    assert "4 were there already" in outcome.describe()
    assert len(TurnLog.open(logged).turns()) == 4


def test_a_longer_log_adds_what_is_new(logged: Path, tmp_path: Path) -> None:
    write_log(tmp_path / "facetones", [*ROWS, ROWS[0], "p3,tom,bob,tom,bob,2024-08-17 00:00:00"])
    assert import_log(GameImportConfig(log=tmp_path / "facetones", out=logged)).n_added == 2
    turns = TurnLog.open(logged).turns("p1")
    assert [turn.turn_number for turn in turns] == [1, 2, 3, 4]


def test_imported_turns_say_no_more_than_the_log_did(logged: Path) -> None:
    log = TurnLog.open(logged)
    turn = log.turns("p1")[0]
    assert (turn.left_item, turn.difficulty, turn.shown_at, turn.reaction_ms) == (None, None, None, None)
    assert turn.answered_at == "2024-08-16T14:02:01.000+00:00"
    assert log.items() == {"ann": "f", "bob": "m", "eve": "f", "tom": "m"}


def play(path: Path) -> TurnLog:
    """A log with one answered turn, one that waits, and one attention check."""
    log = TurnLog.open(path)
    log.add_items({"ann": "f", "bob": None})
    session = log.start_session("game", {})
    people = {"true_item": "ann", "false_item": "bob", "left_item": "ann", "model_choice": "bob"}
    log.answer(log.add_turn(session, "game", **people, difficulty=2).id, "ann")
    log.answer(log.add_turn(session, "attention", **people).id, "bob")
    log.add_turn(session, "game", **people, shown=False)
    return log


def test_a_game_is_exported_without_what_nobody_answered_and_without_checks(tmp_path: Path) -> None:
    log = play(tmp_path / "game.sqlite")
    outcome = export_log(GameExportConfig(log=log.path, out=tmp_path / "log.csv"))
    (row,) = csv.DictReader((tmp_path / "log.csv").read_text().splitlines())
    turn = log.turns(answered_only=True)[0]
    assert turn.answered_at is not None
    assert row == {
        "USER ID": turn.session,
        "True image id": "ann",
        "False image id": "bob",
        "Model choice": "bob",
        "User choice": "ann",
        "DateTime": turn.answered_at[:19].replace("T", " "),
    }
    assert "gender of 1 ids is unknown" in outcome.describe()


def test_a_game_that_was_exported_is_known_to_its_own_log(tmp_path: Path) -> None:
    log = play(tmp_path / "game.sqlite")
    log.add_items({"bob": "m"})
    export_log(GameExportConfig(log=log.path, out=tmp_path / "log.csv"))
    assert import_log(GameImportConfig(log=tmp_path / "log.csv", out=log.path)).n_added == 0


def test_the_folder_of_a_study_is_a_log_too(tmp_path: Path) -> None:
    play(tmp_path / "study" / "turns.sqlite")
    assert export_log(GameExportConfig(log=tmp_path / "study", out=tmp_path / "log.csv")).n_turns == 1


@pytest.mark.parametrize("name", ["log.csv", *LISTS.values()])
def test_files_that_are_there_are_replaced_only_when_asked(logged: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_text("mine")
    config = GameExportConfig(log=logged, out=tmp_path / "log.csv")
    with pytest.raises(DataError, match=f"{name} would be replaced.*--overwrite"):
        export_log(config)
    assert (tmp_path / name).read_text() == "mine"
    export_log(GameExportConfig(log=logged, out=tmp_path / "log.csv", overwrite=True))
    assert (tmp_path / name).read_text() != "mine"


def test_a_log_without_answers_is_one_line(tmp_path: Path) -> None:
    TurnLog.open(tmp_path / "game.sqlite")
    with pytest.raises(DataError, match="holds no answered turn. Play first"):
        export_log(GameExportConfig(log=tmp_path / "game.sqlite", out=tmp_path / "log.csv"))
    with pytest.raises(DataError, match="There is no log of a game"):
        export_log(GameExportConfig(log=tmp_path / "none.sqlite", out=tmp_path / "log.csv"))


def test_a_log_that_is_missing_or_wrong_adds_nothing(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no log of a game at"):
        import_log(GameImportConfig(log=tmp_path / "none.csv", out=tmp_path / "game.sqlite"))
    bad = write_log(tmp_path / "facetones", [*ROWS, "p1,ann,eve,bob,eve,2024-08-16 14:02:01"])
    with pytest.raises(DataError, match="line 6: Model choice 'bob' is neither"):
        import_log(GameImportConfig(log=bad, out=tmp_path / "game.sqlite"))
    assert not (tmp_path / "game.sqlite").exists()


def test_a_kill_in_the_middle_leaves_no_half_of_a_log(logged: Path, tmp_path: Path) -> None:
    """One transaction: a row that cannot be written takes the others with it."""
    with sqlite3.connect(logged) as connection:
        connection.execute(
            "CREATE TRIGGER full BEFORE INSERT ON turns WHEN new.session = 'p9' BEGIN SELECT raise(ABORT, 'full'); END"
        )
    rows = ["p8,ann,eve,ann,eve,2024-09-01 00:00:00", "p9,ann,eve,ann,eve,2024-09-01 00:00:01"]
    with pytest.raises(DataError, match="cannot be used.*full"):
        import_log(GameImportConfig(log=write_log(tmp_path / "more", rows), out=logged))
    assert TurnLog.open(logged).turns("p8") == []


def test_the_log_of_facetones_comes_back_as_it_was(real_data: Path, tmp_path: Path) -> None:
    source = real_data / "game" / "FaceTones_game_log.csv"
    outcome = import_log(GameImportConfig(log=real_data / "game", out=tmp_path / "game.sqlite"))
    assert (outcome.n_read, outcome.n_added, outcome.n_players) == (2850, 2850, 385)
    export_log(GameExportConfig(log=tmp_path / "game.sqlite", out=tmp_path / "log.csv"))
    assert (tmp_path / "log.csv").read_bytes() == source.read_bytes()
    for ours, theirs in (("females.txt", "females.txt"), ("males.txt", "male.txt")):
        ids = (real_data / "game" / theirs).read_text(encoding="utf-8").split()
        assert (tmp_path / ours).read_text(encoding="utf-8").split() == sorted(set(ids))
