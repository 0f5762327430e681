"""Wilson's interval for a share of independent trials.

It needs no resampling and stays inside 0 to 1 where few trials, or nearly all of them, succeed. Trials of the same
people are not independent: for those resample people (`visavox.metrics.bootstrap`) and believe the wider interval.

Example:
    >>> found = wilson_interval(8, 10)
    >>> round(found.low, 3), round(found.high, 3)
    (0.49, 0.943)
"""

from __future__ import annotations

import math

from scipy.stats import norm

from visavox.errors import ConfigError, DataError
from visavox.metrics.bootstrap import Interval


def wilson_interval(n_successes: float, n_trials: int, *, level: float = 0.95) -> Interval:
    """Return the Wilson score interval of a share.

    Args:
        n_successes: from 0 to `n_trials`; a tie may count one half.
        n_trials: from 0.
        level: share covered, above 0 and below 1.

    Returns:
        The interval inside 0 to 1; nan at both ends without trials. At 0 successes it begins at 0, at `n_trials` it
        ends at 1.

    Raises:
        ConfigError: `level` is not between 0 and 1.
        DataError: more successes than trials, or a number below 0.

    Source: Wilson, "Probable inference, the law of succession, and statistical inference" (1927), without correction
        for continuity.
    """
    if not 0 < level < 1:
        raise ConfigError(f"`level` must lie between 0 and 1. Got {level}. Use 0.95 for a 95 % interval.")
    if not 0 <= n_successes <= n_trials:
        raise DataError(f"`n_successes` must lie between 0 and the {n_trials} trials. Got {n_successes}.")
    if not n_trials:
        return Interval(math.nan, math.nan)
    z2 = float(norm.ppf((1 + level) / 2)) ** 2
    share = n_successes / n_trials
    centre = (share + z2 / (2 * n_trials)) / (1 + z2 / n_trials)
    reach = math.sqrt(z2 * (share * (1 - share) / n_trials + z2 / (4 * n_trials**2))) / (1 + z2 / n_trials)
    # At the ends the formula is 0 or 1 up to rounding.
    low = 0.0 if n_successes == 0 else centre - reach
    return Interval(low, 1.0 if n_successes == n_trials else centre + reach)
