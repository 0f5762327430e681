"""What a corpus holds, what failed and why, and asking for clips again: `corpus status` and `corpus retry`.

It reads counts, never a whole catalog, so that it answers at once about a corpus of a million rows. One clip in full
is `visavox.pipeline.corpus_show`.

Example:
    status = corpus_status(CorpusStatusConfig(corpus=Path("corpus")))
    print(status.describe())
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures
from visavox.corpus.items import OK
from visavox.corpus.statuses import STATUSES, TRANSIENT, Status
from visavox.corpus_config import CorpusRetryConfig, CorpusStatusConfig
from visavox.errors import ConfigError, UnknownNameError, one_line

SHOWN_SETTINGS = ("detector", "crop", "margin", "n_faces", "frames_per_s", "min_face_px", "min_speech_s")
"""Settings that are worth a reader's eye, in this order; --json gives all."""
UNKNOWN = Status("a status that this version does not know")


@dataclass(frozen=True)
class StatusCount:
    """The items of one modality and one status."""

    modality: str
    """"face" or "voice"."""
    status: str
    """The code."""
    n_items: int
    """How many there are."""
    meaning: str
    """What is the case."""
    remedy: str
    """What can be done; "" where there is nothing to do."""
    is_transient: bool
    """The next `prepare` tries such clips again by itself."""
    examples: tuple[str, ...]
    """Keys of the first ones; none of status "ok"."""


@dataclass(frozen=True)
class CorpusStatus:
    """What `corpus status` says."""

    corpus: str
    """Folder."""
    n_clips: int
    """Clips, those that failed included."""
    n_people: int
    """People who are named."""
    n_videos: int
    """Videos that are named."""
    voice_hours: float
    """Hours of usable voices."""
    speech_hours: float
    """Hours of speech in them."""
    hours_are_estimated: bool
    """From a sample of a large catalog."""
    counts: tuple[StatusCount, ...]
    """Items by modality and status: ok first, then the most frequent."""
    n_to_redo: int
    """Clips that the next `prepare` prepares anew."""
    settings: Mapping[str, Any]
    """What the corpus was begun with."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        about = "about " if self.hours_are_estimated else ""
        lines = [
            f"{self.corpus}: {_n(self.n_clips, 'clip')}, {_n(self.n_people, 'person', 'people')}, "
            f"{_n(self.n_videos, 'video')}; {about}{_duration(self.voice_hours)} of voices, "
            f"{about}{_duration(self.speech_hours)} of speech in them"
        ]
        width = max((len(count.status) for count in self.counts), default=0)
        for modality in dict.fromkeys(count.modality for count in self.counts):
            lines += ["", f"  {modality}s"]
            for count in self.counts:
                if count.modality == modality:
                    lines += _count_lines(count, width)
        lines += ["", f"  {self._next_run()}"]
        if self.settings:
            lines.append(f"  {settings_line(self.settings)}")
        return "\n".join(lines) + "\n"

    def _next_run(self) -> str:
        if self.n_to_redo:
            return f"the next `prepare` tries {_n(self.n_to_redo, 'clip')} again"
        if any(count.status != OK for count in self.counts):
            return "the next `prepare` tries none of these again; `corpus retry --status NAME` asks for it"
        return "nothing failed"


@dataclass(frozen=True)
class RetryAsked:
    """What `corpus retry` did."""

    corpus: str
    """Folder."""
    statuses: tuple[str, ...]
    """Statuses that were given."""
    n_marked: int
    """Clips that were marked and were not before."""
    n_to_redo: int
    """Clips that the next `prepare` prepares anew, all in all."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        said = f"{_n(self.n_marked, 'clip')} with status {', '.join(self.statuses)} marked"
        if not self.n_to_redo:
            return f"{self.corpus}: {said}; nothing is to be prepared again\n"
        return (
            f"{self.corpus}: {said}, {self.n_to_redo:,} to be prepared again in all.\n"
            "  Run the same `visavox prepare` again to do so.\n"
        )


