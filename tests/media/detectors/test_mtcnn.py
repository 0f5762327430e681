"""The cascade of MTCNN: suppression, pyramid, boxes and points."""

from __future__ import annotations

import multiprocessing
import pickle
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import ConfigError
from visavox.media.detectors import mtcnn
from visavox.media.detectors.base import DetectedFace
from visavox.media.detectors.mtcnn import MtcnnDetector, pyramid_scales, suppress
from visavox.media.images import read_image


@pytest.fixture(scope="module")
def detector() -> MtcnnDetector:
    return MtcnnDetector()


def slow_suppress(boxes: np.ndarray, scores: np.ndarray, max_overlap: float, of_smaller: bool) -> list[int]:
    """By the definition: go through the boxes from the best on; one stays unless a kept one overlaps it."""
    kept: list[int] = []
    for row in sorted(range(len(scores)), key=lambda r: (-scores[r], r)):
        overlaps = []
        for other in kept:
            a, b = boxes[row], boxes[other]
            width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
            height = max(0.0, min(a[3], b[3]) - max(a[1], b[1]))
            areas = [(c[2] - c[0]) * (c[3] - c[1]) for c in (a, b)]
            whole = min(areas) if of_smaller else sum(areas) - width * height
            overlaps.append(width * height / whole)
        if all(overlap <= max_overlap for overlap in overlaps):
            kept.append(row)
    return kept


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10**6),
    count=st.integers(0, 12),
    max_overlap=st.sampled_from([0.0, 0.3, 0.5, 0.7]),
    of_smaller=st.booleans(),
)
def test_suppression_equals_the_slow_loop(seed: int, count: int, max_overlap: float, of_smaller: bool) -> None:
    rng = np.random.default_rng(seed)
    corners = rng.integers(0, 8, (count, 2))
    boxes = np.concatenate([corners, corners + rng.integers(1, 8, (count, 2))], axis=1).astype(float)
    scores = rng.integers(0, 5, count) / 4  # with ties
    found = suppress(boxes, scores, max_overlap=max_overlap, of_smaller=of_smaller)
    assert found.tolist() == slow_suppress(boxes, scores, max_overlap, of_smaller)


def test_of_two_boxes_that_share_half_the_better_stays() -> None:
    boxes = np.array([[0, 0, 10, 10], [0, 0, 10, 20]], float)  # overlap 1/2 of the union, all of the smaller
    assert suppress(boxes, np.array([0.8, 0.9]), max_overlap=0.5).tolist() == [1, 0]
    assert suppress(boxes, np.array([0.8, 0.9]), max_overlap=0.49).tolist() == [1]
    assert suppress(boxes, np.array([0.8, 0.9]), max_overlap=0.9, of_smaller=True).tolist() == [1]


def test_boxes_that_only_touch_all_stay() -> None:
    boxes = np.array([[0, 0, 1, 1], [1, 0, 2, 1], [0, 1, 1, 2]], float)
    assert suppress(boxes, np.array([0.1, 0.3, 0.2]), max_overlap=0.0).tolist() == [1, 2, 0]


def test_the_pyramid_begins_where_the_smallest_face_fills_the_window() -> None:
    scales = pyramid_scales(300, 200, min_face_px=30)
    assert scales[0] == pytest.approx(12 / 30)
    np.testing.assert_allclose(np.divide(scales[1:], scales[:-1]), 0.709)
    assert 200 * scales[-1] >= 12 > 200 * scales[-1] * 0.709


def test_an_image_smaller_than_the_smallest_face_has_no_pyramid() -> None:
    assert pyramid_scales(20, 300, min_face_px=21) == []
    assert pyramid_scales(12, 300, min_face_px=12) == [1.0]


def test_a_drawn_face_is_found_with_its_points_where_they_were_drawn(detector: MtcnnDetector, portraits) -> None:
    for portrait in portraits:
        (face,) = detector.detect(portrait.image)
        assert face.score > 0.8
        assert face.landmarks_px is not None
        assert face.landmarks_px.shape == (5, 2)
        assert face.landmarks_px.dtype == np.float32
        error = np.linalg.norm(face.landmarks_px - portrait.landmarks, axis=1) / face.width_px
        assert error.mean() < 0.06
        assert error.max() < 0.15


