from __future__ import annotations

import pytest

from visavox.errors import UnknownNameError
from visavox.world.ceiling import measure_ceiling
from visavox.world.ceiling_solver import solve_population
from visavox.world.population import Leaks, Population
from visavox.world.presets import PRESETS, find_preset

ASKED = {"default": (0.96, 0.995), "human": (0.7797, 0.9668)}


@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_ceilings_of_a_preset_are_those_it_promises(name: str) -> None:
    figures = measure_ceiling(PRESETS[name], seed=7, n_trials=40_000, gallery=20).honest["voice_to_face"].matching
    for stratum, asked in zip(("same_sex", "opposite_sex"), ASKED[name], strict=True):
        assert figures[stratum].standard_error < 0.0015
        assert figures[stratum].value == pytest.approx(asked, abs=3 * figures[stratum].standard_error)


@pytest.mark.parametrize("name", sorted(ASKED))
def test_the_stored_numbers_are_those_that_the_solver_finds(name: str) -> None:
    world = solve_population(*ASKED[name])
    assert PRESETS[name].correlations == pytest.approx(world.correlations, abs=6e-5)
    assert PRESETS[name].face_reliability == pytest.approx(world.face_reliability, abs=6e-5)
    assert PRESETS[name].voice_reliability == PRESETS[name].face_reliability


def test_every_preset_is_held_by_these_tests_and_leaks_nothing() -> None:
    assert set(PRESETS) == set(ASKED)
    assert {world.leaks for world in PRESETS.values()} == {Leaks()}


def test_the_default_preset_is_the_default_population() -> None:
    assert find_preset("default") == Population()


def test_an_unknown_preset_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownNameError, match="Unknown preset 'people'. .*Known: default, human"):
        find_preset("people")
