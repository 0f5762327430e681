"""Made-up languages: which consonants they have, how long their syllables are, and how their phrases are sung.

A language leaves the speaker's own rate, range and pitch alone: the mean of every beat is 1, the melodies have mean 0
and the same spread.

Example:
    >>> LANGUAGES[1].onsets
    ('m', 'n', 'l', 'w', 'k')
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Language:
    """What belongs to the language rather than to the speaker."""

    onsets: tuple[str, ...]
    """Consonants that begin a syllable, names of `CONSONANTS`."""
    codas: tuple[str, ...] = ()
    """Consonants that may end one."""
    closed: float = 0.0
    """Share of the syllables that end in a consonant."""
    beat: tuple[float, ...] = (1.0,)
    """Lengths of successive syllables as a share of the mean one; repeats."""
    melody: tuple[float, ...] = (1.0, -1.0)
    """Height of the pitch at points evenly spread over a phrase; only its shape counts."""


LANGUAGES: tuple[Language, ...] = (
    Language(onsets=("p", "t", "k", "h", "r"), melody=(1.0, 0.4, -0.2, -1.2)),
    Language(onsets=("m", "n", "l", "w", "k"), beat=(1.35, 0.65), melody=(-0.6, -0.8, -0.2, 1.6)),
    Language(
        onsets=("s", "sh", "f", "t", "z"), codas=("s", "n", "sh"), closed=0.5, melody=(1.0, -1.0, 1.0, -1.0, 1.0, -1.0)
    ),
    Language(onsets=("b", "d", "g", "z", "f"), beat=(0.75, 0.75, 1.5), melody=(-1.2, 0.9, 1.2, 0.3, -1.2)),
)
"""One for each of `CATEGORIES["language"]`: crisp and falling; flowing, long-short and rising; hissing, closed and up
and down; dull, short-short-long and arched."""
