"""Rows of conditions: what is known, forgotten, chosen and joined."""

from __future__ import annotations

from dataclasses import fields

import torch

from visavox.corpus.labelled_faces import RACES
from visavox.generation.provenance import CONDITIONS
from visavox.models.diffusion.condition_tokens import KINDS
from visavox.models.diffusion.conditions import (
    ETHNICITIES,
    LANGUAGES,
    MAX_WINDOWS,
    Told,
    joined,
    nothing_told,
)


def all_told(n: int) -> Told:
    told = nothing_told(n, voice_dim=6)
    names = [item.name for item in fields(told) if item.name.endswith("_known")]
    return told.with_values(**{name: torch.ones_like(getattr(told, name)) for name in names})


def test_nothing_told_knows_nothing() -> None:
    told = nothing_told(3, voice_dim=6)
    assert len(told) == 3
    assert not any(told.known(kind).any() for kind in KINDS)
    assert told.windows.shape == (3, MAX_WINDOWS, 6)


def test_every_condition_of_a_drawing_has_its_place() -> None:
    assert set(KINDS) == set(CONDITIONS)
    told = nothing_told(1, voice_dim=2)
    assert all(getattr(told, kind) is not None for kind in KINDS)


def test_a_forgotten_kind_is_unknown_in_its_rows_only() -> None:
    told = all_told(3).without(
        {"windows": torch.tensor([True, False, False]), "age": torch.tensor([False, True, True])}
    )
    assert told.known("windows").any(dim=1).tolist() == [False, True, True]
    assert told.known("age").tolist() == [True, False, False]
    assert told.known("voice").all()


def test_only_keeps_what_is_named() -> None:
    told = all_told(2).only(("voice", "guide"))
    assert [kind for kind in KINDS if told.known(kind).any()] == ["voice", "guide"]


def test_rows_and_joined_put_rows_where_they_belong() -> None:
    told = all_told(3).with_values(age=torch.tensor([10.0, 20.0, 30.0]))
    both = joined(told.rows(torch.tensor([2, 0])), nothing_told(1, voice_dim=6))
    assert both.age.tolist() == [30, 10, 0]
    assert both.known("age").tolist() == [True, True, False]
    assert len(both.to("cpu")) == 3


def test_a_copy_leaves_the_first_as_it_was() -> None:
    told = nothing_told(1, voice_dim=6)
    told.with_values(voice_known=torch.tensor([True]))
    all_told(1).without({"voice": torch.tensor([True])})
    assert not told.known("voice").any()


def test_no_two_languages_or_ethnicities_share_a_name() -> None:
    assert len(LANGUAGES) == len(set(LANGUAGES)) == 45
    assert len(ETHNICITIES) == len(set(ETHNICITIES)) == 7
    assert {"portuguese", "spanish"} <= set(LANGUAGES)
    assert set(RACES) <= set(ETHNICITIES)
