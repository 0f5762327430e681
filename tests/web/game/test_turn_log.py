"""The log of turns: what stands, what is believed, several writers at once, and a kill."""

from __future__ import annotations

import os
import signal
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from visavox.errors import DataError
from visavox.web.game.turn_log import LoggedTurn, TurnLog, believed_ms


@pytest.fixture
def log(tmp_path: Path) -> TurnLog:
    return TurnLog.open(tmp_path / "new" / "game.sqlite")


def add(log: TurnLog, session: str, **options: Any) -> LoggedTurn:
    people = {"true_item": "ann", "false_item": "eve", "left_item": "eve", "model_choice": "ann"}
    return log.add_turn(session, "game", **{**people, **options})


def test_a_turn_is_kept_as_it_was_dealt(log: TurnLog) -> None:
    session = log.start_session("game", {"pool": "p", "note": "ä"})
    turn = add(log, session, difficulty=4)
    assert TurnLog.open(log.path).turn(turn.id) == turn
    assert (turn.turn_number, turn.kind, turn.difficulty, turn.right_item) == (1, "game", 4, "ann")
    assert (turn.player_choice, turn.answered_at, turn.reaction_ms) == (None, None, None)
    assert turn.shown_at is not None
    assert turn.shown_at.endswith("+00:00")
    assert (turn.side("ann"), turn.side("eve"), turn.side(None)) == ("right", "left", None)
    found = log.session(session)
    assert found is not None
    assert (found.kind, found.about) == ("game", {"pool": "p", "note": "ä"})


def test_turns_are_numbered_session_by_session(log: TurnLog) -> None:
    first, second = (log.start_session("game", {}) for _ in range(2))
    numbers = [add(log, session).turn_number for session in (first, second, first, first, second)]
    assert numbers == [1, 1, 2, 3, 2]
    assert [turn.turn_number for turn in log.turns(first)] == [1, 2, 3]
    assert len(log.turns()) == 5
    assert log.turns(answered_only=True) == []


def test_the_first_answer_stands(log: TurnLog) -> None:
    turn = add(log, log.start_session("game", {}))
    first = log.answer(turn.id, "eve")
    second = log.answer(turn.id, "ann")
    assert first.player_choice == second.player_choice == "eve"
    assert first == second
    assert log.turns(answered_only=True) == [first]


def test_an_answer_is_one_of_the_two_people(log: TurnLog) -> None:
    turn = add(log, log.start_session("game", {}))
    with pytest.raises(ValueError, match="'bob' is neither"):
        log.answer(turn.id, "bob")
    with pytest.raises(KeyError):
        log.answer(turn.id + 1, "ann")
    assert log.turn(turn.id).player_choice is None


@pytest.mark.parametrize(
    ("said", "believed"),
    [(1500.4, 1500), (0, None), (-3, None), (2000.5, None), (float("nan"), None), (float("inf"), None), (None, None)],
)
def test_a_reaction_time_must_fit_into_the_time_since_the_turn_was_shown(
    said: float | None, believed: int | None
) -> None:
    assert believed_ms(said, "2026-01-01T00:00:00.000+00:00", "2026-01-01T00:00:02.000+00:00") == believed


def test_a_turn_that_was_never_shown_has_no_reaction_time(log: TurnLog) -> None:
    turn = add(log, log.start_session("game", {}), shown=False)
    assert turn.shown_at is None
    assert log.answer(turn.id, "ann", reaction_ms=0.001).reaction_ms is None


def test_the_first_time_a_turn_is_shown_counts(log: TurnLog) -> None:
    turn = add(log, log.start_session("game", {}), shown=False)
    log.show(turn.id)
    first = log.turn(turn.id).shown_at
    log.show(turn.id)
    assert first is not None
    assert log.turn(turn.id).shown_at == first


def test_tokens_are_opaque_and_each_its_own(log: TurnLog) -> None:
    session = log.start_session("game", {})
    turns = [add(log, session) for _ in range(3)]
    tokens = [token for turn in turns for token in log.tokens(turn.id).values()]
    assert len(set(tokens)) == 12
    assert all(len(token) >= 20 and "ann" not in token and "eve" not in token for token in tokens)
    assert log.find(log.tokens(turns[1].id)["voice"]) == (turns[1], "voice")
    assert log.find("nothing") is None


def test_a_known_gender_is_not_forgotten(log: TurnLog) -> None:
    log.add_items({"ann": "f", "bob": None})
    log.add_items({"ann": None, "bob": "m", "eve": None})
    assert log.items() == {"ann": "f", "bob": "m", "eve": None}


def test_a_session_has_its_id_alone(log: TurnLog) -> None:
    assert log.start_session("study", {}, session_id="me") == "me"
    with pytest.raises(DataError, match="a session 'me' already"):
        log.start_session("study", {}, session_id="me")
    log.set_about("me", {"page": 2})
    found = log.session("me")
    assert found is not None
    assert found.about == {"page": 2}
    assert log.session("you") is None


