"""The canonical crop puts a face where dlib's descriptor expects it."""

from __future__ import annotations

import builtins
from collections.abc import Iterator
from pathlib import Path

import cv2
import dlib
import numpy as np
import pytest

from visavox.errors import ConfigError, DataError, MissingDependencyError
from visavox.media import face_crop
from visavox.media.carried_weights import carried_file
from visavox.media.detectors.base import DetectedFace
from visavox.media.detectors.dlib_hog import DlibHogDetector
from visavox.media.detectors.haar import HaarDetector
from visavox.media.detectors.mtcnn import MtcnnDetector
from visavox.media.face_crop import (
    CHIP_PX,
    MEAN_PLACES,
    crop_face,
    crop_place,
    cut_face,
    dlib_chip,
    fit_similarity,
    place_square,
)
from visavox.media.images import read_image


class Fixed:
    """A detector that finds what it is told."""

    name = "fixed"

    def __init__(self, *faces: DetectedFace) -> None:
        self.faces = list(faces)

    def detect(self, image: np.ndarray) -> list[DetectedFace]:
        return self.faces


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


@pytest.fixture
def fresh_predictor() -> Iterator[None]:
    """Forget the loaded shape predictor before and after, so that its loading can be watched."""
    face_crop._load_predictor.cache_clear()
    yield
    face_crop._load_predictor.cache_clear()


def gradient(height: int, width: int) -> np.ndarray:
    """Red grows from left to right, green from top to bottom: a colour tells the place it came from."""
    image = np.zeros((height, width, 3), np.uint8)
    image[:, :, 0] = np.linspace(20, 250, width)[None]
    image[:, :, 1] = np.linspace(20, 250, height)[:, None]
    return image


def slow_similarity(source: np.ndarray, target: np.ndarray) -> np.ndarray:
    """Least squares over the four numbers a, b, c, d of x' = a x - b y + c, y' = b x + a y + d."""
    rows, values = [], []
    for (x, y), (u, v) in zip(source, target, strict=True):
        rows += [[x, -y, 1, 0], [y, x, 0, 1]]
        values += [u, v]
    a, b, c, d = np.linalg.lstsq(np.array(rows), np.array(values), rcond=None)[0]
    return np.array([[a, -b, c], [b, a, d]])


@pytest.mark.parametrize("seed", range(5))
def test_the_similarity_is_the_least_squares_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    source, target = rng.normal(size=(5, 2)) * 9, rng.normal(size=(5, 2)) + 40
    np.testing.assert_allclose(fit_similarity(source, target), slow_similarity(source, target), atol=1e-9)


def test_a_turned_scaled_and_moved_shape_is_undone_exactly() -> None:
    turn = np.deg2rad(30)
    linear = 1.7 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    found = fit_similarity(MEAN_PLACES, MEAN_PLACES @ linear.T + (3, -8))
    np.testing.assert_allclose(found, np.column_stack([linear, (3, -8)]), atol=1e-12)


def test_the_crop_of_a_drawn_face_has_its_points_in_place(detector: MtcnnDetector, portraits) -> None:
    # Where the points of a frontal face lie in the crop; the corners of the mouth vary with the smile.
    wanted = {0: (93, 90), 1: (163, 90), 2: (128, 130)}
    for portrait in portraits:
        crop = crop_face(portrait.image, detector)
        assert crop.found
        assert crop.n_faces == 1
        (face,) = detector.detect(crop.image)
        for row, place in wanted.items():
            assert np.linalg.norm(face.landmarks_px[row] - place) < 16, (row, face.landmarks_px[row])


def test_the_record_says_how_many_how_sure_how_large_and_how_clear(detector: MtcnnDetector, portrait) -> None:
    (face,) = detector.detect(portrait.image)
    crop = crop_face(portrait.image, Fixed(face, face, face))
    assert crop.image.shape == (256, 256, 3)
    assert crop.image.dtype == np.uint8
    assert (crop.n_faces, crop.score, crop.width_px) == (3, face.score, face.width_px)
    grey = cv2.cvtColor(crop.image[64:192, 64:192], cv2.COLOR_RGB2GRAY)
    assert crop.brightness == pytest.approx(grey.mean())
    assert crop.sharpness == pytest.approx(cv2.Laplacian(grey, cv2.CV_64F).var())