def test_points_lie_inside_the_box(detector: MtcnnDetector, portraits) -> None:
    for portrait in portraits:
        (face,) = detector.detect(portrait.image)
        assert (face.landmarks_px > (face.x0_px, face.y0_px)).all()
        assert (face.landmarks_px < (face.x1_px, face.y1_px)).all()
        left_eye, right_eye, nose, left_mouth, right_mouth = face.landmarks_px
        assert left_eye[0] < nose[0] < right_eye[0]
        assert left_mouth[0] < right_mouth[0]
        assert left_eye[1] < nose[1] < left_mouth[1]


@pytest.mark.parametrize(("dx", "dy"), [(0, 0), (64, 32), (200, 11)])
def test_a_moved_face_is_found_where_it_went(detector: MtcnnDetector, portrait, dx: int, dy: int) -> None:
    height, width = portrait.image.shape[:2]
    wall = np.full((height + 40, width + 220, 3), portrait.image[2, 2], np.uint8)
    wall[dy : dy + height, dx : dx + width] = portrait.image
    (face,) = detector.detect(wall)
    error = np.linalg.norm(face.landmarks_px - (portrait.landmarks - np.array([-dx, -dy])), axis=1)
    assert error.max() < 0.15 * face.width_px


@pytest.mark.parametrize("factor", [0.25, 0.5, 2.0, 6.0])
def test_a_larger_or_smaller_image_gives_the_same_place_in_its_own_pixels(
    detector: MtcnnDetector, portrait, factor: float
) -> None:
    method = cv2.INTER_AREA if factor < 1 else cv2.INTER_LINEAR
    image = cv2.resize(portrait.image, None, fx=factor, fy=factor, interpolation=method)
    (face,) = detector.detect(image)
    error = np.linalg.norm(face.landmarks_px - portrait.landmarks * factor, axis=1)
    (same,) = detector.detect(portrait.image)
    assert error.max() < 0.15 * factor * same.width_px
    box, wanted = (np.array([f.x0_px, f.y0_px, f.x1_px, f.y1_px]) for f in (face, same))
    np.testing.assert_allclose(box, wanted * factor, atol=0.12 * factor * same.width_px)


def test_several_faces_come_largest_first(detector: MtcnnDetector, portraits) -> None:
    first, second = portraits[0].image, portraits[1].image
    half = cv2.resize(second, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)
    wall = np.full((first.shape[0], first.shape[1] + half.shape[1], 3), 128, np.uint8)
    wall[: half.shape[0], : half.shape[1]] = half
    wall[:, half.shape[1] :] = first
    large, small = detector.detect(wall)
    assert large.x0_px > half.shape[1] > small.x1_px
    assert large.width_px > small.width_px


def test_a_face_too_small_for_the_first_look_is_found_by_the_second(portrait) -> None:
    small = cv2.resize(portrait.image, (48, 48), interpolation=cv2.INTER_AREA)
    wall = np.full((400, 400, 3), 128, np.uint8)
    wall[100:148, 200:248] = small
    assert MtcnnDetector(min_face_fraction=0.4, fine_fraction=0.0).detect(wall) == []
    (face,) = MtcnnDetector(min_face_fraction=0.4).detect(wall)
    assert 200 < face.x0_px < face.x1_px < 248
    assert 100 < face.y0_px < face.y1_px < 150


def varied(portraits) -> list[np.ndarray]:
    """Images of one size: one face, two, a small one for the second look only, none, noise."""
    blank = np.full((240, 320, 3), 128, np.uint8)
    images = [blank.copy() for _ in range(5)]
    for image, row, x, y, side in ((0, 0, 60, 20, 200), (1, 1, 0, 40, 160), (1, 2, 170, 60, 140), (2, 0, 200, 100, 30)):
        part = cv2.resize(portraits[row].image, (side, side), interpolation=cv2.INTER_AREA)
        images[image][y : y + side, x : x + side] = part
    images[4] = np.random.default_rng(1).integers(0, 256, blank.shape).astype(np.uint8)
    return images


