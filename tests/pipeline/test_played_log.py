"""Answers read from SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.pipeline.test_human_baseline import played

from visavox.errors import DataError
from visavox.pipeline.played_log import is_sqlite, read_played


def test_answers_are_read_and_attention_checks_are_counted_apart(tmp_path: Path) -> None:
    found = read_played(played(tmp_path / "log.sqlite"))
    assert [(t.player, t.planned) for t in found.turns] == [("s1", True), ("s1", True), ("s2", True), ("g", False)]
    assert [t.reaction_ms for t in found.turns] == [1200, 900, None, 5000]
    assert (found.turns[3].difficulty, found.turns[3].time.isoformat()) == (3, "2026-01-01T12:00:07+00:00")
    assert found.genders == {"a": "f", "b": "f", "c": "m"}
    one, two = found.participants
    assert (one.name, one.n_turns, one.n_planned, one.n_checks, one.n_passed) == ("1", 2, 2, 2, 2)
    assert (two.name, two.n_turns, two.n_planned, two.n_checks, two.n_passed) == ("2", 1, 9, 2, 1)
    assert found.sessions == {"1": "s1", "2": "s2"}


def test_what_is_no_log_is_refused_in_one_line(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_text("words", encoding="utf-8")
    assert not is_sqlite(other) and not is_sqlite(tmp_path) and is_sqlite(played(tmp_path / "log.sqlite"))
    with pytest.raises(DataError, match=r"is no log of a game that can be read \("):
        read_played(other)


def test_a_log_without_answers_is_refused(tmp_path: Path) -> None:
    import sqlite3

    path = played(tmp_path / "log.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("UPDATE turns SET player_choice = NULL")
    connection.commit()
    connection.close()
    with pytest.raises(DataError, match=r"holds no answered turn\. Play first, or name another log\.$"):
        read_played(path)
