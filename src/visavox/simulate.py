"""The command `simulate`: a small set of drawn faces and synthesised voices.

Example:
    visavox simulate --people 80 --clips 3 --out world
"""

from __future__ import annotations

import json
import sys

from visavox.config import SimulateConfig
from visavox.pipeline.console import progress_bar
from visavox.world.pairs_folder import write_pairs_folder


def run(config: SimulateConfig) -> int:
    """Draw the set and say how many clips it holds. Returns 0."""
    with progress_bar("Drawing faces, synthesising voices", quiet=config.quiet) as progress:
        n_clips = write_pairs_folder(
            config.out,
            n_people=config.people,
            n_clips=config.clips,
            seed=config.seed,
            overwrite=config.overwrite,
            progress=progress,
        )
    if config.json:
        sys.stdout.write(json.dumps({"out": str(config.out), "clips": n_clips}) + "\n")
    elif not config.quiet:
        sys.stdout.write(f"{config.out}: {n_clips} clips of {config.people} people\n")
    return 0
