"""A process of networks whose memory stays as large as it must be, however many shapes of input pass through it.

Two things made the service grow: the allocator keeps what arrays of many sizes leave behind, in one heap for each of
its many threads; and oneDNN keeps a compiled kernel for each shape that a layer ever saw, 1,024 of them, where voices
have many lengths and batches many sizes. Both are told to keep little. It changes no answer.

Example:
    keep_memory_steady()        # before the first network runs and before the first thread starts
"""

from __future__ import annotations

import ctypes
import os
import sys
import threading

KERNELS = "ONEDNN_PRIMITIVE_CACHE_CAPACITY"
MOST_KERNELS = 256
"""Compiled kernels that are kept: enough for the layers of all networks in the shapes that come often."""
MOST_HEAPS = 2
MAPPED_BYTES = 32 << 20
"""Blocks above this size go back to the system when they are freed; glibc allows no more. With 1 MB every layer asked
the system for its arrays anew, which cost a match 13 ms."""
SPARE_BYTES = 64 << 20
"""Free memory at the end of the heap that is kept for the next request."""
TRIM_S = 20.0
"""Seconds between two returns of free memory inside the heaps; each takes some milliseconds."""

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD, M_ARENA_MAX = -1, -3, -8  # of glibc's malloc.h


def keep_memory_steady() -> bool:
    """Tell oneDNN and the allocator of this process to keep little; return whether the allocator could be told.

    What the environment says of oneDNN's cache is left as it is.
    """
    os.environ.setdefault(KERNELS, str(MOST_KERNELS))
    library = _glibc()
    if library is None:
        return False
    options = ((M_ARENA_MAX, MOST_HEAPS), (M_MMAP_THRESHOLD, MAPPED_BYTES), (M_TRIM_THRESHOLD, SPARE_BYTES))
    told = [library.mallopt(option, value) == 1 for option, value in options]  # every one, also after a refusal
    return all(told)


class Trimmer:
    """Gives free memory back to the system from time to time, in a thread of its own.

    Args:
        every_s: seconds between two times, above 0.
    """

    def __init__(self, every_s: float = TRIM_S) -> None:
        """Start nothing yet."""
        self.every_s = every_s
        self.n_times = 0
        self._library = _glibc()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._work, name="visavox-trim", daemon=True)

    def __enter__(self) -> Trimmer:
        """Start, where the allocator is one that can be asked."""
        if self._library is not None:
            self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the thread."""
        self._ended.set()
        if self._thread.is_alive():
            self._thread.join()

    def _work(self) -> None:
        assert self._library is not None
        while not self._ended.wait(self.every_s):
            self._library.malloc_trim(SPARE_BYTES)
            self.n_times += 1


def _glibc() -> ctypes.CDLL | None:
    """Return the C library of this process where it is glibc."""
    if not sys.platform.startswith("linux"):
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "mallopt") and hasattr(library, "malloc_trim") else None
