"""The loss of a drawn picture against a plain loop and by its edges."""

from __future__ import annotations

import pytest
import torch

from visavox.pipeline.drawing.picture_loss import COARSE, picture_loss


def slow(drawn: torch.Tensor, true: torch.Tensor, edge_weight: float, coarse_weight: float) -> float:
    a, b = drawn.tolist(), true.tolist()
    pixels: list[float] = []
    down: list[float] = []
    across: list[float] = []
    coarse: list[float] = []
    for picture, other in zip(a, b, strict=True):
        for one, two in zip(picture, other, strict=True):
            side = len(one)
            for y in range(side):
                for x in range(side):
                    pixels.append(abs(one[y][x] - two[y][x]))
                    if y + 1 < side:
                        down.append(abs((one[y + 1][x] - one[y][x]) - (two[y + 1][x] - two[y][x])))
                    if x + 1 < side:
                        across.append(abs((one[y][x + 1] - one[y][x]) - (two[y][x + 1] - two[y][x])))
            for top in range(0, side, COARSE):
                for left in range(0, side, COARSE):
                    cells = [(y, x) for y in range(top, top + COARSE) for x in range(left, left + COARSE)]
                    coarse.append(abs(sum(one[y][x] - two[y][x] for y, x in cells) / len(cells)))

    def mean(values: list[float]) -> float:
        return sum(values) / len(values)

    return mean(pixels) + edge_weight * (mean(down) + mean(across)) + coarse_weight * mean(coarse)


@pytest.mark.parametrize("weights", [(1.0, 1.0), (0.3, 0.0), (0.0, 2.0), (0.0, 0.0)])
def test_it_is_what_a_plain_loop_finds(weights: tuple[float, float]) -> None:
    rng = torch.Generator().manual_seed(0)
    drawn, true = torch.rand(2, 3, 8, 8, generator=rng), torch.rand(2, 3, 8, 8, generator=rng)
    found = picture_loss(drawn, true, edge_weight=weights[0], coarse_weight=weights[1])
    assert float(found) == pytest.approx(slow(drawn, true, *weights), rel=1e-5)


def test_the_same_picture_has_no_loss_and_its_mirror_has() -> None:
    true = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    assert float(picture_loss(true, true)) == 0
    assert float(picture_loss(true.flip(3), true)) > 0.1


def test_another_light_has_no_edges() -> None:
    true = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1)) / 2
    assert float(picture_loss(true + 0.25, true, edge_weight=5, coarse_weight=0)) == pytest.approx(0.25, abs=1e-5)


def test_a_gradient_reaches_every_pixel() -> None:
    drawn = torch.full((1, 3, 8, 8), 0.5, requires_grad=True)
    true = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(2))
    picture_loss(drawn, true).backward()  # type: ignore[no-untyped-call]
    assert drawn.grad is not None and float((drawn.grad != 0).float().mean()) > 0.95
