from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import cv2
import numpy as np
import pytest

from visavox.registry import DETECTORS
from visavox.world.faces.drawn_faces import as_bytes, develop, draw_face, head_outline, landmarks_px
from visavox.world.faces.looks import look_of
from visavox.world.faces.scene import CANVAS_PX, FACE_PX, Scene, random_scene
from visavox.world.people import Session, Shown, make_people, make_person, make_session
from visavox.world.population import DIMENSIONS

ANNA, BEN = (person.face for person in make_people(2, seed=0))


def some_scene(index: int, *, seed: int = 0) -> Scene:
    return random_scene(make_session(index, 0, seed=seed), *np.random.default_rng([seed, index]).spawn(2))


def test_a_portrait_is_a_function_of_person_scene_and_generator() -> None:
    first, second = (draw_face(ANNA, Scene(), rng=np.random.default_rng(1)) for _ in range(2))
    assert np.array_equal(first, second)
    assert not np.array_equal(first, draw_face(ANNA, Scene(), rng=np.random.default_rng(2)))
    assert first.shape == (FACE_PX, FACE_PX, 3) and first.dtype == np.uint8


def test_noise_has_the_asked_strength() -> None:
    scene = Scene(noise=0.02)
    clean = draw_face(ANNA, scene).astype(float)
    noisy = draw_face(ANNA, scene, rng=np.random.default_rng(0)).astype(float)
    middle = (clean > 30) & (clean < 225)
    assert (noisy - clean)[middle].std() / 255.0 == pytest.approx(0.02, rel=0.05)


def test_a_small_change_of_the_person_changes_the_portrait_a_little() -> None:
    near = replace(ANNA, shared=tuple(value + 0.01 for value in ANNA.shared))
    base = draw_face(ANNA, Scene()).astype(float)
    little = np.abs(draw_face(near, Scene()) - base).mean()
    assert 0.0 < little < 1.0
    assert np.abs(draw_face(make_person(2, seed=0).face, Scene()) - base).mean() > 10.0 * little


def test_the_same_person_differs_less_between_pictures_than_two_people() -> None:
    def face(person_index: int, clip: int) -> np.ndarray:
        scene = replace(some_scene(clip), light_x=0.2)
        small = cv2.resize(draw_face(make_person(person_index, seed=3).face, scene)[56:224, 48:208], (24, 24))
        return small.astype(float).ravel()

    faces = np.array([[face(person, 10 * person + clip) for clip in range(2)] for person in range(5)])
    same = np.linalg.norm(faces[:, 0] - faces[:, 1], axis=1).mean()
    other = np.linalg.norm(faces[:, 0] - np.roll(faces[:, 1], 1, axis=0), axis=1).mean()
    assert same < 0.75 * other


@pytest.mark.parametrize("scene", [Scene(), Scene(yaw_deg=8.0, roll_deg=4.0, zoom=0.95, shift_x_px=6.0)])
def test_pupils_are_where_the_landmarks_say(scene: Scene) -> None:
    for face in (ANNA, BEN):
        portrait = draw_face(face, scene).astype(float).sum(axis=2)
        for x, y in landmarks_px(face, scene)[:2]:
            column, row = round(float(x)), round(float(y))
            pupil = portrait[row - 1 : row + 2, column - 1 : column + 2]
            socket = portrait[row - 13 : row + 14, column - 16 : column + 17]
            assert pupil.min() < np.percentile(socket, 8)


def test_landmarks_are_in_the_order_of_a_face() -> None:
    left_eye, right_eye, nose, left_mouth, right_mouth = landmarks_px(ANNA, Scene())
    assert left_eye[0] < nose[0] < right_eye[0]
    assert left_eye[1] < nose[1] < left_mouth[1]
    assert left_mouth[0] < right_mouth[0]
    assert (left_eye[0] + right_eye[0]) / 2 == pytest.approx(nose[0])


def test_light_falls_from_its_side() -> None:
    scene = Scene(light_x=-0.9)
    portrait = draw_face(BEN, scene).astype(float).mean(axis=2)
    cheeks = np.add(landmarks_px(BEN, scene)[3:], [[-14.0, -20.0], [14.0, -20.0]])
    left, right = (portrait[int(y) - 4 : int(y) + 4, int(x) - 4 : int(x) + 4].mean() for x, y in cheeks)
    assert left > right + 5.0


def test_the_head_is_symmetric_and_ends_at_the_chin() -> None:
    look = look_of(BEN)
    outline = head_outline(look)
    assert outline[:, 1].max() == pytest.approx(1.012 * look.chin_y_u, abs=0.03)
    assert outline[:, 0].max() == pytest.approx(look.head_half_width_u, abs=0.03)
    assert outline[:, 0].max() == pytest.approx(-outline[:, 0].min(), abs=0.01)


def test_a_real_face_detector_finds_the_portraits() -> None:
    """OpenCV's cascade stands for the learned detectors, which need more time and weights."""
    cascade = cv2.CascadeClassifier(cv2.data.haarcascades + "haarcascade_frontalface_default.xml")
    found = 0
    for index, person in enumerate(make_people(8, seed=7)):
        picture = draw_face(person.face, some_scene(index), rng=np.random.default_rng(index))
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        found += len(cascade.detectMultiScale(grey, 1.1, 4)) > 0
    assert found >= 7


