"""The contact sheet as one HTML file: pictures inside, nothing asked of the network, for screen and paper.

The frame of the page is that of the reports (`visavox.evaluation.page`). All that comes from data is escaped.

Example:
    >>> sheet = GallerySheet("corpus", 0, 0, {}, ())
    >>> "<h1>" in gallery_page(sheet)
    True
"""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import resources

import numpy as np
import numpy.typing as npt
from PIL import Image

from visavox.corpus.items import GIVEN, OK
from visavox.corpus.statuses import STATUSES
from visavox.errors import one_line
from visavox.evaluation.chart import escaped, points
from visavox.evaluation.contest import PREDICTED
from visavox.evaluation.page import page
from visavox.media.images import Pixels
from visavox.pipeline.gallery_tiles import FACE_PX, N_BARS, Problem, Tile

JPEG_QUALITY = 80
WAVE_HEIGHT = 38  # units of the view box of a sound wave
RULE = (
    "This sheet shows people's faces. It is a part of the corpus: who may see the corpus may see it, and nobody else. "
    "Delete it together with the corpus."
)


@dataclass(frozen=True, eq=False)
class GallerySheet:
    """What a contact sheet shows."""

    corpus: str
    """Name of the corpus."""
    n_clips: int
    """Clips that were asked for: all, or those of some statuses or a person."""
    n_people: int
    """People among them."""
    counts: Mapping[str, int]
    """Those clips by status, in the order in which they are shown."""
    groups: Sequence[tuple[str, Sequence[Tile]]]
    """Status and tiles; fewer than `counts` where not all have room."""
    asked_for: str = ""
    """In words, what was asked for; "" for all."""


def gallery_page(sheet: GallerySheet) -> str:
    """Return the page as text."""
    style = (resources.files("visavox.pipeline") / "templates" / "gallery.css").read_text(encoding="utf-8")
    body = "\n".join(_group(sheet, status, tiles) for status, tiles in sheet.groups)
    return page(
        f"Gallery of {sheet.corpus}",
        header=_header(sheet),
        body=f"<style>\n{style}</style>\n{body}",
        made="Made by <code>visavox corpus gallery</code>.",
    )


def status_words(status: str) -> str:
    """Return a status as a reader would say it.

    Example:
        >>> status_words("no_face"), status_words("ok")
        ('no face', 'whole')
    """
    return "whole" if status == OK else status.replace("_", " ")


def short_reason(reason: str) -> str:
    """Return a reason with the name of its file alone, where it begins with a path.

    Example:
        >>> short_reason("/data/talks/a b.mp4: no face was found.")
        'a b.mp4: no face was found.'
    """
    path, colon, rest = reason.partition(": ")
    return f"{path.rpartition('/')[2]}{colon}{rest}" if colon else reason


def face_words(quality: Mapping[str, float]) -> list[str]:
    """Return the figures of a face that matter most, in words."""
    said = {"face_width_px": "{:.0f} px wide", "sharpness": "sharpness {:.0f}", "frontality": "frontal {:.2f}"}
    return [words.format(quality[name]) for name, words in said.items() if name in quality]


def voice_words(quality: Mapping[str, float]) -> list[str]:
    """Return the figures of a voice that matter most, in words."""
    said = []
    if "duration_s" in quality:
        speech = f"{quality['speech_s']:.1f} of " if "speech_s" in quality else ""
        said.append(f"{'speech' if speech else 'sound'} {speech}{quality['duration_s']:.1f} s")
    if "snr_db" in quality:
        said.append(f"SNR {quality['snr_db']:.0f} dB")
    elif "loudness_db" in quality:
        said.append(f"{quality['loudness_db']:.0f} dB".replace("-", "−"))
    return said


def _header(sheet: GallerySheet) -> str:
    n_shown = sum(len(tiles) for _, tiles in sheet.groups)
    n_ok = sheet.counts.get(OK, 0)
    kicker = f'<p class="kicker">{escaped(one_line(sheet.corpus))} · gallery</p>'
    clips = "clip" if sheet.n_clips == 1 else "clips"
    title = f"<h1><strong>{n_ok:,} of {sheet.n_clips:,}</strong> {clips} came out whole.</h1>"
    people = f"{sheet.n_people:,} {'person' if sheet.n_people == 1 else 'people'}"
    lead = f"<b>{people}</b> by name. "
    lead += "All are shown" if n_shown == sheet.n_clips else f"<b>{n_shown:,}</b> are shown, spread over all of them"
    lead += f"; asked for: {escaped(one_line(sheet.asked_for))}." if sheet.asked_for else "."
    bar = "".join(
        f'<span class="{"ok" if status == OK else "bad"}" style="flex:{count};opacity:{_opacity(place)}"></span>'
        for place, (status, count) in enumerate(sheet.counts.items())
    )
    links = "".join(
        f'<li><a href="#{escaped(status)}"><b>{count:,}</b> {escaped(status_words(status))}</a></li>'
        for status, count in sheet.counts.items()
    )
    share = f'<div class="share" role="img" aria-label="Share of each status">{bar}</div>' if bar else ""
    return (
        f'{kicker}{title}<p class="lead">{lead}</p>{share}<ul class="contents">{links}</ul><p class="keep">{RULE}</p>'
    )


