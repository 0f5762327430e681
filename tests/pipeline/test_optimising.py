"""Optimisers, falling rates and objectives as settings ask for them."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from visavox.errors import ConfigError, VisavoxError
from visavox.pipeline.optimising import build_objective, checked_drops, dropped_rate, make_optimiser


@pytest.mark.parametrize(
    ("name", "kind"), [("adamw", torch.optim.AdamW), ("adam", torch.optim.Adam), ("sgd", torch.optim.SGD)]
)
def test_the_optimiser_is_the_one_that_was_named(name: Any, kind: type) -> None:
    weight = torch.nn.Parameter(torch.ones(2))
    groups = [{"params": [weight], "weight_decay": 0.25}]
    found = make_optimiser(name, groups, learning_rate=0.5, momentum=0.75)
    assert type(found) is kind
    assert (found.param_groups[0]["lr"], found.param_groups[0]["weight_decay"]) == (0.5, 0.25)
    if name == "sgd":
        assert found.param_groups[0]["momentum"] == 0.75


def test_the_rate_falls_from_each_share_on() -> None:
    assert [dropped_rate(2.0, step, 10, (0.5, 0.9)) for step in (0, 4, 5, 8, 9)] == pytest.approx(
        [2, 2, 0.2, 0.2, 0.02]
    )
    assert dropped_rate(2.0, 9, 10, ()) == 2.0


@pytest.mark.parametrize(
    ("drops", "schedule", "words"),
    [
        (0.5, "steps", r"must be a list of shares, as in \[0.4, 0.8\]. Got 0.5"),
        ("0.5", "steps", "must be a list of shares"),
        ([0], "steps", "`drop_at` must be a number"),
        ([1.0], "steps", "`drop_at` must be a number"),
        ([True], "steps", "`drop_at` must be a number"),
        ([0.5], "cosine", "is of the schedule steps. Got .* with 'cosine'"),
        ([], "steps", "is of the schedule steps"),
    ],
)
def test_wrong_drops_are_named(drops: Any, schedule: str, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        checked_drops(drops, schedule=schedule)


def test_right_drops_come_back_as_a_tuple() -> None:
    assert checked_drops([0.25, 0.5], schedule="steps") == (0.25, 0.5)
    assert checked_drops((), schedule="constant") == ()


def test_a_bare_name_gets_the_defaults_that_it_takes_and_a_spec_none() -> None:
    defaults = {"initial_temperature": 0.5, "strange": 3}
    assert build_objective("info_nce", defaults).figures() == {"temperature": pytest.approx(0.5)}
    assert build_objective({"name": "info_nce"}, defaults).figures() == {"temperature": pytest.approx(0.2)}
    assert type(build_objective("barlow_twins", defaults)).__name__ == "BarlowTwins"


@pytest.mark.parametrize("spec", [5, None, ["info_nce"], {}, {"name": 3}, "", "info"])
def test_what_is_no_objective_is_one_line(spec: Any) -> None:
    with pytest.raises(VisavoxError) as caught:
        build_objective(spec, {})
    assert "\n" not in str(caught.value)
