"""Splits: train, validation and test subsets and folds that share no person and no video.

Clips that share a person or a video are linked, links are followed to the end, and only whole groups of linked clips
are dealt out. A split is a pure function of the clips, the fractions and the seed: the order of rows does not matter.
Drawing trials inside a subset is the affair of `visavox.corpus.trials`, checking for leaks of `visavox.corpus.audit`.

Example:
    >>> links = [ClipLink(f"c{i}", identity=f"p{i // 2}") for i in range(20)]
    >>> splits = make_split(links, {"train": 0.8, "test": 0.2}, seed=0)
    >>> splits.counts(), splits.subset_of("c0") == splits.subset_of("c1")
    ({'train': 16, 'test': 4}, True)
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.atomic_file import atomic_file
from visavox.corpus.embeddings import EmbeddingTable
from visavox.corpus.items import ClipLink
from visavox.corpus.linked_groups import LinkedGroup, deal_groups, linked_groups
from visavox.errors import ConfigError, DataError

FORMAT = "visavox-splits-1"
TEST = "test"
N_SORTED_A_FOLD = 4  # groups a fold that are dealt by size: enough to even out clips, few enough for seeds to differ


@dataclass(frozen=True)
class Splits:
    """Which subset and which fold each clip belongs to."""

    seed: int
    """The seed it was made with."""
    catalog_hash: str
    """`Catalog.content_hash()` of the corpus it was made for; "" where there is no catalog."""
    fractions: Mapping[str, float]
    """Share of the people that each subset was to get."""
    subsets: Mapping[str, str]
    """From clip to subset."""
    folds: Mapping[str, int] = field(default_factory=dict)
    """From clip to fold, 0 to n_folds - 1; the clips of the subset "test" are in none."""
    n_folds: int = 0
    """Number of folds; 0 where none were asked for."""
    by: str = "person"
    """What was dealt out: "person", or each person's sessions or clips ("session", "clip")."""

    def subset_of(self, clip: str) -> str | None:
        """Return the subset of a clip, None for a clip that is in none."""
        return self.subsets.get(clip)

    def clips(self, subset: str) -> list[str]:
        """Return the clips of a subset, sorted.

        Raises:
            ConfigError: there is no such subset.
        """
        self._check_subset(subset)
        return sorted(clip for clip, name in self.subsets.items() if name == subset)

    def counts(self) -> dict[str, int]:
        """Return the number of clips of each subset."""
        found = Counter(self.subsets.values())
        return {name: found[name] for name in [*self.fractions, *sorted(found.keys() - self.fractions.keys())]}

    def rows(self, table: EmbeddingTable, subset: str) -> NDArray[np.intp]:
        """Return the rows of a table that belong to a subset, ascending, (m,) int.

        Raises:
            ConfigError: there is no such subset.
        """
        self._check_subset(subset)
        return np.asarray([i for i, clip in enumerate(table.clips) if self.subsets.get(clip) == subset], dtype=np.intp)

    def fold_rows(self, table: EmbeddingTable, fold: int) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Return the rows to train on and the rows held out, (m,) and (k,) int, ascending.

        Raises:
            ConfigError: there is no such fold.
        """
        if not 0 <= fold < self.n_folds:
            raise ConfigError(
                f"`fold` must be 0 to {self.n_folds - 1}. Got {fold}. The split has {self.n_folds} folds."
            )
        folds = np.asarray([self.folds.get(clip, -1) for clip in table.clips], dtype=np.intp)
        return np.flatnonzero((folds >= 0) & (folds != fold)), np.flatnonzero(folds == fold)

    def save(self, path: str | Path) -> None:
        """Write `splits.json`, atomically.

        Raises:
            DataError: the file cannot be written.
        """
        written = {
            "format": FORMAT,
            "seed": self.seed,
            "catalog_hash": self.catalog_hash,
            "fractions": dict(self.fractions),
            "n_folds": self.n_folds,
            "by": self.by,
            "subsets": dict(sorted(self.subsets.items())),
            "folds": dict(sorted(self.folds.items())),
        }
        with atomic_file(Path(path), what="split") as temporary:
            temporary.write_text(json.dumps(written, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")

    @classmethod
    def load(cls, path: str | Path, *, catalog_hash: str | None = None) -> Splits:
        """Read a split, perhaps one that was edited by hand.

        Args:
            path: `splits.json`.
            catalog_hash: hash of the corpus at hand; None skips the comparison.

        Raises:
            DataError: no such file, no split, a clip named twice, or made for another catalog.
        """
        path = Path(path)
        if not path.is_file():
            raise DataError(f"There is no split at {path}. Run `visavox split` first.")
        try:
            read = json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=_without_repetition)
        except (OSError, ValueError) as e:
            raise DataError(f"{path} is no readable split ({e}). Mend it, or run `visavox split` again.") from e
        splits = _from_json(path, read)
        if catalog_hash is not None and catalog_hash != splits.catalog_hash:
            raise DataError(
                f"{path} was made for another corpus: its catalog hash is {splits.catalog_hash[:12] or 'empty'}, the "
                f"catalog's is {catalog_hash[:12]}. Run `visavox split` again, or name the corpus it was made for."
            )
        return splits

    def _check_subset(self, subset: str) -> None:
        names = sorted(set(self.subsets.values()))
        if subset not in names:
            raise ConfigError(f"The split has no subset {subset!r}. It has: {', '.join(names) or 'none'}.")


def make_split(
    links: Iterable[ClipLink],
    fractions: Mapping[str, float],
    *,
    seed: int,
    catalog_hash: str = "",
    n_folds: int = 0,
) -> Splits:
    """Return a split in which no person and no video is on two sides.

    Args:
        links: one or more a clip: `item.link()` of catalog items, or `table.links()`.
        fractions: share of the people for each subset, adding up to 1; {"train": 1.0} puts all in one.
        seed: any int; another seed gives another split.
        catalog_hash: kept in the split, to be compared when it is loaded.
        n_folds: folds to make of everything outside the subset "test"; 0 for none.

    Raises:
        ConfigError: fractions that do not add up to 1 or are negative; a subset that would be empty; more folds than
            independent groups of people: each says what would be possible.
    """
    links = list(links)
    total = sum(fractions.values())
    if not fractions or not math.isclose(total, 1.0, abs_tol=1e-6) or min(fractions.values()) < 0:
        given = ", ".join(f"{name}={share:g}" for name, share in fractions.items()) or "none"
        raise ConfigError(f"`fractions` must be 0 or more and add up to 1. Got {given} (sum {total:g}).")
    wanted = {name: share for name, share in fractions.items() if share > 0}
    groups = linked_groups(links)
    dealt = deal_groups(groups, wanted, seed=seed)
    subsets = {clip: name for group, name in zip(groups, dealt, strict=True) for clip in group.clips}
    for name, share in wanted.items():
        if name not in dealt:
            raise ConfigError(_empty_subset(name, share, groups))
    inside = [link for link in links if subsets[link.clip] != TEST]
    folds = make_folds(inside, n_folds, seed=seed) if n_folds else {}
    return Splits(seed, catalog_hash, dict(fractions), subsets, folds, n_folds)


def make_folds(links: Iterable[ClipLink], n_folds: int, *, seed: int) -> dict[str, int]:
    """Return the fold of each clip, 0 to n_folds - 1; no person and no video is in two folds.

    Folds hold equally many people as far as linked groups allow, and then equally many clips.

    Raises:
        ConfigError: fewer than two folds, or more than there are independent groups of people.
    """
    groups = linked_groups(links)
    if n_folds < 2:
        raise ConfigError(f"`folds` must be at least 2. Got {n_folds}.")
    if n_folds > len(groups):
        raise ConfigError(
            f"`folds` must be at most {len(groups)}, the number of groups of people that share no person and no "
            f"video. Got {n_folds}. Give --folds {len(groups) if len(groups) > 1 else 0}."
        )
    shares = {str(fold): 1 / n_folds for fold in range(n_folds)}
    dealt = deal_groups(groups, shares, seed=seed, n_sorted=N_SORTED_A_FOLD * n_folds)
    return {clip: int(name) for group, name in zip(groups, dealt, strict=True) for clip in group.clips}


def _empty_subset(name: str, share: float, groups: Sequence[LinkedGroup]) -> str:
    n_people = sum(group.n_people for group in groups)
    largest = max((group.n_people for group in groups), default=0)
    if len(groups) < 2:
        return (
            f"The subset {name!r} ({share:g}) would be empty: all {n_people} people are linked by shared videos, so "
            "they can only be in one subset. Use one subset, or add people."
        )
    return (
        f"The subset {name!r} ({share:g}) would be empty: there are {len(groups)} groups of people that share no "
        f"person and no video, the largest of {largest} out of {n_people} people. "
        f"Give it at least {1 / len(groups):.2g}, or use fewer subsets."
    )


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return the object, refusing a name that is given twice: JSON would keep the last without a word."""
    repeated = [name for name, count in Counter(name for name, _ in pairs).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated[0]!r} is there twice")
    return dict(pairs)


def _from_json(path: Path, read: Any) -> Splits:
    try:
        if read["format"] != FORMAT:
            raise ValueError(f"its format is {read['format']!r}, and {FORMAT!r} is needed")
        splits = Splits(
            seed=int(read["seed"]),
            catalog_hash=str(read["catalog_hash"]),
            fractions={str(name): float(share) for name, share in read["fractions"].items()},
            subsets={str(clip): str(name) for clip, name in read["subsets"].items()},
            folds={str(clip): int(fold) for clip, fold in read["folds"].items()},
            n_folds=int(read["n_folds"]),
            by=str(read.get("by", "person")),  # splits of version 0.1 do not say
        )
        wrong = [clip for clip, fold in splits.folds.items() if not 0 <= fold < splits.n_folds]
        if wrong:
            raise ValueError(f"the fold of {wrong[0]!r} is {splits.folds[wrong[0]]}, there are {splits.n_folds}")
    except (KeyError, TypeError, ValueError, AttributeError) as e:
        reason = f"{e} is missing" if isinstance(e, KeyError) else str(e)
        raise DataError(f"{path} is no split of Visavox: {reason}. Mend it, or run `visavox split` again.") from e
    return splits
