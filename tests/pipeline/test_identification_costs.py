"""What networks cost: multiply-accumulates against closed forms, attention too, and sizes on the disk."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from visavox.errors import DataError
from visavox.models.identifiers.base import Identifier
from visavox.persistence import TENSOR_FILE
from visavox.pipeline.identification_costs import _attention_flop, count_macs, median_latency_ms, network_cost, one_clip

PX, N_PEOPLE = 8, 5


class Layered(Identifier):
    """A convolution, attention over its pixels, and a linear layer."""

    modalities = ("face",)
    face_px = PX

    def __init__(self, *, n_people: int = N_PEOPLE, fused: bool = True, masked: bool = False) -> None:
        super().__init__(n_people=n_people)
        self.fused, self.masked = fused, masked
        self.convolution = nn.Conv2d(3, 4, kernel_size=3, padding=1)
        self.feature_dim = 4
        self.last = nn.Linear(4, n_people)

    def features(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        (picture,) = self.needed(voice, face)
        tokens = self.convolution(picture).flatten(2).transpose(1, 2)  # (n, 64, 4)
        if not self.fused:
            return torch.matmul((tokens @ tokens.transpose(1, 2)).softmax(dim=-1), tokens).mean(dim=1)
        mask = torch.eye(PX * PX).logical_not() if self.masked else None
        return functional.scaled_dot_product_attention(tokens[:, None], tokens[:, None], tokens[:, None], mask)[
            :, 0
        ].mean(dim=1)

    def forward(self, voice: Tensor | None = None, face: Tensor | None = None) -> Tensor:
        return self.last(self.features(voice, face))


@pytest.mark.parametrize(("fused", "masked"), [(True, False), (True, True), (False, False)])
def test_macs_are_those_of_the_closed_form(fused: bool, masked: bool) -> None:
    n_pixels = PX * PX
    expected = n_pixels * 4 * 3 * 9 + 2 * n_pixels * n_pixels * 4 + 4 * N_PEOPLE
    assert count_macs(Layered(fused=fused, masked=masked)) == expected


def test_a_cost_says_parameters_bytes_and_budget(tmp_path: Path) -> None:
    (tmp_path / TENSOR_FILE).write_bytes(b"x" * 123)
    network = Layered()
    cost = network_cost(network, tmp_path, budget=7)
    assert cost.n_parameters == 3 * 4 * 9 + 4 + 4 * N_PEOPLE + N_PEOPLE
    assert (cost.file_bytes, cost.budget) == (123, 7)
    assert 0 < cost.latency_ms < 1000
    assert not network.training


def test_without_weights_on_the_disk_there_is_no_cost(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="is missing. Save the network before its cost is measured."):
        network_cost(Layered(), tmp_path)


def test_the_latency_is_a_median_that_one_slow_pass_does_not_move(monkeypatch: pytest.MonkeyPatch) -> None:
    moments = iter([moment for i in range(60) for moment in (float(i), i + (1.5 if i == 3 else 0.002))])
    monkeypatch.setattr("visavox.pipeline.identification_costs.time.perf_counter", lambda: next(moments))
    assert median_latency_ms(Layered()) == pytest.approx(2.0)


def test_a_made_up_clip_has_what_the_network_takes() -> None:
    assert {name: tuple(tensor.shape) for name, tensor in one_clip(Layered()).items()} == {"face": (1, 3, PX, PX)}
    network = Layered()
    network.modalities = ("voice", "face")
    assert one_clip(network)["voice"].shape == (1, 1, 128, 110)


def test_attention_counts_products_of_keys_and_of_values_of_another_length() -> None:
    """Query (2, 3, 5, 4), key (2, 3, 7, 4), value (2, 3, 7, 6): 5 x 7 products of 4, then 5 x 6 of 7, six times."""
    assert _attention_flop((2, 3, 5, 4), (2, 3, 7, 4), (2, 3, 7, 6)) == 2 * 6 * (5 * 7 * 4 + 5 * 6 * 7)
