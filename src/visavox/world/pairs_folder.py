"""Writes a small made-up data set as faces and voices apart, the layout that `prepare --source pairs` reads.

    OUT/faces/CLIP.jpg  OUT/voices/CLIP.flac  OUT/clips.csv (clip, person, gender, session, ...)  OUT/world.json

The short way to `visavox.world.media_folder.write_world`, for tests and first trials: no video, no ceiling.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_pairs_folder(folder, n_people=1, n_clips=1, seed=0)
    1
    >>> (folder / "clips.csv").read_text(encoding="utf-8").split()[0]
    'clip,person,gender,session,nationality,language'
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from visavox.errors import ConfigError
from visavox.world.media_folder import write_world
from visavox.world.population import Population
from visavox.world.world_folder import World


def write_pairs_folder(
    out: Path,
    *,
    n_people: int = 80,
    n_clips: int = 3,
    seed: int = 0,
    population: Population | None = None,
    n_processes: int | None = None,
    overwrite: bool = False,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write faces, voices and `clips.csv` into a folder, or complete what is there.

    Args:
        out: the folder; made if missing.
        n_people: 1 or more; half of them are female.
        n_clips: pairs of each person, 1 or more.
        seed: 0 or more.
        population: the generative model; None: the default one.
        n_processes: 1 or more; by default as many as this process may use cores.
        overwrite: remove the world that the folder holds first; other files are never removed.
        progress: called as progress(done, total), in clips.

    Returns:
        Number of clips in the folder.

    Raises:
        ConfigError: a number is too small.
        DataError: the folder holds another world, or files that are not of one.
    """
    if n_processes is not None and n_processes < 1:
        raise ConfigError(f"`n_processes` must be at least 1. Got {n_processes}.")
    world = World(n_people, n_clips, seed, population or Population(), layout="pairs")
    return write_world(out, world, workers=n_processes or 0, overwrite=overwrite, with_ceiling=False, progress=progress)
