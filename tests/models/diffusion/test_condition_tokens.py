"""The layout of tokens by hand, its collisions mended, and what is masked."""

from __future__ import annotations

import itertools
import math

import pytest
import torch
from torch import Tensor

from visavox.errors import ConfigError
from visavox.models.diffusion.condition_tokens import KINDS, ConditionTokens, age_waves, checked_kinds, pooled
from visavox.models.diffusion.conditions import CHOICES, MAX_WINDOWS, Told, nothing_told

DIM = 6


def tokens(*kinds: str) -> ConditionTokens:
    torch.manual_seed(0)
    return ConditionTokens(kinds=kinds or KINDS, voice_dim=DIM, token_dim=16)


def told(**values: Tensor) -> Told:
    """One row that knows exactly the given kinds."""
    row = nothing_told(1, voice_dim=DIM)
    known = {f"{kind}_known": torch.ones_like(row.known(kind)) for kind in values}
    return row.with_values(**values, **known)


def test_the_layout_is_that_of_the_table() -> None:
    all_kinds = tokens()
    expected = {
        "age": [1],
        "gender": [2],
        "ethnicity": [3],
        "language": [4],
        "voice": [5],
        "windows": list(range(6, 14)),
        "mel": list(range(14, 22)),
        "guide": list(range(22, 26)),
        "blurred_guide": list(range(26, 42)),
    }
    assert {kind: list(all_kinds.positions(kind)) for kind in KINDS} == expected
    sequence, mask = all_kinds(nothing_told(2, voice_dim=DIM))
    assert sequence.shape == (2, 42, 16)
    assert mask.shape == (2, 42)


def test_kinds_that_are_not_wanted_take_no_place() -> None:
    some = tokens("windows", "voice")
    assert some.kinds == ("voice", "windows")
    assert some.length == 2 + MAX_WINDOWS
    assert list(some.positions("windows")) == list(range(2, 10))


def test_told_nothing_the_start_and_unknown_attributes_remain() -> None:
    _, mask = tokens()(nothing_told(1, voice_dim=DIM))
    assert mask[0].nonzero().flatten().tolist() == [0, 1, 2, 3, 4]
    _, mask = tokens("voice", "windows")(nothing_told(1, voice_dim=DIM))
    assert mask[0].nonzero().flatten().tolist() == [0]


@pytest.mark.parametrize("kind", sorted(CHOICES))
def test_no_two_names_and_not_the_unknown_share_a_token(kind: str) -> None:
    one = tokens()
    at = one.positions(kind)[0]
    rows = [one(told(**{kind: torch.tensor([index])}))[0][0, at] for index in range(len(CHOICES[kind]))]
    rows.append(one(nothing_told(1, voice_dim=DIM))[0][0, at])
    for first, second in itertools.combinations(rows, 2):
        assert (first - second).abs().max() > 1e-3


def test_age_zero_is_not_an_unknown_age() -> None:
    one = tokens()
    zero, unknown, forty = (
        one(row)[0][0, 1]
        for row in (told(age=torch.zeros(1)), nothing_told(1, voice_dim=DIM), told(age=torch.full((1,), 40.0)))
    )
    assert (zero - unknown).abs().max() > 1e-3
    assert (zero - forty).abs().max() > 1e-3


def test_what_is_unknown_leaves_no_trace() -> None:
    one = tokens()
    plain = one(nothing_told(1, voice_dim=DIM))
    row = nothing_told(1, voice_dim=DIM)
    row = row.with_values(voice=torch.randn(1, DIM), age=torch.full((1,), 33.0), guide=torch.rand(1, 3, 8, 8))
    found = one(row)
    assert torch.equal(plain[0], found[0])
    assert torch.equal(plain[1], found[1])


def test_a_window_has_the_token_that_one_writes_by_hand() -> None:
    one = tokens("voice", "windows")
    one.voice_mean.copy_(torch.arange(DIM))
    one.voice_deviation.fill_(2.0)
    windows = torch.randn(1, MAX_WINDOWS, DIM)
    known = torch.arange(MAX_WINDOWS)[None] < 3
    row = nothing_told(1, voice_dim=DIM).with_values(windows=windows, windows_known=known)
    sequence, mask = one(row)
    assert mask[0].tolist() == [True, False, True, True, True, *[False] * 5]
    vector = (windows[0, 1] - torch.arange(DIM)) / 2
    value = one.projection["windows"].weight @ vector + one.projection["windows"].bias + one.of_kind["windows"]
    centred = value - value.mean()
    expected = centred / (value.var(unbiased=False) + 1e-5).sqrt()
    torch.testing.assert_close(sequence[0, 3], expected)
    assert (sequence[0, 5:] == 0).all()


def test_patches_of_a_guide_keep_their_places() -> None:
    one = tokens("guide")
    picture = torch.zeros(1, 3, 8, 8)
    picture[0, :, :4, 4:] = 1.0
    changed = one(told(guide=picture))[0][0] - one(told(guide=torch.zeros(1, 3, 8, 8)))[0][0]
    assert changed.abs().amax(dim=1).gt(1e-4).nonzero().flatten().tolist() == [2]


def test_waves_of_age_by_hand() -> None:
    row = age_waves(torch.tensor([50.0]))[0].tolist()
    expected = [
        0.5,
        *(math.sin(0.5 * math.pi * k) for k in range(1, 9)),
        *(math.cos(0.5 * math.pi * k) for k in range(1, 9)),
    ]
    assert row == pytest.approx(expected, abs=1e-5)


def test_pooled_is_the_mean_of_what_counts() -> None:
    sequence = torch.tensor([[[1.0], [5.0], [100.0]]])
    assert pooled(sequence, torch.tensor([[True, True, False]])).tolist() == [[3.0]]


def test_every_kind_has_a_projection_that_learns() -> None:
    one = tokens()
    full = {
        "age": torch.tensor([30.0]),
        "gender": torch.tensor([1]),
        "ethnicity": torch.tensor([2]),
        "language": torch.tensor([3]),
        "voice": torch.randn(1, DIM),
        "windows": torch.randn(1, 8, DIM),
        "mel": torch.randn(1, 8, 80),
        "guide": torch.rand(1, 3, 8, 8),
        "blurred_guide": torch.rand(1, 3, 16, 16),
    }
    sequence, mask = one(told(**full))
    assert mask.all()
    (sequence * torch.randn_like(sequence)).sum().backward()
    for kind in KINDS:
        assert all(p.grad is not None and p.grad.abs().sum() > 0 for p in one.projection[kind].parameters())


def test_wrong_kinds_are_refused_with_the_list() -> None:
    for wrong in (["voice", "smell"], ["voice", "voice"], []):
        with pytest.raises(ConfigError, match="different names of age, gender, .*blurred_guide"):
            checked_kinds(wrong)
    with pytest.raises(ConfigError, match="at least 1"):
        ConditionTokens(kinds=("voice",), voice_dim=0)
