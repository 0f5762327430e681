"""A contact sheet of a corpus, to be looked at: `corpus gallery` draws the face and the sound wave of each clip.

Example:
    drawn = draw_gallery(CorpusGalleryConfig(corpus=Path("corpus"), status=("no_face", "small_face")))
    drawn.out, drawn.n_shown
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures, ClipOutline
from visavox.corpus.items import OK
from visavox.corpus.statuses import STATUSES
from visavox.corpus_config import CorpusGalleryConfig
from visavox.errors import ConfigError, UnknownNameError
from visavox.pipeline.gallery_page import GallerySheet, gallery_page
from visavox.pipeline.gallery_sheet import gallery_sheet
from visavox.pipeline.gallery_tiles import Tile, read_tile, shown_counts, spread

FORMS = (".html", ".png")
MAX_PNG_TILES = 2_000
"""Clips on a PNG: some viewers open no picture higher than 65,000 px."""

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class GalleryDrawn:
    """What `corpus gallery` drew."""

    out: str
    """File."""
    n_clips: int
    """Clips that were asked for."""
    n_shown: int
    """Clips on the sheet."""
    counts: Mapping[str, int]
    """Clips that were asked for, by status."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        of_all = "" if self.n_shown == self.n_clips else f" of {self.n_clips:,}, spread over them"
        counts = ", ".join(f"{count:,} {status}" for status, count in self.counts.items())
        said = f"{self.out}: {self.n_shown:,} clip{'' if self.n_shown == 1 else 's'}{of_all} ({counts})"
        return f"{said}\n  It shows people's faces: it stays under the rules of the corpus.\n"


def draw_gallery(config: CorpusGalleryConfig, progress: Progress | None = None) -> GalleryDrawn:
    """Draw the contact sheet of a corpus.

    Raises:
        ConfigError: another ending than .html or .png, an unknown status, no clip of that status or person, or too
            many for a PNG.
        DataError: there is no catalog, or the sheet cannot be written.
    """
    out = config.out or config.corpus / "gallery.html"
    if out.suffix.lower() not in FORMS:
        raise ConfigError(f"`out` must end in {' or '.join(FORMS)}. Got {out.name!r}.")
    if out.is_dir():
        raise ConfigError(f"`out` must be a file. {out} is a folder. Choose another name.")
    if config.limit < 0:
        raise ConfigError(f"`limit` must be at least 0. Got {config.limit}.")
    for status in config.status:
        if status not in STATUSES:
            raise UnknownNameError("status", status, STATUSES)
    by_status = _clips(config)
    counts = {status: len(outlines) for status, outlines in by_status.items()}
    shown = shown_counts(counts, limit=config.limit)
    n_shown = sum(shown.values())
    if out.suffix.lower() == ".png" and n_shown > MAX_PNG_TILES:
        raise ConfigError(
            f"A PNG holds at most {MAX_PNG_TILES:,} clips. Got {n_shown:,}. Give --limit, or a name that ends in .html."
        )
    sheet = GallerySheet(
        corpus=config.corpus.resolve().name,
        n_clips=sum(counts.values()),
        n_people=len({outline.person for found in by_status.values() for outline in found if outline.person}),
        counts=counts,
        groups=_groups(config.corpus, by_status, shown, progress),
        asked_for=_asked_for(config),
    )
    with atomic_file(out, what="gallery") as temporary:
        if out.suffix.lower() == ".png":
            gallery_sheet(sheet).save(temporary, format="PNG")
        else:
            temporary.write_text(gallery_page(sheet), encoding="utf-8")
    return GalleryDrawn(str(out), sheet.n_clips, n_shown, counts)


def _clips(config: CorpusGalleryConfig) -> dict[str, list[ClipOutline]]:
    """The clips that are asked for by status, ok first, then the most frequent; each by person and name."""
    found: dict[str, list[ClipOutline]] = {}
    with CatalogFigures(config.corpus / CATALOG) as figures:
        for outline in figures.outlines(config.person):
            has = outline.statuses or (OK,)
            status = next((status for status in config.status if status in has), None) if config.status else has[0]
            if status is not None:
                found.setdefault(status, []).append(outline)
    if not found:
        of_it = f" of {_asked_for(config)}" if _asked_for(config) else ""
        raise ConfigError(f"{config.corpus} holds no clip{of_it}. `visavox corpus status` says what it holds.")
    for outlines in found.values():
        outlines.sort(key=lambda outline: (outline.person, outline.clip))
    return dict(sorted(found.items(), key=lambda pair: (pair[0] != OK, -len(pair[1]), pair[0])))


def _groups(
    corpus: Path, by_status: Mapping[str, list[ClipOutline]], shown: Mapping[str, int], progress: Progress | None
) -> list[tuple[str, list[Tile]]]:
    """Read the tiles of each status."""
    groups: list[tuple[str, list[Tile]]] = []
    n_done, n_all = 0, sum(shown.values())
    with Catalog.open(corpus / CATALOG) as catalog:
        for status, outlines in by_status.items():
            tiles: list[Tile] = []
            for place in spread(len(outlines), shown[status]):
                clip = outlines[place].clip
                tiles.append(read_tile(corpus, [item for item in catalog.find(clip) if item.clip == clip]))
                n_done += 1
                if progress is not None:
                    progress(n_done, n_all)
            groups.append((status, tiles))
    return groups


def _asked_for(config: CorpusGalleryConfig) -> str:
    """What was asked for in words; "" for all."""
    said = [f"person {config.person}"] if config.person else []
    said += [f"status {', '.join(config.status)}"] if config.status else []
    return ", ".join(said)
