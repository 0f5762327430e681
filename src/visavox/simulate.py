"""The command `simulate`: a world of made-up people whose faces and voices share exactly as much as was asked for.

Example:
    visavox simulate --people 300 --clips 4 --seed 0 --out world
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator

from visavox.config import SimulateConfig
from visavox.pipeline.console import progress_bar
from visavox.pipeline.simulating import SimulateOutcome, simulate_world

TITLES = {
    "videos": "Drawing faces, synthesising voices, writing videos",
    "pairs": "Drawing faces, synthesising voices",
    "embeddings": "Writing what faces and voices show",
}


def run(config: SimulateConfig) -> int:
    """Make the world, say how much is in it, what could be reached and what to type next. Returns 0."""
    made = "embeddings" if config.embeddings_only else config.layout
    with progress_bar(TITLES[made], quiet=config.quiet) as progress:
        outcome = simulate_world(config, progress)
    if config.json:
        said = {"out": str(config.out), "people": config.people, "clips": outcome.n_clips, "ceiling": outcome.ceiling}
        sys.stdout.write(json.dumps(said) + "\n")
    elif not config.quiet:
        sys.stdout.write("".join(f"{line}\n" for line in _lines(config, outcome)))
    return 0


def _lines(config: SimulateConfig, outcome: SimulateOutcome) -> Iterator[str]:
    what = {"videos": "videos", "pairs": "clips", "embeddings": "clips as embeddings"}[outcome.world.layout]
    yield f"{config.out}: {outcome.n_clips} {what} of {config.people} people"
    if config.people < 4:
        yield f"With {config.people} people no two may be of one sex: 4 or more are needed for tests within one."
    for knows, title in (("honest", "Best possible"), ("with_shortcuts", "With the planted shortcuts")):
        if outcome.ceiling.get(knows):
            matching = outcome.ceiling[knows]["voice_to_face"]["matching"]
            same, opposite = (100 * matching[group]["value"] for group in ("same_sex", "opposite_sex"))
            yield f"{title}, 1:2, voice to face: {same:.1f} % within one sex, {opposite:.1f} % between the two"
    if outcome.world.layout == "embeddings":
        yield f"Next: visavox split --corpus {config.out} --out splits"
    else:
        yield f"Next: visavox prepare --source {outcome.world.layout} --root {config.out} --out corpus"
