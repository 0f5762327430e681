r"""Names of uploads as messages may show them: strangers choose them, and they reach terminals, logs and headers.

What it is not: a name of a file. No upload is stored under what it was called.

Example:
    >>> shown_name("../../etc/pass\nwd"), shown_name("", instead="face 2")
    ('../../etc/pass\\nwd', 'face 2')
"""

from __future__ import annotations

from visavox.errors import one_line

MAX_SHOWN = 80  # characters of a name


def shown_name(name: str | None, *, instead: str = "upload") -> str:
    r"""Return a name as one short printable line: control codes and marks that turn text around become escapes.

    Args:
        name: as the sender wrote it; None or nothing where there is none.
        instead: what to show then.

    Example:
        >>> shown_name("a" * 100) == "a" * 77 + "..."
        True
    """
    line = one_line((name or "")[: MAX_SHOWN * 2]).strip()
    if not line:
        return instead
    return line if len(line) <= MAX_SHOWN else f"{line[: MAX_SHOWN - 3]}..."
