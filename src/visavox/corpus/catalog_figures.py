"""Figures about a whole catalog, by queries that stay quick over a million rows: totals, examples, nearest names.

Counting is done inside SQLite, on its indexes alone where that is possible. Reading items and writing them is
`visavox.corpus.catalog`.

Example:
    >>> import tempfile
    >>> path = Path(tempfile.mkdtemp()) / "catalog.sqlite"
    >>> with Catalog.create(path, {}) as catalog:
    ...     catalog.add_clip([MediaItem("a/face", "a", "face", person="p"), MediaItem("a/voice", "a", "voice")])
    >>> with CatalogFigures(path) as figures:
    ...     figures.totals()
    Totals(n_clips=1, n_people=1, n_videos=0, n_to_redo=0)
"""

from __future__ import annotations

import difflib
import itertools
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from visavox.corpus.catalog import REMEDY, Catalog
from visavox.corpus.database import connect_reader, translated_errors
from visavox.corpus.items import GIVEN, MODALITIES, OK, MediaItem
from visavox.corpus.statuses import TRANSIENT

MAX_EXACT_ITEMS = (
    200_000  # above this, seconds of sound are estimated: reading every row takes too long from a cold disk
)
N_BLOCKS, BLOCK_ROWS = 1_000, 20  # rows of the estimate, in short runs spread evenly over the catalog
N_CANDIDATES = 40  # names a query brings into the choice of the nearest


@dataclass(frozen=True)
class Totals:
    """Counts over a catalog."""

    n_clips: int
    """Clips, with whatever status."""
    n_people: int
    """People who are named."""
    n_videos: int
    """Videos that are named."""
    n_to_redo: int
    """Clips that the next `prepare` prepares anew."""


@dataclass(frozen=True)
class SoundSeconds:
    """How much sound the usable voices hold."""

    voice_s: float
    """Seconds of voices."""
    speech_s: float
    """Seconds of speech in them."""
    n_counted: int
    """Voices that were read for it: all, or a sample of a large catalog."""
    is_estimate: bool
    """Reckoned from a sample."""


@dataclass(frozen=True, slots=True)
class ClipOutline:
    """One clip in a few words."""

    clip: str
    """Its name."""
    person: str
    """Who it is; "" where unknown."""
    statuses: tuple[str, ...]
    """Statuses of its items that are not "ok", in the order of their keys; none where every item can be used."""

    @property
    def status(self) -> str:
        """The first status that is not "ok"; "ok" where there is none."""
        return self.statuses[0] if self.statuses else OK


@dataclass(frozen=True)
class ItemColumns:
    """Names of what the usable items of a catalog hold, for a table with a column for each."""

    attributes: tuple[str, ...]
    """Attributes, sorted."""
    predicted: tuple[tuple[str, str], ...]
    """(modality, attribute) of those that were predicted, sorted."""
    quality: tuple[tuple[str, str], ...]
    """(modality, figure of quality), sorted."""
    n_items: Mapping[str, int]
    """Most items that a clip has of a modality: faces mostly, where several were kept."""


