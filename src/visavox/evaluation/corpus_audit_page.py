"""The audit of a corpus as a page: alike pairs side by side, with small faces and seconds of voices inside the file.

One HTML file in the style of the reports, which asks nothing of the network. It shows people: it stays with the
corpus. The words come from `visavox.evaluation.corpus_audit_text`.

Example:
    >>> from visavox.corpus.alike_pairs import AlikePairs
    >>> empty = CorpusAudit("c", 2, 0, 4, 4, 4, AlikePairs((), {"same_face": 0}, {}, 0), (), (), (), (), None)
    >>> "Nobody and nothing" in corpus_audit_page(empty)
    True
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from visavox.corpus.alike_pairs import AlikePair
from visavox.corpus.audit import Audit
from visavox.corpus.corpus_audit import VERDICTS, CorpusAudit, ListFinding, Verdict
from visavox.evaluation.chart import escaped
from visavox.evaluation.corpus_audit_text import (
    LIST_REMEDY,
    MET_REMEDY,
    SPELLING_REMEDY,
    VIDEO_REMEDY,
    counted,
    headline,
    list_words,
    looked_for,
    met_words,
    owner_words,
    pair_words,
    size_words,
)
from visavox.evaluation.page import page
from visavox.evaluation.strips import embed_face, embed_voice

MAX_CARDS = 18  # of a verdict with pictures; all seven verdicts together stay below 5 MB
MAX_ROWS = 500  # of a list inside the page; audit.json holds all
FACE_PX = 128
VOICE_S = 3.0
HEARD = ("two_names", "video_twice", "one_recording", "alike_both", "alike_voice")  # verdicts that a listener judges


def corpus_audit_page(
    found: CorpusAudit, *, faces: Mapping[str, Path] | None = None, voices: Mapping[str, Path] | None = None
) -> str:
    """Return the whole page as text.

    Args:
        found: the audit.
        faces: clip -> file of its face; one that is missing or broken is a grey box.
        voices: clip -> file of its voice.
    """
    media = (faces or {}, voices or {})
    sections = [_table_section(found)]
    for verdict, about in VERDICTS.items():
        pairs = [pair for pair in found.alike.pairs if pair.verdict == verdict]
        sections.append(_pairs_section(pairs, about, found, *media) if pairs else "")
    sections += [
        _listed("One name in several spellings", SPELLING_REMEDY, [", ".join(names) for names in found.spellings]),
        _listed(
            "Videos listed under several people",
            VIDEO_REMEDY,
            [f"{v.video}: {', '.join(v.people)} ({counted(v.n_clips, 'clip')})" for v in found.shared_videos],
        ),
        _lists_section(found.lists),
        _met_section(found),
        _sides_section(found.sides) if found.sides is not None else "",
        _facts_section("What could not be checked", found.not_checked),
    ]
    return page(
        f"Audit of {found.corpus}",
        header=_header(found),
        body="\n".join(filter(None, sections)),
        made="Made by Visavox. This page shows faces and voices of the corpus: keep it with the corpus.",
    )


def _header(found: CorpusAudit) -> str:
    kicker = f'<p class="kicker">Audit of a corpus · {escaped(found.corpus)}</p>'
    lead = f"Looked at <b>{escaped(size_words(found))}</b>, whatever a split says."
    if found.n_certain:
        lead += " What is certain comes first; the rest is for a person to judge."
    elif found.n_to_look_at:
        lead += " None of it is certain: the pairs below are for a person to judge."
    return f'{kicker}<h1>{escaped(headline(found))}</h1><p class="lead">{lead}</p>'


def _section(heading: str, about: str, body: str) -> str:
    lead = f'<p class="about">{escaped(about)}</p>' if about else ""
    return f"<section><h2>{escaped(heading)}</h2>{lead}{body}</section>"


def _table_section(found: CorpusAudit) -> str:
    rows = looked_for(found)
    if found.lists:
        rows.append(("people, videos and files that stand in the given lists", f"{found.n_shared:,}"))
    if found.sides is not None:
        rows.append(("the same on two sides of the split", counted(found.sides.n_errors, "error")))
    about = "All pairs of clips of different people were compared; where nobody is named, of different videos."
    return _section("What was looked for", about, _table(("looked for", "found"), rows))


def _table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    titles = "".join(f'<th scope="col">{escaped(title)}</th>' for title in head)
    body = ""
    for first, *cells in rows:
        values = "".join(f"<td>{escaped(cell)}</td>" for cell in cells)
        body += f'<tr><th scope="row">{escaped(first)}</th>{values}</tr>'
    table = f"<table><thead><tr>{titles}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div class="scroll" tabindex="0">{table}</div>'


def _pairs_section(
    pairs: Sequence[AlikePair],
    about: Verdict,
    found: CorpusAudit,
    faces: Mapping[str, Path],
    voices: Mapping[str, Path],
) -> str:
    cards = "".join(_card(pair, found, faces, voices) for pair in pairs[:MAX_CARDS])
    body = f'<ul class="strips">{cards}</ul>'
    rest = pairs[MAX_CARDS:]
    if rest:
        rows = [
            (pair.a, pair.b, ", ".join(words for words, _ in pair_words(pair, found.thresholds)))
            for pair in rest[:MAX_ROWS]
        ]
        summary = f"{counted(len(rest), 'more pair')}; audit.json names all that are listed"
        table = _table(("a clip", "another", "in common"), rows)
        body += f"<details><summary>{escaped(summary)}</summary>{table}</details>"
    heading = f"{about.title}: {counted(len(pairs), 'pair')}"
    return _section(heading, f"{about.meaning} {about.remedy}", body)


def _card(
    pair: AlikePair, found: CorpusAudit, faces: Mapping[str, Path], voices: Mapping[str, Path]
) -> str:  # fmt: skip
    said = [
        f'<b class="wrong">{escaped(words)}</b>' if is_close else escaped(words)
        for words, is_close in pair_words(pair, found.thresholds)
    ]
    sides = ((pair.a, pair.person_a, pair.video_a), (pair.b, pair.person_b, pair.video_b))
    halves = ""
    for clip, person, video in sides:
        sound = _sound(clip, voices.get(clip)) if pair.verdict in HEARD else ""
        owner = escaped(owner_words(person, video))
        names = f'<dl><dd>{owner}</dd><dd class="clip">{escaped(clip)}</dd></dl>'
        halves += f"<div>{_picture(clip, faces.get(clip))}{sound}{names}</div>"
    return f'<li class="strip"><p>{" · ".join(said)}</p><div class="pair">{halves}</div></li>'


def _picture(clip: str, path: Path | None) -> str:
    image = embed_face(path, side_px=FACE_PX)
    if image.uri is None:
        return f'<div class="missing">No image: {escaped(image.reason)}</div>'
    alt = escaped(f"Face of {clip}")
    return f'<img src="{image.uri}" alt="{alt}" width="{FACE_PX}" height="{FACE_PX}">'


def _sound(clip: str, path: Path | None) -> str:
    voice = embed_voice(path, max_s=VOICE_S)
    if voice.uri is None:
        return f'<div class="missing voice">No voice: {escaped(voice.reason)}</div>'
    label = escaped(f"Voice of {clip}")
    return f'<audio controls preload="metadata" src="{voice.uri}" aria-label="{label}"></audio>'


def _listed(heading: str, about: str, rows: Sequence[str]) -> str:
    if not rows:
        return ""
    items = "".join(f"<li>{escaped(row)}</li>" for row in rows[:MAX_ROWS])
    more = f"<li>and {len(rows) - MAX_ROWS:,} more, in audit.json</li>" if len(rows) > MAX_ROWS else ""
    return _section(heading, about, f"<ul>{items}{more}</ul>")


def _lists_section(lists: Sequence[ListFinding]) -> str:
    body = ""
    for finding in lists:
        body += f"<h3>{escaped(finding.name)}: {escaped(list_words(finding))}</h3>"
        matches = [(m.name, m.listed) for m in (*finding.shared.people, *finding.shared.videos)]
        if matches:
            table = _table(("in the corpus", "in the list"), matches[:MAX_ROWS])
            summary = escaped(counted(len(matches), "name"))
            body += f"<details><summary>{summary}</summary>{table}</details>"
    return _section("Shared with given lists", LIST_REMEDY, body) if body else ""


def _met_section(found: CorpusAudit) -> str:
    rows = [(row.model, row.trained_on, met_words(row)) for row in found.acquaintances]
    facts = "".join(f"<dt>{escaped(a)}</dt><dd>{escaped(b)}<br>{escaped(c)}</dd>" for a, b, c in rows)
    return _section("What the models have met", MET_REMEDY, f"<dl class=facts>{facts}</dl>") if rows else ""


def _sides_section(sides: Audit) -> str:
    rows = [
        (f.kind.replace("_", " "), f"{f.a} ({f.side_a})", f"{f.b} ({f.side_b})", f.about or f"{f.value:.2f}")
        for f in sides.findings[:MAX_ROWS]
    ]
    table = _table(("what", "on one side", "on the other", "in common"), rows) if rows else ""
    return _section("Two sides of the split", f"{sides.summary()}.", table)


def _facts_section(heading: str, facts: Mapping[str, str]) -> str:
    rows = "".join(f"<dt>{escaped(name)}</dt><dd>{escaped(why)}</dd>" for name, why in facts.items())
    return _section(heading, "", f"<dl class=facts>{rows}</dl>") if rows else ""
