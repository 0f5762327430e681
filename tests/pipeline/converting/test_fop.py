"""Checkpoints of fusion and orthogonal projection: a real one against a forward pass in numpy, and made-up ones."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from visavox.method_config import ConvertConfig
from visavox.models.associators.base import Associator
from visavox.models.associators.fop import FOP
from visavox.pipeline.converting.conversion import convert_checkpoint
from visavox.pipeline.converting.fop import MANIFESTS

Arrays = dict[str, np.ndarray]


def arrays(path: Path) -> Arrays:
    state = torch.load(path, weights_only=True, map_location="cpu")["state_dict"]
    return {name: tensor.double().numpy() for name, tensor in state.items()}


def block(x: np.ndarray, a: Arrays, linear: str, norm: str) -> np.ndarray:
    """Linear layer, batch normalisation by its running figures, ReLU; written from the public code."""
    h = x @ a[f"{linear}.weight"].T + a[f"{linear}.bias"]
    h = (h - a[f"{norm}.running_mean"]) / np.sqrt(a[f"{norm}.running_var"] + 1e-5)
    return np.maximum(h * a[f"{norm}.weight"] + a[f"{norm}.bias"], 0)


def published(voice: np.ndarray, face: np.ndarray, a: Arrays) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the logits and the vectors of both sides as the public test script scores them."""
    sides = {}
    for role, x in (("voice", voice), ("face", face)):
        h = block(x, a, f"{role}_branch.fc1.0", f"{role}_branch.fc1.1")
        sides[role] = h / np.sqrt((h**2).sum(axis=1, keepdims=True))
    v, f = sides["voice"], sides["face"]
    if "fusion_layer.weight1" in a:
        mixed = a["fusion_layer.weight1"] * f + a["fusion_layer.weight2"] * v
        return mixed @ a["logits_layer.weight"].T + a["logits_layer.bias"], v, f
    gate = "fusion_layer.attention"
    hidden = block(np.concatenate([f, v], axis=1), a, f"{gate}.0.block.0", f"{gate}.0.block.1")
    g = 1 / (1 + np.exp(-(hidden @ a[f"{gate}.1.weight"].T + a[f"{gate}.1.bias"])))
    mixed = g * np.tanh(f) + (1 - g) * np.tanh(v)
    return mixed @ a["logits_layer.weight"].T + a["logits_layer.bias"], np.tanh(v), np.tanh(f)


def plausible(a: Arrays, role: str) -> np.ndarray:
    """Return (50, dim) inputs whose first layer has the mean and spread that batch normalisation saw in training."""
    mean, spread = (a[f"{role}_branch.fc1.1.running_{figure}"] for figure in ("mean", "var"))
    wanted = mean + np.sqrt(spread) * np.random.default_rng(len(role)).normal(size=(50, len(mean)))
    weight, bias = a[f"{role}_branch.fc1.0.weight"], a[f"{role}_branch.fc1.0.bias"]
    return np.asarray(np.linalg.lstsq(weight, (wanted - bias).T, rcond=None)[0].T, dtype=np.float32)


def check(path: Path, out: Path) -> FOP:
    outcome = convert_checkpoint(ConvertConfig(checkpoint=path, out=out))
    assert outcome.kind == "fop"
    assert outcome.left_out == ("`epoch`",)
    model = Associator.from_pretrained(out)
    assert isinstance(model, FOP)
    a = arrays(path)
    voice, face = plausible(a, "voice"), plausible(a, "face")
    logits, v, f = published(voice.astype(np.float64), face.astype(np.float64), a)
    assert np.abs(v - f).max(axis=1).min() > 0.01  # no row is all zeros
    np.testing.assert_allclose(model.scored_voice(voice), v, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.scored_face(face), f, rtol=0, atol=1e-6)
    np.testing.assert_allclose(model.encode_voice(voice), v / np.linalg.norm(v, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(model.encode_face(face), f / np.linalg.norm(f, axis=1, keepdims=True), atol=1e-6)
    np.testing.assert_allclose(model.distances(voice, face), np.linalg.norm(v - f, axis=1), atol=2e-6)
    np.testing.assert_allclose(model.classify(voice, face), logits, atol=1e-4)
    # Nothing of the weights is lost.
    assert sorted(float(x.sum()) for x in model.tensors().values() if x.size > 2) == pytest.approx(
        sorted(float(x.sum()) for x in a.values() if x.size > 2), rel=1e-4, abs=1e-3
    )
    return model


def test_the_real_checkpoint_equals_a_forward_pass_written_out(real_data: Path, tmp_path: Path) -> None:
    model = check(real_data / "checkpoints" / "fop_mavceleb_v1_english.pth.tar", tmp_path / "fop")
    assert (model.voice_dim, model.face_dim, model.dim, model.n_classes) == (512, 4096, 128, 64)


@pytest.mark.parametrize("manifest", MANIFESTS)
def test_made_up_checkpoints_of_both_fusions_convert(
    manifest: str, drawn_state: Callable[..., object], written: Callable[..., Path], tmp_path: Path
) -> None:
    path = written({"epoch": 3, "state_dict": drawn_state(manifest, "module.")})
    if manifest == "fop_gated":
        path = written({"epoch": 3, "state_dict": drawn_state(manifest)})
        model = check(path, tmp_path / "out")
        assert (model.fusion, model.n_classes, model.dim) == ("gated", 7, 16)
        return
    convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "out"))
    model = check(written({"epoch": 3, "state_dict": drawn_state(manifest)}), tmp_path / "plain")
    assert model.fusion == "linear"


def test_the_card_names_the_source_the_licence_and_what_is_missing(
    drawn_state: Callable[..., object], written: Callable[..., Path], tmp_path: Path
) -> None:
    path = written({"epoch": 3, "state_dict": drawn_state("fop_gated")})
    convert_checkpoint(ConvertConfig(checkpoint=path, out=tmp_path / "out"))
    card = (tmp_path / "out" / "README.md").read_text(encoding="utf-8")
    assert "github.com/mavceleb/mavceleb_baseline" in card
    assert "not stated by its authors" in card
    assert "## What was left out\n- `epoch`" in card
    assert "What it is for, and not for" in card
