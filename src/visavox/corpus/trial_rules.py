"""What a line of a trial list must fulfil: known clips, a positive of the probe's person, negatives of other people.

Example:
    >>> links = {"a": ClipLink("a", "Ann"), "b": ClipLink("b", "Bob")}
    >>> TrialRules(Path("x.csv"), links, links, "all").pair(7, ["a", "b", "yes"])
    Traceback (most recent call last):
    ...
    visavox.errors.DataError: x.csv line 7: the label must be 1 or 0. Got 'yes'.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NoReturn

from visavox.corpus.items import ClipLink
from visavox.corpus.trial_strata import group_attributes, group_name, stratum_of
from visavox.corpus.trials import Group
from visavox.errors import DataError

VERIFICATION_HEADER = ["probe", "candidate", "label"]
RETRIEVAL_HEADER = ["role", "clip"]


class TrialRules:
    """What a line of a list must fulfil, with messages that name the line."""

    def __init__(
        self, path: Path, probes: Mapping[str, ClipLink], candidates: Mapping[str, ClipLink], group: Group
    ) -> None:
        self._path = path
        self._probes = probes
        self._candidates = candidates
        self._group = group

    def trial(self, line: int, cells: Sequence[str], n_candidates: int) -> tuple[str, ...]:
        """Return the clips of a matching trial, probe first.

        Raises:
            DataError: the line breaks a rule.
        """
        self._check_width(line, cells, n_candidates + 1)
        probe = self._known(line, cells[0], self._probes)
        positive, *negatives = (self._known(line, clip, self._candidates) for clip in cells[1:])
        self._check_positive(line, probe, positive)
        for negative in negatives:
            self._check_negative(line, probe, negative)
        return tuple(cells)

    def pair(self, line: int, cells: Sequence[str]) -> tuple[str, str, bool]:
        """Return probe, candidate and label of a verification pair.

        Raises:
            DataError: the line breaks a rule.
        """
        self._check_width(line, cells, len(VERIFICATION_HEADER))
        if cells[2] not in ("0", "1"):
            raise DataError(f"{self._path} line {line}: the label must be 1 or 0. Got {cells[2]!r}.")
        probe = self._known(line, cells[0], self._probes)
        candidate = self._known(line, cells[1], self._candidates)
        same = cells[2] == "1"
        (self._check_positive if same else self._check_negative)(line, probe, candidate)
        return cells[0], cells[1], same

    def role(self, line: int, cells: Sequence[str]) -> tuple[str, str]:
        """Return role and clip of a retrieval line.

        Raises:
            DataError: the line breaks a rule.
        """
        self._check_width(line, cells, len(RETRIEVAL_HEADER))
        if cells[0] not in ("probe", "gallery"):
            raise DataError(f"{self._path} line {line}: the role must be 'probe' or 'gallery'. Got {cells[0]!r}.")
        self._known(line, cells[1], self._probes if cells[0] == "probe" else self._candidates)
        return cells[0], cells[1]

    def _check_width(self, line: int, cells: Sequence[str], n_cells: int) -> None:
        if len(cells) != n_cells:
            raise DataError(f"{self._path} line {line}: must have {n_cells} cells like the header. Got {len(cells)}.")

    def _known(self, line: int, clip: str, links: Mapping[str, ClipLink]) -> ClipLink:
        if clip not in links:
            side = "probes" if links is self._probes else "candidates"
            raise DataError(
                f"{self._path} line {line}: the clip {clip!r} is not among the {len(links)} {side} at hand. "
                "Prepare and embed it, or remove the line."
            )
        return links[clip]

    def _check_positive(self, line: int, probe: ClipLink, positive: ClipLink) -> None:
        if positive.identity != probe.identity:
            raise DataError(
                f"{self._path} line {line}: the positive {positive.clip!r} must be of the probe's person "
                f"{probe.identity!r}. It is of {positive.identity!r}. Remove the line, or mend the labels."
            )

    def _check_negative(self, line: int, probe: ClipLink, negative: ClipLink) -> None:
        if negative.identity == probe.identity:
            raise DataError(
                f"{self._path} line {line}: the negative {negative.clip!r} must not be of the probe's person. Both are "
                f"of {probe.identity!r}. Remove the line."
            )
        if probe.video is not None and negative.video == probe.video:
            raise DataError(
                f"{self._path} line {line}: the negative {negative.clip!r} must not be from the probe's video. Both "
                f"are from {probe.video!r}. Remove the line."
            )
        wanted = stratum_of(probe, self._group)
        if wanted is None or stratum_of(negative, self._group) != wanted:
            self._refuse_stratum(line, probe, negative)

    def _refuse_stratum(self, line: int, probe: ClipLink, negative: ClipLink) -> NoReturn:
        """Raise for the first label that the two do not share."""
        names = group_attributes(self._group)
        name = next(n for n in names if stratum_of(probe, group_name([n])) is None or _differ(n, probe, negative))
        raise DataError(
            f"{self._path} line {line}: the negative {negative.clip!r} must be of the probe's {name} "
            f"{probe.attribute(name)!r}. It is {negative.attribute(name)!r}. Remove the line."
        )


def _differ(name: str, probe: ClipLink, negative: ClipLink) -> bool:
    group = group_name([name])
    return stratum_of(probe, group) != stratum_of(negative, group)
