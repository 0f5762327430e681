"""Finds the world whose ceilings are the asked ones.

Two numbers are asked, the best 1:2 accuracy between people of one sex and that between the sexes, and two are found:
one correlation for all shared dimensions, and one reliability with which both face and voice show the sex. The first
follows mostly from the first, and the second from the second; two nested root searches over the exact law
(`visavox.world.exact_matching`) settle both, so that nothing here is random. Leaks are passed on: they do not touch
the honest ceiling.

Example:
    >>> world = solve_population(0.80, 0.99)
    >>> round(world.correlations[0], 4), round(world.face_reliability, 4)
    (0.4693, 0.9926)
"""

from __future__ import annotations

import math
from collections.abc import Callable

from scipy.optimize import brentq

from visavox.errors import ConfigError
from visavox.world.exact_matching import exact_matching
from visavox.world.population import DIMENSIONS, Leaks, Population

HIGHEST_CEILING = 0.9999
"""Above it a ceiling cannot be told from 1 by any test that people have patience for."""

_HIGHEST_CORRELATION = 0.9999  # leads to ceilings well above `HIGHEST_CEILING`


def solve_population(ceiling_g: float, ceiling_mixed: float, *, leaks: Leaks | None = None) -> Population:
    """Return the world with these ceilings of 1:2 matching, in both directions.

    Args:
        ceiling_g: between people of one sex, 0.5 to 0.9999.
        ceiling_mixed: between people of different sex, `ceiling_g` to 0.9999.
        leaks: planted shortcuts; None: none.

    Returns:
        A population with equal correlations and equal reliabilities, whose exact ceilings are the asked ones to
        within 1e-6.

    Raises:
        ConfigError: the ceilings cannot be had; the message says which can.
    """
    _check(ceiling_g, ceiling_mixed)
    reliability = _solve_reliability(ceiling_g, ceiling_mixed)
    correlation = _solve_correlation(ceiling_g, reliability)
    return Population(
        correlations=(correlation,) * len(DIMENSIONS),
        face_reliability=reliability,
        voice_reliability=reliability,
        leaks=leaks or Leaks(),
    )


def _check(ceiling_g: float, ceiling_mixed: float) -> None:
    possible = f"Ask for 0.5 to {HIGHEST_CEILING}."
    for name, value in (("ceiling_g", ceiling_g), ("ceiling_mixed", ceiling_mixed)):
        if math.isnan(value):
            raise ConfigError(f"`{name}` must be a number. Got nan. {possible}")
        if value < 0.5:
            raise ConfigError(f"`{name}` must be at least 0.5, which guessing reaches. Got {value}. {possible}")
        if 50.0 <= value <= 100.0:
            raise ConfigError(
                f"`{name}` is a share, not per cent. Got {value}. {possible} {value} % are {value / 100}."
            )
        if value > HIGHEST_CEILING:
            raise ConfigError(f"`{name}` must leave room for error, so that it is below 1. Got {value}. {possible}")
    if ceiling_g > ceiling_mixed:
        raise ConfigError(
            "`ceiling_g` must not be above `ceiling_mixed`: the shown sex can only help. "
            f"Got {ceiling_g} and {ceiling_mixed}. With ceiling_g {ceiling_g}, ceiling_mixed may be {ceiling_g} to "
            f"{HIGHEST_CEILING}; with ceiling_mixed {ceiling_mixed}, ceiling_g may be 0.5 to {ceiling_mixed}."
        )


def _solve_correlation(ceiling_g: float, reliability: float) -> float:
    """Return the correlation that leads to `ceiling_g` where sexes are shown with this reliability."""

    def excess(correlation: float) -> float:
        return _ceilings(correlation, reliability)[0] - ceiling_g

    return _root(excess, 0.0, _HIGHEST_CORRELATION)


def _solve_reliability(ceiling_g: float, ceiling_mixed: float) -> float:
    """Return the reliability that leads to `ceiling_mixed` where the correlation keeps `ceiling_g`."""

    def excess(reliability: float) -> float:
        return _ceilings(_solve_correlation(ceiling_g, reliability), reliability)[1] - ceiling_mixed

    return _root(excess, 0.5, 1.0)


def _ceilings(correlation: float, reliability: float) -> tuple[float, float]:
    exact = exact_matching(correlation, face_reliability=reliability, voice_reliability=reliability)
    return exact.same_sex, exact.opposite_sex


def _root(excess: Callable[[float], float], low: float, high: float) -> float:
    """Return where a rising function crosses 0, or `low` where it is not below 0 even there."""
    if excess(low) >= 0.0:
        return low
    return float(brentq(excess, low, high, xtol=1e-10))
