"""What all objectives share: defaults, checks and small sums."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.objectives.base import (
    Objective,
    TrainingFacts,
    check_number,
    check_pairs,
    positives_of,
    weighted_mean,
)


class Nothing(Objective):
    """The smallest objective."""

    def forward(self, voice: Tensor, face: Tensor, *_: Any) -> dict[str, Tensor]:
        return {"loss": (voice - face).sum()}


def test_an_objective_asks_for_nothing_unless_it_says_so() -> None:
    chosen = Nothing()
    assert (chosen.takes, chosen.needs_labels, chosen.extras, chosen.wants_all_vectors) == ("unit", False, (), False)
    assert (chosen.figures(), chosen.wanted_files()) == ({}, {})
    chosen.prepare(TrainingFacts(n_people=1, dim=1, n_rows=1, n_steps=1), torch.Generator())
    chosen.before_step(0)
    chosen.before_epoch(torch.ones(1, 1), torch.ones(1, 1), torch.Generator())
    assert chosen.state_dict() == {}
    with pytest.raises(ConfigError, match="This objective wants no file 'weights'. Remove the option"):
        chosen.take_tensors("weights", {})


def test_facts_know_no_covariate_unless_told() -> None:
    assert TrainingFacts(n_people=1, dim=2, n_rows=3, n_steps=4).n_values == {}


def test_an_objective_without_a_loss_cannot_be_made() -> None:
    with pytest.raises(TypeError, match="abstract"):
        Objective()  # type: ignore[abstract]


@pytest.mark.parametrize(("voice", "face"), [((2, 3), (3, 3)), ((2,), (2,)), ((1, 2, 3), (1, 2, 3))])
def test_pairs_that_do_not_fit_are_refused(voice: tuple[int, ...], face: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"voice and face must have one shape \(n, dim\). Got \("):
        check_pairs(torch.ones(voice), torch.ones(face))


def test_pairs_that_fit_pass() -> None:
    check_pairs(torch.ones(2, 3), torch.ones(2, 3))


def test_the_mean_weighs_rows_where_told() -> None:
    values = torch.tensor([1.0, 2.0, 6.0])
    assert weighted_mean(values, None).item() == pytest.approx(3.0)
    assert weighted_mean(values, torch.tensor([1.0, 0.0, 3.0])).item() == pytest.approx(19 / 4)


def test_positives_are_the_row_itself_and_rows_of_its_label() -> None:
    device = torch.device("cpu")
    assert positives_of(None, 2, device).tolist() == [[True, False], [False, True]]
    found = positives_of(torch.tensor([5, 1, 5]), 3, device)
    assert found.tolist() == [[True, False, True], [False, True, False], [True, False, True]]


@pytest.mark.parametrize("value", [0, 1, 0.5, 1.0])
def test_a_number_in_its_range_passes(value: float) -> None:
    check_number("share", value, at_least=0, at_most=1)


@pytest.mark.parametrize("value", [-0.1, 1.1, float("nan"), "1", None, True])
def test_a_number_out_of_its_range_is_named(value: Any) -> None:
    with pytest.raises(ConfigError, match=r"`share` must be a number of at least 0 and at most 1. Got "):
        check_number("share", value, at_least=0, at_most=1)


def test_an_open_end_is_not_named() -> None:
    check_number("n", 1e30, at_least=2)
    with pytest.raises(ConfigError, match=r"`n` must be a number of at least 2\. Got 1\."):
        check_number("n", 1, at_least=2)
