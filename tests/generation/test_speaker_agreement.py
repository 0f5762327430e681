"""One speaker or two, by hand-made vectors, by every cut of a slow loop, and by real voices."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from visavox.generation.speaker_agreement import VoicesApart, two_voices_note, voices_apart


def slow(windows: np.ndarray) -> float:
    """The least mean cosine across any cut along the direction of largest variance."""
    units = [w / np.sqrt(sum(x * x for x in w)) for w in windows]
    centre = sum(units) / len(units)
    covariance = sum(np.outer(u - centre, u - centre) for u in units)
    direction = np.linalg.eigh(covariance)[1][:, -1]
    order = sorted(range(len(units)), key=lambda i: float((units[i] - centre) @ direction))
    least = 2.0
    for k in range(2, len(units) - 1):
        cosines = [float(units[i] @ units[j]) for i in order[:k] for j in order[k:]]
        least = min(least, sum(cosines) / len(cosines))
    return least


def groups(rng: np.random.Generator, sizes: tuple[int, ...], *, alike: float) -> np.ndarray:
    """Unit vectors about one centre a group; `alike` is about the cosine within."""
    parts = []
    for n in sizes:
        centre = rng.standard_normal(64)
        centre /= np.linalg.norm(centre)
        noise = rng.standard_normal((n, 64)) / 8
        parts.append(np.sqrt(alike) * centre + np.sqrt(1 - alike) * noise)
    return np.concatenate(parts)


@pytest.mark.parametrize("seed", range(10))
def test_the_cut_is_that_of_a_slow_loop(seed: int) -> None:
    rng = np.random.default_rng(seed)
    windows = groups(rng, (5, 4), alike=0.8)
    found = voices_apart(windows)
    assert found is not None
    assert found.across == pytest.approx(slow(windows))


def test_two_voices_are_found_in_any_order_and_of_any_share() -> None:
    rng = np.random.default_rng(0)
    for sizes in ((7, 7), (12, 2), (2, 6)):
        windows = groups(rng, sizes, alike=0.75)
        mixed = windows[rng.permutation(len(windows))]
        found = voices_apart(mixed)
        assert found is not None and found.sounds_like_two
        assert "there may be two speakers" in two_voices_note(mixed)


def test_one_voice_is_one() -> None:
    windows = groups(np.random.default_rng(1), (15,), alike=0.75)
    assert two_voices_note(windows) == ""
    assert not voices_apart(windows).sounds_like_two  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("apart", "two"),
    [(VoicesApart(0.5, 0.7), True), (VoicesApart(0.5, 0.85), False), (VoicesApart(0.6, 0.7), False)],
)
def test_two_speakers_are_unlike_both_in_all_and_in_part(apart: VoicesApart, two: bool) -> None:
    assert apart.sounds_like_two == two


def test_few_windows_tell_nothing_and_equal_ones_are_one() -> None:
    assert voices_apart(np.eye(3)) is None
    assert two_voices_note(np.eye(3)) == ""
    assert voices_apart(np.ones((6, 4))) == pytest.approx(VoicesApart(1.0, 1.0))


def test_length_does_not_matter() -> None:
    windows = groups(np.random.default_rng(2), (4, 5), alike=0.7)
    assert voices_apart(windows * np.arange(1, 10)[:, None]) == pytest.approx(voices_apart(windows))


@pytest.mark.slow
def test_real_voices_of_one_and_of_two(real_data: Path) -> None:
    from visavox.generation.heard_voice import listen
    from visavox.pipeline.frozen_encoder import Compute, FrozenEncoder
    from visavox.pipeline.media_vectors import voice_windows

    encoder = FrozenEncoder("ge2e", "voice", Compute(device="cpu"))
    files = sorted((real_data / "ikr" / "voices").iterdir())
    woman = next(f for f in files if f.name.startswith("f"))
    man = next(f for f in files if f.name.startswith("m"))
    voices = [listen(path).samples for path in (woman, man)]

    def note(samples: np.ndarray) -> str:
        heard = listen(samples)
        windows = voice_windows(heard.samples, heard.segments, window_s=1.6, min_speech_s=0.5)
        return two_voices_note(encoder.encode(windows))

    assert [note(np.concatenate([voice, voice])) for voice in voices] == ["", ""]
    assert "two speakers" in note(np.concatenate(voices))
