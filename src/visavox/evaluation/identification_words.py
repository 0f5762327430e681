"""What a report on identification says first: how often the best contender names the right one of the people it knows.

The page's head and the terminal say the same; both read it from the report alone.

Example:
    >>> shown_words(("voice", "face")), shown_words(("face",))
    ('a face and a voice', 'a face')
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from visavox.evaluation.measures import Measure
from visavox.evaluation.record import Report, find_measure
from visavox.evaluation.wording import format_interval, format_value

PROTOCOL = "identification"
KEY = "identification"  # under which the provenance says which contender is the best and what it knows
BEST_WORDS = {"ensemble": "the best ensemble of networks", "enrolment": "the enrolment"}
DEALT_WORDS = {
    "session": "split by session, so that no session is on both sides",
    "clip": "split by clip, so that clips of one session are on both sides",
}


@dataclass(frozen=True)
class Headline:
    """The figure to remember."""

    question: str
    """"Shown a face and a voice, the best network names the right one of 49 people"."""
    value: str
    """"94.6 %"."""
    lead: str
    """Interval, count, split and chance, in sentences."""


def is_identification(report: Report) -> bool:
    """Whether a report says who of known people it is: such a page is laid out in an order of its own."""
    return any(found.protocol == PROTOCOL for found in report.measures)


def shown_words(modalities: Sequence[str]) -> str:
    """Returns what somebody is shown: "a face and a voice"."""
    return " and ".join(f"a {modality}" for modality in ("face", "voice") if modality in modalities)


def naming_headline(report: Report) -> Headline | None:
    """Returns the best contender's top-1 on the test clips in words; None where it has none."""
    about = _about(report)
    main = _best_measure(report, about, str(about.get("split_by") or ""))
    if main is None or not math.isfinite(main.value):
        return None
    best, kind = str(about["best"]), str(about.get("kind", "network"))
    who = BEST_WORDS.get(kind, "the best network")
    question = f"Shown {shown_words(about['shown'])}, {who} names the right one of {about['n_known']} people"
    interval = f" (95 % interval {format_interval(main)})" if format_interval(main) else ""
    dealt = DEALT_WORDS.get(str(about.get("split_by") or ""))
    lead = f"{main.count:,} test clips of {main.n_people} people{interval}"
    lead += f", {dealt}" if dealt else ""
    lead += f"; guessing gives {format_value('top_1', main.chance)}."
    if kind != "enrolment":
        lead += f" It is {best}, chosen on the {about.get('chosen_on', 'validation')} clips."
    other = _best_measure(report, about, str(about.get("other_split") or "none"))
    if other is not None and math.isfinite(other.value):
        inside = f" ({format_interval(other)})" if format_interval(other) else ""
        lead += f" Split by {about['other_split']} it is {format_value('top_1', other.value)}{inside}."
    return Headline(question, format_value("top_1", main.value), lead)


def headline_lines(report: Report) -> list[str]:
    """Returns the figure to remember as lines for a terminal; none for other reports."""
    said = naming_headline(report) if is_identification(report) else None
    return [f"{said.question} {said.value} of the time.", said.lead] if said is not None else []


def _about(report: Report) -> Mapping[str, Any]:
    found = report.provenance.get(KEY)
    return found if isinstance(found, Mapping) else {}


def _best_measure(report: Report, about: Mapping[str, Any], split_by: str) -> Measure | None:
    group = f"test_by_{split_by}" if split_by else "test"
    return find_measure(report.measures, (PROTOCOL, str(about.get("best")), group, "top_1"))
