"""The command's options to a made-up world on disk: who its people are, what is written, and what could be reached.

Example:
    outcome = simulate_world(SimulateConfig(out=Path("world"), people=300, clips=4))
    outcome.n_clips, outcome.ceiling["honest"]["voice_to_face"]["matching"]["same_sex"]["value"]
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from visavox.config import SimulateConfig
from visavox.errors import ConfigError
from visavox.pipeline.world_embeddings import write_world_embeddings
from visavox.world.ceiling_solver import solve_population
from visavox.world.media_folder import write_world
from visavox.world.population import Leaks, Population
from visavox.world.presets import find_preset
from visavox.world.world_folder import Layout, VectorSettings, VideoSettings, World, read_ceiling

SHARING: Mapping[str, str] = {
    **dict.fromkeys(("ceiling_g", "ceiling_mixed"), "ceilings"),
    **dict.fromkeys(("correlations", "face_reliability", "voice_reliability"), "numbers"),
    "preset": "preset",
}
"""Options that say how much face and voice share, by the way they say it."""

MEANT_FOR: Mapping[str, str] = {
    **dict.fromkeys(("layout", "clip_s", "frame_px"), "videos"),
    **dict.fromkeys(("nuisance", "dim"), "embeddings"),
}
"""Options that one layout alone has a use for."""


@dataclass(frozen=True)
class SimulateOutcome:
    """What `simulate` made."""

    out: Path
    """The folder."""
    world: World
    """Its settings."""
    n_clips: int
    """Clips in it, those of earlier runs included."""
    ceiling: Mapping[str, Any]
    """What could be reached, as in `world.json`."""


def simulate_world(config: SimulateConfig, progress: Callable[[int, int], None] | None = None) -> SimulateOutcome:
    """Write the world that the options describe, or complete what is there.

    Raises:
        ConfigError: a number out of range, an unknown preset, ceilings that no world has.
        DataError: the folder holds another world, or files that are not of one; it cannot be written.
        MissingDependencyError: nothing here can write H.264 or AAC.
    """
    world = world_of(config)
    if config.embeddings_only:
        n_clips = write_world_embeddings(config.out, world, overwrite=config.overwrite, progress=progress)
    else:
        n_clips = write_world(config.out, world, workers=config.workers, overwrite=config.overwrite, progress=progress)
    ceiling = read_ceiling(config.out)
    assert ceiling is not None
    return SimulateOutcome(config.out, world, n_clips, ceiling)


def world_of(config: SimulateConfig) -> World:
    """Return the settings of the world that the options describe.

    Raises:
        ConfigError: a number out of range, an unknown preset, ceilings that no world has, an option that the layout
            has no use for.
    """
    made: Layout = "embeddings" if config.embeddings_only else config.layout
    for name, layout in MEANT_FOR.items():
        chosen = name == "layout" and made == "pairs"  # it is the one way to ask for pairs
        if made != layout and not chosen and getattr(config, name) != getattr(SimulateConfig, name):
            raise ConfigError(f"`{name}` means nothing for a world of {made}. Leave it out.")
    if made == "embeddings" and config.wildness:
        raise ConfigError("`wildness` means nothing for a world of embeddings. Leave it out, or say --nuisance.")
    return World(
        n_people=config.people,
        n_clips=config.clips,
        seed=config.seed,
        population=population_of(config),
        layout=made,
        video=VideoSettings(clip_s=config.clip_s, frame_px=config.frame_px),
        vectors=VectorSettings(nuisance=config.nuisance, dim=config.dim),
        clips_per_session=config.clips_per_session,
        wildness=config.wildness,
    )


def population_of(config: SimulateConfig) -> Population:
    """Return the generative model: of a preset, solved for two ceilings, or given number by number.

    Raises:
        ConfigError: a number out of range, an unknown preset, ceilings that no world has, half of a pair of ceilings,
            two ways to say what is shared.
    """
    given = [name for name in SHARING if getattr(config, name) not in (None, ())]
    if ("ceiling_g" in given) != ("ceiling_mixed" in given):
        raise ConfigError("`ceiling_g` and `ceiling_mixed` need each other: give both or neither.")
    if len({SHARING[name] for name in given}) > 1:
        names = " and ".join(f"`{name}`" for name in given)
        raise ConfigError(f"{names} are different ways to say what face and voice share. Give one of them.")
    leaks = Leaks(recording=config.leak_recording, nationality=config.leak_nationality, language=config.leak_language)
    if config.ceiling_g is not None and config.ceiling_mixed is not None:
        return solve_population(config.ceiling_g, config.ceiling_mixed, leaks=leaks)
    found = replace(find_preset("default" if config.preset is None else config.preset), leaks=leaks)
    if config.correlations:
        found = replace(found, correlations=config.correlations)
    if config.face_reliability is not None:
        found = replace(found, face_reliability=config.face_reliability)
    if config.voice_reliability is not None:
        found = replace(found, voice_reliability=config.voice_reliability)
    return found
