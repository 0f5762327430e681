"""What naming the person of a face, a voice or both came to, failures and strangers included.

Example:
    >>> asked = AskedWith("face", "a.jpg", "ok", "", probability=0.9, name="Ann")
    >>> outcome = IdentificationOutcome("people", 31, (asked,), (Candidate("Ann", 0.9),), False, 0.1, 0.02, 0.05, ())
    >>> outcome.name, outcome.decided
    ('Ann', True)
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from visavox.corpus.items import Modality
from visavox.errors import one_line

BAR_WIDTH = 20  # characters
STRANGER = "a stranger"


@dataclass(frozen=True)
class Candidate:
    """One person who may be the one asked about."""

    name: str
    """As enrolled."""
    probability: float
    """0 to 1, among the enrolled and a stranger."""
    log_likelihood_ratio: float | None = None
    """How much better this person explains what was given than somebody unknown, nats; None of a network."""
    by_modality: Mapping[str, float] = field(default_factory=dict)
    """The same of the face and of the voice alone."""


@dataclass(frozen=True)
class AskedWith:
    """A file that was given, and what it says alone."""

    modality: Modality
    """"voice" or "face"."""
    file: str
    """The path as it was given."""
    status: str
    """"ok", or why it takes no part: "no_face", "silent", "too_little_speech", "missing_file" ..."""
    note: str
    """One line for the reader; empty where there is nothing to say."""
    name: str | None = None
    """Whom this file alone is most like; None where it takes no part."""
    probability: float | None = None
    """Probability of that person, by this file alone."""
    is_stranger: bool | None = None
    """Whether this file alone would be refused; None where it cannot be said."""
    speech_s: float | None = None
    """Seconds of speech of a voice; None of a face."""
    log_likelihood_ratio: float | None = None
    """Of that person, by this file alone, nats."""
    p_value: float | None = None
    """Share of simulated strangers, asking with such a file alone, that are at least as convincing."""
    threshold: float | None = None
    """Least ratio that is accepted of such a file alone, nats; None where everything is."""


@dataclass(frozen=True)
class IdentificationOutcome:
    """The answer of `visavox identify`."""

    people: str
    """The folder, as it was given."""
    n_people: int
    """How many people could have been named."""
    asked: tuple[AskedWith, ...]
    """The files."""
    ranked: tuple[Candidate, ...]
    """The most probable people, best first; empty where no file could be used."""
    is_stranger: bool | None
    """Whether it is taken for nobody enrolled; None where it cannot be said."""
    p_stranger: float | None
    """Probability that it is nobody enrolled; None of a network, which knows no strangers."""
    p_value: float | None
    """Share of simulated strangers that are at least as convincing; None where there are none."""
    false_accept: float | None
    """Largest p-value that is accepted."""
    notes: tuple[str, ...]
    """Sentences to be read beside the answer."""
    threshold: float | None = None
    """Least ratio of the best person that is accepted, nats; None where everything is, or nothing can be said."""
    asked_false_accept: float | None = None
    """The rate that was asked for, where it is less than the enrolled can promise and `false_accept` was used."""

    @property
    def name(self) -> str | None:
        """Who it is; None for a stranger, and where no file could be used."""
        return self.ranked[0].name if self.ranked and not self.is_stranger else None

    @property
    def decided(self) -> bool:
        """Whether somebody was named."""
        return self.name is not None

    def __str__(self) -> str:
        """Return the lines that `visavox identify` prints: the answer, a bar for each candidate, what to know."""
        lines = [self._verdict(), *self._bars()]
        usable = [one for one in self.asked if one.status == "ok"]
        lines += [_about(one, several=len(usable) > 1) for one in usable if one.note or (len(usable) > 1 and one.name)]
        lines += [f"Not used: {one_line(one.note)}" for one in self.asked if one.status != "ok"]
        return "\n".join([*lines, *(f"Note: {one_line(note)}" for note in self.notes)])

    def to_dict(self) -> dict[str, Any]:
        """Return the outcome as a mapping that JSON can hold."""
        return {**dataclasses.asdict(self), "name": self.name, "decided": self.decided}

    def _verdict(self) -> str:
        given = " and ".join(one.modality for one in self.asked if one.status == "ok")
        if not self.ranked:
            return f"No answer: {'the files' if len(self.asked) > 1 else 'the file'} could not be used."
        if self.is_stranger:
            return f"A stranger, by {given}: nobody of the {self.n_people:,} enrolled is convincing ({self._limit()})."
        limit = f" ({self._limit()})" if self.false_accept is not None else ""
        return f"{one_line(self.ranked[0].name)}, by {given}{limit}."

    def _limit(self) -> str:
        if self.p_value is None or self.false_accept is None:
            return "strangers could not be simulated"
        if self.asked_false_accept is not None:
            return f"p = {self.p_value:.3g}; asked {self.asked_false_accept:g}, {self.false_accept:.3g} used"
        sign = "<=" if self.p_value <= self.false_accept else ">"
        digits = 2
        while digits < 17 and f"{self.p_value:.{digits}g}" == f"{self.false_accept:.{digits}g}":
            digits += 1
        digits = digits if self.p_value != self.false_accept else 3
        return f"p = {self.p_value:.{digits}g} {sign} {self.false_accept:.{digits}g}"

    def _bars(self) -> list[str]:
        rows = [(one_line(one.name), one.probability) for one in self.ranked]
        if rows and self.p_stranger is not None:
            rows.append((STRANGER, self.p_stranger))
        width = max((len(name) for name, _ in rows), default=0)
        marked = 0 if self.decided else len(rows) - 1
        return [
            f"{'>' if number == marked else ' '} {name:<{width}}  {_bar(share)}"
            for number, (name, share) in enumerate(rows)
        ]


def speech_note(speech_s: float) -> str:
    """Return what is said of a voice that could be used."""
    return f"{speech_s:.1f} s of speech"


def _bar(probability: float) -> str:
    return f"{'#' * round(BAR_WIDTH * probability):<{BAR_WIDTH}} {100 * probability:5.1f} %"


def _about(one: AskedWith, *, several: bool) -> str:
    """Return what is known of a file, and beside another what it says alone."""
    note = one_line(one.note)
    if not several or one.name is None:
        return f"{one.modality.capitalize()}: {note}."
    refused = ", but would be taken for a stranger" if one.is_stranger else ""
    heard = f" ({note})" if note else ""
    return (
        f"{one.modality.capitalize()} alone{heard}: {one_line(one.name)} {100 * (one.probability or 0):.1f} %{refused}."
    )
