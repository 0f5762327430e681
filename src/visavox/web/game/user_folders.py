"""Where things of a user lie that nobody named a place for: what can be made again, and what cannot.

Example:
    >>> data_folder({"XDG_DATA_HOME": "/data"}), cache_folder({"HOME": "/home/ann"})
    (PosixPath('/data/visavox'), PosixPath('/home/ann/.cache/visavox'))

Source: XDG Base Directory Specification 0.8; a path that is not absolute is ignored.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

LOG_FILE = "game.sqlite"


def cache_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what can be made again; it may not exist yet."""
    return _folder(environment, "XDG_CACHE_HOME", ".cache")


def data_folder(environment: Mapping[str, str] = os.environ) -> Path:
    """Return the folder of what is the user's own; it may not exist yet."""
    return _folder(environment, "XDG_DATA_HOME", ".local/share")


def default_log() -> Path:
    """Return the log of games that were started without --log."""
    return data_folder() / LOG_FILE


def _folder(environment: Mapping[str, str], variable: str, below_home: str) -> Path:
    named = environment.get(variable, "")
    home = environment.get("HOME", "")
    root = Path(named) if named.startswith("/") else (Path(home) if home else Path.home()) / below_home
    return root / "visavox"
