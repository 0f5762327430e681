"""All that is known of one clip or item: `corpus show KEY`.

Example:
    print(show_item(CorpusShowConfig(key="p07/clip-2", corpus=Path("corpus"))).describe())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures
from visavox.corpus.items import OK, MediaItem
from visavox.corpus.statuses import STATUSES
from visavox.corpus_config import CorpusShowConfig
from visavox.errors import ConfigError, one_line
from visavox.pipeline.corpus_status import UNKNOWN


@dataclass(frozen=True)
class ShownAttribute:
    """One attribute."""

    name: str
    """What it is about."""
    value: str
    """Its value."""
    origin: str
    """"given", or its predictor."""


@dataclass(frozen=True)
class ShownRow:
    """One row of the catalog, with what its status means and how large its file is."""

    key: str
    """Key of the item."""
    modality: str
    """"face" or "voice"."""
    person: str | None
    """Who it is."""
    video: str | None
    """The video it was cut from."""
    session: str | None
    """The recording session."""
    source: str
    """Where it came from."""
    start_s: float | None
    """Begin of the clip in its video."""
    end_s: float | None
    """End of the clip in its video."""
    status: str
    """"ok", or what failed."""
    meaning: str
    """What the status means."""
    remedy: str
    """What can be done; "" where there is nothing to do."""
    reason: str
    """The reason of this item."""
    path: str | None
    """The stored file, relative to the corpus."""
    size_bytes: int | None
    """Size of that file; None where there is none."""
    digest: str | None
    """SHA-256 of the stored media."""
    quality: Mapping[str, float]
    """Figures of quality by name."""
    attributes: tuple[ShownAttribute, ...]
    """Attributes, sorted by name."""

    def lines(self) -> list[str]:
        """Return it as lines for a reader."""
        said = [f"{self.key}: {self.status}, {self.meaning}"]
        if self.status != OK:
            said += [f"  reason     {self.reason}"] if self.reason else []
            said += [f"  remedy     {self.remedy}"] if self.remedy else []
        times = _times(self.start_s, self.end_s)
        facts = {"person": self.person, "video": self.video, "session": self.session, "times": times}
        facts |= {"source": self.source, "file": self._file()}
        said += [f"  {name:<10} {value}" for name, value in facts.items() if value]
        said += [f"  {item.name:<10} {item.value} ({item.origin})" for item in self.attributes]
        width = max((len(name) for name in self.quality), default=0)
        said += [f"    {name:<{width}}  {value:.6g}" for name, value in sorted(self.quality.items())]
        return [one_line(line) for line in said]

    def _file(self) -> str:
        if self.path is None:
            return ""
        size = "is not there" if self.size_bytes is None else f"{self.size_bytes:,} bytes"
        return f"{self.path} ({size})"


@dataclass(frozen=True)
class ItemShown:
    """What `corpus show` says."""

    corpus: str
    """Folder."""
    name: str
    """What was asked for."""
    is_to_redo: bool
    """The next `prepare` prepares the clip anew."""
    rows: tuple[ShownRow, ...]
    """The row of an item, or the rows of a clip."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        lines = [line for row in self.rows for line in [*row.lines(), ""]]
        if self.is_to_redo:
            lines += ["The next `prepare` tries this clip again.", ""]
        return "\n".join(lines[:-1]) + "\n"


def show_item(config: CorpusShowConfig) -> ItemShown:
    """Return the rows of a clip, or the row of an item.

    Raises:
        ConfigError: nothing has this name; the message gives the nearest ones.
        DataError: there is no catalog, or it is damaged.
    """
    path = config.corpus / CATALOG
    with Catalog.open(path) as catalog:
        items = catalog.find(config.key)
        if not items:
            with CatalogFigures(path) as figures:
                nearest = figures.nearest(config.key)
            hint = f" Did you mean {' or '.join(map(repr, nearest))}?" if nearest else ""
            raise ConfigError(
                f"No clip and no item of {config.corpus} is called {config.key!r}.{hint} `visavox corpus status` "
                "gives examples."
            )
        redo = catalog.clips_to_redo()
    rows = tuple(_shown(item, config.corpus) for item in items)
    return ItemShown(str(config.corpus), config.key, any(item.clip in redo for item in items), rows)


def _shown(item: MediaItem, corpus: Path) -> ShownRow:
    status = STATUSES.get(item.status, UNKNOWN)
    stored = corpus / item.path if item.path else None
    return ShownRow(
        key=item.key,
        modality=item.modality,
        person=item.person,
        video=item.video,
        session=item.session,
        source=item.source,
        start_s=item.start_s,
        end_s=item.end_s,
        status=item.status,
        meaning=status.meaning,
        remedy=status.remedy,
        reason=item.reason,
        path=item.path,
        size_bytes=stored.stat().st_size if stored is not None and stored.is_file() else None,
        digest=item.digest,
        quality=dict(item.quality),
        attributes=tuple(ShownAttribute(name, a.value, a.origin) for name, a in sorted(item.attributes.items())),
    )


def _times(start_s: float | None, end_s: float | None) -> str:
    if start_s is None and end_s is None:
        return ""
    return f"{start_s or 0:g} s to {'the end' if end_s is None else f'{end_s:g} s'} of the video"
