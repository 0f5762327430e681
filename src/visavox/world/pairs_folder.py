"""Writes a small made-up data set as a folder of pairs, the layout that `prepare --source pairs` reads.

    OUT/faces/CLIP.jpg  OUT/voices/CLIP.flac  OUT/clips.csv (clip, person, gender, session)  OUT/world.json

A pure function of its seed: each clip draws from a random generator of its own, so that neither the number of
processes nor a kill in between changes a byte. A clip that is complete is not written again; `clips.csv` comes last.

Example:
    >>> import tempfile
    >>> folder = Path(tempfile.mkdtemp())
    >>> write_pairs_folder(folder, n_people=1, n_clips=1, seed=0)
    1
    >>> (folder / "clips.csv").read_text(encoding="utf-8").split()
    ['clip,person,gender,session', 'person-0000-c0,person-0000,f,person-0000-s0']
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from visavox.errors import ConfigError, DataError
from visavox.media.audio import write_voice
from visavox.media.files import write_whole
from visavox.media.images import write_face
from visavox.worker_pool import n_processes as processes
from visavox.worker_pool import stream
from visavox.world.faces.drawn_faces import draw_face
from visavox.world.people import make_person
from visavox.world.population import Population
from visavox.world.faces.scene import random_scene
from visavox.world.voices.synthetic_voices import random_take, speak

WORLD_FILE = "world.json"
COLUMNS = ("clip", "person", "gender", "session")
CLIPS_PER_SESSION = 2
"""Clips of one person that share room, light and wall."""

_FORMAT = 1  # raise it when the same seed no longer gives the same bytes
_MIN_CLIPS_FOR_POOL = 12  # starting processes costs about a second


@dataclass(frozen=True)
class World:
    """Everything that decides the content of the folder; saved as `world.json`."""

    n_people: int
    """Number of people, 1 or more."""
    n_clips: int
    """Clips of each person, 1 or more."""
    seed: int
    """0 or more."""
    population: Population = field(default_factory=Population)
    """The generative model of the people."""
    format: int = _FORMAT
    """Version of the drawing and of the synthesis."""


def write_pairs_folder(
    out: Path,
    *,
    n_people: int = 80,
    n_clips: int = 3,
    seed: int = 0,
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
        n_processes: 1 or more; by default as many as this process may use cores.
        overwrite: remove the world that the folder holds first; other files are never removed.
        progress: called as progress(done, total), in clips.

    Returns:
        Number of clips in the folder.

    Raises:
        ConfigError: a number is too small.
        DataError: the folder holds another world, or files that are not of one.
    """
    for name, value, least in (("n_people", n_people, 1), ("n_clips", n_clips, 1), ("seed", seed, 0)):
        if value < least:
            raise ConfigError(f"`{name}` must be at least {least}. Got {value}.")
    if n_processes is not None and n_processes < 1:
        raise ConfigError(f"`n_processes` must be at least 1. Got {n_processes}.")
    world = World(n_people=n_people, n_clips=n_clips, seed=seed)
    jobs = [(index, clip) for index in range(n_people) for clip in range(n_clips)]
    try:
        _claim(out, world, overwrite=overwrite)
        missing = [job for job in jobs if not all(path.is_file() for path in _paths(out, *job))]
        done = len(jobs) - len(missing)
        if progress is not None:
            progress(done, len(jobs))
        n_workers = processes(n_processes or 0) if len(missing) >= _MIN_CLIPS_FOR_POOL else 1
        clips = (_Clip(out, world, *job) for job in missing)
        for finished, _ in enumerate(stream(_write, clips, n_workers=n_workers), start=1):
            if progress is not None:
                progress(done + finished, len(jobs))
        _write_table(out, world, jobs)
    except OSError as error:
        raise DataError(
            f"{error.filename or out}: cannot be written ({error.strerror}). "
            "Choose another folder or make room; what is done is kept."
        ) from error
    return len(jobs)


