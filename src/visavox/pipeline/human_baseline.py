"""`visavox game report`: people beside the model that played with them, from the log of a game or of a study.

The log is the SQLite file of a game, the folder of a study, or FaceTones' CSV file or its folder. The figures are
`visavox.evaluation.human_baseline`; this module finds out what the log is, chooses the turns that count, and writes the
report.

Example:
    report = report_of_game(GameReportConfig(log=Path("game.sqlite"), out=Path("human")))
"""

from __future__ import annotations

import datetime
import json
import os
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from visavox.errors import ConfigError, DataError
from visavox.evaluation.human_baseline import game_figures
from visavox.evaluation.human_conduct import (
    Participant,
    attention_section,
    double_click_section,
    level_section,
    reaction_section,
)
from visavox.evaluation.human_difficulty import (
    MIN_TURNS,
    difficulty_section,
    foretelling_section,
    item_difficulties,
)
from visavox.evaluation.human_page import HumanReport, human_lines, human_markdown, human_page, human_to_json
from visavox.evaluation.human_sections import learning_section, player_section
from visavox.evaluation.human_turns import DOUBLE_CLICK_S, Turn, in_order, without_double_clicks
from visavox.evaluation.record import Section
from visavox.game_config import GameReportConfig
from visavox.pipeline.facetones_log import LOG, read_facetones
from visavox.pipeline.gallery.telling import counted
from visavox.pipeline.played_log import is_sqlite, read_played

MIN_RESAMPLES = 100
STUDY_TURNS = "turns.sqlite"


@dataclass(frozen=True)
class LoggedGame:
    """What a log holds, whatever its kind."""

    turns: tuple[Turn, ...]
    """All answers, those of participants who are left out aside."""
    genders: Mapping[str, str]
    """"f" or "m" of each id whose gender is known."""
    participants: tuple[Participant, ...] = ()
    """Of a study, those who are left out among them."""


def run_report(config: GameReportConfig) -> None:
    """Write the report and print its main figures, as JSON or as lines."""
    report = report_of_game(config)
    if config.json:
        sys.stdout.write(json.dumps(human_to_json(report)["figures"], indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(described(report, config))


def described(report: HumanReport, config: GameReportConfig) -> str:
    """Return the accuracies as lines for a reader, and where the page is."""
    counts = report.provenance["counts"]
    lines = [f"{config.log}: {counted(counts['turns'], 'turn')} of {counted(counts['players'], 'player')}"]
    lines += [*human_lines(report), *(f"  {note}" for note in report.notes), f"Report: {config.out / 'human.html'}"]
    return "\n".join(lines) + "\n"


def report_of_game(config: GameReportConfig) -> HumanReport:
    """Read a log, write human.json, human.md and human.html into `out`, and return what was found.

    Raises:
        ConfigError: too few resamples, or there is no such log.
        DataError: the log cannot be used, nobody is left, or the folder cannot be written.
    """
    if config.resamples < MIN_RESAMPLES:
        raise ConfigError(f"`resamples` must be at least {MIN_RESAMPLES}. Got {config.resamples}.")
    game = read_game(config)
    report = game_report(game, config)
    write_human_report(report, config.out)
    return report


def read_game(config: GameReportConfig) -> LoggedGame:
    """Return the answers of a log of any kind; participants who failed attention checks are left out.

    Raises:
        ConfigError: there is no such log, or the lists of ids are named beside a log that needs none.
        DataError: the log cannot be used, or nobody is left.
    """
    log = config.log / STUDY_TURNS if (config.log / STUDY_TURNS).is_file() else config.log
    if not log.exists() or (log.is_dir() and not (log / LOG).is_file()):
        raise ConfigError(
            f"`log` must be the SQLite file of a game, the folder of a study, or {LOG} or its folder. There is no "
            f"{log / LOG if log.is_dir() else log}."
        )
    if not is_sqlite(log):
        turns, genders = read_facetones(log, females=config.females, males=config.males)
        return LoggedGame(tuple(turns), genders)
    if config.females or config.males:
        raise ConfigError(
            "`females` and `males` belong to a CSV file. Got them with SQLite, which holds genders itself."
        )
    played = read_played(log)
    out = {played.sessions[p.name] for p in played.participants if not p.attends(config.min_attention)}
    kept = tuple(turn for turn in played.turns if turn.player not in out)
    if not kept:
        raise DataError(
            f"All {len(played.participants)} participants of {log} failed attention checks. Lower --min-attention, now "
            f"{config.min_attention:g}."
        )
    return LoggedGame(kept, played.genders, played.participants)


def game_report(game: LoggedGame, config: GameReportConfig) -> HumanReport:
    """Return the figures of a game.

    Args:
        game: its answers.
        config: resamples, seed, paths, and whether double clicks count.
    """
    single = without_double_clicks(game.turns)
    turns = in_order(game.turns) if config.keep_double_clicks else single
    n_double = len(game.turns) - len(single)
    n_resamples, seed = config.resamples, config.seed
    found = item_difficulties(turns, game.genders, n_resamples=n_resamples, seed=seed)
    if found is None:
        hard = [Section("The hardest voices", f"Not told: fewer than {MIN_TURNS} turns, or all right, or all wrong.")]
    else:
        hard = [difficulty_section(found), foretelling_section(found)]
    sections = (
        attention_section(game.participants, least=config.min_attention),
        level_section(turns, game.genders),
        reaction_section(turns),
        *hard,
        learning_section(turns, game.genders, n_resamples=n_resamples, seed=seed),
        player_section(turns, game.genders),
        double_click_section(game.turns, kept=config.keep_double_clicks),
    )
    return HumanReport(
        figures=game_figures(turns, game.genders, n_resamples=n_resamples, seed=seed),
        sections=tuple(section for section in sections if section is not None),
        provenance=_provenance(turns, config, n_double=n_double),
        notes=tuple(_notes(game, config, n_double=n_double)),
        items=() if found is None else found.rows,
    )


def _notes(game: LoggedGame, config: GameReportConfig, *, n_double: int) -> list[str]:
    what = "are counted here" if config.keep_double_clicks else "were left out"
    notes = []
    if n_double:
        notes.append(
            f"{n_double:,} double clicks {what}: the same question to the same player again, at most "
            f"{DOUBLE_CLICK_S:.0f} s after the answer that stands."
        )
    out = [person for person in game.participants if not person.attends(config.min_attention)]
    if game.participants:
        notes.append(
            f"{len(out):,} of {len(game.participants):,} participants were left out for failed attention checks."
        )
    unknown = sum(turn.true_item not in game.genders or turn.false_item not in game.genders for turn in game.turns)
    if unknown:
        notes.append(f"{unknown:,} turns show somebody of unknown gender: they count among all turns alone.")
    return notes


def _provenance(turns: Sequence[Turn], config: GameReportConfig, *, n_double: int) -> dict[str, object]:
    return {
        "version": version("visavox"),
        "command": shlex.join(["visavox", *sys.argv[1:]]),
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "seed": config.seed,
        "resamples": config.resamples,
        "log": config.log.name,
        "counts": {
            "turns": len(turns),
            "players": len({turn.player for turn in turns}),
            "voices": len({turn.true_item for turn in turns}),
            "people shown": len({item for turn in turns for item in (turn.true_item, turn.false_item)}),
        },
        "double_clicks": n_double,
        "keep_double_clicks": config.keep_double_clicks,
        "min_attention": config.min_attention,
    }


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
        said = error.strerror or str(error)
        raise DataError(
            f"The report must be written to {folder}, which failed: {said}. Name another folder with --out."
        ) from error
