"""The folder of a made-up world: whose it is, what is in it, and what may be removed from it.

`world.json` holds every setting that decides a byte of the world, and the ceiling once all the rest is there. A folder
of another world, or of somebody else, is never touched. What the clips are is the affair of
`visavox.world.clip_writing`.

Example:
    >>> import tempfile
    >>> out = Path(tempfile.mkdtemp())
    >>> world = World(n_people=2, n_clips=1, seed=0)
    >>> claim_folder(out, world), read_ceiling(out)
    (None, None)
    >>> claim_folder(out, World(n_people=3, n_clips=1, seed=0))  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    ...
    visavox.errors.DataError: ... holds another world: people 2 instead of 3. Choose another folder, ...
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

from visavox.errors import ConfigError, DataError
from visavox.media.files import write_whole
from visavox.media.video_writing import CRF, PRESET
from visavox.world.faces.talking_head import FPS, MAX_FRAME_PX, MIN_FRAME_PX
from visavox.world.population import Population

WORLD_FILE, PEOPLE_FILE, TRUTH_FILE, CLIPS_FILE = "world.json", "people.csv", "truth.csv", "clips.csv"

CLIPS_PER_SESSION = 2
"""Clips of one person that share room, light, wall and microphone, where a world does not say otherwise."""

Layout = Literal["videos", "pairs", "embeddings"]

_FORMAT = 3  # raise it when the same settings no longer give the same pictures, samples or numbers
_MEDIA = ("videos/w*-person-*/w*-person-*.mp4", "faces/w*-person-*.jpg", "voices/w*-person-*.flac")
_TABLES = (PEOPLE_FILE, TRUTH_FILE, CLIPS_FILE)
_VECTORS = (
    *(f"catalog.sqlite{suffix}" for suffix in ("", "-wal", "-shm", "-journal")),
    *(f"embeddings/{name}" for name in ("voice.parquet", "face.parquet", "embeddings.json")),
)
_UNFINISHED = (".*.tmp", ".*.part")  # what a kill leaves of a file that was not yet given its name
_FOLDERS = ("videos/w*-person-*", "videos", "faces", "voices", "embeddings")
_INSIDE = tuple(f"{folder}/" for folder in _FOLDERS)


@dataclass(frozen=True)
class VideoSettings:
    """What decides the videos beside the people."""

    clip_s: float = 4.0
    """Length of every clip in seconds, 3 to 6."""
    frame_px: int = 256
    """Width and height of a frame, even, 128 to 512."""

    def __post_init__(self) -> None:
        """Hold both to their ranges.

        Raises:
            ConfigError: a length or a size out of range, or an odd size, which H.264 cannot store.
        """
        if not 3.0 <= self.clip_s <= 6.0:
            raise ConfigError(f"`clip_s` must be between 3 and 6 seconds. Got {self.clip_s:g}.")
        if not MIN_FRAME_PX <= self.frame_px <= MAX_FRAME_PX:
            raise ConfigError(f"`frame_px` must be between {MIN_FRAME_PX} and {MAX_FRAME_PX}. Got {self.frame_px}.")
        if self.frame_px % 2:
            raise ConfigError(
                f"`frame_px` must be even, since H.264 stores colour in blocks of two. Got {self.frame_px}. "
                f"Take {self.frame_px + 1}."
            )

    @property
    def n_frames(self) -> int:
        """Frames of a clip."""
        return round(self.clip_s * FPS)

    def to_json(self) -> dict[str, Any]:
        """Return the settings, with what is the same for all worlds, as JSON values."""
        return {**asdict(self), "fps": FPS, "x264_preset": PRESET, "x264_crf": CRF}


@dataclass(frozen=True)
class VectorSettings:
    """What decides the vectors of a world without media."""

    nuisance: float = 0.0
    """Standard deviation of what every clip adds to each number, 0 or more; a person's numbers have 1."""
    dim: int = 0
    """Length of the vectors after a fixed rotation; 0 leaves the numbers as they are."""

    def __post_init__(self) -> None:
        """Hold both to their ranges.

        Raises:
            ConfigError: a negative number.
        """
        if not 0.0 <= self.nuisance < float("inf"):
            raise ConfigError(f"`nuisance` must be 0 or more, and finite. Got {self.nuisance:g}.")
        if self.dim < 0:
            raise ConfigError(f"`dim` must be 0, for no rotation, or more. Got {self.dim}.")