def test_a_blurred_face_is_less_sharp_and_a_dark_one_less_bright(detector: MtcnnDetector, portrait) -> None:
    clear = crop_face(portrait.image, detector)
    blurred = crop_face(cv2.GaussianBlur(portrait.image, (0, 0), 4), detector)
    dark = crop_face(portrait.image // 2, detector)
    assert blurred.sharpness < clear.sharpness / 3
    assert dark.brightness == pytest.approx(clear.brightness / 2, rel=0.05)


def test_a_turned_face_comes_upright(detector: MtcnnDetector, portrait) -> None:
    height, width = portrait.image.shape[:2]
    turn = cv2.getRotationMatrix2D((width / 2, height / 2), 20, 1.0)
    turned = cv2.warpAffine(portrait.image, turn, (width, height), borderMode=cv2.BORDER_REPLICATE)
    upright, back = crop_face(portrait.image, detector).image, crop_face(turned, detector).image
    inner = np.s_[64:192, 64:192]
    assert np.abs(upright[inner].astype(int) - back[inner]).mean() < 12


def test_the_place_of_a_face_in_a_large_image_does_not_change_its_crop(detector: MtcnnDetector, portrait) -> None:
    height, width = portrait.image.shape[:2]
    wall = np.full((1200, 1500, 3), portrait.image[2, 2], np.uint8)
    wall[-height:, 1000 : 1000 + width] = portrait.image
    (face,) = detector.detect(portrait.image)
    moved = DetectedFace(
        face.x0_px + 1000,
        face.y0_px + 1200 - height,
        face.x1_px + 1000,
        face.y1_px + 1200 - height,
        score=face.score,
        landmarks_px=face.landmarks_px + np.array([1000, 1200 - height], np.float32),
    )
    here, there = crop_face(portrait.image, Fixed(face)).image, crop_face(wall, Fixed(moved)).image
    inner = np.s_[64:192, 64:192]
    assert np.abs(here[inner].astype(int) - there[inner]).mean() < 3


@pytest.mark.parametrize("factor", [0.5, 2.0, 5.0])
def test_the_size_of_the_image_hardly_changes_the_crop(detector: MtcnnDetector, portrait, factor: float) -> None:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    resized = cv2.resize(portrait.image, None, fx=factor, fy=factor, interpolation=method)
    crop, same = crop_face(resized, detector), crop_face(portrait.image, detector)
    assert np.abs(crop.image.astype(int) - same.image).mean() < 8
    assert crop.width_px == pytest.approx(factor * same.width_px, rel=0.1)


def test_the_chip_is_dlibs_own_chip_of_the_same_box(portraits) -> None:
    predictor = dlib.shape_predictor(str(carried_file(*face_crop.PREDICTOR_FILE)))
    hog = DlibHogDetector(n_doublings=0)
    for portrait in portraits:
        (face,) = hog.detect(portrait.image)
        box = dlib.rectangle(*(round(edge) for edge in (face.x0_px, face.y0_px, face.x1_px - 1, face.y1_px - 1)))
        chip = dlib.get_face_chip(portrait.image, predictor(portrait.image, box), CHIP_PX, 0.25)
        ours = dlib_chip(crop_face(portrait.image, Fixed(face)).image)
        assert ours.shape == chip.shape
        difference = np.abs(ours.astype(int) - chip).mean()
        assert difference < 6
        assert difference < np.abs(np.roll(chip, 2, axis=1).astype(int) - chip).mean()


def test_detectors_agree_on_the_crop(detector: MtcnnDetector, portraits) -> None:
    detectors = (detector, HaarDetector(), DlibHogDetector())
    for portrait in portraits:
        crops = [crop_face(portrait.image, each).image for each in detectors]
        for crop in crops[1:]:
            assert np.abs(crop.astype(int) - crops[0]).mean() < 15


def test_an_image_without_a_face_gives_its_centre_and_says_so() -> None:
    crop = crop_face(gradient(224, 224), Fixed())
    assert (crop.found, crop.n_faces, crop.score, crop.width_px) == (False, 0, 0.0, 0.0)
    # The unit square, 128 px of the crop, is 0.48 of the side of 224 px, about (0.5, 0.55) of it.
    for row, column in ((64, 64), (128, 128), (191, 191)):
        y = 224 * (0.55 + 0.48 * ((row + 0.5) / 128 - 1))
        x = 224 * (0.5 + 0.48 * ((column + 0.5) / 128 - 1))
        wanted = [20 + 230 * (x - 0.5) / 223, 20 + 230 * (y - 0.5) / 223, 0]
        np.testing.assert_allclose(crop.image[row, column], wanted, atol=1.6)


def test_the_centre_of_a_wide_image_is_a_square_of_its_height() -> None:
    crop = crop_face(gradient(100, 900), Fixed()).image
    np.testing.assert_allclose(crop[128, 128, 0], 135, atol=2)  # the middle of the width
    assert int(crop[128, 250, 0]) - int(crop[128, 5, 0]) < 30  # and a narrow part of it


def test_a_large_image_without_a_face_is_averaged_not_sampled() -> None:
    checks = np.indices((2000, 2000)).sum(axis=0) % 2 * 255
    crop = crop_face(np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8), Fixed()).image
    assert np.abs(crop[20:200, 20:200].astype(int) - 127).max() < 30


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (300, 1), (2, 3)])
def test_the_smallest_images_have_a_crop(shape: tuple[int, int]) -> None:
    crop = crop_face(np.full((*shape, 3), 77, np.uint8), MtcnnDetector())
    assert not crop.found
    assert crop.image.shape == (256, 256, 3)
    assert crop.image.max() == 77


