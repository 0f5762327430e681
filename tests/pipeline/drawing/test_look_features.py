"""Features of files and pictures, and the measure of drawn faces against a plain loop."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from tests.pipeline.drawing.made_media import made_pictures

from visavox.media.drawn_frame import crop_of_picture
from visavox.pipeline.drawing.look_features import (
    features_of_files,
    features_of_pictures,
    from_afar,
    mirrored_features,
    nearest_of_two,
)


class LeftAndRight:
    """Says how bright a crop is on its left and its right half."""

    dim = 2

    def encode(self, batch: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([[crop[:, :128].mean(), crop[:, 128:].mean()] for crop in batch], np.float32)


ENCODER: Any = LeftAndRight()


def crops(n: int) -> list[np.ndarray]:
    return [np.random.default_rng(row).integers(0, 256, (256, 256, 3)).astype(np.uint8) for row in range(n)]


def test_a_face_and_its_mirror_image_have_one_feature() -> None:
    one = crops(1)[0]
    found = mirrored_features(ENCODER, [one, np.ascontiguousarray(one[:, ::-1])])
    assert np.allclose(found[0], found[1]) and found[0, 0] == pytest.approx(one.mean(), abs=0.01)


def test_files_are_read_in_order_and_counted(tmp_path: Path) -> None:
    paths = []
    for row, crop in enumerate(crops(3)):
        paths.append(tmp_path / f"{row}.png")
        cv2.imwrite(str(paths[-1]), cv2.cvtColor(crop, cv2.COLOR_RGB2BGR))
    seen: list[tuple[int, int]] = []
    found = features_of_files(ENCODER, paths, progress=lambda done, total: seen.append((done, total)))
    assert np.allclose(found, mirrored_features(ENCODER, crops(3))) and seen == [(3, 3)]


def test_pictures_are_seen_as_crops() -> None:
    pictures = made_pictures(70, 16)
    found = features_of_pictures(ENCODER, pictures)
    assert found.shape == (70, 2)
    assert np.allclose(found[69], ENCODER.encode([crop_of_picture(pictures[69])])[0])
    assert features_of_pictures(ENCODER, pictures[:0]).shape == (0, 2)


def test_from_afar_a_picture_is_its_means() -> None:
    pictures = np.random.default_rng(0).integers(0, 256, (2, 32, 32, 3)).astype(np.uint8)
    found = from_afar(pictures).reshape(2, 16, 16, 3)
    assert found[1, 3, 5, 2] == pytest.approx(pictures[1, 6:8, 10:12, 2].mean() / 255, abs=0.003)


def slow(drawn: np.ndarray, true: np.ndarray, people: Sequence[str], genders: Sequence[str]) -> float:
    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return float(a @ b / np.linalg.norm(a) / np.linalg.norm(b))

    drawn, true = drawn - drawn.mean(axis=0), true - true.mean(axis=0)
    won = []
    for i in range(len(true)):
        for j in range(len(true)):
            if people[i] == people[j] or (genders and (genders[i] != genders[j] or not genders[i])):
                continue
            own, other = cosine(drawn[i], true[i]), cosine(drawn[i], true[j])
            won.append(1.0 if own > other else 0.5 if own == other else 0.0)
    return sum(won) / len(won)


def test_the_measure_is_what_a_plain_loop_counts() -> None:
    rng = np.random.default_rng(0)
    true = rng.normal(size=(12, 4)) + 3
    drawn = true + rng.normal(size=(12, 4)) - 1
    people = [f"p{row // 2}" for row in range(12)]
    genders = ["m", "m", "f", "f", "", ""] * 2
    assert nearest_of_two(drawn, true, people) == pytest.approx(slow(drawn, true, people, []))
    assert nearest_of_two(drawn, true, people, genders) == pytest.approx(slow(drawn, true, people, genders))
    assert 0.5 < nearest_of_two(drawn, true, people) < 1


def test_the_same_picture_of_everybody_is_chance() -> None:
    true = np.random.default_rng(1).normal(size=(6, 3))
    assert nearest_of_two(np.ones((6, 3)), true, list("abcdef")) == 0.5


def test_where_nobody_can_be_compared_it_is_chance() -> None:
    true = np.random.default_rng(1).normal(size=(3, 3))
    assert nearest_of_two(true, true, ["a"] * 3) == 0.5
    assert nearest_of_two(true, true, list("abc"), ["m", "f", ""]) == 0.5
