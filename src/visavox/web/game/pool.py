"""Which pool a game is played with: the one that is named, or people of the simulated world.

The default pool is drawn at the first start, into the user's cache, and is the same everywhere. Two processes that
start at once both draw it, and the first to finish wins; a start that is killed leaves nothing that is read.

Example:
    pool = open_pool(None)          # draws the default pool where nobody has before
    pool = open_pool(Path("pool"))
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable
from importlib.metadata import version
from pathlib import Path

from visavox.errors import DataError
from visavox.game_config import GamePoolConfig
from visavox.persistence import resolve_model
from visavox.pipeline.game_pool_folder import FORMAT, POOL_FILE, GamePool, PoolItem
from visavox.web.game.user_folders import cache_folder

__all__ = ["GamePool", "PoolItem", "default_pool_folder", "open_pool"]

SETTINGS = GamePoolConfig(out=Path())
"""What the default pool is drawn with."""


def open_pool(folder: Path | None = None, progress: Callable[[int, int], None] | None = None) -> GamePool:
    """Return a pool; without a name the default one, drawn where it is not in the cache yet.

    Args:
        folder: made by `game pool`.
        progress: called as progress(done, total) while the default pool is drawn.

    Raises:
        DataError: the folder holds no pool, or a damaged one; the cache cannot be written.
    """
    if folder is not None:
        return GamePool.load(folder)
    cached = default_pool_folder()
    if (cached / POOL_FILE).is_file():
        return GamePool.load(cached)
    _draw(cached, progress)
    return GamePool.load(cached)


def default_pool_folder() -> Path:
    """Return where the default pool is kept; its name tells versions, settings and models apart."""
    made_of = f"{FORMAT} {SETTINGS} {resolve_model('world').joinpath('preprocess.json').read_text(encoding='utf-8')}"
    return cache_folder() / f"game-{version('visavox')}-{hashlib.sha256(made_of.encode()).hexdigest()[:12]}"


def _draw(cached: Path, progress: Callable[[int, int], None] | None) -> None:
    from visavox.pipeline.game_pool import make_pool  # brings networks, which a pool in the cache does without

    try:
        cached.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".game-", dir=cached.parent) as scratch:
            fresh = Path(scratch) / "pool"
            make_pool(GamePoolConfig(out=fresh), progress)
            try:
                fresh.rename(cached)
            except OSError:
                if not (cached / POOL_FILE).is_file():  # else another process was faster
                    raise
    except OSError as error:
        said = error.strerror or error
        raise DataError(
            f"The default pool must be kept in {cached.parent}: {said}. Set XDG_CACHE_HOME to a folder of yours, or "
            "make a pool with: visavox game pool --out POOL"
        ) from error
