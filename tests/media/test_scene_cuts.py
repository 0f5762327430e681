"""Scene cuts: found at the exact frame, and nowhere else."""

from __future__ import annotations

import av
import cv2
import numpy as np
import pytest

from visavox.media.scene_cuts import SceneCuts, is_same_shot

Picture = np.ndarray


def scene(seed: int, height: int = 180, width: int = 320) -> Picture:
    """A wall with a few dozen things on it, (height, width, 3) uint8."""
    rng = np.random.default_rng(seed)
    picture = np.full((height, width, 3), rng.integers(60, 180, 3), np.uint8)
    for _ in range(40):
        x, y, w, h = (int(v) for v in rng.integers((0, 0, 8, 8), (width, height, width // 4, height // 3)))
        colour = tuple(int(v) for v in rng.integers(20, 230, 3))
        cv2.rectangle(picture, (x, y), (x + w, y + h), colour, -1)
    return picture


def cuts_in(pictures: list[Picture]) -> list[int]:
    cuts = SceneCuts()
    return [i for i, p in enumerate(pictures) if cuts.is_cut(av.VideoFrame.from_ndarray(p, format="rgb24"))]


def noisy(picture: Picture, seed: int) -> Picture:
    noise = np.random.default_rng(seed).normal(0, 4, picture.shape)
    return np.clip(picture + noise, 0, 255).astype(np.uint8)


def faded(picture: Picture, share: float) -> Picture:
    return (picture * share).astype(np.uint8)


@pytest.mark.parametrize("at", [1, 7, 20])
def test_a_hard_cut_is_found_at_its_first_frame(at: int) -> None:
    pictures = [noisy(scene(0 if i < at else 1), i) for i in range(25)]
    assert cuts_in(pictures) == [at]


def test_several_cuts_and_back_are_all_found() -> None:
    shots = [0, 0, 0, 1, 1, 2, 2, 2, 0, 0, 1]
    assert cuts_in([scene(seed) for seed in shots]) == [3, 5, 8, 10]


def test_cuts_between_dim_scenes_of_one_brightness_are_found() -> None:
    assert cuts_in([faded(scene(seed), 0.5) for seed in (3, 3, 3, 4, 4)]) == [3]


def test_a_steady_shot_with_noise_has_none() -> None:
    assert cuts_in([noisy(scene(5), i) for i in range(20)]) == []


def test_talk_before_a_wall_has_none() -> None:
    pictures = []
    for i in range(20):
        picture = scene(6)
        cv2.ellipse(picture, (160 + 3 * (i % 5), 100), (40, 55), 0, 0, 360, (210, 160, 130), -1)
        cv2.ellipse(picture, (160 + 3 * (i % 5), 125), (15, 2 + 4 * (i % 3)), 0, 0, 360, (90, 20, 30), -1)
        pictures.append(picture)
    assert cuts_in(pictures) == []


@pytest.mark.parametrize("step", [4, 12, 30])
def test_a_pan_has_none(step: int) -> None:
    wide = scene(7, width=320 + 15 * step)
    assert cuts_in([np.ascontiguousarray(wide[:, i * step : i * step + 320]) for i in range(15)]) == []


@pytest.mark.parametrize("n_frames", [1, 2, 4])
@pytest.mark.parametrize("light", [60, 120, 255])
def test_a_flash_has_none(light: int, n_frames: int) -> None:
    pictures = [scene(8)] * 12
    for i in range(5, 5 + n_frames):
        pictures[i] = np.clip(pictures[i].astype(int) + light, 0, 255).astype(np.uint8)
    assert cuts_in(pictures) == []


def test_a_fade_to_black_and_back_to_the_same_shot_has_none() -> None:
    shares = [*np.linspace(1, 0, 10), 0, 0, 0, *np.linspace(0, 1, 10)]
    assert cuts_in([faded(scene(9), share) for share in shares]) == []


def test_after_black_the_first_frame_of_another_shot_with_contrast_is_a_cut() -> None:
    out = [faded(scene(10), share) for share in np.linspace(1, 0, 10)]
    back = [faded(scene(11), share) for share in np.linspace(0, 1, 10)]
    (cut,) = cuts_in(out + back)
    assert 10 < cut < 16
    assert cuts_in([scene(10)] * 3 + [np.zeros((180, 320, 3), np.uint8)] * 3 + [scene(11)] * 3) == [6]


def test_a_slow_cross_fade_has_none() -> None:
    one, other = scene(12).astype(float), scene(13).astype(float)
    pictures = [(one * (1 - share) + other * share).astype(np.uint8) for share in np.linspace(0, 1, 25)]
    assert cuts_in(pictures) == []


def test_frames_without_contrast_have_none() -> None:
    assert cuts_in([np.full((90, 160, 3), value, np.uint8) for value in (0, 0, 255, 255, 0, 128)]) == []


def test_another_shape_is_a_cut_and_the_next_frames_are_compared_anew() -> None:
    pictures = [scene(14)] * 3 + [scene(14, height=320)] * 3 + [scene(15, height=320)] * 2
    assert cuts_in(pictures) == [3, 6]


@pytest.mark.parametrize("shape", [(2, 2), (1, 300), (300, 4), (16, 16)])
def test_the_smallest_frames_are_taken(shape: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    pictures = [rng.integers(0, 255, (*shape, 3)).astype(np.uint8) for _ in range(4)]
    assert 0 not in cuts_in(pictures)


@pytest.mark.parametrize("pixels", ["yuv420p", "yuv422p10le", "gray", "rgba"])
def test_every_pixel_format_is_taken(pixels: str) -> None:
    cuts = SceneCuts()
    found = []
    for i in range(8):
        frame = av.VideoFrame.from_ndarray(scene(20 if i < 4 else 21), format="rgb24").reformat(format=pixels)
        found.append(cuts.is_cut(frame))
    assert found == [i == 4 for i in range(8)]


def test_the_same_shot_has_its_edges_in_common_in_place_or_moved() -> None:
    grey = cv2.cvtColor(scene(30, height=64, width=80), cv2.COLOR_RGB2GRAY)
    other = cv2.cvtColor(scene(31, height=64, width=80), cv2.COLOR_RGB2GRAY)
    assert is_same_shot(grey, grey)
    assert is_same_shot(grey, (grey * 0.5 + 60).astype(np.uint8))
    assert is_same_shot(grey, np.roll(grey, 10, axis=1))
    assert not is_same_shot(grey, other)
    assert not is_same_shot(grey, 255 - grey)
    assert not is_same_shot(grey, np.full_like(grey, 90))
