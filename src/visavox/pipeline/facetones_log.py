"""The log of FaceTones' guess-the-face game: reading and checking its CSV file and its two lists of ids.

The file has the columns `USER ID`, `True image id`, `False image id`, `Model choice`, `User choice` and `DateTime`;
beside it stand two lists of ids, one a line, of women and of men. Rows that cannot be used are named and refused,
never guessed at.

Example:
    turns, genders = read_facetones(Path("game"))
"""

from __future__ import annotations

import csv
import datetime
from collections.abc import Mapping
from pathlib import Path

from visavox.errors import DataError, one_line
from visavox.evaluation.human_turns import Turn

LOG = "FaceTones_game_log.csv"
LISTS: Mapping[str, tuple[str, ...]] = {"f": ("females.txt",), "m": ("male.txt", "males.txt")}
COLUMNS = ("USER ID", "True image id", "False image id", "Model choice", "User choice", "DateTime")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
N_NAMED = 5  # bad rows that a message names


def read_facetones(
    log: Path, *, females: Path | None = None, males: Path | None = None
) -> tuple[list[Turn], dict[str, str]]:
    """Return the turns of a log in its order, and "f" or "m" of every id.

    Args:
        log: the CSV file, or its folder.
        females: list of ids of women; by default females.txt beside the log.
        males: list of ids of men; by default male.txt or males.txt beside the log.

    Raises:
        DataError: see `read_genders` and `read_turns`.
    """
    file = log / LOG if log.is_dir() else log
    read_rows(file)  # what is no log at all is told before its lists are missed
    lists = {}
    for gender, named in (("f", females), ("m", males)):
        beside = [file.parent / name for name in LISTS[gender]]
        lists[gender] = named or next((path for path in beside if path.exists()), beside[0])
    genders = read_genders(lists)
    return read_turns(file, genders), genders


def read_genders(lists: Mapping[str, Path]) -> dict[str, str]:
    """Return "f" or "m" for each id of two lists, one id a line; empty lines and repeated ids do no harm.

    Args:
        lists: the file of each gender.

    Raises:
        DataError: a file is missing or not UTF-8, or an id is in both.
    """
    genders: dict[str, str] = {}
    for gender, path in lists.items():
        option = "females" if gender == "f" else "males"
        try:
            lines = path.read_text(encoding="utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(
                f"The list of {option} must be a text file of ids, one a line. {path} cannot be read "
                f"({_reason(error)}). Name it with --{option}."
            ) from error
        for item in filter(None, map(str.strip, lines)):
            if genders.setdefault(item, gender) != gender:
                raise DataError(f"An id must be in one gender list only. {item!r} is in both. Mend {path}.")
    return genders


def read_turns(log: Path, genders: Mapping[str, str]) -> list[Turn]:
    """Return the turns of a game log in its order.

    Args:
        log: the CSV file.
        genders: "f" or "m" of each id; an id that is not here is refused.

    Raises:
        DataError: the file is missing or not UTF-8, lacks a column or holds no turn, or rows cannot be used; the
            message names their lines and what is wrong with each.
    """
    rows = read_rows(log)
    turns, bad = [], []
    for line, row in rows:
        found = _turn(row, genders)
        if isinstance(found, Turn):
            turns.append(found)
        else:
            bad.append(f"line {line}: {found}")
    if bad:
        named = one_line("; ".join(bad[:N_NAMED])) + (f"; and {len(bad) - N_NAMED} more" if len(bad) > N_NAMED else "")
        raise DataError(f"{log} has {len(bad)} rows of {len(rows)} that cannot be used: {named}. Mend or delete them.")
    if not turns:
        raise DataError(f"{log} holds no turn. Export the log again.")
    return turns


def read_rows(log: Path) -> list[tuple[int, dict[str, str | None]]]:
    """Return the rows of a game log, each with the number of its line.

    Raises:
        DataError: the file is missing or not UTF-8, or lacks a column.
    """
    try:
        with log.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{log} must have the columns {', '.join(COLUMNS)}. It lacks {', '.join(missing)}. "
                    "Export the log with its first line."
                )
            return [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"A game log must be a CSV file. {log} cannot be read ({_reason(error)}). Name {LOG} or its folder."
        ) from error


def _turn(row: Mapping[str, str | None], genders: Mapping[str, str]) -> Turn | str:
    """A row as a turn, or what is wrong with it."""
    values = {name: (row[name] or "").strip() for name in COLUMNS}
    empty = [name for name, value in values.items() if not value]
    if empty:
        return f"no {', '.join(empty)}"
    player, true, false, by_model, by_player, when = values.values()
    unknown = [item for item in (true, false) if item not in genders]
    if unknown:
        return f"unknown id {unknown[0]!r}, in neither gender list"
    if true == false:
        return f"true and false image are both {true!r}"
    for name, choice in (("Model choice", by_model), ("User choice", by_player)):
        if choice not in (true, false):
            return f"{name} {choice!r} is neither of the two images"
    try:
        time = datetime.datetime.strptime(when, TIME_FORMAT)
    except ValueError:
        return f"unreadable DateTime {when!r}, not like 2024-08-16 14:02:01"
    return Turn(player, true, false, by_model, by_player, time)


def _reason(error: Exception) -> str:
    return (isinstance(error, OSError) and error.strerror) or str(error)
