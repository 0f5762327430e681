"""Turns of games and studies in one SQLite file, safe for several servers at once and for a kill at any moment.

    sessions   who plays: a game is one session, a participant of a study another
    turns      one row a question, written when it is dealt; shown_at and the answer are filled in later
    media      what a browser may ask for: opaque token -> turn and part, so that no address names anybody
    items      gender of everybody who was ever shown

Readers take turns with an answer: `player_choice IS NOT NULL`. The first answer to a turn stands. Times are UTC, ISO
8601, to the millisecond. What is dealt, and when, is the affair of `visavox.web.game.dealing` and of studies.

Example:
    log = TurnLog.open(Path("game.sqlite"))
    session = log.start_session("game", {"pool": "abc"})
    turn = log.add_turn(session, "game", true_item="ann", false_item="eve", left_item="eve", model_choice="ann")
    log.answer(turn.id, "ann", reaction_ms=2100).player_choice      # 'ann'
"""

from __future__ import annotations

import contextlib
import datetime
import json
import secrets
import sqlite3
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, Self

from visavox.errors import DataError

Kind = Literal["game", "study", "attention"]
Part = Literal["turn", "left", "right", "voice"]

SCHEMA_VERSION = 1
BUSY_S = 30.0  # how long a writer waits for another
PARTS: tuple[Part, ...] = ("turn", "left", "right", "voice")
SCHEMA = """
CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, kind TEXT NOT NULL, started_at TEXT NOT NULL,
    about TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS items (id TEXT PRIMARY KEY, gender TEXT);
CREATE TABLE IF NOT EXISTS turns (id INTEGER PRIMARY KEY, session TEXT NOT NULL REFERENCES sessions(id),
    turn_number INTEGER NOT NULL, kind TEXT NOT NULL, true_item TEXT NOT NULL, false_item TEXT NOT NULL,
    left_item TEXT, model_choice TEXT NOT NULL, player_choice TEXT, difficulty INTEGER, shown_at TEXT,
    answered_at TEXT, reaction_ms INTEGER, UNIQUE (session, turn_number));
CREATE TABLE IF NOT EXISTS media (token TEXT PRIMARY KEY, turn INTEGER NOT NULL REFERENCES turns(id) ON DELETE CASCADE,
    part TEXT NOT NULL, UNIQUE (turn, part));
"""
COLUMNS = (
    "id, session, turn_number, kind, true_item, false_item, left_item, model_choice, player_choice, difficulty, "
    "shown_at, answered_at, reaction_ms"
)


@dataclass(frozen=True)
class LoggedTurn:
    """One row of `turns`."""

    id: int
    """Number of the row; grows."""
    session: str
    """Whose turn."""
    turn_number: int
    """1 for the first of a session."""
    kind: str
    """"game", "study" or "attention"."""
    true_item: str
    """Who speaks."""
    false_item: str
    """Whose face stands beside."""
    left_item: str | None
    """Whose face is on the left: one of the two; None where an imported log does not say."""
    model_choice: str
    """Whom the model chose."""
    player_choice: str | None
    """Whom the player chose; None while nobody has."""
    difficulty: int | None
    """1 to 5; None where the turn was not dealt by difficulty."""
    shown_at: str | None
    """When the player saw it first; None while it waits its turn."""
    answered_at: str | None
    """When the answer came."""
    reaction_ms: int | None
    """Milliseconds from the first sound to the answer; None where the browser did not say, or nothing sensible."""

    @property
    def right_item(self) -> str:
        """Whose face is on the right."""
        return self.true_item if self.left_item == self.false_item else self.false_item

    def side(self, item: str | None) -> str | None:
        """Return "left" or "right", where somebody stands in this turn; None for nobody."""
        if item is None:
            return None
        return "left" if item == self.left_item else "right"


@dataclass(frozen=True)
class LoggedSession:
    """One row of `sessions`."""

    id: str
    """Random, or the user id of an imported log."""
    kind: str
    """"game" or "study"."""
    started_at: str
    """When it began."""
    about: Mapping[str, Any]
    """What its keeper wants to remember."""