def _opacity(place: int) -> float:
    """Neighbouring failures in the bar are told apart by their strength."""
    return round(max(0.3, 1 - 0.14 * max(0, place - 1)), 2)


def _group(sheet: GallerySheet, status: str, tiles: Sequence[Tile]) -> str:
    known = STATUSES.get(status)
    meaning = known.meaning if known else "a status that this version does not know"
    remedy = f" Remedy: {known.remedy}." if known and known.remedy else ""
    about = "" if status == OK else f'<p class="about">{escaped(meaning.capitalize())}.{escaped(remedy)}</p>'
    n_all = sheet.counts[status]
    count = f"{n_all:,}" if len(tiles) == n_all else f"{len(tiles):,} of {n_all:,}"
    items = "\n".join(map(_tile, tiles))
    return (
        f'<section id="{escaped(status)}"><h2>{escaped(status_words(status).capitalize())}<small>{count}</small></h2>'
        f'{about}<ul class="tiles">{items}</ul></section>'
    )


def _tile(tile: Tile) -> str:
    problems = {problem.modality: problem for problem in reversed(tile.problems)}
    who = tile.person or "nobody is named"
    facts = " · ".join(f"<b>{escaped(words)}</b>" for words in face_words(tile.face_quality))
    sound = " · ".join(f"<b>{escaped(words)}</b>" for words in voice_words(tile.voice_quality))
    parts = [
        _face(tile, problems.get("face")),
        _voice(tile, problems.get("voice")),
        f'<p class="who">{escaped(one_line(who))}</p><p class="clip">{escaped(one_line(tile.clip))}</p>',
        *(f'<p class="facts">{line}</p>' for line in (facts, sound) if line),
    ]
    if tile.attributes:
        parts.append(f'<p class="facts">{_attributes(tile)}</p>')
    for reason in dict.fromkeys(problem.reason or status_words(problem.status) for problem in tile.problems):
        whole, short = escaped(one_line(reason)), escaped(one_line(short_reason(reason)))
        parts.append(f'<p class="why" title="{whole}">{short}</p>')
    return f'<li class="tile">{"".join(parts)}</li>'


def _face(tile: Tile, problem: Problem | None) -> str:
    if not tile.faces:
        words = f'<div class="nothing">{escaped(status_words(problem.status))}</div>' if problem else ""
        return words or '<div class="nothing none">no face expected</div>'
    first, *others = (_data_uri(face) for face in tile.faces)
    alt = escaped(f"Face of clip {one_line(tile.clip)}")
    shown = f'<img class="face" src="{first}" alt="{alt}" width="{FACE_PX}" height="{FACE_PX}">'
    small = "".join(f'<img src="{uri}" alt="another face">' for uri in others)
    return shown + (f'<div class="more">{small}</div>' if small else "")


def _voice(tile: Tile, problem: Problem | None) -> str:
    if tile.bars is None:
        words = f'<div class="mute">{escaped(status_words(problem.status))}</div>' if problem else ""
        return words or '<div class="mute none">no voice expected</div>'
    wave = (
        f'<svg class="wave" viewBox="0 0 {2 * N_BARS} {WAVE_HEIGHT}" preserveAspectRatio="none" aria-hidden="true">'
        f'<path d="{_wave(tile.bars)}"/></svg>'
    )
    duration, speech = tile.voice_quality.get("duration_s", 0.0), tile.voice_quality.get("speech_s")
    if not duration or speech is None:
        return wave
    share = min(1.0, speech / duration)
    return f'{wave}<div class="speech" title="{share:.0%} is speech"><i style="width:{100 * share:.0f}%"></i></div>'


def _wave(bars: npt.NDArray[np.float32]) -> str:
    """The outline as vertical strokes about the middle."""
    middle = WAVE_HEIGHT / 2
    heights = np.maximum(bars * (middle - 1), 0.5)
    return "".join(f"M{2 * place + 1} {points(middle - h)}v{points(2 * h)}" for place, h in enumerate(heights.tolist()))


def _attributes(tile: Tile) -> str:
    said = []
    for name, attribute in sorted(tile.attributes.items()):
        origin = "" if attribute.origin == GIVEN else " (predicted)"
        title = escaped(one_line(f"{name}: {attribute.origin}"))
        words = f"{name.removeprefix(PREDICTED)} {attribute.value}{origin}"
        said.append(f'<b title="{title}">{escaped(one_line(words))}</b>')
    return " · ".join(said)


def _data_uri(face: Pixels) -> str:
    buffer = io.BytesIO()
    Image.fromarray(face).save(buffer, format="JPEG", quality=JPEG_QUALITY)
    return f"data:image/jpeg;base64,{base64.b64encode(buffer.getvalue()).decode('ascii')}"
