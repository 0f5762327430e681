"""Draws people of the made-up world on one sheet: docs/world-faces.png.

    python scripts/draw_contact_sheet.py [OUT]

Above: people of the default world, women and men in turn, each in a clip of their own. Below, one person a row: frames
of two clips of one session and one clip of another, the mouth opening and the eyes closing.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from visavox.world.faces.scene import Scene, random_scene
from visavox.world.faces.talking_head import Motion, TalkingHead
from visavox.world.people import make_person, make_session

OUT = Path(__file__).parents[1] / "docs/world-faces.png"
SEED = 0
N_COLUMNS = 12
N_PEOPLE = 48
OF_ROWS = (0, 37)
"""People of the rows of clips."""
SIDE_PX = 100
COLOUR_STEP = 4
"""Colours are rounded to it, so that the file stays small; noise, which no PNG can shrink, is left out."""
MOMENTS = ((0.0, 0.0), (0.35, 0.0), (0.9, 0.0), (0.15, 1.0))
"""Opening of the mouth and closing of the eyes in the frames of a clip."""


def scene_of(person: int, clip: int) -> Scene:
    """Return a scene, with two clips a session."""
    rngs = (np.random.default_rng([SEED, person, 1, clip // 2]), np.random.default_rng([SEED, person, 2, clip]))
    return replace(random_scene(make_session(person, clip // 2, seed=SEED), *rngs), noise=0.0)


def frames(person: int, clip: int, moments: Sequence[tuple[float, float]]) -> list[NDArray[np.uint8]]:
    """Return some moments of a clip, each (SIDE_PX, SIDE_PX, 3)."""
    head = TalkingHead(make_person(person, seed=SEED).face, scene_of(person, clip))
    rng = np.random.default_rng([SEED, person, 3, clip])
    motion = head.random_motion(len(moments), rng)
    openings, blinks = np.array(moments).T
    whole = head.frames(openings, rng, motion=Motion(motion.matrices, blinks))
    return [np.asarray(cv2.resize(frame, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA)) for frame in whole]


def sheet() -> NDArray[np.uint8]:
    """Return the whole sheet, (height, 12 * SIDE_PX, 3)."""
    people = [frames(person, 0, [(0.3 * (person % 3), 0.0)])[0] for person in range(N_PEOPLE)]
    rows = [np.hstack(people[first : first + N_COLUMNS]) for first in range(0, N_PEOPLE, N_COLUMNS)]
    for person in OF_ROWS:
        rows.append(np.hstack([frame for clip in range(3) for frame in frames(person, clip, MOMENTS)]))
    return np.vstack(rows)


def main(out: Path) -> None:
    """Write the sheet."""
    coarse = np.minimum((sheet().astype(int) + COLOUR_STEP // 2) // COLOUR_STEP * COLOUR_STEP, 255)
    Image.fromarray(coarse.astype(np.uint8)).save(out, optimize=True)
    print(f"{out}: {out.stat().st_size / 1000:.0f} kB")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else OUT)
