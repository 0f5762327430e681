"""The denoiser: shapes, that it hears what it is told and nothing else, and what it refuses."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.diffusion.conditions import nothing_told
from visavox.models.diffusion.denoiser import Denoiser

SMALL: dict[str, Any] = {
    "latent_shape": (4, 8, 8),
    "kinds": ("gender", "voice", "windows"),
    "voice_dim": 6,
    "token_dim": 16,
    "channels": (16, 32),
    "head_dim": 16,
}


def denoiser(**options: Any) -> Denoiser:
    torch.manual_seed(0)
    return Denoiser(**{**SMALL, **options}).eval()


def test_it_answers_with_the_shape_of_latents() -> None:
    noisy, steps = torch.randn(3, 4, 8, 8), torch.tensor([0, 500, 999])
    with torch.no_grad():
        said = denoiser()(noisy, steps, nothing_told(3, voice_dim=6))
    assert said.shape == (3, 4, 8, 8)
    assert said.std() > 0


def test_the_usual_size_stays_within_its_budget() -> None:
    usual = Denoiser(latent_shape=(4, 16, 16), kinds=("voice", "windows"), voice_dim=256)
    assert sum(p.numel() for p in usual.parameters()) < 8_000_000


@torch.no_grad()
def test_it_hears_each_thing_that_it_is_told() -> None:
    network, noisy, steps = denoiser(), torch.randn(1, 4, 8, 8), torch.tensor([400])
    nothing = nothing_told(1, voice_dim=6)
    yes, first = torch.tensor([True]), (torch.arange(8) == 0)[None]
    told = {
        "voice": nothing.with_values(voice=torch.randn(1, 6), voice_known=yes),
        "windows": nothing.with_values(windows=torch.randn(1, 8, 6), windows_known=first),
        "gender": nothing.with_values(gender_known=yes),
    }
    plain = network(noisy, steps, nothing)
    for name, row in told.items():
        assert (network(noisy, steps, row) - plain).abs().max() > 1e-6, name


@torch.no_grad()
def test_masked_windows_say_nothing() -> None:
    network, noisy, steps = denoiser(), torch.randn(1, 4, 8, 8), torch.tensor([400])
    first = (torch.arange(8) == 0)[None]
    windows = torch.randn(1, 8, 6)
    other = windows.clone()
    other[0, 1:] = 50.0
    rows = [nothing_told(1, voice_dim=6).with_values(windows=w, windows_known=first) for w in (windows, other)]
    assert torch.equal(*(network(noisy, steps, row) for row in rows))


@torch.no_grad()
def test_rows_do_not_hear_each_other() -> None:
    network = denoiser()
    noisy, steps = torch.randn(2, 4, 8, 8), torch.tensor([10, 900])
    told = nothing_told(2, voice_dim=6).with_values(voice=torch.randn(2, 6), voice_known=torch.tensor([True, False]))
    both = network(noisy, steps, told)
    for row in range(2):
        alone = network(noisy[row : row + 1], steps[row : row + 1], told.rows(torch.tensor([row])))
        torch.testing.assert_close(alone[0], both[row], atol=1e-5, rtol=1e-4)


def test_every_weight_learns() -> None:
    network = denoiser().train()
    told = nothing_told(2, voice_dim=6).with_values(
        voice=torch.randn(2, 6),
        voice_known=torch.tensor([True, True]),
        windows=torch.randn(2, 8, 6),
        windows_known=torch.ones(2, 8, dtype=torch.bool),
        gender_known=torch.tensor([True, False]),
    )
    said = network(torch.randn(2, 4, 8, 8), torch.tensor([3, 700]), told)
    (said * torch.randn_like(said)).sum().backward()
    still = [name for name, p in network.named_parameters() if p.grad is None or not p.grad.abs().sum()]
    assert not still


def test_it_attends_only_where_it_is_told_to() -> None:
    names = [type(block).__name__ for block in denoiser().network.down_blocks]
    assert names == ["DownBlock2D", "CrossAttnDownBlock2D"]
    names = [type(block).__name__ for block in denoiser(attend_from=0).network.down_blocks]
    assert names == ["CrossAttnDownBlock2D"] * 2
    heads = denoiser().network.down_blocks[1].attentions[0].transformer_blocks[0].attn2.heads
    assert heads == 32 // 16


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"channels": (16, 20)}, "multiples of 16 and of `head_dim` 16"),
        ({"channels": ()}, "needs `channels`"),
        ({"attend_from": 3}, "`attend_from` of 0 to their number"),
        ({"channels": (16, 16, 16, 16, 16)}, "side 8 cannot be halved 4 times"),
        ({"prediction": "sample"}, "`prediction` epsilon or v_prediction"),
        ({"n_train_steps": 1}, "`n_train_steps` of 2 or more"),
        ({"schedule": "cubic"}, "squaredcos_cap_v2"),
    ],
)
def test_wrong_options_are_refused_in_one_line(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message) as error:
        denoiser(**options)
    assert "\n" not in str(error.value)
