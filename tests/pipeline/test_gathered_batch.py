"""Batch normalisation over several processes equals torch's own over all rows."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from visavox.pipeline.distributed import ALONE, Processes
from visavox.pipeline.gathered_batch import GatheredBatchNorm, gathered_statistics

Launch = Callable[..., subprocess.CompletedProcess[str]]
SCRIPT = """
import sys
from pathlib import Path
import numpy as np
import torch
from torch import nn
from visavox.pipeline.distributed import join_processes
from visavox.pipeline.gathered_batch import gathered_statistics

both = join_processes("cpu", timeout_s=30)
found = {}
for name, layer, shape, n_first in (
    ("maps", nn.BatchNorm2d(3), (5, 3, 2, 4), 3),
    ("rows", nn.BatchNorm1d(3, momentum=None), (4, 3), 1),
    ("plain", nn.BatchNorm1d(3, affine=False, track_running_stats=False), (4, 3), 3),
    ("alone", nn.BatchNorm1d(3), (4, 3), 4),
):
    generator = torch.Generator().manual_seed(1)
    if layer.affine:
        with torch.no_grad():
            layer.weight.copy_(torch.randn(3, generator=generator))
            layer.bias.copy_(torch.randn(3, generator=generator))
    net = nn.Sequential(layer)
    with gathered_statistics([net], both):
        for _ in range(2):
            whole = torch.randn(shape, generator=generator) * 3 + 100
            towards = torch.randn(shape, generator=generator)
            rows = slice(0, n_first) if both.is_first else slice(n_first, None)
            x = whole[rows].clone().requires_grad_()
            y = net(x)
            (y * towards[rows]).sum().backward()
    sums = [p.grad for p in layer.parameters()]
    both.add_up(sums)
    counts = [n_first, shape[0] - n_first]
    found[f"{name}.y"], found[f"{name}.dx"] = (both.gather(t, counts).numpy() for t in (y.detach(), x.grad))
    for key, value in [*layer.named_buffers(), *zip(("dweight", "dbias"), sums)]:
        found[f"{name}.{key}"] = value.numpy()
if both.is_first:
    np.savez(Path(sys.argv[1], "found.npz"), **found)