@pytest.mark.parametrize(
    "face",
    [
        DetectedFace(-30.0, -30.0, 10.0, 10.0, score=1.0),
        DetectedFace(500.0, 500.0, 600.0, 600.0, score=1.0),
        DetectedFace(5.0, 5.0, 5.0, 5.0, score=1.0),
        DetectedFace(-900.0, -900.0, 900.0, 900.0, score=1.0),
        DetectedFace(0, 0, 9, 9, score=1.0, landmarks_px=np.full((5, 2), 4.0, np.float32)),
    ],
)
def test_a_box_off_the_image_or_of_no_size_still_has_a_crop(face: DetectedFace) -> None:
    crop = crop_face(gradient(60, 50), Fixed(face))
    assert crop.found
    assert crop.image.shape == (256, 256, 3)


@pytest.mark.parametrize("margin", [0.0, 0.25, 1.0, 2.0])
def test_another_margin_shows_the_same_face_with_more_or_less_about_it(
    detector: MtcnnDetector, portrait, margin: float
) -> None:
    large = cv2.resize(portrait.image, None, fx=3, fy=3, interpolation=cv2.INTER_CUBIC)
    usual, other = crop_face(large, detector), crop_face(large, detector, margin=margin)
    assert other.image.shape == (256, 256, 3)
    # Both scaled to 128 px a unit, and the unit square cut out of their middles.
    side = round(256 * (1 + 2 * margin) / 2)
    scaled = cv2.resize(other.image, (side, side), interpolation=cv2.INTER_AREA)
    first = (side - 128) // 2
    inner = scaled[first : first + 128, first : first + 128].astype(int)
    assert np.abs(inner - usual.image[64:192, 64:192]).mean() < 5
    assert other.brightness == pytest.approx(usual.brightness, rel=0.02)
    if margin < 0.5:  # as sharp, since it is measured at one size; of a wider crop less can be seen
        assert other.sharpness == pytest.approx(usual.sharpness, rel=0.4)


def test_the_usual_margin_is_a_half(detector: MtcnnDetector, portrait) -> None:
    usual, given = crop_face(portrait.image, detector), crop_face(portrait.image, detector, margin=0.5)
    assert (usual.image == given.image).all()
    assert (usual.sharpness, usual.brightness) == (given.sharpness, given.brightness)


def test_a_face_found_before_is_cut_as_one_found_now(detector: MtcnnDetector, portrait) -> None:
    (face,) = detector.detect(portrait.image)
    cut, found = cut_face(portrait.image, face), crop_face(portrait.image, detector)
    assert (cut.image == found.image).all()
    assert (cut.n_faces, cut.score, cut.sharpness) == (1, found.score, found.sharpness)


@pytest.mark.parametrize("margin", [None, 0.0, 0.3])
def test_the_box_is_cut_as_a_square_of_its_longer_side(margin: float | None) -> None:
    image = gradient(400, 600)
    face = DetectedFace(200, 100, 280, 220, score=0.9)  # 80 x 120 about (240, 160)
    crop = crop_face(image, Fixed(face), crop="box", margin=margin)
    side = 120 * (1 + 2 * (margin or 0))
    for row, column in ((0, 0), (128, 128), (255, 60)):
        y, x = 160 + side * ((row + 0.5) / 256 - 0.5), 240 + side * ((column + 0.5) / 256 - 0.5)
        wanted = [20 + 230 * (x - 0.5) / 599, 20 + 230 * (y - 0.5) / 399, 0]
        np.testing.assert_allclose(crop.image[row, column], wanted, atol=1.6)
    assert (crop.found, crop.width_px, crop.score) == (True, 80, 0.9)


def test_what_a_box_holds_beyond_the_image_is_black() -> None:
    crop = crop_face(np.full((100, 100, 3), 200, np.uint8), Fixed(DetectedFace(-50, 0, 50, 100, score=1)), crop="box")
    assert (crop.image[:, :126] == 0).all()
    assert (crop.image[5:-5, 132:] == 200).all()


