"""Parts of a generator come back as they were written, and what does not fit is said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from visavox.errors import ConfigError, DataError
from visavox.generation.parts import PARTS, built_part, load_part, part_spec, save_part


def layers(n_out: int = 3) -> nn.Module:
    network = nn.Sequential(nn.Linear(4, n_out), nn.BatchNorm1d(n_out))
    generator = torch.Generator().manual_seed(5)
    with torch.no_grad():
        for value in network.state_dict().values():
            if value.is_floating_point():
                value.copy_(torch.rand(value.shape, generator=generator) + 0.5)
    return network


def test_a_part_is_read_back_bit_for_bit(tmp_path: Path) -> None:
    network, other = layers(), layers()
    nn.init.zeros_(other[0].weight)  # type: ignore[index]
    save_part(tmp_path, "decoder", name="small", arguments={"width": 3}, network=network)
    load_part(other, tmp_path, "decoder")
    for name, value in network.state_dict().items():
        assert torch.equal(value, other.state_dict()[name])
    assert part_spec(tmp_path, "decoder") == {"name": "small", "width": 3}


def test_half_keeps_whole_numbers_whole_and_rounds_the_others(tmp_path: Path) -> None:
    network, other = layers(), layers()
    network[1].num_batches_tracked += 70000  # type: ignore[index]
    save_part(tmp_path, "decoder", name="small", arguments={}, network=network, half=True)
    load_part(other, tmp_path, "decoder")
    assert int(other[1].num_batches_tracked) == 70000  # type: ignore[index]
    weight, found = network[0].weight, other[0].weight  # type: ignore[index]
    assert found.dtype == torch.float32 and torch.equal(found, weight.half().float())


def test_a_part_that_is_not_there_is_said_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="has no part predictor. Its parts: none. Train it"):
        part_spec(tmp_path, "predictor")
    save_part(tmp_path, "decoder", name="small", arguments={}, network=layers())
    with pytest.raises(DataError, match="Its parts: decoder"):
        part_spec(tmp_path, "predictor")


def test_weights_of_another_shape_are_refused_with_the_part(tmp_path: Path) -> None:
    save_part(tmp_path, "decoder", name="small", arguments={}, network=layers(2))
    with pytest.raises(DataError, match="The saved decoder of .* does not fit"):
        load_part(layers(3), tmp_path, "decoder")


def test_a_part_takes_the_place_of_an_older_one(tmp_path: Path) -> None:
    for n_out in (2, 3):
        save_part(tmp_path, PARTS[1], name="light", arguments={"n_out": n_out}, network=layers(n_out))
    assert part_spec(tmp_path, PARTS[1])["n_out"] == 3
    assert sorted(p.name for p in (tmp_path / PARTS[1]).iterdir()) == ["config.json", "model.safetensors"]
    assert np.isfinite(layers(3)(torch.ones(2, 4)).detach().numpy()).all()


def test_what_a_part_says_and_nobody_takes_is_one_line(tmp_path: Path) -> None:
    save_part(tmp_path, "decoder", name="small", arguments={"width": 3}, network=layers())
    assert built_part(tmp_path, "decoder", dict) == {"name": "small", "width": 3}
    for error in (ConfigError("`width` must be 4.\nGot 3."), TypeError("width?"), ValueError("width?")):

        def build(spec: dict[str, Any], error: Exception = error) -> None:
            raise error

        with pytest.raises(DataError, match=r"The decoder of .* or damaged \(.*\). Copy it or train again.") as said:
            built_part(tmp_path, "decoder", build)
        assert "\n" not in str(said.value)