both.leave()
"""


class Doubled(Processes):
    """Two processes with the same rows, imitated in one."""

    def gather(self, own: Tensor, counts: object) -> Tensor:
        return torch.cat([own, own]).detach()

    def add_up(self, tensors: object) -> None:
        for tensor in tensors:  # type: ignore[attr-defined]
            tensor.mul_(2)


TWO = Doubled(rank=0, count=2)


def reference(layer: nn.Module, shape: tuple[int, ...]) -> dict[str, np.ndarray]:
    generator = torch.Generator().manual_seed(1)
    if list(layer.parameters()):
        with torch.no_grad():
            for parameter in layer.parameters():
                parameter.copy_(torch.randn(3, generator=generator))
    for _ in range(2):
        x = (torch.randn(shape, generator=generator) * 3 + 100).requires_grad_()
        towards = torch.randn(shape, generator=generator)
        y = layer(x)
        (y * towards).sum().backward()
    assert x.grad is not None
    found = {"y": y.detach().numpy(), "dx": x.grad.numpy()}
    found |= {name: value.numpy() for name, value in layer.named_buffers()}
    return found | {
        f"d{name}": value.grad.numpy() for name, value in layer.named_parameters() if value.grad is not None
    }


@pytest.mark.slow
def test_two_processes_normalise_as_one_does(run_script: Launch, tmp_path: Path) -> None:
    """Unequal shares, one without any row, means far from zero, two steps for the running statistics."""
    run_script(SCRIPT)
    found = np.load(tmp_path / "found.npz")
    layers: tuple[tuple[str, nn.Module, tuple[int, ...]], ...] = (
        ("maps", nn.BatchNorm2d(3), (5, 3, 2, 4)),
        ("rows", nn.BatchNorm1d(3, momentum=None), (4, 3)),
        ("plain", nn.BatchNorm1d(3, affine=False, track_running_stats=False), (4, 3)),
        ("alone", nn.BatchNorm1d(3), (4, 3)),
    )
    n_compared = 0
    for name, layer, shape in layers:
        for key, value in reference(layer, shape).items():
            np.testing.assert_allclose(found[f"{name}.{key}"], value, rtol=1e-4, atol=2e-5, err_msg=f"{name}.{key}")
            n_compared += 1
    assert n_compared == len(found.files) == 7 * 3 + 2


def test_gradients_are_those_of_the_formula() -> None:
    """Finite differences in float64, through output and statistics; the second half of the rows stays as it is."""
    layer = GatheredBatchNorm(nn.BatchNorm1d(2).double(), TWO)
    x = torch.randn(3, 2, generator=torch.Generator().manual_seed(2), dtype=torch.float64, requires_grad=True)
    towards = torch.randn(3, 2, generator=torch.Generator().manual_seed(3), dtype=torch.float64)

    def cost(rows: Tensor) -> Tensor:
        both = torch.cat([rows, rows])  # both processes hold the same rows, so both move together
        centred = (both - both.mean(0)) / (both.var(0, unbiased=False) + layer.eps).sqrt()
        return (centred[:3] * towards).sum() + (centred[3:] * towards).sum()

    (wanted,) = torch.autograd.grad(cost(x), x)
    (found,) = torch.autograd.grad((layer(x) * towards).sum(), x)
    torch.testing.assert_close(2 * found, wanted)


def test_it_shares_the_layers_own_tensors_and_is_put_back() -> None:
    inner = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    network = nn.Sequential(inner, nn.Flatten(), nn.BatchNorm1d(8))
    layers = (inner[1], network[2])
    before = {name: tensor.data_ptr() for name, tensor in network.state_dict().items()}
    with gathered_statistics([network], TWO):
        assert [type(layer).__name__ for layer in (inner[1], network[2])] == ["GatheredBatchNorm"] * 2
        assert {name: tensor.data_ptr() for name, tensor in network.state_dict().items()} == before
        assert set(network.parameters()) == {p for layer in (inner[0], *layers) for p in layer.parameters()}
        network(torch.randn(4, 1, 2, 2))
        network.eval()
        assert network(torch.randn(1, 1, 2, 2)).shape == (1, 8)
    assert (inner[1], network[2]) == layers
    assert not layers[0].training and int(layers[0].num_batches_tracked) == 1  # type: ignore[arg-type]


def test_one_process_keeps_torchs_own_layer() -> None:
    network = nn.Sequential(nn.BatchNorm1d(2))
    with gathered_statistics([network], ALONE):
        assert type(network[0]) is nn.BatchNorm1d


def test_evaluation_takes_the_running_statistics() -> None:
    plain = nn.BatchNorm1d(3)
    plain(torch.randn(8, 3) * 2 + 1)
    plain.eval()
    x = torch.randn(4, 3)
    assert torch.equal(GatheredBatchNorm(plain, TWO)(x), plain(x))


def test_resting_statistics_do_not_move() -> None:
    layer = GatheredBatchNorm(nn.BatchNorm1d(2), TWO)
    layer.track_running_stats = False
    layer(torch.randn(4, 2))
    assert int(layer.num_batches_tracked) == 0 and bool((layer.running_mean == 0).all())  # type: ignore[arg-type, union-attr]


def test_bfloat16_is_summed_in_float32() -> None:
    layer = GatheredBatchNorm(nn.BatchNorm1d(1), TWO)
    x = (torch.arange(512.0) % 7)[:, None].bfloat16()
    out = layer(x)
    assert out.dtype == torch.bfloat16
    assert layer.running_mean.item() == pytest.approx(0.1 * x.float().mean().item(), rel=1e-5)  # type: ignore[union-attr]
