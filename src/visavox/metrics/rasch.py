"""How hard items are and how able persons are, from right and wrong answers: the Rasch model.

Made for games and studies where everybody answers a few of many items: abilities are averaged out (marginal maximum
likelihood), and difficulties are pulled towards their mean as far as their own spread, estimated from the same answers,
says that few answers can be trusted. Persons and items with all answers right or all wrong are thereby finite. Not a
test of whether the model is true: compare with others by `visavox.metrics.rasch_validation`.

Which guessing floor: `guessing=0` where an item can mislead, so that people do worse than chance on it (a man with a
high voice). `guessing=0.5` where who does not know throws a coin between two and nobody is misled: it makes hard items
tell little about persons. Items below one half then have no finite difficulty of their own.

Example:
    >>> rng = np.random.default_rng(0)
    >>> persons, items = np.repeat(np.arange(60), 4), np.tile(np.arange(4), 60)
    >>> logit = rng.normal(size=60)[persons] - np.array([-1, 0, 1, 2])[items]
    >>> right = rng.random(240) < chance_right(logit, guessing=0)
    >>> found = fit_rasch(Answers.of(persons, items, right))
    >>> bool(np.all(np.diff(found.difficulty) > 0))
    True

Source: see `visavox.metrics.rasch_likelihood`; the normal prior of difficulties with its spread from the data: Mislevy,
    "Bayes modal estimation in item response models" (1986).
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.sparse.csgraph import connected_components

from visavox.errors import ConfigError
from visavox.metrics.rasch_likelihood import (
    Answers,
    Floats,
    Nodes,
    chance_right,
    likelihood_and_gradient,
    observed_information,
    person_posteriors,
    quadrature,
    unpacked,
)

__all__ = ["Answers", "RaschFit", "chance_right", "fit_rasch"]

LIMIT = 6.0  # logits: a chance of 0.25 or 99.75 %; what lies beyond is not told from infinity
N_NODES = 25
MAX_ROUNDS = 100
SETTLED = 1e-3  # logits, by which a round still moves the spread of difficulties
FIRST_SPREAD = 0.7  # logits, of abilities and difficulties before anything is known
LEAST_SPREAD = 1e-3  # logits; below it all are alike


@dataclass(frozen=True)
class RaschFit:
    """Difficulties, abilities and their spreads, in logits; mean ability is 0."""

    difficulty: Floats
    """(n_items,) float64; greater is harder; nan where nobody answered; infinite, without shrinking, where all were
    right or all wrong, or nearly so."""
    difficulty_se: Floats
    """(n_items,) float64, standard errors, of the posterior where shrunk; nan where the difficulty is not finite."""
    ability: Floats
    """(n_persons,) float64, posterior means; 0 for a person without answers."""
    ability_se: Floats
    """(n_persons,) float64, posterior standard deviations."""
    effect: Floats
    """(n_conditions,) float64, added to the logit under each condition; the first is 0."""
    effect_se: Floats
    """(n_conditions,) float64; 0 for the first."""
    spread_of_abilities: float
    """Standard deviation in the population, 0 or more. Low where persons gave few answers: of seven each, a true spread
    below about 0.4 often comes out as 0, and it is 0 where nobody gave two."""
    mean_difficulty: float
    """Of the items that were answered and are finite."""
    spread_of_difficulties: float
    """Standard deviation of the prior; nan without shrinking."""
    guessing: float
    """The floor, as given."""
    log_likelihood: float
    """Of all answers, abilities averaged out, at the difficulties above; nats."""
    n_answers: NDArray[np.int64]
    """(n_items,) int64, answers to each item."""
    n_parts: int
    """Sets of persons and items that share no answer with another; if more than 1, difficulties of different parts
    are comparable only because all persons are taken for draws from one population."""
    converged: bool
    """Whether the spread of difficulties had settled."""

    def chances(self, logit_of_ability: float = 0.0, condition: int = 0) -> Floats:
        """Return the chance (n_items,) that a person of this ability is right on each item under a condition."""
        at = logit_of_ability - self.difficulty + self.effect[condition]
        return chance_right(at, guessing=self.guessing)


def fit_rasch(
    answers: Answers, *, guessing: float = 0.0, shrink: bool = True, start: RaschFit | None = None
) -> RaschFit:
    """Return the Rasch model of some answers.

    Args:
        answers: who answered what, and how.
        guessing: floor of the chance, from 0 to below 1; fixed, not fitted: few answers a person cannot tell it.
        shrink: draw difficulties to their mean by a normal prior whose mean and spread come from the answers; False
            gives plain marginal maximum likelihood.
        start: a fit of like data to begin from; it saves time and changes nothing else.

    Raises:
        ConfigError: `guessing` is out of range.

    Ties and edges: see `RaschFit`; with `shrink`, an item whose answers are all right gets a finite difficulty, nearer
        to the mean the fewer they are. A spread that vanishes is 0: all alike as far as the answers can tell.
    """
    if not 0 <= guessing < 1:
        raise ConfigError(f"`guessing` must be 0 or more and below 1. Got {guessing}. Use 0.5 for two alternatives.")
    nodes = quadrature(N_NODES)
    n_answers = np.bincount(answers.items, minlength=answers.n_items)
    seen = n_answers > 0
    parameters = _start(answers, start)
    mean, spread = math.nan, math.inf
    converged = True
    if shrink:
        mean = start.mean_difficulty if start else float(parameters[: answers.n_items][seen].mean())
        spread = max(start.spread_of_difficulties, LEAST_SPREAD) if start else FIRST_SPREAD
        converged = False
        path = [spread]
        while not converged and len(path) <= MAX_ROUNDS:
            parameters = _best(answers, parameters, nodes, guessing=guessing, prior=(mean, spread))
            variance = np.diag(_covariance(answers, parameters, nodes, guessing=guessing, spread=spread))
            difficulty = parameters[: answers.n_items][seen]
            mean = float(difficulty.mean())
            moved = float(((difficulty - mean) ** 2 + variance[: answers.n_items][seen]).mean()) ** 0.5
            converged = abs(moved - spread) < SETTLED * min(1.0, spread) or moved < LEAST_SPREAD
            path.append(moved)
            spread = max(_ahead(path), LEAST_SPREAD)
    else:
        parameters = _best(answers, parameters, nodes, guessing=guessing, prior=(0.0, spread))
    return _described(answers, parameters, nodes, guessing=guessing, prior=(mean, spread), converged=converged)


def _ahead(path: list[float]) -> float:
    """The next spread to try: where the last two steps are heading, since they shrink by an even share (Aitken)."""
    if len(path) < 3 or len(path) % 3:
        return path[-1]
    first, second = path[-2] - path[-3], path[-1] - path[-2]
    share = second / first if first else 1.0
    return path[-1] + second * share / (1 - share) if 0 < share < 0.95 else path[-1]


def _start(answers: Answers, start: RaschFit | None) -> Floats:
    parameters = np.zeros(answers.n_parameters)
    parameters[-1] = FIRST_SPREAD
    if start is not None:
        known = np.where(np.isfinite(start.difficulty), start.difficulty, start.mean_difficulty)
        parameters = np.concatenate([known, start.effect[1:], [max(start.spread_of_abilities, 0.1)]])
    return parameters


def _best(answers: Answers, start: Floats, nodes: Nodes, *, guessing: float, prior: tuple[float, float]) -> Floats:
    """The parameters of the greatest likelihood times prior, by a quasi-Newton search."""
    mean, spread = prior
    n_items = answers.n_items

    def cost(parameters: Floats) -> tuple[float, Floats]:
        """Return minus the log posterior and its gradient (n_parameters,)."""
        value, gradient = likelihood_and_gradient(answers, parameters, nodes, guessing=guessing)
        away = (parameters[:n_items] - mean) / spread if math.isfinite(spread) else np.zeros(n_items)
        pull = gradient.copy()
        pull[:n_items] -= away / spread
        return 0.5 * float(away @ away) - value, -pull

    told = np.bincount(answers.persons).max() > 1  # one answer a person says nothing of how persons differ
    bounds = [(-LIMIT, LIMIT)] * (answers.n_parameters - 1) + [(0.0, LIMIT if told else 0.0)]
    start = np.clip(start, *np.transpose(bounds))
    options = {"maxiter": 2000, "ftol": 1e-13, "gtol": 1e-6, "maxcor": 20}
    found: Floats = minimize(cost, start, jac=True, method="L-BFGS-B", bounds=bounds, options=options).x
    return found


def _covariance(answers: Answers, parameters: Floats, nodes: Nodes, *, guessing: float, spread: float) -> Floats:
    """Covariances of the parameters; 0 for those that nothing is known of or that lie at a bound."""
    information = observed_information(answers, parameters, nodes, guessing=guessing)
    information[np.diag_indices(answers.n_items)] += spread**-2 if math.isfinite(spread) else 0.0
    free = np.abs(parameters) < LIMIT
    free[-1] &= parameters[-1] > LEAST_SPREAD
    free &= np.diag(information) > 0
    covariance = np.zeros_like(information)
    covariance[np.ix_(free, free)] = np.linalg.pinv(information[np.ix_(free, free)], hermitian=True)
    return covariance


def _described(
    answers: Answers,
    parameters: Floats,
    nodes: Nodes,
    *,
    guessing: float,
    prior: tuple[float, float],
    converged: bool,
) -> RaschFit:
    covariance = _covariance(answers, parameters, nodes, guessing=guessing, spread=prior[1])
    errors = np.sqrt(np.maximum(np.diag(covariance), 0.0))
    each, posterior = person_posteriors(answers, parameters, nodes, guessing=guessing)
    difficulty, effect, spread = unpacked(answers, parameters)
    n_answers = np.bincount(answers.items, minlength=answers.n_items)
    shown = np.where(np.abs(difficulty) >= LIMIT, np.copysign(np.inf, difficulty), difficulty)
    shown[n_answers == 0] = np.nan
    finite = np.isfinite(shown)
    ability = spread * posterior @ nodes.points
    second = spread**2 * posterior @ nodes.points**2
    shrunk = math.isfinite(prior[1])
    return RaschFit(
        difficulty=shown,
        difficulty_se=np.where(finite, errors[: answers.n_items], np.nan),
        ability=ability,
        ability_se=np.sqrt(np.maximum(second - ability**2, 0.0)),
        effect=effect,
        effect_se=np.concatenate([[0.0], errors[answers.n_items : -1]]),
        spread_of_abilities=spread if spread > LEAST_SPREAD else 0.0,
        mean_difficulty=float(shown[finite].mean()) if finite.any() else math.nan,
        spread_of_difficulties=(prior[1] if prior[1] > LEAST_SPREAD else 0.0) if shrunk else math.nan,
        guessing=guessing,
        log_likelihood=float(each.sum()),
        n_answers=n_answers.astype(np.int64),
        n_parts=_parts(answers),
        converged=converged,
    )


def _parts(answers: Answers) -> int:
    """Connected sets of persons and items, those without answers left out."""
    n = answers.n_persons + answers.n_items
    ends = (answers.persons, answers.n_persons + answers.items)
    labels = connected_components(csr_matrix((np.ones(len(answers.right)), ends), shape=(n, n)), directed=False)[1]
    return len(np.unique(labels[answers.persons]))
