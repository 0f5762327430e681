from __future__ import annotations

import numpy as np
import pytest

from visavox.world.faces.canvas import Canvas, Cover, Points, ellipse, moved, ribbon, smooth_closed, smooth_open

BLACK, WHITE = (0.0, 0.0, 0.0), (1.0, 1.0, 1.0)


def mask_of(canvas: Canvas, outline: Points, *, blur_px: float = 0.0) -> np.ndarray:
    """Coverage of the whole canvas."""
    mask = np.zeros((canvas.size_px, canvas.size_px), dtype=np.float32)
    cover = canvas.cover(outline, blur_px=blur_px)
    mask[cover.box] = cover.alpha
    return mask


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
    assert mask_of(canvas, ellipse(50.0, 50.0, 30.0, 20.0)).sum() == pytest.approx(np.pi * 600.0, rel=0.07)


@pytest.mark.parametrize("blur_px", [3.0, 12.0])
def test_blur_keeps_the_area_and_the_middle_and_has_the_asked_width(blur_px: float) -> None:
    """A blurred small disc is a Gaussian: its second moment is that of the disc plus the blur's."""
    canvas = Canvas(300, WHITE)
    mask = mask_of(canvas, ellipse(150.0, 140.0, 10.0, 10.0), blur_px=blur_px)
    rows, columns = np.mgrid[:300, :300]
    mean_x, mean_y = (mask * columns).sum() / mask.sum(), (mask * rows).sum() / mask.sum()
    variance = (mask * (columns - mean_x) ** 2).sum() / mask.sum()
    assert (mean_x, mean_y) == (pytest.approx(150.0, abs=0.6), pytest.approx(140.0, abs=0.6))
    assert mask.sum() == pytest.approx(np.pi * 100.0, rel=0.18)
    assert variance == pytest.approx(27.5 + blur_px**2, rel=0.12)


def test_edges_are_anti_aliased() -> None:
    mask = mask_of(Canvas(40, WHITE), ellipse(20.0, 20.0, 11.3, 11.3))
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
    left = canvas.cover(np.array([[0.0, 0.0], [19.0, 0.0], [19.0, 39.0], [0.0, 39.0]]))
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
    mask = mask_of(Canvas(100, WHITE), ribbon(line, np.full(30, 8.0)))
    assert mask[:, 50].sum() == pytest.approx(8.0, abs=1.5)


def test_moved_shifts_every_point() -> None:
    assert moved(np.array([[1.0, 2.0], [3.0, 4.0]]), 10.0, -1.0).tolist() == [[11.0, 1.0], [13.0, 3.0]]


def test_a_curve_through_unevenly_spaced_points_has_no_loop() -> None:
    """A uniform spline overshoots behind the two near points; the centripetal one goes on to the right."""
    curve = smooth_open(np.array([[0.0, 0.0], [10.0, 1.0], [10.2, 1.3], [20.0, 0.0]]), n_points=400)
    assert (np.diff(curve[:, 0]) > 0.0).all()


def test_a_curve_through_points_of_a_line_is_the_line() -> None:
    curve = smooth_open(np.array([[0.0, 0.0], [1.0, 2.0], [4.0, 8.0], [5.0, 10.0]]))
    assert np.allclose(curve[:, 1], 2.0 * curve[:, 0])


def test_a_curve_has_the_slope_of_the_parabola_at_each_inner_point() -> None:
    """By numpy's fit of a parabola over the parameter, the square roots of the chords."""
    corners = np.array([[0.0, 0.0], [4.0, 1.0], [5.0, 5.0]])
    steps = np.sqrt(np.linalg.norm(np.diff(corners, axis=0), axis=1))
    at = np.concatenate([[0.0], np.cumsum(steps)])
    expected = np.stack(
        [np.polyval(np.polyfit(at, axis, 2), np.linspace(0.0, at[-1], 33)) for axis in corners.T], axis=1
    )
    assert np.allclose(smooth_open(corners, n_points=33), expected)


def test_a_closed_curve_has_the_slope_of_the_parabola_through_each_point_and_its_neighbours() -> None:
    """A slow loop over unevenly spaced points; the curve is measured just before and after each of them."""
    corners = np.array([[0.0, 0.0], [6.0, 1.0], [7.0, 3.0], [4.0, 9.0], [-1.0, 5.0]])
    n, n_points = len(corners), 200_000
    curve = smooth_closed(corners, n_points=n_points)
    steps = [np.sqrt(np.linalg.norm(corners[(i + 1) % n] - corners[i])) for i in range(n)]
    per_point = sum(steps) / n_points
    for i in range(n):
        at = np.array([-steps[i - 1], 0.0, steps[i]])
        near = corners[[i - 1, i, (i + 1) % n]]
        expected = [np.polyfit(at, near[:, axis], 2)[1] for axis in range(2)]
        index = round(sum(steps[:i]) / per_point)
        measured = (curve[(index + 2) % n_points] - curve[index - 2]) / (4.0 * per_point)
        assert measured == pytest.approx(expected, abs=0.01)


def test_blending_is_the_formula_channel_by_channel() -> None:
    rng = np.random.default_rng(0)
    canvas = Canvas(30, WHITE)
    canvas.planes[:] = rng.random((3, 30, 30), dtype=np.float32)
    before, alpha = canvas.pixels.copy(), rng.random((10, 12), dtype=np.float32)
    canvas.shade(Cover(4, 7, alpha), (0.2, 0.5, 0.9), opacity=0.6)
    for row in range(30):
        for column in range(30):
            inside = 4 <= row < 14 and 7 <= column < 19
            share = 0.6 * alpha[row - 4, column - 7] if inside else 0.0
            expected = (1.0 - share) * before[row, column] + share * np.array([0.2, 0.5, 0.9])
            assert np.allclose(canvas.pixels[row, column], expected, atol=1e-6)


@pytest.mark.parametrize("corner", [(0, 0), (8, 3), (30, 30)])
def test_clipping_is_the_product_of_the_whole_masks(corner: tuple[int, int]) -> None:
    rng = np.random.default_rng(1)
    first, second = (
        Cover(5, 6, rng.random((9, 8), dtype=np.float32)),
        Cover(*corner, rng.random((7, 9), dtype=np.float32)),
    )
    whole = np.zeros((2, 40, 40), dtype=np.float32)
    for mask, cover in zip(whole, (first, second), strict=True):
        mask[cover.box] = cover.alpha
    clipped, product = first.clipped(second), np.zeros((40, 40), dtype=np.float32)
    product[clipped.box] = clipped.alpha
    assert np.allclose(product, whole[0] * whole[1])
    assert np.allclose(first.inverted().alpha + first.alpha, 1.0)


def test_a_fill_returns_what_it_covered() -> None:
    canvas = Canvas(40, WHITE)
    cover = canvas.fill(ellipse(20.0, 20.0, 8.0, 8.0), BLACK)
    assert np.allclose(canvas.pixels[(*cover.box, 0)], 1.0 - cover.alpha)
