from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.registry import DETECTORS
from visavox.world.faces.drawn_faces import draw_face, landmarks_px
from visavox.world.faces.scene import Scene
from visavox.world.faces.talking_head import FPS, Motion, TalkingHead
from visavox.world.people import make_person

ANNA, BEN = (make_person(index, seed=0).face for index in range(2))
SCENE = Scene(noise=0.0)


@pytest.fixture(scope="module")
def anna() -> TalkingHead:
    return TalkingHead(ANNA, SCENE)


def at_rest(n_frames: int, blink: float = 0.0) -> Motion:
    return Motion(np.tile(np.eye(2, 3), (n_frames, 1, 1)), np.full(n_frames, blink))


def frames_of(head: TalkingHead, opening: list[float], motion: Motion | None = None, seed: int = 0) -> np.ndarray:
    frames = head.frames(opening, np.random.default_rng(seed), motion=motion or at_rest(len(opening)))
    return np.array(list(frames)).astype(float)


@pytest.mark.parametrize("frame_px", [128, 192, 250, 256])
@pytest.mark.parametrize(("opening", "blink"), [(0.0, 0.0), (0.5, 0.0), (1.0, 1.0), (0.25, 0.5)])
def test_a_resting_frame_is_the_portrait_drawn_whole(frame_px: int, opening: float, blink: float) -> None:
    """The quick way of patches and the plain one agree, up to the rounding of a pixel, and leave no seam."""
    head = TalkingHead(BEN, SCENE, frame_px=frame_px)
    frame = frames_of(head, [opening], at_rest(1, blink))[0]
    plain = draw_face(BEN, replace(SCENE, mouth_open=opening, blink=blink), frame_px=frame_px).astype(float)
    assert np.abs(frame - plain).max() <= 1.0


def test_an_opening_between_two_painted_ones_is_their_blend(anna: TalkingHead) -> None:
    before, between, after = frames_of(anna, [0.25, 0.35, 0.5])
    assert np.abs(between - (0.6 * before + 0.4 * after)).max() <= 1.0
    plain = draw_face(ANNA, replace(SCENE, mouth_open=0.35)).astype(float)
    assert np.abs(between - plain).mean() < 0.25


def test_the_mouth_follows_the_track_and_the_rest_stays(anna: TalkingHead) -> None:
    shut, open_ = frames_of(anna, [0.0, 1.0])
    moved = np.abs(open_ - shut).max(axis=2)
    mouth_y = landmarks_px(ANNA, SCENE)[3:, 1].mean()
    assert moved[int(mouth_y) : int(mouth_y) + 20].max() > 60.0
    assert moved[: int(landmarks_px(ANNA, SCENE)[2, 1])].max() <= 1.0


def test_a_clip_is_a_function_of_face_scene_opening_and_generator() -> None:
    opening = np.linspace(0.0, 1.0, 12)
    clips = []
    for seed in (3, 3, 4):
        head = TalkingHead(ANNA, Scene(), frame_px=128)
        clips.append(np.array(list(head.frames(opening, np.random.default_rng(seed)))))
    assert np.array_equal(clips[0], clips[1])
    assert not np.array_equal(clips[0], clips[2])


def test_frames_draw_all_they_need_before_the_first_one() -> None:
    """So that who shares the generator need not know whether the frames were already taken."""
    head, rng = TalkingHead(ANNA, Scene(), frame_px=128), np.random.default_rng(0)
    frames = head.frames([0.1, 0.2], rng)
    state = rng.bit_generator.state
    first = list(frames)
    assert rng.bit_generator.state == state
    assert len(first) == 2 and first[0].flags.writeable


def test_the_motion_of_a_clip_is_the_first_that_is_drawn(anna: TalkingHead) -> None:
    motion = anna.random_motion(5, np.random.default_rng(7))
    drawn = np.array(list(anna.frames([0.0] * 5, np.random.default_rng(7))))
    assert np.array_equal(drawn, frames_of(anna, [0.0] * 5, motion))


@pytest.mark.parametrize("frame_px", [128, 256])
def test_landmarks_are_where_the_frame_moves_them(frame_px: int) -> None:
    """Each pupil is the darkest place around its landmark, whatever the motion."""
    head = TalkingHead(ANNA, SCENE, frame_px=frame_px)
    strong = [cv2.getRotationMatrix2D((0.5 * frame_px, 0.6 * frame_px), turn_deg, 0.95) for turn_deg in (-12.0, 15.0)]
    small = head.random_motion(4, np.random.default_rng(2)).matrices
    still = Motion(np.concatenate([strong, small]), np.zeros(6))
    opening = [0.3] * 6
    places, scale = head.landmarks_px(opening, still), frame_px / 256.0
    assert places.shape == (6, 5, 2)
    assert np.ptp(places, axis=0).max() > 1.0 * scale
    for frame, points in zip(frames_of(head, opening, still), places, strict=True):
        for x, y in points[:2]:
            reach = int(14 * scale)
            corner_x, corner_y = round(x) - reach, round(y) - reach
            around = frame[corner_y : corner_y + 2 * reach, corner_x : corner_x + 2 * reach].sum(axis=2)
            dark_y, dark_x = np.nonzero(around < np.percentile(around, 3))
            assert (dark_x.mean() + corner_x, dark_y.mean() + corner_y) == pytest.approx((x, y), abs=4.0 * scale)


