"""What the face encoder tells of faces, and its directions."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from visavox.models.encoders.face_look import FaceLookEncoder
from visavox.pipeline.drawing.attribute_features import FEWEST, attributes_of, told_attributes
from visavox.pipeline.drawing.look_features import features_of_pictures
from visavox.pipeline.drawing.pictures import LabelledPictures


@pytest.fixture
def encoder() -> FaceLookEncoder:
    made = FaceLookEncoder(dim=8, seed=1)
    made.network.eval()
    return made


def labelled(n: int, n_held_out: int = 0) -> LabelledPictures:
    pictures = np.random.default_rng(0).integers(0, 256, (n, 16, 16, 3)).astype(np.uint8)
    nothing = np.zeros(n)
    held_out = np.arange(n) < n_held_out
    return LabelledPictures(pictures, nothing.astype(np.float32), held_out, nothing.astype(np.int64), held_out)


def test_attributes_are_the_heads_of_the_encoder(encoder: FaceLookEncoder) -> None:
    features = np.random.default_rng(1).normal(size=(5, 8)).astype(np.float32)
    heads = encoder.network.heads
    expected = features @ heads.weight.detach().numpy().T + heads.bias.detach().numpy()
    found = attributes_of(encoder, features)
    assert found.shape == (5, 7)
    assert np.allclose(found, expected, atol=1e-5)


def test_directions_are_those_along_which_features_change(encoder: FaceLookEncoder) -> None:
    faces = labelled(FEWEST + 20)
    features = np.random.default_rng(2).normal(size=(30, 8)).astype(np.float32)
    found = told_attributes(encoder, features, faces)
    assert found is not None
    others = features_of_pictures(encoder, faces.pictures)
    wanted = np.concatenate([part - part.mean(axis=0) for part in (features, others)]).astype(np.float64)
    heads = encoder.network.heads.weight.detach().numpy().astype(np.float64)
    told = wanted @ heads.T
    assert np.allclose(found.basis, np.linalg.lstsq(told, wanted, rcond=None)[0], atol=1e-3)
    assert np.allclose(found.told, attributes_of(encoder, features))


def test_faces_that_are_held_out_have_no_say(encoder: FaceLookEncoder) -> None:
    features = np.random.default_rng(2).normal(size=(30, 8)).astype(np.float32)
    faces = labelled(FEWEST + 20, n_held_out=20)
    found = told_attributes(encoder, features, faces)
    faces.pictures[:20] = 255
    again = told_attributes(encoder, features, faces)
    assert found is not None
    assert again is not None
    assert (found.basis == again.basis).all()


def test_few_labelled_faces_tell_nothing(encoder: FaceLookEncoder) -> None:
    assert told_attributes(encoder, np.zeros((3, 8), np.float32), labelled(FEWEST - 1)) is None
    assert told_attributes(encoder, np.zeros((3, 8), np.float32), labelled(FEWEST + 5, n_held_out=6)) is None


def test_it_learns_nothing_and_keeps_no_gradient(encoder: FaceLookEncoder) -> None:
    before = encoder.digest
    told_attributes(encoder, np.zeros((3, 8), np.float32), labelled(FEWEST))
    assert encoder.digest == before
    assert all(parameter.grad is None for parameter in encoder.network.parameters())
    assert torch.is_grad_enabled()
