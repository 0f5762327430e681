"""The heads of Seeking the Shape of Sound, against loops in numpy."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.errors import ConfigError
from visavox.models.associators.base import Associator
from visavox.models.associators.sss import SSS

RNG = np.random.default_rng(0)
VOICE, FACE = RNG.normal(size=(9, 6)), RNG.normal(size=(9, 5)) * 2


def trained() -> SSS:
    """One with every array drawn, so that no layer is the identity."""
    model = SSS(6, 5, output_dim=3)
    tensors = {}
    for name, array in model.tensors().items():
        drawn = RNG.normal(size=array.shape).astype(array.dtype)
        tensors[name] = np.abs(drawn) + 0.5 if name.endswith("running_var") else drawn
    model.load_tensors(tensors)
    return model


def referee(x: np.ndarray, tensors: dict[str, np.ndarray], role: str) -> np.ndarray:
    rows = []
    for row in x.astype(np.float64):
        spread = np.sqrt(tensors[f"{role}.norm.running_var"] + 1e-5)
        h = (row - tensors[f"{role}.norm.running_mean"]) / spread * tensors[f"{role}.norm.weight"]
        h = np.maximum(h + tensors[f"{role}.norm.bias"], 0)
        out = np.array([sum(w * v for w, v in zip(line, h, strict=True)) for line in tensors[f"{role}.linear.weight"]])
        rows.append(out / np.sqrt((out**2).sum()))
    return np.array(rows)


def test_encoding_equals_the_layers_written_out() -> None:
    model = trained()
    np.testing.assert_allclose(model.encode_voice(VOICE), referee(VOICE, model.tensors(), "voice"), atol=1e-6)
    np.testing.assert_allclose(model.encode_face(FACE), referee(FACE, model.tensors(), "face"), atol=1e-6)
    assert model.dim == 3


def test_the_shapes_are_the_published_ones() -> None:
    shapes = SSS(512, 512).shapes()
    assert shapes["voice.linear.weight"] == (128, 512)
    assert "voice.linear.bias" not in shapes
    assert shapes["face.norm.running_mean"] == (512,)


def test_dropout_is_the_last_thing_in_training() -> None:
    model = trained().train()
    x = torch.tensor(np.tile(VOICE, (50, 1)), dtype=torch.float32)
    found = model.voice_tower(x, torch.Generator().manual_seed(0))
    assert (found == 0).float().mean().item() == pytest.approx(0.5, abs=0.05)
    again = model.voice_tower(x, torch.Generator().manual_seed(0))
    assert torch.equal(found, again)
    assert not torch.equal(found, model.voice_tower(x, torch.Generator().manual_seed(1)))


def test_first_weights_follow_the_seed_and_leave_the_callers_numbers_alone() -> None:
    torch.manual_seed(7)
    expected = torch.rand(3)
    torch.manual_seed(7)
    one, same, other = SSS(6, 5, seed=1), SSS(6, 5, seed=1), SSS(6, 5, seed=2)
    assert torch.equal(torch.rand(3), expected)
    weight = one.tensors()["voice.linear.weight"]
    np.testing.assert_array_equal(weight, same.tensors()["voice.linear.weight"])
    assert (weight != other.tensors()["voice.linear.weight"]).any()


def test_a_saved_one_comes_back_bit_for_bit(tmp_path: object) -> None:
    model = trained()
    model.save_pretrained(f"{tmp_path}/m")
    again = Associator.from_folder(f"{tmp_path}/m")
    assert isinstance(again, SSS)
    np.testing.assert_array_equal(again.encode_face(FACE), model.encode_face(FACE))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"voice_dim": 0, "face_dim": 5}, "`voice_dim` must be a whole number of at least 1. Got 0."),
        ({"voice_dim": 6, "face_dim": 5, "dropout": 1.0}, "`dropout` must be a number of at least 0 and at most 0.99"),
        ({"voice_dim": 6, "face_dim": 5, "output_dim": 2.5}, "`output_dim` must be a whole number"),
        ({"voice_dim": 6, "face_dim": 5, "seed": -1}, "`seed` must be a whole number of at least 0"),
    ],
)
def test_wrong_arguments_are_named(arguments: dict[str, float], said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        SSS(**arguments)  # type: ignore[arg-type]
