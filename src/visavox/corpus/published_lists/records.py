"""What a published list says, as columns: names once each, and trials as row numbers into them.

A list of 65,550 lines names 41,926 files. Whoever scores it looks up each file once, and then works with integers. The
people of the files are codes into `people_names`, -1 where nobody says who it is. How the files look on disk is the
affair of `visavox.corpus.published_lists.reading`; scoring is that of `visavox.evaluation`.

Example:
    >>> pairs = PublishedVerification(
    ...     protocol="sss", name="verify_v2f_test", direction="voice_to_face", group="all",
    ...     probes=np.array([0, 0]), candidates=np.array([0, 1]), labels=np.array([True, False]),
    ...     probe_names=("id1/v/1.wav",), candidate_names=("Ann/1.jpg", "Bob/7.jpg"),
    ...     probe_people=np.array([0]), candidate_people=np.array([0, 1]), people_names=("id1", "id2"),
    ... )
    >>> len(pairs), pairs.n_people
    (2, 2)
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from visavox.corpus.trials import Direction
from visavox.errors import DataError

Protocol = Literal["sss", "pins", "fame"]

PROTOCOLS: tuple[Protocol, ...] = ("sss", "pins", "fame")
NOBODY = -1
"""Code of a file of whom the list does not say who it is."""

Codes = NDArray[np.int64]


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedList:
    """What the three kinds of list have in common."""

    protocol: Protocol
    """Whose list it is; published numbers of two protocols are never comparable."""
    name: str
    """Name of the file without its ending, "verify_g_v2f_test" for instance."""
    direction: Direction
    """The probe's modality first."""
    group: str
    """What probe and negatives share: "all" (nothing), "same_gender", "same_gender_nationality_age", ..."""
    condition: str = ""
    """Which of several test sets: "seen_heard", "unseen_unheard" (PINs), a language (FAME); "" where there is one."""
    people_names: tuple[str, ...] = ()
    """The people that the files are of; codes count through them."""
    attributes: Mapping[str, tuple[str | None, ...]] = field(default_factory=dict)
    """"gender" and "nationality" of each of the people, None where unknown; empty without an identity file."""
    path: Path | None = field(default=None, compare=False)
    """The file that it was read from."""

    def __eq__(self, other: object) -> bool:
        """Return whether the two say the same, wherever they were read."""
        if type(self) is not type(other):
            return NotImplemented
        return all(_same(getattr(self, f.name), getattr(other, f.name)) for f in fields(self) if f.compare)

    __hash__ = None  # type: ignore[assignment]

    @property
    def n_people(self) -> int:
        """How many people the list knows."""
        return len(self.people_names)


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedMatching(PublishedList):
    """Which of the candidates is of the probe's person? The first always is."""

    probes: Codes
    """(n,) row of each trial's probe in `probe_names`."""
    candidates: Codes
    """(n, n_candidates) rows in `candidate_names`, the positive first."""
    probe_names: tuple[str, ...]
    """Each probe once, as a path below the root of its modality."""
    candidate_names: tuple[str, ...]
    """Each candidate once."""
    probe_people: Codes
    """(len(probe_names),) person of each, a code into `people_names` or -1."""
    candidate_people: Codes
    """(len(candidate_names),) the same."""
    lines: Codes = field(default_factory=lambda: np.empty(0, np.int64), compare=False)
    """(n,) line of each trial in the file, from 1; empty where it was not read from one."""

    def __len__(self) -> int:
        """Return the number of trials."""
        return len(self.probes)

    @property
    def n_candidates(self) -> int:
        """Candidates of a trial."""
        return int(self.candidates.shape[1])


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedVerification(PublishedList):
    """Are the probe and the candidate of one person?"""

    probes: Codes
    """(n,) row of each pair's probe in `probe_names`."""
    candidates: Codes
    """(n,) row of each pair's candidate in `candidate_names`."""
    labels: NDArray[np.bool_] | None
    """(n,) True where they are of one person; None where the organisers keep the labels."""
    probe_names: tuple[str, ...]
    """Each probe once, as a path below the root of its modality."""
    candidate_names: tuple[str, ...]
    """Each candidate once."""
    probe_people: Codes
    """(len(probe_names),) person of each, a code into `people_names` or -1."""
    candidate_people: Codes
    """(len(candidate_names),) the same."""
    keys: tuple[str, ...] = ()
    """The id of each pair, n of them, for FAME's file of scores; empty where the list has none."""
    lines: Codes = field(default_factory=lambda: np.empty(0, np.int64), compare=False)
    """(n,) line of each pair in the file, from 1; empty where it was not read from one."""

    def __len__(self) -> int:
        """Return the number of pairs."""
        return len(self.probes)


@dataclass(frozen=True, kw_only=True, eq=False)
class PublishedRetrieval(PublishedList):
    """Rank the gallery for each probe; what is of the probe's person is relevant."""

    probe_names: tuple[str, ...]
    """The probes in the order of the list, as paths below the root of their modality."""
    gallery_names: tuple[str, ...]
    """The gallery in the order of the list."""
    probe_people: Codes
    """(len(probe_names),) person of each, a code into `people_names`."""
    gallery_people: Codes
    """(len(gallery_names),) the same."""
    groups: NDArray[np.int64] | None = None
    """(len(probe_names) + len(gallery_names),) where each group is ranked apart; None where there is one."""
    gallery_path: Path | None = field(default=None, compare=False)
    """The file of the gallery, where that is another one."""

    def __len__(self) -> int:
        """Return the number of probes."""
        return len(self.probe_names)


AnyPublished = PublishedMatching | PublishedVerification | PublishedRetrieval


def refuse_missing(record: AnyPublished, probes: Collection[str], candidates: Collection[str]) -> None:
    """Raise if the list names a file that is not at hand.

    Args:
        record: the list.
        probes: names of the probes at hand; a set or a mapping, so that a look-up is fast.
        candidates: names of the candidates at hand.

    Raises:
        DataError: the message names the list, the line, the first file that is missing, and how many are.
    """
    retrieval = isinstance(record, PublishedRetrieval)
    others = record.gallery_names if retrieval else record.candidate_names  # type: ignore[union-attr]
    sides = (("probe", record.probe_names, probes), ("gallery" if retrieval else "candidate", others, candidates))
    for side, names, at_hand in sides:
        missing = [row for row, name in enumerate(names) if name not in at_hand]
        if missing:
            raise DataError(
                f"{record.path or record.name}{_line_of(record, side, missing[0])}: the {side} "
                f"{names[missing[0]]!r} is not at hand, and {len(missing) - 1} more of {len(names)} are not. Embed "
                "these files, or remove the lines that name them."
            )


def _line_of(record: AnyPublished, side: str, row: int) -> str:
    """Return " line 7" for the first trial that names a row of the probes or of the candidates; "" where unknown."""
    if isinstance(record, PublishedRetrieval) or not record.lines.size:
        return ""
    table = record.probes[:, None] if side == "probe" else record.candidates.reshape(len(record), -1)
    trials = np.flatnonzero((table == row).any(axis=1))
    return f" line {record.lines[trials[0]]}" if trials.size else ""


def _same(a: object, b: object) -> bool:
    if isinstance(a, np.ndarray) or isinstance(b, np.ndarray):
        return isinstance(a, np.ndarray) and isinstance(b, np.ndarray) and np.array_equal(a, b)
    return a == b
