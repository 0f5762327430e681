"""How well a Rasch model foretells answers that it has not seen: held-out log likelihood.

The answers are dealt into folds; each fold is foretold by a model of the others, which knows the persons by their other
answers. Greater is better; throwing a coin scores log 0.5 = -0.693 an answer.

Example:
    held_out = held_out_log_likelihood(answers, guessing=0.5, rng=np.random.default_rng(0))
    held_out.mean()
"""

from __future__ import annotations

import numpy as np

from visavox.errors import ConfigError
from visavox.metrics.rasch import N_NODES, RaschFit, fit_rasch
from visavox.metrics.rasch_likelihood import (
    Answers,
    Floats,
    chance_right,
    logits,
    person_posteriors,
    quadrature,
)

LEAST_CHANCE = 1e-6  # nothing is foretold more surely: one surprise must not be an infinite loss


def foretold_chances(fit: RaschFit, known: Answers, asked: Answers) -> Floats:
    """Return the chance of a right answer, (n_asked,) float64, for persons known by other answers.

    Args:
        fit: the model of `known`.
        known: the answers it was fitted on.
        asked: answers to foretell; `right` is not looked at. An item that `fit` has not seen counts as one of mean
            difficulty, a person without known answers as any of the population.
    """
    nodes = quadrature(N_NODES)
    difficulty = np.clip(np.where(np.isnan(fit.difficulty), fit.mean_difficulty, fit.difficulty), -30.0, 30.0)
    parameters = np.concatenate([difficulty, fit.effect[1:], [fit.spread_of_abilities]])
    posterior = person_posteriors(known, parameters, nodes, guessing=fit.guessing)[1]
    at = chance_right(logits(asked, parameters, nodes.points), guessing=fit.guessing)
    chances: Floats = (posterior[asked.persons] * at).sum(axis=1)
    return chances


def held_out_log_likelihood(
    answers: Answers,
    *,
    guessing: float = 0.0,
    n_folds: int = 5,
    rng: np.random.Generator,
    start: RaschFit | None = None,
) -> Floats:
    """Return the log of the chance that was foretold for each answer, (n_answers,) float64, nats.

    Args:
        answers: all of them.
        guessing: floor of the model, from 0 to below 1.
        n_folds: 2 or more, at most as many as answers; the same `rng` state deals the same folds.
        rng: deals the answers.
        start: a fit of all answers to begin from; it saves time only.

    Raises:
        ConfigError: `n_folds` is out of range.
    """
    fold = dealt_folds(len(answers.right), n_folds=n_folds, rng=rng)
    found = np.zeros(len(answers.right))
    for k in range(n_folds):
        known, asked = answers.only(fold != k), answers.only(fold == k)
        chances = foretold_chances(fit_rasch(known, guessing=guessing, start=start), known, asked)
        found[fold == k] = log_of_outcome(chances, asked)
    return found


def held_out_rates(answers: Answers, *, n_folds: int = 5, rng: np.random.Generator) -> Floats:
    """Return the same for a model that knows the condition alone: its share of right answers in the other folds."""
    fold = dealt_folds(len(answers.right), n_folds=n_folds, rng=rng)
    found = np.zeros(len(answers.right))
    for k in range(n_folds):
        known, asked = answers.only(fold != k), answers.only(fold == k)
        right = np.bincount(known.conditions, weights=known.right, minlength=answers.n_conditions)
        total = np.bincount(known.conditions, minlength=answers.n_conditions)
        found[fold == k] = log_of_outcome(((right + 1) / (total + 2))[asked.conditions], asked)  # Laplace's rule
    return found


def dealt_folds(n_answers: int, *, n_folds: int, rng: np.random.Generator) -> np.ndarray:
    """Return the fold of each answer, (n_answers,) int64 from 0; sizes differ by one at most.

    Raises:
        ConfigError: fewer than 2 folds, or more than answers.
    """
    if not 2 <= n_folds <= n_answers:
        raise ConfigError(f"`n_folds` must be 2 to the {n_answers} answers. Got {n_folds}.")
    return rng.permutation(np.arange(n_answers) % n_folds)


def log_of_outcome(chances: Floats, asked: Answers) -> Floats:
    """Return the log chance (n_asked,) of what was answered, given the chances (n_asked,) of a right answer."""
    safe = np.clip(chances, LEAST_CHANCE, 1 - LEAST_CHANCE)
    return np.log(np.where(asked.right, safe, 1 - safe))
