"""Gradient caching: the gradients of the whole batch from parts of it."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from visavox.pipeline.cached_gradients import RandomState, encode, seeded

CPU = torch.device("cpu")


class Pair(nn.Module):
    """A voice and a face network of a layer each, with what a test wants between input and layer."""

    def __init__(self, between: nn.Module | None = None) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            self.voice = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 3))
            self.face = nn.Sequential(nn.Linear(6, 5), nn.Tanh(), nn.Linear(5, 3))
        self.between = between or nn.Identity()

    def forward(self, voice: tuple[Tensor, ...], face: tuple[Tensor, ...]) -> tuple[Tensor, Tensor]:
        return self.voice(self.between(voice[0]) * voice[1][:, None]), self.face(face[0]).float()


def inputs(n: int = 7) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
    generator = torch.Generator().manual_seed(1)
    voice = torch.randn(n, 4, generator=generator)
    return (voice, torch.rand(n, generator=generator)), (torch.randn(n, 6, generator=generator),)


def contrast(voice: Tensor, face: Tensor) -> Tensor:
    logits, own = voice @ face.T, torch.arange(len(voice))
    return nn.functional.cross_entropy(logits, own) + 2 * nn.functional.cross_entropy(logits.T, own)


def gradients(network: Pair, sizes: tuple[int, ...], seed: int = 3) -> dict[str, Tensor]:
    """The way a trainer goes: vectors, loss at the vectors, back."""
    network.zero_grad()
    with seeded(CPU, seed):
        encoded = encode(network, *inputs(), sizes=sizes)
        voice, face = encoded.voice.clone().requires_grad_(), encoded.face.clone().requires_grad_()
        contrast(voice, face).backward()  # type: ignore[no-untyped-call]
        encoded.backward(voice.grad, face.grad)
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


def plain(network: Pair) -> dict[str, Tensor]:
    network.zero_grad()
    contrast(*network(*inputs())).backward()  # type: ignore[no-untyped-call]
    return {name: p.grad.clone() for name, p in network.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("sizes", [(), (7,), (4, 3), (3, 2, 2), (1,) * 7])
def test_parts_have_the_gradients_of_the_whole_batch(sizes: tuple[int, ...]) -> None:
    network = Pair()
    wanted = plain(network)
    found = gradients(network, sizes)
    assert set(found) == set(wanted) and all(bool(g.abs().max() > 1e-4) for g in wanted.values())
    for name, gradient in wanted.items():
        torch.testing.assert_close(found[name], gradient, rtol=1e-5, atol=1e-6)


def test_dropout_drops_the_same_in_both_passes() -> None:
    """With the masks of the first pass written down, the plain loss through them has the same gradients."""
    masks: list[Tensor] = []

    class Noted(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            masks.append((torch.rand(x.shape) < 0.5).float())
            return x * masks[-1]

    network = Pair(Noted())
    found = gradients(network, (4, 3))
    assert len(masks) == 4 and torch.equal(masks[0], masks[2]) and torch.equal(masks[1], masks[3])
    assert not torch.equal(masks[0][:3], masks[1])
    network.between = nn.Identity()
    (voice, length), face = inputs()
    network.zero_grad()
    contrast(*network((voice * torch.cat(masks[:2]), length), face)).backward()  # type: ignore[no-untyped-call]
    for name, parameter in network.named_parameters():
        torch.testing.assert_close(found[name], parameter.grad, rtol=1e-5, atol=1e-6)


def test_the_random_numbers_behind_a_batch_do_not_depend_on_the_way_back() -> None:
    states = []
    for back in (False, True):
        with seeded(CPU, 5):
            encoded = encode(Pair(nn.Dropout(0.5)), *inputs(), sizes=(4, 3))
            if back:
                encoded.backward(torch.ones(7, 3), torch.ones(7, 3))
            states.append(torch.random.get_rng_state())
    assert torch.equal(*states)


def test_batch_normalisation_sees_one_part_and_remembers_it_once() -> None:
    network, plain_layer = Pair(nn.BatchNorm1d(4)), nn.BatchNorm1d(4)
    gradients(network, (4, 3))
    voice = inputs()[0][0]
    plain_layer(voice[:4]), plain_layer(voice[4:])
    assert isinstance(network.between, nn.BatchNorm1d) and network.between.track_running_stats
    assert int(network.between.num_batches_tracked) == 2  # type: ignore[arg-type]
    torch.testing.assert_close(network.between.running_mean, plain_layer.running_mean)
    torch.testing.assert_close(network.between.running_var, plain_layer.running_var)


def test_a_side_that_the_loss_does_not_see_gets_no_gradient() -> None:
    for sizes in ((), (4, 3)):
        network = Pair()
        encode(network, *inputs(), sizes=sizes).backward(torch.ones(7, 3), None)
        assert all(p.grad is None for p in network.face.parameters())
        assert all(p.grad is not None for p in network.voice.parameters())


def test_no_graph_is_kept_of_parts() -> None:
    encoded = encode(Pair(), *inputs(), sizes=(4, 3))
    assert not encoded.voice.requires_grad and encoded.voice.grad_fn is None
    assert encoded.voice.shape == encoded.face.shape == (7, 3)


def test_bfloat16_is_for_the_network_alone() -> None:
    wide, low = (encode(Pair(), *inputs(), sizes=(4, 3), bfloat16=low) for low in (False, True))
    assert not torch.equal(wide.face, low.face)
    torch.testing.assert_close(wide.face, low.face, atol=0.05, rtol=0.05)
    assert low.face.dtype == torch.float32


def test_a_seeded_block_leaves_no_trace() -> None:
    before = torch.random.get_rng_state()
    with seeded(CPU, 4):
        one = torch.rand(3)
    with seeded(CPU, 4):
        same = torch.rand(3)
    with seeded(CPU, 5):
        other = torch.rand(3)
    assert torch.equal(one, same) and not torch.equal(one, other)
    assert torch.equal(before, torch.random.get_rng_state())
    state = RandomState.now(CPU)
    first = torch.rand(2)
    state.restore()
    assert torch.equal(first, torch.rand(2)) and state.accelerator is None


def test_the_generator_of_an_mps_device_is_put_back_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Dropout there draws from the device's own: without its state both passes would drop other numbers."""
    there = [torch.tensor([7])]
    monkeypatch.setattr(torch.mps, "get_rng_state", lambda: there[0])
    monkeypatch.setattr(torch.mps, "set_rng_state", lambda state: there.__setitem__(0, state))
    state = RandomState.now(torch.device("mps"))
    there[0] = torch.tensor([8])  # somebody drew
    state.restore()
    assert there[0].tolist() == [7]
    with seeded(torch.device("mps"), 3):
        there[0] = torch.tensor([9])
    assert there[0].tolist() == [7]
    assert state.accelerator is not None and state.accelerator.tolist() == [7]
