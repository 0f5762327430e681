"""The frames on the screen at each moment are handed on, once each, whatever the rhythm of the video."""

from __future__ import annotations

import math

import av
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.media import frame_sampling
from visavox.media.frame_sampling import FrameSampler
from visavox.media.sampled_frame import SampledFrame


def scene(seed: int) -> np.ndarray:
    return np.kron(np.random.default_rng(seed).integers(0, 256, (6, 8, 3)), np.ones((8, 8, 1))).astype(np.uint8)


FRAMES = {seed: av.VideoFrame.from_ndarray(scene(seed), format="rgb24") for seed in range(3)}


def sample(
    times_s: list[float], rate: float, *, end_s: float = math.inf, last_s: float = 0.0, scenes: list[int] | None = None
) -> tuple[list[SampledFrame], FrameSampler]:
    found: list[SampledFrame] = []
    sampler = FrameSampler(found.append, frames_per_s=rate, end_s=end_s)
    for i, time_s in enumerate(times_s):
        if not sampler.see(FRAMES[scenes[i] if scenes else 0], time_s):
            break
    sampler.finish(last_s)
    return found, sampler


def slow(times_s: list[float], rate: float, end_s: float) -> list[float]:
    """For each moment look for the last frame that is not later."""
    chosen: list[float] = []
    for k in range(math.ceil(end_s * rate)):
        if k / rate < end_s - 1e-6:
            shown = [time for time in times_s if time <= k / rate + 1e-6]
            chosen += shown[-1:]
    return sorted(set(chosen))


@settings(deadline=None, max_examples=200)
@given(
    gaps=st.lists(st.integers(1, 80), min_size=1, max_size=40),
    rate=st.sampled_from([0.1, 0.5, 1.0, 2.0, 3.0, 10.0, 60.0]),
    last=st.integers(1, 50),
)
def test_the_frames_are_those_of_a_slow_search(gaps: list[int], rate: float, last: int) -> None:
    times = [t / 100 for t in np.cumsum([0, *gaps]).tolist()]
    found, sampler = sample(times, rate, last_s=last / 100)
    assert [f.time_s for f in found] == slow(times, rate, times[-1] + last / 100)
    assert [f.index for f in found] == list(range(len(found)))
    assert sampler.n_frames == len(times)
    assert sampler.n_sampled == len(found)
    assert sampler.shown_until_s == pytest.approx(times[-1] + last / 100)


def test_25_frames_a_second_at_2_a_second() -> None:
    found, _ = sample([i / 25 for i in range(50)], 2.0, last_s=0.04)
    assert [f.time_s for f in found] == [0.0, 0.48, 1.0, 1.48]


def test_a_still_stretch_gives_its_frame_once() -> None:
    found, _ = sample([0.0, 0.04, 10.0], 2.0, last_s=5.0)
    assert [f.time_s for f in found] == [0.0, 0.04, 10.0]


@pytest.mark.parametrize("times_s", [[0.0], [0.0, 0.01], [0.3], [1e9]])
def test_what_shows_anything_gives_at_least_one_frame(times_s: list[float]) -> None:
    found, sampler = sample(times_s, 0.001)
    assert len(found) == 1
    assert sampler.n_frames == len(times_s)


def test_a_clip_of_nothing_gives_nothing() -> None:
    found, sampler = sample([], 2.0)
    assert (found, sampler.n_frames, sampler.shown_until_s) == ([], 0, 0.0)


def test_a_section_begins_with_the_frame_on_the_screen_and_ends_at_its_end() -> None:
    times = [i / 10 - 0.55 for i in range(40)]
    found, sampler = sample(times, 2.0, end_s=1.6)
    assert [f.time_s for f in found] == pytest.approx([0.0, 0.45, 0.95, 1.45])
    assert sampler.n_frames == 17  # the one before and those at 0.05 to 1.55
    assert sampler.shown_until_s == pytest.approx(1.6)


def test_the_last_frame_of_a_section_stays_until_its_end() -> None:
    found, sampler = sample([0.0, 0.04, 5.0], 1.0, end_s=3.0, last_s=0.04)
    assert [f.time_s for f in found] == [0.0, 0.04]
    assert sampler.shown_until_s == 3.0


def test_a_video_that_ended_before_the_section_gives_nothing() -> None:
    found, sampler = sample([-3.0, -2.0], 2.0, last_s=1.0)
    assert (found, sampler.n_frames) == ([], 0)
    found, _ = sample([-3.0, -2.0], 2.0, last_s=2.5)
    assert [f.time_s for f in found] == [0.0]


def test_a_gap_of_days_takes_no_time() -> None:
    found, _ = sample([0.0, 1e6], 1000.0, last_s=0.001)
    assert len(found) == 2


def test_cuts_between_sampled_frames_are_noted_with_the_next_one() -> None:
    times = [i / 10 for i in range(30)]
    scenes = [0] * 7 + [1] * 15 + [2] * 8
    found, sampler = sample(times, 2.0, last_s=0.1, scenes=scenes)
    assert sampler.cut_times_s == pytest.approx([0.7, 2.2])
    assert [f.after_cut for f in found] == [False, False, True, False, False, True]


def test_a_cut_before_the_section_is_not_counted() -> None:
    times = [i / 10 - 1 for i in range(20)]
    _, sampler = sample(times, 2.0, last_s=0.1, scenes=[0] * 5 + [1] * 15)
    assert sampler.cut_times_s == []


def test_pixel_ratio_and_frame_are_handed_on() -> None:
    found: list[SampledFrame] = []
    sampler = FrameSampler(found.append, frames_per_s=1.0, pixel_ratio=2.0)
    sampler.see(FRAMES[1], 0.0)
    sampler.finish()
    assert (found[0].width_px, found[0].height_px) == (128, 48)
    assert found[0].frame is FRAMES[1]


class Coded:
    """A frame as a decoder marks it; its picture is grey."""

    def __init__(self, *, key: bool = False, corrupt: bool = False) -> None:
        self.inner = av.VideoFrame.from_ndarray(np.full((32, 32, 3), 90, np.uint8), format="rgb24")
        self.key_frame, self.is_corrupt = key, corrupt


@pytest.mark.parametrize(
    ("corrupt", "lost_before", "damaged"),
    [
        (set(), None, []),
        ({2}, None, [2, 3]),  # up to the next key frame
        ({4}, None, [4, 5, 6, 7]),
        (set(), 1, [1, 2, 3]),
        ({0}, None, [0, 1, 2, 3]),
    ],
)
def test_what_builds_on_lost_bytes_is_damaged_up_to_the_next_key_frame(
    corrupt: set[int], lost_before: int | None, damaged: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A picture with wrong blocks has hard edges, and was taken for the sharpest."""
    monkeypatch.setattr(frame_sampling.SceneCuts, "is_cut", lambda *_: False)
    given: list[SampledFrame] = []
    sampler = FrameSampler(given.append, frames_per_s=1.0)
    for i in range(8):
        if lost_before == i:
            sampler.note_damage()
        sampler.see(Coded(key=i in (0, 4), corrupt=i in corrupt), float(i))  # type: ignore[arg-type]
    sampler.finish(1.0)
    assert [frame.index for frame in given if frame.is_damaged] == damaged
