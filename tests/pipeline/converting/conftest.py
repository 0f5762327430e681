"""Made-up checkpoints, drawn from the manifests of the published systems."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch

from visavox.pipeline.converting.manifest import load_manifest

SIZES = {"n_people": 7, "dim": 16, "voice_dim": 12, "face_dim": 20}

State = dict[str, torch.Tensor]


def drawn_state(manifest: str, prefix: str = "", sizes: Mapping[str, int] = SIZES) -> State:
    """Every key of a manifest with drawn numbers; variances above 0."""
    generator = torch.Generator().manual_seed(0)
    state: State = {}
    for key, shape in load_manifest(manifest).keys.items():
        found = [s if isinstance(s, int) else 2 * sizes["dim"] if "*" in s else sizes[s] for s in shape]
        if key.endswith("num_batches_tracked"):
            state[prefix + key] = torch.tensor(5)
        elif key.endswith("running_var"):
            state[prefix + key] = torch.rand(found, generator=generator) + 0.5
        else:
            state[prefix + key] = torch.randn(found, generator=generator) * 0.05
    return state


@pytest.fixture(name="drawn_state")
def drawn_state_fixture() -> Callable[..., State]:
    """The function above."""
    return drawn_state


@pytest.fixture
def written(tmp_path: Any) -> Callable[..., Any]:
    """Write an object as torch does and return its path."""

    def write(content: object, name: str = "checkpoint.pth") -> Any:
        torch.save(content, tmp_path / name)
        return tmp_path / name

    return write
