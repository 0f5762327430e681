"""Checkpoints of FaceTones, made up from the published keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

from visavox.method_config import ConvertConfig
from visavox.pipeline.converting.conversion import convert_checkpoint
from visavox.pipeline.voice_face_model import VoiceFaceModel


def test_a_checkpoint_becomes_a_model_over_the_encoders_of_the_hub(
    drawn_state: Callable[..., dict[str, torch.Tensor]], written: Callable[..., Path], tmp_path: Path
) -> None:
    state = drawn_state("facetones")
    content = {"epoch": 1, "model_state_dict": state, "optimizer_state_dict": {}, "loss": torch.tensor(2.0)}
    outcome = convert_checkpoint(ConvertConfig(checkpoint=written(content), out=tmp_path / "m"))
    assert outcome.left_out[0] == "`loss_func.learnable_param`: the learned margin of the loss, " + (
        f"{float(state['loss_func.learnable_param']):.4f}"
    )
    assert outcome.left_out[1:] == ("`epoch`", "`optimizer_state_dict`", "`loss`")
    model = VoiceFaceModel.from_pretrained(tmp_path / "m")
    assert model.preprocess.voice_encoder == {"name": "xvector"}
    assert model.preprocess.face_encoder == {"name": "dinov2", "output": "tokens"}
    face = np.random.default_rng(0).normal(size=(1, 257, 768)).astype(np.float32)
    layers = torch.nn.Sequential(
        torch.nn.Linear(768, 512),
        torch.nn.GELU(),
        torch.nn.Dropout(0.1),
        torch.nn.LayerNorm(512),
        torch.nn.Linear(512, 512),
        torch.nn.AvgPool2d(kernel_size=2, stride=4, ceil_mode=True),
        torch.nn.GELU(),
        torch.nn.Flatten(),
        torch.nn.Linear(8320, 512),
    ).eval()
    layers.load_state_dict({k.removeprefix("linear_seq."): v for k, v in state.items() if k.startswith("linear_seq.")})
    with torch.inference_mode():
        expected = layers(torch.from_numpy(face)[:, None])
    expected = torch.nn.functional.normalize(expected).numpy()
    np.testing.assert_allclose(model.associator.encode_face(face.reshape(1, -1)), expected, atol=1e-5)
