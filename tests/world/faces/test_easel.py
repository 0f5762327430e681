from __future__ import annotations

import numpy as np
import pytest

from visavox.world.faces.canvas import Points, ellipse
from visavox.world.faces.easel import Easel
from visavox.world.faces.looks import look_of
from visavox.world.faces.scene import CANVAS_PX, Scene
from visavox.world.people import make_person

BLACK = (0.0, 0.0, 0.0)
DISC = ellipse(0.0, 0.0, 0.4, 0.4)


def easel_in(scene: Scene) -> Easel:
    return Easel(look_of(make_person(0, seed=0).face), scene)


def mask_of(easel: Easel, outline: Points, *, flat: bool = False) -> np.ndarray:
    """Coverage of the whole canvas."""
    mask = np.zeros((CANVAS_PX, CANVAS_PX), dtype=np.float32)
    cover = easel.cover(outline, flat=flat)
    mask[cover.box] = cover.alpha
    return mask


def centre_of(mask: np.ndarray) -> tuple[float, float]:
    rows, columns = np.nonzero(mask > 0.5)
    return float(columns.mean()), float(rows.mean())


def test_an_empty_easel_shows_the_wall() -> None:
    wall = (0.25, 0.5, 0.75)
    assert (easel_in(Scene(wall=wall)).canvas.pixels == np.float32(wall)).all()


def test_features_turn_with_the_head_and_outlines_do_not() -> None:
    straight, turned = easel_in(Scene()), easel_in(Scene(yaw_deg=8.0))
    assert centre_of(mask_of(turned, DISC))[0] > centre_of(mask_of(straight, DISC))[0] + 8.0
    upper = DISC - [0.0, 0.6]
    assert np.array_equal(mask_of(turned, upper, flat=True), mask_of(straight, upper, flat=True))


def test_fill_paints_where_mask_says() -> None:
    easel = easel_in(Scene(wall=(1.0, 1.0, 1.0)))
    mask = mask_of(easel, DISC)
    easel.fill(DISC, BLACK)
    assert np.allclose(easel.canvas.pixels[..., 0], 1.0 - mask)


def test_widths_and_blurs_are_in_face_units_and_grow_with_the_zoom() -> None:
    line = np.stack([np.linspace(-0.5, 0.5, 20), np.zeros(20)], axis=1)
    painted = []
    for zoom in (1.0, 1.5):
        easel = easel_in(Scene(zoom=zoom, wall=(1.0, 1.0, 1.0)))
        easel.stroke(line, 0.1, BLACK)
        painted.append((1.0 - easel.canvas.pixels[:, CANVAS_PX // 2, 0]).sum())
        assert painted[-1] == pytest.approx(easel.pose.length_px(0.1), abs=2.0)
    assert painted[1] > 1.4 * painted[0]


def test_a_stroke_takes_a_width_for_each_point() -> None:
    line = np.stack([np.linspace(-0.5, 0.5, 21), np.zeros(21)], axis=1)
    easel = easel_in(Scene(wall=(1.0, 1.0, 1.0)))
    easel.stroke(line, np.linspace(0.02, 0.2, 21), BLACK)
    dark = (1.0 - easel.canvas.pixels[..., 0]).sum(axis=0)
    assert dark[208] < dark[256] < dark[304]


def test_shade_is_darker_and_glow_lighter_than_the_skin() -> None:
    for index in range(6):
        easel = Easel(look_of(make_person(index, seed=1).face), Scene())
        assert sum(easel.shade) < sum(easel.look.skin) < sum(easel.glow)


def test_the_wall_is_that_of_the_look_unless_the_scene_has_one() -> None:
    easel = easel_in(Scene(paint=0.5))
    assert easel.canvas.pixels[0, 0].tolist() == pytest.approx([0.5 * channel for channel in easel.look.wall])
    assert easel_in(Scene(wall=(0.2, 0.4, 0.6), paint=0.5)).canvas.pixels[0, 0].tolist() == pytest.approx(
        [0.1, 0.2, 0.3]
    )
