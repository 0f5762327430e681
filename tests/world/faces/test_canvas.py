from __future__ import annotations

import numpy as np
import pytest

from visavox.world.faces.canvas import Canvas, ellipse, moved, ribbon, smooth_closed, smooth_open

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def square(x: float, y: float, side: float) -> np.ndarray:
    return np.array([[x, y], [x + side, y], [x + side, y + side], [x, y + side]])


def test_smooth_curves_pass_through_their_points() -> None:
    corners = np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 5.0], [1.0, 4.0]])
    for curve in (smooth_closed(corners, n_points=4000), smooth_open(corners, n_points=4000)):
        distance = np.linalg.norm(curve[:, None] - corners[None], axis=2).min(axis=0)
        assert distance.max() < 0.02
    assert np.allclose(smooth_open(corners)[[0, -1]], corners[[0, -1]])


def test_a_closed_curve_has_no_kink_where_it_begins() -> None:
    curve = smooth_closed(np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 5.0], [1.0, 4.0]]), n_points=400)
    steps = np.diff(np.vstack([curve, curve[:2]]), axis=0)
    turns = np.abs(np.diff(np.arctan2(steps[:, 1], steps[:, 0])))
    assert np.minimum(turns, 2 * np.pi - turns).max() < 0.15


def test_the_coverage_of_a_shape_is_its_area() -> None:
    canvas = Canvas(100, WHITE)
    assert canvas.mask(ellipse(50.0, 50.0, 30.0, 20.0)).sum() == pytest.approx(np.pi * 600.0, rel=0.07)


@pytest.mark.parametrize("blur_px", [3.0, 12.0])
def test_blur_keeps_the_area_and_the_middle_and_has_the_asked_width(blur_px: float) -> None:
    """A blurred small disc is a Gaussian: its second moment is that of the disc plus the blur's."""
    canvas = Canvas(300, WHITE)
    mask = canvas.mask(ellipse(150.0, 140.0, 10.0, 10.0), blur_px=blur_px)
    rows, columns = np.mgrid[:300, :300]
    mean_x, mean_y = (mask * columns).sum() / mask.sum(), (mask * rows).sum() / mask.sum()
    variance = (mask * (columns - mean_x) ** 2).sum() / mask.sum()
    assert (mean_x, mean_y) == (pytest.approx(150.0, abs=0.6), pytest.approx(140.0, abs=0.6))
    assert mask.sum() == pytest.approx(np.pi * 100.0, rel=0.18)
    assert variance == pytest.approx(27.5 + blur_px**2, rel=0.12)


def test_edges_are_anti_aliased() -> None:
    mask = Canvas(40, WHITE).mask(ellipse(20.0, 20.0, 11.3, 11.3))
    assert np.sum((mask > 0.05) & (mask < 0.95)) > 20


def test_opacity_blends_and_zero_leaves_the_canvas_alone() -> None:
    canvas = Canvas(20, WHITE)
    canvas.fill(square(5.0, 5.0, 10.0), BLACK, opacity=0.0)
    assert (canvas.pixels == 1.0).all()
    canvas.fill(square(5.0, 5.0, 10.0), BLACK, opacity=0.25)
    assert canvas.pixels[10, 10].tolist() == pytest.approx([0.75, 0.75, 0.75])
    assert canvas.pixels[1, 1].tolist() == [1.0, 1.0, 1.0]


def test_a_shape_is_clipped_to_another() -> None:
    canvas = Canvas(40, WHITE)
    left = canvas.mask(np.array([[0.0, 0.0], [19.0, 0.0], [19.0, 39.0], [0.0, 39.0]]))
    canvas.fill(square(5.0, 5.0, 30.0), BLACK, within=left)
    assert canvas.pixels[20, 10, 0] == 0.0
    assert canvas.pixels[20, 30, 0] == 1.0


@pytest.mark.parametrize("where", [(-8.0, 5.0), (35.0, 35.0), (-60.0, -60.0), (90.0, 10.0)])
def test_shapes_beyond_the_canvas_are_cut_off(where: tuple[float, float]) -> None:
    canvas = Canvas(40, WHITE)
    canvas.fill(square(*where, 12.0), BLACK, blur_px=2.0)
    assert canvas.pixels.shape == (40, 40, 3)
    inside = -12.0 < where[0] < 40.0 and -12.0 < where[1] < 40.0
    assert (canvas.pixels.min() < 0.5) == inside


def test_a_ribbon_is_as_thick_as_asked() -> None:
    line = np.stack([np.linspace(20.0, 80.0, 30), np.full(30, 50.0)], axis=1)
    mask = Canvas(100, WHITE).mask(ribbon(line, np.full(30, 8.0)))
    assert mask[:, 50].sum() == pytest.approx(8.0, abs=1.5)


def test_moved_shifts_every_point() -> None:
    assert moved(np.array([[1.0, 2.0], [3.0, 4.0]]), 10.0, -1.0).tolist() == [[11.0, 1.0], [13.0, 3.0]]
