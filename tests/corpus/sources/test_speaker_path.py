"""Where a list says that the speaker is."""

from __future__ import annotations

import pytest

from visavox.corpus.sources.speaker_path import SpeakerPath
from visavox.errors import DataError


def test_fractions_become_pixels() -> None:
    path = SpeakerPath((0.0,), ((0.5, 0.25),))
    assert path.at(0.0, width_px=640, height_px=360) == (320.0, 90.0)


def test_pixels_stay_pixels() -> None:
    assert SpeakerPath((0.0,), ((12.0, 34.0),), unit="px").at(0.0, width_px=1, height_px=1) == (12.0, 34.0)


@pytest.mark.parametrize(
    ("time_s", "expected"),
    [(-0.5, 1.0), (0.0, 1.0), (0.9, 1.0), (1.0, 1.0), (1.1, 2.0), (2.9, 2.0), (3.1, 4.0), (4.9, 4.0)],
)
def test_the_nearest_moment_counts_and_the_earlier_of_two(time_s: float, expected: float) -> None:
    path = SpeakerPath((0.0, 2.0, 4.0), ((1.0, 0.0), (2.0, 0.0), (4.0, 0.0)), unit="px")
    found = path.at(time_s, width_px=1, height_px=1)
    assert found is not None
    assert found[0] == expected


@pytest.mark.parametrize("time_s", [-1.01, 1.01, 50.0])
def test_far_from_every_moment_nothing_is_said(time_s: float) -> None:
    assert SpeakerPath((0.0,), ((0.5, 0.5),)).at(time_s, width_px=8, height_px=8) is None


@pytest.mark.parametrize(("times", "n_places"), [((), 0), ((0.0,), 2), ((1.0, 0.5), 2)])
def test_moments_and_places_must_belong_together(times: tuple[float, ...], n_places: int) -> None:
    with pytest.raises(DataError, match="as many ascending moments as places"):
        SpeakerPath(times, ((0.0, 0.0),) * n_places)
