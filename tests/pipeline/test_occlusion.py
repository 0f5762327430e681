"""Covering parts of a face and of a voice shows where a scorer looks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest

from visavox.errors import ConfigError
from visavox.pipeline.occlusion import (
    N_MELS,
    Block,
    blocks,
    face_effect,
    mean_effect,
    silenced,
    voice_effect,
)

RATE = 16_000


def drawn_crop(side: int = 64) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (side, side, 3), dtype=np.uint8)


def looks_at(top: int, left: int, side: int):
    """A scorer that sees one square of a crop and nothing else."""

    def score(crops: Sequence[np.ndarray]) -> np.ndarray:
        seen = [crop[top : top + side, left : left + side].astype(float) for crop in crops]
        return np.array([part.std() for part in seen])

    return score


def hears(low_hz: float, high_hz: float, start_s: float, end_s: float):
    """A scorer that hears the power between two frequencies and two times."""

    def score(voices: Sequence[np.ndarray]) -> np.ndarray:
        parts = [voice[int(start_s * RATE) : int(end_s * RATE)] for voice in voices]
        powers = [np.abs(np.fft.rfft(part)) ** 2 for part in parts]
        hz = np.fft.rfftfreq(len(parts[0]), 1 / RATE)
        return np.array([power[(hz >= low_hz) & (hz < high_hz)].sum() for power in powers])

    return score


def noise(seconds: float) -> np.ndarray:
    return (0.1 * np.random.default_rng(1).standard_normal(int(seconds * RATE))).astype(np.float32)


def slow_face_effect(score, crop: np.ndarray, patch: int, stride: int) -> np.ndarray:
    """The definition, one pixel and one square at a time."""
    height, width = crop.shape[:2]
    grey = np.round(crop.reshape(-1, 3).mean(axis=0)).astype(np.uint8)
    tops = [top for top in range(height) if top % stride == 0 and top + patch <= height]
    lefts = [left for left in range(width) if left % stride == 0 and left + patch <= width]
    before = score([crop])[0]
    falls = {}
    for top in tops:
        for left in lefts:
            copy = crop.copy()
            for y in range(top, top + patch):
                for x in range(left, left + patch):
                    copy[y, x] = grey
            falls[top, left] = before - score([copy])[0]
    effect = np.zeros((height, width))
    for y in range(height):
        for x in range(width):
            over = [f for (top, left), f in falls.items() if top <= y < top + patch and left <= x < left + patch]
            effect[y, x] = sum(over) / len(over)
    return effect


def test_the_effect_on_a_face_is_that_of_the_definition() -> None:
    crop, score = drawn_crop(32), looks_at(3, 11, 9)
    effect = face_effect(score, crop, patch_px=8, stride_px=4)
    assert effect.shape == (32, 32) and effect.dtype == np.float32
    np.testing.assert_allclose(effect, slow_face_effect(score, crop, 8, 4), rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize("top, left", [(0, 0), (16, 40), (48, 48), (32, 8)])
def test_the_map_of_a_face_peaks_where_a_toy_encoder_looks(top: int, left: int) -> None:
    effect = face_effect(looks_at(top, left, 16), drawn_crop(64), patch_px=16, stride_px=8)
    y, x = np.unravel_index(effect.argmax(), effect.shape)
    assert top <= y < top + 16 and left <= x < left + 16
    assert effect.max() > 0
    far = np.ones_like(effect, dtype=bool)
    far[max(0, top - 16) : top + 32, max(0, left - 16) : left + 32] = False
    assert np.all(effect[far] == 0), "covering what nobody looks at changes nothing"


def test_a_part_that_speaks_against_the_match_is_below_nought() -> None:
    score = looks_at(16, 16, 16)
    effect = face_effect(lambda crops: -score(crops), drawn_crop(64), patch_px=16, stride_px=16)
    assert effect.min() < 0 and effect.max() == 0


def test_falls_of_squares_that_do_not_overlap_sum_to_the_fall_of_covering_all() -> None:
    """A score that adds up over pixels: what the squares take away one by one is what they take away together."""
    crop = drawn_crop(64)
    weights = np.random.default_rng(2).standard_normal((64, 64, 1))

    def score(crops: Sequence[np.ndarray]) -> np.ndarray:
        return np.array([(crop * weights).sum() for crop in crops])

    effect = face_effect(score, crop, patch_px=16, stride_px=16)
    all_grey = np.full_like(crop, np.round(crop.reshape(-1, 3).mean(axis=0)).astype(np.uint8))
    assert effect[::16, ::16].sum() == pytest.approx(float(score([crop])[0] - score([all_grey])[0]), rel=1e-4)


def test_squares_reach_the_far_edge_whatever_the_step() -> None:
    found = list(blocks(50, 33, height=16, width=16, down=9, across=16))
    times = np.zeros((50, 33))
    for block in found:
        times[block.top : block.bottom, block.left : block.right] += 1
    assert times.min() >= 1
    assert len({(block.top, block.left) for block in found}) == len(found)
    assert list(blocks(3, 4, height=16, width=16, down=8, across=8)) == [Block(0, 3, 0, 4)]


def test_a_place_gets_the_mean_of_what_covers_it() -> None:
    effect = mean_effect((1, 5), [Block(0, 1, 0, 2), Block(0, 1, 1, 4)], np.array([1.0, 3.0]))
    assert effect.tolist() == [[1.0, 2.0, 3.0, 3.0, 0.0]]


def test_the_effect_on_a_voice_is_that_of_the_definition() -> None:
    """Cells of 4 bands x 3 times, blocks of 2 x 2; one cell at a time."""
    voice, score = noise(0.6), hears(800, 1500, 0.2, 0.4)
    found = voice_effect(score, voice, n_times=3, n_bands=4)
    n_frames = 1 + len(voice) // 128
    at_band, at_frame = [0, 16, 32, 48, 64], [round(n_frames * i / 3) for i in range(4)]
    falls = {}
    for band in range(3):
        for time in range(2):
            place = Block(at_band[band], at_band[band + 2], at_frame[time], at_frame[time + 2])
            falls[band, time] = score([voice])[0] - score([silenced(voice, place)])[0]
    for band in range(4):
        for time in range(3):
            over = [fall for (b, t), fall in falls.items() if b <= band < b + 2 and t <= time < t + 2]
            cell = found.effect[at_band[band] : at_band[band + 1], at_frame[time] : at_frame[time + 1]]
            np.testing.assert_allclose(cell, np.mean(over), rtol=1e-4)
    assert found.effect.shape == found.spectrogram_db.shape == (N_MELS, n_frames)
    assert found.duration_s == pytest.approx(0.6)


@pytest.mark.parametrize("low_hz, high_hz, start_s", [(200, 500, 0.2), (2500, 3500, 1.2)])
def test_the_map_of_a_voice_peaks_where_a_toy_encoder_listens(low_hz: float, high_hz: float, start_s: float) -> None:
    found = voice_effect(hears(low_hz, high_hz, start_s, start_s + 0.2), noise(2.0))
    band, frame = np.unravel_index(found.effect.argmax(), found.effect.shape)
    mel_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), N_MELS + 1) / 2595) - 1)
    same = np.flatnonzero(found.effect[:, frame] == found.effect[band, frame])  # the bands of its cell
    assert mel_hz[same[0]] < high_hz and mel_hz[same[-1] + 1] > low_hz and len(same) < N_MELS / 4
    assert start_s - 0.2 <= frame * 128 / RATE <= start_s + 0.4
    assert found.effect[:, frame].max() > 10 * abs(found.effect[:, (frame + 120) % 250].mean())


def test_silence_in_a_block_takes_that_band_and_leaves_the_rest() -> None:
    voice = noise(1.0)
    place = Block(16, 32, 40, 80)
    quiet = silenced(voice, place)
    assert quiet.shape == voice.shape and quiet.dtype == np.float32
    np.testing.assert_allclose(quiet[: 40 * 128 - 512], voice[: 40 * 128 - 512], atol=1e-5)
    mel_hz = 700 * (10 ** (np.linspace(0, 2595 * np.log10(1 + 8000 / 700), N_MELS + 1) / 2595) - 1)
    middle = np.s_[44 * 128 : 76 * 128]
    hz = np.fft.rfftfreq(32 * 128, 1 / RATE)
    inside = (hz > mel_hz[17]) & (hz < mel_hz[31])
    power = [np.abs(np.fft.rfft(v[middle])) ** 2 for v in (voice, quiet)]
    assert power[1][inside].sum() < 0.05 * power[0][inside].sum()
    assert power[1][hz > 2 * mel_hz[32]].sum() == pytest.approx(power[0][hz > 2 * mel_hz[32]].sum(), rel=0.05)


def test_the_spectrogram_is_loudest_where_the_tone_is() -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(RATE) / RATE).astype(np.float32)
    found = voice_effect(lambda voices: np.zeros(len(voices)), tone)
    assert found.spectrogram_db.max() == 0 and found.spectrogram_db.min() >= -80
    band = int(found.spectrogram_db.mean(axis=1).argmax())
    assert band == pytest.approx(N_MELS * np.log10(1 + 1000 / 700) / np.log10(1 + 8000 / 700), abs=1.5)
    assert np.all(found.effect == 0)


def test_silence_has_a_map_too() -> None:
    found = voice_effect(lambda voices: np.zeros(len(voices)), np.zeros(RATE, np.float32))
    assert np.isfinite(found.spectrogram_db).all() and np.all(found.effect == 0)


def test_progress_ends_at_the_number_of_copies() -> None:
    said: list[tuple[int, int]] = []
    asked: list[int] = []

    def score(items: Sequence[np.ndarray]) -> np.ndarray:
        asked.append(len(items))
        return np.zeros(len(items))

    face_effect(
        score, drawn_crop(64), patch_px=16, stride_px=8, progress=lambda done, total: said.append((done, total))
    )
    assert said[-1] == (49, 49) and [done for done, _ in said] == sorted(done for done, _ in said)
    assert sum(asked) == 50 and max(asked) <= 8


@pytest.mark.parametrize("stride_px", [0, 17])
def test_a_step_out_of_range_is_named(stride_px: int) -> None:
    with pytest.raises(ConfigError, match=rf"`stride_px` must be 1 to 16, the side of the square. Got {stride_px}."):
        face_effect(looks_at(0, 0, 4), drawn_crop(32), patch_px=16, stride_px=stride_px)


def test_a_voice_that_is_too_short_is_named() -> None:
    with pytest.raises(ConfigError, match=r"`voice` must last at least 0.5 s. Got 0.25 s."):
        voice_effect(lambda voices: np.zeros(len(voices)), noise(0.25))


@pytest.mark.parametrize("n_times, n_bands", [(1, 6), (12, 1), (12, 65)])
def test_cells_out_of_range_are_named(n_times: int, n_bands: int) -> None:
    with pytest.raises(ConfigError, match=f"Got {n_times} and {n_bands}."):
        voice_effect(lambda voices: np.zeros(len(voices)), noise(1.0), n_times=n_times, n_bands=n_bands)
