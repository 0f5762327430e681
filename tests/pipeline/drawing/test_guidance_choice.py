"""Which guidance is chosen, and when none can be."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from visavox.pipeline.drawing.guidance_choice import FEWEST, NEAR_BEST, UNCHOSEN, choose_guidance

N = 20
PEOPLE = tuple(f"p{row}" for row in range(N))
TRUE = np.random.default_rng(0).normal(size=(N, 4)) * 40


def drawing(noise: Callable[[float], float], length: float = 0.3) -> Callable[[float], np.ndarray]:
    """Return what draws 2 x 2 px pictures whose first colour holds `TRUE` times guidance times length, with noise."""

    def draw(guidance: float) -> np.ndarray:
        rng = np.random.default_rng(1)
        values = 128 + guidance * length * TRUE + noise(guidance) * rng.normal(size=TRUE.shape)
        return np.repeat(values.clip(0, 255).round().astype(np.uint8).reshape(N, 2, 2, 1), 3, axis=3)

    return draw


def look(pictures: np.ndarray) -> np.ndarray:
    return pictures[..., 0].reshape(len(pictures), 4).astype(np.float64)


def test_what_is_found_best_is_chosen() -> None:
    choice = choose_guidance(drawing(lambda g: 0.0 if g == 2.0 else 90.0), TRUE, look, PEOPLE)
    assert choice.guidance == 2.0 and choice.n_clips == N
    assert max(choice.rows, key=lambda row: row.matched).guidance == 2.0


def test_of_equals_the_largest_that_is_no_more_various_than_true_faces() -> None:
    choice = choose_guidance(drawing(lambda _: 0.0), TRUE, look, PEOPLE)
    best = max(row.matched for row in choice.rows)
    good = [row for row in choice.rows if row.matched >= best - NEAR_BEST]
    wanted = max((row.guidance for row in good if row.variety <= 1), default=good[0].guidance)
    assert choice.guidance == wanted == 3.0  # 4 * 0.3 is more than true faces differ
    assert choice.rows[1].variety == pytest.approx(0.3, abs=0.02)


def test_where_all_are_too_various_the_smallest_is_taken() -> None:
    choice = choose_guidance(drawing(lambda _: 0.0, length=1.05), TRUE, look, PEOPLE, candidates=(1.0, 1.05))
    assert choice.guidance == 1.0


def test_gender_that_is_lost_bounds_it() -> None:
    def draw(guidance: float) -> np.ndarray:
        values = 128 + guidance * 0.3 * TRUE
        if guidance > 2:
            values[:, 0] = 255 - values[:, 0]  # the number that tells the gender
        return np.repeat(values.clip(0, 255).round().astype(np.uint8).reshape(N, 2, 2, 1), 3, axis=3)

    def wide(pictures: np.ndarray) -> np.ndarray:
        return look(pictures) - 128

    def is_male(features: np.ndarray) -> np.ndarray:
        return np.asarray(features[:, 0] > 0)

    choice = choose_guidance(draw, TRUE, wide, PEOPLE, is_male=is_male)
    assert choice.guidance == 2.0
    assert choice.rows[0].gender_agreement == pytest.approx(1, abs=0.06)
    assert choice.rows[-1].gender_agreement == pytest.approx(0, abs=0.06)
    assert choice.rows[0].matched_same_gender is not None


def test_genders_that_are_given_are_taken_before_those_that_are_told() -> None:
    given = ("m",) * (N - 2) + ("f", "")
    choice = choose_guidance(drawing(lambda _: 30.0), TRUE, look, PEOPLE, genders=given)
    assert choice.rows[0].gender_agreement is None and choice.rows[0].matched_same_gender is not None
    nobody = choose_guidance(drawing(lambda _: 30.0), TRUE, look, PEOPLE, genders=("",) * N)
    assert nobody.rows[0].matched_same_gender is None


@pytest.mark.parametrize(("n", "people"), [(FEWEST - 1, PEOPLE), (N, ("one",) * N)])
def test_too_few_clips_or_people_choose_nothing(n: int, people: tuple[str, ...]) -> None:
    choice = choose_guidance(drawing(lambda _: 0.0), TRUE[:n], look, people[:n])
    assert (choice.guidance, choice.rows, choice.n_clips) == (UNCHOSEN, (), 0)
