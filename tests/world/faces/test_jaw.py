from __future__ import annotations

import numpy as np
import pytest

from visavox.world.faces.easel import Easel
from visavox.world.faces.face_parts import jaw_drop_u
from visavox.world.faces.jaw import Jaw
from visavox.world.faces.looks import look_of
from visavox.world.faces.scene import CANVAS_PX, Scene
from visavox.world.people import make_person

LOOK = look_of(make_person(0, seed=0).face)


def with_marks(scene: Scene, heights_u: list[float], x_u: float = 0.0) -> tuple[Easel, np.ndarray]:
    """An easel with a bright row of dots, and where they are, (n, 2) pixels."""
    easel = Easel(LOOK, scene)
    easel.canvas.planes[:] = 0.0
    places = easel.place(np.array([[x_u, y] for y in heights_u]), flat=True)
    y, x = np.mgrid[:CANVAS_PX, :CANVAS_PX]
    for place_x, place_y in places:
        easel.canvas.planes += np.exp(-((x - place_x) ** 2 + (y - place_y) ** 2) / 18.0).astype(np.float32)
    return easel, places


def found(easel: Easel, near: np.ndarray) -> np.ndarray:
    """Centre of the brightness within 20 pixels of a place."""
    y, x = np.mgrid[:CANVAS_PX, :CANVAS_PX]
    light = easel.canvas.planes[0] * (np.hypot(x - near[0], y - near[1]) < 20.0)
    return np.array([(light * x).sum(), (light * y).sum()]) / light.sum()


@pytest.mark.parametrize("roll_deg", [0.0, 20.0])
def test_the_chin_goes_down_along_the_head_as_far_as_the_mouth_opens(roll_deg: float) -> None:
    scene = Scene(roll_deg=roll_deg, mouth_open=1.0, zoom=0.9)
    easel, places = with_marks(scene, [LOOK.chin_y_u])
    Jaw(easel).drop(easel.canvas.planes, scene)
    way = found(easel, places[0]) - places[0]
    length = easel.pose.length_px(jaw_drop_u(scene))
    angle = np.radians(roll_deg)
    assert way == pytest.approx([-length * np.sin(angle), length * np.cos(angle)], abs=0.5)


def test_eyes_nose_and_shoulders_stay() -> None:
    scene = Scene(mouth_open=1.0)
    easel, _ = with_marks(scene, [0.0, LOOK.nose_y_u - 0.06, LOOK.chin_y_u + 0.66])
    before = easel.canvas.planes.copy()
    Jaw(easel).drop(easel.canvas.planes, scene)
    assert np.abs(easel.canvas.planes - before).max() < 0.02


def test_what_is_far_beside_the_jaw_stays() -> None:
    scene = Scene(mouth_open=1.0)
    easel, places = with_marks(scene, [0.8], x_u=LOOK.jaw_half_width_u + 0.36)
    Jaw(easel).drop(easel.canvas.planes, scene)
    assert found(easel, places[0]) == pytest.approx(places[0], abs=0.6)


def test_a_closed_mouth_moves_nothing_at_all() -> None:
    easel, _ = with_marks(Scene(), [0.8])
    before = easel.canvas.planes.copy()
    Jaw(easel).drop(easel.canvas.planes, Scene(mouth_open=0.0))
    assert np.array_equal(easel.canvas.planes, before)


@pytest.mark.parametrize("scene", [Scene(), Scene(shift_y_px=30.0), Scene(shift_x_px=-110.0, roll_deg=-8.0)])
def test_the_box_stays_on_the_canvas_and_bounds_the_change(scene: Scene) -> None:
    easel = Easel(LOOK, scene)
    easel.canvas.planes[:] = np.random.default_rng(0).random(easel.canvas.planes.shape, dtype=np.float32)
    before = easel.canvas.planes.copy()
    jaw = Jaw(easel)
    jaw.drop(easel.canvas.planes, Scene(mouth_open=0.7))
    changed = np.nonzero((easel.canvas.planes != before).any(axis=0))
    for places, edge in zip(changed, jaw.box, strict=True):
        assert 0 <= edge.start <= places.min() <= places.max() < edge.stop <= CANVAS_PX


def test_there_is_no_seam_at_the_border_of_the_box() -> None:
    scene = Scene(zoom=0.75, mouth_open=1.0)
    easel = Easel(LOOK, scene)
    easel.canvas.planes[:] = np.random.default_rng(1).random(easel.canvas.planes.shape, dtype=np.float32)
    before = easel.canvas.planes.copy()
    jaw = Jaw(easel)
    jaw.drop(easel.canvas.planes, scene)
    change = np.abs(easel.canvas.planes - before)[(slice(None), *jaw.box)]
    assert jaw.box[0].stop < CANVAS_PX and change.max() > 0.2
    for border in (change[:, 0], change[:, -1], change[:, :, 0], change[:, :, -1]):
        assert border.max() < 1e-3
