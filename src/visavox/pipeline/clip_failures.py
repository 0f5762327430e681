"""The one place where a failure of any kind becomes a failure with a name, so that a clip can be a row with a reason.

Decoders and sites fail in ways that nobody foresees; one clip must not end the run of a million. What is the fault of
the machine or of the user passes as it is, since every clip would fail alike.

Example:
    >>> named_failure(lambda: 1 / 0, at="a.mp4")
    Traceback (most recent call last):
    ...
    visavox.errors.MediaError: a.mp4: ZeroDivisionError: division by zero
"""

from __future__ import annotations

import errno
import logging
from collections.abc import Callable
from typing import TypeVar

from visavox.errors import ConfigError, MediaError, MissingDependencyError, one_line

logger = logging.getLogger(__name__)

Result = TypeVar("Result")

NO_ROOM = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT})
BROKEN_DISK = frozenset({errno.EROFS, errno.EIO})
MAX_CHARS = 500  # of a reason


def named_failure(make: Callable[[], Result], *, at: str, passed: tuple[type[BaseException], ...] = ()) -> Result:
    """Return what `make` gives.

    Args:
        make: works on one clip.
        at: the file or the address, for the message.
        passed: failures that pass as they are, beside those of the machine and the user.

    Raises:
        MediaError: as `make` raises it; status `disk` where there was no room, `unexpected_error` for all else.
        MissingDependencyError: something is not installed.
        ConfigError: the request is wrong.
        OSError: the disk is broken or read-only.
    """
    known: tuple[type[BaseException], ...] = (MediaError, MissingDependencyError, ConfigError, *passed)
    try:
        return make()
    except known:
        raise
    except Exception as error:
        if isinstance(error, OSError) and error.errno in BROKEN_DISK:
            raise
        if isinstance(error, OSError) and error.errno in NO_ROOM:
            words = f"{at}: there was no room on the disk for what was made of it ({error.strerror})."
            raise MediaError(words, status="disk") from error
        logger.info("unexpected failure at %s", at, exc_info=True)
        words = one_line(" ".join(f"{at}: {type(error).__name__}: {error}".split()))[:MAX_CHARS]
        raise MediaError(words, status="unexpected_error") from error
