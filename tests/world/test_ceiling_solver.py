from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from visavox.errors import ConfigError
from visavox.world.ceiling import measure_ceiling
from visavox.world.ceiling_solver import HIGHEST_CEILING, solve_population
from visavox.world.exact_matching import exact_matching
from visavox.world.population import Leaks, Population


def exact_ceilings(world: Population) -> tuple[float, float]:
    exact = exact_matching(
        world.correlations[0], face_reliability=world.face_reliability, voice_reliability=world.voice_reliability
    )
    return exact.same_sex, exact.opposite_sex


@given(st.floats(0.5, HIGHEST_CEILING), st.floats(0, 1))
@settings(max_examples=25, deadline=None)
def test_whatever_is_asked_within_the_range_is_reached(ceiling_g: float, part: float) -> None:
    ceiling_mixed = ceiling_g + part * (HIGHEST_CEILING - ceiling_g)
    world = solve_population(ceiling_g, ceiling_mixed)
    assert exact_ceilings(world) == pytest.approx((ceiling_g, ceiling_mixed), abs=1e-6)
    assert len(set(world.correlations)) == 1
    assert world.face_reliability == world.voice_reliability


@pytest.mark.parametrize(("ceiling_g", "ceiling_mixed"), [(0.8, 0.99), (0.6, 0.7)])
def test_the_ceilings_are_those_asked_when_measured_with_fresh_random_numbers(
    ceiling_g: float, ceiling_mixed: float
) -> None:
    world = solve_population(ceiling_g, ceiling_mixed)
    figures = measure_ceiling(world, seed=123, n_trials=30_000, gallery=20).honest["voice_to_face"].matching
    for name, asked in (("same_sex", ceiling_g), ("opposite_sex", ceiling_mixed)):
        assert figures[name].value == pytest.approx(asked, abs=3 * figures[name].standard_error)


def test_chance_everywhere_is_a_world_that_shares_nothing() -> None:
    world = solve_population(0.5, 0.5)
    assert world.correlations == (0.0,) * 6
    assert world.sex_agreement == 0.5


def test_one_ceiling_for_all_pairs_is_a_world_that_does_not_show_the_sex() -> None:
    world = solve_population(0.8, 0.8)
    assert world.face_reliability == pytest.approx(0.5, abs=1e-3)


def test_chance_between_people_of_one_sex_is_a_world_of_sex_alone() -> None:
    world = solve_population(0.5, 0.9)
    assert world.correlations == (0.0,) * 6
    assert world.face_reliability == pytest.approx((1 + math.sqrt(0.8)) / 2)


def test_leaks_are_passed_on_and_change_nothing_else() -> None:
    leaks = Leaks(recording=0.5)
    assert solve_population(0.7, 0.9, leaks=leaks).leaks == leaks
    assert solve_population(0.7, 0.9, leaks=leaks).correlations == solve_population(0.7, 0.9).correlations


@pytest.mark.parametrize(
    ("ceiling_g", "ceiling_mixed", "words"),
    [
        (0.4, 0.9, "`ceiling_g` must be at least 0.5, which guessing reaches. Got 0.4. Ask for 0.5 to 0.9999."),
        (0.8, -math.inf, "`ceiling_mixed` must be at least 0.5"),
        (math.nan, 0.9, "`ceiling_g` must be a number. Got nan. Ask for 0.5 to 0.9999."),
        (0.8, math.nan, "`ceiling_mixed` must be a number"),
        (1.0, 1.0, "`ceiling_g` must leave room for error, so that it is below 1. Got 1.0. Ask for 0.5 to 0.9999."),
        (0.8, 1.0, "`ceiling_mixed` must leave room for error"),
        (0.8, math.inf, "`ceiling_mixed` must leave room for error, so that it is below 1. Got inf"),
        (0.8, 99.0, "`ceiling_mixed` is a share, not per cent. Got 99.0. Ask for 0.5 to 0.9999. 99.0 % are 0.99."),
        (0.9, 0.8, "Got 0.9 and 0.8. With ceiling_g 0.9, ceiling_mixed may be 0.9 to 0.9999; with ceiling_mixed 0.8"),
    ],
)
def test_what_cannot_be_had_is_answered_by_what_can(ceiling_g: float, ceiling_mixed: float, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        solve_population(ceiling_g, ceiling_mixed)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)
