"""What an upload may be and cost, in numbers."""

from __future__ import annotations

import json
import math

import pytest

from visavox.media.audio import SAMPLE_RATE as RATE_OF_VOICES
from visavox.web.decoding.decoding_limits import GRACE_S, SAMPLE_RATE, DecodingLimits


def test_limits_travel_as_json() -> None:
    limits = DecodingLimits(max_pixels=100_000, max_voice_s=2.5)
    assert DecodingLimits.from_json(limits.to_json()) == limits
    assert json.loads(limits.to_json())["max_pixels"] == 100_000


def test_the_arena_holds_the_longest_voice_and_the_largest_picture() -> None:
    limits = DecodingLimits(max_pixels=10, max_voice_s=1.0)
    assert limits.max_samples == 16_000 + GRACE_S * 16_000
    assert limits.arena_bytes == 4 * limits.max_samples
    assert DecodingLimits(max_pixels=10**6, max_voice_s=1.0).arena_bytes == 2 * 3 * 10**6
    assert SAMPLE_RATE == RATE_OF_VOICES


def test_more_pixels_may_take_more_memory() -> None:
    few, many = DecodingLimits(max_pixels=10**6), DecodingLimits(max_pixels=10**8)
    assert few.memory_bytes < many.memory_bytes
    assert many.memory_bytes > 40 * 10**8


@pytest.mark.parametrize("name", ["max_bytes", "max_voice_s", "max_pixels", "timeout_s", "start_s", "items"])
@pytest.mark.parametrize("value", [0, -1, math.inf, math.nan])
def test_numbers_out_of_range_are_refused(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"`{name}` must be above 0 and finite. Got {value}"):
        DecodingLimits(**{name: value})
