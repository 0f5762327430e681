"""The learning rate of the training from pixels and samples."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from visavox.pipeline.end_to_end_rate import warmed_rate
from visavox.pipeline.end_to_end_settings import EndToEndSettings


def test_the_rate_rises_evenly_and_falls_along_a_cosine_to_0() -> None:
    settings = EndToEndSettings(learning_rate=2.0, warm_up=0.2)
    rates = [warmed_rate(settings, step, 10) for step in range(10)]
    assert rates[:2] == pytest.approx([1.0, 2.0])
    assert rates[5] == pytest.approx(1 + math.cos(math.pi * 0.5))  # half way between 0.2 and 1
    assert rates[-1] == pytest.approx(0, abs=1e-12)
    assert rates[2:] == sorted(rates[2:], reverse=True)
    assert warmed_rate(replace(settings, warm_up=0.0), 0, 2) == pytest.approx(1.0)
    assert warmed_rate(replace(settings, warm_up=1.0), 1, 2) == pytest.approx(2.0)


def test_the_rate_of_steps_falls_to_a_tenth_at_each_share() -> None:
    settings = EndToEndSettings(learning_rate=1.0, warm_up=0.2, schedule="steps", drop_at=(0.5, 0.8))
    rates = [warmed_rate(settings, step, 10) for step in range(10)]
    assert rates == pytest.approx([0.5, 1, 1, 1, 1, 0.1, 0.1, 0.1, 0.01, 0.01])


def test_a_constant_rate_only_warms_up() -> None:
    settings = EndToEndSettings(learning_rate=3.0, warm_up=0.5, schedule="constant")
    assert [warmed_rate(settings, step, 4) for step in range(4)] == pytest.approx([1.5, 3, 3, 3])
    assert [warmed_rate(replace(settings, warm_up=0), step, 2) for step in range(2)] == [3.0, 3.0]