@dataclass(frozen=True)
class World:
    """Everything that decides the content of the folder."""

    n_people: int
    """Number of people, 1 or more; half of them are female."""
    n_clips: int
    """Clips of each person, 1 or more."""
    seed: int
    """0 or more."""
    population: Population = field(default_factory=Population)
    """The generative model of the people."""
    layout: Layout = "videos"
    """Videos, faces and voices apart ("pairs"), or vectors only ("embeddings")."""
    video: VideoSettings = field(default_factory=VideoSettings)
    """Read for videos only."""
    vectors: VectorSettings = field(default_factory=VectorSettings)
    """Read for embeddings only."""
    clips_per_session: int = CLIPS_PER_SESSION
    """Clips of one person that share room, light, wall and microphone; 1 or more."""
    wildness: float = 0.0
    """How unlike each other recordings of a person are, 0 to 1 (`visavox.world.wildness`); not read for embeddings."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges.

        Raises:
            ConfigError: a number is too small, or recordings leak and nobody has clips of two sessions.
        """
        for name, least in (("n_people", 1), ("n_clips", 1), ("seed", 0), ("clips_per_session", 1)):
            if getattr(self, name) < least:
                raise ConfigError(f"`{name}` must be at least {least}. Got {getattr(self, name)}.")
        if not 0.0 <= self.wildness <= 1.0:
            raise ConfigError(f"`wildness` must be 0 to 1. Got {self.wildness:g}.")
        if self.population.leaks.recording > 0 and self.n_clips <= self.clips_per_session:
            raise ConfigError(
                f"A person's clips must be at least {self.clips_per_session + 1} where recordings leak: a test across "
                f"sessions needs two of them, and {self.clips_per_session} clips are one. Got {self.n_clips}. "
                "Ask for more clips, or for no leak of recording."
            )

    def to_json(self) -> dict[str, Any]:
        """Return the settings as JSON values; those of other layouts are null."""
        return {
            "format": _FORMAT,
            "layout": self.layout,
            "n_people": self.n_people,
            "n_clips": self.n_clips,
            "clips_per_session": self.clips_per_session,
            **({"wildness": self.wildness} if self.wildness else {}),  # worlds of before have none
            "seed": self.seed,
            "population": json.loads(json.dumps(asdict(self.population))),
            "video": self.video.to_json() if self.layout == "videos" else None,
            "vectors": asdict(self.vectors) if self.layout == "embeddings" else None,
        }


def claim_folder(out: Path, world: World, *, overwrite: bool = False) -> None:
    """Make the folder and say whose it is, or check that it is that of the same world.

    Files that a kill left unfinished are removed.

    Args:
        out: the folder; made if missing.
        world: what it is to hold.
        overwrite: remove the world that the folder holds first, and nothing that no world writes.

    Raises:
        DataError: the folder holds another world, or files that are not of one.
        OSError: it cannot be written.
    """
    settings = out / WORLD_FILE
    found = _read_settings(settings, overwrite=overwrite) if settings.is_file() else None
    if found is None and not settings.is_file() and out.is_dir() and any(_visible(out)):
        raise DataError(f"{out} holds files but no {WORLD_FILE}: it is not a made-up world. Choose an empty folder.")
    wanted = world.to_json()
    if found is not None and not overwrite:
        _refuse_other(out, found, wanted)
    _remove(out, tuple(f"{folder}{pattern}" for folder in ("", *_INSIDE) for pattern in _UNFINISHED))
    if found is not None and not overwrite:
        return
    if found is not None:
        _clear(out, with_vectors=found.get("layout", "embeddings") == "embeddings")
    out.mkdir(parents=True, exist_ok=True)
    write_whole(settings, _as_bytes({**wanted, "ceiling": None}))


def finish_folder(out: Path, world: World, ceiling: Mapping[str, Any]) -> None:
    """Write the ceiling into `world.json`; it comes last, so that a world with a ceiling is whole.

    Raises:
        OSError: it cannot be written.
    """
    write_if_other(out / WORLD_FILE, _as_bytes({**world.to_json(), "ceiling": dict(ceiling)}))