def write_clip(out: Path, world: World, index: int, clip: int) -> None:
    """Write the face and the voice of one clip; their folders must exist.

    Args:
        out: the data set's folder.
        world: its settings.
        index: of the person, 0 or more.
        clip: number of the clip, 0 or more.

    Raises:
        OSError: the disk is full or read-only.
    """
    person = make_person(index, seed=world.seed, population=world.population)
    session_seed = [world.seed, index, 1, clip // CLIPS_PER_SESSION]
    clip_seed = [world.seed, index, 2, clip]
    face_path, voice_path = _paths(out, index, clip)
    # Face and voice take separate generators, so that a change in drawing leaves the voices as they were.
    rng = np.random.default_rng([*clip_seed, 0])
    scene = random_scene(np.random.default_rng([*session_seed, 0]), rng)
    write_face(face_path, draw_face(person.face, scene, rng=rng))
    rng = np.random.default_rng([*clip_seed, 1])
    take = random_take(np.random.default_rng([*session_seed, 1]), rng)
    write_voice(voice_path, speak(person.voice, take, rng))


def _claim(out: Path, world: World, *, overwrite: bool) -> None:
    """Make the folder and say whose it is, or check that it is ours."""
    settings = out / WORLD_FILE
    if settings.is_file():
        if overwrite:
            _clear(out)
        else:
            _check_settings(settings, world)
    elif out.is_dir() and any(not path.name.startswith(".") for path in out.iterdir()):
        raise DataError(f"{out} holds files but no {WORLD_FILE}: it is not a made-up world. Choose an empty folder.")
    (out / "faces").mkdir(parents=True, exist_ok=True)
    (out / "voices").mkdir(exist_ok=True)
    write_whole(settings, (json.dumps(_settings_of(world), indent=2) + "\n").encode())


def _settings_of(world: World) -> dict[str, object]:
    """Return the settings as JSON values."""
    plain: dict[str, object] = json.loads(json.dumps(asdict(world)))
    return plain


def _clear(out: Path) -> None:
    """Remove what a world holds but for its settings, so that a kill in between can be repeated."""
    (out / "clips.csv").unlink(missing_ok=True)
    for path in [*(out / "faces").glob("person-*.jpg"), *(out / "voices").glob("person-*.flac")]:
        path.unlink()


def _check_settings(settings: Path, world: World) -> None:
    try:
        found = json.loads(settings.read_text(encoding="utf-8"))
    except ValueError as error:
        raise DataError(f"{settings} is not JSON: {error}. Overwrite the folder or choose another.") from error
    if found != _settings_of(world):
        raise DataError(
            f"{settings.parent} holds another world: {_differences(found, _settings_of(world))}. "
            "Choose another folder, overwrite this one, or ask for the same numbers."
        )


def _differences(found: object, wanted: dict[str, object]) -> str:
    if not isinstance(found, dict):
        return "its settings are not a mapping"
    names = [name for name in wanted if found.get(name) != wanted[name]]
    return ", ".join(f"{name} {found.get(name)} instead of {wanted[name]}" for name in names) or "other settings"


def _clip_name(index: int, clip: int) -> str:
    return f"person-{index:04d}-c{clip}"


def _paths(out: Path, index: int, clip: int) -> tuple[Path, Path]:
    name = _clip_name(index, clip)
    return out / "faces" / f"{name}.jpg", out / "voices" / f"{name}.flac"


@dataclass(frozen=True)
class _Clip:
    """One clip to write, for a worker."""

    out: Path
    world: World
    index: int
    number: int


def _write(clip: _Clip) -> None:
    write_clip(clip.out, clip.world, clip.index, clip.number)


def _write_table(out: Path, world: World, jobs: list[tuple[int, int]]) -> None:
    table = io.StringIO()
    writer = csv.writer(table, lineterminator="\n")
    writer.writerow(COLUMNS)
    for index, clip in jobs:
        person = make_person(index, seed=world.seed, population=world.population)
        session = f"{person.name}-s{clip // CLIPS_PER_SESSION}"
        writer.writerow([_clip_name(index, clip), person.name, person.sex, session])
    write_whole(out / "clips.csv", table.getvalue().encode())
