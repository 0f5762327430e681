"""What the commands `game ...` can be told.

Example:
    >>> GameStudyConfig(pool=Path("pool"), out=Path("study")).participants
    20
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from visavox.config import CommandConfig, NetworkConfig, PooledConfig
from visavox.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class GamePoolConfig(PooledConfig):
    """Make the pool of a game: faces, voices, and what the model chooses for every pair of them."""

    out: Path
    """Folder of the pool."""
    corpus: Path | None = None
    """Folder that `prepare` wrote; its people are guessed, one clip each."""
    pairs: Path | None = None
    """Folder with faces/, voices/ and clips.csv, instead of a corpus."""
    columns: Mapping[str, Any] = field(default_factory=dict)
    """Names of the columns of clips.csv where they are not the usual ones."""
    model: str = ""
    """The model to play against; by default "world" for simulated people and "base" for others."""
    people: int = 60
    """Simulated people, where neither a corpus nor pairs are given; 4 or more, half of them female."""
    max_voice_s: float = 6.0
    """Seconds of each voice that are played, above 0."""
    seed: int = 0
    """Simulated people, and which clip of a person is taken, depend on this number alone."""
    overwrite: bool = False
    """Replace the pool that `out` holds."""


@dataclass(frozen=True, kw_only=True)
class GamePlayConfig(NetworkConfig):
    """Play guess-the-face in a browser: two faces, one voice, your score and the model's."""

    pool: Path | None = None
    """Pool made by `game pool`; by default people of the simulated world, drawn at the first start."""
    log: Path | None = None
    """SQLite file for the turns; by default game.sqlite in the folder of the user's data."""
    study: Path | None = None
    """Study whose participants are let in by their links, made by `game study`."""
    host: str = "127.0.0.1"
    """Address to listen at."""
    port: int = 8765
    """Port, 1 to 65535; 0 takes a free one and says which."""


@dataclass(frozen=True, kw_only=True)
class GameStudyConfig(CommandConfig):
    """Plan a study: who hears what, balanced, with attention checks, and a link for each participant."""

    pool: Path
    """Pool made by `game pool`."""
    out: Path
    """Folder of the study: plan.json, links.csv, consent.md to be edited, turns.sqlite."""
    participants: int = 20
    """How many links to make; 1 or more."""
    trials: int = 40
    """Turns of each participant, attention checks aside; 1 or more."""
    same_gender: float = 0.5
    """Share of turns whose two faces are of one gender, 0 to 1."""
    attention: int = 2
    """Turns of each participant with an obvious answer, which tell who listens; 0 or more."""
    title: str = "Whose voice is this?"
    """Heading of the consent page."""
    seed: int = 0
    """The plan depends on this number and the pool alone; links do not."""
    overwrite: bool = False
    """Replace a study that has no turns yet."""


@dataclass(frozen=True, kw_only=True)
class GameExportConfig(CommandConfig):
    """Write the turns of a game in the columns of FaceTones' log."""

    log: Path
    """SQLite file of a game, or the folder of a study."""
    out: Path
    """CSV file to write; females.txt and males.txt go beside it."""
    overwrite: bool = False
    """Replace the file."""


@dataclass(frozen=True, kw_only=True)
class GameImportConfig(CommandConfig):
    """Read a log in the columns of FaceTones into a game's SQLite file; turns that it holds already are left out."""

    log: Path
    """FaceTones_game_log.csv, or the folder that holds it with females.txt and male.txt."""
    out: Path
    """SQLite file of a game: made, or added to."""
    females: Path | None = None
    """List of ids of women; by default females.txt beside the log."""
    males: Path | None = None
    """List of ids of men; by default male.txt beside the log."""


@dataclass(frozen=True, kw_only=True)
class GameReportConfig(CommandConfig):
    """Set people beside the model that played with them: accuracies, intervals, tests, and how hard each item is."""

    log: Path
    """SQLite file of a game, the folder of a study, or a log of FaceTones (the CSV, or its folder)."""
    out: Path
    """Folder for human.json, human.md, human.html."""
    females: Path | None = None
    """With a CSV: list of ids of women; by default females.txt beside the log."""
    males: Path | None = None
    """With a CSV: list of ids of men; by default male.txt beside the log."""
    keep_double_clicks: bool = False
    """Count a turn again that a player sent twice."""
    min_attention: float = 1.0
    """Leave out participants of a study who got a smaller share of attention checks right; 0 to 1."""
    resamples: int = 2000
    """Bootstrap resamples of players, and of items, behind each interval; 100 or more."""
    seed: int = 0
    """Resamples depend on this number alone."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges.

        Raises:
            ConfigError: a number is out of range.
        """
        super().__post_init__()
        if not 0 <= self.min_attention <= 1:
            raise ConfigError(f"`min_attention` must be 0 to 1. Got {self.min_attention}.")
