"""What the command `serve` can be told.

Example:
    >>> ServeConfig().host, ServeConfig().port
    ('127.0.0.1', 8765)
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from pathlib import Path

from visavox.config import NetworkConfig
from visavox.errors import ConfigError


@dataclass(frozen=True, kw_only=True)
class ServeConfig(NetworkConfig):
    """Serve matching, search, drawing and the game over HTTP, with pages for a browser; on this machine by default."""

    host: str = "127.0.0.1"
    """Address to listen at; another than this machine's own needs --tokens."""
    port: int = 8765
    """Port, 1 to 65535; 0 takes a free one and says which."""
    model: str = "base"
    """What matches voices and faces: a boxed name, a folder, a run of `train`, or a hub id."""
    gallery: Path | None = None
    """Gallery that is searched, made by `gallery build` with the same model."""
    people: Path | None = None
    """Enrolled people that are named, made by `enroll`."""
    generator: str = ""
    """What draws faces: "portrait", or a folder of `train --task reconstruction`; empty: nothing draws."""
    runs: tuple[Path, ...] = ()
    """Folders whose reports the page Report opens, looked for below them too."""
    corpora: tuple[Path, ...] = ()
    """Corpora that the page Corpus browses."""
    game: Path | None = None
    """Pool of the game, made by `game pool`; by default people of the simulated world, drawn at the first start."""
    study: Path | None = None
    """Study whose participants are let in by their links, made by `game study`."""
    log: Path | None = None
    """SQLite file for the turns of the game; by default game.sqlite in the folder of the user's data."""
    pages: bool = True
    """Serve the pages and the game beside the interface for programs."""
    tokens: Path | None = None
    """File of bearer tokens, written by --new-token; with it every request but health and study links needs one."""
    new_token: str = ""
    """Make a token of this name, add it to --tokens, print it once, and serve nothing."""
    token_days: float = 365.0
    """Days until the new token expires, above 0."""
    keep_uploads: Path | None = None
    """Folder that every upload is kept in, with what was answered; by default nothing is kept."""
    max_upload_mb: float = 32.0
    """Largest body of a request in megabytes."""
    max_voice_s: float = 120.0
    """Longest voice that is accepted in seconds."""
    max_pixels: int = 40_000_000
    """Largest picture that is accepted in pixels."""
    max_faces: int = 64
    """Most faces, or voices, in one request."""
    timeout_s: float = 30.0
    """Seconds after which a request is given up, its upload included."""
    queue: int = 64
    """Requests that may wait; one more is answered 503 with Retry-After."""
    decoders: int = 2
    """Processes that decode uploads."""
    max_batch: int = 16
    """Most items that an encoder takes at once from different requests."""
    batch_wait_ms: float = 2.0
    """How long a request waits for others to be encoded with; 0 to 1000."""

    def __post_init__(self) -> None:
        """Hold the numbers to their ranges, and keep the service at home unless it is locked.

        Raises:
            ConfigError: a number is out of range; an open address without tokens; a new token without its file.
        """
        super().__post_init__()
        if not 0 <= self.port <= 65535:
            raise ConfigError(f"`port` must be 1 to 65535, or 0 for a free one. Got {self.port}.")
        for name in ("max_upload_mb", "max_voice_s", "timeout_s", "token_days"):
            if not 0 < getattr(self, name) < float("inf"):
                raise ConfigError(f"`{name}` must be above 0. Got {getattr(self, name)}.")
        for name in ("max_pixels", "max_faces", "queue", "decoders", "max_batch"):
            if getattr(self, name) < 1:
                raise ConfigError(f"`{name}` must be at least 1. Got {getattr(self, name)}.")
        if not 0 <= self.batch_wait_ms <= 1000:
            raise ConfigError(f"`batch_wait_ms` must be 0 to 1000. Got {self.batch_wait_ms}.")
        if self.new_token and self.tokens is None:
            raise ConfigError("`new_token` needs the file it goes to. Give --tokens FILE.")
        if self.tokens is None and not is_loopback(self.host):
            raise ConfigError(
                f"`host` {self.host} can be reached from other machines, so it needs tokens. Make one with: "
                "visavox serve --tokens tokens.json --new-token NAME"
            )


def is_loopback(host: str) -> bool:
    """Return whether an address can be reached from this machine alone.

    Example:
        >>> is_loopback("localhost"), is_loopback("::1"), is_loopback("0.0.0.0")
        (True, True, False)
    """
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
