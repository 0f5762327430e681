"""Wild recordings: nothing at 0, more with wildness, what belongs to a session is shared by its clips."""

from __future__ import annotations

import numpy as np
import pytest

from visavox.world.faces.scene import Scene
from visavox.world.voices.synthetic_voices import Take
from visavox.world.wildness import COARSEST_PX, FINEST_PX, Camera, wild_camera, wild_scene, wild_take


def rngs(session: int = 0, clip: int = 0) -> tuple[np.random.Generator, np.random.Generator]:
    return np.random.default_rng([1, session]), np.random.default_rng([2, clip])


def picture() -> np.ndarray:
    return np.random.default_rng(0).integers(0, 255, (64, 48, 3)).astype(np.uint8)


def test_without_wildness_nothing_changes_and_nothing_is_drawn() -> None:
    """Worlds of before must keep every pixel and sample, so the generators must stay where they are."""
    session, clip = rngs()
    assert wild_scene(Scene(), 0.0, session, clip) == Scene()
    assert wild_take(Take(), 0.0, session, clip) == Take()
    assert wild_camera(0.0, session, clip) == Camera()
    untouched = rngs()
    assert (session.random(), clip.random()) == (untouched[0].random(), untouched[1].random())


def test_wall_clothes_and_light_belong_to_the_session_and_the_pose_to_the_clip() -> None:
    first, second = (wild_scene(Scene(), 1.0, *rngs(clip=clip)) for clip in (0, 1))
    assert (first.wall, first.shirt, first.exposure, first.tint, first.paint) == (
        second.wall,
        second.shirt,
        second.exposure,
        second.tint,
        second.paint,
    )
    assert first.yaw_deg != second.yaw_deg
    other = wild_scene(Scene(), 1.0, *rngs(session=1))
    assert other.wall != first.wall
    assert other.yaw_deg == first.yaw_deg


def test_a_little_wildness_keeps_wall_and_clothes() -> None:
    scene = wild_scene(Scene(), 0.4, *rngs())
    assert (scene.wall, scene.shirt) == (None, None)
    assert scene.exposure != 1.0


def test_changes_grow_evenly_with_wildness() -> None:
    half, whole = (wild_scene(Scene(), wildness, *rngs()) for wildness in (0.5, 1.0))
    assert whole.yaw_deg == pytest.approx(2 * half.yaw_deg)
    assert whole.noise - Scene().noise == pytest.approx(2 * (half.noise - Scene().noise))
    assert np.log2(whole.exposure) == pytest.approx(2 * np.log2(half.exposure))


def test_ranges_at_most() -> None:
    for number in range(200):
        scene = wild_scene(Scene(), 1.0, *rngs(number, number))
        assert 0.5 < scene.exposure < 1.4
        assert abs(scene.yaw_deg) <= 1.8 * 11.0
        assert 0.88 <= scene.zoom <= 1.10
        assert 0.008 <= scene.noise <= 0.078
        take = wild_take(Take(), 1.0, *rngs(number, number))
        assert -18.0 <= take.noise_db - take.level_db <= 0.0
        assert take.echo <= 0.5
        assert 2 ** (-3 / 12) <= take.pitch_factor <= 2 ** (3 / 12)
        camera = wild_camera(1.0, *rngs(number, number))
        assert COARSEST_PX <= camera.resolved_px <= FINEST_PX


def test_rooms_belong_to_the_session_and_moods_to_the_clip() -> None:
    first, second = (wild_take(Take(), 1.0, *rngs(clip=clip)) for clip in (0, 1))
    assert (first.noise_db, first.echo, first.colour) == (second.noise_db, second.echo, second.colour)
    assert first.pitch_factor != second.pitch_factor


def test_six_of_ten_clips_have_something_before_the_face() -> None:
    things = [wild_camera(1.0, *rngs(clip=number)).thing is not None for number in range(400)]
    assert 0.52 < np.mean(things) < 0.68
    assert 0.2 < np.mean([wild_camera(0.5, *rngs(clip=n)).thing is not None for n in range(400)]) < 0.4


def test_a_plain_camera_changes_no_pixel() -> None:
    assert np.array_equal(Camera().see(picture()), picture())


def test_a_thing_covers_its_rectangle_and_leaves_the_picture_alone() -> None:
    given = picture()
    seen = Camera(thing=(0.5, 0.25, 0.25, 0.5), thing_colour=(1, 2, 3)).see(given)
    assert (seen[16:48, 24:36] == (1, 2, 3)).all()
    seen[16:48, 24:36] = given[16:48, 24:36]
    assert np.array_equal(seen, given)
    assert np.array_equal(given, picture())


def test_a_coarse_camera_and_a_blurred_one_keep_size_and_mean_and_lose_detail() -> None:
    given = picture()
    for camera in (Camera(resolved_px=8.0), Camera(blur=0.05)):
        seen = camera.see(given)
        assert seen.shape == given.shape
        assert seen.dtype == np.uint8
        assert seen.mean() == pytest.approx(given.mean(), abs=3)
        assert seen.std() < 0.5 * given.std()
