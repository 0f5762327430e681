"""McNemar's test: are two choosers right equally often on the same trials?

Trials that both get right, or both wrong, say nothing about which is better; the test looks at those that only one
gets right, and asks whether they fall to both sides like a fair coin. The p is exact: no normal curve stands in for
the binomial, however many trials there are. Trials are taken for independent.

Example:
    >>> ann, ben = np.array([1, 1, 1, 1, 0, 1, 0]), np.array([1, 0, 0, 0, 0, 0, 1])
    >>> found = mcnemar_test(ann, ben)
    >>> found.only_a, found.only_b, round(found.p_value, 5), found.exact_p_value
    (4, 1, 0.21875, 0.375)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from visavox.errors import DataError

Outcomes = NDArray[np.bool_] | NDArray[np.integer] | NDArray[np.floating]


@dataclass(frozen=True)
class McNemar:
    """The four-fold table of two choosers and the test that they are right equally often.

    Attributes:
        both: trials that both get right.
        only_a: trials that A gets right and B does not.
        only_b: trials that B gets right and A does not.
        neither: trials that both get wrong.
        p_value: two-sided mid-p, 0 to 1.
        exact_p_value: the two-sided exact conditional p, never below the mid-p.
    """

    both: int
    only_a: int
    only_b: int
    neither: int
    p_value: float
    exact_p_value: float

    @property
    def n_trials(self) -> int:
        """All trials."""
        return self.both + self.only_a + self.only_b + self.neither

    @property
    def agreement(self) -> float:
        """Share of trials on which both are right or both are wrong, 0 to 1; nan without trials.

        Between two candidates that is how often they choose the same one.
        """
        return (self.both + self.neither) / self.n_trials if self.n_trials else float("nan")

    @property
    def consistency(self) -> float:
        """Cohen's kappa of being right: agreement beyond what the two shares of right answers would give by chance.

        1: they always err together; 0: errors have nothing to do with each other; below 0: where one errs the other
        does not. nan without trials, or where both are always right, or always wrong.

        Source: Cohen, "A coefficient of agreement for nominal scales" (1960); of two choosers' errors: Geirhos, Meding
            and Wichmann, "Beyond accuracy: quantifying trial-by-trial behaviour of CNNs and humans by measuring error
            consistency" (2020).
        """
        if not self.n_trials:
            return float("nan")
        a, b = (self.both + self.only_a) / self.n_trials, (self.both + self.only_b) / self.n_trials
        by_chance = a * b + (1 - a) * (1 - b)
        return (self.agreement - by_chance) / (1 - by_chance) if by_chance < 1 else float("nan")


def mcnemar_test(right_a: Outcomes, right_b: Outcomes) -> McNemar:
    """Return the four-fold table of two choosers and the two-sided mid-p McNemar test.

    With d = only_a + only_b trials that differ and k the smaller of the two, the exact p is twice the chance of at
    most k heads in d throws of a fair coin, at most 1; the mid-p counts the chance of exactly k once instead of twice.

    Args:
        right_a: (n_trials,) bool or 0/1, whether A is right.
        right_b: (n_trials,) bool or 0/1, whether B is right on the same trials in the same order.

    Raises:
        DataError: shapes differ, or a value is not 0 or 1 (NaN, or the one half of a tie).

    Ties and edges:
        p is 1 when both sides are equal, also when no trial differs or there is none. A tie of scores is neither right
        nor wrong: break it, or leave the trial out, for both choosers alike.

    Source: McNemar, "Note on the sampling error of the difference between correlated proportions" (1947); the mid-p
        as recommended by Fagerland, Lydersen and Laake, "The McNemar test for binary matched-pairs data: mid-p and
        asymptotic are better than exact conditional" (2013).
    """
    a, b = _checked(right_a, "right_a"), _checked(right_b, "right_b")
    if a.shape != b.shape:
        raise DataError(
            f"`right_a` and `right_b` must name the same trials. Got {len(a)} and {len(b)} outcomes. "
            "Score both on one list."
        )
    both, only_a, only_b = int((a & b).sum()), int((a & ~b).sum()), int((~a & b).sum())
    exact, mid = sign_test(only_a, only_b)
    return McNemar(both, only_a, only_b, len(a) - both - only_a - only_b, mid, exact)


def sign_test(n_for: int, n_against: int) -> tuple[float, float]:
    """Return the exact and the mid p that two counts come from a fair coin, two-sided.

    Args:
        n_for: heads, from 0.
        n_against: tails, from 0.

    Returns:
        (exact p, mid-p), each 0 to 1.

    Example:
        >>> [round(p, 5) for p in sign_test(4, 1)]
        [0.375, 0.21875]
    """
    if n_for == n_against:
        return 1.0, 1.0
    n, fewer = n_for + n_against, min(n_for, n_against)
    exact = 2 * float(binom.cdf(fewer, n, 0.5))
    return exact, exact - float(binom.pmf(fewer, n, 0.5))


def _checked(outcomes: Outcomes, name: str) -> NDArray[np.bool_]:
    values = np.asarray(outcomes)
    if values.ndim != 1:
        raise DataError(f"`{name}` must be a list of outcomes, one a trial. Got shape {values.shape}.")
    odd = values[~np.isin(values, (0, 1))]
    if odd.size:
        raise DataError(
            f"`{name}` must hold 0 or 1. Got {odd[0]} among {values.size} outcomes. "
            "Break ties, or leave those trials out for both."
        )
    return values.astype(np.bool_)
