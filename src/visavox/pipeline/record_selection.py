"""Which clips of a source a run of `prepare` takes, in the order of the source and without holding them all.

Example:
    >>> records = [ClipRecord("a", video="v"), ClipRecord("b", video="v"), ClipRecord("c", video="w")]
    >>> [r.clip for r in selected(records, Selection(one_clip_a_video=True))]
    ['a', 'c']
    >>> [r.clip for r in selected(records, Selection(from_row=1, limit=1))]
    ['b']
"""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from visavox.corpus.sources.base import ClipRecord
from visavox.corpus_config import PrepareConfig, shard_of


@dataclass(frozen=True)
class Selection:
    """What is taken; the parts hold together as rows, then videos, then the limit."""

    from_row: int = 0
    """First record, from 0."""
    to_row: int = 0
    """Record to stop before; 0 goes to the end."""
    one_clip_a_video: bool = False
    """Of the clips of a video the first only."""
    shard: int = 0
    """Number of the shard, from 0."""
    n_shards: int = 1
    """How many shards there are."""
    limit: int = 0
    """Most records; 0 is all."""

    @classmethod
    def of(cls, config: PrepareConfig) -> Selection:
        """Return the selection that a configuration asks for."""
        shard, n_shards = shard_of(config.shard)
        return cls(config.from_row, config.to_row, config.one_clip_a_video, shard, n_shards, config.limit)

    @property
    def counts_rows(self) -> bool:
        """Whether it matters which records stand before one: it does not for a shard, or for all."""
        return bool(self.from_row or self.to_row or self.limit or self.one_clip_a_video)


def selected(records: Iterable[ClipRecord], selection: Selection) -> Iterator[ClipRecord]:
    """Iterate over the records of a selection.

    Args:
        records: as the source gives them; no more are taken than needed.
        selection: what to take. The clips of one video are always in one shard, so that they stay together.
    """
    taken: Iterator[ClipRecord] = itertools.islice(records, selection.from_row, selection.to_row or None)
    if selection.n_shards > 1:
        taken = (record for record in taken if shard_number(record, selection.n_shards) == selection.shard)
    if selection.one_clip_a_video:
        taken = _first_of_each_video(taken)
    return itertools.islice(taken, selection.limit or None)


def shard_number(record: ClipRecord, n_shards: int) -> int:
    """Return the shard of a clip, 0 to `n_shards` - 1: that of its video's name, the same on every machine."""
    name = record.video or record.clip
    digest = hashlib.blake2b(name.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest, "big") % n_shards


def _first_of_each_video(records: Iterable[ClipRecord]) -> Iterator[ClipRecord]:
    seen: set[str] = set()
    for record in records:
        if record.video is None or record.video not in seen:
            yield record
        if record.video is not None:
            seen.add(record.video)