def read_ceiling(out: Path) -> dict[str, Any] | None:
    """Return the ceiling of a world; None where it has not come that far.

    Raises:
        DataError: `world.json` is not one.
    """
    ceiling: dict[str, Any] | None = _read_settings(out / WORLD_FILE, overwrite=False).get("ceiling")
    return ceiling


def refuse_unfinished(root: Path) -> None:
    """Raise where a folder holds a world whose clips are not all written: the table of its people comes after them.

    Args:
        root: any folder, of a world or not.

    Raises:
        DataError: it holds the settings of a world of clips, and no table.
    """
    try:
        found = json.loads((root / WORLD_FILE).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return
    tables = {"videos": PEOPLE_FILE, "pairs": CLIPS_FILE}
    table = tables.get(str(found.get("layout"))) if isinstance(found, dict) and "n_people" in found else None
    if table is not None and not (root / table).is_file():
        raise DataError(
            f"{root} holds a world that is not finished: {table}, which names its people, is missing. "
            "Run the same `visavox simulate` again to complete it."
        )


def write_if_other(path: Path, data: bytes) -> None:
    """Write a file whole, unless it holds these bytes already.

    Raises:
        OSError: it cannot be written.
    """
    if not path.is_file() or path.read_bytes() != data:
        write_whole(path, data)


@contextmanager
def disk_errors(out: Path) -> Iterator[None]:
    """Turn errors of the file system into a `DataError` of one line.

    Args:
        out: what is written, for a message without a file of its own.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or out}: cannot be written ({error.strerror or error}). "
            "Choose another folder or make room; what is done is kept."
        ) from error


def _read_settings(path: Path, *, overwrite: bool) -> dict[str, Any]:
    """Return what `world.json` says; of one that is not JSON, and is to be overwritten, nothing."""
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except ValueError as error:
        if overwrite:
            return {}
        raise DataError(f"{path} is not JSON: {error}. Choose another folder, or give --overwrite.") from error
    if not isinstance(found, dict) or not {"format", "n_people", "seed"} <= found.keys():
        raise DataError(f"{path} holds no settings of a made-up world. Choose another folder.")
    return found


def _refuse_other(out: Path, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    if found["format"] != wanted["format"]:
        raise DataError(
            f"{out} holds a world of format {found['format']}, and this version draws format {wanted['format']}: "
            "the same seed gives other pictures. Choose another folder, or replace this world with --overwrite."
        )
    before, now = _flat({**found, "ceiling": None}), _flat({**wanted, "ceiling": None})
    names = sorted(name for name in before.keys() | now.keys() if before.get(name) != now.get(name))
    if "layout" in names:  # the settings of a layout differ with it
        names = [name for name in names if not name.startswith(("video", "vectors"))]
    if names:
        said = ", ".join(
            f"{name.removeprefix('n_')} {before.get(name)} instead of {now.get(name)}" for name in names[:3]
        )
        more = f" and {len(names) - 3} more" if len(names) > 3 else ""
        raise DataError(
            f"{out} holds another world: {said}{more}. "
            "Choose another folder, replace this world with --overwrite, or ask for the same numbers."
        )


def _flat(value: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Return {"population.leaks.recording": value, ...}."""
    flat: dict[str, Any] = {}
    for name, inner in value.items():
        flat |= _flat(inner, f"{prefix}{name}.") if isinstance(inner, Mapping) else {f"{prefix}{name}": inner}
    return flat


def _clear(out: Path, *, with_vectors: bool) -> None:
    """Remove what a world holds but for its settings, so that a kill in between can be repeated."""
    _remove(out, _TABLES)
    _remove(out, _MEDIA)
    if with_vectors:  # else a catalog is that of somebody who prepared or embedded into this folder
        _remove(out, _VECTORS)
    for pattern in _FOLDERS:
        for folder in out.glob(pattern):
            with contextlib.suppress(OSError):  # somebody keeps files of their own in it
                folder.rmdir()


def _remove(out: Path, patterns: tuple[str, ...]) -> None:
    for pattern in patterns:
        for path in out.glob(pattern):
            path.unlink(missing_ok=True)


def _visible(out: Path) -> Iterator[Path]:
    return (path for path in out.iterdir() if not path.name.startswith("."))


def _as_bytes(settings: Mapping[str, Any]) -> bytes:
    return (json.dumps(settings, indent=2) + "\n").encode()
