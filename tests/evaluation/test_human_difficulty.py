"""Difficulties of made-up voices, and the tables and the figure of them."""

from __future__ import annotations

import datetime

import numpy as np
import pytest

from visavox.evaluation import human_difficulty
from visavox.evaluation.human_difficulty import (
    ItemDifficulties,
    difficulty_section,
    foretelling_section,
    item_difficulties,
)
from visavox.evaluation.human_turns import Turn

GENDERS = {**{f"f{i}": "f" for i in range(5)}, **{f"m{i}": "m" for i in range(5)}}


def made_up(n_players: int = 40) -> list[Turn]:
    """Voices f0 (hard) to f4 (easy), each beside a woman and beside a man; the model is wrong on f0 alone."""
    rng = np.random.default_rng(0)
    turns = []
    for player in range(n_players):
        for i in range(5):
            false = f"m{i}" if rng.random() < 0.5 else f"f{(i + 1) % 5}"
            chance = 0.2 + 0.17 * i + (0.12 if false[0] == "m" else 0.0)
            choice = f"f{i}" if rng.random() < chance else false
            model = false if i == 0 else f"f{i}"
            turns.append(Turn(f"p{player}", f"f{i}", false, model, choice, datetime.datetime(2024, 1, 1)))
    return turns


@pytest.fixture(scope="module")
def found() -> ItemDifficulties:
    difficulties = item_difficulties(made_up(), GENDERS, n_resamples=50, seed=0)
    assert difficulties is not None
    return difficulties


def test_voices_come_by_difficulty_with_what_the_model_did(found: ItemDifficulties) -> None:
    assert found.rows[0].item == "f0" and found.rows[-1].item == "f4"
    assert [row.difficulty for row in found.rows] == sorted((r.difficulty for r in found.rows), reverse=True)
    hardest = found.rows[0]
    of_it = [turn for turn in made_up() if turn.true_item == "f0"]
    assert (hardest.gender, hardest.n_turns, hardest.model) == ("f", 40, 0.0)
    assert hardest.people == pytest.approx(np.mean([turn.player_is_right for turn in of_it]))
    assert hardest.n_alike == sum(turn.false_item[0] == "f" for turn in of_it)
    assert hardest.model_alike == 0.0
    assert hardest.average_player_low < hardest.average_player < hardest.average_player_high
    assert hardest.average_player == pytest.approx(1 / (1 + np.exp(hardest.difficulty)))
    assert found.fit.effect[1] > 0


def test_the_tables_say_it(found: ItemDifficulties) -> None:
    section = difficulty_section(found)
    assert section.rows[0][:3] == ("f0", "woman", 40)
    assert "beside a face of the same gender" in section.text
    assert section.notes[0].startswith("5 voices. Spread (standard deviation) of their difficulties: ")
    assert any("logits easier" in note for note in section.notes)
    assert any("rank correlation" in note and "the model is right 50 %" in note for note in section.notes)
    foretold = foretelling_section(found)
    assert [row[0] for row in foretold.rows] == ["gender of the pair alone", "Rasch", "Rasch with guessing"]
    assert foretold.rows[0][2] == (0.0, 0.0, 0.0)
    assert foretold.rows[1][2][0] == pytest.approx(foretold.rows[1][1][0] - foretold.rows[0][1][0])
    assert foretold.rows[1][1][0] < 0


def test_too_little_or_too_even_is_no_model() -> None:
    turns = made_up(10)
    assert item_difficulties(turns[:29], GENDERS, n_resamples=10, seed=0) is None
    right = [turn for turn in made_up(40) if turn.player_is_right]
    assert item_difficulties(right, GENDERS, n_resamples=10, seed=0) is None


def test_a_very_long_log_is_not_foretold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(human_difficulty, "MAX_HELD_OUT_TURNS", 49)
    found = item_difficulties(made_up(10), {}, n_resamples=10, seed=0)
    assert found is not None and found.held_out == {}
    section = foretelling_section(found)
    assert (section.rows, section.notes) == ((), ("Not tried: there are more than 49 turns.",))
    assert difficulty_section(found).rows[0][1] == "not known"
    assert "beside a face" not in difficulty_section(found).text  # genders are not known: one condition
