"""The log of a guess-the-face game to a human baseline: reading, checking, and the report in a folder.

The log is that of FaceTones' game: a CSV file with the columns `USER ID`, `True image id`, `False image id`,
`Model choice`, `User choice` and `DateTime`, and beside it two lists of ids, one a line, of women and of men. Rows that
cannot be used are named and refused, never guessed at.

Example:
    report = import_game(HumanConfig(log=Path("game/FaceTones_game_log.csv"), out=Path("human")))
"""

from __future__ import annotations

import csv
import datetime
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import version
from pathlib import Path

from visavox.errors import ConfigError, DataError, one_line
from visavox.evaluation.human_baseline import game_figures
from visavox.evaluation.human_page import HumanReport, human_markdown, human_page, human_to_json
from visavox.evaluation.human_sections import item_section, learning_section, player_section
from visavox.evaluation.human_turns import DOUBLE_CLICK_S, Turn, in_order, without_double_clicks
from visavox.method_config import HumanConfig

LOG = "FaceTones_game_log.csv"
LISTS = {"f": "females.txt", "m": "male.txt"}
COLUMNS = ("USER ID", "True image id", "False image id", "Model choice", "User choice", "DateTime")
TIME_FORMAT = "%Y-%m-%d %H:%M:%S"
MIN_RESAMPLES = 100
N_NAMED = 5  # bad rows that a message names


def import_game(config: HumanConfig) -> HumanReport:
    """Read a game log, write human.json, human.md and human.html into `out`, and return what was found.

    Raises:
        ConfigError: too few resamples.
        DataError: a file is missing, a row cannot be used, or the folder cannot be written.
    """
    if config.resamples < MIN_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {MIN_RESAMPLES}. Got {config.resamples}.")
    if not config.log.exists():
        raise ConfigError(f"`log` must be the log of a game, or the folder that holds {LOG}. There is no {config.log}.")
    log = config.log / LOG if config.log.is_dir() else config.log
    lists = {
        "f": config.females or log.parent / LISTS["f"],
        "m": config.males or log.parent / LISTS["m"],
    }
    genders = read_genders(lists)
    logged = read_turns(log, genders)
    single = without_double_clicks(logged)
    turns = in_order(logged) if config.keep_double_clicks else single
    report = game_report(turns, genders, config, n_double=len(logged) - len(single))
    write_human_report(report, config.out)
    return report


def game_report(
    turns: Sequence[Turn], genders: Mapping[str, str], config: HumanConfig, *, n_double: int
) -> HumanReport:
    """Return the figures of turns in the order of time.

    Args:
        turns: the turns that count, by time.
        genders: "f" or "m" for every id.
        config: resamples, seed and paths.
        n_double: how many turns of the log are double clicks.
    """
    what = "are counted here" if config.keep_double_clicks else "were left out"
    note = (
        f"{n_double:,} double clicks {what}: the same question to the same player again, at most "
        f"{DOUBLE_CLICK_S:.0f} s after the answer that stands."
    )
    n_resamples, seed = config.resamples, config.seed
    return HumanReport(
        figures=game_figures(turns, genders, n_resamples=n_resamples, seed=seed),
        sections=(
            learning_section(turns, genders, n_resamples=n_resamples, seed=seed),
            player_section(turns, genders),
            item_section(turns, genders),
        ),
        provenance={
            "version": version("visavox"),
            "command": shlex.join(["visavox", *sys.argv[1:]]),
            "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
            "seed": seed,
            "resamples": n_resamples,
            "log": config.log.name,
            "counts": {
                "turns": len(turns),
                "players": len({turn.player for turn in turns}),
                "people shown": len({item for turn in turns for item in (turn.true_item, turn.false_item)}),
            },
            "double_clicks": n_double,
            "keep_double_clicks": config.keep_double_clicks,
        },
        notes=(note,),
    )


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
    try:
        with log.open(encoding="utf-8-sig", newline="") as file:
            reader = csv.DictReader(file, strict=True)
            missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
            if missing:
                raise DataError(
                    f"{log} must have the columns {', '.join(COLUMNS)}. It lacks {', '.join(missing)}. "
                    "Export the log with its first line."
                )
            rows = [(reader.line_num, row) for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(
            f"A game log must be a CSV file. {log} cannot be read ({_reason(error)}). Name {LOG} or its folder."
        ) from error
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


def write_human_report(report: HumanReport, folder: Path) -> None:
    """Write human.json, human.md and human.html, each at once and whole.

    Raises:
        DataError: the folder cannot be written.
    """
    texts = {
        "human.json": json.dumps(human_to_json(report), indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "human.md": human_markdown(report),
        "human.html": human_page(report),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            whole = folder / f".{name}.{os.getpid()}.part"
            try:
                whole.write_text(text, encoding="utf-8")
                whole.replace(folder / name)
            finally:
                whole.unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"The report must be written to {folder}, which failed: {_reason(error)}. Name another folder with --out."
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
