"""How often can voice and face be told to belong together at best? The Bayes ceiling of a world, by Monte Carlo.

People are drawn from the generative model and scored by the log likelihood ratio (`visavox.world.likelihood`), the
best score that there is for one voice and one face; the rates of success of that score are the ceiling. It holds for a
probe that is looked at alone, not for many that are assigned to a gallery together, and for who sees what voice and
face show without noise of picture or sound: a model that must read pixels and samples stays below it.

- `matching`, 1:2: `same_sex`, `opposite_sex` and `all` belong to **one** score, as the figures U and G of a model do:
  the same ratio ranks all trials, and these are only counted apart by the people's own sex. In a balanced world half
  of all other people are of the other sex, so that `all` is the mean of the two.
- `same_sex_told` is another classifier: it knows that both candidates are of the voice's sex, and leaves out the shown
  sex, which is then an error of face or voice and no evidence. It is a little above `same_sex` where sexes are shown
  unreliably. Compare it with a model that is trained for pairs of one sex.
- `matching_1_of_n`: the positive among N people drawn from all; `verification`: is this pair of one person?, with
  impostors of all sexes or of the pair's own; `retrieval`: a gallery of n people with one item each.
- `honest` uses what face and voice share. `with_shortcuts` also uses planted traits, and the recording, since voice
  and face of a clip are of one session. A model above `honest` has used a shortcut.

Ties count the chance to win them, as in `visavox.metrics`. The standard errors come from the spread between
independent blocks of people.

Example:
    >>> ceiling = measure_ceiling(Population(correlations=(0.0,) * 6), n_trials=2000, gallery=20)
    >>> ceiling.honest["voice_to_face"].matching["same_sex_told"]  # nothing but the sex is shared
    Estimate(value=0.5, standard_error=0.0)
    >>> ceiling.with_shortcuts is None
    True
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from visavox.errors import ConfigError
from visavox.metrics.matching import expected_accuracy
from visavox.metrics.retrieval import chance_within, precision_at_positive
from visavox.metrics.roc import roc_from_scores
from visavox.metrics.standings import Totals
from visavox.world.drawn_population import DrawnPeople, draw_shown
from visavox.world.likelihood import log_likelihood_ratio
from visavox.world.population import Population

Direction = Literal["voice_to_face", "face_to_voice"]
DIRECTIONS: tuple[Direction, ...] = ("voice_to_face", "face_to_voice")

N_CANDIDATES = (3, 5, 10)
"""Numbers of candidates of 1:N matching, the positive included."""
RECALL_AT = (1, 5, 10)

_STRATA = ("all", "same_sex", "opposite_sex", "same_sex_told")
_RETRIEVAL = (*(f"recall_at_{k}" for k in RECALL_AT), "map")
_BLOCK = 200  # people who are each other's negatives: their score matrix stays in a core's cache
_IMPOSTORS = 2  # impostor pairs for each true pair of verification
_ROC_GROUPS = 25  # parts of the people, at most, for the standard error of AUC and equal error rate
_MIN_TRIALS = 10 * _BLOCK
_MIN_GALLERIES = 20
_GALLERY_CELLS = 40_000_000  # scores of all galleries together: about a second

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Estimate:
    """A figure and how well it is known."""

    value: float
    standard_error: float


@dataclass(frozen=True)
class Figures:
    """The ceiling of one direction."""

    matching: Mapping[str, Estimate]
    """1:2 accuracy: "all", "same_sex", "opposite_sex", "same_sex_told"; chance is 0.5."""
    matching_1_of_n: Mapping[int, Estimate]
    """Accuracy for each of `N_CANDIDATES`; chance is 1/N."""
    verification: Mapping[str, Mapping[str, Estimate]]
    """"auc" and "eer" for impostors of "all" sexes and of the "same_sex". The same in both directions."""
    retrieval: Mapping[str, Estimate]
    """"recall_at_1", "recall_at_5", "recall_at_10" and "map"."""
    gallery: int
    """People in the gallery of `retrieval`, the positive included."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values, rounded to 6 digits."""
        return {
            "matching": _plain(self.matching),
            "matching_1_of_n": _plain(self.matching_1_of_n),
            "verification": {name: _plain(group) for name, group in self.verification.items()},
            "retrieval": {"gallery": self.gallery, **_plain(self.retrieval)},
        }


@dataclass(frozen=True)
class Ceiling:
    """What can be known of a world."""

    honest: Mapping[Direction, Figures]
    """By what face and voice share."""
    with_shortcuts: Mapping[Direction, Figures] | None
    """By the planted shortcuts as well; None: nothing leaks."""

    def to_json(self) -> dict[str, Any]:
        """Return the figures as JSON values."""
        return {
            name: None if figures is None else {direction: figures[direction].to_json() for direction in DIRECTIONS}
            for name, figures in (("honest", self.honest), ("with_shortcuts", self.with_shortcuts))
        }


