"""What the page Corpus shows: counts by status, one page of clips, and all that is known of one clip, as HTML.

Pictures and sounds are those of the corpus, read from its folder; a file that cannot be read is said to be so.

Example:
    counts_html(Path("corpus"))
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures, ClipOutline
from visavox.corpus.items import OK, MediaItem
from visavox.corpus.statuses import STATUSES
from visavox.corpus_config import CorpusShowConfig, CorpusStatusConfig
from visavox.errors import DataError, one_line
from visavox.evaluation.chart import escaped
from visavox.pipeline.corpus_show import ShownRow, show_item
from visavox.pipeline.corpus_status import corpus_status
from visavox.pipeline.export_clips import stored_file
from visavox.pipeline.gallery.telling import counted
from visavox.pipeline.gallery_tiles import N_BARS, read_tile
from visavox.web.pages.markup import picture_uri, sound_uri

PAGE_CLIPS = 25
"""Rows of one page of the table."""
LARGEST_SOUND = 8_000_000
"""Bytes of a voice that is played inside the page."""
WAVE_HEIGHT = 40


def counts_html(corpus: Path) -> str:
    """Return what a corpus holds and what failed, as a table.

    Raises:
        DataError: there is no catalog, or it is damaged.
    """
    status = corpus_status(CorpusStatusConfig(corpus=corpus))
    about = "about " if status.hours_are_estimated else ""
    whom = counted(status.n_people, "person", "people")
    where = f" from {counted(status.n_videos, 'video')}" if status.n_videos else ""
    rows = "".join(
        f'<tr><td>{count.modality}</td><td class="n">{count.n_items:,}</td>'
        f"<td><code>{escaped(count.status)}</code></td>"
        f"<td>{escaped(count.meaning)}</td><td>{escaped(count.remedy)}</td></tr>"
        for count in status.counts
    )
    return (
        f'<div class="vx"><p>{counted(status.n_clips, "clip")} of {whom}{where}; '
        f"{about}{_duration(status.voice_hours)} of voices.</p><details><summary>Counts by status</summary>"
        '<div class="vx-scroll"><table><thead><tr><th>of</th><th class="n">items</th><th>status</th>'
        f"<th>meaning</th><th>what can be done</th></tr></thead><tbody>{rows}</tbody></table></div></details></div>"
    )


def _duration(hours: float) -> str:
    return f"{hours:,.1f} hours" if hours >= 1 else f"{60 * hours:.1f} minutes"


def statuses_of(corpus: Path) -> list[str]:
    """Return the statuses that a corpus has, ok first, then the most frequent."""
    with Catalog.open(corpus / CATALOG) as catalog:
        counts: dict[str, int] = {}
        for by_status in catalog.counts().values():
            for status, n in by_status.items():
                counts[status] = counts.get(status, 0) + n
    return sorted(counts, key=lambda status: (status != OK, -counts[status], status))


def clip_rows(corpus: Path, *, status: str, person: str, page: int) -> tuple[int, list[ClipOutline]]:
    """Return how many clips there are, and those of one page; page 1 is the first."""
    with CatalogFigures(corpus / CATALOG) as figures:
        return figures.clip_page(status=status, person=person, first=(page - 1) * PAGE_CLIPS, n=PAGE_CLIPS)


def table_rows(outlines: Sequence[ClipOutline]) -> list[list[str]]:
    """Return clip, person and status with its meaning of each outline, as the table has them."""
    return [[one_line(o.clip), one_line(o.person), "; ".join(map(with_meaning, o.statuses)) or OK] for o in outlines]


def with_meaning(status: str) -> str:
    """Return a status in words and as its code: "no image can be decoded (unreadable_image)"."""
    return f"{meaning(status)} ({status})"


def meaning(status: str) -> str:
    """Return what a status means, in words."""
    return STATUSES[status].meaning if status in STATUSES else "a status that this version does not know"


def clip_html(corpus: Path, clip: str) -> str:
    """Return the faces, the voice, its wave, the reasons and every field of a clip.

    Raises:
        ConfigError: nothing has this name; the message gives the nearest ones.
        DataError: there is no catalog, or it is damaged.
    """
    shown = show_item(CorpusShowConfig(key=clip, corpus=corpus))
    with Catalog.open(corpus / CATALOG) as catalog:
        items = catalog.find(clip)
    tile = read_tile(corpus, items)
    faces = "".join(
        f'<img src="{picture_uri(face, largest_px=320)}" alt="face {number} of {escaped(one_line(tile.clip))}">'
        for number, face in enumerate(tile.faces, start=1)
    )
    problems = "".join(
        f'<div class="vx-notice"><p><b>{problem.modality}: {escaped(meaning(problem.status))}</b> '
        f"(<code>{escaped(problem.status)}</code>)</p><p>{escaped(one_line(problem.reason))}</p></div>"
        for problem in tile.problems
    )
    redo = '<p class="vx-fine">The next <code>prepare</code> tries this clip again.</p>' if shown.is_to_redo else ""
    sound = "".join(_sound(corpus, item) for item in items if item.modality == "voice" and item.status == OK)
    facts = "".join(_facts(row) for row in shown.rows)
    return (
        f'<section class="vx" aria-label="Clip" aria-live="polite"><h2>{escaped(one_line(tile.clip))}</h2>'
        f"{problems}{redo}"
        f'<div class="vx-known"><div class="faces">{faces or "<span class=vx-blank>no face</span>"}</div>'
        f"<div>{_wave(tile.bars)}{sound}{facts}</div></div></section>"
    )


def _wave(bars: NDArray[np.float32] | None) -> str:
    if bars is None:
        return '<p class="vx-fine">There is no voice to be heard.</p>'
    heights = np.maximum(bars * WAVE_HEIGHT, 1)
    drawn = "".join(
        f'<rect x="{4 * i}" y="{(WAVE_HEIGHT - height) / 2:.1f}" width="3" height="{height:.1f}"/>'
        for i, height in enumerate(heights)
    )
    return (
        f'<svg viewBox="0 0 {4 * N_BARS} {WAVE_HEIGHT}" preserveAspectRatio="none" role="img" '
        f'aria-label="Loudness of the voice over time">{drawn}</svg>'
    )


def _sound(corpus: Path, item: MediaItem) -> str:
    try:
        path = stored_file(corpus, item)
        size = path.stat().st_size
        if size > LARGEST_SOUND:
            return f'<p class="vx-fine">The voice has {size:,} bytes: too long to be played here.</p>'
        data = path.read_bytes()
    except (OSError, DataError):
        return '<p class="vx-note">The file of the voice cannot be read.</p>'
    return f'<audio controls preload="metadata" src="{sound_uri(data)}" aria-label="Voice of the clip"></audio>'


def _facts(row: ShownRow) -> str:
    """Return a table of all fields of an item."""
    cut = (
        ""
        if row.start_s is None and row.end_s is None
        else f"{row.start_s or 0:g} s to " + ("the end" if row.end_s is None else f"{row.end_s:g} s")
    )
    known = {
        "status": f"{row.status}: {row.meaning}",
        "what can be done": row.remedy,
        "person": row.person,
        "video": row.video,
        "session": row.session,
        "part of the video": cut,
        "source": row.source,
        "file": row.path,
        "size": None if row.size_bytes is None else f"{row.size_bytes:,} bytes",
        "SHA-256": row.digest,
        **{a.name: f"{a.value} ({a.origin})" for a in row.attributes},
        **{name.replace("_", " "): f"{value:.4g}" for name, value in sorted(row.quality.items())},
    }
    cells = "".join(
        f'<tr><th scope="row">{escaped(name)}</th><td>{escaped(one_line(str(value)))}</td></tr>'
        for name, value in known.items()
        if value
    )
    return (
        f"<details{'' if row.status == OK else ' open'}><summary>All that is known of the {row.modality} "
        f"<code>{escaped(one_line(row.key))}</code></summary>"
        f'<div class="vx-scroll"><table>{cells}</table></div></details>'
    )
