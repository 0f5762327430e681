from __future__ import annotations

from dataclasses import replace

import numpy as np

from visavox.world.faces.drawn_faces import head_outline
from visavox.world.faces.easel import Easel
from visavox.world.faces.hair import paint_back_hair, paint_front_hair
from visavox.world.faces.looks import Look, look_of
from visavox.world.faces.scene import CANVAS_PX, Scene
from visavox.world.people import make_person

LOOK = look_of(make_person(0, seed=0).face)
WHITE_WALL = Scene(wall=(1.0, 1.0, 1.0))


def cover(look: Look, *, back: bool) -> np.ndarray:
    """Pixels (canvas, canvas) bool that the hair changed."""
    easel = Easel(replace(look, hair=(0.2, 0.1, 0.05)), WHITE_WALL)
    if back:
        paint_back_hair(easel)
    else:
        paint_front_hair(easel, easel.cover(head_outline(look), flat=True))
    return easel.canvas.pixels.max(axis=2) < 0.6


def test_short_hair_has_nothing_behind_the_head() -> None:
    assert not cover(replace(LOOK, hair_length=0.1), back=True).any()


def test_longer_hair_reaches_further_down() -> None:
    ends = [np.nonzero(cover(replace(LOOK, hair_length=length), back=True))[0].max() for length in (0.3, 0.5, 0.7)]
    assert ends[0] < ends[1] < ends[2]


def test_more_volume_covers_more() -> None:
    for back in (True, False):
        flat, full = (cover(replace(LOOK, hair_volume_u=volume), back=back).sum() for volume in (0.04, 0.2))
        assert full > 1.08 * flat


def test_the_cap_leaves_the_face_free() -> None:
    easel = Easel(LOOK, WHITE_WALL)
    changed = cover(LOOK, back=False)
    face = np.array([[0.0, 0.0], [-0.35, 0.0], [0.35, 0.0], [0.0, 0.6], [0.0, LOOK.brow_y_u]])
    crown = np.array([[0.0, -1.05], [-0.3, -0.98], [0.3, -0.98]])
    for points, covered in ((face, False), (crown, True)):
        for x, y in np.rint(easel.place(points, flat=True)).astype(int):
            assert changed[y, x] == covered


def test_the_parting_moves_the_hair_to_its_side() -> None:
    left, right = (cover(replace(LOOK, parting=parting), back=False) for parting in (-1.0, 1.0))
    assert (left != right).sum() > 300
    assert np.abs(left[:, : CANVAS_PX // 2].sum() - right[:, : CANVAS_PX // 2 - 1 : -1].sum()) < 0.06 * left.sum()
