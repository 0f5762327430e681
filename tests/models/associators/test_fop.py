"""Fusion and orthogonal projection: its forward pass against loops in numpy, its published score, its arguments."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError, DataError
from visavox.models.associators.base import Associator
from visavox.models.associators.fop import FOP

RNG = np.random.default_rng(0)
VOICE, FACE = RNG.normal(size=(9, 6)), RNG.normal(size=(9, 5)) * 2


def trained(**arguments: object) -> FOP:
    """One with every array drawn, so that no layer is the identity."""
    model = FOP(6, 5, output_dim=4, **arguments)  # type: ignore[arg-type]
    tensors = {}
    for name, array in model.tensors().items():
        drawn = RNG.normal(size=array.shape).astype(array.dtype)
        tensors[name] = np.abs(drawn) + 0.5 if name.endswith("running_var") else drawn
    model.load_tensors(tensors)
    return model


def norm(h: np.ndarray, tensors: dict[str, np.ndarray], name: str) -> np.ndarray:
    spread = np.sqrt(tensors[f"{name}.running_var"].astype(np.float64) + 1e-5)
    return (h - tensors[f"{name}.running_mean"]) / spread * tensors[f"{name}.weight"] + tensors[f"{name}.bias"]


def unit(row: np.ndarray, tensors: dict[str, np.ndarray], role: str) -> np.ndarray:
    h = tensors[f"{role}.linear.weight"].astype(np.float64) @ row + tensors[f"{role}.linear.bias"]
    h = np.maximum(norm(h, tensors, f"{role}.norm"), 0)
    return h / max(np.sqrt((h**2).sum()), 1e-12)


def mixed(voice: np.ndarray, face: np.ndarray, tensors: dict[str, np.ndarray]) -> np.ndarray:
    both = np.concatenate([face, voice])
    hidden = tensors["fusion.hidden.weight"].astype(np.float64) @ both + tensors["fusion.hidden.bias"]
    hidden = np.maximum(norm(hidden, tensors, "fusion.norm"), 0)
    gate = 1 / (1 + np.exp(-(tensors["fusion.gate.weight"] @ hidden + tensors["fusion.gate.bias"])))
    return gate * np.tanh(face) + (1 - gate) * np.tanh(voice)


def test_the_gated_network_equals_the_layers_written_out() -> None:
    model = trained(fusion="gated", n_classes=3)
    tensors = model.tensors()
    voices = np.array([unit(row, tensors, "voice") for row in VOICE])
    faces = np.array([unit(row, tensors, "face") for row in FACE])
    np.testing.assert_allclose(model.scored_voice(VOICE), np.tanh(voices), atol=1e-6)
    np.testing.assert_allclose(model.scored_face(FACE), np.tanh(faces), atol=1e-6)
    lengths = np.linalg.norm(np.tanh(voices), axis=1, keepdims=True)
    np.testing.assert_allclose(model.encode_voice(VOICE), np.tanh(voices) / lengths, atol=1e-6)
    expected = np.array([mixed(v, f, tensors) for v, f in zip(voices, faces, strict=True)])
    np.testing.assert_allclose(model.fuse(VOICE, FACE), expected, atol=1e-6)
    logits = expected @ tensors["classifier.weight"].T + tensors["classifier.bias"]
    np.testing.assert_allclose(model.classify(VOICE, FACE), logits, atol=1e-5)


def test_the_published_score_is_the_distance_of_the_squashed_vectors() -> None:
    model = trained(fusion="gated", n_classes=3)
    tensors = model.tensors()
    expected = [
        np.sqrt(((np.tanh(unit(v, tensors, "voice")) - np.tanh(unit(f, tensors, "face"))) ** 2).sum())
        for v, f in zip(VOICE, FACE, strict=True)
    ]
    np.testing.assert_allclose(model.distances(VOICE, FACE), expected, atol=1e-6)


def test_without_a_gate_the_vectors_are_not_squashed() -> None:
    for arguments in ({"fusion": "linear", "n_classes": 3}, {}):
        model = trained(**arguments)
        tensors = model.tensors()
        expected = np.array([unit(row, tensors, "voice") for row in VOICE])
        np.testing.assert_allclose(model.scored_voice(VOICE), expected, atol=1e-6)


def test_the_linear_fusion_weighs_face_then_voice() -> None:
    model = trained(fusion="linear", n_classes=3)
    tensors = model.tensors()
    first, second = tensors["fusion.weights"]
    expected = first * model.scored_face(FACE) + second * model.scored_voice(VOICE)
    np.testing.assert_allclose(model.fuse(VOICE, FACE), expected, atol=1e-6)


def test_without_a_fusion_nothing_of_it_is_saved_and_fuse_says_so() -> None:
    model = trained()
    assert all(name.startswith(("voice.", "face.")) for name in model.tensors())
    with pytest.raises(ConfigError, match="was made without a fusion"):
        model.fuse(VOICE, FACE)


def test_dropout_acts_before_the_length_is_taken() -> None:
    model = trained(dropout=0.5).train()
    x = torch.tensor(np.tile(VOICE, (30, 1)), dtype=torch.float32)
    found = model.voice_tower(x, torch.Generator().manual_seed(0))
    lengths = found.norm(dim=1)
    assert lengths[lengths > 0].detach().numpy() == pytest.approx(1.0, abs=1e-5)
    assert torch.equal(found, model.voice_tower(x, torch.Generator().manual_seed(0)))
    model.scored_voice(VOICE)
    assert model.training and model.voice_tower.training


def test_first_weights_are_those_of_the_public_code_and_follow_the_seed() -> None:
    torch.manual_seed(3)
    expected = torch.rand(2)
    torch.manual_seed(3)
    one, same = FOP(60, 50, fusion="gated", n_classes=3, seed=1), FOP(60, 50, fusion="gated", n_classes=3, seed=1)
    assert torch.equal(torch.rand(2), expected)
    other = FOP(60, 50, fusion="gated", n_classes=3, seed=2)
    weight = one.tensors()["voice.linear.weight"]
    np.testing.assert_array_equal(weight, same.tensors()["voice.linear.weight"])
    assert (weight != other.tensors()["voice.linear.weight"]).any()
    bound = np.sqrt(6 / (60 + 128))  # Glorot's uniform rule
    assert 0.95 * bound < np.abs(weight).max() <= bound
    np.testing.assert_allclose(one.tensors()["classifier.bias"], 0.01)
    linear = FOP(6, 5, fusion="linear", n_classes=3).tensors()["fusion.weights"]
    assert (linear >= 0).all() and (linear <= 1).all() and linear[0] != linear[1]


def test_a_row_of_zeros_behind_the_relu_stays_zero() -> None:
    model = trained()
    tensors = model.tensors()
    tensors["voice.norm.weight"][:] = 0
    tensors["voice.norm.bias"][:] = -1
    model.load_tensors(tensors)
    np.testing.assert_array_equal(model.encode_voice(VOICE), np.zeros((9, 4)))


def test_a_saved_one_comes_back_bit_for_bit_with_its_fusion(tmp_path: object) -> None:
    model = trained(fusion="gated", n_classes=3)
    model.save_pretrained(f"{tmp_path}/m")
    again = Associator.from_folder(f"{tmp_path}/m")
    assert isinstance(again, FOP)
    np.testing.assert_array_equal(again.classify(VOICE, FACE), model.classify(VOICE, FACE))
    np.testing.assert_array_equal(again.encode_face(FACE), model.encode_face(FACE))


def test_pairs_of_different_lengths_are_refused() -> None:
    model = trained(fusion="gated", n_classes=3)
    for function in (model.distances, model.fuse, model.classify):
        with pytest.raises(DataError, match="must be pairs. Got 9 voices and 8 faces."):
            function(VOICE, FACE[:8])


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"fusion": "both"}, "`fusion` must be one of none, gated, linear. Got 'both'."),
        ({"fusion": "gated"}, "`n_classes` must be above 0 with a fusion and 0 without. Got 0 with fusion 'gated'."),
        ({"n_classes": 4}, "Got 4 with fusion 'none'."),
        ({"dropout": -0.1}, "`dropout` must be a number of at least 0 and at most 0.99. Got -0.1."),
        ({"output_dim": 0}, "`output_dim` must be a whole number of at least 1. Got 0."),
        ({"seed": 1.5}, "`seed` must be a whole number of at least 0. Got 1.5."),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigError) as caught:
        FOP(6, 5, **arguments)  # type: ignore[arg-type]
    assert said in str(caught.value)
