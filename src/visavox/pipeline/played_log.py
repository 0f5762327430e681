"""Answers from the SQLite file of a game or of a study, for reports: read only, while others may write.

The file is that of `visavox.web.game.turn_log`: `turns`, `sessions`, `items`. What was dealt and not answered is not
read. Attention checks are counted by participant and are no turns.

Example:
    played = read_played(Path("game.sqlite"))
    len(played.turns), played.participants
"""

from __future__ import annotations

import contextlib
import datetime
import json
import sqlite3
from dataclasses import dataclass
from pathlib import Path

from visavox.errors import DataError
from visavox.evaluation.human_conduct import Participant
from visavox.evaluation.human_turns import Turn

SQLITE_HEAD = b"SQLite format 3\x00"
QUERY = (
    "SELECT session, true_item, false_item, model_choice, player_choice, answered_at, difficulty, reaction_ms, kind "
    "FROM turns WHERE player_choice IS NOT NULL ORDER BY answered_at, id"
)


@dataclass(frozen=True)
class Played:
    """What was played."""

    turns: tuple[Turn, ...]
    """Answers by time, attention checks aside."""
    genders: dict[str, str]
    """"f" or "m" of each id whose gender is known."""
    participants: tuple[Participant, ...]
    """Of studies, by name."""
    sessions: dict[str, str]
    """Name of a participant -> session of his turns."""


def is_sqlite(path: Path) -> bool:
    """Return whether a file begins as SQLite files do."""
    try:
        with path.open("rb") as file:
            return file.read(len(SQLITE_HEAD)) == SQLITE_HEAD
    except OSError:
        return False


def read_played(path: Path) -> Played:
    """Return the answers of a log.

    Args:
        path: the SQLite file.

    Raises:
        DataError: it is no log of a game, or holds no answer.
    """
    try:
        with contextlib.closing(sqlite3.connect(f"{path.resolve().as_uri()}?mode=ro", uri=True)) as connection:
            rows = connection.execute(QUERY).fetchall()
            genders = dict(connection.execute("SELECT id, gender FROM items WHERE gender IS NOT NULL"))
            sessions = connection.execute("SELECT id, about FROM sessions WHERE kind = 'study'").fetchall()
    except sqlite3.Error as error:
        raise DataError(
            f"{path} is no log of a game that can be read ({error}). Give what `game play` wrote."
        ) from error
    turns = tuple(_turn(row) for row in rows if row[-1] != "attention")
    if not turns:
        raise DataError(f"{path} holds no answered turn. Play first, or name another log.")
    participants, named = [], {}
    for session, about in sessions:
        told = json.loads(about)
        checks = [row[1] == row[4] for row in rows if row[0] == session and row[-1] == "attention"]
        n_turns = sum(turn.player == session for turn in turns)
        if n_turns or checks:
            name = str(told.get("participant", session))
            named[name] = session
            participants.append(Participant(name, n_turns, int(told.get("n_turns", 0)), len(checks), sum(checks)))
    participants.sort(key=lambda person: (len(person.name), person.name))
    return Played(turns, genders, tuple(participants), named)


def _turn(row: tuple[str, str, str, str, str, str, int | None, int | None, str]) -> Turn:
    session, true, false, model, player, answered_at, difficulty, reaction_ms, kind = row
    time = datetime.datetime.fromisoformat(answered_at)
    return Turn(session, true, false, model, player, time, difficulty, reaction_ms, planned=kind == "study")
