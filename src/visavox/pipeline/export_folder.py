"""A folder that appears whole or not at all: written under another name, and renamed when it is done.

Example:
    with whole_folder(Path("shards"), overwrite=False, marker="_export.json") as unfinished:
        (unfinished / "a.tar").write_bytes(b"...")
"""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from visavox.errors import ConfigError, DataError


@contextmanager
def whole_folder(out: Path, *, overwrite: bool, marker: str) -> Iterator[Path]:
    """Give an empty folder beside `out`, which takes its name when the block ends without an error.

    Args:
        out: folder to make; it may exist where it is empty.
        overwrite: replace `out`, if it holds `marker`.
        marker: name of the file by which a folder shows that this program made it.

    Raises:
        ConfigError: `out` is there already, and may not be replaced.
        DataError: it cannot be written: a full disk, a read-only folder.
    """
    _check(out, overwrite=overwrite, marker=marker)
    unfinished = out.with_name(f".{out.name}.unfinished")
    replaced = out.with_name(f".{out.name}.replaced")
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        shutil.rmtree(unfinished, ignore_errors=True)  # of a run that was killed
        shutil.rmtree(replaced, ignore_errors=True)
        unfinished.mkdir()
        yield unfinished
        if out.exists():
            out.rename(replaced)
        unfinished.rename(out)
        shutil.rmtree(replaced, ignore_errors=True)
    except OSError as error:
        raise DataError(
            f"{out} cannot be written: {error.strerror or error}. Free space or choose another folder, and run again."
        ) from error
    finally:
        with contextlib.suppress(OSError):
            shutil.rmtree(unfinished, ignore_errors=True)


def _check(out: Path, *, overwrite: bool, marker: str) -> None:
    if not out.exists() or (out.is_dir() and not any(out.iterdir())):
        return
    if not out.is_dir():
        raise ConfigError(f"`out` must be a new or empty folder. {out} is a file. Choose another folder.")
    if not (out / marker).is_file():
        raise ConfigError(f"`out` must be a new or empty folder. {out} holds something else. Choose another folder.")
    if not overwrite:
        raise ConfigError(
            f"`out` must be a new or empty folder. {out} holds an export. Give --overwrite to replace it."
        )
