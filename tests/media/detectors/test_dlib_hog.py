"""dlib's detector behind our interface gives dlib's own boxes."""

from __future__ import annotations

import builtins
import pickle
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from visavox.errors import ConfigError, MissingDependencyError
from visavox.media.detectors.dlib_hog import DlibHogDetector
from visavox.media.images import read_image


@pytest.fixture(scope="module")
def plain() -> DlibHogDetector:
    """Without doubling; shared, since dlib takes a third of a second to build its detector."""
    return DlibHogDetector(n_doublings=0)


def test_boxes_and_scores_are_those_of_dlib_itself(plain: DlibHogDetector, portraits) -> None:
    dlibs_own = dlib.get_frontal_face_detector()
    for portrait in portraits:
        boxes, scores, _ = dlibs_own.run(cv2.cvtColor(portrait.image, cv2.COLOR_RGB2GRAY), 0, 0.0)
        (face,) = plain.detect(portrait.image)
        assert (face.x0_px, face.y0_px) == (boxes[0].left(), boxes[0].top())
        assert (face.width_px, face.height_px) == (boxes[0].width(), boxes[0].height())
        assert face.score == scores[0]
        assert face.landmarks_px is None


def test_a_doubled_search_gives_the_same_place_in_given_pixels(plain: DlibHogDetector, portrait) -> None:
    (once,), (twice,) = plain.detect(portrait.image), DlibHogDetector(n_doublings=1).detect(portrait.image)
    assert twice.x0_px == pytest.approx(once.x0_px, abs=0.15 * once.width_px)
    assert twice.width_px == pytest.approx(once.width_px, rel=0.25)


def test_a_doubled_search_finds_a_face_half_as_large(plain: DlibHogDetector, portrait) -> None:
    small = cv2.resize(portrait.image, None, fx=0.33, fy=0.33, interpolation=cv2.INTER_AREA)
    assert plain.detect(small) == []
    (face,) = DlibHogDetector(n_doublings=2).detect(small)
    assert (portrait.landmarks * 0.33 > (face.x0_px, face.y0_px)).all()
    assert (portrait.landmarks * 0.33 < (face.x1_px, face.y1_px)).all()


def test_a_face_in_a_large_image_is_given_in_its_own_pixels(plain: DlibHogDetector, portrait) -> None:
    large = cv2.resize(portrait.image, None, fx=4, fy=4, interpolation=cv2.INTER_LINEAR)
    (face,) = plain.detect(large)
    assert (portrait.landmarks * 4 > (face.x0_px, face.y0_px)).all()
    assert (portrait.landmarks * 4 < (face.x1_px, face.y1_px)).all()


def test_a_high_margin_finds_nothing(portrait) -> None:
    assert DlibHogDetector(min_score=50.0).detect(portrait.image) == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"n_doublings": -1}, "`n_doublings` must be 0 to 3. Got -1"),
        ({"n_doublings": 4}, "Got 4"),
        ({"max_image_px": 3}, "`max_image_px` must be at least 12"),
    ],
)
def test_settings_outside_their_range_are_refused(arguments: dict[str, int], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        DlibHogDetector(**arguments)


def test_it_travels_to_another_process_after_use(plain: DlibHogDetector, portrait) -> None:
    before = plain.detect(portrait.image)
    assert pickle.loads(pickle.dumps(plain)).detect(portrait.image) == before


def test_without_dlib_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str, *arguments: object, **options: object) -> object:
        if name == "dlib":
            raise ImportError(name)
        return real_import(name, *arguments, **options)  # type: ignore[arg-type]

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"'dlib-bin' is not installed.*requirements-offline"):
        DlibHogDetector().detect(np.zeros((64, 64, 3), np.uint8))


def test_most_real_faces_are_found(plain: DlibHogDetector, real_data: Path) -> None:
    paths = sorted((real_data / "avspeech" / "faces").iterdir())[::30]
    assert sum(bool(plain.detect(read_image(path))) for path in paths) / len(paths) > 0.7  # 867 of all 968
