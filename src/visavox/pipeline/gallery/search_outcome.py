"""What looking somebody up in a gallery came to, failures and "nobody here" included.

Example:
    >>> hit = SearchHit(1, "a/face", "a", "Ann", 0.42, 0.7, {})
    >>> outcome = SearchOutcome("v.wav", "voice", "face", "ok", "", (hit,), 0.2, 0.5, 31, "person", (), "base", "g")
    >>> outcome.nobody, outcome.found
    (False, True)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from visavox.corpus.items import Modality
from visavox.errors import one_line
from visavox.retrieval.gallery_rows import By

BAR_WIDTH = 20  # characters
NOBODY = "nobody here"


@dataclass(frozen=True)
class SearchHit:
    """A person or a clip of the gallery that may be the one asked for."""

    rank: int
    """1 for the most probable; without probabilities for the most similar."""
    key: str
    """Row of the gallery: what its picture and its sound are asked for by."""
    clip: str
    """The clip; of a person, the one most similar to the query."""
    person: str
    """The person; where unknown "video:" and the video, else "clip:" and the clip."""
    similarity: float
    """Cosine with the query, -1 to 1."""
    probability: float | None
    """That this is the one, among all who could be found and nobody here; None where nothing is calibrated."""
    attributes: Mapping[str, str]
    """What is known of the clip."""


@dataclass(frozen=True)
class SearchOutcome:
    """The answer of `visavox search`."""

    query: str
    """The path as it was given, or "voice" or "face" for an array."""
    query_modality: Modality
    """What the query is."""
    against: Modality
    """What was looked through."""
    status: str
    """"ok", or why there is no answer: "no_face", "silent", "unreadable_audio", "missing_file" ..."""
    note: str
    """One line about the query."""
    hits: tuple[SearchHit, ...]
    """Best first."""
    p_nobody: float | None
    """Probability that the one asked for is not in the gallery; None where nothing is calibrated."""
    prior_nobody: float
    """The same before the query was looked at, as it was asked for."""
    n_candidates: int
    """People or clips that could be found."""
    by: By
    """What a hit is."""
    notes: tuple[str, ...]
    """Sentences to be read beside the answer."""
    model: str
    """Name of the model."""
    gallery: str
    """Folder of the gallery."""
    p_others: float | None = None
    """Probability that it is one of those who are not shown; with an approximate index at most so much."""

    @property
    def nobody(self) -> bool:
        """Whether "nobody here" is more probable than anybody."""
        return self.p_nobody is not None and all((hit.probability or 0.0) <= self.p_nobody for hit in self.hits)

    @property
    def found(self) -> bool:
        """Whether there is an answer other than nobody here."""
        return bool(self.hits) and not self.nobody

    @property
    def among(self) -> str:
        """Who could be found, in words: "31 people with a face"."""
        one, many = ("person", "people") if self.by == "person" else ("clip", "clips")
        return f"{self.n_candidates:,} {one if self.n_candidates == 1 else many} with a {self.against}"

    def __str__(self) -> str:
        """Return the lines that `visavox search` prints: a bar and a probability for each hit, and how to read them."""
        if self.status != "ok":
            return f"No answer: {one_line(self.note)}"
        rows = [(self._name(hit), self._words(hit)) for hit in self.hits]
        if self.p_nobody is not None:
            place = sum((hit.probability or 0.0) > self.p_nobody for hit in self.hits)
            rows.insert(place, (NOBODY, _bar(self.p_nobody)))
            if self.p_others is not None and self.n_candidates > len(self.hits):
                n_others = self.n_candidates - len(self.hits)
                others = "1 other" if n_others == 1 else f"{n_others:,} others together"
                rows.append((others, _bar(self.p_others)))
        width = max((len(name) for name, _ in rows), default=0)
        lines = [f"{'>' if i == 0 else ' '} {name:<{width}}  {words}" for i, (name, words) in enumerate(rows)]
        return "\n".join([*lines, self._about(), *(f"Note: {one_line(note)}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as a mapping that JSON can hold."""
        return {**dataclasses.asdict(self), "nobody": self.nobody, "found": self.found}

    def _name(self, hit: SearchHit) -> str:
        return one_line(hit.person if self.by == "person" else hit.clip)

    def _words(self, hit: SearchHit) -> str:
        cosine = f"cosine {hit.similarity:5.2f}"
        return cosine if hit.probability is None else f"{_bar(hit.probability)}  {cosine}"

    def _about(self) -> str:
        heard = f" ({one_line(self.note)})" if self.note else ""
        given = (
            "" if self.p_nobody is None else f", given that nobody here has {100 * self.prior_nobody:g} % beforehand"
        )
        return f"A guess by {one_line(self.model)} for this {self.query_modality}{heard} among {self.among}{given}."


def _bar(probability: float) -> str:
    return f"{'#' * round(BAR_WIDTH * probability):<{BAR_WIDTH}} {100 * probability:5.1f} %"
