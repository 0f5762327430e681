"""Checkpoints of SpeechBrain, made up from the published keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.method_config import ConvertConfig
from visavox.pipeline.converting.conversion import convert_checkpoint
from visavox.registry import ENCODERS


@pytest.mark.parametrize(
    ("manifest", "name", "dim"),
    [pytest.param("ecapa", "ecapa", 192, marks=pytest.mark.slow), ("xvector", "xvector", 512)],
)
def test_the_file_is_written_anew_for_the_encoder(
    manifest: str,
    name: str,
    dim: int,
    drawn_state: Callable[..., dict[str, torch.Tensor]],
    written: Callable[..., Path],
    tmp_path: Path,
) -> None:
    state = drawn_state(f"speechbrain_{manifest}")
    outcome = convert_checkpoint(ConvertConfig(checkpoint=written(state), out=tmp_path / "e"))
    assert outcome.what == "embedding_model.ckpt"
    assert outcome.n_parameters == sum(tensor.numel() for tensor in state.values())
    again = torch.load(tmp_path / "e" / "embedding_model.ckpt", weights_only=True)
    assert all(torch.equal(again[key], state[key]) for key in state)
    encoder = ENCODERS.build({"name": name, "source": str(tmp_path / "e")})
    voice = np.random.default_rng(0).normal(0, 0.1, 8000).astype(np.float32)
    assert encoder.encode([voice]).shape == (1, dim)
    with pytest.raises(ConfigError, match="--overwrite"):
        convert_checkpoint(ConvertConfig(checkpoint=written(state), out=tmp_path / "e"))
