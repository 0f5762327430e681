"""What a report on drawn faces says first: how often the true face is found by the one drawn from the voice.

Example:
    >>> from visavox.evaluation.record import Report
    >>> is_reconstruction(Report("An empty test", (), (), {}))
    False
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping

from visavox.evaluation.identification_words import Headline
from visavox.evaluation.record import Report, find_measure
from visavox.evaluation.wording import format_interval, format_value

PROTOCOL = "reconstruction"
KEY = "reconstruction"  # under which the provenance says who leads and which controls there are
PAIR = "accuracy_1_of_2"
LEADING = "what leads each run"
SHUFFLED = "shuffled voices"


def is_reconstruction(report: Report) -> bool:
    """Whether a report is about drawn faces: such a page is laid out in an order of its own."""
    return any(found.protocol == PROTOCOL for found in report.measures)


def drawing_headline(report: Report) -> Headline | None:
    """Returns the leading drawer's 1:2 accuracy by the leading judge in words; None where it has none."""
    about = report.provenance.get(KEY)
    if not isinstance(about, Mapping):
        return None
    judge, leading = str(about.get("judge")), str(about.get("leading"))
    main = find_measure(report.measures, (PROTOCOL, leading, f"{judge}_all", PAIR))
    if main is None or not math.isfinite(main.value):
        return None
    question = f"Shown a face drawn from a voice and two photographs, the face network {judge} picks the speaker"
    lead = f"Drawn by {leading} from {main.count:,} voices of {main.n_people} people"
    lead += f", 95 % interval {format_interval(main)}" if format_interval(main) else ""
    lead += f"; guessing gives {format_value(PAIR, 0.5)}"
    gender = find_measure(report.measures, (PROTOCOL, "gender only", f"{judge}_all", PAIR))
    if gender is not None and math.isfinite(gender.value):
        lead += f", one face for each gender that is heard {format_value(PAIR, gender.value)}"
    lead += "."
    same = find_measure(report.measures, (PROTOCOL, leading, f"{judge}_same_gender", PAIR))
    if same is not None and math.isfinite(same.value):
        inside = f" ({format_interval(same)})" if format_interval(same) else ""
        lead += f" When both photographs show one gender it is {format_value(PAIR, same.value)}{inside}."
    return Headline(question, format_value(PAIR, main.value), lead)


def drawing_lines(report: Report) -> list[str]:
    """Returns the figure to remember as lines for a terminal; none for other reports."""
    said = drawing_headline(report) if is_reconstruction(report) else None
    return [f"{said.question} {said.value} of the time.", said.lead] if said is not None else []


def beside_others(report: Report) -> Report:
    """Returns a report whose leading drawer bears a common name, so that two models stand in one table."""
    about = report.provenance.get(KEY)
    if not is_reconstruction(report) or not isinstance(about, Mapping):
        return report
    leading = str(about.get("leading"))
    names = {leading: LEADING, f"{leading}, {SHUFFLED}": f"{LEADING}, {SHUFFLED}"}
    measures = tuple(dataclasses.replace(m, direction=names.get(m.direction, m.direction)) for m in report.measures)
    return dataclasses.replace(report, measures=measures)
