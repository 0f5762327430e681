"""Losses: paired differences, the part of the lead that is kept, and where half of it is gone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from visavox.corpus.embeddings import EmbeddingTable
from visavox.errors import DataError
from visavox.evaluation.measures import Measure
from visavox.media.degrading.table import BAND, MU_LAW, find
from visavox.pipeline.robustness.losses import (
    AUC,
    PAIR,
    QUESTIONS,
    LevelLosses,
    Loss,
    compare,
    half_level,
    half_words,
    measure,
)

ALL = ("voice_to_face", "all", PAIR)


def loss(value: float, clean: float = 0.9, low: float = 0.7) -> Loss:
    ours, theirs = (Measure("matching", *ALL, v, v - 0.1, v + 0.1, 0.5, 9, 9) for v in (value, clean))
    return Loss(ours, Measure(**{**vars(theirs), "low": low}), None)


def tables(noise: float = 0.0, n: int = 12, gender: bool = True) -> tuple[EmbeddingTable, EmbeddingTable]:
    rng = np.random.default_rng(0)
    shared = rng.normal(size=(n, 4))
    sides = []
    for modality in ("voice", "face"):
        vectors = shared + rng.normal(size=shared.shape) * (0.5 + (noise if modality == "voice" else 0))
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        names = tuple(f"p{i}" for i in range(n))
        known = {"gender": tuple("fm"[i % 2] for i in range(n))} if gender else {}
        keys = tuple(f"{name}/{modality}" for name in names)
        sides.append(EmbeddingTable(modality, "e", keys, names, names, (None,) * n, known, vectors))  # type: ignore[arg-type]
    return sides[0], sides[1]


def all_pairs(scores: np.ndarray, allowed: np.ndarray) -> float:
    """The mean over probes of the share of allowed negatives that the positive beats, by loops."""
    shares = []
    for i, row in enumerate(scores):
        beaten = [1.0 if row[i] > row[j] else 0.5 if row[i] == row[j] else 0.0 for j in np.flatnonzero(allowed[i])]
        shares.append(sum(beaten) / len(beaten))
    return sum(shares) / len(shares)


def test_every_question_is_answered_as_a_loop_answers_it() -> None:
    voice, face = tables()
    found = measure(voice, face, n_resamples=100, seed=0)
    assert set(QUESTIONS) == set(found)
    scores = np.round(voice.vectors.astype(float) @ face.vectors.astype(float).T, 7)
    other = ~np.eye(12, dtype=bool)
    same = other & (np.arange(12)[:, None] % 2 == np.arange(12) % 2)
    for group, allowed in (("all", other), ("same_gender", same)):
        assert found["voice_to_face", group, PAIR][0].value == pytest.approx(all_pairs(scores, allowed), abs=1e-12)
        assert found["face_to_voice", group, PAIR][0].value == pytest.approx(all_pairs(scores.T, allowed), abs=1e-12)
        true, false = np.diag(scores), scores[allowed]
        auc = np.mean([(t > false).mean() + (t == false).mean() / 2 for t in true])
        assert found["both_directions", group, AUC][0].value == pytest.approx(auc, abs=1e-12)


def test_differences_are_paired_on_the_same_resamples() -> None:
    clean, worse = (measure(*tables(noise), n_resamples=200, seed=3) for noise in (0.0, 2.0))
    losses = compare(worse, clean)
    assert set(losses) == set(QUESTIONS)
    for question, found in losses.items():
        assert found.difference is not None
        assert found.difference.value == pytest.approx(found.degraded.value - found.clean.value)
        (ours, result), (_, other) = worse[question], clean[question]
        key = (ours.group, ours.measure)
        drawn = result.resamples[key] - other.resamples[key]
        drawn = drawn[~np.isnan(drawn)]
        moved = drawn + found.difference.value - drawn.mean()
        assert found.difference.low == pytest.approx(min(np.quantile(moved, 0.025), np.quantile(drawn, 0.025)))
        assert found.difference.high == pytest.approx(max(np.quantile(moved, 0.975), np.quantile(drawn, 0.975)))
    assert losses[ALL].difference.value < -0.05  # type: ignore[union-attr]
    nothing = compare(clean, clean)[ALL].difference
    assert nothing is not None
    assert (nothing.value, nothing.low, nothing.high) == (0, 0, 0)


def test_other_clips_cannot_be_compared() -> None:
    few = tables(n=10)
    with pytest.raises(DataError, match="the same draws|the same probes"):
        compare(measure(*few, n_resamples=100, seed=0), measure(*tables(), n_resamples=100, seed=0))


def test_without_genders_the_groups_are_undefined_and_have_no_difference() -> None:
    clean = measure(*tables(gender=False), n_resamples=100, seed=0)
    found = compare(clean, clean)["voice_to_face", "same_gender", PAIR]
    assert math.isnan(found.degraded.value)
    assert found.degraded.note == "no gender labels"
    assert found.difference is None
    assert math.isnan(found.kept)


@pytest.mark.parametrize(("value", "kept"), [(0.9, 1.0), (0.7, 0.5), (0.5, 0.0), (0.4, -0.25), (1.0, 1.25)])
def test_what_is_kept_is_a_part_of_the_lead_over_chance(value: float, kept: float) -> None:
    assert loss(value).kept == pytest.approx(kept)


def test_a_clean_figure_at_chance_keeps_nothing_that_could_be_told() -> None:
    assert math.isnan(loss(0.6, clean=0.7, low=0.5).kept)
    assert math.isnan(loss(0.6, clean=math.nan, low=math.nan).kept)
    assert loss(0.6, clean=0.7, low=0.51).kept == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("points", "clean", "level"),
    [
        ([(20.0, 0.9), (10.0, 0.6), (5.0, 0.2)], None, 8.75),
        ([(1.0, 0.75), (2.0, 0.25)], None, 1.5),
        ([(2.0, 0.25)], 0.0, 4 / 3),  # from 1 at level 0
        ([(2.0, 0.5)], None, math.nan),  # nothing to interpolate from
        ([(1.0, 0.9), (2.0, 0.5)], None, 2.0),
        ([(1.0, 0.9), (2.0, 0.6)], 0.0, math.nan),  # never
        ([(1.0, 0.9), (2.0, 0.3), (3.0, 0.8), (4.0, 0.1)], None, 1 + 0.4 / 0.6),  # the first time
        ([(1.0, 0.9), (2.0, math.nan), (3.0, 0.1)], None, 2.0),
        ([], 0.0, math.nan),
    ],
)
def test_half_is_lost_on_a_straight_line_between_levels(
    points: list[tuple[float, float]], clean: float | None, level: float
) -> None:
    assert half_level(points, clean=clean) == pytest.approx(level, nan_ok=True)


def levels(*values: float, of: str = "white_noise") -> list[LevelLosses]:
    return [LevelLosses(at, 9, {}, {ALL: loss(v)}) for at, v in zip(find(of).levels, values, strict=False)]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ((0.9, 0.8, 0.7, 0.5), "5 dB"),
        ((0.9, 0.8, 0.75, 0.6), "3.3 dB"),
        ((0.9, 0.9, 0.8, 0.75), "not at 0 dB"),
        ((0.6, 0.6, 0.55, 0.5), "before 20 dB"),
        ((0.7, 0.6, 0.55, 0.5), "before 20 dB"),
        ((), "undefined"),
    ],
)
def test_the_half_level_in_words(values: tuple[float, ...], words: str) -> None:
    assert half_words(find("white_noise"), levels(*values), ALL) == words


def test_levels_without_order_name_those_at_which_half_is_lost() -> None:
    row = find("telephone")
    assert half_words(row, levels(0.85, 0.6, of="telephone"), ALL) == MU_LAW
    assert half_words(row, levels(0.65, 0.6, of="telephone"), ALL) == f"{BAND}; {MU_LAW}"
    assert half_words(row, levels(0.85, 0.8, of="telephone"), ALL) == "at none"


def test_where_clean_is_at_chance_half_of_it_is_undefined() -> None:
    none = [LevelLosses(20.0, 0, {"why": 9}), LevelLosses(10.0, 9, {}, {ALL: loss(0.5, clean=0.55, low=0.45)})]
    assert half_words(find("white_noise"), none, ALL) == "undefined"