class TurnLog:
    """Keeps turns. Each call opens the file anew, so that threads and processes share nothing.

    Args:
        path: the SQLite file; `open` makes it.

    Raises:
        DataError: from every method, where the file is damaged, gone, locked for long, or the disk is full.
    """

    def __init__(self, path: Path) -> None:
        """Store the path."""
        self.path = path

    @classmethod
    def open(cls, path: Path, *, must_exist: bool = False) -> Self:
        """Return the log of a file, made where there is none.

        Raises:
            DataError: the file is no log of turns, of a later version, missing although it must exist, or cannot be
                written.
        """
        if must_exist and not path.is_file():
            raise DataError(f"There is no log of a game at {path}. Give the file that `game play` wrote (--log).")
        log = cls(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with log._connection() as connection:
                found = connection.execute("PRAGMA user_version").fetchone()[0]
                tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type='table'")}
                if found > SCHEMA_VERSION or (tables and not {"turns", "sessions", "items"} <= tables):
                    raise DataError(f"{path} is no log of a game that this version reads. Give another file (--log).")
                if found < SCHEMA_VERSION:
                    connection.execute("PRAGMA journal_mode=WAL")
                    connection.executescript(f"BEGIN IMMEDIATE;{SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
        except OSError as error:
            raise DataError(f"The log of a game {path} cannot be used ({error}). Give another file (--log).") from error
        return log

    def add_items(self, genders: Mapping[str, str | None]) -> None:
        """Remember genders; an unknown one never replaces a known one."""
        with self.writing() as connection:
            connection.executemany(
                "INSERT INTO items VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET gender = excluded.gender "
                "WHERE excluded.gender IS NOT NULL AND gender IS NOT excluded.gender",
                genders.items(),
            )

    def items(self) -> dict[str, str | None]:
        """Return the gender of each id."""
        with self._connection() as connection:
            return dict(connection.execute("SELECT id, gender FROM items ORDER BY id"))

    def start_session(self, kind: str, about: Mapping[str, Any], *, session_id: str | None = None) -> str:
        """Begin a session and return its id, by default a random one.

        Raises:
            DataError: the id is taken.
        """
        name = session_id or str(uuid.uuid4())
        values = (name, kind, utc_now(), as_json(about))
        with self.writing() as connection:
            is_new = connection.execute("INSERT OR IGNORE INTO sessions VALUES (?, ?, ?, ?)", values).rowcount == 1
        if not is_new:
            raise DataError(f"There is a session {name!r} already.")
        return name

    def session(self, session_id: str) -> LoggedSession | None:
        """Return a session; None where there is none of this id."""
        with self._connection() as connection:
            row = connection.execute(
                "SELECT id, kind, started_at, about FROM sessions WHERE id = ?", (session_id,)
            ).fetchone()
        return None if row is None else LoggedSession(row[0], row[1], row[2], json.loads(row[3]))

    def set_about(self, session_id: str, about: Mapping[str, Any]) -> None:
        """Replace what is remembered of a session."""
        with self.writing() as connection:
            connection.execute("UPDATE sessions SET about = ? WHERE id = ?", (as_json(about), session_id))

    def turns(self, session: str | None = None, *, answered_only: bool = False) -> list[LoggedTurn]:
        """Return turns in the order in which they were dealt: of one session, or of all."""
        with self._connection() as connection:
            return turns_of(connection, session, answered_only=answered_only)

    def turn(self, turn_id: int) -> LoggedTurn:
        """Return one turn; a KeyError where there is none."""
        with self._connection() as connection:
            return turn_of(connection, turn_id)

    def add_turn(
        self,
        session: str,
        kind: Kind,
        *,
        true_item: str,
        false_item: str,
        left_item: str,
        model_choice: str,
        difficulty: int | None = None,
        shown: bool = True,
    ) -> LoggedTurn:
        """Deal the next turn of a session.

        Args:
            session: id of a session that exists.
            kind: what the turn is for.
            true_item: who speaks.
            false_item: whose face stands beside.
            left_item: one of the two.
            model_choice: one of the two.
            difficulty: 1 to 5, or None.
            shown: whether the player sees it now; else `show` says when.
        """
        with self.writing() as connection:
            turn_id = insert_turn(
                connection,
                (session, kind, true_item, false_item, left_item, model_choice, difficulty),
                shown_at=utc_now() if shown else None,
            )
            return turn_of(connection, turn_id)

    def show(self, turn_id: int) -> None:
        """Note that the player sees a turn now; the first time counts."""
        with self.writing() as connection:
            connection.execute("UPDATE turns SET shown_at = coalesce(shown_at, ?) WHERE id = ?", (utc_now(), turn_id))

    def answer(self, turn_id: int, choice: str, reaction_ms: float | None = None) -> LoggedTurn:
        """Note an answer, and return the turn with the answer that stands: the first.

        Args:
            turn_id: a turn that was shown.
            choice: id of one of the two people.
            reaction_ms: from the first sound to the answer; what is not above 0 and below the time since the turn was
                shown is not believed, and not kept.

        Raises:
            KeyError: there is no such turn.
            ValueError: the choice is neither of the two.
        """
        with self.writing() as connection:
            before = turn_of(connection, turn_id)
            if choice not in (before.true_item, before.false_item):
                raise ValueError(f"{choice!r} is neither of the two people of turn {turn_id}")
            if before.player_choice is None:
                now = utc_now()
                believed = believed_ms(reaction_ms, before.shown_at, now)
                connection.execute(
                    "UPDATE turns SET player_choice = ?, answered_at = ?, reaction_ms = ? WHERE id = ?",
                    (choice, now, believed, turn_id),
                )
            return turn_of(connection, turn_id)

    def tokens(self, turn_id: int) -> dict[Part, str]:
        """Return what a browser calls a turn and its parts; none names anybody."""
        with self._connection() as connection:
            return dict(connection.execute("SELECT part, token FROM media WHERE turn = ?", (turn_id,)).fetchall())

    def find(self, token: str) -> tuple[LoggedTurn, Part] | None:
        """Return the turn and the part of a token; None for a token of nothing."""
        with self._connection() as connection:
            row = connection.execute("SELECT turn, part FROM media WHERE token = ?", (token,)).fetchone()
            return None if row is None else (turn_of(connection, row[0]), row[1])

    @contextlib.contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Give a connection with a transaction that nobody else can write beside; it counts whole or not at all."""
        with self._connection() as connection:
            connection.execute("BEGIN IMMEDIATE")
            yield connection
            connection.commit()  # where this is not reached, to close the connection takes everything back

    @contextlib.contextmanager
    def _connection(self) -> Iterator[sqlite3.Connection]:
        try:
            with contextlib.closing(sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)) as connection:
                connection.execute("PRAGMA synchronous=FULL")  # an answer that was thanked for survives a power cut
                connection.execute("PRAGMA foreign_keys=ON")
                yield connection
        except sqlite3.DatabaseError as error:
            raise DataError(
                f"The log of a game {self.path} cannot be used ({error}). Free space, or give another file (--log)."
            ) from error


def insert_turn(connection: sqlite3.Connection, values: tuple[Any, ...], *, shown_at: str | None) -> int:
    """Write the next turn of a session with its tokens, inside a transaction, and return its number.

    Args:
        connection: of `TurnLog.writing`.
        values: (session, kind, true_item, false_item, left_item, model_choice, difficulty).
        shown_at: when the player saw it; None where that is still to come.
    """
    turn_id = connection.execute(
        "INSERT INTO turns (session, turn_number, kind, true_item, false_item, left_item, model_choice, difficulty, "
        "shown_at) VALUES (?1, (SELECT coalesce(max(turn_number), 0) + 1 FROM turns WHERE session = ?1), "
        "?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        (*values, shown_at),
    ).lastrowid
    assert turn_id is not None
    connection.executemany(
        "INSERT INTO media VALUES (?, ?, ?)", [(secrets.token_urlsafe(16), turn_id, part) for part in PARTS]
    )
    return turn_id


def turns_of(connection: sqlite3.Connection, session: str | None, *, answered_only: bool = False) -> list[LoggedTurn]:
    """Return turns in the order in which they were dealt: of one session, or of all."""
    rows = connection.execute(
        f"SELECT {COLUMNS} FROM turns WHERE session = coalesce(?, session) AND (player_choice IS NOT NULL OR NOT ?) "
        "ORDER BY id",
        (session, answered_only),
    )
    return [LoggedTurn(*row) for row in rows]


def turn_of(connection: sqlite3.Connection, turn_id: int) -> LoggedTurn:
    """Return one turn; a KeyError where there is none."""
    row = connection.execute(f"SELECT {COLUMNS} FROM turns WHERE id = ?", (turn_id,)).fetchone()
    if row is None:
        raise KeyError(turn_id)
    return LoggedTurn(*row)


def believed_ms(reaction_ms: float | None, shown_at: str | None, now: str) -> int | None:
    """Return a reaction time as whole milliseconds, or None where it cannot be true.

    Args:
        reaction_ms: as the browser says.
        shown_at: when the player saw the turn.
        now: when the answer came.

    Example:
        >>> shown, now = "2026-01-01T12:00:00.000+00:00", "2026-01-01T12:00:03.000+00:00"
        >>> believed_ms(1234.4, shown, now), believed_ms(3000.5, shown, now), believed_ms(-1, shown, now)
        (1234, None, None)
    """
    if reaction_ms is None or shown_at is None:
        return None
    elapsed = datetime.datetime.fromisoformat(now) - datetime.datetime.fromisoformat(shown_at)
    return max(1, round(reaction_ms)) if 0 < reaction_ms < elapsed.total_seconds() * 1000 else None


def utc_now() -> str:
    """Return the time as the log writes it: "2026-01-31T23:59:59.123+00:00"."""
    return datetime.datetime.now(datetime.UTC).isoformat(timespec="milliseconds")


def as_json(about: Mapping[str, Any]) -> str:
    """Return a mapping as one line of JSON."""
    return json.dumps(about, ensure_ascii=False)
