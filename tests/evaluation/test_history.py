"""The course of a training run, from rows."""

from __future__ import annotations

import math

import pytest

from visavox.errors import DataError
from visavox.evaluation.history import TrainingHistory, history_from_rows


def test_rows_come_in_the_order_of_their_epochs() -> None:
    history = history_from_rows([{"epoch": 3, "loss": 1.0}, {"epoch": 1, "loss": 3.0}])
    assert history.series("loss") == ((1.0, 3.0), (3.0, 1.0))


def test_rows_of_one_epoch_are_merged_and_the_later_wins() -> None:
    history = history_from_rows(
        [{"epoch": 1, "loss": 3.0}, {"epoch": 1, "loss": 2.0}, {"epoch": 1, "validation_accuracy": 0.6}]
    )
    assert history.rows == ({"epoch": 1.0, "loss": 2.0, "validation_accuracy": 0.6},)


def test_what_is_not_a_number_is_left_out() -> None:
    history = history_from_rows([{"epoch": 1, "phase": "warm", "kept": True, "loss": None, "lr": 1}])
    assert history.rows == ({"epoch": 1.0, "lr": 1.0},)


def test_a_series_leaves_out_epochs_without_a_finite_figure() -> None:
    rows = (
        {"epoch": 1.0, "loss": math.nan},
        {"epoch": 2.0},
        {"epoch": 3.0, "loss": 0.5},
        {"epoch": 4.0, "loss": math.inf},
    )
    assert TrainingHistory(rows).series("loss") == ((3.0, 0.5),)


def test_an_unknown_series_is_empty() -> None:
    assert history_from_rows([{"epoch": 1}]).series("loss") == ()


def test_no_rows_make_an_empty_history() -> None:
    assert history_from_rows([]).rows == ()


@pytest.mark.parametrize("row", [{"loss": 1.0}, {"epoch": "first"}, {"epoch": None}])
def test_a_row_without_an_epoch_is_an_error(row: dict[str, object]) -> None:
    with pytest.raises(DataError, match="must hold a number under `epoch`"):
        history_from_rows([row])


def test_the_callers_rows_are_not_changed() -> None:
    rows = [{"epoch": 1, "loss": 2.0}, {"epoch": 1, "loss": 1.0}]
    ceiling = {"positive_similarity": 0.9}
    history = history_from_rows(rows, ceiling=ceiling, best_epoch=1)
    assert rows == [{"epoch": 1, "loss": 2.0}, {"epoch": 1, "loss": 1.0}]
    assert history.ceiling == ceiling
    assert history.ceiling is not ceiling
    assert history.best_epoch == 1
