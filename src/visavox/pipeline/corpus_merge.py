"""Joining the shards of a corpus: `corpus merge` gives what one undivided run would have given.

Media are linked, not copied, where both folders lie on one disk. Each clip is one transaction, made after its files
are in place, so that a merge that was killed goes on where it stopped. A clip that two corpora hold is taken once; a
failure that passes (the network, a full disk) gives way to what another corpus made of the clip.

Example:
    config = CorpusMergeConfig(corpora=(Path("shard-1"), Path("shard-2")), out=Path("corpus"))
    merge_corpora(config).n_clips
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from visavox.corpus.catalog import CATALOG, Catalog
from visavox.corpus.catalog_figures import CatalogFigures
from visavox.corpus.items import MediaItem
from visavox.corpus.statuses import TRANSIENT
from visavox.corpus_config import CorpusMergeConfig
from visavox.errors import ConfigError, DataError
from visavox.pipeline.corpus_writing import LOCK, MEDIA_FOLDERS, sole_writer
from visavox.pipeline.export_clips import stored_file

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class CorporaMerged:
    """What `corpus merge` did."""

    out: str
    """Folder."""
    n_clips: int
    """Clips in it now."""
    n_taken: int
    """Clips that this run added."""
    n_replaced: int
    """Clips whose passing failure gave way to what another corpus made of them."""
    n_there: int
    """Clips that were there already, with the same content."""
    n_linked: int
    """Files that were linked."""
    n_copied: int
    """Files that were copied, since the folders lie on different disks."""

    def describe(self) -> str:
        """Return it as lines for a reader."""
        replaced = f", {self.n_replaced:,} in the place of a failure" if self.n_replaced else ""
        return (
            f"{self.out}: {self.n_clips:,} clips, {self.n_taken:,} of them new{replaced}, {self.n_there:,} there "
            f"already; {self.n_linked:,} files linked, {self.n_copied:,} copied\n"
        )


@dataclass
class _Tally:
    """Counts of a merge while it runs."""

    taken: int = 0
    replaced: int = 0
    there: int = 0
    linked: int = 0
    copied: int = 0


def merge_corpora(config: CorpusMergeConfig, progress: Progress | None = None) -> CorporaMerged:
    """Join corpora that were prepared with the same settings.

    Raises:
        ConfigError: fewer than two corpora, one twice, `out` among them, or an `out` that holds something else.
        DataError: the settings differ (the message says in what), two corpora made different things of one clip (the
            message says of which), a media file is missing, or the disk is full.
    """
    _check_folders(config)
    there = [config.out] if (config.out / CATALOG).is_file() else []
    settings = _common_settings([*there, *config.corpora])
    tally = _Tally()
    try:
        config.out.mkdir(parents=True, exist_ok=True)
        with sole_writer(config.out), Catalog.create(config.out / CATALOG, settings) as target:
            for name in MEDIA_FOLDERS:
                (config.out / name).mkdir(exist_ok=True)
            n_all = sum(_n_clips(corpus) for corpus in config.corpora)
            if progress is not None:
                progress(0, n_all)
            for n_done, (corpus, items) in enumerate(_clips(config.corpora), start=1):
                _take(items, corpus, config.out, target, tally)
                if progress is not None:
                    progress(n_done, n_all)
            n_clips = target.n_clips()
    except OSError as error:
        raise DataError(
            f"{config.out} cannot be written: {error.strerror or error}. {tally.taken} clips of this run are done and "
            "kept: free space or choose another folder, and run the same command again."
        ) from error
    return CorporaMerged(
        out=str(config.out),
        n_clips=n_clips,
        n_taken=tally.taken,
        n_replaced=tally.replaced,
        n_there=tally.there,
        n_linked=tally.linked,
        n_copied=tally.copied,
    )


def link_or_copy(source: Path, target: Path) -> bool:
    """Give a file a second name, or copy it where that cannot be; return whether it was linked.

    Args:
        source: the file.
        target: its new name; what is there is replaced, whole or not at all.

    Raises:
        OSError: the source is missing, or the target cannot be written.
    """
    unfinished = target.with_name(f".{os.getpid()}.unfinished")
    unfinished.unlink(missing_ok=True)
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        try:
            os.link(source, unfinished)
            linked = True
        except FileNotFoundError:
            raise
        except OSError:  # another disk, or a file system without links
            shutil.copyfile(source, unfinished)
            linked = False
        unfinished.replace(target)
        return linked
    finally:
        # Also after a success: where both names are of one file already, renaming does nothing and leaves both.
        unfinished.unlink(missing_ok=True)


def _check_folders(config: CorpusMergeConfig) -> None:
    if len(config.corpora) < 2:
        raise ConfigError(f"`corpora` must name two corpora or more. Got {len(config.corpora)}.")
    seen: set[Path] = set()
    for corpus in config.corpora:
        if corpus.resolve() in seen:
            raise ConfigError(f"`corpora` must name each corpus once. Got {corpus} twice.")
        seen.add(corpus.resolve())
    if config.out.resolve() in seen:
        raise ConfigError(
            f"`out` must be none of the corpora that are merged. Got {config.out}. Choose another folder."
        )
    if config.out.exists() and not config.out.is_dir():
        raise ConfigError(f"`out` must be a folder. {config.out} is a file. Choose another folder.")
    if not config.out.is_dir() or (config.out / CATALOG).exists():
        return
    if any(path.name != LOCK for path in config.out.iterdir()):
        raise ConfigError(
            f"`out` must be a new or empty folder, or a corpus to go on with. {config.out} holds other files. "
            "Choose another folder."
        )


def _common_settings(corpora: Sequence[Path]) -> Mapping[str, Any]:
    """Return the settings that all corpora were begun with."""
    found: dict[Path, Mapping[str, Any]] = {}
    for corpus in corpora:
        with Catalog.open(corpus / CATALOG) as catalog:
            found[corpus] = catalog.settings
    first = corpora[0]
    for corpus in corpora[1:]:
        differing = differences(found[first], found[corpus])
        if differing:
            raise DataError(
                f"Corpora must be of the same settings to be merged. {first} and {corpus} differ: "
                f"{'; '.join(differing)}. Prepare one of them again with the settings of the other."
            )
    return found[first]


def differences(one: Mapping[str, Any], other: Mapping[str, Any], prefix: str = "") -> list[str]:
    """Return where two nested mappings of settings differ, one phrase for each.

    Example:
        >>> differences({"clip": {"crop": "box", "n": 1}}, {"clip": {"crop": "aligned", "n": 1}})
        ["clip.crop is 'box' and 'aligned'"]
    """
    found: list[str] = []
    for name in sorted(one.keys() | other.keys()):
        first, second = one.get(name, "absent"), other.get(name, "absent")
        if isinstance(first, Mapping) and isinstance(second, Mapping):
            found += differences(first, second, f"{prefix}{name}.")
        elif first != second:
            found.append(f"{prefix}{name} is {first!r} and {second!r}")
    return found


def _n_clips(corpus: Path) -> int:
    with CatalogFigures(corpus / CATALOG) as figures:
        return figures.totals().n_clips


def _clips(corpora: Sequence[Path]) -> Iterator[tuple[Path, list[MediaItem]]]:
    """Each corpus with the items of each of its clips."""
    for corpus in corpora:
        path = corpus / CATALOG
        with Catalog.open(path) as catalog, CatalogFigures(path) as figures:
            for outline in figures.outlines():
                yield corpus, _items(catalog, outline.clip)


def _items(catalog: Catalog, clip: str) -> list[MediaItem]:
    return [item for item in catalog.find(clip) if item.clip == clip]


def _take(items: Sequence[MediaItem], corpus: Path, out: Path, target: Catalog, tally: _Tally) -> None:
    """Put one clip into the target, unless it is there."""
    clip = items[0].clip
    before = _items(target, clip)
    if before and (_content(before) == _content(items) or _is_passing(items)):
        tally.there += 1
        return
    if before and not _is_passing(before):
        raise DataError(
            f"The clip {clip!r} of {corpus} is in {out} already, with other content: {_difference(before, items)}. "
            "Remove one of the two corpora from the list, or prepare both again with the same media."
        )
    for item in items:
        if item.path is not None:
            _bring(item, corpus, out, tally)
    target.add_clip(items, replace=bool(before))
    for path in {item.path for item in before} - {item.path for item in items} - {None}:
        (out / str(path)).unlink(missing_ok=True)
    tally.taken += not before
    tally.replaced += bool(before)


def _bring(item: MediaItem, corpus: Path, out: Path, tally: _Tally) -> None:
    """Put the file of an item under its name in the target."""
    source = stored_file(corpus, item)
    try:
        linked = link_or_copy(source, stored_file(out, item))
    except FileNotFoundError as error:
        raise DataError(
            f"{source} of the item {item.key!r} is not there. Put it back, or prepare {corpus} again with --overwrite."
        ) from error
    tally.linked += linked
    tally.copied += not linked


def _is_passing(items: Sequence[MediaItem]) -> bool:
    """Whether the next `prepare` would try the clip again by itself."""
    return any(item.status in TRANSIENT for item in items)


def _content(items: Sequence[MediaItem]) -> list[tuple[object, ...]]:
    """What two runs over the same media give alike: all but quality figures, the words of reasons and sources."""
    return [(*_said(item).values(),) for item in items]


def _said(item: MediaItem) -> dict[str, object]:
    names = ("key", "modality", "person", "video", "session", "start_s", "end_s", "status", "digest", "attributes")
    said: dict[str, object] = {name: getattr(item, name) for name in names}
    return {**said, "attributes": sorted((name, a.value, a.origin) for name, a in item.attributes.items())}


def _difference(before: Sequence[MediaItem], items: Sequence[MediaItem]) -> str:
    """The first thing in which two versions of a clip differ."""
    if [item.key for item in before] != [item.key for item in items]:
        return "it has other items"
    for one, other in zip(before, items, strict=True):
        first, second = _said(one), _said(other)
        for name in first:
            if first[name] != second[name]:
                return f"the {name} of {one.key!r} is {first[name]!r} and {second[name]!r}"
    return "it is not the same"
