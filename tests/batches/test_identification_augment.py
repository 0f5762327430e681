"""Shifts against np.roll and masks against hand-made stripes: bounds, means, generators."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.batches.identification_augment import draw_shifts, fixed_shifts, mask_spectra, shifted_voices


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


@pytest.mark.parametrize("shift", [0, 1, -1, 7, -7, 8, 11, -13])
def test_a_shift_is_that_of_numpy_s_roll(shift: int) -> None:
    voices = np.random.default_rng(0).integers(-32768, 32767, (2, 8)).astype(np.int16)
    turned = shifted_voices(voices, torch.tensor([shift, 0]))
    np.testing.assert_array_equal(turned[0].numpy(), np.roll(voices[0], shift) / np.float32(32768))
    np.testing.assert_array_equal(turned[1].numpy(), voices[1] / np.float32(32768))


def test_shifts_reach_both_ends_and_never_pass_them() -> None:
    shifts = draw_shifts(5000, 5, seeded())
    assert sorted(set(shifts.tolist())) == list(range(-5, 6))
    assert draw_shifts(9, 0, seeded()).tolist() == [0] * 9
    counts = torch.bincount(shifts + 5)
    assert counts.min() > 0.8 * 5000 / 11


def test_copies_are_the_clip_one_to_the_left_and_one_to_the_right() -> None:
    shifts = fixed_shifts(400, 2, 2000, seeded())
    assert shifts.shape == (400, 3)
    assert shifts[:, 0].abs().max() == 0
    assert shifts[:, 1].max() <= 0 and shifts[:, 1].min() > -2000
    assert shifts[:, 2].min() >= 0 and shifts[:, 2].max() < 2000
    assert shifts[:, 1].float().mean() == pytest.approx(-1000, abs=100)
    assert fixed_shifts(3, 0, 2000, seeded()).tolist() == [[0], [0], [0]]
    assert fixed_shifts(2, 3, 10, seeded())[:, 3].max() <= 0  # sides take turns


def test_masks_are_one_stripe_each_way_of_the_mean_and_at_most_the_width() -> None:
    images = torch.rand(200, 1, 30, 25, generator=seeded(1))
    masked = mask_spectra(images, 6, seeded())
    widths = []
    for image, after in zip(images[:, 0], masked[:, 0], strict=True):
        changed = image != after
        rows, columns = changed.all(dim=1), changed.all(dim=0)
        assert torch.equal(changed, rows[:, None] | columns[None])
        if changed.any():
            assert after[changed].unique().numel() == 1
            assert float(after[changed][0]) == pytest.approx(float(image.mean()), rel=1e-5)
        for stripe in (rows, columns):
            at = stripe.nonzero().flatten()
            assert len(at) == 0 or int(at[-1] - at[0]) + 1 == len(at)
            widths.append(len(at))
    assert set(widths) == set(range(7))


def test_no_width_masks_nothing_and_a_wide_one_stays_within_the_picture() -> None:
    images = torch.rand(4, 1, 5, 6, generator=seeded())
    torch.testing.assert_close(mask_spectra(images, 0, seeded()), images)
    assert mask_spectra(images, 99, seeded()).shape == images.shape


def test_one_generator_state_gives_one_result() -> None:
    images = torch.rand(4, 1, 20, 20, generator=seeded())
    torch.testing.assert_close(mask_spectra(images, 9, seeded(5)), mask_spectra(images, 9, seeded(5)))
    assert not torch.equal(mask_spectra(images, 9, seeded(5)), mask_spectra(images, 9, seeded(6)))


def slow_masks(image: torch.Tensor, drawn: list[float], width: int) -> torch.Tensor:
    """One image, cell by cell, from its four draws: width and place of the bands, then of the frames."""
    sizes, after = image.shape, image.clone()
    stripes = []
    for axis, (wide, place) in enumerate((drawn[:2], drawn[2:])):
        most = min(width, sizes[axis])
        n = int(wide * (most + 1))
        first = int(place * (sizes[axis] - n + 1))
        stripes.append(range(first, first + n))
    for i in range(sizes[0]):
        for j in range(sizes[1]):
            if i in stripes[0] or j in stripes[1]:
                after[i, j] = image.mean()
    return after


@pytest.mark.parametrize("width", [1, 4, 40])
def test_masks_equal_a_loop_over_cells(width: int) -> None:
    images = torch.rand(12, 1, 9, 7, generator=seeded(2))
    drawn = torch.rand(12, 4, generator=seeded(3)).tolist()
    masked = mask_spectra(images, width, seeded(3))
    for image, found, row in zip(images[:, 0], masked[:, 0], drawn, strict=True):
        torch.testing.assert_close(found, slow_masks(image, row, width))


def test_sides_of_four_copies_take_turns_and_shifts_stay_below_the_most() -> None:
    shifts = fixed_shifts(300, 4, 3, seeded())
    assert [sorted(set(column.tolist())) for column in shifts.T] == [
        [0],
        [-2, -1, 0],
        [0, 1, 2],
        [-2, -1, 0],
        [0, 1, 2],
    ]
    assert shifts.dtype == torch.int64