def corpus_status(config: CorpusStatusConfig) -> CorpusStatus:
    """Return counts, reasons and settings of a corpus.

    Raises:
        DataError: there is no catalog, or it is damaged.
    """
    path = config.corpus / CATALOG
    with Catalog.open(path) as catalog, CatalogFigures(path) as figures:
        totals, sound = figures.totals(), figures.sound_seconds()
        counts = [
            _status_count(figures, modality, status, n_items)
            for modality, by_status in sorted(catalog.counts().items())
            for status, n_items in sorted(by_status.items(), key=lambda pair: (pair[0] != OK, -pair[1], pair[0]))
        ]
        return CorpusStatus(
            corpus=str(config.corpus),
            n_clips=totals.n_clips,
            n_people=totals.n_people,
            n_videos=totals.n_videos,
            voice_hours=sound.voice_s / 3600,
            speech_hours=sound.speech_s / 3600,
            hours_are_estimated=sound.is_estimate,
            counts=tuple(counts),
            n_to_redo=totals.n_to_redo,
            settings=catalog.settings,
        )


def ask_again(config: CorpusRetryConfig) -> RetryAsked:
    """Mark the clips that have an item of some statuses to be prepared anew by the next `prepare`.

    Raises:
        ConfigError: no status, "ok", or a status that does not exist; the message names those that there are.
        DataError: there is no catalog, or it is damaged or locked.
    """
    path = config.corpus / CATALOG
    with Catalog.open(path) as catalog:
        _check_statuses(config, catalog)
    with Catalog.open(path, readonly=False) as catalog:
        n_marked = catalog.ask_again(config.status)
    with CatalogFigures(path) as figures:
        return RetryAsked(str(config.corpus), tuple(config.status), n_marked, figures.totals().n_to_redo)


def settings_line(settings: Mapping[str, Any]) -> str:
    """Return the settings of a corpus that matter most, on one line.

    Example:
        >>> settings_line({"clip": {"detector": "mtcnn", "crop": "box"}, "source": {"name": "videos", "folder": "v"}})
        'made from videos (v), detector mtcnn, crop box'
    """
    source = settings.get("source")
    source = source if isinstance(source, Mapping) else {"name": source}
    folder = next((source[name] for name in ("folder", "list", "root") if source.get(name)), "")
    said = [f"made from {source.get('name') or 'an unnamed source'}{f' ({folder})' if folder else ''}"]
    clip = settings.get("clip")
    if isinstance(clip, Mapping):
        said += [f"{name.replace('_', ' ')} {clip[name]}" for name in SHOWN_SETTINGS if clip.get(name) is not None]
    return one_line(", ".join(said))


def _status_count(figures: CatalogFigures, modality: str, status: str, n_items: int) -> StatusCount:
    known = STATUSES.get(status, UNKNOWN)
    examples = () if status == OK else figures.example_keys(modality, status)
    return StatusCount(modality, status, n_items, known.meaning, known.remedy, status in TRANSIENT, examples)


def _count_lines(count: StatusCount, width: int) -> list[str]:
    remedy = f"; {count.remedy}" if count.remedy else ""
    lines = [f"    {count.n_items:>9,}  {count.status:<{width}}  {count.meaning}{remedy}"]
    if count.examples:
        lines.append(f"    {'':9}  {'':{width}}  as {', '.join(map(one_line, count.examples))}")
    return lines


def _check_statuses(config: CorpusRetryConfig, catalog: Catalog) -> None:
    failed = sorted({status for counts in catalog.counts().values() for status in counts} - {OK})
    if not config.status:
        there = f"This corpus has: {', '.join(failed)}." if failed else "In this corpus nothing failed."
        raise ConfigError(f"`status` must name one status or more. Got none. {there}")
    for status in config.status:
        if status == OK:
            raise ConfigError(
                "`status` must name what failed. Got 'ok'. To prepare everything anew give `prepare` --overwrite."
            )
        if status not in STATUSES and status not in failed:
            raise UnknownNameError("status", status, failed or STATUSES.keys() - {OK})


def _n(count: int, one: str, many: str = "") -> str:
    return f"{count:,} {one if count == 1 else many or one + 's'}"


def _duration(hours: float) -> str:
    """Hours, or minutes or seconds where they are few.

    Example:
        >>> _duration(12.345), _duration(0.5), _duration(0.01)
        ('12.3 h', '30.0 min', '36.0 s')
    """
    if hours >= 1:
        return f"{hours:,.1f} h"
    return f"{hours * 60:.1f} min" if hours * 60 >= 1 else f"{hours * 3600:.1f} s"