@pytest.mark.parametrize("n_at_once", [1, 3])
def test_many_images_give_what_each_gives_alone(
    portraits, monkeypatch: pytest.MonkeyPatch, detector: MtcnnDetector, n_at_once: int
) -> None:
    images = varied(portraits)
    alone = [detector.detect(image) for image in images]
    assert [len(faces) for faces in alone[:4]] == [1, 2, 1, 0]
    monkeypatch.setattr(mtcnn, "MAX_PATCHES", n_at_once)
    monkeypatch.setattr(mtcnn, "MAX_LEVELS", n_at_once)
    for order in ([0, 1, 2, 3, 4], [4, 3, 1, 0, 2]):
        together = detector.detect_many([images[row] for row in order])
        for row, faces in zip(order, together, strict=True):
            assert len(faces) == len(alone[row])
            for found, wanted in zip(faces, alone[row], strict=True):
                box, same = (np.array([f.x0_px, f.y0_px, f.x1_px, f.y1_px]) for f in (found, wanted))
                np.testing.assert_allclose(box, same, atol=1e-2)
                np.testing.assert_allclose(found.landmarks_px, wanted.landmarks_px, atol=1e-2)
                assert found.score == pytest.approx(wanted.score, abs=1e-4)


def test_many_large_images_come_back_in_their_own_pixels(portrait, detector: MtcnnDetector) -> None:
    large = cv2.resize(portrait.image, (1400, 1400), interpolation=cv2.INTER_CUBIC)
    (first,), (second,) = detector.detect_many([large, large[:, ::-1].copy()])
    assert first.width_px == pytest.approx(detector.detect(large)[0].width_px)
    assert first.x0_px + second.x1_px == pytest.approx(1400, abs=0.1 * first.width_px)


def test_fewer_boxes_for_the_third_network_find_the_same_faces(
    portraits, monkeypatch: pytest.MonkeyPatch, detector: MtcnnDetector
) -> None:
    images, seen = varied(portraits), []
    finish = mtcnn._finish

    def counted(networks, images, candidates, min_score):
        seen.append(sum(map(len, candidates)))
        return finish(networks, images, candidates, min_score)

    monkeypatch.setattr(mtcnn, "_finish", counted)
    usual, frugal = (each.detect_many(images[:4]) for each in (detector, MtcnnDetector(max_overlap=0.6)))
    assert seen[2] < 0.6 * seen[0]  # the first look of each; the second follows it
    for faces, fewer in zip(usual, frugal, strict=True):
        assert len(faces) == len(fewer)
        for one, other in zip(faces, fewer, strict=True):
            assert np.linalg.norm(one.landmarks_px - other.landmarks_px, axis=1).mean() < 0.05 * one.width_px


def test_no_images_and_images_too_small_have_no_faces(detector: MtcnnDetector) -> None:
    assert detector.detect_many([]) == []
    assert detector.detect_many([np.zeros((5, 9, 3), np.uint8)] * 2) == [[], []]


def test_many_images_must_be_of_one_size(detector: MtcnnDetector) -> None:
    with pytest.raises(ConfigError, match=r"`images` must be of one size. Got \(40, 40, 3\) and \(40, 41, 3\)"):
        detector.detect_many([np.zeros((40, 40, 3), np.uint8), np.zeros((40, 41, 3), np.uint8)])
    with pytest.raises(ConfigError, match="must be"):
        detector.detect_many([np.zeros((40, 40), np.uint8)])


def test_a_face_cut_off_by_the_frame_is_found(detector: MtcnnDetector, portrait) -> None:
    top = int(portrait.landmarks[0, 1] - 25)
    (face,) = detector.detect(np.ascontiguousarray(portrait.image[top:]))
    assert face.score > 0.8


