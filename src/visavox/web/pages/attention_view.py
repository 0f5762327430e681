"""Occlusion maps as pictures: orange where covering makes the match less likely, blue where it makes it more likely.

A scale centred on zero for the faces of a match, so that they can be compared, and another for its voice. The colours
differ for every kind of colour vision, and the words below say the same. Steps between neighbouring places are
smoothed for the eye.

Example:
    >>> colours(np.array([[-1.0, 0.0, 1.0]], np.float32), largest=1.0)[0, :, 3].round(3).astype(str).tolist()
    ['0.8', '0.0', '0.8']
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visavox.evaluation.chart import escaped
from visavox.pipeline.match_attention import MatchAttention
from visavox.pipeline.occlusion import LOWEST_DB, N_MELS
from visavox.web.pages.markup import exact_uri

Array = NDArray[np.float32]

AGAINST = np.array([[243, 241, 236], [146, 197, 222], [33, 102, 172]], np.float32)  # from nothing to the most
FOR = np.array([[243, 241, 236], [244, 165, 130], [178, 65, 10]], np.float32)
STRONGEST = 0.8
"""Opacity of the largest effect; nothing covers the picture where there is none."""
LEAST_NATS = 0.02
"""The scale never ends below: what is smaller is noise, and looks like none."""
SOUND_PX = (720, 208)
TICKS_HZ = (250, 500, 1000, 2000, 4000)


def colours(effect: Array, *, largest: float) -> Array:
    """Return colour and opacity of each place.

    Args:
        effect: (rows, columns) float32.
        largest: what has full colour, above 0.

    Returns:
        (rows, columns, 4) float32: red, green and blue 0 to 255, opacity 0 to 0.8.
    """
    size = np.clip(np.abs(effect) / largest, 0, 1)
    painted = np.empty((*effect.shape, 4), np.float32)
    for channel in range(3):
        of_it = [np.interp(size, (0, 0.5, 1), ramp[:, channel]) for ramp in (AGAINST, FOR)]
        painted[..., channel] = np.where(effect > 0, of_it[1], of_it[0])
    painted[..., 3] = STRONGEST * np.sqrt(size)  # by the root, so that a middle effect is seen
    painted[..., 3][size < 0.08] = 0
    return painted


def over(grey: Array, effect: Array, *, largest: float) -> NDArray[np.uint8]:
    """Return a grey picture (rows, columns), 0 to 255, under the colours of its effect: (rows, columns, 3) uint8."""
    painted = colours(smoothed(effect), largest=largest)
    opacity = painted[..., 3:]
    mixed = (1 - opacity) * grey[..., None] + opacity * painted[..., :3]
    shown: NDArray[np.uint8] = mixed.round().clip(0, 255).astype(np.uint8)
    return shown


def smoothed(effect: Array) -> Array:
    """Return an effect without its steps: made small, 16 places in each direction at most, and large again."""
    rows, columns = effect.shape
    small = Image.fromarray(effect).resize((min(16, columns), min(16, rows)), Image.Resampling.BOX)
    return np.asarray(small.resize((columns, rows), Image.Resampling.BICUBIC), dtype=np.float32)


def attention_html(attention: MatchAttention, names: Sequence[str]) -> str:
    """Return the maps of a match with their legend in words.

    Args:
        attention: of the match.
        names: of the faces, in order.
    """
    on_faces = max(LEAST_NATS, *(float(np.abs(face.effect).max()) for face in attention.faces))
    on_voice = max(LEAST_NATS, float(np.abs(attention.voice.effect).max()))
    faces = "".join(
        f'<figure><img src="{exact_uri(_face_picture(face.crop, face.effect, on_faces))}" alt="{escaped(name)}: '
        f'{escaped(face_words(face.effect))}"><figcaption><b>{escaped(name)}</b><br>{face_words(face.effect)}'
        "</figcaption></figure>"
        for face, name in zip(attention.faces, names, strict=True)
    )
    return (
        '<section class="vx" aria-label="What the model attends to"><h2>What the model attends to</h2>'
        f"{_legend(on_faces, on_voice)}<h3>The faces</h3>"
        f'<div class="vx-maps">{faces}</div><h3>The voice</h3>{_voice_figure(attention, on_voice)}'
        '<p class="vx-fine">Each place was covered in turn - a face by a grey square of a quarter of its width, the '
        f"voice by silence in a block of time and pitch - and the match of {escaped(names[attention.chosen])} asked "
        "again. The maps show what this answer hangs on, not what is true of the person. Several places that say "
        "the same can stand in for one another, and then none of them lights up.</p></section>"
    )


def face_words(effect: Array) -> str:
    """Return where on a face the largest effect is, and which way: "most for it: middle left"."""
    row, column = np.unravel_index(int(np.abs(effect).argmax()), effect.shape)
    height, width = effect.shape
    place = ("upper", "middle", "lower")[min(2, int(3 * row / height))]
    side = ("left", "middle", "right")[min(2, int(3 * column / width))]
    where = "centre" if place == side == "middle" else f"{place} {side}"
    value = float(effect[row, column])
    if abs(value) < LEAST_NATS:
        return "no place matters"
    return f"most {'for' if value > 0 else 'against'} it: {where} of the picture ({value:+.2f})".replace("-", "−")


def _face_picture(crop: NDArray[np.uint8], effect: Array, largest: float) -> NDArray[np.uint8]:
    grey = crop.astype(np.float32) @ np.array([0.299, 0.587, 0.114], np.float32)
    return over(grey, effect, largest=largest)


def _voice_figure(attention: MatchAttention, largest: float) -> str:
    voice = attention.voice
    grey = 250 - 190 * (1 - voice.spectrogram_db / LOWEST_DB)  # loud is dark
    picture = over(grey.astype(np.float32), voice.effect, largest=largest)[::-1]  # low pitch at the bottom
    wide = np.asarray(Image.fromarray(picture).resize(SOUND_PX, Image.Resampling.NEAREST))
    highest_mel = 2595 * np.log10(1 + 8000 / 700)
    hz = "".join(
        f'<span style="top:{100 * (1 - 2595 * np.log10(1 + tick / 700) / highest_mel):.1f}%">{tick:,} Hz</span>'
        for tick in TICKS_HZ
    )
    n_seconds = int(voice.duration_s)
    step = 1 if n_seconds <= 6 else 2
    times = "".join(
        f'<span style="left:{100 * at / voice.duration_s:.1f}%">{attention.begin_s + at:.0f} s</span>'
        for at in range(0, n_seconds + 1, step)
        if at <= voice.duration_s
    )
    words = voice_words(attention)
    return (
        f'<figure class="vx-voice"><div class="hz" aria-hidden="true">{hz}</div><div class="map">'
        f'<img src="{exact_uri(wide)}" alt="Spectrogram of the voice; {escaped(words)}"></div>'
        f'<div class="s" aria-hidden="true">{times}</div><figcaption>{escaped(words)}</figcaption></figure>'
    )


def voice_words(attention: MatchAttention) -> str:
    """Return when and at what pitch the largest effect on a voice is."""
    effect = attention.voice.effect
    band, frame = np.unravel_index(int(np.abs(effect).argmax()), effect.shape)
    value = float(effect[band, frame])
    if abs(value) < LEAST_NATS:
        return "no place of the voice matters"
    alike = effect == value
    bands, frames = np.flatnonzero(alike[:, frame]), np.flatnonzero(alike[band])
    low, high = (_hz(edge) for edge in (bands[0], bands[-1] + 1))
    seconds = attention.voice.duration_s / effect.shape[1]
    begin, end = (attention.begin_s + seconds * edge for edge in (frames[0], frames[-1] + 1))
    which = "for" if value > 0 else "against"
    said = f"most {which} it: {begin:.1f} to {end:.1f} s, {low:,.0f} to {high:,.0f} Hz ({value:+.2f})"
    return said.replace("-", "−")


def _hz(band: float) -> float:
    """Return the lower edge of a mel band of 64 in Hz."""
    return float(700 * (10 ** (band / N_MELS * np.log10(1 + 8000 / 700)) - 1))


def _legend(on_faces: float, on_voice: float) -> str:
    return (
        '<div class="vx-legend"><i aria-hidden="true"></i>'
        "<span>blue: covering this makes the match more likely; it spoke against</span>"
        "<span>orange: covering this makes the match less likely; it spoke for it</span></div>"
        f'<p class="vx-fine">Full colour is a change of the log odds by {on_faces:.2f} on the faces and by '
        f"{on_voice:.2f} on the voice; 0.7 halves or doubles the odds. What is not coloured makes no difference.</p>"
    )