@pytest.mark.slow
def test_the_detector_of_the_pipeline_finds_the_landmarks_where_they_were_put() -> None:
    detector = DETECTORS.build("mtcnn")
    for index in range(3):
        face, scene = make_person(index, seed=4).face, replace(some_scene(index), mouth_open=0.4 * index)
        faces = detector.detect(draw_face(face, scene))
        assert len(faces) == 1
        apart = np.linalg.norm(faces[0].landmarks_px - landmarks_px(face, scene), axis=1)
        assert apart.max() < 9.0 and apart[:2].max() < 7.0


@pytest.mark.parametrize("smile", [0.0, 0.5, 1.0])
def test_every_smile_and_every_light_can_be_drawn(smile: float) -> None:
    for light_x in (-1.0, 0.0, 1.0):
        portrait = draw_face(BEN, Scene(smile=smile, light_x=light_x))
        assert portrait.std() > 20.0


def test_a_warm_light_is_redder_and_a_long_exposure_brighter() -> None:
    cold, warm = (draw_face(ANNA, Scene(tint=tint)).astype(float) for tint in (-1.0, 1.0))
    assert (warm[..., 0] - warm[..., 2]).mean() > (cold[..., 0] - cold[..., 2]).mean() + 8.0
    assert draw_face(ANNA, Scene(exposure=1.05)).mean() > draw_face(ANNA, Scene(exposure=0.95)).mean() + 5.0


def test_extreme_people_can_be_drawn_in_extreme_scenes() -> None:
    for value in (-6.0, 6.0):
        person = replace(ANNA, shared=(value,) * 6, private=(-value,) * 8)
        portrait = draw_face(person, Scene(yaw_deg=9.0, pitch_deg=-4.4, roll_deg=-5.0, zoom=1.05, mouth_open=1.0))
        assert portrait.shape == (FACE_PX, FACE_PX, 3)
        assert np.isfinite(landmarks_px(person, Scene(yaw_deg=9.0))).all()


@pytest.mark.parametrize("dimension", range(len(DIMENSIONS)))
def test_each_shared_dimension_shows_and_moves_the_picture_without_a_jump(dimension: int) -> None:
    def shown(value: float) -> np.ndarray:
        shared = tuple(value if index == dimension else 0.0 for index in range(len(DIMENSIONS)))
        picture = draw_face(Shown("f", shared, (0.0,) * 8, 0, 0), Scene(), frame_px=64)
        return picture.astype(float)

    steps = [shown(value) for value in np.linspace(-2.0, 2.0, 9)]
    moves = [np.abs(after - before).mean() for before, after in pairwise(steps)]
    assert min(moves) > 0.02 and max(moves) < 8.0 * min(moves)
    assert np.abs(steps[-1] - steps[0]).mean() > 2.5 * max(moves)


def test_the_colour_of_the_session_s_light_is_seen_on_the_face_itself() -> None:
    rngs = [[np.random.default_rng(number) for number in (1, 2)] for _ in range(2)]
    scenes = [random_scene(Session(picture, 0.0), *pair) for picture, pair in zip((-1.0, 1.0), rngs, strict=True)]
    cheeks = [draw_face(ANNA, scene)[140:160, 100:110].astype(float).mean(axis=(0, 1)) for scene in scenes]
    assert cheeks[1][0] / cheeks[1][2] > 1.05 * cheeks[0][0] / cheeks[0][2]


@pytest.mark.parametrize("frame_px", [64, 250, 256, 512])
def test_a_portrait_has_the_asked_size_and_its_landmarks_scale(frame_px: int) -> None:
    portrait = draw_face(ANNA, Scene(), frame_px=frame_px)
    assert portrait.shape == (frame_px, frame_px, 3)
    whole = draw_face(ANNA, Scene()).astype(float).mean(axis=(0, 1))
    assert np.allclose(portrait.astype(float).mean(axis=(0, 1)), whole, atol=0.6)
    expected = (landmarks_px(ANNA, Scene()) + 0.5) * frame_px / FACE_PX - 0.5
    assert np.allclose(landmarks_px(ANNA, Scene(), frame_px=frame_px), expected)


def test_developing_is_the_mean_of_the_pixels_in_the_colour_of_the_light() -> None:
    planes = np.random.default_rng(0).random((3, 16, 8), dtype=np.float32)
    scene = Scene(tint=1.5, exposure=0.9)
    means = planes.reshape(3, 4, 4, 2, 4).mean(axis=(2, 4)).transpose(1, 2, 0)
    lit = develop(planes, scene, size_px=(2, 4))
    gain = lit / means
    assert lit.shape == (4, 2, 3)
    assert np.allclose(gain, gain[0, 0], atol=1e-5)
    red, green, blue = gain[0, 0].tolist()
    assert green == pytest.approx(0.9)
    assert red > green > blue


def test_bytes_are_rounded_and_cut_off() -> None:
    picture = np.array([[[-0.5, 0.0, 0.2], [1.0, 7.0, 100.4 / 255.0]]], dtype=np.float32)
    assert as_bytes(picture).tolist() == [[[0, 0, 51], [255, 255, 100]]]
    assert CANVAS_PX == 2 * FACE_PX
