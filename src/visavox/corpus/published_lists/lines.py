r"""Reading a list file as rows of words, fast, and naming what is wrong with it by its line.

UTF-8 with or without a byte order mark, lines ending in LF or CRLF, blanks at the end of a line and blank lines are all
accepted. What the words mean is the affair of the module of each protocol.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "list.txt"
    >>> _ = path.write_bytes(b"a.wav b.jpg \r\n\r\nc.wav d.jpg\r\n")
    >>> rows = read_rows(path)
    >>> rows.words, rows.lines.tolist()
    ([['a.wav', 'b.jpg'], ['c.wav', 'd.jpg']], [1, 3])
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from visavox.corpus.published_lists.records import Codes
from visavox.errors import DataError, one_line

SHOWN = 60  # characters of a wrong line that a message repeats


@dataclass(frozen=True)
class Rows:
    """The lines of a file that are not blank."""

    path: Path
    words: list[list[str]]
    """The words of each."""
    lines: Codes
    """The number of each, from 1."""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.words)

    def check_widths(self, allowed: Sequence[int], form: str) -> int:
        """Return how many words each line has.

        Args:
            allowed: counts that the first line may have; the others must have as many as it.
            form: what a line looks like, for the message.

        Raises:
            DataError: a line of another number of words.
        """
        first = len(self.words[0])
        wanted = first if first in allowed else 0
        wrong = next((row for row, words in enumerate(self.words) if len(words) != wanted), None)
        if wrong is not None:
            count = f"{wanted} words, like the first line" if wanted else f"{' or '.join(map(str, allowed))} words"
            raise self.error(
                wrong, f"must have {count}: {form}. Got {len(self.words[wrong])}: {self._shown(wrong)}. Mend the line."
            )
        return wanted

    def error(self, row: int, what: str) -> DataError:
        """Return the error of a row: the file, the line, and `what`."""
        return DataError(f"{self.path} line {self.lines[row]}: {what}")

    def _shown(self, row: int) -> str:
        return repr(one_line(" ".join(self.words[row]))[:SHOWN])


def read_text(path: Path) -> str:
    """Return the text of a file without its byte order mark.

    Raises:
        DataError: it cannot be read, is empty, is binary, or is not UTF-8; the message names the line.
    """
    try:
        content = path.read_bytes()
    except OSError as e:
        raise DataError(f"{path} cannot be read ({e.strerror or e}). Give a list that can.") from e
    if b"\0" in content:
        line = content.count(b"\n", 0, content.index(b"\0")) + 1
        raise DataError(f"{path} line {line}: holds a zero byte, so this is no text. Give the list as UTF-8 text.")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as e:
        line = content.count(b"\n", 0, e.start) + 1
        raise DataError(
            f"{path} line {line}: byte 0x{content[e.start]:02x} is not UTF-8. Save the list as UTF-8 text."
        ) from e
    if not text.strip():
        raise DataError(f"{path} line 1: the file is empty. Fetch the list again, or remove the file.")
    return text


def read_rows(path: Path, separator: str | None = None) -> Rows:
    """Return the words of each line that is not blank.

    Args:
        path: the file.
        separator: what stands between words; None for blanks of any kind and number.

    Raises:
        DataError: what `read_text` refuses.
    """
    raw = read_text(path).split("\n")  # not splitlines: a name may hold U+2028
    if separator is None:
        words = [line.split() for line in raw]
    else:
        words = [[word.strip() for word in line.split(separator)] if line.strip() else [] for line in raw]
    lines = [number for number, row in enumerate(words, start=1) if row]
    return Rows(path, [row for row in words if row], np.array(lines, dtype=np.int64))


def coded(names: Iterable[str]) -> tuple[tuple[str, ...], Codes]:
    """Return each name once, in the order of first appearance, and the row of each in them.

    Example:
        >>> coded(["b", "a", "b"])
        (('b', 'a'), array([0, 1, 0]))
    """
    names = list(names)
    row_of = {name: row for row, name in enumerate(dict.fromkeys(names))}
    return tuple(row_of), np.fromiter((row_of[name] for name in names), dtype=np.int64, count=len(names))
