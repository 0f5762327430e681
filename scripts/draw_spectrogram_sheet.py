"""Draws the spectrogram sheet of the made-up voices: docs/world-voices.png.

    python scripts/draw_spectrogram_sheet.py [OUT]

The first rows are people of both sexes as they come, the others an average woman moved along one shared dimension:
-2, 0 and +2, with the same text and the same room.
"""

from __future__ import annotations

import io
import sys
from dataclasses import replace
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.axes import Axes
from PIL import Image

from visavox.world.people import Shown, make_people
from visavox.world.population import CATEGORIES, DIMENSIONS
from visavox.world.voices.source_filter import SAMPLE_RATE
from visavox.world.voices.synthetic_voices import Take, speak

OUT = Path(__file__).parents[1] / "docs/world-voices.png"
TAKE = Take(duration_s=1.8, noise_db=-70.0, echo=0.05)
WINDOW = 480  # samples, 30 ms: shows the harmonics
HOP = 80  # samples, 5 ms
FFT = 1024
RANGE_DB = 58.0
MAX_BYTES = 400_000


def spectrogram_db(voice: np.ndarray) -> np.ndarray:
    """(frequencies, frames) against its loud parts."""
    frames = np.lib.stride_tricks.sliding_window_view(voice, WINDOW)[::HOP] * np.hanning(WINDOW)
    emphasis = np.fft.rfftfreq(FFT, 1.0 / SAMPLE_RATE) / 1000.0 + 0.3  # speech falls by 6 dB an octave
    level = 20.0 * np.log10(np.abs(np.fft.rfft(frames, FFT)) * emphasis + 1e-9)
    return (level - np.percentile(level, 99.5)).T


def draw(axes: Axes, shown: Shown, title: str, *, text: int) -> None:
    voice = speak(shown, TAKE, np.random.default_rng(text))
    axes.imshow(
        spectrogram_db(voice),
        origin="lower",
        aspect="auto",
        cmap="magma",
        vmin=-RANGE_DB,
        vmax=0.0,
        extent=(0.0, TAKE.duration_s, 0.0, SAMPLE_RATE / 2000.0),
    )
    axes.set_title(title, fontsize=8, loc="left", pad=2)
    axes.tick_params(labelsize=6)


def main(out: Path = OUT) -> None:
    mpl.use("Agg")
    people = make_people(6, seed=1)
    rows = 2 + len(DIMENSIONS)
    figure, grid = plt.subplots(rows, 3, figsize=(11, 1.55 * rows), sharex=True, sharey=True, layout="constrained")
    for row, sex in enumerate("fm"):
        for axes, person in zip(grid[row], [one for one in people if one.sex == sex], strict=True):
            spoken = CATEGORIES["language"][person.voice.language]
            draw(axes, person.voice, f"{person.name}, {person.voice.sex}, speaks {spoken}", text=row)
    middle = Shown("f", (0.0,) * len(DIMENSIONS), (0.0,) * 8, nationality=0, language=1)
    for row, name in enumerate(DIMENSIONS):
        for axes, value in zip(grid[2 + row], (-2.0, 0.0, 2.0), strict=True):
            moved = tuple(value if dimension == name else 0.0 for dimension in DIMENSIONS)
            draw(axes, replace(middle, shared=moved), f"{name} {value:+g}", text=4)
    figure.supxlabel("s", fontsize=8)
    figure.supylabel("kHz", fontsize=8)
    buffer = io.BytesIO()
    figure.savefig(buffer, dpi=90)
    image = Image.open(buffer).convert("RGB").quantize(18, dither=Image.Dither.NONE)
    image.save(out, optimize=True)
    size = out.stat().st_size
    print(f"{out}: {image.width} x {image.height} pixels, {size / 1000:.0f} kB")
    if size > MAX_BYTES:
        sys.exit(f"The sheet must be below {MAX_BYTES / 1000:.0f} kB. Lower its dpi or its colours.")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
