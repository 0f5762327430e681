"""The curve of all voices."""

from __future__ import annotations

import math

import pytest

from visavox.evaluation.human_difficulty import ItemRow
from visavox.evaluation.human_figures import difficulty_figures, model_by_difficulty


def row(i: int, *, n: int = 10, model: float = 0.5) -> ItemRow:
    chance = 0.5 + 0.02 * i
    return ItemRow(f"<v{i}>", "f", n, 0.6, 0.9, n, model, -0.1 * i, 0.3, chance, chance - 0.1, chance + 0.05)


def test_every_voice_is_a_dot_and_the_model_a_line() -> None:
    (figure,) = difficulty_figures([row(i) for i in range(20)])
    assert figure.svg.count('class="dot c1"') == 20
    assert figure.svg.count('class="dot c0"') == 10
    assert "20 voices by difficulty" in figure.svg
    assert "<v3>" not in figure.svg and "&lt;v3&gt;: people 60 %, model 90 % of 10 turns" in figure.svg


def test_few_voices_make_no_figure() -> None:
    assert difficulty_figures([row(i) for i in range(4)]) == []


def test_tenths_weigh_turns_and_know_their_middle() -> None:
    items = [row(i, n=1 + i % 2, model=float(i % 2)) for i in range(20)]
    centres, shares = model_by_difficulty(items)
    assert centres == [1.5 + 2 * k for k in range(10)]
    assert shares == pytest.approx([2 / 3] * 10)
    centres, shares = model_by_difficulty([row(i, n=0) for i in range(3)])
    assert centres == [1, 2, 3] and all(map(math.isnan, shares))
