from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from visavox.world.faces.scene import CANVAS_PX, FACE_PX, Pose, Scene, bounded, random_scene
from visavox.world.people import Session

NOSE = np.array([[0.0, 0.0]])
EYES = np.array([[-0.3, 0.0], [0.3, 0.0]])


def scene_of(session: int, clip: int) -> Scene:
    picture = float(np.random.default_rng([session, 9]).standard_normal())
    return random_scene(Session(picture, 0.0), np.random.default_rng(session), np.random.default_rng(clip))


def test_a_session_keeps_light_and_wall_and_changes_pose_and_smile() -> None:
    first, second = scene_of(1, 1), scene_of(1, 2)
    for kept in ("light_x", "tint", "exposure", "paint"):
        assert getattr(first, kept) == getattr(second, kept)
    for changed in ("yaw_deg", "pitch_deg", "roll_deg", "zoom", "smile", "noise"):
        assert getattr(first, changed) != getattr(second, changed)
    assert scene_of(2, 1).light_x != first.light_x


def test_random_scenes_stay_within_what_a_portrait_bears() -> None:
    for number in range(300):
        scene = scene_of(number, number + 1000)
        assert abs(scene.yaw_deg) <= 9.0 and abs(scene.pitch_deg) <= 4.4 and abs(scene.roll_deg) <= 5.0
        assert 0.0 <= scene.smile <= 1.0 and -1.0 <= scene.light_x <= 1.0
        assert 0.8 <= scene.paint <= 1.1 and 0.9 <= scene.exposure <= 1.1 and abs(scene.tint) <= 2.2
        assert scene.blink == scene.mouth_open == 0.0 and scene.wall is None


@pytest.mark.parametrize(
    ("change", "axis", "sign"),
    [({"yaw_deg": 8.0}, 0, 1), ({"yaw_deg": -8.0}, 0, -1), ({"pitch_deg": 6.0}, 1, 1), ({"shift_x_px": 5.0}, 0, 1)],
)
def test_turning_moves_the_features_to_its_side(change: dict[str, float], axis: int, sign: int) -> None:
    straight = Pose(Scene()).surface(NOSE)[0]
    moved = Pose(Scene(**change)).surface(NOSE)[0] - straight
    assert np.sign(moved[axis]) == sign
    assert abs(moved[1 - axis]) < 1e-9


def test_a_shift_is_in_pixels_of_the_portrait() -> None:
    moved = Pose(Scene(shift_x_px=5.0)).flat(NOSE) - Pose(Scene()).flat(NOSE)
    assert moved[0].tolist() == pytest.approx([5.0 * CANVAS_PX / FACE_PX, 0.0])


def test_roll_tilts_clockwise_by_the_asked_angle() -> None:
    left, right = Pose(Scene(roll_deg=10.0)).surface(EYES)
    assert np.degrees(np.arctan2(right[1] - left[1], right[0] - left[0])) == pytest.approx(10.0)


def test_zoom_scales_lengths_and_distances_alike() -> None:
    near, far = Pose(Scene(zoom=1.2)), Pose(Scene())
    assert near.length_px(0.5) == pytest.approx(1.2 * far.length_px(0.5))
    width = [np.ptp(pose.flat(EYES)[:, 0]) for pose in (near, far)]
    assert width[0] == pytest.approx(1.2 * width[1])


def test_the_outline_keeps_its_shape_when_the_head_turns_but_the_chin_follows() -> None:
    outline = np.array([[-0.7, 0.0], [0.7, 0.0], [0.0, 1.0]])
    moved = Pose(Scene(yaw_deg=8.0)).flat(outline) - Pose(Scene()).flat(outline)
    assert moved[:2].tolist() == [[0.0, 0.0], [0.0, 0.0]]
    assert moved[2, 0] > 0.0


def test_a_scene_is_frozen() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Scene().smile = 1.0  # type: ignore[misc]


def test_a_tilted_head_keeps_its_shape() -> None:
    """A rotation: lengths and right angles stay, in both directions of tilt."""
    cross = np.array([[0.0, 0.0], [0.4, 0.0], [0.0, -0.4]])
    for roll_deg in (-20.0, 15.0):
        middle, across, up = Pose(Scene(roll_deg=roll_deg)).flat(cross)
        side, height = across - middle, up - middle
        assert np.linalg.norm(side) == pytest.approx(np.linalg.norm(height))
        assert side @ height == pytest.approx(0.0, abs=1e-9)
        # Clockwise in the picture: the top of the head goes to the right.
        assert np.sign(height[0]) == np.sign(roll_deg)


def test_far_points_of_the_surface_turn_less_than_near_ones() -> None:
    points = np.array([[0.0, 0.0], [0.8, 0.0]])
    moved = Pose(Scene(yaw_deg=8.0)).surface(points) - Pose(Scene()).surface(points)
    assert moved[0, 0] > moved[1, 0] > 0.0


def test_points_beyond_the_head_stay_finite() -> None:
    assert np.isfinite(Pose(Scene(yaw_deg=9.0)).surface(np.array([[5.0, -5.0]]))).all()


def test_the_head_stays_in_the_picture() -> None:
    corners = np.array([[-1.0, -1.3], [1.0, -1.3], [1.0, 1.1], [-1.0, 1.1]])
    for number in range(200):
        placed = Pose(scene_of(number, number + 500)).flat(corners)
        assert placed.min() > 0.0 and placed.max() < CANVAS_PX


def test_the_colour_of_the_light_grows_with_what_the_session_leaves_and_with_nothing_else() -> None:
    scenes = [
        random_scene(Session(picture, sound), np.random.default_rng(1), np.random.default_rng(2))
        for picture, sound in ((-2.0, 0.0), (0.0, 1.0), (2.0, -1.0))
    ]
    assert scenes[0].tint < scenes[1].tint == 0.0 < scenes[2].tint
    assert len({dataclasses.replace(scene, tint=0.0) for scene in scenes}) == 1


def test_bounded_is_odd_smooth_and_close_to_the_number_itself_near_zero() -> None:
    values = np.linspace(-8.0, 8.0, 200)
    kept = np.array([bounded(value) for value in values])
    assert np.all(np.diff(kept) > 0.0) and np.abs(kept).max() < 2.2
    assert np.allclose(kept, -kept[::-1])
    assert bounded(0.05) == pytest.approx(0.05, rel=0.01)
