"""What every gallery can do: faces and voices of one model, searched and changed.

A gallery knows nothing of models or media: vectors, pictures and sounds come in ready-made. Where it is kept is the
affair of those who implement it: `visavox.retrieval.local_gallery` (files) and `visavox.retrieval.milvus_gallery`;
`visavox.retrieval.gallery_opening` finds out which one a folder holds.

Example:
    hits = gallery.search(vectors, "face", 10, where={"gender": "f"})[0]
    hits[0].person, hits[0].similarity, gallery.thumbnail(hits[0].key)
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.items import Modality
from visavox.retrieval.evidence import LEAST_LOOKED_AT, Evidence, evidence_of_retrieved
from visavox.retrieval.gallery_rows import Added, By, GalleryAbout, GalleryInfo, GalleryRows, Hit, Removed, Where


class Gallery(ABC):
    """Faces and voices of one model, searched and changed.

    A gallery may be used by many threads at once: a search sees one state of it, whole.
    """

    about: GalleryAbout
    """What it was made with."""
    folder: Path
    """Where it is, or where it says that it is."""

    @property
    @abstractmethod
    def modalities(self) -> tuple[Modality, ...]:
        """Modalities that have rows, voice first."""

    @abstractmethod
    def info(self, *, verify: bool = False) -> GalleryInfo:
        """Return what it holds.

        Args:
            verify: read everything and compare it with its checksums.

        Raises:
            DataError: something is damaged or missing; the message names it.
        """

    @abstractmethod
    def search(
        self,
        vectors: NDArray[np.float32],
        modality: Modality,
        k: int,
        *,
        where: Where | None = None,
        by: By = "person",
        effort: int = 0,
    ) -> list[list[Hit]]:
        """Return the most similar rows of each query.

        Args:
            vectors: (q, dim) float32 unit rows.
            modality: what is looked through.
            k: at most so many a query, 1 or more.
            where: attributes that rows must have.
            by: each person once, by the best clip, or every clip.
            effort: of an approximate index; 0 takes its own.

        Returns:
            A list a query, best first; ties in no order that is promised. Fewer than `k` where there are no more.

        Raises:
            ConfigError: an attribute that no row has, or no rows of this modality.
        """

    @abstractmethod
    def count(self, modality: Modality, *, where: Where | None = None, by: By = "person") -> int:
        """Return how many people or clips could be found.

        Raises:
            ConfigError: an attribute that no row has.
        """

    @abstractmethod
    def thumbnail(self, key: str) -> bytes | None:
        """Return the JPEG of a face; None where there is none."""

    @abstractmethod
    def excerpt(self, key: str) -> bytes | None:
        """Return the Ogg or FLAC bytes of a voice; None where there is none."""

    @abstractmethod
    def add(self, *tables: GalleryRows) -> Added:
        """Add rows, all or none; a row whose key is there takes its place.

        Raises:
            DataError: vectors of another length, somebody else is writing, or it cannot be written.
        """

    @abstractmethod
    def remove(self, *, people: Sequence[str] = (), clips: Sequence[str] = (), erase: bool = True) -> Removed:
        """Remove people with all their clips, and clips, all or none.

        Args:
            people: names.
            clips: names.
            erase: also rewrite what holds them, so that nothing of them is left in files.

        Raises:
            ConfigError: a name that is not there; the message gives the nearest.
        """

    @abstractmethod
    def tables(self, modality: Modality) -> Iterator[GalleryRows]:
        """Yield all rows of a modality in parts, with their media."""

    @abstractmethod
    def clips_of(self, people: Sequence[str], modality: Modality, *, where: Where | None = None) -> dict[str, int]:
        """Return how many clips of some people could be found; 0 for those who are not there.

        Raises:
            ConfigError: an attribute that no row has.
        """

    def evidence(
        self,
        vector: NDArray[np.float32],
        modality: Modality,
        slope: float,
        k: int,
        *,
        where: Where | None = None,
        by: By = "person",
        effort: int = 0,
    ) -> Evidence:
        """Return who explains a query best, and how well everybody does together.

        All clips are looked at where this gallery can do that; otherwise a thousand or more are retrieved, and the
        rest is bounded. See `visavox.retrieval.evidence`.

        Args:
            vector: (dim,) float32, of length 1.
            modality: what is looked through.
            slope: nats a cosine, above 0.
            k: how many candidates at most, 1 or more.
            where: attributes that rows must have.
            by: whether a candidate is a person, with all clips, or a clip.
            effort: of an approximate index; 0 takes its own.

        Raises:
            ConfigError: an attribute that no row has, or no rows of this modality.
        """
        found = self._evidence_of_all(vector, modality, slope, k, where=where, by=by)
        if found is not None:
            return found
        return self._evidence_of_retrieved(vector, modality, slope, k, where=where, by=by, effort=effort)

    def _evidence_of_retrieved(
        self,
        vector: NDArray[np.float32],
        modality: Modality,
        slope: float,
        k: int,
        *,
        where: Where | None,
        by: By,
        effort: int,
    ) -> Evidence:
        """Ask for clips until there are as many candidates as wanted, and bound what they leave out."""
        n_clips = self.count(modality, where=where, by="clip")
        if not n_clips:
            return Evidence((), np.empty(0), -np.inf, 0, 0, 0)
        n_wanted = max(2 * k, LEAST_LOOKED_AT)
        while True:
            n_wanted = min(n_wanted, n_clips)
            hits = self.search(vector[np.newaxis], modality, n_wanted, where=where, by="clip", effort=effort)[0]
            people = list(dict.fromkeys(hit.person for hit in hits))
            is_enough = by == "clip" or len(people) >= k
            if is_enough or len(hits) < n_wanted or n_wanted == n_clips:
                break
            n_wanted *= 4
        return evidence_of_retrieved(
            hits,
            slope,
            k,
            by=by,
            n_candidates=self.count(modality, where=where, by=by),
            n_clips=n_clips,
            clips_of=self.clips_of(people, modality, where=where) if by == "person" else {},
        )

    @abstractmethod
    def _evidence_of_all(
        self,
        vector: NDArray[np.float32],
        modality: Modality,
        slope: float,
        k: int,
        *,
        where: Where | None,
        by: By,
    ) -> Evidence | None:
        """Look at all clips that may be found; None where that cannot be done for a query."""

    def refresh(self) -> None:  # noqa: B027 - one that is always up to date has nothing to do
        """See what others have written since it was opened."""

    def close(self) -> None:  # noqa: B027 - most hold nothing open
        """Let go of files and connections."""

    def __enter__(self) -> Self:
        """Return the gallery."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close the gallery."""
        self.close()
