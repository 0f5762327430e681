"""Turns to the columns of FaceTones' log and back, so that what was written for one reads the other.

    out.csv      USER ID,True image id,False image id,Model choice,User choice,DateTime   (UTC, to the second)
    females.txt  males.txt                                                   ids, one a line, beside it

Difficulty, reaction time and the sides of the faces have no column there; the SQLite file keeps them. Attention checks
of a study are no answers to its question and are left out, and so are turns that nobody answered.

Example:
    import_log(GameImportConfig(log=Path("game"), out=Path("game.sqlite"))).n_added      # 2850
    export_log(GameExportConfig(log=Path("game.sqlite"), out=Path("again.csv"))).n_turns
"""

from __future__ import annotations

import csv
import datetime
import io
import sqlite3
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.atomic_file import atomic_file
from visavox.errors import DataError
from visavox.evaluation.human_turns import Turn
from visavox.game_config import GameExportConfig, GameImportConfig
from visavox.pipeline.facetones_log import COLUMNS, TIME_FORMAT, read_facetones
from visavox.pipeline.gallery.telling import counted
from visavox.web.game.turn_log import LoggedTurn, TurnLog, as_json, utc_now

LISTS = {"f": "females.txt", "m": "males.txt"}
STUDY_LOG = "turns.sqlite"
EXPORTED = ("game", "study")


@dataclass(frozen=True)
class ExportOutcome:
    """What `game export` wrote."""

    out: Path
    """The CSV file."""
    n_turns: int
    """Rows in it."""
    n_players: int
    """Sessions with a row."""
    n_ids: int
    """Ids in the two lists."""
    notes: tuple[str, ...] = ()
    """Sentences to be read."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        lists = " and ".join(str(self.out.parent / name) for name in LISTS.values())
        lines = [
            f"{self.out}: {counted(self.n_turns, 'turn')} of {counted(self.n_players, 'player')}",
            f"{lists}: {counted(self.n_ids, 'id')}",
            *self.notes,
        ]
        return "".join(f"{line}\n" for line in lines)


@dataclass(frozen=True)
class ImportOutcome:
    """What `game import` did."""

    out: Path
    """The SQLite file."""
    n_read: int
    """Turns of the CSV file."""
    n_added: int
    """Turns that are new."""
    n_players: int
    """Players of the CSV file."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        known = self.n_read - self.n_added
        held = f"; {known:,} {'was' if known == 1 else 'were'} there already" if known else ""
        return f"{self.out}: {counted(self.n_added, 'turn')} of {counted(self.n_players, 'player')} added{held}\n"


def export_log(config: GameExportConfig) -> ExportOutcome:
    """Write the answered turns of a log, in the order in which they were dealt, and the two lists of ids.

    Raises:
        DataError: there is no log, it holds no answer, or a file is there already or cannot be written.
    """
    path = config.log / STUDY_LOG if config.log.is_dir() else config.log
    log = TurnLog.open(path, must_exist=True)
    turns = [turn for turn in log.turns(answered_only=True) if turn.kind in EXPORTED]
    if not turns:
        raise DataError(f"{path} holds no answered turn. Play first: visavox game play --log {path}")
    files = [config.out, *(config.out.parent / name for name in LISTS.values())]
    there = [str(file) for file in files if file.exists()]
    if there and not config.overwrite:
        raise DataError(f"{' and '.join(there)} would be replaced. Give another --out, or --overwrite.")
    genders = log.items()
    with atomic_file(config.out, what="log of a game") as temporary:
        temporary.write_text(csv_text(turns), encoding="utf-8", newline="")
    for gender, file in zip(LISTS, files[1:], strict=True):
        ids = [item for item, known in genders.items() if known == gender]
        with atomic_file(file, what="list of ids") as temporary:
            temporary.write_text("".join(f"{item}\n" for item in ids), encoding="utf-8")
    shown = {item for turn in turns for item in (turn.true_item, turn.false_item)}
    n_unknown = sum(genders.get(item) is None for item in shown)
    notes = (f"The gender of {n_unknown} ids is unknown: they are in neither list.",) if n_unknown else ()
    n_ids = sum(gender is not None for gender in genders.values())
    return ExportOutcome(config.out, len(turns), len({turn.session for turn in turns}), n_ids, notes)


def csv_text(turns: Sequence[LoggedTurn]) -> str:
    """Return answered turns as the text of a CSV file, with FaceTones' line ends (CR LF)."""
    buffer = io.StringIO()
    writer = csv.writer(buffer)
    writer.writerow(COLUMNS)
    for turn in turns:
        assert turn.answered_at is not None
        time = datetime.datetime.fromisoformat(turn.answered_at).astimezone(datetime.UTC)
        ids = (turn.true_item, turn.false_item, turn.model_choice, turn.player_choice)
        writer.writerow((turn.session, *ids, time.strftime(TIME_FORMAT)))
    return buffer.getvalue()


def import_log(config: GameImportConfig) -> ImportOutcome:
    """Add the turns of a CSV file to a log; those that it holds already are left out, however often this is done.

    A turn is known by its player, its two people, both choices and its second; where a file holds the same one twice,
    the log will hold it twice. Times are taken as UTC.

    Raises:
        DataError: a file cannot be read or written, or rows cannot be used.
    """
    if not config.log.exists():
        raise DataError(f"There is no log of a game at {config.log}. Give the CSV file, or the folder that holds it.")
    turns, genders = read_facetones(config.log, females=config.females, males=config.males)
    log = TurnLog.open(config.out)
    log.add_items(genders)
    with log.writing() as connection:
        n_added = _add(connection, turns)
    return ImportOutcome(config.out, len(turns), n_added, len({turn.player for turn in turns}))


def _add(connection: sqlite3.Connection, turns: Sequence[Turn]) -> int:
    """Write the turns that are new, in their order, and return how many there are."""
    known = Counter(
        connection.execute(
            "SELECT session, true_item, false_item, model_choice, player_choice, substr(answered_at, 1, 19) FROM turns "
            "WHERE player_choice IS NOT NULL"
        )
    )
    last = dict(connection.execute("SELECT session, max(turn_number) FROM turns GROUP BY session"))
    sessions = {name for (name,) in connection.execute("SELECT id FROM sessions")}
    n_added = 0
    for turn in turns:
        ids = (turn.true_item, turn.false_item, turn.model_choice, turn.player_choice)
        key = (turn.player, *ids, turn.time.isoformat(timespec="seconds"))
        if known[key]:
            known[key] -= 1
            continue
        if turn.player not in sessions:
            sessions.add(turn.player)
            about = as_json({"imported": True})
            connection.execute("INSERT INTO sessions VALUES (?, 'game', ?, ?)", (turn.player, utc_now(), about))
        last[turn.player] = last.get(turn.player, 0) + 1
        answered_at = turn.time.replace(tzinfo=datetime.UTC).isoformat(timespec="milliseconds")
        connection.execute(
            "INSERT INTO turns (session, turn_number, kind, true_item, false_item, model_choice, player_choice, "
            "answered_at) VALUES (?, ?, 'game', ?, ?, ?, ?, ?)",
            (turn.player, last[turn.player], *ids, answered_at),
        )
        n_added += 1
    return n_added
