"""OpenCV's cascade finds drawn faces and says clearly what it lacks."""

from __future__ import annotations

import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest

from visavox.errors import ConfigError, MissingDependencyError
from visavox.media.detectors.haar import HaarDetector
from visavox.media.images import read_image


def test_a_drawn_face_is_found_about_its_points(portraits) -> None:
    for portrait in portraits:
        (face,) = HaarDetector().detect(portrait.image)
        assert face.landmarks_px is None
        assert (portrait.landmarks > (face.x0_px, face.y0_px)).all()
        assert (portrait.landmarks < (face.x1_px, face.y1_px)).all()
        assert face.width_px == pytest.approx(face.height_px)
        eyes_px = portrait.landmarks[1, 0] - portrait.landmarks[0, 0]
        assert 1.5 * eyes_px < face.width_px < 3.5 * eyes_px


def test_a_face_in_a_large_image_is_given_in_its_own_pixels(portrait) -> None:
    large = cv2.resize(portrait.image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    (small_face,), (large_face,) = HaarDetector().detect(portrait.image), HaarDetector().detect(large)
    assert large_face.width_px == pytest.approx(3 * small_face.width_px, rel=0.2)
    assert large_face.width_px == pytest.approx(large_face.height_px)
    for edge in ("x0_px", "y0_px", "x1_px", "y1_px"):
        wanted = 3 * getattr(small_face, edge)
        assert getattr(large_face, edge) == pytest.approx(wanted, abs=0.1 * large_face.width_px)
    assert (portrait.landmarks * 3 > (large_face.x0_px, large_face.y0_px)).all()
    assert (portrait.landmarks * 3 < (large_face.x1_px, large_face.y1_px)).all()


def test_the_smallest_face_follows_the_setting(portrait) -> None:
    assert HaarDetector(min_face_fraction=1.0).detect(portrait.image) == []
    assert len(HaarDetector(min_face_fraction=0.2).detect(portrait.image)) == 1


def test_more_neighbours_find_no_more_faces(portraits) -> None:
    for portrait in portraits:
        lax = HaarDetector(min_neighbours=1).detect(portrait.image)
        strict = HaarDetector(min_neighbours=30).detect(portrait.image)
        assert len(strict) <= len(lax)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_face_fraction": 0.0}, "`min_face_fraction` must be above 0"),
        ({"min_face_fraction": 1.5}, "Got 1.5"),
        ({"min_neighbours": 0}, "`min_neighbours` must be at least 1"),
        ({"max_image_px": 10}, "`max_image_px` at least 20"),
    ],
)
def test_settings_outside_their_range_are_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        HaarDetector(**arguments)  # type: ignore[arg-type]


def test_it_travels_to_another_process_after_use(portrait) -> None:
    detector = HaarDetector(min_neighbours=4)
    before = detector.detect(portrait.image)
    copy = pickle.loads(pickle.dumps(detector))
    assert copy.min_neighbours == 4
    assert copy.detect(portrait.image) == before


def test_an_opencv_without_cascades_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(cv2.data, "haarcascades", f"{tmp_path}/")
    with pytest.raises(MissingDependencyError, match=r"opencv-python-headless>=4\.14,<5"):
        HaarDetector().detect(np.zeros((64, 64, 3), np.uint8))


def test_most_real_faces_are_found(real_data: Path) -> None:
    paths = sorted((real_data / "avspeech" / "faces").iterdir())[::60]
    found = sum(bool(HaarDetector().detect(read_image(path))) for path in paths)
    assert found / len(paths) > 0.7  # 860 of all 968
