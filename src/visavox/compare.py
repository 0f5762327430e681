"""The command `compare`: a recipe of methods to a leaderboard.

Example:
    visavox compare recipes/compare-small.yaml --data ../data
"""

from __future__ import annotations

import json
import sys
from functools import partial

from visavox.evaluation.leaderboard import MAIN, Leaderboard
from visavox.evaluation.leaderboard_page import leaderboard_json
from visavox.evaluation.wording import format_cell
from visavox.method_config import CompareConfig
from visavox.pipeline.comparing.contest_runs import compare_methods
from visavox.pipeline.console import progress_bar


def run(config: CompareConfig) -> int:
    """Compare and print the ranking. Returns 0."""
    board = compare_methods(config, partial(progress_bar, quiet=config.quiet))
    if config.json:
        sys.stdout.write(json.dumps(leaderboard_json(board), indent=2) + "\n")
    elif not config.quiet:
        sys.stdout.write(describe(board))
    return 0


def describe(board: Leaderboard) -> str:
    """Return the ranking of each arena as lines for a reader."""
    lines = []
    for one in board.boards:
        lines.append(f"{one.arena.name}: 1:2 accuracy, voice to face, {one.arena.n_people} people, {one.arena.how}")
        width = max(len(row.method) for row in one.rows)
        for row in one.rows:
            value, interval = format_cell(row.measures.get(MAIN))
            difference = row.differences.get(MAIN)
            against = ""
            if difference is not None and row.method != board.reference:
                against = (
                    f"  {100 * difference.value:+.1f} ({100 * difference.low:+.1f} to {100 * difference.high:+.1f})"
                )
            known = row.shares.get(MAIN)
            share = f"  {100 * known.value:.1f} % of the knowable" if known else ""
            figure = row.problem or f"{value} ({interval}){against}{share}"
            lines.append(f"  {row.method:<{width}}  {figure}")
    return "\n".join(lines) + "\n"
