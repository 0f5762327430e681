"""Augmentation: a pure function of its generator, within its bounds, and nothing at strength 0."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from torch import Tensor

from visavox.batches.augment import (
    FaceAugmentation,
    VoiceAugmentation,
    augment_faces,
    augment_voices,
    random_windows,
)
from visavox.errors import ConfigError

NO_FACE = FaceAugmentation(**{item.name: float(item.name == "turn") for item in dataclasses.fields(FaceAugmentation)})
NO_VOICE = VoiceAugmentation(**{item.name: 0 for item in dataclasses.fields(VoiceAugmentation)})


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def faces(n: int = 6, size: int = 16) -> Tensor:
    return torch.rand(n, 3, size, size, generator=generator(9))


def voices(n: int = 6, n_frames: int = 40, n_bands: int = 12) -> Tensor:
    return torch.randn(n, n_frames, n_bands, generator=generator(9))


def only(**strength: float) -> FaceAugmentation:
    return dataclasses.replace(NO_FACE, **strength)


def heard(**strength: float) -> VoiceAugmentation:
    return dataclasses.replace(NO_VOICE, **strength)


def test_strength_0_changes_nothing() -> None:
    torch.testing.assert_close(augment_faces(faces(), NO_FACE, generator()), faces(), atol=1e-5, rtol=0)
    torch.testing.assert_close(augment_voices(voices(), NO_VOICE, generator()), voices())


def test_a_seed_gives_one_result_and_another_seed_another() -> None:
    for change, x, strength in (
        (augment_faces, faces(), FaceAugmentation()),
        (augment_voices, voices(), VoiceAugmentation()),
    ):
        one, same, other = (change(x, strength, generator(seed)) for seed in (3, 3, 4))  # type: ignore[operator]
        assert torch.equal(one, same)
        assert not torch.equal(one, other)
        assert one.shape == x.shape and one.dtype == x.dtype
        assert bool(torch.isfinite(one).all())


def test_what_is_drawn_does_not_depend_on_the_strength() -> None:
    """So that a run with another strength differs in that alone."""
    for change, x, none, strong in (
        (augment_faces, faces(), NO_FACE, FaceAugmentation()),
        (augment_voices, voices(), NO_VOICE, VoiceAugmentation()),
    ):
        states = []
        for strength in (none, strong):
            source = generator()
            change(x, strength, source)  # type: ignore[operator]
            states.append(source.get_state())
        assert torch.equal(*states)


def test_a_flip_mirrors_left_and_right() -> None:
    turned = augment_faces(faces(), only(flip=1.0), generator())
    torch.testing.assert_close(turned, faces().flip(3), atol=1e-5, rtol=0)
    half = augment_faces(faces(200), only(flip=0.5), generator())
    mirrored = (half - faces(200).flip(3)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert 0.35 < mirrored.float().mean() < 0.65


def test_a_shift_is_within_its_share_of_the_picture() -> None:
    dot = torch.zeros(100, 3, 40, 40)
    dot[:, :, 20, 20] = 1.0
    moved = augment_faces(dot, only(shift=0.1), generator())[:, 0]
    rows = (moved.sum(2) * torch.arange(40)).sum(1) / moved.sum((1, 2))
    assert (rows - 20).abs().max() <= 4.01  # a tenth of 40
    assert (rows - 20).abs().max() > 3


def test_size_and_turn_change_by_what_they_say() -> None:
    """The corner of a square lies where scaling or turning about the middle puts it."""
    square = torch.zeros(50, 3, 64, 64)
    square[:, :, 16:48, 16:48] = 1.0
    area = augment_faces(square, only(scale=0.2), generator())[:, 0].sum((1, 2)) / 32**2
    assert area.max() < 1 / 0.8**2 + 0.05 and area.min() > 1 / 1.2**2 - 0.05
    assert area.max() - area.min() > 0.5
    turned = augment_faces(square, only(turn_deg=10), generator())[:, 0].sum((1, 2)) / 32**2
    torch.testing.assert_close(turned, torch.ones(50), atol=0.02, rtol=0)
    mirrored = augment_faces(square, only(turn_deg=30, flip=1.0), generator())[:, 0].sum((1, 2)) / 32**2
    torch.testing.assert_close(mirrored, torch.ones(50), atol=0.02, rtol=0)


def test_a_share_of_the_faces_is_turned() -> None:
    """The rest stays as it was; with 1, the default, what is drawn for the share changes nothing."""
    half = augment_faces(faces(200), only(turn_deg=15, turn=0.5), generator())
    whole = augment_faces(faces(200), only(turn_deg=15), generator())
    still = (half - faces(200)).abs().amax(dim=(1, 2, 3)) < 1e-4
    assert 0.35 < still.float().mean() < 0.65
    assert torch.equal(half[~still], whole[~still])
    none = augment_faces(faces(), only(turn_deg=15, turn=0), generator())
    torch.testing.assert_close(none, faces(), atol=1e-5, rtol=0)


def test_brightness_and_colour_add_one_number_a_picture_or_channel() -> None:
    lighter = augment_faces(faces(50), only(brightness=0.1), generator()) - faces(50)
    assert lighter.flatten(1).std(dim=1).max() < 1e-5
    assert 0.08 < lighter.abs().max() <= 0.1 + 1e-5
    tinted = augment_faces(faces(50), only(colour=0.1), generator()) - faces(50)
    assert tinted.flatten(2).std(dim=2).max() < 1e-5
    assert tinted.mean(dim=(2, 3)).std(dim=1).min() > 0


def test_contrast_leaves_the_mean_of_each_colour() -> None:
    changed = augment_faces(faces(), only(contrast=0.5), generator())
    torch.testing.assert_close(changed.mean((2, 3)), faces().mean((2, 3)), atol=1e-5, rtol=0)
    assert not torch.allclose(changed.std((2, 3)), faces().std((2, 3)), atol=1e-3)


def test_cutout_paints_one_square_with_the_mean_colour() -> None:
    changed = augment_faces(faces(80, 32), only(cutout=0.25), generator())
    hole = ((changed - faces(80, 32)).abs() > 1e-4).any(dim=1)
    assert hole.sum((1, 2)).max() <= 17**2  # half a side is at most a quarter of 32 pixels
    largest = int(hole.sum((1, 2)).argmax())
    inside = changed[largest][:, hole[largest]]
    torch.testing.assert_close(
        inside, faces(80, 32)[largest].mean((1, 2))[:, None].expand_as(inside), atol=1e-4, rtol=0
    )


def test_the_memory_format_is_kept() -> None:
    x = faces().contiguous(memory_format=torch.channels_last)
    assert augment_faces(x, FaceAugmentation(), generator()).is_contiguous(memory_format=torch.channels_last)
    assert augment_faces(faces(), FaceAugmentation(), generator()).is_contiguous()


def test_gain_and_tilt_add_what_a_microphone_adds() -> None:
    louder = augment_voices(voices(), heard(gain=0.5), generator()) - voices()
    assert louder.flatten(1).std(dim=1).max() < 1e-5
    assert 0 < louder.abs().max() <= 0.5 * voices().std() + 1e-5
    tilted = augment_voices(voices(), heard(tilt=1.0), generator()) - voices()
    torch.testing.assert_close(tilted[:, 0], tilted[:, -1])
    torch.testing.assert_close(tilted[..., 0], -tilted[..., -1])
    assert (tilted[:, 0].diff(dim=1).std(dim=1) < 1e-5).all()


def test_masks_hold_the_voices_own_mean() -> None:
    for strength, dim in ((heard(band_mask=0.2), 1), (heard(time_mask=0.2), 2)):
        changed = augment_voices(voices(60), strength, generator())
        masked = changed != voices(60)
        assert masked.any()
        lines = masked.any(dim=dim) == masked.all(dim=dim)  # whole bands, or whole frames
        assert lines.all()
        mean = voices(60).mean(dim=1, keepdim=True).expand_as(changed)
        torch.testing.assert_close(changed[masked], mean[masked])
    share = (augment_voices(voices(200), heard(time_mask=0.1), generator()) != voices(200)).float().mean()
    assert 0.05 < share < 0.2  # two masks of a mean width of a tenth


def test_noise_is_of_the_strength_asked_for() -> None:
    x = voices(20, 100, 40) * 3
    noise = augment_voices(x, heard(noise=0.1), generator()) - x
    assert noise.std() == pytest.approx(0.3, rel=0.05)


def test_a_window_is_a_view_at_a_place_drawn_anew() -> None:
    voice = np.arange(50, dtype=np.float32)[:, None]
    source = generator()
    starts = {int(random_windows([voice], 10, source)[0][0, 0]) for _ in range(400)}
    assert starts == set(range(41))
    (window,) = random_windows([voice], 10, source)
    assert window.base is not None and len(window) == 10
    assert [len(w) for w in random_windows([voice, voice[:4]], 10, source)] == [10, 4]


@pytest.mark.parametrize("value", [-0.1, float("nan"), float("inf"), "much", True])
def test_a_strength_that_is_none_is_refused(value: object) -> None:
    with pytest.raises(ConfigError, match="`noise` of an augmentation must be a number of at least 0"):
        FaceAugmentation(noise=value)  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="`gain` of an augmentation"):
        VoiceAugmentation(gain=value)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["flip", "turn"])
def test_a_probability_is_at_most_one(name: str) -> None:
    with pytest.raises(ConfigError, match=f"`{name}` of an augmentation is a probability, at most 1. Got 5"):
        FaceAugmentation(**{name: 5})
    assert getattr(FaceAugmentation(**{name: 1}), name) == 1
