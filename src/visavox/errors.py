"""The errors and warnings that a user of Visavox can meet.

Each message is one line that names the thing, the rule, the value and the remedy. `visavox.__main__` prints it
without a traceback and exits with `exit_code`. Errors that are our own bugs are not of these classes.

Example:
    >>> raise ConfigError("`n_candidates` must be at least 2. Got 1. Give two faces or more.")
    Traceback (most recent call last):
    ...
    visavox.errors.ConfigError: `n_candidates` must be at least 2. Got 1. Give two faces or more.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class VisavoxError(Exception):
    """A failure that the user can understand and mend; `exit_code` is what the command exits with."""

    exit_code = 1


class ConfigError(VisavoxError):
    """The request itself is wrong: an option, a recipe, a name."""

    exit_code = 2


class UnknownNameError(ConfigError):
    """A name that no registry knows; the message gives the nearest names and the whole list."""

    def __init__(self, kind: str, name: str, known: Iterable[str]) -> None:
        """Build the message.

        Args:
            kind: what was asked for, "encoder" for instance.
            name: the name that was given.
            known: every name that would have worked.
        """
        names = sorted(known)
        nearest = difflib.get_close_matches(name, names, n=2)
        hint = f" Did you mean {' or '.join(repr(n) for n in nearest)}?" if nearest else ""
        super().__init__(f"Unknown {kind} {name!r}.{hint} Known: {', '.join(names) or 'none'}.")


class DataError(VisavoxError):
    """Data on disk that cannot be used as it is: a table, a catalog, a model folder, an embedding."""


class MediaError(VisavoxError):
    """One image, sound or video that cannot be used; in `prepare` it becomes a row with its reason.

    Attributes:
        status: a short code for the row, "unreadable_image" for instance.
    """

    def __init__(self, message: str, *, status: str) -> None:
        """Store the one-line message and the status code of the row."""
        super().__init__(message)
        self.status = status

    def __reduce__(self) -> tuple[object, ...]:
        """Let the error cross a process pool with its status."""
        return (_media_error, (str(self), self.status))


def _media_error(message: str, status: str) -> MediaError:
    return MediaError(message, status=status)


def one_line(text: str) -> str:
    r"""Return a text as one printable line: what is a line end, a control code or no Unicode is written as an escape.

    Example:
        >>> one_line("new\nline.jpg")
        'new\\nline.jpg'
    """
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


class MissingDependencyError(VisavoxError):
    """A package or its weights are not installed; the message holds the line that installs them."""


class UndefinedMetricWarning(UserWarning):
    """A metric has no value on this input (one class, nobody to compare with) and is nan."""