def test_landmarks_of_a_resting_clip_are_those_of_the_portrait(anna: TalkingHead) -> None:
    places = anna.landmarks_px([0.0, 0.8], at_rest(2))
    assert np.allclose(places[0], landmarks_px(ANNA, SCENE))
    assert np.allclose(places[1], landmarks_px(ANNA, replace(SCENE, mouth_open=0.8)))
    assert places[1, 4, 0] < places[0, 4, 0]


def test_the_head_moves_a_little_and_smoothly(anna: TalkingHead) -> None:
    for seed in range(12):
        motion = anna.random_motion(150, np.random.default_rng(seed))
        places = anna.landmarks_px(np.zeros(150), motion)
        middle = places.mean(axis=0)
        assert np.abs(places - middle).max() < 9.0
        assert np.linalg.norm(np.diff(places, axis=0), axis=2).max() < 1.2
        necks = motion.matrices @ [128.0, 204.8, 1.0]
        assert np.abs(necks - [128.0, 204.8]).max() < 2.3
        assert np.linalg.det(motion.matrices[:, :, :2]) == pytest.approx(np.ones(150), abs=0.03)


def test_people_blink_now_and_then_and_briefly(anna: TalkingHead) -> None:
    counts = []
    for seed in range(60):
        blinks = anna.random_motion(10 * FPS, np.random.default_rng(seed)).blinks
        starts = np.flatnonzero((blinks[1:] > 0.0) & (blinks[:-1] == 0.0))
        counts.append(len(starts))
        assert set(blinks.tolist()) <= {0.0, 0.5, 1.0}
        assert (blinks > 0.0).mean() < 0.25
    assert 2.5 < np.mean(counts) < 5.5


def test_noise_has_the_asked_strength_and_another_pattern_in_each_frame() -> None:
    noise = frames_of(TalkingHead(ANNA, Scene(noise=0.012)), [0.0] * 6) - frames_of(TalkingHead(ANNA, SCENE), [0.0] * 6)
    middle = noise[:, 90:200, 80:180]
    assert middle.std() / 255.0 == pytest.approx(0.012, rel=0.06)
    assert np.abs(np.corrcoef(middle.reshape(6, -1)) - np.eye(6)).max() < 0.03


def test_a_mouth_that_is_open_in_the_scene_does_not_close() -> None:
    head = TalkingHead(ANNA, replace(SCENE, mouth_open=0.5))
    shut, half = frames_of(head, [0.0, 0.5])
    assert np.array_equal(shut, half)


def test_the_face_shows_through_all_frames(anna: TalkingHead) -> None:
    """No frame is black, none has a border that the warp left empty."""
    for frame in frames_of(anna, [0.0, 1.0] * 10, anna.random_motion(20, np.random.default_rng(5))):
        edges = np.concatenate([frame[0], frame[-1], frame[:, 0], frame[:, -1]])
        assert edges.sum(axis=1).min() > 30.0


@pytest.mark.parametrize("frame_px", [126, 255, 514, 0, -256])
def test_odd_and_extreme_sizes_are_answered(frame_px: int) -> None:
    with pytest.raises(ConfigError, match=f"`frame_px` must be an even number from 128 to 512. Got {frame_px}."):
        TalkingHead(ANNA, SCENE, frame_px=frame_px)


@pytest.mark.parametrize(
    ("opening", "words"),
    [([], "one frame or more"), ([[0.1]], "one frame or more"), ([0.1, 1.2], "Got 0.1 to 1.2"), ([np.nan], "Got nan")],
)
def test_a_track_that_is_none_is_answered(anna: TalkingHead, opening: list[float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        anna.frames(opening, np.random.default_rng(0))


def test_a_motion_of_another_length_is_answered(anna: TalkingHead) -> None:
    with pytest.raises(ConfigError, match="as many frames as `opening`. Got 2 and 3."):
        anna.frames([0.0] * 3, np.random.default_rng(0), motion=at_rest(2))


@pytest.mark.slow
def test_the_detector_of_the_pipeline_finds_every_frame() -> None:
    detector = DETECTORS.build("mtcnn")
    for index in range(4):
        head = TalkingHead(make_person(index, seed=5).face, Scene(smile=0.2 * index), frame_px=128)
        motion = replace(head.random_motion(3, np.random.default_rng(index)), blinks=np.array([0.0, 1.0, 0.5]))
        opening = [0.0, 1.0, 0.4]
        places = head.landmarks_px(opening, motion)
        for frame, points in zip(
            head.frames(opening, np.random.default_rng(index), motion=motion), places, strict=True
        ):
            faces = detector.detect(frame)
            assert len(faces) == 1
            assert np.linalg.norm(faces[0].landmarks_px - points, axis=1).mean() < 4.0