def test_a_large_box_is_averaged_not_sampled() -> None:
    checks = np.indices((1600, 1600)).sum(axis=0) % 2 * 255
    image = np.repeat(checks[:, :, None], 3, axis=2).astype(np.uint8)
    crop = crop_face(image, Fixed(DetectedFace(100, 100, 1500, 1500, score=1)), crop="box")
    assert np.abs(crop.image[5:-5, 5:-5].astype(int) - 127).max() < 40


@pytest.mark.parametrize("seed", range(40))
def test_the_square_about_a_place_is_facetones_own_or_moved_inwards(seed: int) -> None:
    rng = np.random.default_rng(seed)
    width, height = (int(v) for v in rng.integers(1, 900, 2))
    x, y = rng.uniform(-0.1, 1.1) * width, rng.uniform(-0.1, 1.1) * height
    x0, y0, side = place_square(width, height, (x, y))
    assert 0 <= x0 <= width - side
    assert 0 <= y0 <= height - side
    half = min(x, y, width - x, height - y)
    if half >= min(width, height) / 4:
        assert abs(side - 2 * half) <= 1
        assert abs(x0 + side / 2 - x) <= 1
        assert abs(y0 + side / 2 - y) <= 1
    else:
        assert side == max(1, round(min(width, height) / 2))


def test_the_first_frame_is_cut_about_its_middle_or_a_place_without_a_detector() -> None:
    image = gradient(360, 640)
    crop = crop_face(image, Fixed(DetectedFace(0, 0, 50, 50, score=1.0)), crop="first_frame")
    assert (crop.found, crop.n_faces, crop.width_px) == (False, 0, 0)
    np.testing.assert_array_equal(crop.image, crop_place(image, (320, 180)).image)
    corner = crop_place(image, (640, 360)).image
    np.testing.assert_allclose(corner[255, 255], [250, 250, 0], atol=1)
    np.testing.assert_allclose(corner[0, 0], [20 + 230 * 460 / 639, 20 + 230 * 180 / 359, 0], atol=1)


@pytest.mark.parametrize("shape", [(1, 1), (1, 300), (2, 3)])
def test_the_smallest_images_have_a_square(shape: tuple[int, int]) -> None:
    assert (crop_place(np.full((*shape, 3), 77, np.uint8), (0, 0)).image == 77).all()


def test_what_is_no_image_is_refused() -> None:
    with pytest.raises(ConfigError, match=r"must be \(height, width, 3\) uint8"):
        crop_face(np.zeros((4, 4), np.uint8), Fixed())


@pytest.mark.usefixtures("fresh_predictor")
def test_a_corrupt_shape_predictor_is_one_clean_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, portrait
) -> None:
    path = tmp_path / "predictor.dat"
    path.write_bytes(b"\x01\x01 torn")
    monkeypatch.setattr(face_crop, "carried_file", lambda *parts: path)
    with pytest.raises(DataError, match="not a complete shape predictor") as caught:
        crop_face(portrait.image, Fixed(DetectedFace(50, 50, 150, 150, score=1.0)))
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("fresh_predictor")
def test_without_dlib_the_line_that_installs_it_is_named(monkeypatch: pytest.MonkeyPatch, portrait) -> None:
    def refuse(name: str, *arguments: object, **options: object) -> object:
        if name == "dlib":
            raise ImportError(name)
        return real_import(name, *arguments, **options)  # type: ignore[arg-type]

    real_import = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", refuse)
    with pytest.raises(MissingDependencyError, match=r"'dlib-bin' is not installed.*requirements-offline"):
        crop_face(portrait.image, Fixed(DetectedFace(50, 50, 150, 150, score=1.0)))


def test_real_chips_are_close_to_dlibs_own(real_data: Path, detector: MtcnnDetector) -> None:
    """Mean difference of the pixels where dlib finds a face too; a shift by one pixel alone makes about 4."""
    predictor = dlib.shape_predictor(str(carried_file(*face_crop.PREDICTOR_FILE)))
    hog = dlib.get_frontal_face_detector()
    differences = []
    for path in sorted((real_data / "avspeech" / "faces").iterdir())[::80]:
        image = read_image(path)
        boxes = hog(image, 0)
        if len(boxes) == 1:
            chip = dlib.get_face_chip(image, predictor(image, boxes[0]), CHIP_PX, 0.25)
            ours = dlib_chip(crop_face(image, detector).image)
            differences.append(np.abs(ours.astype(int) - chip).mean())
    assert len(differences) > 5
    assert np.median(differences) < 6
