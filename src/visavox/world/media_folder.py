"""Writes a made-up world of videos, or of faces and voices apart, into a folder.

    OUT/videos/w0-person-0007/w0-person-0007-c2.mp4  OUT/people.csv  OUT/truth.csv  OUT/world.json    layout "videos"
    OUT/faces/w0-person-0007-c2.jpg  OUT/voices/w0-person-0007-c2.flac  OUT/clips.csv  ...               layout "pairs"

A pure function of the world's settings. What is complete is not written again, so that a run that was killed goes on
where it stopped; the tables come after the clips, and the ceiling comes last.

Example:
    write_world(Path("world"), World(n_people=300, n_clips=4, seed=0))      # 1200 videos
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.worker_pool import n_processes as processes
from visavox.worker_pool import stream
from visavox.world.ceiling import measure_ceiling
from visavox.world.clip_writing import is_written, write_clip
from visavox.world.population import Population
from visavox.world.world_folder import (
    CLIPS_FILE,
    PEOPLE_FILE,
    TRUTH_FILE,
    World,
    claim_folder,
    disk_errors,
    finish_folder,
    read_ceiling,
    write_if_other,
)
from visavox.world.world_tables import clips_table, truth_table

_MIN_CLIPS_FOR_POOL = 12  # starting processes costs about a second


def write_world(
    out: Path,
    world: World,
    *,
    workers: int = 0,
    overwrite: bool = False,
    with_ceiling: bool = True,
    progress: Callable[[int, int], None] | None = None,
) -> int:
    """Write the clips and the tables of a world into a folder, or complete what is there.

    Args:
        out: the folder; made if missing.
        world: its settings; the layout is "videos" or "pairs".
        workers: processes; 0 takes one a core.
        overwrite: remove the world that the folder holds first; other files are never removed.
        with_ceiling: measure the ceiling too, which takes some seconds.
        progress: called as progress(done, total), in clips.

    Returns:
        Number of clips in the folder.

    Raises:
        DataError: the folder holds another world, or files that are not of one; it cannot be written.
        MissingDependencyError: nothing here can write H.264 or AAC.
    """
    jobs = [(index, clip) for index in range(world.n_people) for clip in range(world.n_clips)]
    with disk_errors(out):
        claim_folder(out, world, overwrite=overwrite)
        missing = [job for job in jobs if not is_written(out, world, *job)]
        done = len(jobs) - len(missing)
        if progress is not None:
            progress(done, len(jobs))
        n_workers = processes(workers) if len(missing) >= _MIN_CLIPS_FOR_POOL else 1
        ceiling = read_ceiling(out)
        # The ceiling is a job among the clips, the first since it is the longest, so that no core waits for it.
        to_do: list[_Clip | Population] = [world.population] if with_ceiling and ceiling is None else []
        to_do += [_Clip(out, world, *job) for job in missing]
        for found in stream(_do, to_do, n_workers=n_workers):
            if found is not None:
                ceiling = found
                continue
            done += 1
            if progress is not None:
                progress(done, len(jobs))
        table = PEOPLE_FILE if world.layout == "videos" else CLIPS_FILE
        write_if_other(out / table, clips_table(world))
        write_if_other(out / TRUTH_FILE, truth_table(world))
        if ceiling is not None:
            finish_folder(out, world, ceiling)
    return len(jobs)


@dataclass(frozen=True)
class _Clip:
    """One clip to write, for a worker."""

    out: Path
    world: World
    index: int
    number: int


def _do(job: _Clip | Population) -> dict[str, Any] | None:
    """Write a clip, or return the ceiling of a population."""
    if isinstance(job, Population):
        return measure_ceiling(job).to_json()
    write_clip(job.out, job.world, job.index, job.number)
    return None
