"""What the indexes of faiss share: their files, and filters as faiss takes them.

faiss files are its own binary format, never a pickle. A graph and flat vectors are mapped with one of its flags and
inverted lists with another (https://github.com/facebookresearch/faiss/wiki/Indexes-that-do-not-fit-in-RAM).

Example:
    selector = selector_of(np.array([True, False]))
    faiss.SearchParametersIVF(sel=selector, nprobe=8)
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import faiss as _faiss
import numpy as np

from visavox.retrieval.base import Allowed

faiss: Any = _faiss
"""The library; its type stubs lack names that it has."""

FAISS_FILE = "index.faiss"


def write_index(index: Any, folder: Path) -> None:
    """Write an index of faiss into a folder.

    Raises:
        OSError: it cannot be written.
    """
    try:
        faiss.write_index(index, str(folder / FAISS_FILE))
    except RuntimeError as e:  # how faiss tells of a full disk and of a folder that is not there
        raise OSError(str(e).splitlines()[0]) from e


def read_index(folder: Path, io_flags: int) -> Any:
    """Return the index of faiss in a folder, read only.

    Raises:
        RuntimeError, OSError: there is none, or it is cut.
    """
    path = folder / FAISS_FILE
    if not path.is_file():
        raise FileNotFoundError(f"{FAISS_FILE} is missing")
    return faiss.read_index(str(path), io_flags | faiss.IO_FLAG_READ_ONLY)


def selector_of(allowed: Allowed) -> Any:
    """Return a filter of faiss that takes the rows of a mask, (n,) bool."""
    bits = np.packbits(allowed, bitorder="little")
    selector = faiss.IDSelectorBitmap(len(bits), faiss.swig_ptr(bits))
    selector.bits_kept_alive = bits  # faiss holds the address alone
    return selector
