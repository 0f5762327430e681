from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from visavox.world.faces.canvas import Cover
from visavox.world.faces.easel import Easel
from visavox.world.faces.face_parts import (
    jaw_drop_u,
    mouth_corners,
    paint_age,
    paint_brow,
    paint_eye,
    paint_mouth,
    paint_nose,
    paint_socket,
)
from visavox.world.faces.looks import look_of
from visavox.world.faces.scene import CANVAS_PX, Scene
from visavox.world.people import make_person

LOOK = look_of(make_person(0, seed=0).face)
EVERYWHERE = Cover(0, 0, np.ones((CANVAS_PX, CANVAS_PX), dtype=np.float32))
NOWHERE = Cover(0, 0, np.zeros((CANVAS_PX, CANVAS_PX), dtype=np.float32))


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
    found = middle(painted(lambda e: paint_eye(e, side)))
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
        paint_mouth(easel)
        return int((easel.canvas.pixels.min(axis=2) > 0.8).sum())

    assert white(0.2) == 0
    assert white(0.9) > 80


def test_full_lips_cover_more() -> None:
    thin, full = (painted(paint_mouth, lip_height_u=lip) for lip in (0.05, 0.12))
    assert (full > 0.2).sum() > 1.4 * (thin > 0.2).sum()


def test_wrinkles_come_with_age_and_stay_on_the_head() -> None:
    young, old = (painted(lambda e: paint_age(e, EVERYWHERE), wrinkles=w) for w in (0.0, 1.0))
    assert old.sum() > 3.0 * young.sum()
    assert painted(lambda e: paint_age(e, NOWHERE), wrinkles=1.0).sum() == 0.0


def test_an_open_mouth_shows_the_dark_within_and_covers_more() -> None:
    def dark(opening: float) -> int:
        easel = Easel(LOOK, Scene(smile=0.3, mouth_open=opening, wall=(0.9, 0.7, 0.6)))
        paint_mouth(easel)
        return int((easel.canvas.pixels.max(axis=2) < 0.40).sum())

    counts = [dark(opening) for opening in (0.0, 0.5, 1.0)]
    assert counts[0] < counts[1] - 50 < counts[2] - 250


def test_the_lower_lip_goes_down_with_the_opening_and_the_upper_one_hardly_up() -> None:
    rows = []
    for opening in (0.0, 1.0):
        changed = painted(paint_mouth, Scene(smile=0.3, mouth_open=opening)).max(axis=1) > 0.3
        rows.append(np.flatnonzero(changed)[[0, -1]])
    (top_shut, low_shut), (top_open, low_open) = rows
    assert low_open - low_shut > 5 * abs(top_open - top_shut)
    assert jaw_drop_u(Scene(mouth_open=1.0)) > jaw_drop_u(Scene(mouth_open=0.3)) > jaw_drop_u(Scene()) == 0.0


@pytest.mark.parametrize("side", [-1.0, 1.0])
def test_a_blink_hides_the_eye_bit_by_bit(side: float) -> None:
    """The white of the eye and the pupil go; the line of the lashes stays, lower down."""
    white, lowest = [], []
    for blink in (0.0, 0.5, 1.0):
        easel = Easel(LOOK, Scene(blink=blink, wall=(0.6, 0.4, 0.3)))
        paint_eye(easel, side)
        white.append(int((easel.canvas.pixels.min(axis=2) > 0.6).sum()))
        lowest.append(np.nonzero(easel.canvas.pixels.max(axis=2) < 0.25)[0].mean())
    assert white[0] > 100 > white[1] > 0 == white[2]
    assert lowest[2] > lowest[0] + 1.0


def test_a_socket_is_shaded_around_its_eye_and_on_the_head_only() -> None:
    left, right = (painted(lambda e, side=side: paint_socket(e, side, EVERYWHERE)) for side in (-1.0, 1.0))
    assert left[:, : CANVAS_PX // 2].sum() > 3.0 * left[:, CANVAS_PX // 2 :].sum()
    assert left.sum() == pytest.approx(right.sum(), rel=0.05)
    assert painted(lambda e: paint_socket(e, 1.0, NOWHERE)).sum() == 0.0
