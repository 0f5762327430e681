"""The commands `game ...`: make a pool, play, plan a study, exchange logs, report.

Example:
    visavox game play
    visavox game pool --pairs clips --out pool
    visavox game export game.sqlite --out log.csv
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import sys
from collections.abc import Callable, Mapping
from typing import Any, Protocol

from visavox.config import CommandConfig
from visavox.errors import MissingDependencyError
from visavox.game_config import (
    GameExportConfig,
    GameImportConfig,
    GamePlayConfig,
    GamePoolConfig,
    GameReportConfig,
    GameStudyConfig,
)
from visavox.pipeline.console import progress_bar


class Outcome(Protocol):
    """What one of these commands found or did: a dataclass that can say so."""

    def describe(self) -> str:
        """Return it as lines for a reader, each with its line end."""
        ...  # pragma: no cover


Work = Callable[..., Outcome | None]

WORK: Mapping[type[CommandConfig], tuple[str, str, str]] = {
    GamePoolConfig: ("pipeline.game_pool", "make_pool", "Preparing people"),
    GamePlayConfig: ("web.game.playing", "play", "Drawing people, once"),
    GameStudyConfig: ("web.game.study_folder", "make_study", ""),
    GameExportConfig: ("web.game.log_exchange", "export_log", ""),
    GameImportConfig: ("web.game.log_exchange", "import_log", ""),
    GameReportConfig: ("pipeline.human_baseline", "run_report", ""),
}
"""Of each command: module of the package, function in it, words of its progress bar; "" where it is done at once. What
has said everything itself returns None."""
OF_THE_WEB = frozenset({"fastapi", "starlette", "uvicorn", "pydantic", "multipart"})
"""Packages of the extra `web`."""


def run(config: CommandConfig) -> int:
    """Do what the configuration asks for and print the outcome. Returns 0.

    Raises:
        MissingDependencyError: the game needs the extra `web`, which is not installed.
    """
    module, function, words = WORK[type(config)]
    try:
        work: Work = getattr(importlib.import_module(f"visavox.{module}"), function)
    except ModuleNotFoundError as error:
        if (error.name or "").split(".")[0] not in OF_THE_WEB:
            raise
        raise MissingDependencyError(
            f"The game needs {error.name}, which is not installed. Install it with: pip install 'visavox[web]'"
        ) from error
    if words:
        with progress_bar(words, quiet=config.quiet) as progress:
            outcome = work(config, progress)
    else:
        outcome = work(config)
    if outcome is None:
        return 0
    if config.json:
        sys.stdout.write(json.dumps(as_json(outcome), indent=2, ensure_ascii=False) + "\n")
    elif not config.quiet:
        sys.stdout.write(outcome.describe())
    return 0


def as_json(outcome: Any) -> dict[str, Any]:
    """Return an outcome as JSON values."""
    values: dict[str, Any] = json.loads(json.dumps(dataclasses.asdict(outcome), default=str))
    return values
