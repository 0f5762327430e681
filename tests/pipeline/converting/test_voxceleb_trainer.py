"""Checkpoints of voxceleb_trainer, made up from the published keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from visavox.method_config import ConvertConfig
from visavox.pipeline.converting.conversion import convert_checkpoint
from visavox.pipeline.frozen_encoder import FrozenEncoder


def test_the_network_becomes_an_encoder_and_the_loss_is_left_out(
    drawn_state: Callable[..., dict[str, torch.Tensor]], written: Callable[..., Path], tmp_path: Path
) -> None:
    state = drawn_state("voxceleb_trainer", "__S__.")
    path = written({**state, "__L__.w": torch.tensor(10.0)}, "baseline_lite_ap.model")
    outcome = convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "e"))
    assert outcome.what == "voice encoder thin_resnet34"
    assert outcome.left_out[-1] == "`__L__.w`"
    assert any("mel filters" in entry for entry in outcome.left_out)
    spec = {"name": "thin_resnet34", "weights": str(tmp_path / "e"), "length_s": 0.0}
    encoder = FrozenEncoder(spec, "voice").encoder
    for name, array in encoder.tensors().items():
        np.testing.assert_array_equal(array, state[f"__S__.{name}"])
    voice = np.random.default_rng(0).normal(0, 0.1, 16_000).astype(np.float32)
    assert np.isfinite(encoder.encode([voice])).all()
    assert "MIT" in (tmp_path / "e" / "README.md").read_text(encoding="utf-8")