def test_a_failed_transaction_leaves_nothing(log: TurnLog) -> None:
    session = log.start_session("game", {})
    with pytest.raises(DataError, match=r"cannot be used \(UNIQUE"), log.writing() as connection:
        connection.execute("INSERT INTO items VALUES ('x', 'f')")
        connection.execute("INSERT INTO sessions VALUES (?, 'game', '', '{}')", (session,))
    assert log.items() == {}


def test_many_threads_write_and_none_is_lost(log: TurnLog) -> None:
    session = log.start_session("game", {})
    turn = add(log, session)
    answers: list[str | None] = []

    def work(number: int) -> None:
        own = TurnLog(log.path)
        add(own, session)
        answers.append(own.answer(turn.id, "ann" if number % 2 else "eve").player_choice)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [turn.turn_number for turn in log.turns(session)] == list(range(1, 14))
    assert len(answers) == 12
    assert len(set(answers)) == 1, "two answers to one turn stood"


WRITER = """
import sys
from pathlib import Path
from visavox.web.game.turn_log import TurnLog
log = TurnLog.open(Path(sys.argv[1]))
session = log.start_session("game", {})
while True:
    turn = log.add_turn(session, "game", true_item="a", false_item="b", left_item="a", model_choice="a")
    log.answer(turn.id, "a")
    sys.stdout.write(f"{session} {turn.turn_number}\\n")
    sys.stdout.flush()
"""


def test_a_kill_loses_no_answer_that_was_thanked_for(log: TurnLog) -> None:
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(log.path)], stdout=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    said: list[str] = []
    for writer in writers:
        assert writer.stdout is not None
        said += [writer.stdout.readline() for _ in range(5)]
    for writer in writers:
        os.kill(writer.pid, signal.SIGKILL)
    for writer in writers:
        assert writer.stdout is not None
        said += [line for line in writer.stdout.read().splitlines(keepends=True) if line.endswith("\n")]
        writer.stdout.close()
        assert writer.wait() == -signal.SIGKILL
    kept = {f"{turn.session} {turn.turn_number}\n" for turn in log.turns(answered_only=True)}
    assert len(said) >= 10
    assert set(said) <= kept
    session = log.start_session("game", {})
    assert add(log, session).turn_number == 1


def test_the_file_is_in_wal_mode(log: TurnLog) -> None:
    with sqlite3.connect(log.path) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)


@pytest.mark.parametrize("content", [b"no database at all, but longer than a header" * 30, None])
def test_another_file_is_refused(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "other.sqlite"
    if content is None:
        with sqlite3.connect(path) as connection:
            connection.execute("CREATE TABLE shopping (item TEXT)")
    else:
        path.write_bytes(content)
    with pytest.raises(DataError, match=r"other\.sqlite.*(no log|cannot be used).*--log"):
        TurnLog.open(path)


def test_a_damaged_log_is_one_line_whatever_is_asked_of_it(log: TurnLog) -> None:
    """The first page of the file was whole, so that it opened, and the export and the game ended in a traceback."""
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    whole = log.path.read_bytes()
    log.path.write_bytes(whole[:4096] + b"\xff" * (len(whole) - 4096))
    asked: list[Callable[[], object]] = [
        log.turns,
        log.items,
        lambda: log.add_items({"ann": "f"}),
        lambda: log.start_session("game", {}),
        lambda: log.session("me"),
        lambda: log.find("token"),
    ]
    for ask in asked:
        with pytest.raises(DataError, match=r"game\.sqlite cannot be used .*malformed.*--log"):
            ask()


def test_a_full_disk_is_one_line(log: TurnLog) -> None:
    def too_much() -> None:
        with log.writing() as connection:
            connection.execute("PRAGMA max_page_count=20")
            connection.executemany("INSERT INTO items VALUES (?, 'f')", ((f"{i:0500}",) for i in range(500)))

    with pytest.raises(DataError, match=r"game\.sqlite cannot be used \(database or disk is full\)\. Free space"):
        too_much()
    assert log.items() == {}


def test_a_log_of_a_later_version_is_refused(log: TurnLog) -> None:
    with sqlite3.connect(log.path) as connection:
        connection.execute("PRAGMA user_version=99")
    with pytest.raises(DataError, match="no log of a game that this version reads"):
        TurnLog.open(log.path)


def test_a_log_that_must_exist_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="There is no log of a game at"):
        TurnLog.open(tmp_path / "none.sqlite", must_exist=True)
    assert not (tmp_path / "none.sqlite").exists()


def test_a_place_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(DataError, match="cannot be used"):
        TurnLog.open(tmp_path / "file" / "game.sqlite")
