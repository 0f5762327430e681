from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from visavox.world.faces.canvas import Mask
from visavox.world.faces.easel import Easel
from visavox.world.faces.face_parts import mouth_corners, paint_age, paint_brow, paint_eye, paint_mouth, paint_nose
from visavox.world.faces.looks import look_of
from visavox.world.people import make_person
from visavox.world.faces.scene import CANVAS_PX, Scene

LOOK = look_of(make_person(0, seed=0))
EVERYWHERE: Mask = np.ones((CANVAS_PX, CANVAS_PX), dtype=np.float32)


def painted(paint: Callable[[Easel], None], scene: Scene | None = None, **changes: float) -> np.ndarray:
    """How much each pixel of a skin-coloured canvas changed, (canvas, canvas)."""
    easel = Easel(replace(LOOK, **changes), replace(scene or Scene(), wall=LOOK.skin))
    before = easel.canvas.pixels.copy()
    paint(easel)
    return np.abs(easel.canvas.pixels - before).sum(axis=2)


def middle(change: np.ndarray) -> tuple[float, float]:
    rows, columns = np.mgrid[:CANVAS_PX, :CANVAS_PX]
    strong = change * (change > 0.3)
    return float((columns * strong).sum() / strong.sum()), float((rows * strong).sum() / strong.sum())


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_an_eye_is_painted_where_the_look_puts_it(side: float) -> None:
    easel = Easel(LOOK, Scene())
    x, y = easel.place(np.array([[side * LOOK.eye_x_u, 0.0]]))[0]
    found = middle(painted(lambda e: paint_eye(e, side, EVERYWHERE)))
    assert found == (pytest.approx(x, abs=6.0), pytest.approx(y, abs=8.0))


def test_brows_are_above_the_eyes_and_a_thick_one_covers_more() -> None:
    thin = painted(lambda e: paint_brow(e, 1.0), brow_thickness_u=0.03)
    thick = painted(lambda e: paint_brow(e, 1.0), brow_thickness_u=0.08)
    assert thick.sum() > 1.5 * thin.sum()
    assert middle(thick)[1] < Easel(LOOK, Scene()).place(np.array([[0.0, -0.15]]))[0, 1]


def test_the_nose_has_its_shade_away_from_the_light() -> None:
    """Light on one side and the other gives mirrored noses."""
    left, right = (painted(lambda e: paint_nose(e, EVERYWHERE), Scene(light_x=x)) for x in (-0.5, 0.5))
    assert not np.allclose(left, right)
    assert np.abs(left[:, 1:] - right[:, :0:-1]).mean() < 0.02 * left[left > 0.05].mean()


def test_a_smile_widens_the_mouth_and_lifts_its_corners() -> None:
    serious, smiling = mouth_corners(LOOK, Scene(smile=0.0)), mouth_corners(LOOK, Scene(smile=1.0))
    assert np.ptp(smiling[:, 0]) > np.ptp(serious[:, 0])
    assert (smiling[:, 1] < serious[:, 1]).all()
    assert serious[0].tolist() == [-serious[1, 0], serious[1, 1]]


def test_only_a_broad_smile_shows_teeth() -> None:
    def white(smile: float) -> int:
        easel = Easel(LOOK, Scene(smile=smile, wall=(0.5, 0.3, 0.2)))
        paint_mouth(easel, EVERYWHERE)
        return int((easel.canvas.pixels.min(axis=2) > 0.9).sum())

    assert white(0.2) == 0
    assert white(0.9) > 200


def test_full_lips_cover_more() -> None:
    thin, full = (painted(lambda e: paint_mouth(e, EVERYWHERE), lip_height_u=lip) for lip in (0.05, 0.12))
    assert (full > 0.2).sum() > 1.4 * (thin > 0.2).sum()


def test_wrinkles_come_with_age_and_stay_on_the_head() -> None:
    young, old = (painted(lambda e: paint_age(e, EVERYWHERE), wrinkles=w) for w in (0.0, 1.0))
    assert old.sum() > 3.0 * young.sum()
    assert painted(lambda e: paint_age(e, 0.0 * EVERYWHERE), wrinkles=1.0).sum() == 0.0