def test_a_face_below_the_asked_score_is_none(portrait) -> None:
    score = MtcnnDetector().detect(portrait.image)[0].score
    assert MtcnnDetector(min_score=0.0).detect(portrait.image)
    if score < 1:
        assert MtcnnDetector(min_score=1.0, fine_fraction=0.0).detect(portrait.image) == []


def test_what_lies_outside_the_image_is_black_in_a_patch() -> None:
    image = np.full((10, 10, 3), 200, np.uint8)
    patches = mtcnn._cut(image, np.array([[-5, 0, 5, 10], [20, 20, 30, 30], [0, 0, 10, 10]], np.float32), 10)
    assert (patches[0][:, :5] == 0).all()
    assert (patches[0][:, 5:] == 200).all()
    assert (patches[1] == 0).all()
    assert (patches[2] == 200).all()


def test_shifts_are_in_units_of_the_box() -> None:
    moved = mtcnn._shifted(np.array([[10, 20, 30, 60.0]]), np.array([[0.1, -0.5, 0.0, 0.25]]))
    assert moved.tolist() == [[12.0, 0.0, 30.0, 70.0]]


def test_a_square_holds_the_longer_side_about_the_same_centre() -> None:
    assert mtcnn._squared(np.array([[10, 20, 20, 60.0]])).tolist() == [[-5.0, 20.0, 35.0, 60.0]]
    x0, y0, x1, y1 = mtcnn._squared(np.array([[5, 5, 5, 5.0]]))[0]
    assert (x1 - x0, y1 - y0) == (1, 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"min_score": -0.1}, "must be between 0 and 1"),
        ({"min_score": 2}, "Got 2"),
        ({"min_face_fraction": 0.0}, "must be between 0 and 1"),
        ({"fine_fraction": 1.2}, "must be between 0 and 1"),
        ({"max_image_px": 5}, "`max_image_px` must be at least 12. Got 5"),
        ({"max_overlap": 1.5}, "`max_overlap` must be between 0 and 1. Got 1.5"),
    ],
)
def test_settings_outside_their_range_are_refused(arguments: dict[str, float], words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        MtcnnDetector(**arguments)  # type: ignore[arg-type]


def test_it_travels_without_its_networks(portrait) -> None:
    detector = MtcnnDetector(min_score=0.75)
    before = detector.detect(portrait.image)
    data = pickle.dumps(detector)
    assert len(data) < 1000
    copy = pickle.loads(data)
    assert copy.min_score == 0.75
    assert copy.detect(portrait.image) == before


def _detect_in_worker(detector: MtcnnDetector, image: np.ndarray, answers: multiprocessing.Queue) -> None:
    torch.set_num_threads(1)
    answers.put([(face.x0_px, face.score) for face in detector.detect(image)])


@pytest.mark.parametrize("method", ["fork", pytest.param("spawn", marks=pytest.mark.slow)])
def test_worker_processes_find_the_same_faces(detector: MtcnnDetector, portrait, method: str) -> None:
    here = detector.detect(portrait.image)
    context = multiprocessing.get_context(method)
    answers = context.Queue()
    worker = context.Process(target=_detect_in_worker, args=(detector, portrait.image, answers))
    worker.start()
    there = answers.get(timeout=60)
    worker.join(timeout=60)
    assert worker.exitcode == 0
    np.testing.assert_allclose(there, [(face.x0_px, face.score) for face in here], rtol=1e-4)


def test_every_real_face_of_a_sample_is_found_with_its_points_inside(real_data: Path, detector: MtcnnDetector) -> None:
    for path in sorted((real_data / "avspeech" / "faces").iterdir())[::40]:
        faces = detector.detect(read_image(path))
        assert faces, path.name  # all 968 are found
        face = faces[0]
        assert isinstance(face, DetectedFace)
        centre = np.mean(face.landmarks_px, axis=0)
        assert face.x0_px < centre[0] < face.x1_px
        assert face.y0_px < centre[1] < face.y1_px
