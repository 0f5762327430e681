"""The head of a report's page: the one figure to remember, and where it stands between guessing and gender.

On a made-up world, where the best possible answer is known, it begins with the share of the knowable that was learned.
The sections below it are laid out in `visavox.evaluation.page`.

Example:
    >>> from visavox.evaluation.record import Report
    >>> page_header(Report("An empty test", (), (), {}))
    '<p class="kicker">An empty test</p><h1>An empty test</h1><p class="lead">Measured on <b>0 people</b>.</p>'
"""

from __future__ import annotations

import contextlib
import datetime
import math
from collections.abc import Mapping, Sequence

from visavox.evaluation.chart import escaped
from visavox.evaluation.identification_words import is_identification, naming_headline
from visavox.evaluation.knowable import Knowable, KnowableRow
from visavox.evaluation.knowable_words import ABOUT, share_words
from visavox.evaluation.measures import Measure
from visavox.evaluation.reconstruction_words import drawing_headline
from visavox.evaluation.record import GENDER_ALONE, Report, find_measure
from visavox.evaluation.wording import format_interval, format_value, n_faces


def pair_measure(measures: Sequence[Measure], direction: str, group: str) -> Measure | None:
    """The 1:2 accuracy of a direction and a group among `measures`, or None."""
    return next(
        (m for m in measures if n_faces(m.measure) == 2 and m.direction == direction and m.group == group), None
    )


def page_header(report: Report) -> str:
    """Returns the HTML of the head of the page: title, headline, what it was measured on."""
    kicker = f'<p class="kicker">{escaped(_kicker(report))}</p>'
    named = naming_headline(report) if is_identification(report) else drawing_headline(report)
    if named is not None:
        value = escaped(named.value).replace(" ", "&nbsp;")
        question = f"{escaped(named.question)} <strong>{value}</strong> of the time."
        return f'{kicker}<h1>{question}</h1><p class="lead">{escaped(named.lead)}</p>'
    known = report.knowable.find("voice_to_face", "all") if report.knowable is not None else None
    if report.knowable is not None and known is not None and math.isfinite(known.share):
        return kicker + _knowable_header(report.knowable, known)
    main = pair_measure(report.measures, "voice_to_face", "all") or _first_of_all(report.measures)
    if main is None or not math.isfinite(main.value):
        return f"{kicker}<h1>{escaped(report.title)}</h1>{_people(report)}"
    value = escaped(format_value(main.measure, main.value)).replace(" ", "&nbsp;")
    headline = f"Given a voice and two faces, the model picks the right face <strong>{value}</strong> of the time."
    interval = (
        f', 95&nbsp;% interval <span class="ci">{escaped(format_interval(main))}</span>'
        if format_interval(main)
        else ""
    )
    lead = (
        f"Measured on <b>{main.n_people:,} people</b> and {main.count:,} {_counted(report)}{interval}; "
        f"guessing gives {escaped(format_value(main.measure, main.chance))}{_alone(report, main)}."
    )
    same = pair_measure(report.measures, "voice_to_face", "same_gender")
    if same is not None and math.isfinite(same.value):
        inside = f' <span class="ci">({escaped(format_interval(same))})</span>' if format_interval(same) else ""
        lead += (
            f" When both faces have one gender it is <b>{escaped(format_value(same.measure, same.value))}</b>{inside}."
        )
    return f'{kicker}<h1>{headline}</h1><p class="lead">{lead}</p>'


def _first_of_all(measures: Sequence[Measure]) -> Measure | None:
    """The first 1:2 accuracy, voice to face, of a list that shares nothing, whatever test set is in its name."""
    return next(
        (
            m
            for m in measures
            if n_faces(m.measure) == 2 and m.direction == "voice_to_face" and m.group.startswith("all_")
        ),
        None,
    )


def _counted(report: Report) -> str:
    """What is counted: probes over all pairs, trials of lists."""
    return "probes" if report.provenance.get("trials", "all pairs") == "all pairs" else "trials"


def _kicker(report: Report) -> str:
    """Title, corpus and day; a corpus that the title ends with is not said twice."""
    corpus, date = (str(report.provenance.get(name) or "") for name in ("corpus", "date"))
    said = [report.title]
    if corpus and report.title != corpus and not report.title.endswith(f" {corpus}"):
        said.append(corpus)
    with contextlib.suppress(ValueError):  # a date in other words stays as it is
        date = datetime.datetime.fromisoformat(date).strftime("%Y-%m-%d")
    return " · ".join([*said, date] if date else said)


def _alone(report: Report, found: Measure) -> str:
    """What gender alone reaches on the same question, as a clause; nothing where it is not known."""
    gender = report.baseline(GENDER_ALONE)
    alone = find_measure(gender.measures, found.key) if gender is not None else None
    if alone is None or not math.isfinite(alone.value):
        return ""
    return f", gender alone <b>{escaped(format_value(alone.measure, alone.value))}</b>"


def _people(report: Report) -> str:
    counts = report.provenance.get("counts")
    known = counts.get("people", 0) if isinstance(counts, Mapping) else 0
    n_people = max((m.n_people for m in report.measures), default=0)
    n_people = max(n_people, int(known))
    return f'<p class="lead">Measured on <b>{n_people:,} people</b>.</p>'


def _knowable_header(knowable: Knowable, main: KnowableRow) -> str:
    """How much of the knowable was learned, and below it what the model reaches and what could be reached."""
    value, _, interval = share_words(main).partition(" (")
    about, inside = ABOUT[main.direction], f' <span class="ci">({escaped(interval)}</span>' if interval else ""
    if main.is_beyond:
        headline = f"The model knows <strong>more</strong> than {about} here."
        lead = f"It uses shortcuts, or something leaks: it scores {escaped(value)}{inside} of what can be known"
    else:
        headline = f"The model learned <strong>{escaped(value).replace(' ', '&nbsp;')}</strong> of what {about} here."
        lead = (
            f'95&nbsp;% interval <span class="ci">{escaped(interval[:-1])}</span>' if interval else "Without interval"
        )
    lead += (
        f", measured on <b>{main.n_people:,} people</b> and {main.count:,} probes. Given a voice and two faces it "
        f"picks the right face <b>{_accuracy(main.reached)}</b> of the time; guessing gives {_accuracy(main.chance)}"
    )
    if math.isfinite(main.gender_alone):
        lead += f", gender alone {_accuracy(main.gender_alone)}"
    honestly = " without shortcuts" if math.isfinite(main.shortcut_ceiling) else ""
    lead += f", the best possible answer{honestly} <b>{_accuracy(main.ceiling)}</b>."
    same = knowable.find(main.direction, "same_gender")
    if same is not None and math.isfinite(same.share):
        lead += (
            f" When both faces have one gender it is <b>{_accuracy(same.reached)}</b>, where the best possible answer "
            f"reaches {_accuracy(same.ceiling)}: {share_words(same).replace(' (', ' of what is left to know (')}."
        )
    return f'<h1>{headline}</h1><p class="lead">{lead}</p>'


def _accuracy(value: float) -> str:
    return escaped(format_value("accuracy_1_of_2", value)).replace(" ", "&nbsp;")
