"""The page of a report: one HTML file that asks nothing of the network, in light and dark, on paper and telephone.

It arranges; the figures come from `visavox.evaluation.plots`, the words from `visavox.evaluation.tables`, the
media from `visavox.evaluation.strips`. Whatever comes from data is escaped, and the page forbids itself every
request through its content policy.

Example:
    >>> from visavox.evaluation.record import Report
    >>> "<h1>" in report_page(Report("An empty test", (), (), {}))
    True
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from importlib import resources
from string import Template

from visavox.evaluation.chart import escaped
from visavox.evaluation.confusion_plot import confusion_figure
from visavox.evaluation.curve_plots import curve_figures
from visavox.evaluation.drawings import Confusion, Pareto, Sheet
from visavox.evaluation.hard_clips import hard_clips_html
from visavox.evaluation.identification_words import is_identification
from visavox.evaluation.knowable_plot import knowable_figures
from visavox.evaluation.measures import Measure
from visavox.evaluation.page_header import page_header, pair_measure
from visavox.evaluation.pareto_plot import pareto_figure
from visavox.evaluation.plots import BarRow, Figure, bar_figure, training_figures
from visavox.evaluation.reconstruction_words import is_reconstruction
from visavox.evaluation.record import CEILING, GENDER_ALONE, Report, Section, find_measure
from visavox.evaluation.section_tables import section_html
from visavox.evaluation.sheet_figure import sheet_html
from visavox.evaluation.strips import FACE_PX, Embedded, Strip, embed_face, embed_voice
from visavox.evaluation.tables import Block, caveats, is_main, remarks, table_blocks
from visavox.evaluation.wording import format_cell, format_value, group_words

ABOUT_MEASURES = "After each value its 95 % bootstrap interval over people. Ties count as chance."
FIGURE_GROUPS = ("all", "same_gender")


def report_page(report: Report) -> str:
    """Returns the whole page as text; the media of its strips are read from their files."""
    if is_reconstruction(report):
        sections = [
            _caveats(report),
            *(further_section(section) for section in report.sections),
            _section("All measures", _folded(_measures_body(report))),
            _provenance(report),
            _next_steps(report),
        ]
        return _whole(report, sections)
    if is_identification(report):
        about = "Test clips whose wrong name was surest, at most two of a person, the worst first."
        sections = [
            _caveats(report),
            *(further_section(section) for section in report.sections),
            _section("The hardest clips", hard_clips_html(report.hard_clips), about=about),
            _section("All measures", _folded(_measures_body(report))),
            _provenance(report),
            _next_steps(report),
        ]
        return _whole(report, sections)
    sections = [
        _knowable(report) or _glance(report),
        _caveats(report),
        _measures(report),
        _figures("Curves", "", curve_figures(report.curves, report.measures)),
        *(further_section(section) for section in report.sections),
        _training(report),
        _strips(report, "best", "The best matches", _best_words(report)),
        _strips(report, "worst", "The worst matches", "The voices for which a wrong face comes closest, or wins."),
        _provenance(report),
        _next_steps(report),
    ]
    return _whole(report, sections)


def _whole(report: Report, sections: Sequence[str]) -> str:
    version = report.provenance.get("version")
    made = f"Made by Visavox {escaped(version)}." if version else "Made by Visavox."
    return page(report.title, header=page_header(report), body="\n".join(filter(None, sections)), made=made)


def page(title: str, *, header: str, body: str, made: str) -> str:
    """Returns a page in the style of the reports around ready-made HTML.

    Args:
        title: of the browser's tab; escaped here.
        header: HTML of the head of the page.
        body: HTML of its sections.
        made: HTML of the last line.
    """
    folder = resources.files("visavox.evaluation") / "templates"
    style = (folder / "report.css").read_text(encoding="utf-8")
    template = Template((folder / "report.html").read_text(encoding="utf-8"))
    return template.substitute(title=escaped(title), style=style, header=header, body=body, made=made)


def figure_grid(figures: Sequence[Figure]) -> str:
    """Returns the HTML of figures side by side, or under each other where the page is narrow."""
    cells = []
    for figure in figures:
        caption = f"<figcaption>{escaped(figure.caption)}</figcaption>" if figure.caption else ""
        cells.append(f"<figure><b>{escaped(figure.heading)}</b>{figure.svg}{caption}</figure>")
    return f'<div class="figures">{"".join(cells)}</div>' if cells else ""


def further_section(section: Section) -> str:
    """Returns the HTML of a section with its heading, text, table, curves and footnotes."""
    drawn = [_drawn(drawing) for drawing in section.drawings if not isinstance(drawing, Sheet)]
    sheets = "".join(sheet_html(drawing) for drawing in section.drawings if isinstance(drawing, Sheet))
    body = section_html(section) + figure_grid([*drawn, *curve_figures(section.curves, ())]) + sheets
    return _section(section.title, body or " ", about=section.text)


def _drawn(drawing: Pareto | Confusion) -> Figure:
    return pareto_figure(drawing) if drawing.kind == "pareto" else confusion_figure(drawing)


def _section(heading: str, body: str, *, about: str = "") -> str:
    lead = f'<p class="about">{escaped(about)}</p>' if about else ""
    return f"<section><h2>{escaped(heading)}</h2>{lead}{body}</section>" if body else ""


def _knowable(report: Report) -> str:
    """How far the model came between chance and the best possible answer; nothing where that is not known."""
    if report.knowable is None:
        return ""
    warnings = "".join(f"<p>{escaped(sentence)}</p>" for sentence in report.knowable.warnings)
    body = f'<div class="caveats warning" role="note">{warnings}</div>' if warnings else ""
    body += figure_grid(knowable_figures(report.knowable))
    notes = "".join(f"<li>{escaped(note)}</li>" for note in report.knowable.notes)
    about = (
        "Share of right choices between two. The track is what can be known, from chance to the ceiling, the best "
        "possible answer; it is filled as far as this model has come. Thin line: its 95 % interval over people."
    )
    heading = "How much of what could be known was learned"
    return _section(heading, body + (f'<ul class="footnotes">{notes}</ul>' if notes else ""), about=about)


def _next_steps(report: Report) -> str:
    text = f"<pre>{escaped(report.next_steps)}</pre>" if report.next_steps else ""
    return _section("What to type next", text)


def _glance(report: Report) -> str:
    figures = []
    gender = report.baseline(GENDER_ALONE)
    for direction in ("voice_to_face", "face_to_voice"):
        groups = []
        for group in FIGURE_GROUPS:
            found = pair_measure(report.measures, direction, group)
            if found is None:
                continue
            alone = None
            if gender is not None:
                alone = find_measure(gender.measures, (found.protocol, direction, group, found.measure))
            rows = [
                BarRow("chance", _chance_of(found), "chance"),
                BarRow(GENDER_ALONE, alone, "gender"),
                BarRow("this model", found, "c0"),
            ]
            groups.append((group_words(group).capitalize(), rows))
        if groups:
            figures.append(bar_figure(direction, groups))
    about = "Share of right choices between two. Thin lines: 95 % intervals, people drawn with replacement."
    return _section("One of two", figure_grid(figures), about=about)


def _chance_of(found: Measure) -> Measure:
    """The chance level as a measure without an interval, so that it can be drawn as a bar."""
    return Measure(
        found.protocol, found.direction, found.group, found.measure,
        found.chance, math.nan, math.nan, found.chance, found.count, found.n_people,
    )  # fmt: skip


def _caveats(report: Report) -> str:
    items = "".join(f"<li>{escaped(sentence)}</li>" for sentence in caveats(report))
    return _section("What the figures do not say", f'<div class="caveats"><ul>{items}</ul></div>' if items else "")


def _measures(report: Report) -> str:
    return _section("All measures", _measures_body(report), about=ABOUT_MEASURES)


def _folded(body: str) -> str:
    return f"<details><summary>Show them. {ABOUT_MEASURES}</summary>{body}</details>" if body else ""


def _measures_body(report: Report) -> str:
    if not report.measures:
        return ""
    main = [m for m in report.measures if is_main(m.measure)]
    rest = [m for m in report.measures if not is_main(m.measure)]
    body = _table(report, main)
    if rest:
        body += f"<details><summary>Every other N of the 1:N curve</summary>{_table(report, rest)}</details>"
    notes = "".join(f"<li>{escaped(remark)}</li>" for remark in remarks(report))
    return body + (f'<ul class="footnotes">{notes}</ul>' if notes else "")


def _table(report: Report, measures: Sequence[Measure]) -> str:
    answers = ["this model", *(b.name for b in report.baselines)]
    head = '<th scope="col">measure</th>'
    head += "".join(f'<th scope="col" colspan="2">{escaped(name)}</th>' for name in answers)
    head += "".join(f'<th scope="col">{name}</th>' for name in ("chance", "count", "people"))
    blocks = table_blocks(measures, report.baselines)
    bodies = "".join(_block(block, [b.name for b in report.baselines]) for block in blocks)
    return f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>{bodies}</table></div>'


def _block(block: Block, baselines: Sequence[str]) -> str:
    rows = [
        f'<tr><th scope="rowgroup" colspan="{6 + 2 * len(baselines)}"><span>{escaped(block.heading)}</span></th></tr>'
    ]
    for row in block.rows:
        cells = [value_cells(row.model, strong=True)]
        for name, found in zip(baselines, row.baselines, strict=True):
            unknown = found is None and name == CEILING  # nothing went wrong: nobody computed it
            cells.append('<td class="quiet" colspan="2"></td>' if unknown else value_cells(found))
        chance = escaped(format_value(row.model.measure, row.model.chance))
        counts = f'<td class="quiet">{row.model.count:,}</td><td class="quiet">{row.model.n_people:,}</td>'
        label = f'<th scope="row">{escaped(row.label)}</th>'
        rows.append(f'<tr>{label}{"".join(cells)}<td class="quiet">{chance}</td>{counts}</tr>')
    return f"<tbody>{''.join(rows)}</tbody>"


def value_cells(found: Measure | None, *, strong: bool = False) -> str:
    """Returns two table cells, the value and its interval, each in a column of its own so that digits line up."""
    value, interval = format_cell(found)
    if found is None or not math.isfinite(found.value):
        return f'<td class="undefined" colspan="2">{value}</td>'
    shown = f"<b>{escaped(value)}</b>" if strong else escaped(value)
    return f'<td class="value">{shown}</td><td class="ci">{escaped(interval)}</td>'


def _figures(heading: str, about: str, figures: Sequence[Figure]) -> str:
    return _section(heading, figure_grid(figures), about=about)


def _training(report: Report) -> str:
    if report.training is None:
        return ""
    about = "The course of the training, epoch by epoch."
    return _figures("Training", about, training_figures(report.training))


def _strips(report: Report, kind: str, heading: str, about: str) -> str:
    items = "".join(_strip(strip) for strip in report.strips if strip.kind == kind)
    return _section(heading, f'<ul class="strips">{items}</ul>' if items else "", about=about)


def _best_words(report: Report) -> str:
    about = "The voices whose own face stands furthest above every wrong one."
    margins = [strip.margin for strip in report.strips if strip.kind == "best"]
    n_right = sum(margin > 0 for margin in margins)
    if n_right == len(margins):
        return about
    return f"{about} Even of these {len(margins)} only {n_right} beat all wrong faces at once."


def _strip(strip: Strip) -> str:
    clip, own_clip = strip.voice.removesuffix("/voice"), strip.face.removesuffix("/face")
    voice = embed_voice(strip.voice_path)
    if voice.uri is None:
        sound = f'<div class="missing voice">No voice: {escaped(voice.reason)}</div>'
    else:
        label = escaped(f"Voice of {clip}")
        sound = f'<audio controls preload="metadata" src="{voice.uri}" aria-label="{label}"></audio>'
    beaten = "all" if strip.share_beaten == 1 else format_value("share", strip.share_beaten)
    faces = _face("" if own_clip == clip else own_clip, strip.score, "own face", embed_face(strip.face_path))
    wrong_clip, wrong_image = strip.wrong_face.removesuffix("/face"), embed_face(strip.wrong_face_path)
    faces += _face(wrong_clip, strip.wrong_score, "hardest wrong face", wrong_image)
    verdict = "Right" if strip.margin > 0 else ("Tied" if strip.margin == 0 else "Wrong")
    colour = "right" if strip.margin > 0 else "wrong"
    return (
        f'<li class="strip"><p><b class="{colour}">{verdict}</b> own face beats {beaten} of the others</p>{sound}'
        f'<p class="clip">{escaped(clip)}</p><div class="pair">{faces}</div></li>'
    )


def _face(clip: str, score: float, role: str, embedded: Embedded) -> str:
    if embedded.uri is None:
        image = f'<div class="missing">No image: {escaped(embedded.reason)}</div>'
    else:
        alt = escaped(f"{role}, clip {clip}" if clip else role)
        image = f'<img src="{embedded.uri}" alt="{alt}" width="{FACE_PX}" height="{FACE_PX}">'
    clip_line = f'<dd class="clip">{escaped(clip)}</dd>' if clip else ""
    return f"<div>{image}<dl><dt>{escaped(role)}</dt><dd>{_signed(score).lstrip('+')}</dd>{clip_line}</dl></div>"


def _signed(score: float) -> str:
    """A score with its sign, the minus as wide as the plus."""
    return f"{score:+.3f}".replace("-", "−")


def _provenance(report: Report) -> str:
    facts = {k: v for k, v in report.provenance.items() if k != "caveats"}
    return _section("Where the figures come from", _facts(facts, top=True) if facts else "")


def _facts(values: Mapping[str, object], *, top: bool = False) -> str:
    rows = []
    for name, value in values.items():
        shown = _facts(value) if isinstance(value, Mapping) else _fact(value)
        rows.append(f"<dt>{escaped(name.replace('_', ' '))}</dt><dd>{shown}</dd>")
    return f"<dl{' class=facts' if top else ''}>{''.join(rows)}</dl>"


def _fact(value: object) -> str:
    if value is None:
        return "not known"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return "<br>".join(escaped(v) for v in value)
    return escaped(value)