class CatalogFigures:
    """An open catalog, for reading figures of it; use `with`.

    Args:
        path: the file.

    Raises:
        DataError: there is none, it is damaged, or another version wrote it.
    """

    def __init__(self, path: Path) -> None:
        """Open the file, having seen that it is a catalog."""
        Catalog.open(path).close()
        self.path = path
        with translated_errors(path, remedy=REMEDY):
            self._connection = connect_reader(path)

    def __enter__(self) -> Self:
        """Return the object itself."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close the file."""
        self._connection.close()

    def totals(self) -> Totals:
        """Return the counts, each from one index."""
        marks = ", ".join("?" * len(TRANSIENT))
        # With the modality, which the index begins with.
        redo = (
            "SELECT count(*) FROM (SELECT clip FROM redo UNION SELECT clip FROM items "
            f"WHERE modality IN ('face', 'voice') AND status IN ({marks}))"
        )
        ((n_redo,),) = self._rows(redo, sorted(TRANSIENT))
        counts = {}
        for name in ("clip", "person", "video"):
            query = f"SELECT count(*) FROM (SELECT 1 FROM items WHERE {name} IS NOT NULL GROUP BY {name})"
            ((counts[name],),) = self._rows(query)
        return Totals(counts["clip"], counts["person"], counts["video"], n_redo)

    def sound_seconds(self) -> SoundSeconds:
        """Return the seconds of all usable voices.

        Exact up to 200,000 items. Above, the mean of 1,000 runs of 20 neighbouring rows, spread evenly over the
        catalog, times the number of usable voices.
        """
        query = (
            "SELECT count(*), total(json_extract(quality, '$.duration_s')), total(json_extract(quality, '$.speech_s')) "
            # The + keeps the index away: reading the rows as they lie is quicker.
            "FROM items WHERE +modality = 'voice' AND +status = 'ok' AND json_valid(quality)"
        )
        ((n_items,),) = self._rows("SELECT count(*) FROM items")
        if n_items <= MAX_EXACT_ITEMS:
            ((n_voices, voice_s, speech_s),) = self._rows(query)
            return SoundSeconds(voice_s, speech_s, n_voices, False)
        ((n_voices,),) = self._rows("SELECT count(*) FROM items WHERE modality = 'voice' AND status = 'ok'")
        ((last,),) = self._rows("SELECT max(rowid) FROM items")
        n_counted, voice_s, speech_s = 0, 0.0, 0.0
        for block in range(N_BLOCKS):
            begin = 1 + block * last // N_BLOCKS
            some = f"{query} AND rowid BETWEEN ? AND ?"
            ((n, voice, speech),) = self._rows(some, (begin, begin + BLOCK_ROWS - 1))
            n_counted, voice_s, speech_s = n_counted + n, voice_s + voice, speech_s + speech
        scale = n_voices / n_counted if n_counted else 0.0
        return SoundSeconds(voice_s * scale, speech_s * scale, n_counted, True)

    def example_keys(self, modality: str, status: str, n: int = 2) -> tuple[str, ...]:
        """Return the keys of the first items of a modality and a status, `n` at most."""
        query = "SELECT key FROM items WHERE modality = ? AND status = ? ORDER BY rowid LIMIT ?"
        return tuple(key for (key,) in self._rows(query, (modality, status, n)))

    def outlines(self, person: str = "") -> Iterator[ClipOutline]:
        """Iterate over the clips in the order of their names.

        Args:
            person: only clips of this person; "" for all.
        """
        where = "WHERE person = ?" if person else ""
        query = f"SELECT clip, person, status FROM items {where} ORDER BY clip, key"
        rows = self._rows(query, (person,) if person else ())
        for clip, group in itertools.groupby(rows, key=lambda row: row[0]):
            items = list(group)
            who = next((name for _, name, _ in items if name), "")
            failed = dict.fromkeys(status for _, _, status in items if status != OK)
            yield ClipOutline(clip, who, tuple(failed))

    def clip_page(
        self, *, status: str = "", person: str = "", first: int = 0, n: int = 25
    ) -> tuple[int, list[ClipOutline]]:
        """Return how many clips there are of a status and a person, and some of them in the order of their names.

        Args:
            status: of clips with an item of it, "ok" those in which every item is ok; "" for all.
            person: only clips of this person; "" for all.
            first: clips that are left out before, 0 or more.
            n: most that are returned.
        """
        conditions, values = [], []
        if person:
            conditions.append("clip IN (SELECT clip FROM items WHERE person = ?)")
            values.append(person)
        if status and status != OK:
            conditions.append("clip IN (SELECT clip FROM items WHERE modality IN ('face', 'voice') AND status = ?)")
            values.append(status)
        elif status:
            conditions.append("clip NOT IN (SELECT clip FROM items WHERE status != 'ok')")
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        ((n_all,),) = self._rows(f"SELECT count(DISTINCT clip) FROM items {where}", values)
        some = f"SELECT DISTINCT clip FROM items {where} ORDER BY clip LIMIT ? OFFSET ?"
        names = [clip for (clip,) in self._rows(some, (*values, n, first))]
        outlines = []
        for name in names:
            rows = self._rows("SELECT person, status FROM items WHERE clip = ? ORDER BY key", (name,)).fetchall()
            who = next((owner for owner, _ in rows if owner), "")
            outlines.append(ClipOutline(name, who, tuple(dict.fromkeys(s for _, s in rows if s != OK))))
        return n_all, outlines

    def usable_clips(self) -> Iterator[str]:
        """Iterate over the names of the clips that have an item of status "ok", in their order."""
        query = "SELECT clip FROM items GROUP BY clip HAVING max(status = 'ok') ORDER BY clip"
        for (clip,) in self._rows(query):
            yield clip

    def columns(self) -> ItemColumns:
        """Return the names of the attributes and figures that usable items hold; reads every row."""
        attributes = self._rows(
            "SELECT DISTINCT items.modality, attributes.name, attributes.origin = ? FROM attributes "
            "JOIN items ON items.key = attributes.key WHERE items.status = 'ok'",
            (GIVEN,),
        ).fetchall()
        quality = self._rows(
            "SELECT DISTINCT items.modality, figure.key FROM items, json_each(items.quality) AS figure "
            "WHERE items.status = 'ok' AND json_valid(items.quality)"
        ).fetchall()
        # The key of the face 2 of a clip is CLIP/face/2.
        number = "CAST(substr(key, length(clip) + length(modality) + 3) AS INTEGER)"
        last = self._rows(f"SELECT modality, max({number}) FROM items WHERE status = 'ok' GROUP BY modality").fetchall()
        return ItemColumns(
            attributes=tuple(sorted({name for _, name, _ in attributes})),
            predicted=tuple(sorted({(modality, name) for modality, name, given in attributes if not given})),
            quality=tuple(sorted(quality)),
            n_items={modality: number + 1 for modality, number in sorted(last)},
        )

    def nearest(self, name: str, n: int = 3) -> list[str]:
        """Return the names of clips that are most like a name, the likest first, `n` at most.

        Not all names are compared: those that stand beside it in their order, share a beginning with it, or hold a
        half of it. So a million names take a moment.
        """
        for modality in MODALITIES:
            name = name.removesuffix(f"/{modality}")
        found: dict[str, None] = {}
        for query, values in (
            ("clip >= ? ORDER BY clip", (name,)),
            ("clip < ? ORDER BY clip DESC", (name,)),
            *((r"clip LIKE ? ESCAPE '\'", (f"%{_literal(part)}%",)) for part in _parts(name)),
        ):
            rows = self._rows(f"SELECT DISTINCT clip FROM items WHERE {query} LIMIT {N_CANDIDATES}", values)
            found.update(dict.fromkeys(clip for (clip,) in rows))
        return difflib.get_close_matches(name, found, n=n, cutoff=0.5)

    def _rows(self, query: str, values: Sequence[Any] = ()) -> Any:
        with translated_errors(self.path, remedy=REMEDY):
            return self._connection.execute(query, tuple(values))


def item_index(item: MediaItem) -> int:
    """Return the number of an item in its clip, among those of its modality: 0 for the first.

    Example:
        >>> item_index(MediaItem("c/face/2", "c", "face"))
        2
    """
    number = item.key[len(item.clip) + 1 + len(item.modality) + 1 :]
    return int(number) if number.isdecimal() else 0


def _parts(name: str) -> list[str]:
    """The name, its halves, and its last part, each of three letters or more."""
    half = len(name) // 2
    parts = (name, name[:half], name[half:], name.rpartition("/")[2])
    return list(dict.fromkeys(part for part in parts if len(part) >= 3))


def _literal(text: str) -> str:
    r"""The text with what LIKE would take as a pattern behind a \."""
    return "".join(f"\\{char}" if char in "%_\\" else char for char in text)
