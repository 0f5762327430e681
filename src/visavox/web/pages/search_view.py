"""The answer of a search as HTML: pictures or sounds of those who were found, bars, "nobody here" among them.

Example:
    outcome_html(engine.search(voice=data), gallery)
"""

from __future__ import annotations

from visavox.errors import one_line
from visavox.evaluation.chart import escaped
from visavox.pipeline.gallery.search_outcome import SearchHit, SearchOutcome
from visavox.pipeline.gallery.telling import counted
from visavox.retrieval.gallery import Gallery
from visavox.retrieval.gallery_rows import GalleryInfo
from visavox.web.pages.markup import bar_row, data_uri, percent, sound_uri

NOBODY = "nobody here"


def gallery_html(info: GalleryInfo) -> str:
    """Return name and size of a gallery in a sentence."""
    counts = [
        f"{counted(of.n_people, 'person', 'people')} with a {name} ({counted(of.n_rows, 'clip')})"
        for name, of in info.modalities.items()
    ]
    name = escaped(one_line(str(info.folder.name)))
    return f'<div class="vx"><p>The gallery <b>{name}</b> holds {" and ".join(counts) or "nobody yet"}.</p></div>'


def outcome_html(outcome: SearchOutcome, gallery: Gallery) -> str:
    """Return an answer as a list of bars, best first.

    Args:
        outcome: of the search.
        gallery: that was searched; its pictures and sounds are shown.
    """
    if outcome.status != "ok":
        return (
            '<section class="vx" aria-label="Answer" aria-live="polite"><p class="vx-verdict">No answer</p>'
            f'<p class="vx-note">{escaped(one_line(outcome.note))}</p></section>'
        )
    rows = [(hit.probability or 0.0, _row(hit, outcome, gallery, is_best=False)) for hit in outcome.hits]
    if outcome.hits and not outcome.nobody:
        rows[0] = (rows[0][0], _row(outcome.hits[0], outcome, gallery, is_best=True))
    if outcome.p_nobody is not None:
        place = sum((hit.probability or 0.0) > outcome.p_nobody for hit in outcome.hits)
        rows.insert(
            place, (outcome.p_nobody, bar_row(NOBODY, outcome.p_nobody, is_best=outcome.nobody, empty="nobody"))
        )
    n_others = outcome.n_candidates - len(outcome.hits)
    if outcome.p_others is not None and n_others > 0:
        rows.append((outcome.p_others, bar_row(f"{n_others:,} others together", outcome.p_others, empty="others")))
    listed = "".join(row for _, row in rows)
    kind = "vx-bars" if outcome.against == "face" else "vx-bars vx-sounds"
    notes = "".join(f'<p class="vx-fine">{escaped(one_line(note))}</p>' for note in (*outcome.notes,))
    return (
        f'<section class="vx" aria-label="Answer" aria-live="polite"><p class="vx-verdict">{_verdict(outcome)}</p>'
        f'<p class="vx-fine">{_about(outcome)}</p>{notes}<ul class="{kind}">{listed}</ul></section>'
    )


def _verdict(outcome: SearchOutcome) -> str:
    if outcome.nobody:
        return f"Nobody here, {percent(outcome.p_nobody or 0.0)}"
    if not outcome.hits:
        return "Nobody could be found"
    best = outcome.hits[0]
    name = escaped(one_line(_name(best, outcome)))
    if best.probability is None:
        return f"{name} is the most alike"
    return f"{name} is the most probable, {percent(best.probability)}"


def _about(outcome: SearchOutcome) -> str:
    """Return by what, from what and among whom."""
    what = "people" if outcome.by == "person" else "clips"
    heard = f" ({escaped(one_line(outcome.note))})" if outcome.note else ""
    given = ""
    if outcome.p_nobody is not None:
        given = f", given that nobody here has {100 * outcome.prior_nobody:g} % beforehand"
    return (
        f"A guess by {escaped(outcome.model)} for this {outcome.query_modality}{heard} among "
        f"{outcome.n_candidates:,} {what} with a {outcome.against}{given}."
    )


def _name(hit: SearchHit, outcome: SearchOutcome) -> str:
    return hit.person if outcome.by == "person" else hit.clip


def _row(hit: SearchHit, outcome: SearchOutcome, gallery: Gallery, *, is_best: bool) -> str:
    """Return the row of one hit: its face, or its voice to be played, and what is known of it."""
    picture, extra = "", ""
    if outcome.against == "face":
        thumbnail = gallery.thumbnail(hit.key)
        picture = data_uri(thumbnail, "image/jpeg") if thumbnail else ""
    else:
        excerpt = gallery.excerpt(hit.key)
        if excerpt:
            label = escaped(one_line(_name(hit, outcome)))
            extra = f'<audio controls preload="none" src="{sound_uri(excerpt)}" aria-label="Voice of {label}"></audio>'
    known = ", ".join(f"{name} {value}" for name, value in sorted(hit.attributes.items()))
    words = f"{known}; cosine {hit.similarity:.2f}" if known else f"cosine {hit.similarity:.2f}"
    about = f'<span class="vx-fine">{escaped(one_line(words))}</span>'
    empty = "no picture" if outcome.against == "face" else "a voice"
    return bar_row(
        _name(hit, outcome), hit.probability, picture=picture, is_best=is_best, extra=about + extra, empty=empty
    )