def measure_ceiling(population: Population, *, seed: int = 0, n_trials: int = 200_000, gallery: int = 100) -> Ceiling:
    """Return the best rates of success that a world allows, with standard errors.

    Args:
        population: the generative model.
        seed: 0 or more; the result is a pure function of it and of the other arguments.
        n_trials: people who are drawn, each of whom is compared with 199 others; 2,000 or more. With the default the
            standard error of 1:2 matching is below 0.001, and it falls with the square root.
        gallery: people in the gallery of retrieval, 2 or more.

    Raises:
        ConfigError: a number is too small.
    """
    for name, number, least in (("seed", seed, 0), ("n_trials", n_trials, _MIN_TRIALS), ("gallery", gallery, 2)):
        if number < least:
            raise ConfigError(f"`{name}` must be at least {least}. Got {number}.")
    leaks = population.leaks
    leaky = max(leaks.recording, leaks.nationality, leaks.language) > 0.0
    honest, with_shortcuts = (
        _measure(population, seed=seed, n_trials=n_trials, gallery=gallery, shortcuts=shortcuts)
        if leaky or not shortcuts
        else None
        for shortcuts in (False, True)
    )
    assert honest is not None
    return Ceiling(honest=honest, with_shortcuts=with_shortcuts)


def _measure(
    population: Population, *, seed: int, n_trials: int, gallery: int, shortcuts: bool
) -> dict[Direction, Figures]:
    """Return the figures of both directions, honest or with shortcuts."""
    people = draw_shown(n_trials // _BLOCK * _BLOCK, np.random.default_rng([seed, 0]), population)
    rows: dict[Direction, list[Floats]] = {direction: [] for direction in DIRECTIONS}
    pairs = []
    for start in range(0, len(people), _BLOCK):
        block = people.select(slice(start, start + _BLOCK))
        scores = _scores(block, population, shortcuts=shortcuts)
        told = _scores(block, population, shortcuts=shortcuts, shown_sex=False)
        rows["voice_to_face"].append(_matching_row(scores, told, block.own_sex))
        rows["face_to_voice"].append(_matching_row(scores.T, told.T, block.own_sex))
        pairs.append(_verification_pairs(scores, block.own_sex))
    verification = _verification(np.array(pairs))
    galleries = _retrieval_rows(population, seed=seed, n_trials=n_trials, gallery=gallery, shortcuts=shortcuts)
    figures: dict[Direction, Figures] = {}
    for direction in DIRECTIONS:
        matching = _estimates(np.array(rows[direction]))
        figures[direction] = Figures(
            matching=dict(zip(_STRATA, matching, strict=False)),
            matching_1_of_n=dict(zip(N_CANDIDATES, matching[len(_STRATA) :], strict=True)),
            verification=verification,
            retrieval=dict(zip(_RETRIEVAL, _estimates(np.array(galleries[direction])), strict=True)),
            gallery=gallery,
        )
    return figures


def _scores(people: DrawnPeople, population: Population, *, shortcuts: bool, shown_sex: bool = True) -> Floats:
    """Return the score of every voice with every face, (n, n)."""
    return log_likelihood_ratio(
        people.voice, people.face, population, shortcuts=shortcuts, same_session=shortcuts, shown_sex=shown_sex
    )


def _matching_row(scores: Floats, told: Floats, sex: NDArray[np.int8]) -> Floats:
    """Return the accuracies of one block in the order of `_STRATA`, then of `N_CANDIDATES`.

    Args:
        scores: (n, n), a probe a row, its positive on the diagonal.
        told: (n, n), the scores without the shown sex.
        sex: (n,), the people's own: 0 or 1.
    """
    by_sex = _totals(scores, np.stack([sex == 0, sex == 1]))
    told_by_sex = _totals(told, np.stack([sex == 0, sex == 1]))
    same, opposite, same_told = (
        float(expected_accuracy(_pick(totals, own), 2)[0].mean())
        for totals, own in ((by_sex, sex), (by_sex, 1 - sex), (told_by_sex, sex))
    )
    above, tied, below = (part.sum(axis=0) for part in (by_sex.above, by_sex.tied, by_sex.below))
    curve = expected_accuracy(Totals(above, tied, below, by_sex.has_ties), max(N_CANDIDATES))
    one_of_n = [float(curve[n - 2].mean()) for n in N_CANDIDATES]
    return np.array([(same + opposite) / 2, same, opposite, same_told, *one_of_n])


def _totals(scores: Floats, groups: NDArray[np.bool_]) -> Totals:
    """Return how many negatives of each group score above, level with and below the positive of each probe.

    Args:
        scores: (n_probes, n) float, n_probes at most n; the positive of a row is on the diagonal, the rest negative.
        groups: (n_groups, n) bool, who of the n belongs to which group.

    Returns:
        Totals of shape (n_groups, n_probes).
    """
    own = np.diagonal(scores)[:, np.newaxis]
    members = groups.astype(np.float32)  # holds whole numbers exactly, and products of it are fast
    positive = members[:, : len(scores)]  # (n_groups, n_probes), 1 in the group of the positive itself
    n_above = members @ (scores > own).T.astype(np.float32)
    n_tied = members @ (scores == own).T.astype(np.float32) - positive
    n_below = members.sum(axis=1, keepdims=True) - positive - n_above - n_tied
    above, tied, below = (part.astype(np.float64) for part in (n_above, n_tied, n_below))
    return Totals(above=above, tied=tied, below=below, has_ties=bool(n_tied.any()))


def _pick(totals: Totals, group: NDArray[np.integer]) -> Totals:
    """Return for each probe the counts of one group, (n_probes,) out of (n_groups, n_probes)."""
    probes = np.arange(len(group))
    above, tied, below = (part[group, probes] for part in (totals.above, totals.tied, totals.below))
    return Totals(above, tied, below, totals.has_ties)


def _verification_pairs(scores: Floats, sex: NDArray[np.int8]) -> Floats:
    """Return the pairs of one block, (3, n_pairs): score, 1 for a true pair, 1 for people of one sex."""
    n = len(scores)
    voices = np.tile(np.arange(n), 1 + _IMPOSTORS)
    faces = np.concatenate([np.roll(np.arange(n), -shift) for shift in range(1 + _IMPOSTORS)])
    return np.stack([scores[voices, faces], voices == faces, sex[voices] == sex[faces]])


def _verification(pairs: Floats) -> dict[str, dict[str, Estimate]]:
    """Return AUC and equal error rate, with the standard errors of groups of blocks.

    Args:
        pairs: (n_blocks, 3, n_pairs), as `_verification_pairs`.
    """
    groups = np.array_split(pairs, min(_ROC_GROUPS, len(pairs)))
    out = {}
    for name, all_sexes in (("all", True), ("same_sex", False)):
        whole, *parts = (_roc_measures(group, all_sexes=all_sexes) for group in (pairs, *groups))
        errors = np.std(parts, axis=0, ddof=1) / math.sqrt(len(parts))
        out[name] = {
            measure: Estimate(float(value), float(error))
            for measure, value, error in zip(("auc", "eer"), whole, errors, strict=True)
        }
    return out


def _roc_measures(pairs: Floats, *, all_sexes: bool) -> tuple[float, float]:
    """Return AUC and equal error rate of the pairs, or of those of one sex."""
    scores, true, same = np.moveaxis(pairs, 1, 0).reshape(3, -1)
    kept = np.ones(len(scores), dtype=bool) if all_sexes else same > 0
    roc = roc_from_scores(scores[kept], true[kept] > 0)
    return float(roc.auc_score()), float(roc.equal_error_rate())


def _retrieval_rows(
    population: Population, *, seed: int, n_trials: int, gallery: int, shortcuts: bool
) -> dict[Direction, list[Floats]]:
    """Return for each direction the measures of every gallery in the order of `_RETRIEVAL`."""
    rng = np.random.default_rng([seed, 1])
    n_galleries = max(_MIN_GALLERIES, n_trials // gallery)
    n_probes = max(1, min(gallery, _GALLERY_CELLS // (n_galleries * gallery)))
    everybody, probes = np.ones((1, gallery), dtype=bool), slice(0, n_probes)
    rows: dict[Direction, list[Floats]] = {direction: [] for direction in DIRECTIONS}
    for _ in range(n_galleries):
        people = draw_shown(gallery, rng, population)
        for direction in DIRECTIONS:
            by_voice = direction == "voice_to_face"
            scores = log_likelihood_ratio(
                people.voice.select(probes) if by_voice else people.voice,
                people.face if by_voice else people.face.select(probes),
                population,
                shortcuts=shortcuts,
                same_session=shortcuts,
            )
            rows[direction].append(_retrieval_row(_totals(scores if by_voice else scores.T, everybody)))
    return rows


def _retrieval_row(totals: Totals) -> Floats:
    """Return the measures of one gallery in the order of `_RETRIEVAL`."""
    one = np.ones(totals.above.shape, dtype=np.int64)
    recall = [float(chance_within(totals, one, k).mean()) for k in RECALL_AT]
    return np.array([*recall, float(precision_at_positive(totals, one - 1, one).mean())])


def _estimates(rows: Floats) -> list[Estimate]:
    """Return the mean of each column of (n_blocks, n_measures) and its standard error."""
    errors = rows.std(axis=0, ddof=1) / math.sqrt(len(rows))
    return [Estimate(float(value), float(error)) for value, error in zip(rows.mean(axis=0), errors, strict=True)]


def _plain(estimates: Mapping[Any, Estimate]) -> dict[str, dict[str, float]]:
    return {
        str(name): {part: round(value, 6) for part, value in asdict(estimate).items()}
        for name, estimate in estimates.items()
    }
