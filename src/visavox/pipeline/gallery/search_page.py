"""The contact sheet of a search as one HTML file: pictures and sounds inside, nothing asked of the network.

All names are escaped, and the page forbids itself every request and every script.

Example:
    Path("found.html").write_text(search_page(sheet_content(outcome, gallery, query)))
"""

from __future__ import annotations

import base64
from importlib import resources

from visavox.errors import one_line
from visavox.evaluation.chart import escaped
from visavox.evaluation.page import page
from visavox.pipeline.gallery.row_media import media_type
from visavox.pipeline.gallery.search_tiles import SearchTile, SheetContent

STYLE = """
.tile.best { outline: 3px solid var(--c0); }
.tile audio { display: block; width: 100%; height: 32px; margin-top: .4rem; }
.tile .odds { display: flex; justify-content: space-between; gap: .5rem; font-variant-numeric: tabular-nums; }
.tile .odds b { font-size: 1rem; }
.tile .bar { height: 5px; border-radius: 3px; background: var(--hair); overflow: hidden; margin-top: .3rem; }
.tile .bar i { display: block; height: 100%; background: var(--c0); }
.tile .mark { display: grid; place-items: center; aspect-ratio: 1; border-radius: 4px; background: var(--hair);
  color: var(--soft); font-weight: 600; font-size: .85rem; text-align: center; padding: 0 .6rem; }
.asked { max-width: 10.2rem; }
"""
RULE = (
    "A guess from what voices and faces share, which is little: never a proof of who somebody is. The sheet shows "
    "people's faces and plays their voices; who may see the gallery may see it, and nobody else."
)


def search_page(content: SheetContent) -> str:
    """Return the page as text."""
    outcome = content.outcome
    style = (resources.files("visavox.pipeline") / "templates" / "gallery.css").read_text(encoding="utf-8")
    kicker = f'<p class="kicker">{escaped(one_line(outcome.gallery))} · search</p>'
    lead = f"A {outcome.query_modality} among {outcome.among}"
    if outcome.p_nobody is not None:
        lead += f"; nobody here has {100 * outcome.prior_nobody:g} % beforehand"
    header = (
        f'{kicker}<h1>{_verdict(content)}</h1><p class="lead">{lead}. Model {escaped(one_line(outcome.model))}.</p>'
        f'<p class="keep">{escaped(RULE)}</p>'
    )
    notes = "".join(f"<p>{escaped(one_line(note))}</p>" for note in outcome.notes)
    tiles = "".join(_tile(tile, is_best=place == 0) for place, tile in enumerate(content.tiles))
    body = (
        f"<style>\n{style}{STYLE}</style>\n"
        f'<section><h2>Asked with</h2><ul class="tiles asked">{_tile(content.query)}</ul></section>'
        f'<section><h2>Found<small>best first</small></h2>{notes}<ul class="tiles">{tiles}</ul></section>'
    )
    return page(f"Search: {content.query.title}", header=header, body=body, made="Made by <code>visavox search</code>.")


def _verdict(content: SheetContent) -> str:
    outcome = content.outcome
    if outcome.status != "ok":
        return f"No answer: {escaped(one_line(outcome.note))}"
    if outcome.nobody:
        return f"<strong>Nobody here</strong>, {100 * (outcome.p_nobody or 0):.1f} %"
    if not outcome.hits:
        return "Nothing to compare with"
    best = outcome.hits[0]
    name = escaped(one_line(best.person if outcome.by == "person" else best.clip))
    if best.probability is None:
        return f"<strong>{name}</strong> is the most similar"
    return f"<strong>{name}</strong>, {100 * best.probability:.1f} %"


def _tile(tile: SearchTile, *, is_best: bool = False) -> str:
    parts = []
    if tile.picture is not None:
        alt = escaped(f"Face of {one_line(tile.title)}")
        parts.append(f'<img class="face" src="{_uri(tile.picture)}" alt="{alt}" width="128" height="128">')
    else:
        words = "nobody here" if tile.is_nobody else "a voice" if tile.sound is not None else "no picture kept"
        parts.append(f'<div class="mark">{words}</div>')
    if tile.sound is not None:
        label = escaped(f"Voice of {one_line(tile.title)}")
        parts.append(f'<audio controls preload="none" src="{_uri(tile.sound)}" aria-label="{label}"></audio>')
    parts.append(f'<p class="who">{escaped(one_line(tile.title))}</p>')
    if tile.about:
        parts.append(f'<p class="clip">{escaped(one_line(tile.about))}</p>')
    cosine = "" if tile.similarity is None else f"<span>cosine {tile.similarity:.2f}</span>"
    if tile.probability is not None:
        share = f"{100 * tile.probability:.1f}"
        parts.append(
            f'<p class="odds"><b>{share} %</b>{cosine}</p><div class="bar"><i style="width:{share}%"></i></div>'
        )
    elif cosine:
        parts.append(f'<p class="odds">{cosine}</p>')
    return f'<li class="tile{" best" if is_best else ""}">{"".join(parts)}</li>'


def _uri(media: bytes) -> str:
    return f"data:{media_type(media)};base64,{base64.b64encode(media).decode('ascii')}"
