"""How hard each voice is: a Rasch model of the players' answers, beside the model's errors on the same voices.

An item is a person who speaks; the two faces of one gender, or of two, are conditions of the answer, so that a voice is
not called easy because it was heard beside the other gender more often. Difficulties are in logits; in tables stands
what they mean: how often the average player would be right on the voice beside a face of its own gender.

Example:
    found = item_difficulties(turns, genders)
    section = difficulty_section(found)
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr

from visavox.evaluation.human_baseline import item_codes, player_codes, rights_of
from visavox.evaluation.human_turns import Turn, pair_group
from visavox.evaluation.record import Cell, Section
from visavox.metrics.bootstrap import percentile_interval, resample_people
from visavox.metrics.crossed_bootstrap import Codes, Floats, resampled_share
from visavox.metrics.rasch import Answers, RaschFit, chance_right, fit_rasch
from visavox.metrics.rasch_validation import held_out_log_likelihood, held_out_rates

MIN_TURNS = 30  # fewer say nothing of single voices
MIN_ITEM_TURNS = 5  # from which a voice's own share says something
MAX_HELD_OUT_TURNS = 20_000  # beyond, comparing models of answers takes minutes
N_HARDEST = 12
N_FOLDS = 5
Z95 = 1.96
GENDER_WORDS = {"f": "woman", "m": "man"}
FLOORS: Mapping[str, float] = {"Rasch": 0.0, "Rasch with guessing": 0.5}


@dataclass(frozen=True)
class ItemRow:
    """One voice."""

    item: str
    """Id of the person who speaks."""
    gender: str
    """"f", "m", or "" where it is not known."""
    n_turns: int
    """Turns with this voice."""
    people: float
    """Share that players got right, 0 to 1."""
    model: float
    """Share that the model got right, on the same turns."""
    n_alike: int
    """Turns whose faces are of one gender; all, where the log has turns of one kind only."""
    model_alike: float
    """Share of them that the model got right; nan without any."""
    difficulty: float
    """Logits; greater is harder; of one gender if the log has such turns."""
    difficulty_se: float
    """Its standard error."""
    average_player: float
    """How often the average player would be right, 0 to 1."""
    average_player_low: float
    """Lower end of its 95 % interval."""
    average_player_high: float
    """Upper end."""


@dataclass(frozen=True)
class ItemDifficulties:
    """Every voice, the model of answers behind it, and how well models of answers foretell what they have not seen."""

    rows: tuple[ItemRow, ...]
    """The hardest first."""
    fit: RaschFit
    """The Rasch model without guessing."""
    held_out: Mapping[str, tuple[float, float, float]]
    """Model of answers -> mean log likelihood of an answer (nats) and its interval over players; empty if there are too
    many turns."""
    gained: Mapping[str, tuple[float, float, float]]
    """The same, less that of the first."""


def item_difficulties(
    turns: Sequence[Turn], genders: Mapping[str, str], *, n_resamples: int, seed: int
) -> ItemDifficulties | None:
    """Return the difficulty of each voice; None with fewer than `MIN_TURNS` turns, or where all are right or wrong.

    Args:
        turns: the turns that count.
        genders: "f" or "m" for each id.
        n_resamples: bootstrap resamples of players.
        seed: of the resamples and of the folds.
    """
    people, model = rights_of(turns)
    if len(turns) < MIN_TURNS or people.all() or not people.any():
        return None
    players, items = player_codes(turns), item_codes(turns)
    groups = [pair_group(turn, genders) for turn in turns]
    mixed = np.array([group == "different_gender" for group in groups])
    conditions = mixed.astype(np.int64) if 0 < mixed.sum() < len(mixed) else np.zeros(len(mixed), dtype=np.int64)
    answers = Answers.of(players, items, people, conditions=conditions)
    fit = fit_rasch(answers)
    names = sorted({turn.true_item for turn in turns})
    held_out, gained = _foretold(answers, fit, n_resamples=n_resamples, seed=seed)
    rows = _rows(names, genders, items, (people, model), conditions == 0, fit)
    return ItemDifficulties(rows, fit, held_out, gained)


def difficulty_section(found: ItemDifficulties) -> Section:
    """Return the hardest voices as a table, and what the players' difficulties have to do with the model's errors."""
    rows: list[tuple[Cell, ...]] = [
        (
            row.item,
            GENDER_WORDS.get(row.gender, "not known"),
            row.n_turns,
            row.people,
            row.model,
            (row.average_player, row.average_player_low, row.average_player_high),
            row.difficulty,
        )
        for row in found.rows[:N_HARDEST]
    ]
    columns = ("voice", "gender", "turns", "people %", "model %", "average player %", "difficulty")
    text = (
        "The hardest voices by a Rasch model, which knows how able the players of a voice were, whether its turns "
        "showed one gender or two, and how few they were. Average player: how often he would be right on this voice"
        f"{' beside a face of the same gender' if len(found.fit.effect) > 1 else ''}."
    )
    return Section("The hardest voices", text, columns, tuple(rows), notes=tuple(_difficulty_notes(found)))


def foretelling_section(found: ItemDifficulties) -> Section:
    """Return how well each model of answers foretells answers that it has not seen; no rows if that was not tried."""
    rows = tuple((name, found.held_out[name], found.gained[name]) for name in found.held_out)
    text = (
        f"Mean log likelihood of an answer foretold from {N_FOLDS - 1} of {N_FOLDS} parts of the others, and how much "
        "that is above a model that knows nothing but whether the faces are of one gender. Greater is better; a coin "
        "scores −0.693. Intervals over players."
    )
    notes = () if rows else (f"Not tried: there are more than {MAX_HELD_OUT_TURNS:,} turns.",)
    return Section("What foretells an answer", text, ("model of answers", "log likelihood", "gain"), rows, notes=notes)


def _rows(
    names: Sequence[str],
    genders: Mapping[str, str],
    items: Codes,
    rights: tuple[np.ndarray, np.ndarray],
    alike: np.ndarray,
    fit: RaschFit,
) -> tuple[ItemRow, ...]:
    n_turns = np.bincount(items)
    people, model = (np.bincount(items, weights=right) / n_turns for right in rights)
    n_alike = np.bincount(items[alike], minlength=len(names))
    n_right = np.bincount(items[alike], weights=rights[1][alike], minlength=len(names))
    model_alike = np.full(len(names), math.nan)
    np.divide(n_right, n_alike, out=model_alike, where=n_alike > 0)
    reach = Z95 * fit.difficulty_se
    middle, low, high = (chance_right(-fit.difficulty + way * reach, guessing=0.0) for way in (0, -1, 1))
    rows = [
        ItemRow(
            name, genders.get(name) or "", int(n_turns[i]), float(people[i]), float(model[i]),
            int(n_alike[i]), float(model_alike[i]), float(fit.difficulty[i]), float(fit.difficulty_se[i]),
            float(middle[i]), float(low[i]), float(high[i]),
        )
        for i, name in enumerate(names)
    ]  # fmt: skip
    return tuple(sorted(rows, key=lambda row: (-row.difficulty, row.item)))


def _foretold(
    answers: Answers, fit: RaschFit, *, n_resamples: int, seed: int
) -> tuple[dict[str, tuple[float, float, float]], dict[str, tuple[float, float, float]]]:
    """Held-out log likelihood of each model of answers, and its gain over the first, with intervals over players."""
    if len(answers.right) > MAX_HELD_OUT_TURNS:
        return {}, {}
    each: dict[str, Floats] = {
        "gender of the pair alone": held_out_rates(answers, n_folds=N_FOLDS, rng=np.random.default_rng(seed))
    }
    for name, floor in FLOORS.items():
        rng = np.random.default_rng(seed)  # the same folds
        each[name] = held_out_log_likelihood(answers, guessing=floor, n_folds=N_FOLDS, rng=rng, start=fit)
    counts = resample_people(answers.n_persons, n_resamples=n_resamples, rng=np.random.default_rng(seed))

    def mean(values: Floats) -> tuple[float, float, float]:
        """Return the mean of values (n_answers,) with its interval over players."""
        value = float(values.mean())
        interval = percentile_interval(value, resampled_share(values, answers.persons, counts))
        return value, interval.low, interval.high

    first = next(iter(each.values()))
    return {name: mean(values) for name, values in each.items()}, {
        name: mean(values - first) for name, values in each.items()
    }


def _difficulty_notes(found: ItemDifficulties) -> list[str]:
    fit = found.fit
    notes = [
        f"{len(found.rows)} voices. Spread (standard deviation) of their difficulties: "
        f"{fit.spread_of_difficulties:.2f} logits; of the players' abilities: {fit.spread_of_abilities:.2f}"
        + (", none that these answers can show." if fit.spread_of_abilities < 0.05 else ".")
    ]
    chances = [row.average_player for row in found.rows]
    low, high = np.quantile(chances, (0.1, 0.9))
    notes.append(
        f"The average player is right {100 * low:.0f} % of the time on a voice among the hardest tenth, "
        f"{100 * high:.0f} % on one among the easiest."
    )
    if len(fit.effect) > 1:
        notes.append(
            f"A second face of the other gender makes a turn {fit.effect[1]:.2f} logits easier (standard error "
            f"{fit.effect_se[1]:.2f})."
        )
    able = [row for row in found.rows if row.n_turns >= MIN_ITEM_TURNS]
    model = [row.model for row in able]
    if len(able) > 2 and np.ptp([row.difficulty for row in able]) > 0 and np.ptp(model) > 0:
        order = float(spearmanr([-row.difficulty for row in able], model).statistic)
        half = len(able) // 2
        notes.append(
            f"Over the {len(able)} voices with {MIN_ITEM_TURNS} turns or more the rank correlation of the players' "
            f"ease and the model's share of right choices is {order:.2f}: on the harder half the model is right "
            f"{100 * np.mean(model[:half]):.0f} % of the time, on the easier {100 * np.mean(model[half:]):.0f} %."
        )
    if fit.n_parts > 1:
        notes.append(
            f"Players and voices fall into {fit.n_parts} parts without a common answer: difficulties of different "
            "parts are comparable only if their players are alike."
        )
    if not (fit.converged and math.isfinite(fit.log_likelihood)):
        notes.append("The spread of difficulties had not settled: take its second digit with care.")
    return notes
